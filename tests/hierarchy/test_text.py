"""The text fallback: folds, calibration, threshold, and proposals that do not depend on the order of the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierarchy.text import FOLDS, MIN_GROUPS, TextProposals, _sample, precision_where_known, propose
from hierarchy.text_calibration import (
    MIN_ACCEPTED,
    choose_threshold,
    group_folds,
    honest_outcome,
    precision_lower_bound,
    reliability,
)
from hierarchy.text_features import HeadNouns, fold, noun_features, title_group, title_parts, word_features

PLACES = [
    a + b
    for a in ("Al", "Ber", "Cor", "Dun", "Ere", "Fal", "Gor", "Hin", "Ist", "Jor")
    for b in ("ba", "den", "furt", "ham", "lin", "mar")
]
NOUNS = pd.DataFrame(
    [
        ("de", "-kirche", "church"),
        ("de", "kirche", "church"),
        ("en", "church", "church"),
        ("en", "lake", "lake"),
        ("de", "-see", "lake"),
        ("en", "town hall", "government building"),
        ("en", "hall", "house"),
        ("en", "abbey", "church"),
        ("en", "abbey", "monastery"),
        ("en", "castle", "castle / fort"),
    ],
    columns=["language", "head_noun", "hierarchical_label"],
)
LABELS = frozenset(NOUNS["hierarchical_label"])


def landmarks(places: list[str], noise: int = 0) -> pd.DataFrame:
    """Church, lake and castle of each place; every `noise`-th place calls its castle a lake."""
    rows = [(f"{place} Church", "church") for place in places] + [(f"Lake {place}", "lake") for place in places]
    castles = enumerate(places)
    rows += [(f"{place} Castle", "lake" if noise and n % noise == 0 else "castle / fort") for n, place in castles]
    return pd.DataFrame(rows, columns=["category", "hierarchical_label"])


@pytest.fixture(scope="module")
def made() -> TextProposals:
    places = [*PLACES, *(f"{place}berg" for place in PLACES)]  # 120 places, 360 rows
    return propose(landmarks(places), ["Church of Nowhere", "Lake Nowhere", "Lukov (castle)", "Xyz"], NOUNS)


def test_head_nouns_decide_and_are_accepted(made: TextProposals) -> None:
    assert made.frame["hierarchical_label"].tolist()[:3] == ["church", "lake", "castle / fort"]
    assert made.frame["is_accepted"].tolist()[:2] == [True, True]
    assert not made.report["abstained"]
    assert made.report["accepted"] >= MIN_ACCEPTED
    assert made.report["lower_bound"] >= 0.95
    assert made.report["threshold"] <= made.frame.loc[made.frame["is_accepted"], "confidence"].min()
    assert made.frame["confidence"].between(0, 1).all()


def test_the_order_of_rows_does_not_count(made: TextProposals) -> None:
    rows = landmarks(PLACES, noise=3)
    titles = ["Church of Nowhere", "Burg Nowhere", "Lake Nowhere"]
    first = propose(rows, titles, NOUNS)
    second = propose(rows.sample(frac=1, random_state=5), titles[::-1], NOUNS.sample(frac=1, random_state=6))
    pd.testing.assert_frame_equal(first.frame, second.frame[::-1].reset_index(drop=True))
    assert first.report == second.report
    pd.testing.assert_frame_equal(first.out_of_fold, second.out_of_fold)


def test_no_label_outside_the_training_labels(made: TextProposals) -> None:
    assert set(made.frame["hierarchical_label"]) <= {"church", "lake", "castle / fort"}
    assert set(made.out_of_fold["hierarchical_label"]) <= {"church", "lake", "castle / fort"}


def test_folds_of_the_result_keep_names_together() -> None:
    rows = landmarks(PLACES[:20])
    twins = rows.assign(category=rows["category"] + " (old)")
    found = propose(pd.concat([rows, twins]), [], NOUNS).out_of_fold
    fold_count = found.assign(group=found["category"].map(title_group)).groupby("group")["fold"].nunique()
    assert (fold_count == 1).all()
    assert found["fold"].nunique() == FOLDS


def test_fewer_than_200_rows_abstain() -> None:
    found = propose(landmarks(PLACES[:50]), ["Church of Nowhere"], NOUNS)  # 150 rows, all right
    assert found.report["abstained"]
    assert "200" in found.report["why"]
    assert found.report["accepted"] == 0
    assert found.frame["hierarchical_label"].tolist() == ["church"]
    assert not found.frame["is_accepted"].any()


def test_labels_that_the_title_does_not_tell_abstain() -> None:
    rows = pd.DataFrame({"category": [f"{a} {b}" for a in PLACES[:20] for b in PLACES[20:40]]})
    rows["hierarchical_label"] = np.random.default_rng(0).choice(["church", "lake"], len(rows))
    found = propose(rows, ["Albaden Corham"], NOUNS)
    assert found.report["abstained"]
    assert "0.95" in found.report["why"]
    assert not found.frame["is_accepted"].any()


@pytest.mark.parametrize(
    "rows",
    [
        landmarks([]),
        landmarks(PLACES[:1]),
        landmarks(PLACES[:3]),
        pd.DataFrame({"category": [f"{place} Church" for place in PLACES], "hierarchical_label": "church"}),
        pd.DataFrame({"category": [None, "", "A", "B"], "hierarchical_label": ["church", "church", None, ""]}),
    ],
    ids=["none", "three", "nine", "one label", "blanks"],
)
def test_too_little_to_learn_from(rows: pd.DataFrame) -> None:
    found = propose(rows, ["Church of Nowhere", "Church of Nowhere"], NOUNS)
    assert found.report["abstained"]
    assert "too few" in found.report["why"]
    assert found.frame["hierarchical_label"].isna().all()
    assert found.frame["confidence"].tolist() == [0.0, 0.0]
    assert propose(rows, [], NOUNS).frame.empty


def test_labels_with_one_member_and_ten_rows() -> None:
    names = [f"Place {place}" for place in PLACES[: MIN_GROUPS + 5]]
    each_its_own = pd.DataFrame({"category": names, "hierarchical_label": [f"label {n}" for n in range(len(names))]})
    found = propose(each_its_own, ["Place Nowhere", ""], NOUNS.iloc[:0])
    assert found.report["abstained"]
    assert len(found.frame) == 2
    lonely = pd.DataFrame({"category": names, "hierarchical_label": ["lake"] + ["church"] * (len(names) - 1)})
    found = propose(lonely, ["Place Nowhere"], NOUNS)
    assert found.frame["hierarchical_label"].tolist() == ["church"]


def test_weights_count_and_zero_leaves_a_label_out() -> None:
    rows = landmarks(PLACES)
    found = propose(rows, ["Lake Nowhere"], NOUNS, weights={"lake": 0.0, "church": 3.0})
    assert set(found.out_of_fold["official"]) == {"church", "castle / fort"}
    by_label = found.out_of_fold.groupby("official")["weight"].first()
    assert by_label["church"] == pytest.approx(3 * by_label["castle / fort"])


def test_a_category_counts_once_with_its_most_frequent_label() -> None:
    rows = pd.concat([landmarks(PLACES)] * 2 + [pd.DataFrame([("Lake Alba", "church")], columns=landmarks([]).columns)])
    found = propose(rows, [], NOUNS).out_of_fold.set_index("category")
    assert found.index.is_unique
    assert found.loc["Lake Alba", "official"] == "lake"


def test_sampling_cuts_frequent_labels_and_weighs_them_up() -> None:
    rows = pd.DataFrame({"category": [f"T{n:04}" for n in range(1000)]})
    rows["hierarchical_label"] = ["lake"] * 10 + ["church"] * 290 + ["city"] * 700
    sample = _sample(rows, 110, 0)
    assert sample["hierarchical_label"].value_counts().to_dict() == {"church": 50, "city": 50, "lake": 10}
    assert sample.groupby("hierarchical_label")["weight"].sum().round(6).to_dict() == {
        "church": 290,
        "city": 700,
        "lake": 10,
    }
    assert len(_sample(rows, 1000, 0)) == len(_sample(rows, 5000, 0)) == 1000


# Published tables: one-sided 95% Clopper-Pearson; n of n right gives 0.05 ** (1 / n).
@pytest.mark.parametrize(
    ("correct", "trials", "bound"),
    [
        (0, 0, 0.0),
        (0, 10, 0.0),
        (10, 10, 0.7411),
        (9, 10, 0.6058),
        (59, 59, 0.9505),
        (58, 58, 0.9497),
        (90, 100, 0.8363),
    ],
)
def test_precision_lower_bound(correct: int, trials: int, bound: float) -> None:
    assert precision_lower_bound(correct, trials) == pytest.approx(bound, abs=1e-4)


@given(st.integers(1, 400), st.integers(0, 400))
def test_the_bound_lies_below_the_share_and_rises_with_evidence(trials: int, correct: int) -> None:
    correct = min(correct, trials)
    bound = precision_lower_bound(correct, trials)
    assert 0 <= bound <= correct / trials
    assert bound <= precision_lower_bound(10 * correct, 10 * trials) + 1e-12
    assert bound <= precision_lower_bound(min(correct + 1, trials), trials) + 1e-12


def judged(size: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Calibrated confidence, whether right, weights."""
    rng = np.random.default_rng(seed)
    confidence = rng.random(size).round(2) ** 0.2
    return confidence, rng.random(size) < confidence, rng.uniform(0.5, 2, size)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 1000), st.floats(0.5, 0.97))
