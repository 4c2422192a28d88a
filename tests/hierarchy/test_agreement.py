"""Agreement with other labels: published Wilson intervals, and a comparison counted by hand."""

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierarchy.agreement import compare_labels, wilson_interval

LEVELS = ["hierarchical_label", "natural_or_human_made"]
NATURES = {"church": "human-made", "castle / fort": "human-made", "lake": "natural", "ocean area": "natural"}


def labels(by_landmark: dict[int, str | None]) -> pd.DataFrame:
    """Labels with the nature of each; spaces at the ends of a label do not hide it."""
    rows = [(number, label, NATURES.get((label or "").strip())) for number, label in by_landmark.items()]
    columns = ["landmark_id", "hierarchical_label", "natural_or_human_made"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:], "str"))


def compare(ours: dict[int, str | None], official: dict[int, str | None]) -> dict[str, Any]:
    return compare_labels(labels(ours), labels(official), LEVELS)


# R. G. Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, score method.
@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_has_the_published_values(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=0.00006)


def test_wilson_interval_of_no_trials_knows_nothing() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


COUNTS = st.integers(1, 5000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))


@settings(deadline=None, max_examples=150)
@given(counts=COUNTS)
def test_wilson_bounds_solve_the_score_equation(counts: tuple[int, int]) -> None:
    successes, trials = counts
    share = successes / trials
    for bound in wilson_interval(successes, trials):
        distance = 1.959964 * math.sqrt(max(bound * (1 - bound), 0) / trials)
        assert abs(share - bound) == pytest.approx(distance, abs=1e-7)


@settings(deadline=None, max_examples=150)
@given(counts=COUNTS)
def test_wilson_interval_holds_the_share_and_mirrors(counts: tuple[int, int]) -> None:
    successes, trials = counts
    low, high = wilson_interval(successes, trials)
    assert low - 1e-12 <= successes / trials <= high + 1e-12
    assert wilson_interval(trials - successes, trials) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@settings(deadline=None, max_examples=150)
@given(counts=COUNTS)
def test_wilson_bounds_are_shares(counts: tuple[int, int]) -> None:
    low, high = wilson_interval(*counts)
    assert 0 <= low < high <= 1


def test_a_comparison_counted_by_hand() -> None:
    found = compare(
        {1: "church", 2: "church", 3: "lake", 4: "castle / fort", 5: None, 6: "lake", 7: "church"},
        {1: "church", 2: "castle / fort", 3: "lake", 4: "lake", 5: "church", 6: None, 99: "lake"},
    )
    assert {name: found[name] for name in ("count", "ours", "official", "both")} == {
        "count": 7,  # our landmarks
        "ours": 6,  # of them, labelled by us
        "official": 5,  # of them, labelled officially: landmark 99 is not ours
        "both": 4,
    }
    assert found["coverage"] == 0.8571
    assert found["agreement"] == {"hierarchical_label": 0.5, "natural_or_human_made": 0.75}
    assert found["agreement_interval"]["hierarchical_label"] == pytest.approx([0.15, 0.85], abs=0.0001)
    assert found["agreement_interval"]["natural_or_human_made"] == pytest.approx([0.3006, 0.9544], abs=0.0001)


def test_confusions_are_counted_with_the_most_frequent_first() -> None:
    ours: dict[int, str | None] = dict.fromkeys(range(10), "church")
    official: dict[int, str | None] = {**dict.fromkeys(range(3), "lake"), 3: "castle / fort", 4: "church", 5: None}
    found = compare(ours, official)["confusions"]
    pairs = [(row["official"], row["ours"], row["count"], row["landmark_ids"]) for row in found]
    assert pairs == [("lake", "church", 3, [0, 1, 2]), ("castle / fort", "church", 1, [3])]


def test_confusions_name_at_most_five_landmarks_and_count_all() -> None:
    (row,) = compare(dict.fromkeys(range(8), "church"), dict.fromkeys(range(8), "lake"))["confusions"]
    assert (row["count"], row["landmark_ids"]) == (8, [0, 1, 2, 3, 4])


def test_official_labels_are_trimmed_and_blank_ones_count_as_none() -> None:
    found = compare({1: "ocean area", 2: "lake", 3: "lake"}, {1: "ocean area ", 2: "  ", 3: ""})
    assert (found["official"], found["both"]) == (1, 1)
    assert found["agreement"] == {"hierarchical_label": 1.0, "natural_or_human_made": 1.0}
    assert found["confusions"] == []


def test_a_landmark_without_official_nature_is_left_out_of_that_level_only() -> None:
    official = labels({1: "church", 2: "lake"})
    official.loc[official["landmark_id"] == 2, "natural_or_human_made"] = None
    found = compare_labels(labels({1: "church", 2: "church"}), official, LEVELS)
    assert found["agreement"] == {"hierarchical_label": 0.5, "natural_or_human_made": 1.0}


def test_only_the_levels_asked_for_are_compared() -> None:
    found = compare_labels(labels({1: "church"}), labels({1: "castle / fort"}), ["hierarchical_label"])
    assert found["agreement"] == {"hierarchical_label": 0.0}


def test_nothing_in_common_has_no_agreement_and_the_widest_interval() -> None:
    nothing: list[dict[int, str | None]] = [{}, {9: "church"}, {1: None}]
    for official in nothing:
        found = compare({1: "church", 2: None}, official)
        assert (found["ours"], found["official"], found["both"], found["coverage"]) == (1, 0, 0, 0.5)
        assert found["agreement"] == {"hierarchical_label": None, "natural_or_human_made": None}
        assert found["agreement_interval"]["hierarchical_label"] == [0.0, 1.0]
        assert found["confusions"] == []


def test_no_landmarks_have_no_coverage() -> None:
    found = compare({}, {1: "church"})
    assert (found["count"], found["coverage"], found["both"]) == (0, 0.0, 0)


def test_a_landmark_listed_twice_is_refused() -> None:
    twice = pd.concat([labels({1: "church"}), labels({1: "lake"})])
    with pytest.raises(pd.errors.MergeError):
        compare_labels(labels({1: "church"}), twice, LEVELS)
