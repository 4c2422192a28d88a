"""Agreement of reviewers: alpha by published examples and a slow definition, kappa by hand, conflicts as by law."""

import itertools
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations import laws
from annotations.agreement import agreement_of, krippendorff_alpha
from annotations.store import ADJUDICATOR, TABLES, Curated

CLASSES, EDGES, LANDMARKS = (TABLES[f"{kind}_decisions"] for kind in ("class", "edge", "landmark"))
MISSING = "."

# ------------------------------------------------------------------------------------------------------------- alpha
# Reliability data of K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), sections A, B and C: one
# line an observer, one value a unit; the values are restated, the arithmetic is ours. With u the unequal ordered pairs
# within units, each unit's over (its values - 1), and n values: alpha = 1 - u (n - 1) / (n^2 - sum of n_c^2).
PUBLISHED = {
    # Units 1, 3, 6 and 9 differ, so u = 8; n = 20 with fourteen 0 and six 1: 1 - 8 * 19 / (400 - 196 - 36) = 16 / 168.
    "two observers, two values": (["0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0"], Fraction(16, 168), 0.095),
    # Units 1, 5 and 12 differ, so u = 6; n = 24 with a 4, b 6, c 6, d 6, e 2: 1 - 6 * 23 / (576 - 128) = 310 / 448.
    "two observers, five values": (["a a b b d c c c e d d a", "b a b b b c c c e d d d"], Fraction(310, 448), 0.692),
    # Units 2 and 8 (three against one) have 6 / 3 each, unit 6 (all different) has 12 / 3, so u = 8. The 3 of unit 12
    # is alone and does not count: n = 40 with 1 9, 2 13, 3 10, 4 5, 5 3: 1 - 8 * 39 / (1600 - 384) = 904 / 1216.
    "four observers, missing values": (
        ["1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 ."],
        Fraction(904, 1216),
        0.743,
    ),
}
Units = list[list[str]]
UNITS = st.lists(st.lists(st.sampled_from("abcd"), max_size=5), max_size=12)


def units_of(observers: list[str]) -> Units:
    """Values of each unit, missing ones left out."""
    return [[value for value in unit if value != MISSING] for unit in zip(*map(str.split, observers), strict=True)]


def slow_alpha(units: Units) -> Fraction | None:
    """Alpha by its definition: every ordered pair of values is looked at, and counted when it differs."""
    paired = [unit for unit in units if len(unit) > 1]
    values = [value for unit in paired for value in unit]
    if len(set(values)) < 2:
        return None
    n = len(values)
    observed = sum(Fraction(a != b, len(unit) - 1) for unit in paired for a, b in itertools.permutations(unit, 2))
    expected = sum(Fraction(a != b, n - 1) for a, b in itertools.permutations(values, 2))
    return 1 - observed / expected


@pytest.mark.parametrize("example", PUBLISHED)
def test_alpha_is_that_of_published_examples(example: str) -> None:
    observers, by_hand, published = PUBLISHED[example]
    alpha = krippendorff_alpha(units_of(observers))
    assert alpha == pytest.approx(float(by_hand), abs=1e-12)
    assert round(float(by_hand), 3) == published


@settings(deadline=None)
@given(units=UNITS)
def test_alpha_is_its_definition(units: Units) -> None:
    expected = slow_alpha(units)
    assert krippendorff_alpha(units) == (None if expected is None else pytest.approx(float(expected), abs=1e-12))


@given(units=UNITS, order=st.randoms(use_true_random=False))
def test_alpha_does_not_depend_on_who_judged_in_which_order_or_what_values_are_called(
    units: Units, order: Random
) -> None:
    renamed = dict(zip("abcd", order.sample(["church", "lake", "a", "d"], 4), strict=True))
    shuffled = [[renamed[value] for value in order.sample(unit, len(unit))] for unit in units]
    order.shuffle(shuffled)
    assert krippendorff_alpha(shuffled) == krippendorff_alpha(units), "to the last bit"


def test_the_order_of_the_units_does_not_show_in_the_last_digit() -> None:
    # Terms of 8 / 3, 10 / 3 and 12 / 3; plain addition from the other end comes to another alpha.
    units = [list("aabb")] * 5 + [list("aabc")] * 2 + [list("abcd")]
    assert krippendorff_alpha(units) == krippendorff_alpha(units[::-1])


