"""What runs wrote while they trained, put together for a benchmark: learning curves, best values, speed and memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.benchmark.tuning import best_value
from training.run import METRICS, PERFORMANCE
from training.runs import read_rows

Runs = Mapping[str, Mapping[int, Path]]
"""Loss -> seed -> folder of the run."""


def learning_curves(runs: Runs) -> dict[str, list[list[dict[str, Any]]]]:
    """The rows of each epoch, of each seed, of each loss."""
    return {loss: [read_rows(run / METRICS) for run in folders.values()] for loss, folders in runs.items()}


def best_on_val(runs: Runs) -> dict[str, float]:
    """The highest H-AP on the val fold of each loss, the mean over its seeds.

    Raises:
        ValueError: it was never measured.
    """
    return {loss: float(np.mean([best_value(run) for run in folders.values()])) for loss, folders in runs.items()}


def performance(runs: Runs) -> dict[str, dict[str, Any]]:
    """Speed and memory of training, by loss.

    Returns:
        loss -> images_per_second and step_seconds (medians over epochs), seconds (of all seeds together), peak_memory
        (bytes of the process, or of its GPU), device.
    """
    found = {}
    for loss, folders in runs.items():
        rows = [row for run in folders.values() for row in read_rows(run / PERFORMANCE) if row["batches"]]
        seconds = np.array([row["seconds"] for row in rows])
        found[loss] = {
            "images_per_second": round(float(np.median([row["images"] for row in rows] / seconds)), 1),
            "step_seconds": round(float(np.median(seconds / [row["batches"] for row in rows])), 4),
            "seconds": round(float(seconds.sum()), 1),
            "peak_memory": max(row["peak_memory"] for row in rows),
            "device": rows[0]["device"],
        }
    return found
