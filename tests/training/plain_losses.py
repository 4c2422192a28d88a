"""The losses as the papers define them, in plain Python without tensors: slow, and what the fast ones must equal."""

import math

Matrix = list[list[float]]
SURROGATE = {"tau": 0.01, "rho": 100.0, "delta": 0.05, "start": 0.5, "offset": 1.44}


def dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def agreement(one: list[int], other: list[int]) -> int:
    """Depth to which two rows of labels agree, counted from the coarsest, the last column."""
    depth = 0
    for a, b in zip(reversed(one), reversed(other), strict=True):
        if a != b:
            break
        depth += 1
    return depth


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def surrogate(d: float, tau: float, rho: float, delta: float, start: float, offset: float) -> float:
    if d <= 0:
        return sigmoid(d / tau)
    return start + sigmoid(d / tau) if d <= delta else rho * (d - delta) + offset


class Query:
    """One query: its scores and depths, and the items that are in its list."""

    def __init__(self, scores: list[float], depths: list[int], items: list[int]) -> None:
        self.scores, self.depths, self.items = scores, depths, items

    def others(self, i: int) -> list[int]:
        return [j for j in self.items if j != i]

    def smooth_rank(self, i: int, shape: dict[str, float]) -> float:
        """SupRank: 1 + the surrogate of each item of a lower level + the step of each other one."""
        rank = 1.0
        for j in self.others(i):
            d = self.scores[j] - self.scores[i]
            rank += surrogate(d, **shape) if self.depths[j] < self.depths[i] else float(d >= 0)
        return rank

    def weighted_rank(self, i: int, relevance: list[float]) -> float:
        """rank+: relevance of i + min of the two relevances for each other item that scores at least as much."""
        above = [j for j in self.others(i) if self.scores[j] >= self.scores[i]]
        return relevance[i] + sum(min(relevance[i], relevance[j]) for j in above)


def queries_of(scores: Matrix, labels: list[list[int]], refs: list[list[int]], own: list[int] | None) -> list[Query]:
    """The queries of a batch; own names the item of each that is not in its list."""
    return [
        Query(
            scores[q],
            [agreement(labels[q], ref) for ref in refs],
            [j for j in range(len(refs)) if own is None or j != own[q]],
        )
        for q in range(len(labels))
    ]


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def finest_only(queries: list[Query], level_count: int) -> list[Query]:
    return [Query(q.scores, [int(depth == level_count) for depth in q.depths], q.items) for q in queries]


def sup_ap(queries: list[Query], level_count: int, shape: dict[str, float] = SURROGATE) -> float:
    return sup_hap_with(finest_only(queries, level_count), lambda q: [float(depth) for depth in q.depths], shape)


def sup_hap_with(queries: list[Query], relevance_of, shape: dict[str, float]) -> float:
    losses = []
    for query in queries:
        relevance = relevance_of(query)
        total = sum(relevance[j] for j in query.items)
        if total > 0:
            positives = [i for i in query.items if relevance[i] > 0]
            hap = sum(query.weighted_rank(i, relevance) / query.smooth_rank(i, shape) for i in positives) / total
            losses.append(1 - hap)
    return mean(losses)


def population(query: Query, level_count: int, alpha: float) -> list[float]:
    """(level / L)^alpha, shared by the items of exactly that level."""
    share = [sum(query.depths[j] == level for j in query.items) for level in range(level_count + 1)]
    return [(d / level_count) ** alpha / share[d] if d and share[d] else 0.0 for d in query.depths]


def weighted(query: Query, level_count: int, alpha: float) -> list[float]:
    """Sum over the levels up to the item's of that level's weight over the number of items that reach it."""
    table = []
    for depth in query.depths:
        relevance = 0.0
        for level in range(1, depth + 1):
            weight = (level / level_count) ** alpha - (((level - 1) / level_count) ** alpha if level > 1 else 0.0)
            reached = sum(query.depths[j] >= level for j in query.items)
            relevance += weight / reached if reached else 0.0
        table.append(relevance)
    return table


def sup_hap(
    queries: list[Query], level_count: int, relevance: str, alpha: float, shape: dict[str, float] = SURROGATE
) -> float:
    of = {"population": population, "weighted": weighted}[relevance]
    return sup_hap_with(queries, lambda query: of(query, level_count, alpha), shape)


def sup_ndcg(queries: list[Query], shape: dict[str, float] = SURROGATE) -> float:
    losses = []
    for query in queries:
        gains = sorted((2.0 ** query.depths[j] - 1 for j in query.items), reverse=True)
        ideal = sum(gain / math.log2(1 + place) for place, gain in enumerate(gains, start=1))
        if ideal > 0:
            found = [
                (2.0 ** query.depths[i] - 1) / math.log2(1 + query.smooth_rank(i, shape))
                for i in query.items
                if query.depths[i] > 0
            ]
            losses.append(1 - sum(found) / ideal)
    return mean(losses)


def sup_recall(
    queries: list[Query],
    level_count: int,
    ks: tuple[int, ...] = (1, 2, 4, 8, 16),
    temperature: float = 1.0,
    shape: dict[str, float] = SURROGATE,
) -> float:
    losses = []
    for query in finest_only(queries, level_count):
        positives = [i for i in query.items if query.depths[i]]
        if positives:
            recalls = [
                sum(sigmoid((k - query.smooth_rank(i, shape)) / temperature) for i in positives)
                / min(len(positives), k)
                for k in ks
            ]
            losses.append(1 - mean(recalls))
    return mean(losses)


def smooth_ap(queries: list[Query], level_count: int, tau: float = 0.01) -> float:
    losses = []
    for query in finest_only(queries, level_count):
        positives = [i for i in query.items if query.depths[i]]
        shares = []
        for i in positives:
            height = {j: sigmoid((query.scores[j] - query.scores[i]) / tau) for j in query.others(i)}
            rank = 1 + sum(height.values())
            rank_plus = 1 + sum(height[j] for j in height if query.depths[j])
            shares.append(rank_plus / rank)
        if positives:
            losses.append(1 - mean(shares))
    return mean(losses)


def calibration(scores: Matrix, labels: list[list[int]], refs: list[list[int]]) -> float:
    """Of cosines; mean of the hinges above zero, of positives and of negatives."""
    short, over = [], []
    for q, row in enumerate(scores):
        for j, score in enumerate(row):
            if agreement(labels[q], refs[j]) == len(refs[j]):
                short.append(max(0.0, 0.9 - score))
            else:
                over.append(max(0.0, score - 0.6))
    return mean([x for x in short if x > 0]) + mean([x for x in over if x > 0])


def cluster(embeddings: Matrix, classes: list[int], weight: Matrix, temperature: float = 0.05) -> float:
    losses = []
    for embedding, own in zip(embeddings, classes, strict=True):
        logits = [dot(embedding, w) / math.sqrt(dot(w, w)) / temperature for w in weight]
        top = max(logits)
        losses.append(top + math.log(sum(math.exp(x - top) for x in logits)) - logits[own])
    return mean(losses)