@given(
    units=st.lists(st.tuples(st.sampled_from("abcd"), st.integers(2, 5)), max_size=12), single=st.sampled_from("abe")
)
def test_alpha_is_1_when_all_agree_on_two_values_or_more(units: list[tuple[str, int]], single: str) -> None:
    alpha = krippendorff_alpha([*([value] * count for value, count in units), [single], []])
    assert alpha == (1 if len({value for value, _ in units}) > 1 else None)


@pytest.mark.parametrize("units", [[], [[]], [["a"], ["b"]], [["a", "a"]], [["a", "a"], ["b"]]])
def test_alpha_is_undefined_without_two_values_to_compare(units: Units) -> None:
    assert krippendorff_alpha(units) is None


# ------------------------------------------------------------------------------------------------------ whole tables
def decisions(table: Curated, columns: str, rows: Sequence[str]) -> pd.DataFrame:
    """A decision table from rows of comma-separated cells, other cells empty; the first row is t.csv:2."""
    given_cells = pd.DataFrame([row.split(",") for row in rows], columns=columns.split(), dtype="str")
    frame = given_cells.reindex(columns=list(table.columns), fill_value="")
    return frame.assign(where=[f"t.csv:{line}" for line in range(2, len(rows) + 2)]).astype("str")


def classes(*rows: str) -> pd.DataFrame:
    return decisions(CLASSES, "class_qid class_label reviewer decision hierarchical_label", rows)


def landmarks(*rows: str) -> pd.DataFrame:
    return decisions(LANDMARKS, "split landmark_id category reviewer decision hierarchical_label", rows)


def edges(*rows: str) -> pd.DataFrame:
    return decisions(EDGES, "child_qid child_label parent_qid parent_label reviewer decision", rows)


def pair_of(found: dict[str, Any], *reviewers: str) -> dict[str, Any]:
    (pair,) = (pair for pair in found["pairs"] if pair["reviewers"] == list(reviewers))
    return pair


def judged_by_two(both_yes: int, only_ann: int, only_bob: int, both_no: int) -> list[str]:
    """Rows of two reviewers who assign a lake, or ignore."""
    cells = [("assign,lake",) * 2] * both_yes + [("assign,lake", "ignore,")] * only_ann
    cells += [("ignore,", "assign,lake")] * only_bob + [("ignore,",) * 2] * both_no
    return [f"Q{n},c,{who},{said}" for n, pair in enumerate(cells, 1) for who, said in zip("ab", pair, strict=True)]


def test_kappa_of_a_pair_worked_by_hand() -> None:
    # p_o = (20 + 15) / 50 = 0.7; a assigns 25 of 50, b 30 of 50: p_e = 0.5 * 0.6 + 0.5 * 0.4 = 0.5; 0.2 / 0.5 = 0.4.
    found = agreement_of(classes(*judged_by_two(20, 5, 10, 15)), CLASSES)
    assert found["pairs"] == [{"reviewers": ["a", "b"], "count": 50, "agreed": 35, "kappa": pytest.approx(0.4)}]
    assert found["kappa"] == pytest.approx(0.4)
    # alpha: u = 2 * 15; n = 100 with 55 lakes: 1 - 30 * 99 / (10000 - 3025 - 2025) = 0.4.
    assert found["alpha"] == pytest.approx(0.4)
    assert (found["decided"], found["doubly_decided"], found["unsure"]) == (50, 50, 0)
    assert len(found["conflicts"]) == 15


def test_kappas_are_averaged_by_the_number_of_common_ids() -> None:
    rows = judged_by_two(20, 5, 10, 15)
    # c judges two classes, one a lake and one not, as both a and b did: kappa 1 on two ids with each of them.
    rows += ["Q1,c,c,assign,lake", "Q50,c,c,ignore,"]
    found = agreement_of(classes(*rows), CLASSES)
    assert pair_of(found, "a", "c") == {"reviewers": ["a", "c"], "count": 2, "agreed": 2, "kappa": 1}
    assert found["kappa"] == pytest.approx((0.4 * 50 + 1 * 2 + 1 * 2) / 54)
    assert [pair["reviewers"] for pair in found["pairs"]] == [["a", "b"], ["a", "c"], ["b", "c"]]


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        (["Q1,one,ann,ignore,", "Q2,two,bob,ignore,"], 0),
        (["Q1,one,ann,ignore,", "Q1,one,bob,ignore,"], 1),
        (["Q1,one,ann,ignore,", "Q1,one,bob,ignore,", "Q2,two,ann,assign,lake"], 1),
    ],
)
def test_kappa_is_undefined_without_common_ids_or_variation(rows: list[str], count: int) -> None:
    found = agreement_of(classes(*rows), CLASSES)
    assert found["pairs"] == [{"reviewers": ["ann", "bob"], "count": count, "agreed": count, "kappa": None}]
    assert (found["kappa"], found["alpha"]) == (None, None)


