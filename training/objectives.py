"""What a rank loss maximises, as a function of the ranks of a query's positives; for every backend of training.ranks.

Symbols: i is a positive (an item with a gain above 0) of one query, rank_i its smooth rank among all items, rank+_i its
rank weighted by relevance among the positives, gain_i its relevance or gain, Z the query's normaliser.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Surrogate:
    """Smooth stand-in h(d) for the step H(d) = 1[d >= 0] (SupRank, arXiv 2309.08250, section 3.2).

    h(d) = sigmoid(d / tau) for d <= 0; start + sigmoid(d / tau) for 0 < d <= delta; rho (d - delta) + offset beyond.
    With the default parameters and away from ties it bounds H from above, so that rank_i is never better than the true
    rank; its slope for items that rank too high, rho, does not vanish.
    """

    tau: float = 0.01
    rho: float = 100.0
    delta: float = 0.05
    start: float = 0.5
    offset: float = 1.44

    def __post_init__(self) -> None:
        if not (self.tau > 0 and self.delta >= 0 and self.rho >= 0):  # also refuses nan
            raise ValueError(f"tau must be above 0, rho and delta at least 0: {self}")

    def __call__(self, difference: Tensor) -> Tensor:
        """h of score differences d = s_j - s_i, any shape."""
        sigmoid = torch.sigmoid(difference / self.tau)
        near = torch.where(difference > 0, self.start + sigmoid, sigmoid)
        return torch.where(difference > self.delta, self.rho * (difference - self.delta) + self.offset, near)


INATURALIST = Surrogate(start=0.0, offset=1.0)
"""The parameters that the paper uses on iNaturalist."""


@dataclass(frozen=True)
class Objective:
    """Kind of objective (a key of OBJECTIVES) with its parameters.

    `ap` and `ndcg` and `recall` take SupRank's rank, in which only items of a lower level than i's go through the
    surrogate; `smooth_ap` takes sigmoid(d / tau) for all pairs, in the rank and in rank+ (arXiv 2007.12163).
    """

    kind: str
    surrogate: Surrogate = field(default_factory=Surrogate)
    ks: tuple[int, ...] = ()
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in OBJECTIVES:
            raise ValueError(f"objective {self.kind!r} is unknown; known: {', '.join(OBJECTIVES)}")
        if self.kind == "recall" and not (self.ks and min(self.ks) >= 1 and self.temperature > 0):
            raise ValueError(f"recall needs ks of at least 1 and a temperature above 0: {self.ks}, {self.temperature}")


def average_precision(
    objective: Objective, rank: Tensor, rank_plus: Tensor, gain: Tensor, normaliser: Tensor
) -> Tensor:
    """rank+_i / (rank_i Z), with Z the sum of the relevances: summed over i, H-AP, or AP if relevance is 0 or 1."""
    return rank_plus / (rank * normaliser)


def discounted_gain(objective: Objective, rank: Tensor, rank_plus: Tensor, gain: Tensor, normaliser: Tensor) -> Tensor:
    """gain_i / (log2(1 + rank_i) Z), with Z the gain of the ideal order: summed over i, NDCG."""
    return gain / (torch.log2(1 + rank) * normaliser)


def recall(objective: Objective, rank: Tensor, rank_plus: Tensor, gain: Tensor, normaliser: Tensor) -> Tensor:
    """Mean over k of sigmoid((k - rank_i) / temperature) / min(Z, k), with Z the number of positives: recall at k."""
    ks = torch.tensor(objective.ks, dtype=rank.dtype, device=rank.device)
    inside = torch.sigmoid((ks - rank.unsqueeze(-1)) / objective.temperature)
    return (inside / torch.minimum(ks, normaliser.unsqueeze(-1))).mean(-1)


OBJECTIVES: dict[str, Callable[[Objective, Tensor, Tensor, Tensor, Tensor], Tensor]] = {
    "ap": average_precision,
    "ndcg": discounted_gain,
    "recall": recall,
    "smooth_ap": average_precision,
}
"""Each maps (K,) ranks, ranks+, gains and normalisers of K positives to their (K,) shares of the objective."""
