"""Folds: every labelled landmark once, a category never in two, each label close to the shares, drawn from the seed."""

from random import Random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierarchy.folds import draw_folds

NAMES = ["abbey", "bay", "castle", "dam", "park"]
BOUND = 3  # categories; a plain draw of 200 at a share of 0.2 strays twice as far in one draw of three
LAWFUL = settings(deadline=None, max_examples=30)
SHARES = st.sampled_from([(0.1, 0.2), (0.15, 0.15), (0.05, 0.05), (0.3, 0.3), (0.0, 0.25), (0.25, 0.0)])
SIZES = st.lists(st.integers(0, 120), min_size=1, max_size=len(NAMES))


def landmarks(sizes: list[int], unlabelled: int = 0) -> pd.DataFrame:
    """Categories of each label; every second one is in both splits, every third one has two train landmarks."""
    rows: list[tuple[str, int, str, str | None]] = []
    for label, size in [*zip(NAMES, sizes, strict=False), (None, unlabelled)]:
        for number in range(size):
            category = f"{label} {number}"
            rows.append(("train", len(rows), category, label))
            if number % 2:
                rows.append(("index", len(rows), category, label))
            if number % 3 == 0:
                rows.append(("train", len(rows), category, label))
    return pd.DataFrame(rows, columns=["split", "landmark_id", "category", "hierarchical_label"])


def folds_of(labels: pd.DataFrame, shares: tuple[float, float] = (0.1, 0.2), seed: int = 0) -> pd.DataFrame:
    """The labels with their folds; fails when a landmark got two."""
    folds = draw_folds(labels, *shares, seed)
    assert list(folds.columns) == ["split", "landmark_id", "fold"]
    return labels.merge(folds, on=["split", "landmark_id"], how="left", validate="1:1")


def by_category(labels: pd.DataFrame, shares: tuple[float, float] = (0.1, 0.2), seed: int = 0) -> dict[str, str]:
    """Fold of every labelled category; fails when one got two."""
    joined = folds_of(labels, shares, seed).dropna(subset="fold")
    assert (joined.groupby("category")["fold"].nunique() == 1).all()
    return dict(zip(joined["category"], joined["fold"], strict=True))


@LAWFUL
@given(sizes=SIZES, unlabelled=st.integers(0, 5), shares=SHARES, seed=st.integers(0, 99))
def test_every_labelled_landmark_is_in_one_fold_and_no_other_is(
    sizes: list[int], unlabelled: int, shares: tuple[float, float], seed: int
) -> None:
    labels = landmarks(sizes, unlabelled)
    joined = folds_of(labels, shares, seed)
    assert (joined["fold"].notna() == joined["hierarchical_label"].notna()).all()
    assert set(joined["fold"].dropna()) <= {"train", "val", "test"}
    assert set(by_category(labels, shares, seed)) == set(labels.loc[labels["hierarchical_label"].notna(), "category"])


@LAWFUL
@given(sizes=SIZES, shares=SHARES, seed=st.integers(0, 99))
def test_each_label_is_split_close_to_the_shares(sizes: list[int], shares: tuple[float, float], seed: int) -> None:
    folds = by_category(landmarks(sizes), shares, seed)
    for label, size in zip(NAMES, sizes, strict=False):
        found = [fold for category, fold in folds.items() if category.startswith(f"{label} ")]
        assert len(found) == size
        for fold, share in zip(("val", "test", "train"), (*shares, 1 - sum(shares)), strict=True):
            assert abs(found.count(fold) - share * size) <= BOUND


def test_labels_of_one_category_are_split_close_to_the_shares_together() -> None:
    rows = [("train", number, f"place {number}", f"label {number:03}") for number in range(200)]
    labels = pd.DataFrame(rows, columns=["split", "landmark_id", "category", "hierarchical_label"])
    folds = list(by_category(labels).values())
    assert abs(folds.count("test") - 40) <= BOUND
    assert abs(folds.count("val") - 20) <= BOUND


@LAWFUL
@given(sizes=SIZES, order=st.randoms(use_true_random=False))
def test_order_of_the_rows_does_not_matter(sizes: list[int], order: Random) -> None:
    labels = landmarks(sizes)
    rows = list(range(len(labels)))
    order.shuffle(rows)
    assert by_category(labels.iloc[rows]) == by_category(labels)


def test_another_seed_draws_other_folds_and_the_same_seed_the_same() -> None:
    labels = landmarks([40, 40, 40])
    assert by_category(labels, seed=0) == by_category(labels, seed=0)
    draws = [tuple(sorted(by_category(labels, seed=seed).items())) for seed in range(5)]
    assert len(set(draws)) == 5


def test_a_category_is_drawn_into_every_fold_by_some_seed() -> None:
    labels = landmarks([1, 30])
    assert {by_category(labels, seed=seed)["bay 7"] for seed in range(40)} == {"train", "val", "test"}


def test_a_further_landmark_of_a_known_category_joins_its_fold_and_moves_nothing() -> None:
    labels = landmarks([30, 30])
    more = pd.concat([labels, labels.iloc[[5]].assign(split="index", landmark_id=9999)], ignore_index=True)
    assert by_category(more) == by_category(labels)


def test_an_unlabelled_landmark_moves_nothing() -> None:
    assert by_category(landmarks([30, 30], 7)) == by_category(landmarks([30, 30]))


@pytest.mark.parametrize(("shares", "only"), [((0.0, 0.0), "train"), ((1.0, 0.0), "val"), ((0.0, 1.0), "test")])
def test_a_share_of_nothing_is_an_empty_fold_and_a_share_of_all_takes_all(
    shares: tuple[float, float], only: str
) -> None:
    assert set(by_category(landmarks([25, 3]), shares).values()) == {only}


def test_folds_of_no_labels_are_an_empty_table() -> None:
    assert draw_folds(landmarks([], 4), 0.1, 0.2, 0).empty
    assert draw_folds(landmarks([0]), 0.1, 0.2, 0).empty
