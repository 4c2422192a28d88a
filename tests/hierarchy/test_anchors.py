"""Class labels against a slow reading of the design's rule, on random graphs and on real and hand-made cases."""

from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hierarchy.anchor_report import candidate_anchors
from hierarchy.anchors import label_classes

Edge = tuple[str, str]
Row = dict[str, Any]
QIDS = [f"Q{number}" for number in range(1, 10)]
LABELS = ["church", "castle / fort", "lake"]  # in order of priority
MONUMENT, STATUE, SCULPTURE, SMALL_MONUMENT = CYCLE = ["Q4989906", "Q179700", "Q860861", "Q1746392"]
CYCLE_EDGES = set(zip(CYCLE, [*CYCLE[1:], CYCLE[0]], strict=True))
LAWFUL = settings(deadline=None, max_examples=60)
FEWER = settings(deadline=None, max_examples=40)  # two calls an example


@dataclass(frozen=True)
class World:
    """Edges in use, anchors.csv, and class decisions: ("assign", label), ("ignore", "") or ("unsure", "")."""

    edges: set[Edge]
    anchors: dict[str, str] = field(default_factory=dict)
    decisions: dict[str, tuple[str, str]] = field(default_factory=dict)
    removed: frozenset[Edge] = frozenset()

    @property
    def classes(self) -> list[str]:
        return sorted({*QIDS, *(end for edge in self.edges for end in edge)})

    @property
    def used(self) -> set[Edge]:
        return self.edges - self.removed

    def decided(self, decision: str) -> dict[str, str]:
        return {qid: label for qid, (word, label) in self.decisions.items() if word == decision}

    @property
    def labels(self) -> dict[str, str]:
        """Label of every anchor: decisions beat anchors.csv, an ignored class is none."""
        labels = self.anchors | self.decided("assign")
        return {qid: label for qid, label in labels.items() if qid not in self.decided("ignore")}


ANY_QID = st.sampled_from(QIDS)
ANY_EDGE = st.tuples(ANY_QID, ANY_QID)
VERDICTS = st.one_of(
    st.tuples(st.just("assign"), st.sampled_from(LABELS)), st.sampled_from([("ignore", ""), ("unsure", "")])
)
WORLDS = st.builds(
    World,
    st.sets(ANY_EDGE, min_size=4, max_size=16),
    st.dictionaries(ANY_QID, st.sampled_from(LABELS), max_size=5),
    st.dictionaries(ANY_QID, VERDICTS, max_size=3),
    st.frozensets(ANY_EDGE, max_size=3),
)


def labelled(world: World, order: Random | None = None) -> dict[str, Row]:
    """What `label_classes` says, by class; `order` shuffles the rows of its tables."""
    edges = [(*edge, edge in world.removed) for edge in sorted(world.edges)]
    anchors = sorted(world.anchors.items())
    decisions = [(qid, decision, label) for qid, (decision, label) in sorted(world.decisions.items())]
    if order:
        for rows in (edges, anchors, decisions):
            order.shuffle(rows)
    frame = label_classes(
        pd.DataFrame(edges, columns=["child_qid", "parent_qid", "is_removed"]),
        pd.DataFrame({"class_qid": world.classes, "class_label": [f"class {qid}" for qid in world.classes]}),
        pd.DataFrame({"hierarchical_label": LABELS, "priority": range(1, len(LABELS) + 1)}),
        pd.DataFrame(anchors, columns=["class_qid", "hierarchical_label"], dtype=str),
        pd.DataFrame(decisions, columns=["class_qid", "decision", "hierarchical_label"], dtype=str),
    )
    return {row["class_qid"]: {name: _plain(value) for name, value in row.items()} for row in frame.to_dict("records")}


def _plain(value: Any) -> Any:
    return None if value is None or value != value else value  # NaN is not itself


def steps_up(edges: set[Edge], start: str) -> dict[str, int]:
    """Fewest edges from `start` to every class above it, itself at 0."""
    steps, frontier = {start: 0}, {start}
    while frontier:
        frontier = {parent for child, parent in edges if child in frontier} - set(steps)
        steps |= dict.fromkeys(frontier, max(steps.values()) + 1)
    return steps


