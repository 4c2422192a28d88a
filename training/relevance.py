"""How relevant an item is for a query, given the depth of their agreement; for H-AP, as loss and as metric.

Both definitions are tables over the levels 0..L, made from the counts n_l of items at exactly level l.
"""

from collections.abc import Callable

import numpy as np
import torch


def population(counts: torch.Tensor, alpha: float) -> torch.Tensor:
    """rel(l) = (l/L)^alpha / n_l: the items of a level share its weight (HAPPIER, arXiv 2207.04873, equation 2).

    It may fall with the level: with 6 fine, 1 mid and 1 coarse positive a fine one weighs 1/6 and the coarse one 1/3,
    so that the best order by level scores an H-AP of 0.723 only. `weighted` has no such surprise.

    Args:
        counts: (..., L + 1), items at exactly level 0..L.
        alpha: how much more a finer level weighs; 0 makes levels equal.

    Returns:
        (..., L + 1) in the dtype of counts: 0 at level 0; a level without items gets 0.
    """
    levels = torch.arange(counts.shape[-1], dtype=counts.dtype, device=counts.device)
    weights = (levels / levels[-1]).pow(alpha)
    weights[0] = 0
    return torch.where(counts > 0, weights / counts.clamp(min=1), 0)


def weighted(counts: torch.Tensor, alpha: float) -> torch.Tensor:
    """rel(l) = sum over p <= l of w_p / #{level >= p}, with w_p = (p/L)^alpha - ((p-1)/L)^alpha.

    Monotone in the level, and H-AP becomes the mean, weighted by w_p, of the average precisions of the levels.

    Args and returns as in `population`.
    """
    levels = torch.arange(counts.shape[-1], dtype=counts.dtype, device=counts.device)
    steps = (levels / levels[-1]).pow(alpha)
    steps[0] = 0
    at_least = counts.flip(-1).cumsum(-1).flip(-1)
    shares = torch.where(at_least > 0, steps.diff(prepend=steps[:1]) / at_least.clamp(min=1), 0)
    return shares.cumsum(-1)


RELEVANCE: dict[str, Callable[[torch.Tensor, float], torch.Tensor]] = {"population": population, "weighted": weighted}


def check_relevance(name: str, alpha: float) -> None:
    """Raise a ValueError for an unknown name, or an alpha below 0."""
    if name not in RELEVANCE:
        raise ValueError(f"relevance {name!r} is unknown; known: {', '.join(RELEVANCE)}")
    if not alpha >= 0:
        raise ValueError(f"alpha is {alpha}; a finer level must not weigh less than a coarser one: alpha >= 0")


def relevance_table(name: str, counts: torch.Tensor | np.ndarray, alpha: float) -> torch.Tensor:
    """The table of that name for these counts, floats (..., L + 1).

    Raises:
        ValueError: an unknown name, or an alpha below 0.
    """
    check_relevance(name, alpha)
    return RELEVANCE[name](torch.as_tensor(counts), alpha)
