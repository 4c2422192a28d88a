"""What runs wrote while they trained, put together for a benchmark: learning curves, best values, speed and memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.benchmark.tuning import val_values
from training.run import METRICS, PERFORMANCE
from training.runs import read_rows

Runs = Mapping[str, Mapping[int, Path]]
"""Loss -> seed -> folder of the run."""


def learning_curves(runs: Runs) -> dict[str, list[list[dict[str, Any]]]]:
    """The rows of each epoch, of each seed, of each loss."""
    return {loss: [read_rows(run / METRICS) for run in folders.values()] for loss, folders in runs.items()}


def best_on_val(runs: Runs) -> dict[str, float]:
    """The highest H-AP on the val fold, the mean over seeds, of each loss; without those that never measured it."""
    values = {loss: [val_values(run) for run in folders.values()] for loss, folders in runs.items()}
    return {loss: float(np.mean([max(one) for one in seeds])) for loss, seeds in values.items() if all(seeds)}


def performance(runs: Runs) -> dict[str, dict[str, Any] | None]:
    """Speed and memory of training, by loss.

    Returns:
        loss -> images_per_second and step_seconds (medians over epochs), seconds (of all seeds together), peak_memory
        (bytes of the process, or of its GPU), device; None where no run tells.
    """
    rows = {
        loss: [row for run in folders.values() for row in read_rows(run / PERFORMANCE) if row["batches"]]
        for loss, folders in runs.items()
    }
    return {loss: measured(of_loss) if of_loss else None for loss, of_loss in rows.items()}


def measured(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the rows of epochs say, see performance."""
    seconds = np.array([row["seconds"] for row in rows])
    return {
        "images_per_second": round(float(np.median([row["images"] for row in rows] / seconds)), 1),
        "step_seconds": round(float(np.median(seconds / [row["batches"] for row in rows])), 4),
        "seconds": round(float(seconds.sum()), 1),
        "peak_memory": max(row["peak_memory"] for row in rows),
        "device": rows[0]["device"],
    }