@pytest.mark.parametrize(
    ("table", "empty"), [(CLASSES, classes()), (EDGES, edges()), (LANDMARKS, landmarks())], ids=["c", "e", "l"]
)
def test_an_empty_table_has_nothing_to_compare(table: Curated, empty: pd.DataFrame) -> None:
    nothing = {"decided": 0, "doubly_decided": 0, "unsure": 0, "pairs": [], "kappa": None, "alpha": None}
    assert agreement_of(empty, table) == {**nothing, "conflicts": []}


def test_the_label_is_part_of_a_verdict_and_unsure_and_adjudicated_are_nobodys() -> None:
    table = classes(
        f"Q1,one,{ADJUDICATOR},assign,lake",
        "Q1,one,ann,assign,lake",
        "Q1,one,bob,assign,church",
        "Q2,two,ann,unsure,",
        "Q2,two,bob,assign,church",
        f"Q3,three,{ADJUDICATOR},unsure,",
        "Q3,three,ann,unsure,",
        f"Q4,four,{ADJUDICATOR},ignore,",
    )
    found = agreement_of(table, CLASSES)
    assert found["pairs"] == [{"reviewers": ["ann", "bob"], "count": 1, "agreed": 0, "kappa": 0}]
    assert (found["decided"], found["doubly_decided"], found["unsure"]) == (2, 1, 2)
    # One unit with two values that differ: u = 2, n = 2: 1 - 2 * 1 / (4 - 2) = 0.
    assert found["alpha"] == 0


# --------------------------------------------------------------------------------------------------------- conflicts
def test_a_conflict_names_the_class_and_what_everybody_said_where() -> None:
    table = classes("Q1,pond,ann,assign,lake", "Q1,pond,bob,ignore,", "Q2,two,ann,ignore,", "Q2,two,bob,unsure,")
    table[["reviewed_on", "evidence_hash", "reason"]] = ["2026-01-31", "abc", "seen"]
    signed = {"reviewed_on": "2026-01-31", "reason": "seen"}
    ann = {"decision": "assign", "hierarchical_label": "lake", "reviewer": "ann", "verdict": "assign lake"}
    bob = {"decision": "ignore", "hierarchical_label": "", "reviewer": "bob", "verdict": "ignore"}
    assert agreement_of(table, CLASSES)["conflicts"] == [
        {
            "class_qid": "Q1",
            "class_label": "pond",
            "verdicts": [{**ann, **signed, "where": "t.csv:2"}, {**bob, **signed, "where": "t.csv:3"}],
            "settled": False,
        }
    ]


@pytest.mark.parametrize(
    ("final", "settled"),
    [
        (["ignore,"], True),
        (["assign,lake"], True),
        (["assign,city"], True),
        (["unsure,"], False),
        (["ignore,", "assign,lake"], False),
    ],
)
def test_one_adjudicated_verdict_settles_a_conflict(final: list[str], settled: bool) -> None:
    rows = [f"Q1,pond,{ADJUDICATOR},{said}" for said in final]
    found = agreement_of(classes(*rows, "Q1,pond,ann,assign,lake", "Q1,pond,bob,ignore,"), CLASSES)
    (conflict,) = found["conflicts"]
    assert conflict["settled"] is settled
    assert [verdict["reviewer"] for verdict in conflict["verdicts"]][-2:] == ["ann", "bob"]


def test_reviewers_who_agree_have_no_conflict_when_adjudicated_says_otherwise() -> None:
    table = classes(f"Q1,pond,{ADJUDICATOR},ignore,", "Q1,pond,ann,assign,lake", "Q1,pond,bob,assign,lake")
    assert agreement_of(table, CLASSES)["conflicts"] == []


def test_an_edge_is_both_its_ends() -> None:
    table = edges("Q1,a,Q2,b,ann,keep", "Q1,a,Q2,b,bob,remove", "Q1,a,Q3,c,ann,keep", "Q1,a,Q3,c,bob,keep")
    found = agreement_of(table, EDGES)
    assert (found["decided"], pair_of(found, "ann", "bob")["count"]) == (2, 2)
    (conflict,) = found["conflicts"]
    ends = {"child_qid": "Q1", "child_label": "a", "parent_qid": "Q2", "parent_label": "b"}
    assert {name: conflict[name] for name in ends} == ends
    assert [verdict["verdict"] for verdict in conflict["verdicts"]] == ["keep", "remove"]


