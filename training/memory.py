"""Embeddings of earlier batches as further references for a loss, for who trains with batches smaller than wanted."""

import torch
from torch import Tensor, nn


class CrossBatchMemory(nn.Module):
    """The last `size` embeddings, kept without gradient in a ring (cross-batch memory, arXiv 1912.06798).

    Called once per training step, after the model and before the loss:

        ref_embeddings, ref_labels = memory(embeddings, labels, image_ids)
        loss(embeddings, labels, ref_embeddings, ref_labels)

    References are the batch itself, with its gradient, and what is stored of other images; a stored view of an image of
    the batch would be its own, stale match. While a model still changes fast, its old embeddings mislead: begin to call
    the memory after some thousand steps. In eval mode it gives references and stores nothing.

    The ring is part of the state_dict, so that a resumed run goes on exactly. With DistributedDataParallel, keep it out
    of the wrapped module, which would overwrite it with that of the first process at every step.

    Args:
        size: number of embeddings kept.
        dim: dimension D of the embeddings.
        level_count: number of columns L of the labels.

    Raises:
        ValueError: an argument below 1.
    """

    embeddings: Tensor
    labels: Tensor
    image_ids: Tensor
    enqueued_count: Tensor

    def __init__(self, size: int, dim: int, level_count: int) -> None:
        super().__init__()
        for name, count in {"size": size, "dim": dim, "level_count": level_count}.items():
            if count < 1:
                raise ValueError(f"{name} of the memory is {count}; it must be at least 1")
        self.register_buffer("embeddings", torch.zeros(size, dim))
        self.register_buffer("labels", torch.zeros(size, level_count, dtype=torch.int64))
        self.register_buffer("image_ids", torch.zeros(size, dtype=torch.int64))
        self.register_buffer("enqueued_count", torch.zeros((), dtype=torch.int64))  # ever; the ring's next row follows

    def forward(self, embeddings: Tensor, labels: Tensor, image_ids: Tensor) -> tuple[Tensor, Tensor]:
        """References for a batch, which is then stored unless in eval mode; see `references` and `enqueue`."""
        references = self.references(embeddings, labels, image_ids)
        if self.training:
            self.enqueue(embeddings, labels, image_ids)
        return references

    def references(self, embeddings: Tensor, labels: Tensor, image_ids: Tensor) -> tuple[Tensor, Tensor]:
        """The batch, then the stored embeddings of images that are not in it.

        Args:
            embeddings: float (B, D).
            labels: integer (B, L), column 0 finest.
            image_ids: integer (B,), the same id for every view of an image.

        Returns:
            Embeddings (M, D), M >= B, in float32 or wider, and labels (M, L), on the device of the embeddings; row
            i < B is item i of the batch, so that self_columns of a loss is torch.arange(B).

        Raises:
            ValueError: shapes that do not fit each other or the memory.
        """
        self.check(embeddings, labels, image_ids)
        stored = slice(min(int(self.enqueued_count), len(self.embeddings)))
        is_other = torch.isin(self.image_ids[stored], image_ids.to(self.image_ids), invert=True)
        others, other_labels = self.embeddings[stored][is_other], self.labels[stored][is_other]
        device = embeddings.device
        wide = torch.promote_types(embeddings.dtype, others.dtype)  # autocast would narrow what torch.cat gets
        ref_embeddings = torch.cat([embeddings.to(wide), others.to(device, wide)])
        return ref_embeddings, torch.cat([labels.to(device), other_labels.to(device)])

    @torch.no_grad()
    def enqueue(self, embeddings: Tensor, labels: Tensor, image_ids: Tensor) -> None:
        """Store a batch in place of the oldest rows; of a batch larger than the ring, the last rows.

        Args:
            embeddings: as for `references`; stored in float32, without gradient.
            labels: as for `references`.
            image_ids: as for `references`.

        Raises:
            ValueError: as `references`.
        """
        self.check(embeddings, labels, image_ids)
        size = len(self.embeddings)
        arrivals = self.enqueued_count + torch.arange(len(embeddings), device=self.enqueued_count.device)
        rows = arrivals[-size:] % size
        self.embeddings[rows] = embeddings[-size:].to(self.embeddings)
        self.labels[rows] = labels[-size:].to(self.labels)
        self.image_ids[rows] = image_ids[-size:].to(self.image_ids)
        self.enqueued_count += len(embeddings)

    def check(self, embeddings: Tensor, labels: Tensor, image_ids: Tensor) -> None:
        """Raise the ValueError of shapes that do not fit each other or the memory."""
        count = len(image_ids)
        expected = ((count, self.embeddings.shape[1]), (count, self.labels.shape[1]), (count,))
        shapes = tuple(tuple(table.shape) for table in (embeddings, labels, image_ids))
        if shapes != expected:
            raise ValueError(
                f"embeddings, labels and image_ids have shapes {shapes}; this memory takes"
                f" (B, {self.embeddings.shape[1]}), (B, {self.labels.shape[1]}) and (B,), with one B"
            )
