"""Values of retrieval metrics of one query after the other, from the ranks and levels of its positives alone.

Every sum is taken in float64. `training.metric_names` says which key asks for which formula.
"""

from math import nan

import numpy as np

from training.compiled import compiled
from training.threads import over_rows

FORMULAS = ("h_ap", "ndcg", "asi", "map", "map_at_r", "precision", "recall", "true_recall")
H_AP, NDCG, ASI, MAP, MAP_AT_R, PRECISION, RECALL, TRUE_RECALL = range(len(FORMULAS))


def metric_values(
    specs: np.ndarray,
    ranks: np.ndarray,
    levels: np.ndarray,
    ends: np.ndarray,
    counts: np.ndarray,
    relevance: np.ndarray,
) -> np.ndarray:
    """Values of the metrics for some queries.

    Args:
        specs: int64 (K, 3), for each metric its place in FORMULAS, its k, and the depth from which an item is a hit.
        ranks: int32 (P,), ranks from 1 of the positives of all queries, rising within a query.
        levels: int8 (P,), their levels.
        ends: int64 (Q + 1,), where the positives of each query start and end.
        counts: int64 (Q, L + 1), items of each query's gallery at exactly level 0..L.
        relevance: float64 (Q, L + 1), relevance of an item by its level.

    Returns:
        float64 (Q, K), nan where a query has no item of the depth.
    """
    values = np.empty((len(counts), len(specs)))
    discounts = 1 / np.log2(np.arange(2, counts.sum(1).max(initial=0) + 2))
    discount_sums = np.concatenate([[0], np.cumsum(discounts)])

    def score_block(first: int, stop: int) -> None:
        positives = (ranks, levels, ends)
        score_rows(specs, positives, counts, relevance, discounts, discount_sums, first, stop, values)

    over_rows(score_block, len(counts), work=len(ranks) * len(specs))
    return values


@compiled
def score_rows(
    specs: np.ndarray,
    positives: tuple[np.ndarray, np.ndarray, np.ndarray],
    counts: np.ndarray,
    relevance: np.ndarray,
    discounts: np.ndarray,
    discount_sums: np.ndarray,
    first: int,
    stop: int,
    values: np.ndarray,
) -> None:
    """Values of all metrics for the queries first..stop, written to their rows."""
    for row in range(first, stop):
        start, end = positives[2][row], positives[2][row + 1]
        ranks, levels = positives[0][start:end], positives[1][start:end]
        for column in range(len(specs)):
            formula, k, depth = specs[column]
            if formula == H_AP:
                value = hierarchical_precision(ranks, levels, counts[row], relevance[row])
            elif formula == NDCG:
                value = discounted_gain(ranks, levels, k, discounts) / ideal_gain(counts[row], k, discount_sums)
            elif formula == ASI:
                value = set_intersection(ranks, levels, counts[row])
            else:
                value = level_value(formula, k, depth, ranks, levels, counts[row])
            values[row, column] = value


@compiled
def level_value(formula: int, k: int, depth: int, ranks: np.ndarray, levels: np.ndarray, counts: np.ndarray) -> float:
    """Value of a metric for which the items of that depth or more are hits, the others misses."""
    total = int(counts[depth:].sum())
    if total == 0:
        return nan
    if formula == MAP:
        return precision_sum(ranks, levels, depth, k) / min(total, k)
    if formula == MAP_AT_R:
        return precision_sum(ranks, levels, depth, total) / total
    hits = hits_within(ranks, levels, depth, k)
    if formula == PRECISION:
        return hits / k
    if formula == RECALL:
        return 1.0 if hits > 0 else 0.0
    return hits / total


@compiled
def precision_sum(ranks: np.ndarray, levels: np.ndarray, depth: int, k: int) -> float:
    """Sum of the precisions at the ranks of the hits among the first k items."""
    value, hits = 0.0, 0
    for place in range(len(ranks)):
        if ranks[place] > k:
            break
        if levels[place] >= depth:
            hits += 1
            value += hits / float(ranks[place])
    return value


@compiled
def hits_within(ranks: np.ndarray, levels: np.ndarray, depth: int, k: int) -> int:
    """Number of hits among the first k items."""
    hits = 0
    for place in range(len(ranks)):
        if ranks[place] > k:
            break
        hits += levels[place] >= depth
    return hits


@compiled
def hierarchical_precision(ranks: np.ndarray, levels: np.ndarray, counts: np.ndarray, relevance: np.ndarray) -> float:
    """H-AP: at each positive the relevance it shares with those ranked up to it, over its rank."""
    seen = np.zeros(len(counts), np.int64)
    value = 0.0
    for place in range(len(ranks)):
        own = relevance[levels[place]]
        seen[levels[place]] += 1
        shared = 0.0
        for level in range(1, len(counts)):
            shared += seen[level] * min(own, relevance[level])
        value += shared / float(ranks[place])
    normaliser = 0.0
    for level in range(1, len(counts)):
        normaliser += counts[level] * relevance[level]
    return float(value / normaliser)


@compiled
def discounted_gain(ranks: np.ndarray, levels: np.ndarray, k: int, discounts: np.ndarray) -> float:
    """DCG of the first k items, with gain 2^level - 1."""
    value = 0.0
    for place in range(len(ranks)):
        if ranks[place] > k:
            break
        value += ((1 << levels[place]) - 1) * discounts[ranks[place] - 1]
    return value


@compiled
def ideal_gain(counts: np.ndarray, k: int, discount_sums: np.ndarray) -> float:
    """DCG of the first k items of the whole gallery in the order of their levels, the highest first."""
    value, start = 0.0, 0
    for level in range(len(counts) - 1, 0, -1):
        end = min(start + counts[level], k)
        value += ((1 << level) - 1) * (discount_sums[end] - discount_sums[start])
        start = end
    return value


@compiled
def set_intersection(ranks: np.ndarray, levels: np.ndarray, counts: np.ndarray) -> float:
    """ASI: mean over k up to the number of positives of the share of each level's items that belong in the first k.

    The share at k is sum over levels of min(c, c*) / k, with c the items of a level among the first k, and c* those
    among the first k of the order by level.
    """
    seen, ideal = np.zeros(len(counts), np.int64), np.zeros(len(counts), np.int64)
    total = int(counts[1:].sum())
    value, common, place, ideal_level = 0.0, 0, 0, len(counts) - 1
    for k in range(1, total + 1):
        while ideal[ideal_level] == counts[ideal_level]:
            ideal_level -= 1
        ideal[ideal_level] += 1
        common += ideal[ideal_level] <= seen[ideal_level]
        if place < len(ranks) and ranks[place] == k:
            seen[levels[place]] += 1
            common += seen[levels[place]] <= ideal[levels[place]]
            place += 1
        value += common / k
    return value / total
