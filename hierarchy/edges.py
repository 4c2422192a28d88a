"""Odd edges of the class graph: cyclic, redundant, over very general classes, or between the coarsest levels.

Pure functions over tables, for the queue stage; nothing is fixed silently, a person decides.
"""

from collections import Counter

import networkx as nx
import pandas as pd

from hierarchy.doubt import evidence_hash
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
    parts = [edges[holds[name]].assign(reason=name, why=why, uncertainty=value) for name, why, value in REASONS]
    odd = pd.concat(parts).drop_duplicates(["child_qid", "parent_qid"], keep="last")
    names = class_labels.set_index("class_qid")["class_label"]
    odd["child_label"], odd["parent_label"] = odd["child_qid"].map(names), odd["parent_qid"].map(names)
    odd["candidates"] = None
    ends = [odd["child_qid"].map(labels).fillna("no label"), odd["parent_qid"].map(labels).fillna("no label")]
    odd["evidence"] = ends[0] + " -> " + ends[1]
    odd["evidence_hash"] = [
        evidence_hash(*row) for row in odd[["child_qid", "parent_qid", "reason", "evidence"]].itertuples(index=False)
    ]
    return odd.merge(_below(odd["child_qid"], ancestors, class_items), on="child_qid", how="left", validate="m:1")


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


def _below(children: pd.Series, ancestors: dict[str, frozenset[str]], class_items: pd.DataFrame) -> pd.DataFrame:
    """Landmarks and images at or below each of the classes, an item with several such classes counted once."""
    wanted = frozenset(children)
    pairs = [
        (qid, ancestor)
        for qid in class_items["class_qid"].unique()
        for ancestor in sorted(ancestors.get(qid, frozenset({qid})) & wanted)
    ]
    reached = pd.DataFrame(pairs, columns=["class_qid", "child_qid"], dtype=str)
    items = class_items.merge(reached, on="class_qid").drop_duplicates(["child_qid", "item_qid"])
    counts = items.groupby("child_qid")[["landmark_count", "image_count"]].sum()
    return counts.reindex(sorted(wanted), fill_value=0).rename_axis("child_qid").reset_index()
