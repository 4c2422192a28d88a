"""Rank losses compiled for the CPU, one query at a time: the loss and its gradient in one sweep over the items.

The items of a query are put in order of depth, so that every inner loop runs over adjacent memory and vectorises: those
inferior to a positive are the ones before its depth. The sigmoids of a sweep need no exponential: with
a_j = exp((c - s_j) / tau) made once a query, sigmoid((s_j - s_i) / tau) = 1 / (1 + a_j exp((s_i - c) / tau)).
"""

import numpy as np
import torch
from torch import Tensor

from training.objectives import Objective
from training.rank_kernels import KINDS, Exponentials, score_queries
from training.threads import over_rows


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
