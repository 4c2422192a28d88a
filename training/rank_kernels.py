"""The compiled loops of training.ranks_numba: one query at a time, one positive against a run of items side by side.

Places are unsigned in the inner loops: a place that could be negative would be checked at every step, and nothing
vectorised. All of it is in one file, since numba's cache does not notice a change in another.
"""

from math import exp, log, log2

import numpy as np

from training.compiled import compiled_for_speed

AP, NDCG, RECALL, SMOOTH_AP = range(4)
KINDS = {"ap": AP, "ndcg": NDCG, "recall": RECALL, "smooth_ap": SMOOTH_AP}
"""Number of each kind of training.objectives.OBJECTIVES."""

Exponentials = tuple[np.ndarray, np.ndarray, np.ndarray]


@compiled_for_speed
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
    # Side by side at fixed distances: compiled loops look whether buffers overlap, and must decide alike in every call.
    scratch, width = np.empty(4 * (item_count + 64), scores.dtype), item_count + 64
    row, row_ratios = scratch[:width], scratch[width : 2 * width]
    slopes, own = scratch[2 * width : 3 * width], scratch[3 * width :]
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


@compiled_for_speed
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


@compiled_for_speed
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


@compiled_for_speed
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


@compiled_for_speed
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


@compiled_for_speed
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


@compiled_for_speed
def count_at_least(row: np.ndarray, first: int, stop: int, score: float) -> int:
    """Number of items at the places first..stop that score at least this much."""
    one, zero = row.dtype.type(1), row.dtype.type(0)
    count = zero  # adding numbers of one type vectorises; exact up to 2^24 items
    for place in range(np.uint64(first), np.uint64(stop)):
        count += one if row[place] >= score else zero
    return int(count)


@compiled_for_speed
def add_scaled(target: np.ndarray, source: np.ndarray, first: int, stop: int, factor: float) -> None:
    """target += factor * source at the places first..stop."""
    by = target.dtype.type(factor)
    for place in range(np.uint64(first), np.uint64(stop)):
        target[place] += by * source[place]


@compiled_for_speed
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
