"""Why a class has another label in one release than in another: the edge, class or anchor that made the difference.

Pure functions over the tables of two releases, for `hierarchy.release_diff`. The label of a class follows from what
lies above it, so every difference there is a possible cause; the true one is that but for which the class would have
kept its label (`hierarchy.causes`). The old path up to the anchor is searched first, then the new one, then the rest.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

import networkx as nx
import pandas as pd

from hierarchy.anchors import nearest_anchors
from hierarchy.causes import Cause, decisive_change

Edge = tuple[str, str]  # child, parent
State = tuple[str, str]  # ignored, assigned or anchor, and its label; or NO_STATE
ENDS = ("child_qid", "parent_qid")
NO_STATE: State = ("", "")
IGNORED: State = ("ignored", "")


@dataclass(frozen=True)
class ClassGraph:
    """What a release says of its classes.

    Attributes:
        edges: wikidata or decision (who says so), or removed (by a decision), by edge.
        parents: classes above each class over edges in use.
        states: what a decision or anchors.csv says of a class, where they say anything.
        paths: classes from each class up to its anchor, both included.
        labels: label of each class that has one.
        overruled: classes on a cycle with one that a decision assigns, so that their own anchor, if any, is not seen.
    """

    edges: dict[Edge, str]
    parents: dict[str, list[str]]
    states: dict[str, State]
    paths: dict[str, list[str]]
    labels: dict[str, str]
    overruled: frozenset[str]


@dataclass(frozen=True)
class TwoGraphs:
    """The class graphs of two releases, the names of their classes, and the classes with an anchor at or above them."""

    old: ClassGraph
    new: ClassGraph
    names: dict[str, str]
    below_anchors: frozenset[str]

    def called(self, qid: str) -> str:
        """Id and label of a class."""
        return f"{qid} ({self.names.get(qid, qid)})"


def class_graph_of(classes: pd.DataFrame, class_edges: pd.DataFrame) -> ClassGraph:
    """Read the class graph off the tables `classes` and `class_edges` of a release (pipeline/release_tables.py)."""
    ends = list(zip(*(class_edges[end] for end in ENDS), strict=True))
    says = class_edges["source"].mask(class_edges["is_removed"], "removed")
    parents: dict[str, list[str]] = {}
    for (child, parent), is_removed in zip(ends, class_edges["is_removed"], strict=True):
        if not is_removed:
            parents.setdefault(child, []).append(parent)
    anchors = classes[classes["steps"] == 0]
    states = dict.fromkeys(classes.loc[classes["status"] == "ignored", "class_qid"], IGNORED)
    is_assigned = anchors["rule"] == "decision"
    words = is_assigned.map({True: "assigned", False: "anchor"})
    states |= dict(zip(anchors["class_qid"], zip(words, anchors["hierarchical_label"], strict=True), strict=True))
    paths = dict(zip(classes["class_qid"], classes["path_qids"], strict=True))
    labelled = classes[classes["hierarchical_label"].notna()]
    labels = dict(zip(labelled["class_qid"], labelled["hierarchical_label"], strict=True))
    return ClassGraph(
        dict(zip(ends, says, strict=True)), parents, states, paths, labels, _overruled(class_edges, states)
    )


def _overruled(class_edges: pd.DataFrame, states: dict[str, State]) -> frozenset[str]:
    """Classes of which decisions say nothing, on a cycle with one that a decision assigns."""
    cycles = nx.DiGraph(list(zip(*(class_edges.loc[class_edges["in_cycle"], end] for end in ENDS), strict=True)))
    cycles.remove_nodes_from([qid for qid in cycles if states.get(qid) == IGNORED])
    overruled: set[str] = set()
    for members in nx.strongly_connected_components(cycles):
        if any(states.get(qid, NO_STATE)[0] == "assigned" for qid in members):
            overruled |= members - set(states)
    return frozenset(overruled)


def two_graphs(old: ClassGraph, new: ClassGraph, names: dict[str, str]) -> TwoGraphs:
    """Put the graphs of two releases side by side; an anchor that is overruled in one is taken from the other."""
    old, new = _with_overruled(old, new), _with_overruled(new, old)
    children: dict[str, list[str]] = {}
    for graph in (old, new):
        for child, parents in graph.parents.items():
            for parent in parents:
                children.setdefault(parent, []).append(child)
    anchors = [qid for graph in (old, new) for qid, state in graph.states.items() if state != IGNORED]
    return TwoGraphs(old, new, names, frozenset(_reached(anchors, lambda qid: children.get(qid, []))))


def _with_overruled(graph: ClassGraph, other: ClassGraph) -> ClassGraph:
    anchors = {qid: state for qid in graph.overruled if (state := other.states.get(qid, NO_STATE))[0] == "anchor"}
    return replace(graph, states=graph.states | anchors)


def cause_of_class(graphs: TwoGraphs, qid: str) -> Cause:
    """Why a class votes otherwise in the new release than in the old one: for another label, or with other weight."""
    old, new = graphs.old, graphs.new
    above = _reached([qid], lambda at: _parents_in_either(graphs, at))
    edges, new_edges = (_edges_within(above, graph) for graph in (old, new))
    states, new_states = ({q: graph.states.get(q, NO_STATE) for q in above} for graph in (old, new))
    changed: list[Edge | str] = [q for q in above if states[q] != new_states[q]]
    changed += sorted(edges ^ new_edges, key=lambda edge: (above.index(edge[0]), above.index(edge[1])))
    place = _places(qid, old.paths.get(qid, []), new.paths.get(qid, []))
    changed.sort(key=lambda change: place.get(change, len(place)))
    is_relabelled = old.labels.get(qid) != new.labels.get(qid)

    def outcome(made: frozenset[Edge | str]) -> Hashable:
        """What the class says after some of the changes; its label alone where that is another one."""
        states_then = {q: (new_states if q in made else states)[q] for q in above}
        said = _said_of(qid, edges ^ {change for change in made if isinstance(change, tuple)}, states_then)
        return said[0] if is_relabelled else said

    change = decisive_change(changed, outcome)
    if change is None:
        why = "several labels are as near, and what tells them apart has changed"
        return Cause("rule", f"class {graphs.called(qid)}: {why}")
    return _cause_of_edge(graphs, change) if isinstance(change, tuple) else _cause_of_state(graphs, change)


def _reached(starts: Iterable[str], neighbours: Callable[[str], Iterable[str]]) -> list[str]:
    """What can be reached, nearest first, the starts included."""
    reached = dict.fromkeys(starts)
    queue = deque(reached)
    while queue:
        for qid in neighbours(queue.popleft()):
            if qid not in reached:
                reached[qid] = None
                queue.append(qid)
    return list(reached)


def _parents_in_either(graphs: TwoGraphs, qid: str) -> list[str]:
    """Parents that may lead to an anchor; a class that both releases ignore leads nowhere."""
    if graphs.old.states.get(qid) == graphs.new.states.get(qid) == IGNORED:
        return []
    parents = {*graphs.old.parents.get(qid, []), *graphs.new.parents.get(qid, [])}
    return sorted(parents & graphs.below_anchors, key=lambda parent: (len(parent), parent))


def _edges_within(qids: list[str], graph: ClassGraph) -> frozenset[Edge]:
    known = set(qids)
    return frozenset((child, parent) for child in qids for parent in graph.parents.get(child, []) if parent in known)


def _places(qid: str, *paths: list[str]) -> dict[Edge | str, int]:
    """Order in which causes are looked for: the class itself, then step by step up each path."""
    steps: list[Edge | str] = [qid]
    for path in paths:
        for edge in pairwise(path):
            steps += [edge, edge[1]]
    return {step: number for number, step in reversed(list(enumerate(steps)))}  # the first place counts


def _said_of(qid: str, edges: frozenset[Edge], states: dict[str, State]) -> tuple[frozenset[str], int, frozenset[str]]:
    """Labels of the nearest anchors that are the fewest steps above a class, those steps, and the other labels, too."""
    used = nx.DiGraph()
    used.add_nodes_from(q for q, state in states.items() if state != IGNORED)
    used.add_edges_from(edge for edge in edges if edge[0] in used and edge[1] in used)
    if qid not in used:
        return frozenset(), -1, frozenset()
    labels = {q: label for q, (word, label) in states.items() if word in ("assigned", "anchor")}
    decided = frozenset(q for q, (word, _) in states.items() if word == "assigned")
    steps = nx.single_source_shortest_path_length(used, qid)
    nearest = nearest_anchors(used, frozenset(labels), decided)[qid]
    fewest = min((steps[anchor] for anchor in nearest), default=-1)
    best = frozenset(labels[anchor] for anchor in nearest if steps[anchor] == fewest)
    return best, fewest, frozenset(labels[anchor] for anchor in nearest)


def _cause_of_edge(graphs: TwoGraphs, edge: Edge) -> Cause:
    """An edge that is in use in one of the releases only."""
    before, after = graphs.old.edges.get(edge), graphs.new.edges.get(edge)
    called = f"edge {graphs.called(edge[0])} -> {graphs.called(edge[1])}"
    if after == "removed":
        return Cause("decision", f"{called} removed by decision")
    if after == "decision":
        return Cause("decision", f"{called} added by decision")
    if before == "removed":
        return Cause("decision", f"{called} back: decision to remove it withdrawn")
    if before == "decision":
        return Cause("decision", f"{called} gone: decision to add it withdrawn")
    return Cause("data", f"{called} {'new in' if after else 'gone from'} Wikidata")


def _cause_of_state(graphs: TwoGraphs, qid: str) -> Cause:
    """A class of which decisions or anchors.csv say something else in each release."""
    (before, old_label), (after, new_label) = (g.states.get(qid, NO_STATE) for g in (graphs.old, graphs.new))
    called = graphs.called(qid)
    if after == "ignored":
        return Cause("decision", f"class {called} ignored by decision")
    if after == "assigned":
        return Cause("decision", f"class {called} assigned {new_label} by decision")
    if before == "ignored":
        return Cause("decision", f"class {called}: decision to ignore it withdrawn")
    if before == "assigned":
        return Cause("decision", f"class {called}: decision to assign it {old_label} withdrawn")
    if before and after:
        return Cause("rule", f"anchor {called} has another label: {old_label} -> {new_label}")
    return Cause("rule", f"anchor {called} is {'new' if after else 'gone'}")
