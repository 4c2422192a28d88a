"""The class graph against plain walks over its edges: decisions, cycles, closure and information content."""

import math

import networkx as nx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierarchy.graph import ancestors_or_self, class_graph, closure, components, digraph, information_content

Edge = tuple[str, str]
QIDS = [f"Q{number}" for number in range(1, 9)]
EDGES = st.sets(st.tuples(st.sampled_from(QIDS), st.sampled_from(QIDS)), max_size=16)
DECISIONS = st.dictionaries(
    st.tuples(st.sampled_from(QIDS), st.sampled_from(QIDS)),
    st.sampled_from(["add", "remove", "keep", "unsure"]),
    max_size=8,
)
LAWFUL = settings(deadline=None, max_examples=80)
LAWFUL_TABLES = settings(deadline=None, max_examples=40)


def edge_table(edges: set[Edge]) -> pd.DataFrame:
    return pd.DataFrame(sorted(edges), columns=["child_qid", "parent_qid"], dtype=str)


def decision_table(decisions: dict[Edge, str]) -> pd.DataFrame:
    rows = [(*edge, decision) for edge, decision in decisions.items()]
    return pd.DataFrame(rows, columns=["child_qid", "parent_qid", "decision"], dtype=str)


def graph_of(edges: set[Edge], decisions: dict[Edge, str] | None = None) -> pd.DataFrame:
    return class_graph(edge_table(edges), decision_table(decisions or {}))


def digraph_of(edges: set[Edge]) -> nx.DiGraph:
    return nx.DiGraph(sorted(edges))


def walk_up(edges: set[Edge], start: str) -> set[str]:
    """Every class reached upward from `start`, itself included: one step at a time, nothing clever."""
    reached, frontier = {start}, {start}
    while frontier:
        frontier = {parent for child, parent in edges if child in frontier} - reached
        reached |= frontier
    return reached


def edges_in_use(edges: set[Edge], decisions: dict[Edge, str]) -> set[Edge]:
    added = {edge for edge, decision in decisions.items() if decision == "add"}
    return (edges | added) - {edge for edge, decision in decisions.items() if decision == "remove"}


def rows_where(graph: pd.DataFrame, column: str) -> set[Edge]:
    return set(graph.loc[graph[column], ["child_qid", "parent_qid"]].itertuples(index=False, name=None))


@LAWFUL
@given(edges=EDGES)
def test_ancestors_are_what_a_walk_upward_reaches(edges: set[Edge]) -> None:
    graph = digraph_of(edges)
    assert ancestors_or_self(graph) == {qid: walk_up(edges, qid) for qid in graph}


@LAWFUL
@given(edges=EDGES)
def test_closure_lists_every_class_with_all_its_ancestors_once_and_sorted(edges: set[Edge]) -> None:
    classes = {end for edge in edges for end in edge}
    expected = sorted((qid, ancestor) for qid in classes for ancestor in walk_up(edges, qid))
    assert list(closure(edge_table(edges)).itertuples(index=False, name=None)) == expected


@LAWFUL
@given(edges=EDGES)
def test_components_hold_the_classes_that_reach_each_other(edges: set[Edge]) -> None:
    component = components(digraph_of(edges))
    for one in component:
        for other in component:
            mutual = other in walk_up(edges, one) and one in walk_up(edges, other)
            assert (component[one] == component[other]) == mutual


@LAWFUL
@given(edges=EDGES)
def test_components_are_numbered_ancestors_first(edges: set[Edge]) -> None:
    component = components(digraph_of(edges))
    for qid in component:
        assert all(component[ancestor] <= component[qid] for ancestor in walk_up(edges, qid))


@LAWFUL_TABLES
@given(edges=EDGES, decisions=DECISIONS)
def test_an_edge_is_in_a_cycle_exactly_when_it_is_in_use_and_a_path_leads_back(
    edges: set[Edge], decisions: dict[Edge, str]
) -> None:
    used = edges_in_use(edges, decisions)
    expected = {(child, parent) for child, parent in used if child in walk_up(used, parent)}
    assert rows_where(graph_of(edges, decisions), "in_cycle") == expected


