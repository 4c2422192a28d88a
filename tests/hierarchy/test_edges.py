"""Odd edges against plain walks: redundant, cyclic and crossing ones, and what lies below them."""

from typing import Any

import networkx as nx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierarchy.edges import REASONS, doubtful_edges
from hierarchy.graph import class_graph

Edge = tuple[str, str]
Row = dict[str, Any]
QIDS = [f"Q{number}" for number in range(1, 8)]
NATURES = {"church": "human-made", "house": "human-made", "lake": "natural"}
ALL_CHURCH: dict[str, str | None] = dict.fromkeys(QIDS, "church")
IMAGES = {"Q10": 1, "Q20": 20, "Q30": 300}  # by item; each has one landmark more than it has zeros
LAWFUL = settings(deadline=None, max_examples=30)

ANY_EDGE = st.tuples(st.sampled_from(QIDS), st.sampled_from(QIDS))
EDGES = st.sets(ANY_EDGE, max_size=14)
REMOVED = st.frozensets(ANY_EDGE, max_size=2)
LABELS = st.fixed_dictionaries(dict.fromkeys(QIDS, st.sampled_from([*NATURES, None])))
ITEMS = st.sets(st.tuples(st.sampled_from([*QIDS, "Q99"]), st.sampled_from(list(IMAGES))), max_size=8)


def odd_edges(
    edges: set[Edge],
    labels: dict[str, str | None],
    items: set[Edge] | frozenset[Edge] = frozenset(),
    removed: frozenset[Edge] = frozenset(),
) -> dict[Edge, Row]:
    """What `doubtful_edges` says, by edge; `items` are pairs of class and item."""
    ends = ["child_qid", "parent_qid"]
    decisions = pd.DataFrame(sorted(removed), columns=ends, dtype=str).assign(decision="remove")
    graph = class_graph(pd.DataFrame(sorted(edges), columns=ends, dtype=str), decisions)
    class_labels = pd.DataFrame(
        {
            "class_qid": QIDS,
            "class_label": [f"class {q}" for q in QIDS],
            "hierarchical_label": [labels[q] for q in QIDS],
            "anchor_qid": None,
            "path_qids": [[q] if labels[q] else [] for q in QIDS],
            "evidence_hash": [f"facts of {q}" for q in QIDS],
        }
    )
    rows = [(qid, item, f"Category of {item}", len(str(IMAGES[item])), IMAGES[item]) for qid, item in sorted(items)]
    class_items = pd.DataFrame(rows, columns=["class_qid", "item_qid", "category", "landmark_count", "image_count"])
    types = {
        "class_qid": "str",
        "item_qid": "str",
        "category": "str",
        "landmark_count": "int64",
        "image_count": "int64",
    }
    found = doubtful_edges(graph, class_labels, NATURES, class_items.astype(types))
    assert not found.duplicated(ends).any()
    return {(row["child_qid"], row["parent_qid"]): row for row in found.to_dict("records")}


def walk_up(edges: set[Edge], start: str) -> set[str]:
    reached, frontier = {start}, {start}
    while frontier:
        frontier = {parent for child, parent in edges if child in frontier} - reached
        reached |= frontier
    return reached


def is_redundant(edges: set[Edge], edge: Edge) -> bool:
    """Another parent of the child reaches the parent, and neither the child nor that other parent is reached back."""
    child, parent = edge
    others = {other for start, other in edges if start == child and other != parent}
    return any(
        parent in walk_up(edges, other) and child not in walk_up(edges, other) and other not in walk_up(edges, parent)
        for other in others
    )


def expected_doubt(edges: set[Edge], labels: dict[str, str | None], edge: Edge) -> str | None:
    child, parent = edge
    child_label, parent_label = labels[child], labels[parent]
    if child_label is None and parent_label is None:
        return None
    if child_label and parent_label and NATURES[child_label] != NATURES[parent_label]:
        return "crossing_edge"
    if child in walk_up(edges, parent):
        return "cyclic_edge"
    return "redundant_edge" if is_redundant(edges, edge) else None


@LAWFUL
@given(edges=EDGES, labels=LABELS, removed=REMOVED)
def test_odd_edges_and_their_reasons_are_those_of_a_slow_walk(
    edges: set[Edge], labels: dict[str, str | None], removed: frozenset[Edge]
) -> None:
    used = edges - removed
    reasons = {edge: expected_doubt(used, labels, edge) for edge in used}
    found = {edge: row["doubt"] for edge, row in odd_edges(edges, labels, removed=removed).items()}
    assert found == {edge: reason for edge, reason in reasons.items() if reason}


@LAWFUL
@given(edges=EDGES, items=ITEMS)
def test_counts_are_of_the_items_at_or_below_the_child_each_once(edges: set[Edge], items: set[Edge]) -> None:
    for (child, _), row in odd_edges(edges, ALL_CHURCH, items).items():
        below = {item for qid, item in items if child in walk_up(edges, qid)}
        assert row["image_count"] == sum(IMAGES[item] for item in below)
        assert row["landmark_count"] == sum(len(str(IMAGES[item])) for item in below)


@LAWFUL
@given(edges=EDGES)
def test_without_its_redundant_edges_the_graph_has_the_same_ancestors(edges: set[Edge]) -> None:
    redundant = {edge for edge, row in odd_edges(edges, ALL_CHURCH).items() if row["doubt"] == "redundant_edge"}
    assert all(walk_up(edges - redundant, qid) == walk_up(edges, qid) for qid in QIDS)


@LAWFUL
@given(edges=EDGES.map(lambda edges: {(min(edge), max(edge)) for edge in edges if edge[0] != edge[1]}))
def test_without_cycles_the_redundant_edges_are_those_that_a_transitive_reduction_drops(edges: set[Edge]) -> None:
    kept = set(nx.transitive_reduction(nx.DiGraph(list(edges))).edges)
    assert set(odd_edges(edges, ALL_CHURCH)) == edges - kept


