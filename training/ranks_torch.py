"""Rank losses in plain torch, on any device: the definition that the other backends are tested against.

The gradient is left to autograd, block by block, so that this file holds no derivative worked out by hand.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from training.objectives import OBJECTIVES, Objective

BLOCK_PAIRS = 2_000_000
"""Pairs (positive, item) looked at together; the tensors of a block are some ten of this size."""


def loss_and_gradient(
    scores: Tensor, depths: Tensor, gains: Tensor, normaliser: Tensor, scale: float, objective: Objective
) -> tuple[Tensor, Tensor]:
    """Losses and their gradient; arguments and returns as training.ranks.Backend says."""
    losses, gradient = torch.zeros_like(normaliser), torch.zeros_like(scores)
    for block in query_blocks(depths, gains, normaliser):
        if torch.is_inference_mode_enabled():  # which has no gradients, not even on request
            values = query_values(scores[block], depths[block], gains[block], normaliser[block], objective)
            losses[block] = scale * (1 - values)
            continue
        with torch.enable_grad():
            rows = scores[block].detach().requires_grad_()
            block_losses = scale * (1 - query_values(rows, depths[block], gains[block], normaliser[block], objective))
            (gradient[block],) = torch.autograd.grad(block_losses.sum(), rows)
        losses[block] = block_losses.detach()
    return losses, gradient


def query_blocks(depths: Tensor, gains: Tensor, normaliser: Tensor) -> Iterator[Tensor]:
    """Indices of queries that have positives, in blocks of about BLOCK_PAIRS pairs of a positive and an item."""
    scored = torch.nonzero(normaliser > 0)[:, 0]
    if not len(scored):
        return
    positive_counts = (item_gains(depths[scored], gains[scored]) > 0).sum(1)
    block_of = (positive_counts * depths.shape[1]).cumsum(0) // BLOCK_PAIRS
    sizes = torch.unique_consecutive(block_of, return_counts=True)[1].tolist()
    yield from torch.split(scored, sizes)


def item_gains(depths: Tensor, gains: Tensor) -> Tensor:
    """Gain of every item for every query, (B, M); 0 for items that are not in the query's list (depth -1)."""
    return torch.where(depths >= 0, gains.gather(1, depths.clamp(min=0).long()), 0)


def query_values(scores: Tensor, depths: Tensor, gains: Tensor, normaliser: Tensor, objective: Objective) -> Tensor:
    """Objective of each query, (B,), differentiable with respect to scores (B, M)."""
    gain_of = item_gains(depths, gains)
    query, item = torch.nonzero(gain_of > 0, as_tuple=True)  # K positives of all queries
    difference = scores[query] - scores[query, item].unsqueeze(1)  # (K, M)
    others = depths[query] >= 0
    others[torch.arange(len(item), device=item.device), item] = False
    gain = gain_of[query, item]
    if objective.kind == "smooth_ap":
        smooth = torch.sigmoid(difference / objective.surrogate.tau) * others
        rank, rank_plus = 1 + smooth.sum(1), 1 + (smooth * (gain_of[query] > 0)).sum(1)
    else:
        step = (difference >= 0) & others
        inferior = depths[query] < depths[query, item].unsqueeze(1)
        rank = 1 + torch.where(inferior & others, objective.surrogate(difference), step.to(scores.dtype)).sum(1)
        rank_plus = gain + (torch.minimum(gain.unsqueeze(1), gain_of[query]) * step).sum(1)
    shares = OBJECTIVES[objective.kind](objective, rank, rank_plus, gain, normaliser[query])
    return torch.zeros_like(normaliser).index_add(0, query, shares)
