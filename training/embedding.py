"""Embeddings of many images by a trained model, in one process or as shards of a job array."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor, nn

from training.augment import resize
from training.config import TrainConfig
from training.dataset import FaultCount, ImageDataset, loader
from training.image_table import ImageTable
from training.images import Images
from training.runs import replacing

BATCH = 256


@torch.no_grad()
def embed(
    model: nn.Module,
    table: ImageTable,
    images: Images,
    *,
    image_size: int,
    device: torch.device,
    workers: int = 0,
    fault_share: float = 0.0,
) -> tuple[Tensor, np.ndarray]:
    """Embeddings of the images of a table, without augmentation; the model's mode is kept.

    Args:
        model: maps float images (B, 3, S, S) in 0..1 to embeddings (B, D).
        table: what to embed.
        images: where their bytes are.
        image_size: S.
        device: where the model is.
        workers: processes that decode.
        fault_share: share of unreadable images that is put up with.

    Returns:
        float32 (M, D) on the CPU, and the positions (M,) in the table of the images that could be read.

    Raises:
        ImageError: more unreadable images than fault_share.
    """
    was_training = model.training
    model.eval()
    dataset = ImageDataset(images, table.image_ids.tolist(), table.labels, image_size)
    batches = [list(range(first, min(first + BATCH, len(table)))) for first in range(0, len(table), BATCH)]
    faults = FaultCount(fault_share)
    parts, positions = [], []
    for batch in loader(dataset, batches, workers):
        faults.add(batch)
        if len(batch.images):
            parts.append(model(resize(batch.images.to(device), image_size)).float().cpu())
            positions.append(batch.positions.numpy())
    if not parts:  # an image of any content tells the dimension
        parts.append(model(torch.zeros(1, 3, image_size, image_size, device=device))[:0].float().cpu())
        positions.append(np.empty(0, np.int64))
    model.train(was_training)
    return torch.cat(parts), np.concatenate(positions)


def embed_images(
    model: nn.Module, config: TrainConfig, table: ImageTable, images: Images, device: torch.device
) -> tuple[Tensor, np.ndarray]:
    """As `embed`, under the settings of the model's run."""
    return embed(
        model,
        table,
        images,
        image_size=config.image_size,
        device=device,
        workers=config.workers,
        fault_share=config.fault_share,
    )


def shard_rows(count: int, shard: int, shard_count: int) -> np.ndarray:
    """Positions of the rows of a shard, one run of neighbours, so that TARs are read in order.

    Raises:
        ValueError: a shard that is not 0..shard_count - 1.
    """
    if shard_count < 1:
        raise ValueError(f"there are {shard_count} shards; at least 1")
    if not 0 <= shard < shard_count:
        raise ValueError(f"shard {shard} of {shard_count} does not exist; shards are 0..{shard_count - 1}")
    return np.arange(count * shard // shard_count, count * (shard + 1) // shard_count)


def write_embeddings(path: Path, image_ids: np.ndarray, embeddings: Tensor) -> None:
    """Parquet of image_id and embedding, in place of the file if there is one.

    Raises:
        RunError: it cannot be written, such as on a full disk; nothing half-written is left.
    """
    values = pa.array(embeddings.numpy().reshape(-1), pa.float32())
    vectors = pa.FixedSizeListArray.from_arrays(values, embeddings.shape[1])
    fields = [
        pa.field("image_id", pa.string(), False, {"description": "image of GLDv2"}),
        pa.field("embedding", vectors.type, False, {"description": "unit vector; compare by inner product"}),
    ]
    table = pa.Table.from_arrays([pa.array(image_ids.tolist(), pa.string()), vectors], schema=pa.schema(fields))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as opened:
        pq.write_table(table, opened)


def read_embeddings(paths: list[Path]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Image ids (N,) and embeddings (N, D) of each file in turn."""
    for path in paths:
        table = pq.read_table(path)
        vectors = table["embedding"].combine_chunks()
        yield (
            np.array(table["image_id"].to_pylist()),
            vectors.values.to_numpy().reshape(len(table), vectors.type.list_size),
        )
