"""The protocol of the test: who asks, who answers, and what is measured; for every model alike.

All images of the test fold are the gallery. Queries are the images of landmarks with at least two images in the fold,
each ranked against all others, itself left out by id. A landmark with one image never asks, but may be found.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.image_table import ImageTable
from training.levels import agreement_depths
from training.metrics import evaluate_retrieval

CHUNK_BYTES = 2**28


@dataclass(frozen=True)
class Scores:
    """What one model scores on the queries of a fold.

    Attributes:
        metrics: K keys of training.metrics.
        values: float64 (Q, K).
        first_wrong: int8 (Q,), depth of agreement with the best-ranked image of another landmark; -1 without any.
    """

    metrics: tuple[str, ...]
    values: np.ndarray
    first_wrong: np.ndarray


def metric_keys(level_count: int) -> tuple[str, ...]:
    """The metrics of the benchmark: over all levels, and AP, mAP@R and recall@1 of each."""
    per_level = ("ap", "map_at_r", "recall_at_1")
    return ("h_ap", "ndcg", "asi", *(f"{name}_level{level}" for level in range(level_count) for name in per_level))


def query_rows(table: ImageTable) -> np.ndarray:
    """Rows (Q,) of the images that are queries: those whose landmark has another image in the table."""
    return np.flatnonzero(table.class_sizes()[table.labels[:, 0]] > 1)


def score(embeddings: Tensor, table: ImageTable, device: torch.device | str = "cpu") -> Scores:
    """Rank and measure.

    Args:
        embeddings: (N, D) of all images of the table.
        table: of N images.
        device: where scores are computed.

    Raises:
        ValueError: no landmark has two images, so that nobody asks.
    """
    rows = query_rows(table)
    if not len(rows):
        raise ValueError(f"none of the {len(table)} images of the test fold has another of its landmark; nobody asks")
    metrics = metric_keys(len(table.levels))
    report = evaluate_retrieval(
        embeddings[rows],
        table.labels[rows],
        embeddings,
        table.labels,
        query_ids=table.image_ids[rows],
        gallery_ids=table.image_ids,
        metrics=metrics,
        device=device,
    )
    values = np.stack([report.per_query[key] for key in metrics], axis=1)
    return Scores(metrics, values, first_wrong_depths(embeddings.to(device), torch.from_numpy(table.labels), rows))


def first_wrong_depths(embeddings: Tensor, labels: Tensor, rows: np.ndarray) -> np.ndarray:
    """How severe each query's first mistake is: its depth of agreement with the best-ranked image of another landmark.

    Of images with the same score, the one that agrees least counts, as in the metrics.

    Args:
        embeddings: (N, D).
        labels: (N, L), column 0 finest.
        rows: (Q,), which images are queries.

    Returns:
        int8 (Q,), 0 to L - 1; -1 where all images show the query's landmark.
    """
    labels = labels.to(embeddings.device)
    chunk = max(1, CHUNK_BYTES // (8 * len(embeddings)))
    parts = []
    for first in range(0, len(rows), chunk):
        own = torch.from_numpy(rows[first : first + chunk]).to(embeddings.device)
        depths = agreement_depths(labels[own], labels)
        scores = embeddings[own] @ embeddings.T
        is_right = depths == labels.shape[1]
        scores[is_right] = -torch.inf
        is_best = (scores == scores.max(1, keepdim=True).values) & ~is_right
        least = torch.where(is_best, depths, labels.shape[1]).min(1).values
        parts.append(torch.where(is_right.all(1), -1, least).to(torch.int8).cpu().numpy())
    return np.concatenate(parts)


def top_rows(embeddings: Tensor, row: int, count: int) -> np.ndarray:
    """Rows (count,) of the images ranked first for the image of that row, itself left out."""
    scores = embeddings @ embeddings[row]
    scores[row] = -torch.inf
    return scores.topk(min(count, len(scores) - 1)).indices.cpu().numpy()
