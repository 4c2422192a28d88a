"""What the report says of the class graph: its cycles, what people added and removed, and the odd edges left.

Pure functions over class_graph, class_labels, the edge decisions and the queue of edges.
"""

from typing import Any

import networkx as nx
import pandas as pd

from annotations import store
from hierarchy.graph import digraph

Json = dict[str, Any]
MOST_ROWS, MOST_NAMES = 25, 12


def cycles(graph: pd.DataFrame, class_labels: pd.DataFrame) -> Json:
    """Classes that are subclasses of each other: the strongly connected components of the edges in use.

    Returns:
        count: components of two classes or more, or of a class that is its own subclass;
        rows: the largest, with class_count, edge_count, classes (names and ids) and labels (those that they get).
    """
    used = digraph(graph)
    found = [sorted(part) for part in nx.strongly_connected_components(used) if _is_cycle(used, part)]
    found.sort(key=lambda part: (-len(part), part))
    names = class_labels.set_index("class_qid")["class_label"].to_dict()
    labels = class_labels.dropna(subset=["hierarchical_label"]).set_index("class_qid")["hierarchical_label"].to_dict()
    return {"count": len(found), "rows": [_cycle(used, part, names, labels) for part in found[:MOST_ROWS]]}


def _is_cycle(graph: nx.DiGraph, part: set[str]) -> bool:
    only = next(iter(part))
    return len(part) > 1 or graph.has_edge(only, only)


def _cycle(graph: nx.DiGraph, part: list[str], names: dict[str, str], labels: dict[str, str]) -> Json:
    more = [f"and {len(part) - MOST_NAMES} more"] if len(part) > MOST_NAMES else []
    return {
        "class_count": len(part),
        "edge_count": graph.subgraph(part).number_of_edges(),
        "classes": ", ".join([*(f"{names.get(qid, qid)} ({qid})" for qid in part[:MOST_NAMES]), *more]),
        "labels": ", ".join(sorted({labels[qid] for qid in part if qid in labels})) or "none",
    }


def changed_edges(graph: pd.DataFrame, class_labels: pd.DataFrame, decisions: pd.DataFrame) -> Json:
    """Edges that people added or removed.

    Args:
        graph: class_graph.
        class_labels: for the names of classes.
        decisions: edge_decisions, for the reasons.

    Returns:
        added, removed: how many; rows: the first of them, with what, child, parent and reason.
    """
    changed = graph[graph["is_removed"] | (graph["source"] == "decision")]
    what = changed["is_removed"].map({True: "removed", False: "added"})
    reasons = store.settle(decisions, store.TABLES["edge_decisions"].subject_columns)
    ends = ["child_qid", "parent_qid"]
    told = changed.assign(what=what).merge(reasons[[*ends, "reason"]], on=ends, how="left", validate="1:1")
    names = class_labels.set_index("class_qid")["class_label"].to_dict()
    for end in ("child", "parent"):
        told[end] = [f"{names.get(qid, qid)} ({qid})" for qid in told[f"{end}_qid"]]
    told["reason"] = told["reason"].fillna("")
    rows = told.sort_values(["what", *ends])[["what", "child", "parent", "reason"]]
    counts = {name: int((what == name).sum()) for name in ("added", "removed")}
    return counts | {"rows": rows.head(MOST_ROWS).to_dict("records")}


def graph_counts(graph: pd.DataFrame) -> dict[str, int]:
    """Classes and edges of the graph, and edges in use."""
    classes = pd.unique(pd.concat([graph["child_qid"], graph["parent_qid"]]))
    return {"classes": len(classes), "edges": len(graph), "used_edges": int((~graph["is_removed"]).sum())}
