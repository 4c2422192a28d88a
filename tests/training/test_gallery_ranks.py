"""Both rankers give the ranks of the plain definition, for scores that try the map to buckets and the order of bits."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.plain_metrics import rank
from training import gallery_ranks, gallery_ranks_numba
from training.gallery_levels import GalleryLevels
from training.threads import WORTH_A_THREAD

LEVELS = 3
RANKERS: dict[str, gallery_ranks.Ranker] = {
    "numba": gallery_ranks_numba.rank_positives,
    "torch": gallery_ranks.rank_by_sorting,
}


def levels_from_table(depths: np.ndarray, is_out: np.ndarray) -> GalleryLevels:
    """The levels 0..L of a table (Q, G) as nested ranges; is_out marks items that are not in the query's gallery."""
    members: list[int] = []
    starts, stops = np.empty((len(depths), LEVELS), np.int64), np.empty((len(depths), LEVELS), np.int64)
    for query, row in enumerate(depths):
        nested: list[int] = []
        for level in range(LEVELS, 0, -1):
            items = np.flatnonzero(row == level).tolist()
            left, right = items[: len(items) // 2], items[len(items) // 2 :]
            starts[query, level - 1 :] += len(left)
            starts[query, level - 1], stops[query, level - 1] = 0, len(nested) + len(items)
            stops[query, level:] += len(left)
            nested = left + nested + right
        starts[query] += len(members)
        stops[query] += len(members)
        members += nested
    counts = np.stack([((depths == level) & ~is_out).sum(1) for level in range(LEVELS + 1)], axis=1)
    return GalleryLevels(np.array(members, np.int32), starts, stops, np.argwhere(is_out), counts)


def draw_scores(kind: str, shape: tuple[int, int], draw: np.random.Generator, real: type[np.floating]) -> np.ndarray:
    limits = np.finfo(real)
    if kind == "special":
        pool = [0.0, -0.0, limits.tiny, -limits.tiny, limits.smallest_subnormal, limits.max, -limits.max, 1.0]
        return draw.choice(np.array([*pool, np.nextafter(real(1), real(2))], real), shape)
    scores = draw.normal(size=shape)
    if kind == "tied":
        scores = scores.round()
    elif kind == "one value":
        scores = np.ones(shape)
    elif kind == "crowded":  # all but a few in the same bucket
        scores = np.where(draw.random(shape) < 0.01, 1e6 * scores, 1e-3 * scores)
    return scores.astype(real)


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["normal", "tied", "special", "one value", "crowded"]),
    size=st.sampled_from([1, 2, 7, 300, 4000]),
    positive_share=st.sampled_from([0.002, 0.015, 0.3, 1.0]),
    real=st.sampled_from([np.float32, np.float64]),
    ties=st.sampled_from(["pessimistic", "optimistic"]),
)
def test_ranks_are_those_of_the_sorted_list(
    seed: int, kind: str, size: int, positive_share: float, real: type[np.floating], ties: str
) -> None:
    draw = np.random.default_rng(seed)
    scores = draw_scores(kind, (3, size), draw, real)
    depths = np.where(draw.random(scores.shape) < positive_share, draw.integers(0, LEVELS + 1, scores.shape), 0)
    depths[:, 0] = draw.integers(1, LEVELS + 1)
    is_out = draw.random(scores.shape) < draw.choice([0, 0.1])
    expected = [
        (place + 1, level)
        for row, levels, kept in zip(scores, depths, ~is_out, strict=True)
        for place, level in enumerate(rank(row[kept].tolist(), levels[kept].tolist(), ties))
        if level > 0
    ]
    scores[is_out] = -np.inf
    for name, ranker in RANKERS.items():
        found = ranker(torch.from_numpy(scores), levels_from_table(depths, is_out), ties == "pessimistic")
        assert (found[0].dtype, found[1].dtype) == (np.int32, np.int8)
        assert list(zip(*(column.tolist() for column in found), strict=True)) == expected, name


@pytest.mark.parametrize("ranker", RANKERS.values(), ids=RANKERS)
def test_queries_without_positives_have_empty_lists(ranker: gallery_ranks.Ranker) -> None:
    depths, is_out = np.array([[0, 0, 2], [0, 3, 1], [0, 0, 0]]), np.zeros((3, 3), bool)
    is_out[0, 2] = True
    scores = torch.tensor([[1.0, 2.0, -torch.inf], [3.0, 2.0, 1.0], [1.0, 1.0, 1.0]])
    ranks, levels = ranker(scores, levels_from_table(depths, is_out), True)
    assert (ranks.tolist(), levels.tolist()) == ([2, 3], [3, 1])
    ranks, levels = ranker(scores[2:], levels_from_table(depths[2:], is_out[2:]), True)
    assert (len(ranks), len(levels)) == (0, 0)


def test_threads_change_nothing() -> None:
    draw = np.random.default_rng(0)
    scores = torch.from_numpy(draw.normal(size=(60, 2 * WORTH_A_THREAD // 60)))
    depths = draw.choice([0, 1, 2, 3], tuple(scores.shape), p=[0.97, 0.01, 0.01, 0.01])
    gallery = levels_from_table(depths, np.zeros_like(depths, bool))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = gallery_ranks_numba.rank_positives(scores, gallery, True)
        torch.set_num_threads(4)
        together = gallery_ranks_numba.rank_positives(scores, gallery, True)
    finally:
        torch.set_num_threads(before)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_ranker_suits_the_device() -> None:
    assert gallery_ranks.find_ranker(torch.device("cpu")) is gallery_ranks_numba.rank_positives
    assert gallery_ranks.find_ranker(torch.device("cuda")) is gallery_ranks.rank_by_sorting
