"""The class graph: Wikidata's subclass-of edges (P279) under the edge decisions, its cycles, closure and depth.

Pure functions over edge tables, for the hierarchy stage and for anyone who asks what lies above a class. Real P279
has cycles, so closure and ancestry are computed on the graph condensed by strongly connected components.
"""

import math
from collections.abc import Callable, Iterable

import networkx as nx
import pandas as pd

NO_EDGES = pd.DataFrame(columns=["child_qid", "parent_qid", "decision"], dtype=str)
"""Edge decisions where nobody has decided."""


def class_graph(class_edges: pd.DataFrame, edge_decisions: pd.DataFrame) -> pd.DataFrame:
    """Apply the edge decisions; every edge is kept, with its source, removal and cycle.

    Args:
        class_edges: child_qid, parent_qid, one row an edge.
        edge_decisions: child_qid, parent_qid, decision; `keep` and `unsure` leave the graph as it is.

    Returns:
        child_qid, parent_qid, source (wikidata or decision), is_removed, in_cycle.
    """
    ends = ["child_qid", "parent_qid"]
    decided = edge_decisions[edge_decisions["decision"].isin(["add", "remove"])]
    added = decided.loc[decided["decision"] == "add", ends].drop_duplicates()
    graph = pd.concat(
        [class_edges[ends].assign(source="wikidata"), added.assign(source="decision")], ignore_index=True
    ).drop_duplicates(ends)
    removed = pd.MultiIndex.from_frame(decided.loc[decided["decision"] == "remove", ends])
    graph["is_removed"] = pd.MultiIndex.from_frame(graph[ends]).isin(removed)
    graph["in_cycle"] = on_cycles(graph)
    return graph.reset_index(drop=True)


def on_cycles(graph: pd.DataFrame) -> pd.Series:
    """Whether each edge (child_qid, parent_qid, is_removed) is in use and lies on a cycle of edges in use."""
    component = components(digraph(graph))
    child, parent = (graph[end].map(component) for end in ("child_qid", "parent_qid"))
    return (child == parent) & ~graph["is_removed"]


def digraph(graph: pd.DataFrame, without: frozenset[str] = frozenset()) -> nx.DiGraph:
    """The edges in use as a directed graph, child to parent, without the given classes."""
    used = graph[~graph["is_removed"]]
    result = nx.DiGraph()
    result.add_nodes_from(pd.unique(pd.concat([graph["child_qid"], graph["parent_qid"]])))
    result.add_edges_from(zip(used["child_qid"], used["parent_qid"], strict=True))
    result.remove_nodes_from(without)
    return result


def with_edges(graph: nx.DiGraph, edges: dict[tuple[str, str], bool]) -> nx.DiGraph:
    """The graph with these edges between its classes: there (true) or not (false).

    The adjacency of all other classes is shared with the graph, which is not to be changed in place: networkx' own copy
    of 22,000 edges takes longer than everything else that a reviewer waits for.
    """
    result = nx.DiGraph()
    result._node, result._adj, result._pred = graph._node, dict(graph._adj), dict(graph._pred)
    for (child, parent), is_there in edges.items():
        result._adj[child], result._pred[parent] = dict(result._adj[child]), dict(result._pred[parent])
        (result.add_edge if is_there else result.remove_edge)(child, parent)
    return result


def reached(starts: Iterable[str], neighbours: Callable[[str], Iterable[str]]) -> frozenset[str]:
    """The starts and every class that they lead to, step by step over neighbours."""
    found = set(starts)
    frontier = list(found)
    while frontier:
        near = {other for qid in frontier for other in neighbours(qid)} - found
        found |= near
        frontier = list(near)
    return frozenset(found)


def components(graph: nx.DiGraph) -> dict[str, int]:
    """Number of the strongly connected component of every class; components are numbered ancestors first."""
    # Tarjan's algorithm closes a component only after everything it reaches, which here is everything above it.
    found = nx.strongly_connected_components(graph)
    return {qid: number for number, members in enumerate(found) for qid in members}


def ancestors_or_self(graph: nx.DiGraph) -> dict[str, frozenset[str]]:
    """Every class that each class reaches upward, itself included; classes of one component share one set."""
    component = components(graph)
    members: dict[int, list[str]] = {}
    for qid, number in component.items():
        members.setdefault(number, []).append(qid)
    above: dict[int, frozenset[str]] = {}
    for number in sorted(members):
        parents = {component[parent] for qid in members[number] for parent in graph.successors(qid)} - {number}
        above[number] = frozenset(members[number]).union(*(above[parent] for parent in parents))
    return {qid: above[number] for qid, number in component.items()}


def closure(class_edges: pd.DataFrame) -> pd.DataFrame:
    """Transitive and reflexive closure of the edges: class_qid, ancestor_qid, sorted."""
    ends = ["child_qid", "parent_qid"]
    reached = ancestors_or_self(nx.DiGraph(list(class_edges[ends].itertuples(index=False, name=None))))
    pairs = [(qid, ancestor) for qid, ancestors in reached.items() for ancestor in ancestors]
    return pd.DataFrame(pairs, columns=["class_qid", "ancestor_qid"]).sort_values(["class_qid", "ancestor_qid"])


def descendant_bits(
    graph: nx.DiGraph, wanted: frozenset[str], known: dict[str, int], position: dict[str, int]
) -> dict[str, int]:
    """Descendants of the wanted classes, each itself included, as bits of a number; classes without any are left out.

    Args:
        graph: child to parent.
        wanted: classes; with each, all above it.
        known: descendants of the other classes that have any.
        position: bit of every class.
    """
    within = graph.subgraph(wanted)
    component = components(within)
    members: dict[int, list[str]] = {}
    for qid, number in component.items():
        members.setdefault(number, []).append(qid)
    found: dict[int, int] = {}
    for number in sorted(members, reverse=True):  # descendants first
        bits = 0
        for qid in members[number]:
            bits |= 1 << position[qid]
            for child in graph.predecessors(qid):
                if component.get(child) != number:
                    own = found[component[child]] if child in component else known.get(child, 1 << position[child])
                    bits |= own
        found[number] = bits
    return {qid: found[number] for qid, number in component.items() if any(graph.predecessors(qid))}


def content_of(bits: int, total: int) -> float:
    """Information content of a class of a graph of `total`, from its descendants as bits; see `information_content`."""
    return 1 - math.log(bits.bit_count()) / math.log(max(total, 2))


def information_content(graph: nx.DiGraph) -> dict[str, float]:
    """Intrinsic information content of every class: 1 - log(descendants + 1) / log(classes), from 0 to 1.

    Source: Seco, Veale and Hayes, "An intrinsic information content metric for semantic similarity in WordNet"
    (ECAI 2004). A leaf has 1; a class that is above everything has 0.
    """
    position = {qid: place for place, qid in enumerate(graph)}
    bits = descendant_bits(graph, frozenset(graph), {}, position)
    return {qid: content_of(bits.get(qid, 1), len(graph)) for qid in graph}
