"""What the review page shows about a row: drawing, statements, sample landmarks, and verdicts given before.

For pipeline/review_evidence.py. Everything is read off the workbench as it stands under the present decisions.
"""

import hashlib
import itertools
from collections.abc import Iterable, Iterator

import networkx as nx
import pandas as pd

from annotations.review.desk import Given, Link, PathEdge, PathNode, SampleLandmark, Statement
from annotations.store import TABLES
from annotations.verdicts import TABLE_OF
from hierarchy.evidence import commons_url, wikidata_url
from pipeline.review_rows import title_of
from pipeline.thumbnails import Thumbnails
from pipeline.workbench import Workbench

MAX_NODES = 20
MAX_CONTEXT = 4  # parents that lie on no path
MAX_LANDMARKS = 6
MAX_STATEMENTS = 12
MAX_PRECEDENTS = 5

Path = list[str]


def wikidata_link(qid: str, bench: Workbench) -> Link:
    """The page of a class or item."""
    entities = bench.found["entities"]
    labels = entities.loc[entities["qid"] == qid, "label"]
    return Link(f"{labels.iloc[0]} ({qid})" if len(labels) else qid, str(wikidata_url(qid)))


def paths_of_class(qid: str, bench: Workbench) -> list[Path]:
    """A path to every candidate anchor, the proposed one's first; where there is none, to what lies next above."""
    row = bench.classes.class_labels.loc[qid]
    others = list(dict.fromkeys(row["candidate_qids"]))[1:]
    graph = _without_ignored(bench)
    paths = [row["path_qids"], *(nx.shortest_path(graph, qid, anchor) for anchor in others)]
    found = [path for path in paths if path]
    return found or [[qid, *above] for above in _next_above(qid, bench)] or [[qid]]


def drawing(
    subjects: list[str], paths: Iterable[Path], bench: Workbench, questioned: tuple[str, str] | None = None
) -> tuple[tuple[PathNode, ...], tuple[PathEdge, ...]]:
    """The classes on the paths and the edges between them, with a few more parents of the subjects.

    Args:
        subjects: classes at the bottom.
        paths: from a subject up.
        bench: the workbench.
        questioned: the edge that is to be decided, which is drawn whether or not it is in use.
    """
    graph = bench.classes.graph
    others = [parent for qid in subjects if qid in graph for parent in sorted(graph.successors(qid))]
    classes = [*subjects, *(questioned or ()), *itertools.chain(*paths)]
    on_paths = list(dict.fromkeys(classes))[:MAX_NODES]
    shown = list(dict.fromkeys([*on_paths, *[qid for qid in others if qid not in on_paths][:MAX_CONTEXT]]))[:MAX_NODES]
    pairs = [pair for pair in itertools.permutations(shown, 2) if graph.has_edge(*pair)]
    pairs += [questioned] if questioned and questioned not in pairs else []
    edges = (
        PathEdge(*pair, "wikidata" if pair in bench.rules.wikidata_edges else "decision", pair == questioned)
        for pair in pairs
    )
    return tuple(_node(qid, subjects, bench) for qid in shown), tuple(edges)


def statements_of(landmarks: pd.DataFrame, bench: Workbench) -> tuple[Statement, ...]:
    """Instance-of statements of the landmarks' items, each with the label of its class."""
    labels = bench.classes.class_labels
    found = bench.found["statements"]
    own = found[found["item_qid"].isin(landmarks["item_qid"].dropna())]
    category_of = landmarks.dropna(subset="item_qid").drop_duplicates("item_qid").set_index("item_qid")["category"]
    order = {item: place for place, item in enumerate(category_of.index)}
    rows = sorted(own.to_dict("records"), key=lambda row: (order[row["item_qid"]], row["statement_number"]))
    return tuple(
        Statement(
            str(category_of[row["item_qid"]]),
            row["class_qid"],
            str(labels["class_label"].get(row["class_qid"], row["class_qid"])),
            row["rank"],
            str(row["ended_on"]) if pd.notna(row["ended_on"]) else "ended" if row["is_ended"] else "",
            _vote(row, labels["hierarchical_label"]),
        )
        for row in rows[:MAX_STATEMENTS]
    )


def landmarks_of_classes(qids: Iterable[str], bench: Workbench) -> pd.DataFrame:
    """The landmarks of these classes, most images first, a category once."""
    votes = bench.landmarks.votes
    items = votes.loc[votes["class_qid"].isin(list(qids)), "item_qid"].tolist()
    rows = bench.landmarks.landmarks
    return most_images(rows[rows["item_qid"].isin(items)])


def most_images(landmarks: pd.DataFrame) -> pd.DataFrame:
    """The landmarks with most images first, a category once."""
    order = landmarks.sort_values(["image_count", "split", "landmark_id"], ascending=[False, False, True])
    return order.drop_duplicates("category")