def test_landmarks_are_compared_by_category_across_splits() -> None:
    table = landmarks(
        "index,3,Abbey,ann,assign,church",
        "index,4,Bay,ann,assign,lake",
        "train,7,Abbey,bob,reject,",
        "train,8,Bay,bob,assign,lake",
    )
    found = agreement_of(table, LANDMARKS)
    assert (found["decided"], found["doubly_decided"]) == (2, 2)
    assert (pair_of(found, "ann", "bob")["count"], pair_of(found, "ann", "bob")["agreed"]) == (2, 1)
    (conflict,) = found["conflicts"]
    assert conflict["category"] == "Abbey"
    ids = [(verdict["split"], verdict["landmark_id"], verdict["reviewer"]) for verdict in conflict["verdicts"]]
    assert ids == [("index", "3", "ann"), ("train", "7", "bob")]


def test_one_verdict_on_both_landmarks_of_a_category_counts_once() -> None:
    table = landmarks(
        "index,3,Abbey,ann,assign,church",
        "index,3,Abbey,bob,assign,church",
        "index,5,Cove,ann,unsure,",
        "train,7,Abbey,ann,assign,church",
        "train,9,Cove,ann,unsure,",
    )
    found = agreement_of(table, LANDMARKS)
    assert pair_of(found, "ann", "bob")["count"] == 1
    assert (found["decided"], found["doubly_decided"], found["unsure"]) == (1, 1, 1)


def test_who_contradicts_himself_on_a_category_is_a_conflict_and_has_given_no_verdict() -> None:
    table = landmarks("index,3,Abbey,ann,reject,", "index,3,Abbey,bob,assign,church", "train,7,Abbey,ann,assign,church")
    found = agreement_of(table, LANDMARKS)
    assert found["pairs"] == []
    assert (found["decided"], found["doubly_decided"]) == (1, 1)
    assert [verdict["where"] for verdict in found["conflicts"][0]["verdicts"]] == ["t.csv:2", "t.csv:3", "t.csv:4"]


# -------------------------------------------------------------------------------------------------------- properties
REVIEWERS = [ADJUDICATOR, "aaron", "bob", "zoe"]  # aaron sorts before the adjudicator
SAID = st.sampled_from(["assign,church", "assign,lake", "reject,", "unsure,"])
IDS = st.sampled_from(["index,3,Abbey", "index,4,Bay", "train,7,Abbey", "train,8,Bay"])
ROWS = st.dictionaries(st.tuples(IDS, st.sampled_from(REVIEWERS)), SAID)
Said = dict[tuple[str, str], str]


def landmark_table(said: Said) -> pd.DataFrame:
    return landmarks(*(f"{ids},{reviewer},{words}" for (ids, reviewer), words in said.items()))


@settings(deadline=None)
@given(said=ROWS)
def test_open_conflicts_are_those_that_break_the_law(said: Said) -> None:
    table = landmark_table(said)
    by_law = list(laws.verdicts_do_not_conflict({"landmark_decisions": table}))
    open_conflicts = [found for found in agreement_of(table, LANDMARKS)["conflicts"] if not found["settled"]]
    assert Counter(conflict["category"] for conflict in open_conflicts) == Counter(
        next(name for name in ("Abbey", "Bay") if f"({name})" in message) for message in by_law
    )


@settings(deadline=None)
@given(said=ROWS, order=st.randoms(use_true_random=False))
def test_agreement_does_not_depend_on_the_order_of_the_rows_or_the_names_of_reviewers(
    said: Said, order: Random
) -> None:
    names = dict(zip(REVIEWERS, [ADJUDICATOR, *order.sample(["mia", "noah", "abe"], 3)], strict=True))
    found = agreement_of(landmark_table(said), LANDMARKS)
    items = [((ids, names[reviewer]), words) for (ids, reviewer), words in said.items()]
    order.shuffle(items)
    other = agreement_of(landmark_table(dict(items)), LANDMARKS)
    for name in ("decided", "doubly_decided", "unsure", "alpha"):
        assert other[name] == found[name]
    assert [c["category"] for c in other["conflicts"]] == [c["category"] for c in found["conflicts"]]
    assert len(other["pairs"]) == len(found["pairs"])
    for pair in found["pairs"]:  # symmetric: the names may have changed which of the two comes first
        twin = pair_of(other, *sorted(names[reviewer] for reviewer in pair["reviewers"]))
        assert (twin["count"], twin["agreed"]) == (pair["count"], pair["agreed"])
        assert twin["kappa"] == (None if pair["kappa"] is None else pytest.approx(pair["kappa"]))