def test_a_higher_target_never_lowers_the_threshold(size: int, seed: int, target: float) -> None:
    low, high = (choose_threshold(*judged(size, seed), target=value) for value in (target, target + 0.02))
    if high.value is not None:
        assert low.value is not None
        assert low.value <= high.value
        assert low.coverage >= high.coverage
        assert high.accepted >= MIN_ACCEPTED


def test_a_threshold_takes_ties_together_and_is_the_lowest() -> None:
    confidence = np.repeat([0.99, 0.9, 0.5], [300, 300, 300])
    is_correct = np.repeat([True, True, False], [300, 300, 300])
    chosen = choose_threshold(confidence, is_correct, np.ones(900), 0.95)
    assert (chosen.value, chosen.accepted, chosen.precision) == (0.9, 600, 1.0)
    assert chosen.coverage == pytest.approx(2 / 3)
    assert choose_threshold(confidence[:199], is_correct[:199], np.ones(199), 0.5).value is None
    folds = np.arange(900) % 3
    assert honest_outcome(confidence, is_correct, np.ones(900), folds, 0.95) == (pytest.approx(2 / 3), 1.0)


def test_unequal_weights_prove_less() -> None:
    confidence, is_correct = np.full(400, 0.9), np.ones(400, dtype=bool)
    even = choose_threshold(confidence, is_correct, np.ones(400), 0.5).lower_bound
    uneven = choose_threshold(confidence, is_correct, np.where(np.arange(400) < 20, 50.0, 0.1), 0.5).lower_bound
    assert uneven < even


