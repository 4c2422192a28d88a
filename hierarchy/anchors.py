"""Class -> label: the nearest anchors above a class, shadowing, and the rules that choose when they disagree.

Pure functions over tables, for the hierarchy stage. An anchor is a class that annotations/anchors.csv or an `assign`
decision ties to a label. A candidate of a class is an anchor that it reaches upward, unless that anchor lies strictly
above another one that it reaches. `ignore` decisions take a class out of the graph with every path through it.
"""

from collections import deque
from dataclasses import dataclass
from operator import attrgetter

import networkx as nx
import pandas as pd

from hierarchy.graph import components, digraph, information_content

NO_CLASSES = pd.DataFrame(columns=["class_qid", "decision", "hierarchical_label"], dtype=str)
"""Class decisions where nobody has decided."""


@dataclass(frozen=True)
class Candidate:
    """An anchor that may label a class; `priority` is the label's place in the taxonomy, 1 first."""

    anchor_qid: str
    label: str
    steps: int
    information_content: float
    priority: int

    @property
    def order(self) -> tuple[float | int | str, ...]:
        """Sort key: fewest steps, then highest information content, then priority, then id."""
        return (self.steps, -self.information_content, self.priority, self.anchor_qid)


def anchor_labels(anchors: pd.DataFrame, class_decisions: pd.DataFrame) -> tuple[dict[str, str], frozenset[str]]:
    """Label of every anchor by class, decisions over anchors.csv, and the ignored classes."""
    decided = class_decisions.set_index("class_qid")
    assigned = decided.loc[decided["decision"] == "assign", "hierarchical_label"].to_dict()
    ignored = frozenset(decided.index[decided["decision"] == "ignore"])
    labels = anchors.set_index("class_qid")["hierarchical_label"].to_dict() | assigned
    return {qid: label for qid, label in labels.items() if qid not in ignored}, ignored


def nearest_anchors(graph: nx.DiGraph, anchors: frozenset[str], decided: frozenset[str]) -> dict[str, frozenset[str]]:
    """Anchors of every class that are not strictly above another anchor of it.

    Args:
        graph: child to parent, ignored classes taken out.
        anchors: classes with a label.
        decided: anchors set by a decision; on a cycle they beat the others.
    """
    component = components(graph)
    members: dict[int, list[str]] = {}
    for qid, number in component.items():
        members.setdefault(number, []).append(qid)
    nearest: dict[int, frozenset[str]] = {}
    anchors_above: dict[int, frozenset[int]] = {}  # components with anchors, strictly above
    for number in sorted(members):  # ancestors first
        parents = {component[parent] for qid in members[number] for parent in graph.successors(qid)} - {number}
        own = anchors.intersection(members[number])
        above = frozenset().union(*(anchors_above[parent] for parent in parents))
        met = frozenset().union(*(nearest[parent] for parent in parents))
        anchors_above[number] = above | {component[qid] for qid in met}
        # An anchor is shadowed when it lies strictly above another anchor that is met.
        shadowed = frozenset().union(*(anchors_above[component[qid]] for qid in met))
        nearest[number] = (own & decided or own) or frozenset(q for q in met if component[q] not in shadowed)
    return {qid: nearest[number] for qid, number in component.items()}


def paths_up(graph: nx.DiGraph, anchor: str, wanted: frozenset[str]) -> dict[str, list[str]]:
    """Shortest path from each wanted class up to the anchor, both included; the same one on every run."""
    next_up: dict[str, str] = {anchor: anchor}
    queue = deque([anchor])
    left = len(wanted - {anchor})
    while queue and left:
        qid = queue.popleft()
        for child in sorted(graph.predecessors(qid), key=_number):
            if child not in next_up:
                next_up[child] = qid
                queue.append(child)
                left -= child in wanted
    paths = {}
    for qid in wanted:
        path = [qid]
        while path[-1] != anchor:
            path.append(next_up[path[-1]])
        paths[qid] = path
    return paths