def sample_landmarks(landmarks: pd.DataFrame, bench: Workbench, thumbnails: Thumbnails) -> tuple[SampleLandmark, ...]:
    """A few of the landmarks, with their present label and pictures."""
    shown = landmarks.head(MAX_LANDMARKS)
    labels = bench.landmarks.labels.loc[shown.index].astype("str")
    return tuple(
        SampleLandmark(
            row.split,
            int(row.landmark_id),
            row.category,
            commons_url(row.category),
            label,
            thumbnails.ids_of(row.split, int(row.landmark_id)),
        )
        for row, label in zip(shown.itertuples(), labels, strict=True)
    )


def given_on(kind: str, ids: tuple[str, ...], bench: Workbench) -> tuple[Given, ...]:
    """Verdicts on this very row; of a landmark, on its category."""
    table = TABLES[TABLE_OF[kind]]
    decisions = bench.curated[TABLE_OF[kind]]
    about = bench.names(kind, ids) if kind == "landmarks" else ids
    is_own = (decisions[table.subject_columns] == list(about or ())).all(axis=1)
    return tuple(_given(kind, decisions[is_own]))


def given_on_parents(qid: str, bench: Workbench) -> tuple[Given, ...]:
    """Verdicts on the edges from a class to its parents."""
    decisions = bench.curated["edge_decisions"]
    return tuple(_given("edges", decisions[decisions["child_qid"] == qid]))


def siblings_of_class(qid: str, bench: Workbench) -> tuple[Given, ...]:
    """Verdicts on classes that share a parent with this one."""
    graph = bench.classes.graph
    siblings = {child for parent in graph.successors(qid) for child in graph.predecessors(parent)} - {qid}
    decisions = bench.curated["class_decisions"]
    return tuple(_given("classes", decisions[decisions["class_qid"].isin(siblings)]))[:MAX_PRECEDENTS]


def siblings_of_edge(child: str, parent: str, bench: Workbench) -> tuple[Given, ...]:
    """Verdicts on other edges of the child, then on other edges to the parent."""
    decisions = bench.curated["edge_decisions"]
    is_own = (decisions["child_qid"] == child) & (decisions["parent_qid"] == parent)
    of_child = decisions[(decisions["child_qid"] == child) & ~is_own]
    to_parent = decisions[(decisions["parent_qid"] == parent) & ~is_own]
    return tuple(_given("edges", pd.concat([of_child, to_parent])))[:MAX_PRECEDENTS]


def siblings_of_landmark(item_qid: object, category: str, bench: Workbench) -> tuple[Given, ...]:
    """Verdicts on other landmarks that share a class with this one."""
    votes, rows = bench.landmarks.votes, bench.landmarks.landmarks
    classes = votes.loc[votes["item_qid"] == item_qid, "class_qid"]
    decisions = bench.curated["landmark_decisions"]
    decided = rows[rows["category"].isin(decisions["category"])]
    alike = votes.loc[votes["class_qid"].isin(classes) & votes["item_qid"].isin(decided["item_qid"]), "item_qid"]
    categories = set(decided.loc[decided["item_qid"].isin(alike), "category"]) - {category}
    return tuple(_given("landmarks", decisions[decisions["category"].isin(categories)]))[:MAX_PRECEDENTS]


def fingerprint(*parts: object) -> str:
    """Stands for a state: another one where any part differs."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _given(kind: str, decisions: pd.DataFrame) -> Iterator[Given]:
    columns = list(TABLES[TABLE_OF[kind]].columns)
    names = [name for name in columns[: columns.index("decision")] if name.endswith("label") or name == "category"]
    for row in decisions.to_dict("records"):
        said = " ".join(filter(None, (row["decision"], row.get("hierarchical_label", ""))))
        title = title_of(kind, tuple(row[name] for name in names))
        yield Given(title, said, row["reviewer"], row["reviewed_on"], row["reason"])


def _node(qid: str, subjects: list[str], bench: Workbench) -> PathNode:
    row = bench.classes.class_labels.loc[qid]
    label = row["hierarchical_label"] if pd.notna(row["hierarchical_label"]) else ""
    is_anchor = row["anchor_qid"] == qid
    role = "ignored" if row["status"] == "ignored" else "anchor" if is_anchor else "between"
    return PathNode(qid, str(row["class_label"]), "subject" if qid in subjects else role, label if is_anchor else "")


def _vote(row: dict[str, object], labels: pd.Series) -> str:
    if not row["is_best"]:
        return "no vote"
    label = labels.get(row["class_qid"])
    return str(label) if pd.notna(label) else "no label"


def _without_ignored(bench: Workbench) -> nx.DiGraph:
    decided = bench.classes.class_decisions
    ignored = frozenset(decided.loc[decided["decision"] == "ignore", "class_qid"])
    return nx.restricted_view(bench.classes.graph, ignored, [])


def _next_above(qid: str, bench: Workbench) -> list[Path]:
    """Parents, each with its own first few parents."""
    graph = bench.classes.graph
    parents = sorted(graph.successors(qid))[:MAX_CONTEXT]
    return [[parent, *sorted(graph.successors(parent))[:2]] for parent in parents]
