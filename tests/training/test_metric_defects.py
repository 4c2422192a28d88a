"""Defects of published evaluation code, each seen by running it; none may come back."""

from typing import Any

import numpy as np
import pytest

from training.metrics import evaluate_retrieval


def evaluate(
    scores: list[float], gallery_labels: list[list[int]], query_labels: list[int] | None = None, **options: Any
) -> dict[str, float]:
    """Metrics of one query, labelled 0 at every level by default, whose gallery items score this."""
    query = np.array([query_labels or [0] * len(gallery_labels[0])])
    gallery = np.array(scores, np.float32).reshape(-1, 1)
    return evaluate_retrieval(np.ones((1, 1), np.float32), query, gallery, np.array(gallery_labels), **options).means


def test_h_ap_of_a_perfect_ranking_is_not_two() -> None:
    """Two levels of the same relevance are still two levels: 2 fine items of 1/2, 1 coarse of 1/2."""
    assert evaluate([3, 2, 1], [[0, 0], [0, 0], [1, 0]])["h_ap"] == pytest.approx(1)


def test_the_last_gallery_item_is_not_dropped() -> None:
    means = evaluate([1, 2, 3], [[1], [1], [0]])
    assert (means["ap_level0"], means["recall_at_1_level0"]) == (1, 1)
    assert evaluate([3, 2, 1], [[1], [1], [0]])["ap_level0"] == pytest.approx(1 / 3)


def test_a_query_is_taken_out_by_its_id_and_not_by_the_column_of_its_row() -> None:
    """The query's own image is item 1, and scores best; item 0 is another."""
    labels = [[0], [0], [1]]
    assert evaluate([1, 9, 2], labels, query_ids=["b"], gallery_ids=["a", "b", "c"])["ap_level0"] == 1 / 2
    assert evaluate([1, 9, 2], labels, query_ids=["z"], gallery_ids=["a", "b", "c"])["ap_level0"] == (1 + 2 / 3) / 2


def test_every_copy_of_a_query_is_taken_out_and_counts_nowhere() -> None:
    means = evaluate([9, 9, 1, 2], [[0], [0], [0], [1]], query_ids=[7], gallery_ids=[7, 7, 3, 4])
    assert means["true_recall_at_5_level0"] == 1  # of one positive, not of three
    assert means["ndcg"] == pytest.approx(1 / np.log2(3))


def test_any_hit_and_share_of_hits_have_keys_of_their_own() -> None:
    means = evaluate([4, 3, 2, 1], [[0], [1], [1], [0]])
    assert means["recall_at_1_level0"] == 1
    assert means["true_recall_at_1_level0"] == 1 / 2
    assert means["map_at_1_level0"] == 1


def test_settings_do_not_leak_from_one_call_to_the_next() -> None:
    draw = np.random.default_rng(0)
    world = [draw.normal(size=(8, 4)), draw.integers(0, 2, (8, 3)), draw.normal(size=(30, 4))]
    world.append(draw.integers(0, 2, (30, 3)))
    before = evaluate_retrieval(*world)
    keys = ["h_ap", "recall_at_2_level0"]
    other = evaluate_retrieval(*world, metrics=keys, relevance="weighted", alpha=3.0, ties="optimistic", chunk=1)
    assert list(other.means) == keys == ["h_ap", "recall_at_2_level0"]
    assert other.means["h_ap"] != before.means["h_ap"]
    other.per_query["h_ap"][:] = -1
    after = evaluate_retrieval(*world)
    assert after.means == before.means
    assert all(np.array_equal(after.per_query[key], before.per_query[key], equal_nan=True) for key in before.means)


def test_ndcg_at_k_takes_its_ideal_from_the_whole_gallery() -> None:
    """Levels 1, 0, 3, 3: the best two items are outside the cut."""
    labels = [[1, 1, 0], [1, 1, 1], [0, 0, 0], [0, 0, 0]]
    means = evaluate([4, 3, 2, 1], labels, metrics=["ndcg_at_2"])
    assert means["ndcg_at_2"] == pytest.approx(1 / (7 + 7 / np.log2(3)))
    assert means["ndcg_at_2"] == pytest.approx(0.088, abs=5e-4)


def test_a_last_chunk_of_one_query_is_scored() -> None:
    draw = np.random.default_rng(0)
    queries, gallery = draw.normal(size=(5, 3)), draw.normal(size=(9, 3))
    labels = draw.integers(0, 2, (5, 1)), draw.integers(0, 2, (9, 1))
    expected = evaluate_retrieval(queries, labels[0], gallery, labels[1])
    report = evaluate_retrieval(queries, labels[0], gallery, labels[1], chunk=2)
    assert len(report.query_ids) == 5
    for key, values in expected.per_query.items():
        np.testing.assert_allclose(report.per_query[key], values, rtol=1e-12, err_msg=key)


def test_a_query_without_positives_is_counted_and_takes_no_other_with_it() -> None:
    report = evaluate_retrieval(
        np.ones((3, 1)),
        np.array([[0, 0], [9, 9], [5, 0]]),  # the second agrees with nothing, the third only at the coarse level
        np.array([[2.0], [1.0]]),
        np.array([[1, 0], [0, 0]]),
        query_ids=["a", "b", "c"],
        gallery_ids=["d", "e"],
        chunk=3,
    )
    assert report.n_skipped == 1
    assert report.query_ids.tolist() == ["a", "c"]
    np.testing.assert_array_equal(report.per_query["ap_level0"], [1 / 2, np.nan])
    np.testing.assert_array_equal(report.per_query["ap_level1"], [1, 1])
    assert (report.means["ap_level0"], report.defined["ap_level0"], report.defined["ap_level1"]) == (1 / 2, 1, 2)


def test_a_query_whose_only_positive_is_itself_is_skipped() -> None:
    report = evaluate_retrieval(
        np.ones((1, 1)), np.array([[0]]), np.ones((2, 1)), np.array([[0], [1]]), query_ids=[1], gallery_ids=[1, 2]
    )
    assert (report.n_skipped, len(report.query_ids), report.defined["h_ap"]) == (1, 0, 0)
    assert np.isnan(report.means["h_ap"])


def test_labels_used_again_under_another_parent_do_not_agree() -> None:
    """Fine class 0 of coarse class 1 is not fine class 0 of coarse class 0."""
    means = evaluate([3, 2, 1], [[0, 1], [0, 0], [5, 0]])
    assert means["ap_level0"] == 1 / 2
    assert means["ap_level1"] == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_tied_items_do_not_rank_in_the_order_of_the_gallery() -> None:
    """The positive comes first in the gallery, but all items score the same."""
    labels = [[0], [1], [1], [1]]
    assert evaluate([1, 1, 1, 1], labels)["ap_level0"] == 1 / 4
    assert evaluate([1, 1, 1, 1], labels, ties="optimistic")["ap_level0"] == 1
    assert evaluate([0.0, -0.0, 0.0, -0.0], labels)["ap_level0"] == 1 / 4


def test_nan_is_refused_and_does_not_rank_first() -> None:
    with pytest.raises(ValueError, match=r"gallery_embeddings\[1\] holds nan"):
        evaluate([1, float("nan"), 2], [[0], [1], [1]])
