"""The protocol of the test: who asks, who answers, and how severe the first mistake is."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.training import plain_metrics
from training.benchmark import protocol
from training.benchmark.protocol import first_wrong_depths, metric_keys, query_rows, score, top_rows
from training.image_table import ImageTable

LABELS = {"a": (0, 0, 0), "b": (1, 0, 0), "c": (2, 1, 0), "d": (3, 2, 1)}
"""Landmark -> its labels: a and b are of one kind, c of another kind of the same realm, d of another realm."""


def table_of(landmarks: str) -> ImageTable:
    """A table of images of these landmarks, in this order."""
    ids = np.array([f"image{number:02}" for number in range(len(landmarks))])
    whole = ImageTable(ids, np.array([LABELS[one] for one in landmarks], np.int64), ("landmark", "kind", "realm"))
    return whole.of(np.arange(len(ids)))


def angles(*degrees: float) -> Tensor:
    """Unit vectors in a plane."""
    radians = torch.tensor(degrees, dtype=torch.float32).deg2rad()
    return torch.stack([radians.cos(), radians.sin()], 1)


def plain_values(embeddings: Tensor, table: ImageTable, row: int) -> list[float]:
    """All metrics of one query, those of other landmarks by ranking the others alone."""
    ids, labels, numbers = table.image_ids.tolist(), table.labels.tolist(), embeddings.tolist()
    asked = ([numbers[row]], [labels[row]], numbers, labels)
    (ranking,) = plain_metrics.rankings(*asked, [ids[row]], ids, "pessimistic")
    finest = [label[0] for label in labels]
    (others,) = plain_metrics.rankings(*asked, [finest[row]], finest, "pessimistic")
    return [
        plain_metrics.value(key.replace("_others", ""), others if "others" in key else ranking, 3, "population", 1.0)
        for key in metric_keys(3)
    ]


def plain_first_wrong(embeddings: Tensor, labels: np.ndarray, row: int) -> int:
    """Depth of agreement with the best-ranked image of another landmark, the least of a tie; -1 without any."""
    depths = [plain_metrics.depth_of_agreement(labels[row].tolist(), other.tolist()) for other in labels]
    wrong = [other for other, depth in enumerate(depths) if depth < labels.shape[1]]
    scores = {other: float(embeddings[row] @ embeddings[other]) for other in wrong}
    return min((depths[other] for other in wrong if scores[other] == max(scores.values())), default=-1)


def test_images_of_landmarks_with_one_image_do_not_ask() -> None:
    assert query_rows(table_of("abacdd")).tolist() == [0, 2, 4, 5]
    assert query_rows(table_of("abcd")).tolist() == []
    assert query_rows(table_of("aa")).tolist() == [0, 1]


def test_scores_have_a_row_for_each_query_and_a_column_for_each_metric() -> None:
    found = score(angles(0, 10, 20, 30, 40, 50), table_of("abacdd"))
    assert found.metrics == metric_keys(3)
    assert found.values.shape == (4, 14)
    assert found.values.dtype == np.float64
    assert (found.first_wrong.shape, found.first_wrong.dtype) == ((4,), np.int8)


def test_the_metrics_are_those_over_all_levels_three_of_each_and_one_of_other_landmarks() -> None:
    assert metric_keys(2) == (
        "h_ap", "ndcg", "asi", "ap_level0", "map_at_r_level0", "recall_at_1_level0",
        "ap_level1", "map_at_r_level1", "recall_at_1_level1", "ap_others_level1",
    )  # fmt: skip
    assert metric_keys(1) == ("h_ap", "ndcg", "asi", "ap_level0", "map_at_r_level0", "recall_at_1_level0")


@pytest.mark.parametrize("landmarks", ["aab", "aabb", "aabcd"])
def test_labels_of_one_level_are_scored(landmarks: str) -> None:
    whole = table_of(landmarks)
    table = ImageTable(whole.image_ids, whole.labels[:, :1], ("landmark",))
    found = score(angles(*range(0, 10 * len(landmarks), 10)), table)
    assert found.values.shape == (len(query_rows(table)), 6)
    assert np.isfinite(found.values).all()
    assert set(found.first_wrong.tolist()) == {0}


def test_other_landmarks_are_ranked_without_those_of_the_query() -> None:
    """The query a at 0 degrees: its landmark's other image is first, and then c before b; b alone shares the kind."""
    found = score(angles(0, 1, 20, 30), table_of("aacb"))
    of_others = found.values[:, -2:]
    assert of_others.tolist() == [[0.5, 1.0], [0.5, 1.0]]
    assert found.values[0, found.metrics.index("ap_level1")] == pytest.approx((1 + 2 / 3) / 2)


def test_where_no_other_landmark_shares_the_label_its_metric_is_not_defined() -> None:
    found = score(angles(0, 1, 20, 30, 40), table_of("aaddc"))
    of_others = found.values[:, -2:]  # at the kind, nobody shares; at the realm, a and c do
    np.testing.assert_array_equal(np.isnan(of_others), [[True, False]] * 2 + [[True, True]] * 2)


def test_an_image_that_never_asks_may_be_found() -> None:
    """The nearest image of a query is of a landmark with one image: a mistake, of another realm."""
    found = score(angles(0, 40, 10), table_of("aad"))
    recall = found.values[:, found.metrics.index("recall_at_1_level0")]
    assert recall.tolist() == [0, 0]
    assert found.first_wrong.tolist() == [0, 0]
    farther = score(angles(0, 40, 170), table_of("aad"))
    assert farther.values[:, farther.metrics.index("recall_at_1_level0")].tolist() == [1, 1]


