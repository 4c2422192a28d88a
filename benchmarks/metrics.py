"""Retrieval metrics side by side: seconds for 1,000 queries, and memory, against a product and a sort of the scores.

`python -m benchmarks.metrics [--json OUT] [--device cpu|cuda]`. All metrics at three levels, dim 128. Each row runs in
a process of its own and also times the floor: torch's matrix product and torch.sort of the same scores, in chunks.
Labels: `balanced`, 10 items a class, 100 a middle class and 1,000 to 20,000 a coarse one; `two-valued`, a coarsest
level that half of the gallery shares with a query, as natural / human-made would.

Rows: `ours` as chosen by the device; `sorting`, ours with its plain torch ranker, a sort of all scores; `library`,
pytorch-metric-learning's AccuracyCalculator, which knows three of the metrics, at the finest level.
"""

import importlib
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.side_by_side import print_rows
from training import metrics
from training.gallery_ranks import Ranker, rank_by_sorting
from training.metrics import evaluate_retrieval

QUERIES, DIM = 1000, 128
GALLERIES = (10_000, 50_000, 1_000_000)
FLOOR_QUERIES = 100
"""The floor is timed on so many queries and multiplied up: a sort of 1,000 x 1,000,000 scores takes minutes."""


def labels_of(count: int, kind: str) -> np.ndarray:
    """Labels (count, 3), classes spread evenly over the items."""
    item = np.random.default_rng(0).permutation(count)
    coarse = item // max(1000, count // 50) if kind == "balanced" else item % 2
    middle = item // 100 if kind == "balanced" else coarse + 2 * (item // 200)
    fine = item // 10 if kind == "balanced" else middle + count * (item // 20)
    return np.stack([fine, middle, coarse], 1)


def world(count: int, kind: str, device: str) -> tuple[Tensor, np.ndarray, Tensor, np.ndarray]:
    """Queries with labels of the gallery, and the gallery; embeddings near those of their class."""
    draw = torch.Generator().manual_seed(0)
    labels = labels_of(count, kind)
    centers = torch.randn(997, DIM, generator=draw)
    gallery = torch.randn(count, DIM, generator=draw).add_(centers[torch.from_numpy(labels[:, 0] % 997)])
    gallery = functional.normalize(gallery, dim=1, out=gallery)
    chosen = torch.randperm(count, generator=draw)[:QUERIES]
    queries = functional.normalize(gallery[chosen] + 0.1 * torch.randn(QUERIES, DIM, generator=draw), dim=1)
    return queries.to(device), labels[chosen.numpy()], gallery.to(device), labels


def elapsed(step: Callable[[], object], device: str) -> float:
    """Seconds of one step."""
    start = time.perf_counter()
    step()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def floor_seconds(queries: Tensor, gallery: Tensor, device: str) -> tuple[float, float]:
    """Seconds of the product of all queries with the gallery, and of sorting those scores."""
    product, sorting = 0.0, 0.0
    chunk = max(1, min(FLOOR_QUERIES, 2**28 // (4 * len(gallery))))
    taken = FLOOR_QUERIES // chunk * chunk
    queries[:chunk] @ gallery.T
    for first in range(0, taken, chunk):
        held: list[Tensor] = []
        product += elapsed(lambda f=first, h=held: h.append(queries[f : f + chunk] @ gallery.T), device)  # type: ignore[misc]
        sorting += elapsed(lambda h=held: h[0].sort(dim=1, descending=True), device)  # type: ignore[misc]
    return product * QUERIES / taken, sorting * QUERIES / taken


def library_metrics(queries: Tensor, query_labels: np.ndarray, gallery: Tensor, labels: np.ndarray) -> object:
    """Three metrics of pytorch-metric-learning at the finest level, with its torch nearest neighbours."""
    inference = importlib.import_module("pytorch_metric_learning.utils.inference")
    distances = importlib.import_module("pytorch_metric_learning.distances")
    calculator: Any = importlib.import_module("pytorch_metric_learning.utils.accuracy_calculator")
    knn = inference.CustomKNN(distances.CosineSimilarity(), batch_size=100)
    wanted = ("precision_at_1", "mean_average_precision_at_r", "mean_average_precision")
    fine = torch.from_numpy(labels[:, 0]).to(gallery.device)
    own = torch.from_numpy(query_labels[:, 0]).to(gallery.device)
    return calculator.AccuracyCalculator(include=wanted, knn_func=knn).get_accuracy(queries, own, gallery, fine)


def always_sorting(device: torch.device) -> Ranker:
    """The plain torch ranker, whatever the device."""
    return rank_by_sorting


def measure(name: str, count: int, kind: str, device: str) -> dict[str, object]:
    """One row of the table: seconds of the second run, and the peak memory before the floor is measured."""
    queries, query_labels, gallery, labels = world(count, kind, device)
    if name == "sorting":
        metrics.find_ranker = always_sorting  # type: ignore[attr-defined]
    run = library_metrics if name == "library" else evaluate_retrieval
    if count <= 50_000:
        run(queries[:64], query_labels[:64], gallery, labels)
    seconds = elapsed(lambda: run(queries, query_labels, gallery, labels), device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if device == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**20
    product, sorting = floor_seconds(queries, gallery, device)
    return {
        "gallery": count,
        "labels": kind,
        "implementation": name,
        "s": round(seconds, 3),
        "product_s": round(product, 3),
        "sort_s": round(sorting, 3),
        "of_floor": round(seconds / (product + sorting), 3),
        "peak_mb": round(peak),
        "gallery_mb": round(gallery.numel() * 4 / 2**20),
    }


def rows_to_measure(device: str) -> list[tuple[str, int, str, str]]:
    """Implementation, gallery, kind of labels and device of every row."""
    rows = [("ours", count, kind, device) for kind in ("balanced", "two-valued") for count in GALLERIES]
    if device == "cpu":
        rows += [("sorting", count, "balanced", device) for count in GALLERIES[:2]]
    return rows + [("library", count, "balanced", device) for count in GALLERIES[:2]]


@click.command()
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here, too.")
def main(device: str, out: Path | None) -> None:
    """Measure the metrics."""
    print_rows(measure, rows_to_measure(device), f"{QUERIES} queries, dim {DIM}, float32", device, out)


if __name__ == "__main__":
    main()
