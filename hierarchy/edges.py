"""Odd edges of the class graph: cyclic, redundant, over very general classes, or between the coarsest levels.

Pure functions over tables, for the queue stage; nothing is fixed silently, a person decides.
"""

from collections import Counter

import networkx as nx
import pandas as pd

from hierarchy.evidence import edge_evidence, examples_of, path_words, wikidata_url
from hierarchy.graph import ancestors_or_self, digraph

# Reason, words, uncertainty; a later row wins where several hold.
REASONS = (
    # Steps may be counted too short, but labels rarely change.
    ("redundant_edge", "already implied by a longer path", 0.1),
    # The label came over a class so general that it says little; a nearer anchor may be missing.
    ("generic_parent", "leads to its label over a very general class", 0.2),
    # A cycle blurs which of its classes is the more general one.
    ("cyclic_edge", "lies on a cycle, so that each class is a subclass of the other", 0.5),
    # No kind of place belongs to two realms, such as natural and human-made.
    ("crossing_edge", "joins classes of different realms", 0.75),
)


GENERIC_CLASSES = 50  # a parent with more classes at or below it is very general


def doubtful_edges(
    graph: pd.DataFrame, class_labels: pd.DataFrame, realm_of_label: dict[str, str], class_items: pd.DataFrame
) -> pd.DataFrame:
    """Edges in use for which one of the reasons holds, with the landmarks and images below them.

    Edges between classes without a label are left out: no label depends on them.

    Args:
        graph: see class_graph in pipeline/tables.py.
        class_labels: see class_labels there.
        realm_of_label: coarsest level of each label, such as natural and human-made.
        class_items: result of `hierarchy.doubt.items_of_classes`.
    """
    used = digraph(graph)
    ancestors = ancestors_or_self(used)
    labels = class_labels.set_index("class_qid")["hierarchical_label"]
    has_label = graph["child_qid"].map(labels).notna() | graph["parent_qid"].map(labels).notna()
    edges = graph[~graph["is_removed"] & has_label].copy()
    realm = labels.map(realm_of_label)
    child, parent = edges["child_qid"].map(realm), edges["parent_qid"].map(realm)
    below = Counter(above for reached in ancestors.values() for above in reached)
    generic = edges["parent_qid"].map(below) > GENERIC_CLASSES
    same = edges["child_qid"].map(labels) == edges["parent_qid"].map(labels)
    is_anchor = edges["child_qid"] == edges["child_qid"].map(class_labels.set_index("class_qid")["anchor_qid"])
    holds = {
        "generic_parent": generic & same & ~is_anchor,
        "redundant_edge": _is_redundant(edges, used, ancestors),
        "cyclic_edge": edges["in_cycle"],
        "crossing_edge": child.notna() & parent.notna() & (child != parent),
    }
    parts = [edges[holds[name]].assign(doubt=name, why=why, uncertainty=value) for name, why, value in REASONS]
    odd = pd.concat(parts).drop_duplicates(["child_qid", "parent_qid"], keep="last")
    return describe_edges(odd, graph, class_labels, items_below(odd["child_qid"], ancestors, class_items))


def describe_edges(
    odd: pd.DataFrame, graph: pd.DataFrame, class_labels: pd.DataFrame, items: pd.DataFrame
) -> pd.DataFrame:
    """Rows of the queue for the edges.

    Args:
        odd: child_qid, parent_qid, doubt, why, uncertainty.
        graph: see class_graph in pipeline/tables.py.
        class_labels: see class_labels there.
        items: child_qid, item_qid, category, landmark_count, image_count; items at or below the children.
    """
    of_class = class_labels.set_index("class_qid")
    names, labels = of_class["class_label"].to_dict(), of_class["hierarchical_label"].fillna("no label").to_dict()
    used = graph[~graph["is_removed"] & graph["child_qid"].isin(odd["child_qid"])]
    parents = used.sort_values("parent_qid").groupby("child_qid")["parent_qid"].agg(list).to_dict()
    odd = odd.assign(
        child_label=odd["child_qid"].map(names),
        parent_label=odd["parent_qid"].map(names),
        candidates=[
            _alternatives(child, [other for other in parents.get(child, []) if other != parent], names, labels)
            for child, parent in zip(odd["child_qid"], odd["parent_qid"], strict=True)
        ],
        path=[path_words(path, names) for path in of_class["path_qids"].reindex(odd["parent_qid"])],
        wikidata_url=odd["child_qid"].map(wikidata_url),
        evidence_hash=edge_evidence(odd, graph, of_class["evidence_hash"]),
    )
    counts = items.groupby("child_qid", as_index=False)[["landmark_count", "image_count"]].sum()
    odd = odd.merge(counts, on="child_qid", how="left", validate="m:1")
    for name in ("landmark_count", "image_count"):
        odd[name] = odd[name].fillna(0).astype("int64")
    return odd.merge(examples_of(items, "child_qid"), on="child_qid", how="left", validate="m:1")


def _alternatives(child: str, others: list[str], names: dict[str, str], labels: dict[str, str]) -> str:
    """What the child has now, and what it would be left under without the edge, with the labels of both."""
    left = ", ".join(f"{names.get(qid, qid)} {qid} ({labels.get(qid, 'no label')})" for qid in others)
    return f"keep: {labels.get(child, 'no label')}; remove: leaves {left or 'no parent'}"


def _is_redundant(edges: pd.DataFrame, graph: nx.DiGraph, ancestors: dict[str, frozenset[str]]) -> pd.Series:
    """True where another parent of the child reaches the parent, without a way back to the child."""
    redundant = [
        any(
            parent in ancestors[other] and other not in ancestors[parent] and child not in ancestors[other]
            for other in graph.successors(child)
            if other != parent
        )
        for child, parent in zip(edges["child_qid"], edges["parent_qid"], strict=True)
    ]
    return pd.Series(redundant, index=edges.index, dtype=bool)


def items_below(children: pd.Series, ancestors: dict[str, frozenset[str]], class_items: pd.DataFrame) -> pd.DataFrame:
    """Items at or below each of the classes, an item with several such classes once.

    Args:
        children: classes.
        ancestors: result of `hierarchy.graph.ancestors_or_self`.
        class_items: result of `hierarchy.doubt.items_of_classes`.

    Returns:
        child_qid and the columns of class_items.
    """
    wanted = frozenset(children)
    pairs = [
        (qid, ancestor)
        for qid in class_items["class_qid"].unique()
        for ancestor in sorted(ancestors.get(qid, frozenset({qid})) & wanted)
    ]
    reached = pd.DataFrame(pairs, columns=["class_qid", "child_qid"], dtype=str)
    return class_items.merge(reached, on="class_qid").drop_duplicates(["child_qid", "item_qid"])