def test_a_query_does_not_find_itself() -> None:
    """Each image is most similar to itself, and its landmark's other image lies behind all others."""
    found = score(angles(0, 180, 70, 110), table_of("aadd"))
    assert found.values[:, found.metrics.index("recall_at_1_level0")].tolist() == [0, 0, 1, 1]
    assert found.values[:2, found.metrics.index("ap_level0")].tolist() == pytest.approx([1 / 3, 1 / 3])


def test_a_query_does_not_find_itself_where_its_copy_is_of_another_landmark() -> None:
    """Left out by id, not by rank: the copy has the same score as the query itself."""
    found = score(angles(0, 0, 0), table_of("aad"))
    assert found.values[:, found.metrics.index("recall_at_1_level0")].tolist() == [0, 0]  # a tie is taken for wrong


@given(st.text("abcd", min_size=2, max_size=12), st.integers(0, 2**16))
@settings(max_examples=40, deadline=None)
def test_scores_are_those_of_a_plain_reference(landmarks: str, seed: int) -> None:
    table, rows = table_of(landmarks), query_rows(table_of(landmarks))
    embeddings = torch.from_numpy(np.random.default_rng(seed).integers(-3, 4, (len(landmarks), 3)).astype(np.float32))
    if not len(rows):
        with pytest.raises(ValueError, match="nobody asks"):
            score(embeddings, table)
        return
    found = score(embeddings, table)
    plain = [plain_values(embeddings, table, row) for row in rows]
    np.testing.assert_allclose(found.values, plain)
    assert found.first_wrong.tolist() == [plain_first_wrong(embeddings, table.labels, row) for row in rows]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=14),
    st.integers(0, 2**16),
    st.sampled_from([1, 100, 300, 2**28]),
)
@settings(max_examples=80, deadline=None)
def test_first_mistakes_are_those_of_a_plain_loop_whatever_the_chunk(
    labels: list[tuple[int, ...]], seed: int, chunk_bytes: int
) -> None:
    draw = np.random.default_rng(seed)
    embeddings = torch.from_numpy(draw.integers(-1, 2, (len(labels), 2)).astype(np.float32))  # many ties
    rows = np.sort(draw.permutation(len(labels))[: draw.integers(1, len(labels) + 1)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol, "CHUNK_BYTES", chunk_bytes)
        found = first_wrong_depths(embeddings, torch.tensor(labels), rows)
    assert found.dtype == np.int8
    assert found.tolist() == [plain_first_wrong(embeddings, np.array(labels), row) for row in rows]


def test_of_a_tie_the_worst_mistake_counts() -> None:
    labels = torch.from_numpy(table_of("aabcd").labels)
    rows = np.array([0])
    assert first_wrong_depths(angles(0, 0, 30, 30, 30), labels, rows).tolist() == [0]
    assert first_wrong_depths(angles(0, 0, 30, 30, 60), labels, rows).tolist() == [1]
    assert first_wrong_depths(angles(0, 0, 30, 40, 60), labels, rows).tolist() == [2]


def test_without_another_landmark_there_is_no_mistake() -> None:
    assert (
        first_wrong_depths(angles(0, 10, 20), torch.zeros(3, 2, dtype=torch.int64), np.arange(3)).tolist() == [-1] * 3
    )
    alone = score(angles(0, 10, 20), table_of("ddd"))
    assert alone.first_wrong.tolist() == [-1] * 3
    assert (alone.values[:, :-2] == 1).all()
    assert np.isnan(alone.values[:, -2:]).all()


def test_embeddings_and_labels_are_left_as_they_were() -> None:
    table, embeddings = table_of("aabcd"), angles(0, 5, 30, 40, 60)
    kept, labels = embeddings.clone(), table.labels.copy()
    score(embeddings, table)
    top_rows(embeddings, 0, 3)
    assert torch.equal(embeddings, kept)
    np.testing.assert_array_equal(table.labels, labels)


@given(st.integers(2, 12), st.integers(1, 15), st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_the_images_ranked_first_are_the_best_and_never_the_query(size: int, count: int, seed: int) -> None:
    embeddings = torch.from_numpy(np.random.default_rng(seed).normal(size=(size, 3)))
    for row in range(size):
        scores = {other: float(embeddings[row] @ embeddings[other]) for other in range(size) if other != row}
        expected = sorted(scores, key=lambda other: -scores[other])[:count]
        assert top_rows(embeddings, row, count).tolist() == expected


def test_among_equal_images_the_query_is_still_left_out() -> None:
    for row in range(4):
        assert row not in top_rows(angles(0, 0, 0, 0), row, 10).tolist()
        assert len(top_rows(angles(0, 0, 0, 0), row, 10)) == 3


@pytest.mark.parametrize("landmarks", ["abcd", "a", ""])
def test_a_fold_in_which_nobody_asks_is_told(landmarks: str) -> None:
    labels = np.array([LABELS[one] for one in landmarks], np.int64).reshape(-1, 3)
    table = ImageTable(np.array(list(landmarks), np.str_), labels, ("landmark", "kind", "realm"))
    with pytest.raises(ValueError, match=f"none of the {len(landmarks)} images .* nobody asks"):
        score(torch.zeros(len(landmarks), 2), table)
