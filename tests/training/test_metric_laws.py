"""Laws that the retrieval metrics obey, and the ones that they are often thought to obey."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.metric_names import default_keys
from training.metrics import evaluate_retrieval

LEVELS = 3
PERFECT_ORDER_SCORES_ONE = ("ap_", "map_", "ndcg", "asi", "recall_")


def means_of_ranking(levels: list[int], **options: Any) -> dict[str, float]:
    """Metrics of one query whose gallery ranks items of these levels, 0..LEVELS, in this order."""
    query = np.arange(LEVELS).reshape(1, -1)  # column 0 finest
    gallery = np.array([[column if column >= LEVELS - level else -1 for column in range(LEVELS)] for level in levels])
    scores = -np.arange(len(levels), dtype=np.float64).reshape(-1, 1)
    return evaluate_retrieval(np.ones((1, 1)), query, scores, gallery, **options).means


level_lists = st.lists(st.integers(0, LEVELS), min_size=1, max_size=30).filter(any)


@settings(max_examples=80, deadline=None)
@given(levels=level_lists)
def test_the_order_by_level_scores_one(levels: list[int]) -> None:
    means = means_of_ranking(sorted(levels, reverse=True))
    for key, value in means.items():
        if key.startswith(PERFECT_ORDER_SCORES_ONE) and not np.isnan(value):
            assert value == pytest.approx(1, abs=1e-12), key


@settings(max_examples=80, deadline=None)
@given(levels=level_lists)
def test_true_recall_is_one_once_k_holds_all_positives(levels: list[int]) -> None:
    ordered = sorted(levels, reverse=True)
    for level in range(LEVELS):
        positives = sum(one >= LEVELS - level for one in levels)
        for k in range(1, len(levels) + 1) if positives else ():
            key = f"true_recall_at_{k}_level{level}"
            assert means_of_ranking(ordered, metrics=[key])[key] == min(k, positives) / positives


@settings(max_examples=80, deadline=None)
@given(levels=level_lists, alpha=st.sampled_from([0.5, 1.0, 2.0]))
def test_h_ap_is_one_on_the_order_by_relevance(levels: list[int], alpha: float) -> None:
    relevance = [(level / LEVELS) ** alpha / max(1, levels.count(level)) for level in range(LEVELS + 1)]
    by_relevance = sorted(levels, key=lambda level: -relevance[level])
    assert means_of_ranking(by_relevance, alpha=alpha)["h_ap"] == pytest.approx(1, abs=1e-12)
    by_level = sorted(levels, reverse=True)
    assert means_of_ranking(by_level, alpha=alpha, relevance="weighted")["h_ap"] == pytest.approx(1, abs=1e-12)


@settings(max_examples=80, deadline=None)
@given(levels=level_lists, alpha=st.sampled_from([0.5, 1.0, 2.0]))
def test_weighted_h_ap_is_the_weighted_mean_of_the_aps_of_the_levels(levels: list[int], alpha: float) -> None:
    means = means_of_ranking(levels, alpha=alpha, relevance="weighted")
    weights = {depth: (depth / LEVELS) ** alpha - ((depth - 1) / LEVELS) ** alpha for depth in range(1, LEVELS + 1)}
    found = {depth: weight for depth, weight in weights.items() if max(levels) >= depth}
    mean = sum(weight * means[f"ap_level{LEVELS - depth}"] for depth, weight in found.items()) / sum(found.values())
    assert means["h_ap"] == pytest.approx(mean, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(levels=level_lists, place=st.integers(0, 28))
def test_moving_a_positive_up_never_lowers_ap_or_ndcg(levels: list[int], place: int) -> None:
    place %= len(levels)
    after = levels.copy()
    if place and after[place] > after[place - 1]:
        after[place - 1 : place + 1] = after[place], after[place - 1]
    before_means, after_means = means_of_ranking(levels), means_of_ranking(after)
    for key in (key for key in default_keys(LEVELS) if key.startswith(("ap_", "ndcg"))):
        assert not after_means[key] < before_means[key] - 1e-12, key


def test_population_relevance_may_rank_a_coarse_item_before_a_fine_one() -> None:
    """6 fine, 1 mid, 1 coarse: relevances 1/6, 2/3 and 1/3, so that the order by level is not the best."""
    levels = [3] * 6 + [2, 1]
    assert means_of_ranking(levels)["h_ap"] == pytest.approx(0.723, abs=5e-4)
    assert means_of_ranking([2, 1] + [3] * 6)["h_ap"] == pytest.approx(1)
    assert means_of_ranking(levels, relevance="weighted")["h_ap"] == pytest.approx(1)


def test_precision_of_a_perfect_ranking_is_below_one_where_positives_are_fewer_than_k() -> None:
    means = means_of_ranking([3] * 4 + [0] * 20)
    assert means["precision_at_10_level0"] == pytest.approx(0.4)
    assert means["true_recall_at_10_level0"] == 1


def test_a_k_beyond_the_gallery_takes_the_whole_list() -> None:
    means = means_of_ranking([0, 3, 3, 0])
    assert means["ndcg_at_100"] == means["ndcg"]
    assert means["map_at_100_level0"] == means["ap_level0"]
    assert means["precision_at_100_level0"] == pytest.approx(2 / 100)
