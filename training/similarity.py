"""What every loss does first: check a batch and its references, and compare them in full precision."""

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class Products(torch.autograd.Function):
    """Inner products of a batch with references, or with itself, never in half precision.

    Half precision cannot tell scores apart that differ by less than tau. For a batch with itself one matrix product
    gives the whole gradient, where autograd would take two.
    """

    @staticmethod
    def forward(ctx: Any, embeddings: Tensor, refs: Tensor | None) -> Tensor:
        """Scores (B, M)."""
        ctx.save_for_backward(embeddings, refs)
        with torch.autocast(embeddings.device.type, enabled=False):
            return embeddings @ (embeddings if refs is None else refs).T

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Gradients by the embeddings and by the references, where asked for."""
        embeddings, refs = ctx.saved_tensors
        (slope,) = upstream
        with torch.autocast(embeddings.device.type, enabled=False):
            if refs is None:
                return (slope + slope.T) @ embeddings, None
            own = slope @ refs if ctx.needs_input_grad[0] else None
            return own, slope.T @ embeddings if ctx.needs_input_grad[1] else None


def inner_products(embeddings: Tensor, refs: Tensor) -> Tensor:
    """Scores (B, M) in the precision of the embeddings, whatever autocast says."""
    own = None if refs is embeddings else refs
    return cast(Tensor, Products.apply(embeddings, own))  # type: ignore[no-untyped-call]


def checked_batch(
    embeddings: Tensor, labels: Tensor, ref_embeddings: Tensor | None, ref_labels: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Embeddings, labels, reference embeddings and labels; without references they are those of the batch itself.

    All on the device of the embeddings; embeddings in float32, or float64 where any is float64.

    Raises:
        ValueError: only one of the two references, or numbers of rows or dimensions that do not fit.
    """
    if (ref_embeddings is None) != (ref_labels is None):
        raise ValueError("ref_embeddings and ref_labels come together: give both, or neither to rank the batch itself")
    others = embeddings if ref_embeddings is None else ref_embeddings
    real = torch.promote_types(torch.promote_types(embeddings.dtype, others.dtype), torch.float32)
    full = embeddings.to(real)
    refs = full if ref_embeddings is None else others.to(full)
    labels = labels.to(full.device)
    ref_labels = labels if ref_labels is None else ref_labels.to(full.device)
    if full.ndim != 2 or refs.ndim != 2 or full.shape[1] != refs.shape[1]:
        raise ValueError(f"embeddings are of shape {tuple(full.shape)} and {tuple(refs.shape)}; not (B, D) and (M, D)")
    if len(labels) != len(full) or len(ref_labels) != len(refs):
        raise ValueError(
            f"{len(full)} embeddings with {len(labels)} labels, {len(refs)} references with {len(ref_labels)}"
            " labels; each embedding needs one row of labels"
        )
    return full, labels, refs, ref_labels


def checked_classes(labels: Tensor, class_count: int) -> Tensor:
    """Ids of column 0 (B,), int64, of labels (B, L), for a loss that holds a vector for each: no id may come twice.

    Raises:
        ValueError: an id outside 0..class_count - 1.
    """
    classes = labels[:, 0].long()
    if len(classes) and not 0 <= int(classes.min()) <= int(classes.max()) < class_count:
        worst = int(classes.max()) if int(classes.max()) >= class_count else int(classes.min())
        raise ValueError(
            f"label {worst} in column 0 is not a class of this loss, which knows 0..{class_count - 1}; number the"
            " finest classes of the training set from 0"
        )
    return classes
