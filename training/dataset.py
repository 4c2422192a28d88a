"""Batches of images with their labels, in which images that cannot be read are left out and counted."""

from collections.abc import Iterable, Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from training.image_index import ImageError
from training.images import Images, decode

SHOWN_FAULTS = 3


class Item(NamedTuple):
    """An image of a dataset.

    Attributes:
        image: uint8 (3, S, S); zeros for an image that cannot be read.
        labels: int64 (L,).
        position: in the dataset.
        fault: why the image cannot be read; empty for a good one.
    """

    image: Tensor
    labels: Tensor
    position: int
    fault: str


class Batch(NamedTuple):
    """Images of a batch that could be read, B of them; fewer than were asked for, or none, where there are faults.

    Attributes:
        images: uint8 (B, 3, S, S).
        labels: int64 (B, L).
        positions: int64 (B,), in the dataset.
        places: int64 (B,), in the batch that was asked for.
        faults: why each of the others could not be read.
    """

    images: Tensor
    labels: Tensor
    positions: Tensor
    places: Tensor
    faults: list[str]


class ImageDataset(Dataset[Item]):
    """Images with labels; item i has the image and the labels of row i.

    Args:
        images: where the bytes are.
        image_ids: ids of N images; one may come more than once.
        labels: integer (N, L).
        image_size: height and width S of decoded images, in pixels.

    Raises:
        ValueError: ids and labels of different number; labels that are not integers of shape (N, L); no image_size.
    """

    def __init__(self, images: Images, image_ids: Sequence[str], labels: np.ndarray, image_size: int) -> None:
        if labels.ndim != 2 or len(labels) != len(image_ids) or labels.dtype.kind not in "iu":
            raise ValueError(
                f"labels are {labels.dtype} of shape {labels.shape} for {len(image_ids)} images; they must be integers"
                " with a row for each image"
            )
        if image_size < 1:
            raise ValueError(f"image_size is {image_size}; it must be at least 1")
        self.images, self.image_size = images, image_size
        self.image_ids = np.array(image_ids, dtype=np.str_)  # no Python objects, see TarImages
        self.labels = torch.from_numpy(labels.astype(np.int64))

    def __len__(self) -> int:
        """Number of images N."""
        return len(self.image_ids)

    def __getitem__(self, position: int) -> Item:
        """The image at a position; one that cannot be read has its fault."""
        image_id, labels = str(self.image_ids[position]), self.labels[position]
        try:
            return Item(decode(self.images.read(image_id), self.image_size, image_id), labels, position, "")
        except ImageError as error:
            none = torch.zeros(3, self.image_size, self.image_size, dtype=torch.uint8)
            return Item(none, labels, position, str(error))


def collate(items: Sequence[Item]) -> Batch:
    """The batch of at least one item."""
    images, labels = torch.stack([item.image for item in items]), torch.stack([item.labels for item in items])
    positions = torch.tensor([item.position for item in items])
    faults = [item.fault for item in items if item.fault]
    places = torch.tensor([place for place, item in enumerate(items) if not item.fault], dtype=torch.int64)
    if faults:
        images, labels, positions = images[places], labels[places], positions[places]
    return Batch(images, labels, positions, places, faults)


class FaultCount:
    """Counts images that cannot be read, and stops a run in which they are too many.

    Of n images, np faults are expected at the share p that is put up with, give or take sqrt(np). A run stops at more
    than np + 3 sqrt(np) + 1 faults. So a single one never stops it, a small set of bad images does within a few
    batches, and the longer a run, the closer its share is held to p. With p = 0, the first fault stops it.

    Args:
        limit_share: share p of images that may be faulty, from 0 to below 1.
        asked: images counted before, by a run that goes on.
        faulty: those of them that could not be read.

    Raises:
        ValueError: a limit_share out of range.
    """

    def __init__(self, limit_share: float, asked: int = 0, faulty: int = 0) -> None:
        if not 0 <= limit_share < 1:
            raise ValueError(f"limit_share is {limit_share}; it must be from 0 to below 1")
        self.limit_share, self.asked, self.faulty = limit_share, asked, faulty
        self.first_faults: list[str] = []

    def add(self, batch: Batch) -> None:
        """Count a batch.

        Raises:
            ImageError: too many faults; lists the first ones.
        """
        self.asked += len(batch.images) + len(batch.faults)
        self.faulty += len(batch.faults)
        self.first_faults += batch.faults[: SHOWN_FAULTS - len(self.first_faults)]
        expected = self.limit_share * self.asked
        if self.faulty > expected + 3 * sqrt(expected) + (self.limit_share > 0):
            raise ImageError(
                f"{self.faulty} of {self.asked} images cannot be read, more than the share of {self.limit_share:g} that"
                " is put up with; mend the images or raise fault_share. The first:\n  " + "\n  ".join(self.first_faults)
            )


def loader(dataset: ImageDataset, batch_sampler: Iterable[list[int]], workers: int) -> DataLoader[Batch]:
    """Batches of a dataset, in the order of the sampler whatever the number of workers.

    Args:
        dataset: the images.
        batch_sampler: positions of each batch.
        workers: processes that decode, each in one thread; 0 decodes in this process.
    """
    return DataLoader(
        dataset,  # type: ignore[arg-type]
        batch_sampler=batch_sampler,
        num_workers=workers,
        collate_fn=collate,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
        # Else it seeds workers from torch's own generator, and the same run would differ with the number of passes.
        generator=torch.Generator(),
    )


def missing_images(images: Images, image_ids: Sequence[str]) -> list[str]:
    """The ids, in their order, of which there is no image."""
    known = set(images.image_ids)
    return [image_id for image_id in image_ids if image_id not in known]
