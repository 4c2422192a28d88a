"""Class labels after a few decisions more or less, without labelling every class again.

For the review page and `hgld decide`, which show what a verdict would do before it is saved. The slow way, labelling
everything anew, is `hierarchy.anchors.label_classes`; tests hold the two against each other.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import networkx as nx
import pandas as pd

from hierarchy.anchors import NO_CLASSES, label_in
from hierarchy.evidence import class_evidence
from hierarchy.graph import NO_EDGES, content_of, descendant_bits, digraph, information_content, reached, with_edges

Edge = tuple[str, str]
# What a vote or a queue row depends on; ids and names of a class never change.
_COMPARED = [
    *("hierarchical_label", "anchor_qid", "steps", "rule", "status", "path_qids"),
    *("candidate_labels", "candidate_qids", "candidate_steps"),
]


@dataclass(frozen=True)
class Rules:
    """What does not change while a curator decides: Wikidata's edges, the taxonomy and the anchors.

    Attributes:
        wikidata_edges: (child_qid, parent_qid) of every P279 edge.
        taxonomy: hierarchical_label, priority.
        anchors: class_qid, hierarchical_label.
    """

    wikidata_edges: frozenset[Edge]
    taxonomy: pd.DataFrame
    anchors: pd.DataFrame


@dataclass(frozen=True)
class ClassState:
    """Every class under one set of decisions, settled to one a key.

    Attributes:
        graph: edges in use, child to parent; every class is a node.
        class_labels: see pipeline/tables.py; indexed by class_qid.
        content: information content by class.
        bits: descendants of every class that has any, itself included, as bits of a number; see `position`.
        position: bit of every class.
        class_decisions: class_qid, decision, hierarchical_label.
        edge_decisions: child_qid, parent_qid, decision.
    """

    graph: nx.DiGraph
    class_labels: pd.DataFrame
    content: dict[str, float]
    bits: dict[str, int]
    position: dict[str, int]
    class_decisions: pd.DataFrame
    edge_decisions: pd.DataFrame


@dataclass(frozen=True)
class Relabelled:
    """The classes after a change.

    Attributes:
        state: all of them.
        changed: classes whose label, or the way to it, is another one.
        shifted: classes whose information content is another one, which can decide ties of others.
    """

    state: ClassState
    changed: frozenset[str]
    shifted: frozenset[str]


def class_state(
    graph: nx.DiGraph, class_labels: pd.DataFrame, class_decisions: pd.DataFrame, edge_decisions: pd.DataFrame
) -> ClassState:
    """The state with these labels.

    Args:
        graph: edges in use, child to parent.
        class_labels: result of `label_classes` on it, every class.
        class_decisions: as in `ClassState`, like edge_decisions.
        edge_decisions: see there.
    """
    whole = graph.copy()
    whole.add_nodes_from(class_labels["class_qid"])
    position = {qid: place for place, qid in enumerate(whole)}
    bits = descendant_bits(whole, frozenset(whole), {}, position)
    content = {qid: content_of(bits.get(qid, 1), len(whole)) for qid in whole}
    labels = class_labels.set_index("class_qid", drop=False)
    return ClassState(whole, labels, content, bits, position, class_decisions, edge_decisions)


def undecided_state(class_edges: pd.DataFrame, classes: pd.DataFrame, rules: Rules) -> ClassState:
    """Every class before any decision, with the fingerprint of its evidence; `relabel` lays decisions over it.

    Args:
        class_edges: child_qid, parent_qid; edges of Wikidata.
        classes: class_qid, class_label; both ends of every edge, those that decisions add included.
        rules: what does not change.
    """
    graph = digraph(class_edges.assign(is_removed=False))
    graph.add_nodes_from(classes["class_qid"])
    labels = label_in(graph, information_content(graph), classes, rules.taxonomy, rules.anchors, NO_CLASSES)
    labels["evidence_hash"] = class_evidence(labels).to_numpy()
    return class_state(graph, labels, NO_CLASSES, NO_EDGES)


def relabel(state: ClassState, rules: Rules, class_decisions: pd.DataFrame, edge_decisions: pd.DataFrame) -> Relabelled:
    """The classes under other decisions.

    Only classes at or below a changed one can get other anchors; where an edge changed, the classes above it have
    other information content, which orders the candidates of a class.

    Args:
        state: the classes as they are.
        rules: what does not change.
        class_decisions: all of them, settled.
        edge_decisions: all of them, settled; an added edge joins classes that are there.
    """
    edges = _changed_edges(state.edge_decisions, edge_decisions, rules.wikidata_edges)
    graph = with_edges(state.graph, edges) if edges else state.graph
    starts = [*_changed_classes(state.class_decisions, class_decisions), *(child for child, _ in edges)]
    below = _below(starts, graph)
    above = _above([parent for _, parent in edges], state.graph) | _above([parent for _, parent in edges], graph)
    kept = {qid: bits for qid, bits in state.bits.items() if qid not in above}
    bits = kept | descendant_bits(graph, above, kept, state.position)
    content = state.content | {qid: content_of(bits.get(qid, 1), len(graph)) for qid in above}
    shifted = frozenset(qid for qid in above if content[qid] != state.content[qid])
    ordered = _ordered_by(state.class_labels, shifted)
    labels, changed = _relabelled(state, rules, graph, content, below | ordered, class_decisions)
    labels = _with_content(labels, content, shifted)
    after = ClassState(graph, labels, content, bits, state.position, class_decisions, edge_decisions)
    return Relabelled(after, changed, shifted)


def _changed_classes(before: pd.DataFrame, after: pd.DataFrame) -> set[str]:
    names = ["class_qid", "decision", "hierarchical_label"]
    old, new = (set(frame[names].itertuples(index=False, name=None)) for frame in (before, after))
    return {row[0] for row in old ^ new}


def _changed_edges(before: pd.DataFrame, after: pd.DataFrame, wikidata_edges: frozenset[Edge]) -> dict[Edge, bool]:
    """Edges that are in use in one of the two only, with whether they are in use after."""
    names = ["child_qid", "parent_qid", "decision"]
    old, new = (
        {(child, parent): decision for child, parent, decision in frame[names].itertuples(index=False, name=None)}
        for frame in (before, after)
    )
    used = {
        edge: tuple(_is_used(decided.get(edge), edge in wikidata_edges) for decided in (old, new)) for edge in old | new
    }
    return {edge: is_used for edge, (was_used, is_used) in used.items() if was_used != is_used}


def _is_used(decision: str | None, is_in_wikidata: bool) -> bool:
    return decision == "add" or (is_in_wikidata and decision != "remove")


def _below(starts: Iterable[str], graph: nx.DiGraph) -> frozenset[str]:
    """The classes and everything below them."""
    return reached((qid for qid in starts if qid in graph), graph.predecessors)


def _above(starts: Iterable[str], graph: nx.DiGraph) -> frozenset[str]:
    """The classes and everything above them."""
    return reached((qid for qid in starts if qid in graph), graph.successors)


def _ordered_by(class_labels: pd.DataFrame, shifted: frozenset[str]) -> frozenset[str]:
    """Classes with several candidates, of one label or more, whose order may change with their information content."""
    if not shifted:
        return frozenset()
    several = class_labels[class_labels["candidate_qids"].map(len) > 1]
    has_shifted = several["candidate_qids"].map(lambda qids: not shifted.isdisjoint(qids)).astype(bool)
    return frozenset(several.loc[has_shifted, "class_qid"])


def _relabelled(
    state: ClassState,
    rules: Rules,
    graph: nx.DiGraph,
    content: dict[str, float],
    wanted: frozenset[str],
    class_decisions: pd.DataFrame,
) -> tuple[pd.DataFrame, frozenset[str]]:
    """Class labels with those of the wanted classes found anew, and the classes for which they differ."""
    old = state.class_labels.loc[state.class_labels["class_qid"].isin(wanted)]
    if old.empty:
        return state.class_labels, frozenset()
    relevant = graph.subgraph(_above(wanted, graph)).copy()
    names = old[["class_qid", "class_label"]]
    new = label_in(relevant, content, names, rules.taxonomy, rules.anchors, class_decisions)
    differs = [before != after for before, after in zip(_plain_rows(old), _plain_rows(new), strict=True)]
    changed = frozenset(old.index[differs])
    if not changed:
        return state.class_labels, changed
    unknown = [name for name in old.columns if name not in new]  # facts that no decision changes
    new = new.set_index("class_qid", drop=False).join(old[unknown])[differs]
    kept = state.class_labels.drop(index=new.index)
    labels = pd.concat([kept, new[kept.columns].astype(kept.dtypes)]).loc[state.class_labels.index]
    return labels, changed


def _plain_rows(class_labels: pd.DataFrame) -> list[tuple[object, ...]]:
    """What is compared, every kind of null as None."""
    columns = [
        [value if isinstance(value, list) else None if pd.isna(value) else value for value in class_labels[name]]
        for name in _COMPARED
    ]
    return list(zip(*columns, strict=True))


def _with_content(labels: pd.DataFrame, content: dict[str, float], shifted: frozenset[str]) -> pd.DataFrame:
    """Class labels with the information content of the shifted classes, as their own and as somebody's anchor."""
    if not shifted:
        return labels
    labels = labels.copy()
    for name, of in (("information_content", "class_qid"), ("anchor_information_content", "anchor_qid")):
        is_shifted = labels[of].isin(shifted)
        labels.loc[is_shifted, name] = [round(content[qid], 6) for qid in labels.loc[is_shifted, of]]
    return labels