def label_classes(
    graph: pd.DataFrame,
    classes: pd.DataFrame,
    taxonomy: pd.DataFrame,
    anchors: pd.DataFrame,
    class_decisions: pd.DataFrame,
) -> pd.DataFrame:
    """Label every class from its nearest anchors.

    Args:
        graph: result of `hierarchy.graph.class_graph`.
        classes: class_qid, class_label; every class to label.
        taxonomy: hierarchical_label, priority.
        anchors: class_qid, hierarchical_label.
        class_decisions: class_qid, decision, hierarchical_label; one row a class, conflicts settled.

    Returns:
        One row a class, see `class_labels` in pipeline/tables.py.
    """
    whole = digraph(graph)
    whole.add_nodes_from(classes["class_qid"])
    return label_in(whole, information_content(whole), classes, taxonomy, anchors, class_decisions)


def label_in(
    whole: nx.DiGraph,
    content: dict[str, float],
    classes: pd.DataFrame,
    taxonomy: pd.DataFrame,
    anchors: pd.DataFrame,
    class_decisions: pd.DataFrame,
) -> pd.DataFrame:
    """Label the classes in a graph that holds at least everything above them.

    Args:
        whole: edges in use, child to parent.
        content: information content of every class in it.
        classes: as in `label_classes`, whose result this is.
        taxonomy: as there.
        anchors: as there.
        class_decisions: as there.
    """
    labels, ignored = anchor_labels(anchors, class_decisions)
    decided = frozenset(class_decisions.loc[class_decisions["decision"] == "assign", "class_qid"])
    used = whole.subgraph(qid for qid in whole if qid not in ignored).copy()
    nearest = nearest_anchors(used, frozenset(labels) & frozenset(used), decided)
    asked = classes["class_qid"].tolist()
    wanted: dict[str, set[str]] = {}
    for qid in asked:
        for anchor in nearest.get(qid, ()):
            wanted.setdefault(anchor, set()).add(qid)
    paths = {anchor: paths_up(used, anchor, frozenset(qids)) for anchor, qids in wanted.items()}
    priority = taxonomy.set_index("hierarchical_label")["priority"].to_dict()
    rows = []
    for qid, class_label in classes[["class_qid", "class_label"]].itertuples(index=False, name=None):
        candidates = sorted(
            (
                Candidate(a, labels[a], len(paths[a][qid]) - 1, content[a], priority[labels[a]])
                for a in nearest.get(qid, ())
            ),
            key=attrgetter("order"),
        )
        path = paths[candidates[0].anchor_qid][qid] if candidates else []
        rows.append(
            _class_row(qid, qid in ignored, qid in decided, candidates)
            | {"class_label": class_label, "information_content": round(content[qid], 6), "path_qids": path}
        )
    return pd.DataFrame(rows)


def _class_row(qid: str, is_ignored: bool, is_decided: bool, candidates: list[Candidate]) -> dict[str, object]:
    """Label, rule and status of one class from its candidates in order."""
    best = candidates[0] if candidates else None
    is_contested = len({candidate.label for candidate in candidates}) > 1
    status = "ignored" if is_ignored else "contested" if is_contested else "resolved" if best else "unreached"
    return {
        "class_qid": qid,
        "hierarchical_label": best.label if best else None,
        "anchor_qid": best.anchor_qid if best else None,
        "steps": best.steps if best else None,
        "anchor_information_content": round(best.information_content, 6) if best else None,
        "rule": status if best is None else _rule(candidates, is_decided),
        "status": status,
        "candidate_labels": [candidate.label for candidate in candidates],
        "candidate_qids": [candidate.anchor_qid for candidate in candidates],
        "candidate_steps": [candidate.steps for candidate in candidates],
    }


def _rule(candidates: list[Candidate], is_decided: bool) -> str:
    """Name of the first rule that tells the best candidate from the best one with another label."""
    best = candidates[0]
    rival = next((candidate for candidate in candidates if candidate.label != best.label), None)
    if rival is None:
        return "decision" if is_decided else "anchor" if best.steps == 0 else "agreed"
    if best.steps != rival.steps:
        return "steps"
    return "information_content" if best.information_content != rival.information_content else "priority"


def _number(qid: str) -> int:
    return int(qid[1:])
