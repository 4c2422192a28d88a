"""Rank losses in Triton, for CUDA: a kernel for ranks, one for the gradient, no (positives, items) tensor in memory.

Between the two, autograd differentiates the objective with respect to the ranks, which are few. With TRITON_INTERPRET=1
in the environment the kernels also run on the CPU, slowly, which is how they are tested without a GPU.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from training.objectives import OBJECTIVES, Objective
from training.ranks_torch import item_gains

POSITIVES, ITEMS = 16, 256
"""Tile of a program: that many positives of one query against that many items at a time."""


def loss_and_gradient(
    scores: Tensor, depths: Tensor, gains: Tensor, normaliser: Tensor, scale: float, objective: Objective
) -> tuple[Tensor, Tensor]:
    """Losses and their gradient; arguments and returns as training.ranks.Backend says."""
    scores, depths = scores.contiguous(), depths.contiguous()
    gain_of = item_gains(depths, gains)
    query, item = torch.nonzero((gain_of > 0) & (normaliser > 0).unsqueeze(1), as_tuple=True)  # K positives
    losses, gradient = torch.zeros_like(normaliser), torch.zeros_like(scores)
    if not len(query):
        return losses, gradient
    starts = torch.zeros(len(scores) + 1, dtype=torch.int64, device=scores.device)
    starts[1:] = torch.bincount(query, minlength=len(scores)).cumsum(0)
    surrogate = objective.surrogate
    numbers = [surrogate.tau, surrogate.rho, surrogate.delta, surrogate.start, surrogate.offset]
    shape = torch.tensor(numbers, dtype=scores.dtype, device=scores.device)
    common = (scores, depths, gain_of, item, starts, shape, scores.shape[1])
    is_smooth = objective.kind == "smooth_ap"
    rank, rank_plus, slope, slope_plus = torch.empty(4, len(query), dtype=scores.dtype, device=scores.device)
    widest = triton.cdiv(int(starts.diff().max()), POSITIVES)
    ranks_kernel[(len(scores), widest)](
        *common, rank, rank_plus, slope, slope_plus, is_smooth=is_smooth, POSITIVES=POSITIVES, ITEMS=ITEMS
    )
    # Small copies outside inference mode, which has no gradients, not even on request.
    with torch.inference_mode(False), torch.enable_grad():
        ranks = rank.clone().requires_grad_(), rank_plus.clone().requires_grad_(is_smooth)
        gain, normalisers = gain_of[query, item].clone(), normaliser[query].clone()
        shares = OBJECTIVES[objective.kind](objective, *ranks, gain, normalisers)
        falls = torch.autograd.grad(-scale * shares.sum(), ranks[: 1 + is_smooth])
    fall, fall_plus = falls[0], falls[1] if is_smooth else torch.zeros_like(falls[0])
    blocks = triton.cdiv(scores.shape[1], ITEMS)
    gradient_kernel[(len(scores), blocks)](
        *common, fall, fall_plus, gradient, is_smooth=is_smooth, POSITIVES=POSITIVES, ITEMS=ITEMS
    )
    gradient[query, item] -= fall * slope + fall_plus * slope_plus
    losses.index_add_(0, query, shares.detach())
    return torch.where(normaliser > 0, scale * (1 - losses), 0), gradient


@triton.jit
def sigmoid_pair(difference, tau):
    """sigmoid(d / tau) and its derivative."""
    sigmoid = 1 / (1 + tl.exp(-difference / tau))
    return sigmoid, sigmoid * (1 - sigmoid) / tau


@triton.jit
def surrogate_pair(difference, shape):
    """h(d) of training.objectives.Surrogate and its derivative; shape holds tau, rho, delta, start, offset."""
    rho, delta = tl.load(shape + 1), tl.load(shape + 2)
    sigmoid, slope = sigmoid_pair(difference, tl.load(shape))
    near = tl.where(difference > 0, sigmoid + tl.load(shape + 3), sigmoid)
    is_far = difference > delta
    return tl.where(is_far, rho * (difference - delta) + tl.load(shape + 4), near), tl.where(is_far, rho, slope)


@triton.jit
def load_positives(scores, depths, gain_of, item, starts, query, block, item_count, POSITIVES: tl.constexpr):
    """Places of a block of a query's positives, whether they exist, their items, scores, depths and gains."""
    places = tl.load(starts + query) + block * POSITIVES + tl.arange(0, POSITIVES)
    exists = places < tl.load(starts + query + 1)
    own = tl.load(item + places, mask=exists, other=0)
    score = tl.load(scores + query * item_count + own, mask=exists, other=0)
    depth = tl.load(depths + query * item_count + own, mask=exists, other=0)
    gain = tl.load(gain_of + query * item_count + own, mask=exists, other=0)
    return places, exists, own, score, depth, gain


