"""The fused rank operation under every rank loss: the loss and its gradient with respect to the scores in one pass.

Three backends compute the same: `torch` (any device, the readable definition), `numba` (CPU) and `triton` (CUDA).
Only the gradient (B, M) is kept for the backward pass, which scales it; the matrix products are torch's.
"""

import importlib
import importlib.util
from typing import Any, Protocol, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from training.objectives import Objective

BACKENDS = ("torch", "numba", "triton")


class Backend(Protocol):
    """Losses of the queries of a batch and the gradient of their sum.

    Args:
        scores: float32 or float64 (B, M), similarity of each query with each item.
        depths: int8 (B, M), depth of agreement 0..L; -1 takes the item out of the query's list.
        gains: dtype of scores, (B, L + 1), gain of an item by its depth; 0 at depth 0. Items with a gain above 0 are
            the positives.
        normaliser: dtype of scores, (B,); 0 where the query has no positives, which leaves it out.
        scale: factor of every loss, 1 over the number of queries that count.
        objective: what is maximised.

    Returns:
        scale * (1 - objective) of each query (B,), 0 where it is left out, and the gradient of their sum (B, M).
    """

    def __call__(
        self, scores: Tensor, depths: Tensor, gains: Tensor, normaliser: Tensor, scale: float, objective: Objective
    ) -> tuple[Tensor, Tensor]: ...


def find_backend(name: str, device: torch.device) -> Backend:
    """The backend of that name; `auto` takes triton on CUDA and numba on CPU, torch elsewhere or without them.

    Raises:
        ValueError: an unknown name, or numba for scores that are not on the CPU.
    """
    if name == "auto":
        fast = {"cuda": "triton", "cpu": "numba"}.get(device.type, "torch")
        name = fast if importlib.util.find_spec(fast) else "torch"
    check_backend(name)
    if name == "numba" and device.type != "cpu":
        raise ValueError(f"backend numba computes on the CPU, but the scores are on {device}; take auto or triton")
    return cast(Backend, importlib.import_module(f"training.ranks_{name}").loss_and_gradient)


def check_backend(name: str) -> None:
    """Raise a ValueError for a name that is neither auto nor one of BACKENDS."""
    if name not in ("auto", *BACKENDS):
        raise ValueError(f"backend {name!r} is unknown; known: auto, {', '.join(BACKENDS)}")


class FusedRankLoss(torch.autograd.Function):
    """Mean loss over the queries that have positives; see `rank_loss`."""

    @staticmethod
    def forward(
        ctx: Any,
        scores: Tensor,
        depths: Tensor,
        gains: Tensor,
        normaliser: Tensor,
        objective: Objective,
        backend: Backend,
    ) -> Tensor:
        """Scalar loss; the gradient is computed along."""
        scale = 1 / max(1, int(torch.count_nonzero(normaliser > 0)))
        losses, gradient = backend(scores.detach(), depths, gains, normaliser, scale, objective)
        ctx.save_for_backward(gradient)
        return losses.sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient kept by forward, scaled."""
        (gradient,) = ctx.saved_tensors
        return upstream[0] * gradient, None, None, None, None, None


def rank_loss(
    scores: Tensor, depths: Tensor, gains: Tensor, normaliser: Tensor, objective: Objective, backend: str = "auto"
) -> Tensor:
    """Mean of 1 - objective over the queries with positives; 0, with a zero gradient, where no query has any.

    Args:
        scores: (B, M) as `Backend` says; the loss is differentiable with respect to them.
        depths: (B, M) as `Backend` says.
        gains: (B, L + 1) as `Backend` says.
        normaliser: (B,) as `Backend` says.
        objective: what is maximised.
        backend: auto, torch, numba or triton.

    Raises:
        ValueError: shapes that do not fit, scores of another dtype, an unknown backend.
    """
    if scores.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"scores are {scores.dtype}; they must be float32 or float64")
    if depths.shape != scores.shape or len(gains) != len(scores) or normaliser.shape != scores.shape[:1]:
        shapes = ", ".join(str(tuple(t.shape)) for t in (scores, depths, gains, normaliser))
        raise ValueError(f"scores, depths, gains and normaliser do not fit together: {shapes}")
    compute = find_backend(backend, scores.device)
    gains, normaliser = gains.to(scores.dtype), normaliser.to(scores.dtype)
    return cast(Tensor, FusedRankLoss.apply(scores, depths, gains, normaliser, objective, compute))  # type: ignore[no-untyped-call]
