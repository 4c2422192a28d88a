"""Labels after a change, found in part, are those found from the start, on any small graph, with cycles and ties."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hierarchy.anchors import label_classes
from hierarchy.consequences import after_classes, after_landmarks, landmark_state, moved, summary
from hierarchy.graph import class_graph, digraph, information_content
from hierarchy.relabel import ClassState, Rules, class_state, relabel
from hierarchy.votes import votes_of_items, winners
from pipeline import tables
from pipeline.files import conform

Edge = tuple[str, str]
QIDS = [f"Q{number}" for number in range(1, 9)]
LABELS = ["church", "house", "lake", "museum"]
TAXONOMY = pd.DataFrame({"hierarchical_label": LABELS, "priority": [2, 1, 4, 3]})
LAWFUL = settings(deadline=None, max_examples=60)

EDGE = st.tuples(st.sampled_from(QIDS), st.sampled_from(QIDS)).filter(lambda edge: edge[0] != edge[1])
EDGES = st.frozensets(EDGE, max_size=14)
ANCHORS = st.dictionaries(st.sampled_from(QIDS), st.sampled_from(LABELS), max_size=4)
CLASS_VERDICT = st.one_of(
    st.tuples(st.just("assign"), st.sampled_from(LABELS)),
    st.tuples(st.sampled_from(["ignore", "unsure"]), st.just("")),
)
CLASS_DECISIONS = st.dictionaries(st.sampled_from(QIDS), CLASS_VERDICT, max_size=3)
EDGE_DECISIONS = st.dictionaries(EDGE, st.sampled_from(["add", "remove", "keep", "unsure"]), max_size=4)


@dataclass(frozen=True)
class Decisions:
    """What people decided, as the tables hold it."""

    classes: dict[str, tuple[str, str]]
    edges: dict[Edge, str]

    @property
    def class_table(self) -> pd.DataFrame:
        rows = [(qid, *verdict) for qid, verdict in sorted(self.classes.items())]
        return pd.DataFrame(rows, columns=["class_qid", "decision", "hierarchical_label"], dtype=str)

    @property
    def edge_table(self) -> pd.DataFrame:
        rows = [(*edge, decision) for edge, decision in sorted(self.edges.items())]
        return pd.DataFrame(rows, columns=["child_qid", "parent_qid", "decision"], dtype=str)


DECISIONS = st.builds(Decisions, CLASS_DECISIONS, EDGE_DECISIONS)


def rules_of(edges: frozenset[Edge], anchors: dict[str, str]) -> Rules:
    table = pd.DataFrame(sorted(anchors.items()), columns=["class_qid", "hierarchical_label"], dtype=str)
    return Rules(edges, TAXONOMY, table)


def from_the_start(rules: Rules, decisions: Decisions) -> ClassState:
    """The slow way: every class labelled as the hierarchy stage does it."""
    ends = pd.DataFrame(sorted(rules.wikidata_edges), columns=["child_qid", "parent_qid"], dtype=str)
    graph = class_graph(ends, decisions.edge_table)
    classes = pd.DataFrame({"class_qid": QIDS, "class_label": [f"class {qid}" for qid in QIDS]})
    labels = label_classes(graph, classes, rules.taxonomy, rules.anchors, decisions.class_table)
    labels = conform(labels.assign(evidence_hash="facts"), tables.CLASS_LABELS)
    return class_state(digraph(graph), labels, decisions.class_table, decisions.edge_table)


def plain(frame: pd.DataFrame) -> dict[str, Any]:
    """Rows by class, every kind of null as None."""
    rows = frame.drop(columns="class_qid").astype(object).where(frame.drop(columns="class_qid").notna(), None)
    return {str(qid): row for qid, row in zip(frame["class_qid"], rows.to_dict("records"), strict=True)}


@LAWFUL
@given(edges=EDGES, anchors=ANCHORS, before=DECISIONS, after=DECISIONS)
@example(  # two anchors of one label, equally near: which of them is told depends on what lies below each
    edges=frozenset({("Q1", "Q2"), ("Q1", "Q4")}),
    anchors={"Q2": "church", "Q4": "church"},
    before=Decisions({}, {}),
    after=Decisions({}, {("Q3", "Q2"): "add"}),
)
@example(  # the second candidate is farther off, the first is as it was
    edges=frozenset({("Q1", "Q2"), ("Q1", "Q8"), ("Q2", "Q8"), ("Q8", "Q1")}),
    anchors={"Q1": "church", "Q8": "church"},
    before=Decisions({}, {}),
    after=Decisions({}, {("Q1", "Q8"): "remove"}),
)
def test_relabelling_in_part_gives_what_labelling_from_the_start_gives(
    edges: frozenset[Edge], anchors: dict[str, str], before: Decisions, after: Decisions
) -> None:
    rules = rules_of(edges, anchors)
    state, expected = from_the_start(rules, before), from_the_start(rules, after)
    found = relabel(state, rules, after.class_table, after.edge_table)
    assert plain(found.state.class_labels) == plain(expected.class_labels)
    assert set(found.state.graph.edges) == set(expected.graph.edges)
    assert found.state.content == pytest.approx(expected.content)
    same = {qid for qid in QIDS if qid not in found.changed}
    old, new = plain(state.class_labels), plain(expected.class_labels)
    assert all(old[qid]["hierarchical_label"] == new[qid]["hierarchical_label"] for qid in same)


@LAWFUL
@given(edges=EDGES, anchors=ANCHORS, before=DECISIONS, after=DECISIONS)
def test_going_back_gives_what_was_there(
    edges: frozenset[Edge], anchors: dict[str, str], before: Decisions, after: Decisions
) -> None:
    rules = rules_of(edges, anchors)
    state = from_the_start(rules, before)
    there = relabel(state, rules, after.class_table, after.edge_table).state
    back = relabel(there, rules, before.class_table, before.edge_table).state
    assert plain(back.class_labels) == plain(state.class_labels)
    assert back.bits == state.bits
    assert set(back.graph.edges) == set(state.graph.edges)


@LAWFUL
@given(edges=EDGES)
def test_information_content_from_bits_is_that_of_the_definition(edges: frozenset[Edge]) -> None:
    state = from_the_start(rules_of(edges, {}), Decisions({}, {}))
    assert state.content == pytest.approx(information_content(state.graph))


# ---------------------------------------------------------------------------------------------------- landmarks
STATEMENTS = st.sets(st.tuples(st.sampled_from(["Q10", "Q20", "Q30"]), st.sampled_from(QIDS)), max_size=6)
LANDMARKS = pd.DataFrame(
    {
        "split": ["train", "train", "train", "index", "train"],
        "landmark_id": [1, 2, 3, 4, 5],
        "category": ["One", "Two", "Three", "One", "No item"],
        "item_qid": ["Q10", "Q20", "Q30", "Q10", None],
        "image_count": [10, 5, 3, 2, 1],
        "other_label": [None, None, None, None, "lake"],
        "is_withheld": [False, False, True, False, False],
    }
).astype({"item_qid": "str", "other_label": "str"})
VERDICTS = st.dictionaries(
    st.sampled_from(["One", "Three", "No item"]),
    st.one_of(
        st.tuples(st.just("assign"), st.sampled_from(LABELS)),
        st.tuples(st.sampled_from(["reject", "unsure"]), st.just("")),
    ),
)


def verdict_table(verdicts: dict[str, tuple[str, str]]) -> pd.DataFrame:
    rows = [(category, *verdict) for category, verdict in sorted(verdicts.items())]
    return pd.DataFrame(rows, columns=["category", "decision", "hierarchical_label"], dtype=str)


def slow_labels(statements: pd.DataFrame, state: ClassState, verdicts: dict[str, tuple[str, str]]) -> list[str]:
    """Label of every landmark by the votes of all items, then by people; empty for none."""
    elected = winners(votes_of_items(statements, state.class_labels.reset_index(drop=True), TAXONOMY))
    by_item = dict(zip(elected["item_qid"], elected["hierarchical_label"], strict=True))
    found: list[str] = []
    for row in LANDMARKS.to_dict("records"):
        other = row["other_label"] if isinstance(row["other_label"], str) else ""
        label = "" if row["is_withheld"] else by_item.get(row["item_qid"], other)
        decision, given_label = verdicts.get(row["category"], ("unsure", ""))
        found.append(label if decision == "unsure" else given_label)
    return found


@LAWFUL
@given(
    edges=EDGES,
    anchors=ANCHORS,
    statements=STATEMENTS,
    before=DECISIONS,
    after=DECISIONS,
    verdicts=VERDICTS,
    verdicts_after=VERDICTS,
)
def test_landmarks_move_exactly_as_voting_from_the_start_says(
    edges: frozenset[Edge],
    anchors: dict[str, str],
    statements: set[tuple[str, str]],
    before: Decisions,
    after: Decisions,
    verdicts: dict[str, tuple[str, str]],
    verdicts_after: dict[str, tuple[str, str]],
) -> None:
    rules = rules_of(edges, anchors)
    table = pd.DataFrame(sorted(statements), columns=["item_qid", "class_qid"], dtype=str).assign(is_best=True)
    state = from_the_start(rules, before)
    landmarks = landmark_state(table, state.class_labels, TAXONOMY, LANDMARKS, verdict_table(verdicts))
    assert landmarks.labels.tolist() == slow_labels(table, state, verdicts)
    relabelled = relabel(state, rules, after.class_table, after.edge_table)
    later = after_landmarks(after_classes(landmarks, relabelled, TAXONOMY), verdict_table(verdicts_after))
    expected = slow_labels(table, from_the_start(rules, after), verdicts_after)
    assert later.labels.tolist() == expected
    moves = moved(landmarks, later)
    pairs = zip(slow_labels(table, state, verdicts), expected, strict=True)
    assert moves.index.tolist() == [place for place, (old, new) in enumerate(pairs) if old != new]


def test_moves_are_summed_by_label_with_the_landmarks_of_most_images_first() -> None:
    rows = [(1, "A", 5, "house", "museum"), (2, "B", 9, "house", "museum"), (3, "C", 20, "", "museum")]
    moves = pd.DataFrame(rows, columns=["landmark_id", "category", "image_count", "old", "new"])
    found = summary(moves)
    assert found[["old", "new", "landmark_count", "image_count"]].values.tolist() == [
        ["", "museum", 1, 20],
        ["house", "museum", 2, 14],
    ]
    assert found["examples"].tolist() == [["C"], ["B", "A"]]


def test_no_move_is_an_empty_summary() -> None:
    state = from_the_start(rules_of(frozenset(), {}), Decisions({}, {}))
    nothing = pd.DataFrame(columns=["item_qid", "class_qid", "is_best"]).astype({"is_best": bool})
    landmarks = landmark_state(nothing, state.class_labels, TAXONOMY, LANDMARKS, verdict_table({}))
    assert summary(moved(landmarks, landmarks)).empty
