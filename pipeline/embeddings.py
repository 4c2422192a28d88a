"""Embeddings of a split's images by a trained model, a shard at a time; for `hgld embed`."""

from pathlib import Path

import numpy as np

from pipeline.training_input import images_of, told
from training.embedding import embed_images, shard_rows, write_embeddings
from training.image_table import unlabelled
from training.processes import connect
from training.trained import read_model


def write_shard(run: Path, split: str, shard: int, shard_count: int, out: Path) -> str:
    """Write one shard's embeddings; returns what was done.

    Args:
        run: folder of a run.
        split: whose images in the TARs on this machine are embedded.
        shard: 0..shard_count - 1.
        shard_count: number of shards.
        out: folder of the file shard-<i>-of-<n>.parquet.

    Raises:
        InputError: no model in the run, a shard that does not exist, too many unreadable images.
    """
    images = images_of(split)
    path = out / f"shard-{shard}-of-{shard_count}.parquet"
    with told(str(run)), connect("auto") as processes:
        model, config = read_model(run, processes.device)
        rows = shard_rows(len(images.image_ids), shard, shard_count)
        table = unlabelled(np.array(images.image_ids)[rows].tolist())
        embeddings, kept = embed_images(model, config, table, images, processes.device)
        write_embeddings(path, table.image_ids[kept], embeddings)
    return f"{path}: {len(kept)} of {len(table)} images"