def unblocked(world: World) -> set[Edge]:
    ignored = world.decided("ignore")
    return {edge for edge in world.used if not ignored.keys() & set(edge)}


def expected_candidates(world: World, qid: str) -> dict[str, int]:
    """Anchors reachable upward, less any that is a strict ancestor of another candidate: anchor -> steps."""
    if qid in world.decided("ignore"):
        return {}
    edges = unblocked(world)
    above = {other: steps_up(edges, other) for other in world.classes}
    met = {anchor for anchor in world.labels if anchor in above[qid]}

    def on_one_cycle(one: str, other: str) -> bool:
        return one in above[other] and other in above[one]

    decided = met & world.decided("assign").keys()  # beat anchors.csv, on a cycle too
    met = {a for a in met if a in decided or not any(on_one_cycle(a, b) for b in decided)}
    nearest = {a for a in met if not any(a in above[b] and not on_one_cycle(a, b) for b in met)}
    return {anchor: above[qid][anchor] for anchor in nearest}


def descendants(world: World, qid: str) -> int:
    return sum(qid in steps_up(world.used, other) for other in world.classes) - 1


def rank_of(world: World, anchor: str, steps: int) -> tuple[int, int, int]:
    """Order of candidates: steps, information content (fewer descendants first), priority."""
    return steps, descendants(world, anchor), LABELS.index(world.labels[anchor])


@settings(deadline=None, max_examples=150)
@given(world=WORLDS)
def test_candidates_are_the_nearest_anchors(world: World) -> None:
    for qid, row in labelled(world).items():
        found = dict(zip(row["candidate_qids"], row["candidate_steps"], strict=True))
        assert found == expected_candidates(world, qid), qid
        assert row["candidate_labels"] == [world.labels[anchor] for anchor in row["candidate_qids"]]


@LAWFUL
@given(world=WORLDS)
def test_candidates_are_ordered_by_steps_then_information_content_then_priority(world: World) -> None:
    for row in labelled(world).values():
        pairs = zip(row["candidate_qids"], row["candidate_steps"], strict=True)
        ranks = [rank_of(world, anchor, steps) for anchor, steps in pairs]
        assert ranks == sorted(ranks)


@LAWFUL
@given(world=WORLDS)
def test_the_first_candidate_gives_label_anchor_and_steps(world: World) -> None:
    for row in labelled(world).values():
        first = [row[f"candidate_{name}"][:1] for name in ("labels", "qids", "steps")]
        given_by = [row["hierarchical_label"], row["anchor_qid"], row["steps"]]
        assert given_by == ([values[0] for values in first] if first[0] else [None, None, None])
        assert (row["anchor_information_content"] is None) == (row["anchor_qid"] is None)


@LAWFUL
@given(world=WORLDS)
def test_status_follows_from_the_labels_of_the_candidates(world: World) -> None:
    for qid, row in labelled(world).items():
        labels = {world.labels[anchor] for anchor in expected_candidates(world, qid)}
        by_count = ["unreached", "resolved", "contested"][min(len(labels), 2)]
        assert row["status"] == ("ignored" if qid in world.decided("ignore") else by_count)


@LAWFUL
@given(world=WORLDS)
def test_rule_names_what_tells_the_best_from_the_best_of_another_label(world: World) -> None:
    for qid, row in labelled(world).items():
        candidates = expected_candidates(world, qid)
        ranks = sorted((rank_of(world, anchor, steps), anchor) for anchor, steps in candidates.items())
        if not ranks:
            assert row["rule"] == row["status"]
            continue
        best = ranks[0]
        rivals = [rank for rank, anchor in ranks if world.labels[anchor] != world.labels[best[1]]]
        if rivals:
            rule = ["steps", "information_content", "priority"]
            assert row["rule"] == next(n for n, a, b in zip(rule, best[0], rivals[0], strict=True) if a != b)
        elif qid in world.decided("assign"):
            assert row["rule"] == "decision"
        else:
            assert row["rule"] == ("anchor" if best[0][0] == 0 else "agreed")