def test_reliability_bins() -> None:
    bins = reliability(np.array([0.05, 0.95, 1.0]), np.array([False, True, False]), np.ones(3))
    assert [(row["from"], row["rows"], row["precision"]) for row in bins] == [(0.0, 1, 0.0), (0.9, 2, 0.5)]


@given(st.lists(st.tuples(st.sampled_from("abcdefghijkl"), st.sampled_from("xy")), max_size=60), st.integers(2, 6))
def test_folds_never_split_a_group(rows: list[tuple[str, str]], folds: int) -> None:
    groups, labels = [group for group, _ in rows], [label for _, label in rows]
    found = group_folds(groups, labels, folds, 0)
    assert pd.DataFrame({"group": groups, "fold": found}).groupby("group")["fold"].nunique().le(1).all()
    shuffled = np.random.default_rng(len(rows)).permutation(len(rows))
    again = group_folds([groups[i] for i in shuffled], [labels[i] for i in shuffled], folds, 0)
    assert (again == found[shuffled]).all()


@pytest.mark.parametrize(
    ("title", "group"),
    [
        ("Paradiso (Amsterdam)", "paradiso"),
        ("Bath Abbey, Somerset", "bath abbey"),
        ("(1900)", "(1900)"),
        ("PARADISO", "paradiso"),
    ],
)
def test_title_group(title: str, group: str) -> None:
    assert title_group(title) == group


@given(st.text(max_size=30))
def test_any_title_has_parts_and_features(title: str) -> None:
    parts = title_parts(title)
    assert parts.body
    assert 1 <= parts.head_end <= len(parts.body)
    assert word_features(parts)
    assert noun_features(parts, HeadNouns(NOUNS, LABELS))
    assert title_group(title) or not title.strip()


def test_folding_and_parts() -> None:
    assert fold("Église Øst Łódź Straße") == "eglise ost lodz strasse"
    parts = title_parts("Museo Nacional de San Carlos (museum), Mexico")
    assert (parts.body, parts.aside, parts.after) == (
        ["museo", "nacional", "de", "san", "carlos"],
        ["museum"],
        ["mexico"],
    )
    assert parts.head_end == 2


def test_head_nouns_are_found_longest_first() -> None:
    nouns = HeadNouns(NOUNS, LABELS)
    hits = nouns.find(title_parts("Town Hall Marienkirche").body)
    assert (hits[0].start, hits[0].end, list(hits[0].labels)) == (0, 2, ["government building"])
    assert not hits[0].is_ending
    assert hits[-1].is_ending
    assert list(hits[-1].labels) == ["church"]
    abbey = noun_features(title_parts("Bath Abbey"), nouns)
    assert (abbey["word head:church"], abbey["word head:monastery"]) == (0.5, 0.5)
    assert not HeadNouns(NOUNS, frozenset({"lake"})).find(["church"])


def test_precision_where_known(made: TextProposals) -> None:
    known = pd.DataFrame({"category": ["Lake Nowhere", "Church of Nowhere"], "hierarchical_label": ["lake", "school"]})
    assert precision_where_known(made.frame, known) == {
        "rows": 2,
        "accepted": 2,
        "precision": 0.5,
        "lower_bound": 0.0253,
    }
    assert precision_where_known(made.frame, known.iloc[:0])["precision"] is None