@LAWFUL_TABLES
@given(edges=EDGES, decisions=DECISIONS)
def test_decisions_add_and_remove_edges_and_nothing_else(edges: set[Edge], decisions: dict[Edge, str]) -> None:
    graph = graph_of(edges, decisions)
    added = {edge for edge, decision in decisions.items() if decision == "add"}
    ends = list(graph[["child_qid", "parent_qid"]].itertuples(index=False, name=None))
    assert sorted(ends) == sorted(edges | added)  # each edge once, removed ones included
    assert rows_where(graph, "is_removed") == {edge for edge in edges if decisions.get(edge) == "remove"}
    assert rows_where(graph.assign(by_decision=graph["source"] == "decision"), "by_decision") == added - edges
    assert set(graph["source"]) <= {"wikidata", "decision"}
    assert set(digraph(graph).edges) == edges_in_use(edges, decisions)


@LAWFUL_TABLES
@given(edges=EDGES, decisions=DECISIONS)
def test_keep_and_unsure_leave_the_graph_as_it_is(edges: set[Edge], decisions: dict[Edge, str]) -> None:
    words = {edge: "keep" if decision == "add" else "unsure" for edge, decision in decisions.items()}
    pd.testing.assert_frame_equal(graph_of(edges, words), graph_of(edges))


def test_removing_one_edge_of_a_cycle_opens_it() -> None:
    cycle = {("Q1", "Q2"), ("Q2", "Q3"), ("Q3", "Q1"), ("Q4", "Q1")}
    assert rows_where(graph_of(cycle), "in_cycle") == cycle - {("Q4", "Q1")}
    opened = graph_of(cycle, {("Q2", "Q3"): "remove"})
    assert rows_where(opened, "in_cycle") == set()
    assert len(opened) == 4
    assert ancestors_or_self(digraph(opened))["Q3"] == {"Q3", "Q1", "Q2"}


def test_adding_an_edge_can_close_a_cycle() -> None:
    graph = graph_of({("Q1", "Q2"), ("Q2", "Q3")}, {("Q3", "Q1"): "add"})
    assert graph["in_cycle"].all()
    assert graph.set_index(["child_qid", "parent_qid"])["source"].to_dict() == {
        ("Q1", "Q2"): "wikidata",
        ("Q2", "Q3"): "wikidata",
        ("Q3", "Q1"): "decision",
    }


def test_removed_edges_keep_their_classes_in_the_graph() -> None:
    graph = digraph(graph_of({("Q1", "Q2")}, {("Q1", "Q2"): "remove"}))
    assert set(graph) == {"Q1", "Q2"}
    assert not graph.edges


def test_digraph_leaves_out_the_given_classes_with_their_edges() -> None:
    graph = digraph(graph_of({("Q1", "Q2"), ("Q2", "Q3"), ("Q1", "Q3")}), without=frozenset({"Q2"}))
    assert set(graph) == {"Q1", "Q3"}
    assert set(graph.edges) == {("Q1", "Q3")}


@LAWFUL
@given(edges=EDGES)
def test_information_content_lies_in_0_to_1_and_never_falls_on_the_way_down(edges: set[Edge]) -> None:
    content = information_content(digraph_of(edges))
    assert all(0 <= value <= 1 for value in content.values())
    for child, parent in edges:
        assert content[parent] <= content[child]


@LAWFUL
@given(edges=EDGES)
def test_information_content_counts_descendants(edges: set[Edge]) -> None:
    graph = digraph_of(edges)
    content = information_content(graph)
    for qid in graph:
        below = sum(qid in walk_up(edges, other) for other in graph if other != qid)
        assert content[qid] == pytest.approx(1 - math.log(below + 1) / math.log(max(len(graph), 2)), abs=1e-12)
        assert (content[qid] == 1) == (below == 0)


def test_information_content_of_a_case_worked_by_hand() -> None:
    # Q4 above all of four classes, Q3 above one, Q1 and Q2 above none.
    content = information_content(nx.DiGraph([("Q1", "Q3"), ("Q3", "Q4"), ("Q2", "Q4")]))
    assert content == pytest.approx({"Q1": 1.0, "Q2": 1.0, "Q3": 0.5, "Q4": 0.0})


def test_classes_of_one_cycle_share_their_information_content() -> None:
    content = information_content(nx.DiGraph([("Q1", "Q2"), ("Q2", "Q1"), ("Q3", "Q1"), ("Q2", "Q4")]))
    assert content["Q1"] == content["Q2"]
    assert content["Q4"] < content["Q1"] < content["Q3"]


def test_a_graph_of_one_class_or_of_none_has_content_too() -> None:
    assert information_content(nx.DiGraph()) == {}
    alone = nx.DiGraph()
    alone.add_node("Q1")
    assert information_content(alone) == {"Q1": 1.0}