def test_an_edge_beside_a_longer_path_is_redundant_and_the_path_is_not() -> None:
    found = odd_edges({("Q1", "Q2"), ("Q2", "Q3"), ("Q1", "Q3")}, ALL_CHURCH)
    assert {edge: row["doubt"] for edge, row in found.items()} == {("Q1", "Q3"): "redundant_edge"}


def test_a_removed_edge_is_not_odd_and_implies_nothing() -> None:
    edges = {("Q1", "Q2"), ("Q2", "Q3"), ("Q1", "Q3")}
    assert odd_edges(edges, ALL_CHURCH, removed=frozenset({("Q1", "Q3")})) == {}
    assert odd_edges(edges, ALL_CHURCH, removed=frozenset({("Q2", "Q3")})) == {}


def test_an_edge_under_two_reasons_is_listed_once_under_the_stronger() -> None:
    labels: dict[str, str | None] = {**ALL_CHURCH, "Q3": "lake"}
    found = odd_edges({("Q1", "Q2"), ("Q2", "Q3"), ("Q1", "Q3"), ("Q3", "Q2")}, labels)
    assert {edge: row["doubt"] for edge, row in found.items()} == {
        ("Q1", "Q3"): "crossing_edge",
        ("Q2", "Q3"): "crossing_edge",
        ("Q3", "Q2"): "crossing_edge",
    }


def test_the_stronger_the_reason_the_greater_the_uncertainty() -> None:
    values = [value for _, _, value in REASONS]
    assert values == sorted(values)
    assert all(0 < value <= 1 for value in values)


def test_two_labels_of_one_realm_do_not_cross() -> None:
    assert odd_edges({("Q1", "Q2")}, {**ALL_CHURCH, "Q2": "house"}) == {}


def test_an_edge_to_a_class_without_a_label_does_not_cross() -> None:
    assert odd_edges({("Q1", "Q2")}, {**ALL_CHURCH, "Q1": "lake", "Q2": None}) == {}


def test_a_cycle_without_any_label_is_left_out() -> None:
    nobody: dict[str, str | None] = dict.fromkeys(QIDS)
    cycle = {("Q1", "Q2"), ("Q2", "Q1")}
    assert odd_edges(cycle, nobody) == {}
    assert set(odd_edges(cycle, {**nobody, "Q1": "lake"})) == cycle


def test_an_odd_edge_names_its_classes_labels_reason_and_counts() -> None:
    labels: dict[str, str | None] = {**ALL_CHURCH, "Q2": "lake"}
    items = {("Q1", "Q10"), ("Q1", "Q20"), ("Q3", "Q10"), ("Q2", "Q30")}
    (row,) = odd_edges({("Q1", "Q2"), ("Q3", "Q1")}, labels, items).values()
    assert (row["child_label"], row["parent_label"]) == ("class Q1", "class Q2")
    assert (row["doubt"], row["uncertainty"]) == ("crossing_edge", 0.75)
    assert row["candidates"] == "keep: church; remove: leaves no parent"
    assert row["path"] == "class Q2 (Q2)"
    assert row["examples"] == "Category of Q20; Category of Q10"
    assert row["commons_url"] == "https://commons.wikimedia.org/wiki/Category:Category_of_Q20"
    assert (row["image_count"], row["landmark_count"]) == (21, 3)
    assert "realms" in row["why"]


def test_an_odd_edge_names_what_its_child_would_be_left_under() -> None:
    labels: dict[str, str | None] = {**ALL_CHURCH, "Q2": "lake", "Q4": None}
    edges = {("Q1", "Q2"), ("Q1", "Q3"), ("Q1", "Q4")}
    row = odd_edges(edges, labels)["Q1", "Q2"]
    assert row["candidates"] == "keep: church; remove: leaves class Q3 Q3 (church), class Q4 Q4 (no label)"


def test_evidence_of_an_edge_changes_with_wikidatas_parents_and_not_with_images_or_decisions() -> None:
    def hash_of(edges: set[Edge], items: set[Edge], removed: frozenset[Edge] = frozenset()) -> str:
        labels: dict[str, str | None] = {**ALL_CHURCH, "Q2": "lake"}
        return str(odd_edges(edges, labels, items, removed)["Q1", "Q2"]["evidence_hash"])

    alone, beside = {("Q1", "Q2")}, {("Q1", "Q2"), ("Q1", "Q3")}
    assert hash_of(alone, set()) == hash_of(alone, {("Q1", "Q10")})
    assert hash_of(alone, set()) != hash_of(beside, set())
    assert hash_of(beside, set()) == hash_of(beside, set(), frozenset({("Q1", "Q3")}))


def test_a_graph_without_odd_edges_gives_an_empty_queue() -> None:
    assert odd_edges({("Q1", "Q2")}, ALL_CHURCH, {("Q1", "Q10")}) == {}
    assert odd_edges(set(), ALL_CHURCH) == {}


def test_a_label_over_a_very_general_class_is_listed_unless_the_class_is_an_anchor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hierarchy.edges.GENERIC_CLASSES", 2)
    found = odd_edges({("Q1", "Q3"), ("Q2", "Q3")}, ALL_CHURCH)
    assert {edge: row["doubt"] for edge, row in found.items()} == {
        ("Q1", "Q3"): "generic_parent",
        ("Q2", "Q3"): "generic_parent",
    }
    monkeypatch.setattr("hierarchy.edges.GENERIC_CLASSES", 3)
    assert odd_edges({("Q1", "Q3"), ("Q2", "Q3")}, ALL_CHURCH) == {}
