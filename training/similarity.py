"""What every loss does first: check a batch and its references, and compare them in full precision."""

import torch
from torch import Tensor


def float_scores(embeddings: Tensor, ref_embeddings: Tensor) -> Tensor:
    """Inner products (B, M) in float32, or float64 for float64 embeddings, whatever autocast says.

    Half precision cannot tell scores apart that differ by less than tau.
    """
    with torch.autocast(embeddings.device.type, enabled=False):
        real = torch.promote_types(embeddings.dtype, torch.float32)
        return embeddings.to(real) @ ref_embeddings.to(real).T


def with_references(
    embeddings: Tensor, labels: Tensor, ref_embeddings: Tensor | None, ref_labels: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Labels, reference embeddings and labels on the device of the embeddings; the batch itself without references.

    Raises:
        ValueError: only one of the two references, or numbers of rows or dimensions that do not fit.
    """
    if (ref_embeddings is None) != (ref_labels is None):
        raise ValueError("ref_embeddings and ref_labels come together: give both, or neither to rank the batch itself")
    labels = labels.to(embeddings.device)
    refs = embeddings if ref_embeddings is None else ref_embeddings.to(embeddings.device)
    ref_labels = labels if ref_labels is None else ref_labels.to(embeddings.device)
    if embeddings.ndim != 2 or refs.ndim != 2 or embeddings.shape[1] != refs.shape[1]:
        shapes = f"{tuple(embeddings.shape)} and {tuple(refs.shape)}"
        raise ValueError(f"embeddings are of shape {shapes}; they must be (B, D) and (M, D)")
    if len(labels) != len(embeddings) or len(ref_labels) != len(refs):
        raise ValueError(
            f"{len(embeddings)} embeddings with {len(labels)} labels, {len(refs)} references with {len(ref_labels)}"
            " labels; each embedding needs one row of labels"
        )
    return labels, refs, ref_labels
