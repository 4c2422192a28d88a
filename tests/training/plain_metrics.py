"""Retrieval metrics in plain Python, from their definitions: loops over the list of one query's ranked gallery."""

from collections.abc import Hashable, Sequence
from math import log2, nan

Ranking = list[int]  # levels 0..L of the items of one query's gallery, in the order of their ranks
Numbers = Sequence[Sequence[float]]


def depth_of_agreement(labels: Sequence[int], others: Sequence[int]) -> int:
    depth = 0
    while depth < len(labels) and labels[len(labels) - 1 - depth] == others[len(labels) - 1 - depth]:
        depth += 1
    return depth


def rank(scores: Sequence[float], levels: Sequence[int], ties: str) -> Ranking:
    sign = {"pessimistic": 1, "optimistic": -1}[ties]
    return [level for _, level in sorted(zip(scores, levels, strict=True), key=lambda one: (-one[0], sign * one[1]))]


def rankings(
    query_embeddings: Numbers,
    query_labels: Sequence[Sequence[int]],
    gallery_embeddings: Numbers,
    gallery_labels: Sequence[Sequence[int]],
    query_ids: Sequence[Hashable],
    gallery_ids: Sequence[Hashable],
    ties: str,
) -> list[Ranking]:
    """The ranking of every query; ids that are all different take nothing out."""
    found = []
    for query, labels, query_id in zip(query_embeddings, query_labels, query_ids, strict=True):
        items = [item for item in range(len(gallery_ids)) if gallery_ids[item] != query_id]
        scores = [sum(a * b for a, b in zip(query, gallery_embeddings[item], strict=True)) for item in items]
        found.append(rank(scores, [depth_of_agreement(labels, gallery_labels[item]) for item in items], ties))
    return found


def hits(ranking: Ranking, depth: int) -> list[int]:
    return [1 if level >= depth else 0 for level in ranking]


def mean_precision(ranking: Ranking, depth: int, first: int, divisor: int) -> float:
    hit = hits(ranking, depth)
    return sum(hit[r - 1] * sum(hit[:r]) / r for r in range(1, min(first, len(hit)) + 1)) / divisor


def ndcg(ranking: Ranking, k: int) -> float:
    def gain(order: Ranking) -> float:
        return sum((2**level - 1) / log2(1 + r) for r, level in enumerate(order[:k], start=1))

    return gain(ranking) / gain(sorted(ranking, reverse=True))


def asi(ranking: Ranking) -> float:
    ideal = sorted(ranking, reverse=True)
    positives = sum(level > 0 for level in ranking)
    total = 0.0
    for r in range(1, positives + 1):
        total += sum(min(ranking[:r].count(level), ideal[:r].count(level)) for level in set(ranking) - {0}) / r
    return total / positives


def relevance(ranking: Ranking, level_count: int, name: str, alpha: float) -> list[float]:
    """Relevance of the levels 0..L."""
    if name == "population":
        return [0.0] + [
            (level / level_count) ** alpha / ranking.count(level) if level in ranking else 0.0
            for level in range(1, level_count + 1)
        ]
    found = [0.0]
    for level in range(1, level_count + 1):
        at_least = sum(other >= level for other in ranking)
        below = ((level - 1) / level_count) ** alpha if level > 1 else 0.0
        step = (level / level_count) ** alpha - below
        found.append(found[-1] + (step / at_least if at_least else 0.0))
    return found


def h_ap(ranking: Ranking, relevances: Sequence[float]) -> float:
    total = 0.0
    for r, level in enumerate(ranking, start=1):
        if level > 0:
            total += sum(min(relevances[level], relevances[other]) for other in ranking[:r]) / r
    return total / sum(relevances[level] for level in ranking)


def value(key: str, ranking: Ranking, level_count: int, name: str, alpha: float) -> float:
    """The metric of that key; nan where the ranking holds no positive of its level."""
    words = key.split("_")
    k = int(words[words.index("at") + 1]) if "at" in words and words[words.index("at") + 1] != "r" else len(ranking)
    if key == "h_ap":
        return h_ap(ranking, relevance(ranking, level_count, name, alpha))
    if key == "asi":
        return asi(ranking)
    if words[0] == "ndcg":
        return ndcg(ranking, k)
    depth = level_count - int(words[-1].removeprefix("level"))
    hit = hits(ranking, depth)
    total = sum(hit)
    if total == 0:
        return nan
    if key.startswith("map_at_r_"):
        return mean_precision(ranking, depth, total, total)
    return {
        "ap": lambda: mean_precision(ranking, depth, len(ranking), total),
        "map": lambda: mean_precision(ranking, depth, k, min(total, k)),
        "precision": lambda: sum(hit[:k]) / k,
        "recall": lambda: float(any(hit[:k])),
        "true": lambda: sum(hit[:k]) / total,
    }[words[0]]()
