"""Rank losses compiled for the CPU, one query at a time: the loss and its gradient in one sweep over the items.

The items of a query are put in order of depth, so that every inner loop runs over adjacent memory and vectorises: those
inferior to a positive are the ones before its depth. The sigmoids of a sweep need no exponential: with
a_j = exp((c - s_j) / tau) made once a query, sigmoid((s_j - s_i) / tau) = 1 / (1 + a_j exp((s_i - c) / tau)).
"""

import numpy as np
import torch
from torch import Tensor

from training.objectives import Objective
from training.rank_sweeps import (
    KINDS,
    SMOOTH_AP,
    add_scaled,
    compiled,
    count_at_least,
    positive_factor,
    share_and_fall,
    sweep,
)
from training.threads import over_rows

Exponentials = tuple[np.ndarray, np.ndarray, np.ndarray]


def loss_and_gradient(
    scores: Tensor, depths: Tensor, gains: Tensor, normaliser: Tensor, scale: float, objective: Objective
) -> tuple[Tensor, Tensor]:
    """Losses and their gradient; arguments and returns as training.ranks.Backend says."""
    losses, gradient = torch.zeros_like(normaliser), torch.zeros_like(scores)
    surrogate = objective.surrogate
    real = np.float32 if scores.dtype == torch.float32 else np.float64
    shape = np.array([surrogate.tau, surrogate.rho, surrogate.delta, surrogate.start, surrogate.offset], dtype=real)
    kind, ks = KINDS[objective.kind], np.array(objective.ks, dtype=np.float64)
    s, d, g, z = (table.contiguous().numpy() for table in (scores, depths, gains, normaliser))
    losses_out, gradient_out = losses.numpy(), gradient.numpy()

    def score_block(first: int, stop: int) -> None:
        rows = slice(first, stop)
        ratios = exponentials(s[rows], float(shape[0]))
        inputs = (s[rows], ratios, d[rows], g[rows], z[rows])
        constants = (kind, shape, ks, objective.temperature, scale)
        score_queries(inputs, constants, losses_out[rows], gradient_out[rows])

    over_rows(score_block, len(scores), work=scores.numel() * scores.shape[1] // 16)
    return losses, gradient


def exponentials(scores: np.ndarray, tau: float) -> Exponentials:
    """a_j = exp((c - s_j) / tau) for every row, the centers c, and which rows are too wide for that.

    Too wide is a row where an exponential would leave the range of the numbers; it is then made for each positive.
    Computed in float64, since an exponent near 80 has lost two digits in float32.
    """
    least, most = (ends.astype(np.float64) for ends in (scores.min(1, initial=0), scores.max(1, initial=0)))
    centers = (least + most) / 2
    exponents = (centers[:, None] - scores) / tau
    is_wide = ~((most - centers) / tau < (80 if scores.dtype == np.float32 else 700))
    with np.errstate(over="ignore"):
        return np.exp(exponents, out=exponents).astype(scores.dtype, copy=False), centers, is_wide


@compiled
def score_queries(
    inputs: tuple[np.ndarray, Exponentials, np.ndarray, np.ndarray, np.ndarray],
    constants: tuple[int, np.ndarray, np.ndarray, float, float],
    losses: np.ndarray,
    gradient: np.ndarray,
) -> None:
    """Losses and gradients of some queries, written to losses and gradient."""
    scores, (ratios, centers, is_wide), depths, gains, normaliser = inputs
    kind, shape, ks, temperature, scale = constants
    item_count = scores.shape[1]
    order, rest = np.empty(item_count, np.int32), np.empty(item_count, np.int32)
    starts = np.empty(gains.shape[1] + 1, np.int64)
    row, row_ratios = np.empty(item_count, scores.dtype), np.empty(item_count, scores.dtype)
    slopes, own = np.empty(item_count, scores.dtype), np.empty(item_count, scores.dtype)
    for query in range(len(scores)):
        if not normaliser[query] > 0:
            continue
        count = order_by_depth(depths[query], order, rest, starts)
        for place in range(count):
            row[place] = scores[query, order[place]]
            row_ratios[place] = ratios[query, order[place]]
        own[:count] = 0
        buffers = row[:count], row_ratios[:count], slopes[:count], own[:count]
        origin = centers[query], is_wide[query]
        if kind == SMOOTH_AP:
            value = smooth_query(buffers, starts, origin, normaliser[query], shape, scale)
        else:
            terms = (normaliser[query], kind, ks, temperature, scale)
            value = ranked_query(buffers, starts, origin, gains[query], terms, shape)
        losses[query] = scale * (1 - value)
        for place in range(count):
            gradient[query, order[place]] = own[place]


@compiled
def order_by_depth(depths: np.ndarray, order: np.ndarray, rest: np.ndarray, starts: np.ndarray) -> int:
    """Fill order with the items by rising depth, starts with the place where each depth starts; excluded ones left out.

    Returns the number of items ordered; starts has one more entry, that number. rest is room to work in.
    """
    low, high = 0, 0
    for item in range(len(depths)):  # most items are of depth 0: both are written, and one of the two stays
        order[low] = item
        low += depths[item] == 0
        rest[high] = item
        high += depths[item] > 0
    starts[:] = 0
    for item in rest[:high]:
        starts[depths[item] + 1] += 1
    starts[1] = low
    for depth in range(1, len(starts) - 1):
        starts[depth + 1] += starts[depth]
    for item in rest[:high]:
        order[starts[depths[item]]] = item
        starts[depths[item]] += 1
    for depth in range(len(starts) - 1, 1, -1):
        starts[depth] = starts[depth - 1]
    starts[1] = low
    return low + high


@compiled
def ranked_query(
    buffers: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    starts: np.ndarray,
    origin: tuple[float, bool],
    gains: np.ndarray,
    terms: tuple[float, int, np.ndarray, float, float],
    shape: np.ndarray,
) -> float:
    """Objective of a query under SupRank; its gradient is added to the last buffer."""
    row, ratios, slopes, own = buffers
    normaliser, kind, ks, temperature, scale = terms
    value = 0.0
    for depth in range(1, len(gains)):
        if not gains[depth] > 0:
            continue
        inferior = starts[depth]
        for place in range(inferior, starts[depth + 1]):
            factor = positive_factor(row, ratios, row[place], origin, shape)
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
    origin: tuple[float, bool],
    normaliser: float,
    shape: np.ndarray,
    scale: float,
) -> float:
    """Smooth-AP of a query whose positives are the items of depth 1; its gradient is added to the last buffer."""
    row, ratios, slopes, own = buffers
    plain = shape.copy()
    plain[2], plain[3] = np.inf, 0  # no jump and no linear part: the sigmoid everywhere
    first = starts[1]
    value = 0.0
    for place in range(first, len(row)):
        factor = positive_factor(row, ratios, row[place], origin, shape)
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