@triton.jit
def load_items(scores, depths, gain_of, query, block, item_count, ITEMS: tl.constexpr):
    """Numbers of a block of items, their scores, depths (-1 outside the list) and gains."""
    items = block * ITEMS + tl.arange(0, ITEMS)
    inside = items < item_count
    score = tl.load(scores + query * item_count + items, mask=inside, other=0)
    depth = tl.load(depths + query * item_count + items, mask=inside, other=-1)
    gain = tl.load(gain_of + query * item_count + items, mask=inside, other=0)
    return items, score, depth, gain


@triton.jit
def ranks_kernel(
    scores,
    depths,
    gain_of,
    item,
    starts,
    shape,
    item_count,
    rank_out,
    rank_plus_out,
    slope_out,
    slope_plus_out,
    is_smooth: tl.constexpr,
    POSITIVES: tl.constexpr,
    ITEMS: tl.constexpr,
):
    """Ranks of a block of one query's positives, and the sums of the derivatives inside rank and rank+."""
    query = tl.program_id(0).to(tl.int64)
    places, exists, own, own_score, own_depth, own_gain = load_positives(
        scores, depths, gain_of, item, starts, query, tl.program_id(1), item_count, POSITIVES
    )
    zeros = tl.zeros_like(own_score)
    rank, slope, slope_plus = zeros + 1, zeros, zeros
    rank_plus = zeros + 1 if is_smooth else zeros + own_gain
    for block in range(tl.cdiv(item_count, ITEMS)):
        items, score, depth, gain = load_items(scores, depths, gain_of, query, block, item_count, ITEMS)
        difference = score[None, :] - own_score[:, None]
        is_other = (depth >= 0)[None, :] & (items[None, :] != own[:, None])
        if is_smooth:
            sigmoid, fall = sigmoid_pair(difference, tl.load(shape))
            is_positive = is_other & (gain > 0)[None, :]
            rank += tl.sum(tl.where(is_other, sigmoid, 0), 1)
            rank_plus += tl.sum(tl.where(is_positive, sigmoid, 0), 1)
            slope += tl.sum(tl.where(is_other, fall, 0), 1)
            slope_plus += tl.sum(tl.where(is_positive, fall, 0), 1)
        else:
            height, fall = surrogate_pair(difference, shape)
            is_inferior = is_other & (depth[None, :] < own_depth[:, None])
            is_above = is_other & (difference >= 0)
            rank += tl.sum(tl.where(is_inferior, height, tl.where(is_above, 1.0, 0.0)), 1)
            rank_plus += tl.sum(tl.where(is_above, tl.minimum(own_gain[:, None], gain[None, :]), 0), 1)
            slope += tl.sum(tl.where(is_inferior, fall, 0), 1)
    tl.store(rank_out + places, rank, mask=exists)
    tl.store(rank_plus_out + places, rank_plus, mask=exists)
    tl.store(slope_out + places, slope, mask=exists)
    tl.store(slope_plus_out + places, slope_plus, mask=exists)


@triton.jit
def gradient_kernel(
    scores,
    depths,
    gain_of,
    item,
    starts,
    shape,
    item_count,
    fall_of,
    fall_plus_of,
    gradient,
    is_smooth: tl.constexpr,
    POSITIVES: tl.constexpr,
    ITEMS: tl.constexpr,
):
    """Derivative of one query's loss by a block of item scores, but for what each positive's own score adds."""
    query = tl.program_id(0).to(tl.int64)
    items, score, depth, gain = load_items(scores, depths, gain_of, query, tl.program_id(1), item_count, ITEMS)
    total = tl.zeros_like(score)
    count = tl.load(starts + query + 1) - tl.load(starts + query)
    for block in range(tl.cdiv(count, POSITIVES)):
        places, exists, own, own_score, own_depth, _gain = load_positives(
            scores, depths, gain_of, item, starts, query, block, item_count, POSITIVES
        )
        fall = tl.load(fall_of + places, mask=exists, other=0)
        difference = score[None, :] - own_score[:, None]
        is_other = (depth >= 0)[None, :] & (items[None, :] != own[:, None])
        if is_smooth:
            _sigmoid, slope = sigmoid_pair(difference, tl.load(shape))
            fall_plus = tl.load(fall_plus_of + places, mask=exists, other=0)
            weight = fall[:, None] + tl.where((gain > 0)[None, :], fall_plus[:, None], 0)
            total += tl.sum(tl.where(is_other, weight * slope, 0), 0)
        else:
            _height, slope = surrogate_pair(difference, shape)
            is_inferior = is_other & (depth[None, :] < own_depth[:, None])
            total += tl.sum(tl.where(is_inferior, fall[:, None] * slope, 0), 0)
    tl.store(gradient + query * item_count + items, total, mask=items < item_count)