@LAWFUL
@given(world=WORLDS)
def test_path_is_a_shortest_walk_of_real_edges_around_ignored_classes(world: World) -> None:
    ignored = world.decided("ignore")
    for qid, row in labelled(world).items():
        path = row["path_qids"]
        if row["anchor_qid"] is None:
            assert path == []
            continue
        assert (path[0], path[-1], len(path) - 1) == (qid, row["anchor_qid"], row["steps"])
        assert set(pairwise(path)) <= world.used
        assert not ignored.keys() & set(path)
        assert row["steps"] == steps_up(unblocked(world), qid)[row["anchor_qid"]]


@FEWER
@given(world=WORLDS)
def test_unsure_changes_nothing(world: World) -> None:
    silent = {qid: verdict for qid, verdict in world.decisions.items() if verdict[0] != "unsure"}
    assert labelled(world) == labelled(World(world.edges, world.anchors, silent, world.removed))


@FEWER
@given(world=WORLDS, order=st.randoms(use_true_random=False))
def test_order_of_the_input_rows_does_not_matter(world: World, order: Random) -> None:
    assert labelled(world, order) == labelled(world)


def test_every_class_has_one_row_in_the_order_given_with_its_label() -> None:
    rows = labelled(World({("Q1", "Q2")}, {"Q2": "lake"}))
    assert list(rows) == QIDS
    assert rows["Q5"]["class_label"] == "class Q5"


def test_an_anchor_labels_itself_and_everything_below() -> None:
    rows = labelled(World({("Q1", "Q2"), ("Q2", "Q3")}, {"Q2": "church"}))
    assert [rows[qid]["hierarchical_label"] for qid in ("Q1", "Q2", "Q3")] == ["church", "church", None]
    assert [rows[qid]["rule"] for qid in ("Q1", "Q2", "Q3")] == ["agreed", "anchor", "unreached"]
    assert [rows[qid]["status"] for qid in ("Q1", "Q2", "Q3")] == ["resolved", "resolved", "unreached"]
    assert rows["Q1"]["path_qids"] == ["Q1", "Q2"]


def test_a_nearer_anchor_shadows_the_one_above_it() -> None:
    rows = labelled(World({("Q1", "Q2"), ("Q2", "Q3")}, {"Q2": "church", "Q3": "lake"}))
    assert rows["Q1"]["candidate_qids"] == ["Q2"]
    assert rows["Q1"]["status"] == "resolved"


def test_a_direct_edge_to_a_shadowed_anchor_does_not_bring_it_back() -> None:
    edges = {("Q1", "Q5"), ("Q5", "Q2"), ("Q2", "Q3"), ("Q1", "Q3")}
    rows = labelled(World(edges, {"Q2": "church", "Q3": "lake"}))
    assert (rows["Q1"]["candidate_qids"], rows["Q1"]["steps"]) == (["Q2"], 2)


def test_two_labels_side_by_side_are_contested_and_the_nearer_is_proposed() -> None:
    rows = labelled(World({("Q1", "Q2"), ("Q1", "Q3"), ("Q3", "Q4")}, {"Q2": "lake", "Q4": "church"}))
    row = rows["Q1"]
    assert (row["hierarchical_label"], row["status"], row["rule"]) == ("lake", "contested", "steps")
    assert row["candidate_steps"] == [1, 2]


def test_at_equal_steps_the_anchor_with_fewer_descendants_is_proposed() -> None:
    edges = {("Q1", "Q2"), ("Q1", "Q3"), ("Q4", "Q2")}
    row = labelled(World(edges, {"Q2": "church", "Q3": "lake"}))["Q1"]
    assert (row["hierarchical_label"], row["status"], row["rule"]) == ("lake", "contested", "information_content")


