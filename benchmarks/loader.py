"""Images a second from TARs through the DataLoader, beside decoding alone of the same images already in memory.

`python -m benchmarks.loader [--data FOLDER] [--size S] [--json OUT]`. Both take turns, several times, in one run, with
as many processes, and the table has medians; the ratio says what reading, checking headers and making batches leave of
the decoder's speed. The TARs are read once before, so that the speed of the disk is not in it.

Columns: `decode_per_s` and `loader_per_s` in images a second; `ratio` the median of their ratios, turn by turn.
"""

import json
import multiprocessing
import os
import statistics
import time
from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch

from training.dataset import ImageDataset, loader
from training.image_index import build_index
from training.images import TarImages, decode

PHOTOS = Path("../shared/data/images")
DRAWN = Path("sample/gldv2/train")
BATCH = 64
TURNS = 5
WORKERS = (0, 2)


def decode_seconds(contents: list[bytes], size: int) -> float:
    """Time to decode images that are in memory."""
    start = time.perf_counter()
    for content in contents:
        decode(content, size, "")
    return time.perf_counter() - start


class Decoding:
    """Decoding alone, by as many processes as workers; each has its share of the images before time is taken."""

    def __init__(self, contents: list[bytes], size: int, workers: int) -> None:
        self.shares, self.size = [contents[share :: max(1, workers)] for share in range(max(1, workers))], size
        self.count, self.workers = len(contents), workers

    def rate(self) -> float:
        """Images a second of all processes together."""
        if not self.workers:
            return self.count / decode_seconds(self.shares[0], self.size)
        with multiprocessing.get_context("fork").Pool(self.workers, torch.set_num_threads, (1,)) as pool:
            seconds = pool.starmap(decode_seconds, [(share, self.size) for share in self.shares], chunksize=1)
        return self.count / max(seconds)


def measure(images: TarImages, size: int, workers: int) -> dict[str, object]:
    """One row of the table."""
    image_ids = images.image_ids
    order = np.random.default_rng(0).permutation(len(image_ids))
    decoding = Decoding([images.read(image_ids[position]) for position in order], size, workers)
    batches = [order[start : start + BATCH].tolist() for start in range(0, len(order), BATCH)]
    loading = loader(ImageDataset(images, image_ids, np.zeros((len(image_ids), 3), np.int64), size), batches, workers)
    rates = []
    for turn in range(TURNS + 1):
        start = time.perf_counter()
        count = sum(len(batch.images) for batch in loading)
        seconds = time.perf_counter() - start
        if turn:  # the first one starts the workers
            rates.append((decoding.rate(), count / seconds))
    decode_rates, loader_rates = zip(*rates, strict=True)
    return {
        "workers": workers,
        "decode_per_s": round(statistics.median(decode_rates)),
        "loader_per_s": round(statistics.median(loader_rates)),
        "ratio": round(statistics.median(loaded / decoded for decoded, loaded in rates), 3),
    }


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), help="Folder of TARs; photos, or the sample's.")
@click.option("--size", default=64, show_default=True, help="Height and width of decoded images.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here, too.")
def main(data: Path | None, size: int, out: Path | None) -> None:
    """Measure reading from TARs."""
    folder = data or (PHOTOS if PHOTOS.is_dir() else DRAWN)
    torch.set_num_threads(1)
    start = time.perf_counter()
    index = build_index([Path(path.name) for path in sorted(folder.glob("*.tar"))], folder)
    index_per_s = round(len(index) / (time.perf_counter() - start))
    rows = [measure(TarImages(index, folder), size, workers) for workers in WORKERS]
    where = f"{len(index)} images of {folder}, decoded at {size} x {size}, {os.cpu_count()} CPU cores"
    click.echo(f"{where}; indexed at {index_per_s} images a second")
    click.echo(pd.DataFrame(rows).to_string(index=False))
    if out:
        figures = {"data": where, "index_per_s": index_per_s, "rows": rows}
        out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
