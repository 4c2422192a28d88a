"""The curated tables as the stages use them: lawful, about ids that exist, settled, and with numbers as numbers.

Joins what people decided with what the pipeline found, for the stages hierarchy, label, queue and validate. A decision
about an id that does not exist is an error; in the sample, whose graph is small, classes and edges outside it are
listed instead (`out_of_sample`).
"""

from pathlib import Path

import pandas as pd

from annotations import laws, store
from pipeline.params import read_params

_LABELS = {"anchors": ["class"], "class_decisions": ["class"], "edge_decisions": ["child", "parent"]}


def landmark_decisions_path(source: str) -> Path:
    """Landmark decisions belong to a source: the sample has its own."""
    folder = Path("sample/annotations") if source == "sample" else store.FOLDER
    return folder / "landmark_decisions.csv"


def read_lawful(*names: str, landmark_decisions: Path | None = None) -> dict[str, pd.DataFrame]:
    """Read the named tables and those that their laws need.

    Raises:
        annotations.store.CurationError: listing every broken law.
    """
    wanted = dict.fromkeys(("taxonomy", "anchors", "reviewers", *names))
    curated = {name: store.read(name, landmark_decisions if name == "landmark_decisions" else None) for name in wanted}
    _stop_on(laws.broken_laws(curated))
    curated["taxonomy"]["priority"] = curated["taxonomy"]["priority"].astype("int64")
    return curated


def read_for_hierarchy(entities: pd.DataFrame, class_edges: pd.DataFrame) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Tables for the hierarchy stage, decisions settled to one a key, and notes on what a person should look at.

    Notes are decisions that lie outside the sample, and human labels that are not Wikidata's: these drift, so they
    do not stop a build.

    Raises:
        annotations.store.CurationError: a broken law, or an id or edge that is unknown.
    """
    curated = read_lawful("class_decisions", "edge_decisions")
    notes = [*outside_of_sample(curated, entities, class_edges), *other_class_labels(curated, entities)]
    return curated | settled(curated, frozenset(entities["qid"])), notes


def settled(curated: dict[str, pd.DataFrame], known_qids: frozenset[str]) -> dict[str, pd.DataFrame]:
    """Decisions about classes and edges, one a key, less those on edges between classes that are not known."""
    names = ("class_decisions", "edge_decisions")
    found = {name: store.settle(curated[name], store.TABLES[name].subject_columns) for name in names}
    ends = found["edge_decisions"][["child_qid", "parent_qid"]].itertuples(index=False, name=None)
    return found | {"edge_decisions": found["edge_decisions"].loc[[known_qids.issuperset(edge) for edge in ends]]}


def outside_of_sample(curated: dict[str, pd.DataFrame], entities: pd.DataFrame, class_edges: pd.DataFrame) -> list[str]:
    """Class and edge decisions about what the sample's small graph does not hold.

    Raises:
        annotations.store.CurationError: there are such decisions, and the source is not the sample.
    """
    unknown = unknown_classes(curated["class_decisions"], entities)
    unknown += unknown_edges(curated["edge_decisions"], entities, class_edges)
    if read_params().source != "sample":
        _stop_on(unknown)
    return unknown


def read_for_landmarks(landmarks: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Taxonomy, head nouns and landmark decisions, these settled to one a category.

    Raises:
        annotations.store.CurationError: a broken law, or a landmark that is unknown or has another category.
    """
    path = landmark_decisions_path(read_params().source)
    curated = read_lawful("landmark_decisions", "head_nouns", landmark_decisions=path)
    decisions = curated["landmark_decisions"]
    _stop_on(unknown_landmarks(decisions, landmarks))
    subject = store.TABLES["landmark_decisions"].subject_columns
    return curated | {"landmark_decisions": store.settle(decisions, subject)}


def read_all(landmarks: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Taxonomy and every decision as it stands, conflicts excluded by law, for the queue and for validation.

    Raises:
        annotations.store.CurationError: a broken law, or a landmark that is unknown or has another category.
    """
    path = landmark_decisions_path(read_params().source)
    curated = read_lawful("class_decisions", "edge_decisions", "landmark_decisions", landmark_decisions=path)
    _stop_on(unknown_landmarks(curated["landmark_decisions"], landmarks))
    return curated


def other_class_labels(curated: dict[str, pd.DataFrame], entities: pd.DataFrame) -> list[str]:
    """Rows whose human label is not the label of the id beside it."""
    label_of = dict(zip(entities["qid"].tolist(), entities["label"].tolist(), strict=True))
    return [
        f"{row['where']}: {row[f'{end}_qid']} ({row[f'{end}_label']}): Wikidata calls it "
        f"{label_of[row[f'{end}_qid']]!r}. Remedy: check the id; if it is right, mend the label"
        for name, ends in _LABELS.items()
        for row in curated[name].to_dict("records")
        for end in ends
        if label_of.get(row[f"{end}_qid"], row[f"{end}_label"]) != row[f"{end}_label"]
    ]


def unknown_classes(class_decisions: pd.DataFrame, entities: pd.DataFrame) -> list[str]:
    """Class decisions about classes that the pipeline did not meet."""
    known = set(entities["qid"].tolist())
    return [
        f"{row['where']}: {row['class_qid']} ({row['class_label']}): no landmark's class lies at or below it. "
        "Remedy: check the id; Wikidata may have merged it; else remove the row"
        for row in class_decisions.to_dict("records")
        if row["class_qid"] not in known
    ]


def unknown_edges(edge_decisions: pd.DataFrame, entities: pd.DataFrame, class_edges: pd.DataFrame) -> list[str]:
    """Edge decisions about edges that are not there, or added between classes that are not there."""
    added = edge_decisions[edge_decisions["decision"] == "add"]  # which others may judge in their turn
    ends_of = [
        zip(frame["child_qid"].tolist(), frame["parent_qid"].tolist(), strict=True) for frame in (class_edges, added)
    ]
    known, edges = set(entities["qid"].tolist()), set().union(*ends_of)
    problems = []
    for row in edge_decisions.to_dict("records"):
        ends = (row["child_qid"], row["parent_qid"])
        about = f"{row['where']}: {ends[0]} ({row['child_label']}) -> {ends[1]} ({row['parent_label']})"
        if row["decision"] in ("add", "unsure"):  # `unsure` also takes back an edge that was added
            if not known.issuperset(ends):
                problems.append(f"{about}: a class is unknown. Remedy: check the ids")
        elif ends not in edges:
            problems.append(f"{about}: there is no such edge. Remedy: Wikidata may have mended it; remove the row")
    return problems


def unknown_landmarks(decisions: pd.DataFrame, landmarks: pd.DataFrame) -> list[str]:
    """Landmark decisions about landmarks that are not there or have another category."""
    numbers = {int(number) for number in decisions["landmark_id"] if number.isdecimal()}
    asked = landmarks[landmarks["landmark_id"].isin(list(numbers))]
    keys = zip(asked["split"], asked["landmark_id"].astype(str), strict=True)
    category_of = dict(zip(keys, asked["category"], strict=True))
    problems = []
    for row in decisions.to_dict("records"):
        found = category_of.get((row["split"], row["landmark_id"]))
        about = f"{row['where']}: {row['split']} {row['landmark_id']} ({row['category']})"
        if found is None:
            problems.append(f"{about}: no such landmark. Remedy: check split and id; the file is for another source")
        elif found != row["category"]:
            problems.append(f"{about}: its category is {found!r}. Remedy: check the id, else mend the category")
    return problems


def _stop_on(problems: list[str]) -> None:
    if problems:
        raise store.CurationError(problems)
