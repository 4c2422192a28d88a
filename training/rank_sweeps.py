"""The inner loops of training.ranks_numba: one positive of one query against a run of items that lie side by side.

Places are unsigned in the loops: a place that could be negative would be checked at every step, and nothing vectorised.
"""

from collections.abc import Callable
from math import exp, log, log2
from typing import Any, TypeVar, cast

import numba
import numpy as np

from training.objectives import OBJECTIVES

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(function: Kernel) -> Kernel:
    """The function compiled on first use; its sums may be taken in any order, but infinities stay infinities."""
    compiler = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "nsz", "contract"})
    return cast(Kernel, compiler(function))


KINDS = {kind: number for number, kind in enumerate(OBJECTIVES)}
AP, NDCG, RECALL, SMOOTH_AP = (KINDS[kind] for kind in ("ap", "ndcg", "recall", "smooth_ap"))


@compiled
def positive_factor(
    row: np.ndarray, ratios: np.ndarray, score: float, origin: tuple[float, bool], shape: np.ndarray
) -> float:
    """exp((s_i - center) / tau), which turns ratios into exp((s_i - s_j) / tau); 1 for a wide row, made here."""
    center, is_wide = origin
    tau = float(shape[0])
    if not is_wide:
        return exp((score - center) / tau)
    for place in range(len(row)):
        ratios[place] = exp(min((score - row[place]) / tau, 700.0))
    return 1.0


@compiled
def sweep(
    row: np.ndarray,
    ratios: np.ndarray,
    slopes: np.ndarray,
    first: int,
    stop: int,
    score: float,
    factor: float,
    shape: np.ndarray,
) -> tuple[float, float]:
    """Sum of h(s_j - s_i) and of its derivative over the places first..stop; slopes receives each derivative."""
    real = row.dtype.type
    one, zero, by = real(1), real(0), real(factor)
    rho, delta, start, offset, inverse_tau = shape[1], shape[2], shape[3], shape[4], one / shape[0]
    total, slope_total = zero, zero
    for place in range(np.uint64(first), np.uint64(stop)):
        difference = row[place] - score
        sigmoid = one / (one + by * ratios[place])
        near = sigmoid + (start if difference > zero else zero)
        is_far = difference > delta
        total += rho * (difference - delta) + offset if is_far else near
        slope = rho if is_far else sigmoid * (one - sigmoid) * inverse_tau
        slopes[place] = slope
        slope_total += slope
    return float(total), float(slope_total)


@compiled
def count_at_least(row: np.ndarray, first: int, stop: int, score: float) -> int:
    """Number of items at the places first..stop that score at least this much."""
    one, zero = row.dtype.type(1), row.dtype.type(0)
    count = zero  # adding numbers of one type vectorises; exact up to 2^24 items
    for place in range(np.uint64(first), np.uint64(stop)):
        count += one if row[place] >= score else zero
    return int(count)


@compiled
def add_scaled(target: np.ndarray, source: np.ndarray, first: int, stop: int, factor: float) -> None:
    """target += factor * source at the places first..stop."""
    by = target.dtype.type(factor)
    for place in range(np.uint64(first), np.uint64(stop)):
        target[place] += by * source[place]


@compiled
def share_and_fall(
    kind: int, rank: float, rank_plus: float, gain: float, normaliser: float, ks: np.ndarray, temperature: float
) -> tuple[float, float]:
    """Share of a positive in the objective (training.objectives), and how fast it falls as the rank grows."""
    if kind == AP:
        share = rank_plus / (rank * normaliser)
        return share, share / rank
    if kind == NDCG:
        share = gain / (log2(1 + rank) * normaliser)
        return share, share / (log(1 + rank) * (1 + rank))
    share, fall = 0.0, 0.0
    for k in ks:
        inside = 1 / (1 + exp((rank - k) / temperature))
        weight = 1 / (min(normaliser, k) * len(ks))
        share += weight * inside
        fall += weight * inside * (1 - inside) / temperature
    return share, fall
