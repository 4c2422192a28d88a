"""Means with 95% intervals over seeds and landmarks, for whoever compares models.

Two things vary: which seed trained the model, and which landmarks the test fold happened to draw; the images of one
landmark vary together. Every draw of the bootstrap picks seeds, and landmarks with all their queries. All seeds see the
same landmarks in a draw, as they did in the test. To compare two models, give the differences of their values.

Few seeds are told honestly: S of them, drawn with replacement, vary (S - 1) / S times as much as seeds do, so their
share of a draw is scaled up; and the interval is widened by the ratio of Student's t to the normal quantile, with
Satterthwaite's degrees of freedom, which are near S - 1 where seeds matter most and near the number of landmarks where
those do. One seed cannot tell how seeds vary: its interval is about landmarks alone.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

DRAWS = 4000
SHARE = 0.95
WEIGHTS_AT_A_TIME = 2**24
"""Weights of landmarks held in memory, 8 bytes each."""


@dataclass(frozen=True)
class Intervals:
    """Means with the ends of their 95% intervals, each float64 (K,).

    A mean is nan where no query has a value, and the ends where the queries of less than two landmarks have one.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def intervals(values: np.ndarray, landmarks: np.ndarray, draws: int = DRAWS, seed: int = 0) -> Intervals:
    """Mean over seeds and queries of each of K metrics, with its interval.

    Args:
        values: (S, Q, K), of every seed, query and metric; nan where a metric is not defined for a query.
        landmarks: (Q,), of any type: queries of one landmark are drawn together.
        draws: of the bootstrap.
        seed: of the draws; the same gives the same interval.

    Raises:
        ValueError: no seed, no query, or another number of landmarks than of queries.
    """
    seed_count, query_count, metric_count = values.shape
    if not seed_count or not query_count or len(landmarks) != query_count:
        raise ValueError(f"values of shape {values.shape} with {len(landmarks)} landmarks; give one for each query")
    names, groups = np.unique(landmarks, return_inverse=True)
    sums, counts = np.zeros((2, len(names), seed_count, metric_count))
    np.add.at(sums, groups, np.nan_to_num(values).swapaxes(0, 1))
    np.add.at(counts, groups, ~np.isnan(values).swapaxes(0, 1))
    found = np.full((3, metric_count), np.nan)
    is_defined = counts.any(axis=(0, 1))
    if is_defined.any():
        found[:, is_defined] = estimates(sums[..., is_defined], counts[..., is_defined], draws, seed)
    return Intervals(*found)


def estimates(sums: np.ndarray, counts: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Means, low and high ends, (3, K), from sums and counts (C, S, K) over the queries of each landmark."""
    seed_count = sums.shape[1]
    defined = counts.any(axis=1).sum(axis=0)  # landmarks (K,) whose queries have the metric
    means = (sums.sum(0) / counts.sum(0)).mean(0)
    per_seed = drawn_means(sums, counts, draws, np.random.default_rng(seed))
    picked = np.random.default_rng(seed + 1).integers(seed_count, size=(draws, seed_count, 1))
    by_landmark = per_seed.mean(1)
    by_seed = np.take_along_axis(per_seed, picked, axis=1).mean(1) - by_landmark
    by_seed *= np.sqrt(seed_count / max(seed_count - 1, 1))
    edges = np.nanquantile(by_landmark + by_seed, [(1 - SHARE) / 2, (1 + SHARE) / 2], axis=0)
    wider = widening(np.nanvar(by_seed, 0), seed_count, np.nanvar(by_landmark, 0), defined)
    ends = np.where(defined > 1, means + wider * (edges - means), np.nan)
    return np.stack([means, *ends])


def drawn_means(sums: np.ndarray, counts: np.ndarray, draws: int, draw: np.random.Generator) -> np.ndarray:
    """Mean over the queries of drawn landmarks, (draws, S, K), from sums and counts (C, S, K) over each landmark's."""
    group_count = len(sums)
    at_a_time = max(1, WEIGHTS_AT_A_TIME // group_count)
    parts = []
    for first in range(0, draws, at_a_time):
        size = min(at_a_time, draws - first)
        weights = draw.multinomial(group_count, np.full(group_count, 1 / group_count), size).astype(np.float64)
        with np.errstate(invalid="ignore"):  # a draw without a query that has the metric is nan, and not counted
            parts.append(np.tensordot(weights, sums, 1) / np.tensordot(weights, counts, 1))
    return np.concatenate(parts)


def widening(
    seed_variance: np.ndarray, seed_count: int, landmark_variance: np.ndarray, landmark_counts: np.ndarray
) -> np.ndarray:
    """How much wider than by normal quantiles an interval is, (K,), for the variances (K,) of both parts of a mean."""
    total = seed_variance + landmark_variance
    spread = seed_variance**2 / max(seed_count - 1, 1) + landmark_variance**2 / np.maximum(landmark_counts - 1, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = np.where(spread > 0, total**2 / spread, np.inf)
    quantile = (1 + SHARE) / 2
    return np.asarray(t.ppf(quantile, freedom) / norm.ppf(quantile))
