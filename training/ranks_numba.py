"""Rank losses compiled for the CPU, one query at a time: the loss and its gradient in one sweep over the items.

The items of a query are put in order of depth, so that every inner loop runs over adjacent memory and vectorises: those
inferior to a positive are the ones before its depth. The sigmoids of a sweep need no exponential: with
a_j = exp((c - s_j) / tau) made once a query, sigmoid((s_j - s_i) / tau) = 1 / (1 + a_j exp((s_i - c) / tau)).
"""

from collections.abc import Callable
from math import exp, log, log2
from typing import Any, TypeVar, cast

import numba
import numpy as np
import torch
from torch import Tensor

from training.objectives import OBJECTIVES, Objective
from training.threads import over_rows

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(function: Kernel) -> Kernel:
    """The function compiled on first use; its sums may be taken in any order, but infinities stay infinities."""
    compiler = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "nsz", "contract"})
    return cast(Kernel, compiler(function))


KINDS = {kind: number for number, kind in enumerate(OBJECTIVES)}
AP, NDCG, RECALL, SMOOTH_AP = (KINDS[kind] for kind in ("ap", "ndcg", "recall", "smooth_ap"))


def loss_and_gradient(
    scores: Tensor, depths: Tensor, gains: Tensor, normaliser: Tensor, scale: float, objective: Objective
) -> tuple[Tensor, Tensor]:
    """Losses and their gradient; arguments and returns as training.ranks.Backend says."""
    losses, gradient = torch.zeros_like(normaliser), torch.zeros_like(scores)
    surrogate = objective.surrogate
    real = np.float32 if scores.dtype == torch.float32 else np.float64
    shape = np.array([surrogate.tau, surrogate.rho, surrogate.delta, surrogate.start, surrogate.offset], dtype=real)
    kind, ks = KINDS[objective.kind], np.array(objective.ks, dtype=np.float64)
    tables = (scores.contiguous().numpy(), depths.contiguous().numpy(), gains.contiguous().numpy(), normaliser.numpy())
    outputs = (losses.numpy(), gradient.numpy())

    def score_block(first: int, stop: int) -> None:
        score_queries(*tables, kind, shape, ks, objective.temperature, scale, first, stop, *outputs)

    over_rows(score_block, len(scores), work=scores.numel() * scores.shape[1] // 16)
    return losses, gradient


@compiled
def score_queries(
    scores: np.ndarray,
    depths: np.ndarray,
    gains: np.ndarray,
    normaliser: np.ndarray,
    kind: int,
    shape: np.ndarray,
    ks: np.ndarray,
    temperature: float,
    scale: float,
    first: int,
    stop: int,
    losses: np.ndarray,
    gradient: np.ndarray,
) -> None:
    """Losses and gradients of the queries first..stop, written to their rows."""
    item_count = scores.shape[1]
    order = np.empty(item_count, np.int32)
    starts = np.empty(gains.shape[1] + 1, np.int64)
    row, ratios = np.empty(item_count, scores.dtype), np.empty(item_count, scores.dtype)
    slopes, own = np.empty(item_count, scores.dtype), np.empty(item_count, scores.dtype)
    for query in range(first, stop):
        if not normaliser[query] > 0:
            continue
        count = order_by_depth(depths[query], order, starts)
        for place in range(count):
            row[place] = scores[query, order[place]]
        own[:count] = 0
        buffers = row[:count], ratios[:count], slopes[:count], own[:count]
        if kind == SMOOTH_AP:
            value = smooth_query(buffers, starts, normaliser[query], shape, scale)
        else:
            value = ranked_query(buffers, starts, gains[query], normaliser[query], kind, shape, ks, temperature, scale)
        losses[query] = scale * (1 - value)
        for place in range(count):
            gradient[query, order[place]] = own[place]


@compiled
def order_by_depth(depths: np.ndarray, order: np.ndarray, starts: np.ndarray) -> int:
    """Fill order with the items by rising depth, starts with the place where each depth starts; excluded ones left out.

    Returns the number of items ordered; starts has one more entry, that number.
    """
    starts[:] = 0
    for depth in depths:
        if depth >= 0:
            starts[depth + 1] += 1
    for depth in range(len(starts) - 1):
        starts[depth + 1] += starts[depth]
    count = starts[-1]
    for item in range(len(depths)):
        if depths[item] >= 0:
            order[starts[depths[item]]] = item
            starts[depths[item]] += 1
    for depth in range(len(starts) - 1, 0, -1):
        starts[depth] = starts[depth - 1]
    starts[0] = 0
    return int(count)


@compiled
def ranked_query(
    buffers: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    starts: np.ndarray,
    gains: np.ndarray,
    normaliser: float,
    kind: int,
    shape: np.ndarray,
    ks: np.ndarray,
    temperature: float,
    scale: float,
) -> float:
    """Objective of a query under SupRank; its gradient is added to the last buffer."""
    row, ratios, slopes, own = buffers
    center, is_wide = prepare_ratios(row, ratios, shape)
    value = 0.0
    for depth in range(1, len(gains)):
        if not gains[depth] > 0:
            continue
        inferior = starts[depth]
        for place in range(inferior, starts[depth + 1]):
            factor = positive_factor(row, ratios, row[place], center, is_wide, shape)
            rank, slope = sweep(row, ratios, slopes, 0, inferior, row[place], factor, shape)
            rank_plus = 0.0
            for other in range(1, len(gains)):
                above = count_at_least(row, starts[other], starts[other + 1], row[place])
                rank_plus += above * min(gains[depth], gains[other])
                if other >= depth:
                    rank += above  # with i itself, which is the 1 in the definition
            share, fall = share_and_fall(kind, rank, rank_plus, gains[depth], normaliser, ks, temperature)
            value += share
            add_scaled(own, slopes, 0, inferior, scale * fall)
            own[place] -= row.dtype.type(scale * fall * slope)
    return value


@compiled
def smooth_query(
    buffers: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    starts: np.ndarray,
    normaliser: float,
    shape: np.ndarray,
    scale: float,
) -> float:
    """Smooth-AP of a query whose positives are the items of depth 1; its gradient is added to the last buffer."""
    row, ratios, slopes, own = buffers
    center, is_wide = prepare_ratios(row, ratios, shape)
    plain = shape.copy()
    plain[2], plain[3] = np.inf, 0  # no jump and no linear part: the sigmoid everywhere
    first = starts[1]
    value = 0.0
    for place in range(first, len(row)):
        factor = positive_factor(row, ratios, row[place], center, is_wide, shape)
        negatives, down = sweep(row, ratios, slopes, 0, first, row[place], factor, plain)
        before, up_before = sweep(row, ratios, slopes, first, place, row[place], factor, plain)
        after, up_after = sweep(row, ratios, slopes, place + 1, len(row), row[place], factor, plain)
        slopes[place] = 0
        rank_plus = 1 + before + after
        rank = rank_plus + negatives
        value += rank_plus / (rank * normaliser)
        fall = scale * rank_plus / (rank * rank * normaliser)
        rise = fall - scale / (rank * normaliser)
        add_scaled(own, slopes, 0, first, fall)
        add_scaled(own, slopes, first, len(row), rise)
        own[place] -= row.dtype.type(fall * down + rise * (up_before + up_after))
    return value


@compiled
def prepare_ratios(row: np.ndarray, ratios: np.ndarray, shape: np.ndarray) -> tuple[float, bool]:
    """Fill ratios with exp((center - s_j) / tau); returns the center, and whether the row is too wide for that.

    Too wide is a row where an exponential would leave the range of the numbers; ratios are then made for each positive.
    """
    center = 0.5 * (float(row.min()) + float(row.max()))
    reach = 80.0 if row.itemsize == 4 else 700.0
    if not (float(row.max()) - center) / shape[0] < reach:
        return center, True
    for place in range(len(row)):
        ratios[place] = exp((center - row[place]) / shape[0])
    return center, False


@compiled
def positive_factor(
    row: np.ndarray, ratios: np.ndarray, score: float, center: float, is_wide: bool, shape: np.ndarray
) -> float:
    """exp((s_i - center) / tau), which turns ratios into exp((s_i - s_j) / tau); 1 for a wide row, made here."""
    if not is_wide:
        return exp((score - center) / shape[0])
    for place in range(len(row)):
        ratios[place] = exp(min((score - row[place]) / float(shape[0]), 700.0))
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
    for place in range(first, stop):
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
    count = 0
    for place in range(first, stop):
        count += row[place] >= score
    return count


@compiled
def add_scaled(target: np.ndarray, source: np.ndarray, first: int, stop: int, factor: float) -> None:
    """target += factor * source at the places first..stop."""
    by = target.dtype.type(factor)
    for place in range(first, stop):
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