def test_information_content_counts_ignored_descendants_too() -> None:
    edges = {("Q1", "Q2"), ("Q1", "Q3"), ("Q4", "Q2"), ("Q5", "Q2"), ("Q6", "Q3")}
    decisions = {"Q4": ("ignore", ""), "Q5": ("ignore", "")}
    row = labelled(World(edges, {"Q2": "church", "Q3": "lake"}, decisions))["Q1"]
    assert (row["hierarchical_label"], row["rule"]) == ("lake", "information_content")


def test_of_equally_short_paths_the_one_with_the_smaller_id_is_shown() -> None:
    edges = {("Q1", "Q10"), ("Q10", "Q20"), ("Q1", "Q9"), ("Q9", "Q20")}
    assert labelled(World(edges, {"Q20": "lake"}))["Q1"]["path_qids"] == ["Q1", "Q9", "Q20"]


def test_at_equal_steps_and_content_the_priority_of_the_taxonomy_decides() -> None:
    row = labelled(World({("Q1", "Q2"), ("Q1", "Q3")}, {"Q2": "lake", "Q3": "castle / fort"}))["Q1"]
    assert (row["hierarchical_label"], row["status"], row["rule"]) == ("castle / fort", "contested", "priority")


def test_two_anchors_of_one_label_are_no_contest() -> None:
    row = labelled(World({("Q1", "Q2"), ("Q1", "Q3")}, {"Q2": "lake", "Q3": "lake"}))["Q1"]
    assert (row["status"], row["rule"], row["candidate_qids"]) == ("resolved", "agreed", ["Q2", "Q3"])


def test_a_removed_edge_carries_no_label() -> None:
    edges = {("Q1", "Q2"), ("Q1", "Q3")}
    row = labelled(World(edges, {"Q2": "lake", "Q3": "church"}, removed=frozenset({("Q1", "Q2")})))["Q1"]
    assert (row["hierarchical_label"], row["status"]) == ("church", "resolved")


def test_ignore_blocks_the_short_path_and_leaves_the_long_one() -> None:
    edges = {("Q1", "Q2"), ("Q2", "Q5"), ("Q1", "Q3"), ("Q3", "Q4"), ("Q4", "Q5")}
    rows = labelled(World(edges, {"Q5": "church"}, {"Q2": ("ignore", "")}))
    assert (rows["Q1"]["steps"], rows["Q1"]["path_qids"]) == (3, ["Q1", "Q3", "Q4", "Q5"])
    assert (rows["Q2"]["status"], rows["Q2"]["rule"]) == ("ignored", "ignored")
    assert rows["Q2"]["hierarchical_label"] is None


def test_ignore_on_the_only_path_leaves_a_class_unreached() -> None:
    rows = labelled(World({("Q1", "Q2"), ("Q2", "Q3")}, {"Q3": "church"}, {"Q2": ("ignore", "")}))
    assert rows["Q1"]["status"] == "unreached"


def test_an_ignored_anchor_is_no_anchor() -> None:
    rows = labelled(World({("Q1", "Q2"), ("Q2", "Q3")}, {"Q2": "lake", "Q3": "church"}, {"Q2": ("ignore", "")}))
    assert (rows["Q1"]["status"], rows["Q2"]["status"]) == ("unreached", "ignored")


def test_assign_beats_anchors_csv_for_the_class_and_what_lies_below() -> None:
    rows = labelled(World({("Q1", "Q2")}, {"Q2": "lake"}, {"Q2": ("assign", "church")}))
    assert [rows[qid]["hierarchical_label"] for qid in ("Q1", "Q2")] == ["church", "church"]
    assert [rows[qid]["rule"] for qid in ("Q1", "Q2")] == ["agreed", "decision"]


def test_assign_settles_a_contested_class() -> None:
    world = World({("Q1", "Q2"), ("Q1", "Q3")}, {"Q2": "lake", "Q3": "church"}, {"Q1": ("assign", "castle / fort")})
    row = labelled(world)["Q1"]
    assert (row["hierarchical_label"], row["status"], row["rule"]) == ("castle / fort", "resolved", "decision")


