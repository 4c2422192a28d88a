"""The protocol of the test: who asks, who answers, and what is measured; for every model alike.

All images of the test fold are the gallery. Queries are the images of landmarks with at least two images in the fold,
each ranked against all others, itself left out by id. A landmark with one image never asks, but may be found.

AP at a coarse level counts the images of the query's own landmark too, which a model may find without knowing anything
of labels. So there is one more metric for each coarse level, ap_others_level<n>: the same AP where all images of the
query's landmark are left out, which asks for other landmarks that share the label.
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
    """The metrics of the benchmark: over all levels, AP, mAP@R and recall@1 of each, and AP of other landmarks."""
    return (*general_keys(level_count), *(f"ap_others_level{level}" for level in range(1, level_count)))


def general_keys(level_count: int) -> tuple[str, ...]:
    """Those that are keys of training.metrics."""
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
    level_count = len(table.levels)
    report = evaluate_retrieval(
        embeddings[rows],
        table.labels[rows],
        embeddings,
        table.labels,
        query_ids=table.image_ids[rows],
        gallery_ids=table.image_ids,
        metrics=general_keys(level_count),
        device=device,
    )
    general = np.stack(list(report.per_query.values()), axis=1)
    values = np.concatenate([general, among_others(embeddings, table, rows, device)], axis=1)
    values = np.clip(values, 0, 1)  # sums of shares may round to a little more
    wrong = first_wrong_depths(embeddings.to(device), torch.from_numpy(table.labels), rows)
    return Scores(metric_keys(level_count), values, wrong)


def among_others(embeddings: Tensor, table: ImageTable, rows: np.ndarray, device: torch.device | str) -> np.ndarray:
    """AP (Q, L - 1) at each coarse level among the images of other landmarks; nan where none shares the label."""
    labels, level_count = table.labels, len(table.levels)
    values = np.full((len(rows), level_count - 1), np.nan)
    if level_count == 1:
        return values
    sizes = [np.bincount(labels[:, column])[labels[rows, column]] for column in (0, -1)]
    asked = np.flatnonzero(sizes[1] > sizes[0])  # the others share nothing, and would be skipped
    if len(asked):
        own = rows[asked]
        report = evaluate_retrieval(
            embeddings[own],
            labels[own],
            embeddings,
            labels,
            query_ids=labels[own, 0],
            gallery_ids=labels[:, 0],
            metrics=[f"ap_level{level}" for level in range(1, level_count)],
            device=device,
        )
        values[asked] = np.stack(list(report.per_query.values()), axis=1)
    return values


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