def test_a_decision_about_a_class_outside_the_graph_changes_nothing() -> None:
    world = World({("Q1", "Q2")}, {"Q2": "lake"}, {"Q77": ("assign", "church"), "Q78": ("ignore", "")})
    assert labelled(world) == labelled(World({("Q1", "Q2")}, {"Q2": "lake"}))


def test_the_real_cycle_under_one_label_is_resolved() -> None:
    rows = labelled(World(CYCLE_EDGES | {("Q1", MONUMENT)}, {STATUE: "church", SCULPTURE: "church"}))
    assert {rows[qid]["status"] for qid in (*CYCLE, "Q1")} == {"resolved"}
    assert rows[MONUMENT]["path_qids"] == [MONUMENT, STATUE]


def test_the_real_cycle_with_anchors_of_two_labels_is_contested_for_all_its_classes() -> None:
    rows = labelled(World(CYCLE_EDGES | {("Q1", STATUE)}, {SCULPTURE: "lake", MONUMENT: "church"}))
    assert {rows[qid]["status"] for qid in (*CYCLE, "Q1")} == {"contested"}
    # Each proposes the anchor that is fewer steps away along the cycle.
    proposed = {MONUMENT: "church", STATUE: "lake", SCULPTURE: "lake", SMALL_MONUMENT: "church", "Q1": "lake"}
    assert {qid: rows[qid]["hierarchical_label"] for qid in proposed} == proposed


@pytest.mark.parametrize("decided", CYCLE)
def test_a_decision_on_one_class_of_the_real_cycle_settles_it(decided: str) -> None:
    world = World(CYCLE_EDGES, {SCULPTURE: "lake", MONUMENT: "church"}, {decided: ("assign", "castle / fort")})
    row = labelled(world)[decided]
    assert (row["hierarchical_label"], row["status"], row["rule"]) == ("castle / fort", "resolved", "decision")
    assert (row["steps"], row["path_qids"]) == (0, [decided])


def test_ignoring_one_class_of_the_real_cycle_opens_it() -> None:
    rows = labelled(World(CYCLE_EDGES, {SCULPTURE: "lake", MONUMENT: "church"}, {SMALL_MONUMENT: ("ignore", "")}))
    assert (rows[STATUE]["status"], rows[STATUE]["hierarchical_label"]) == ("resolved", "lake")
    assert (rows[MONUMENT]["status"], rows[MONUMENT]["hierarchical_label"]) == ("resolved", "church")


@LAWFUL
@given(world=WORLDS)
@example(world=World({("Q1", "Q2"), ("Q2", "Q1")}, {}, {"Q1": ("assign", "church"), "Q2": ("assign", "lake")}))
def test_an_assigned_class_has_its_own_label(world: World) -> None:
    rows = labelled(world)
    for qid, label in world.decided("assign").items():
        assert (rows[qid]["hierarchical_label"], rows[qid]["steps"]) == (label, 0)


def test_a_class_without_any_edge_may_be_proposed_as_an_anchor() -> None:
    """Classes may be used by landmarks without being joined to any other."""
    graph = pd.DataFrame({"child_qid": ["Q1"], "parent_qid": ["Q2"], "is_removed": [False]})
    labels = pd.DataFrame({"class_qid": ["Q1", "Q2", "Q9"], "class_label": ["kirk", "place", "lido"]})
    labels["status"] = ["resolved", "resolved", "unreached"]
    items = pd.DataFrame({"item_qid": ["Q100", "Q101"], "class_qid": ["Q9", "Q9"], "image_count": [3, 4]})
    evidence = pd.DataFrame({"item_qid": ["Q100"], "hierarchical_label": ["bath"]})
    (proposed,) = candidate_anchors(graph, labels, items, evidence).to_dict("records")
    assert (proposed["class_qid"], proposed["hierarchical_label"]) == ("Q9", "bath")
    assert (proposed["known_count"], proposed["gained_count"], proposed["image_count"]) == (1, 1, 4)
