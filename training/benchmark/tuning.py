"""Choosing settings on the val fold: every loss gets the same number of trials, so that none is tuned more."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from training.config import TrainConfig
from training.run import METRICS
from training.runs import read_rows

Settings = dict[str, Any]
MEASURE = "val_h_ap"


def trials(grid: Mapping[str, Sequence[Any]]) -> list[Settings]:
    """Every combination of the values that a grid lists for its settings, the last setting varying fastest."""
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def tune(
    config: TrainConfig, grid: Mapping[str, Sequence[Any]], folder: Path, train: Callable[[TrainConfig, Path], None]
) -> dict[str, Any]:
    """Train once with each combination of settings, and choose the one with the best H-AP on the val fold.

    Args:
        config: the loss, and the settings that the grid does not name.
        grid: setting -> values to try; with one combination nothing is tried.
        folder: of the trials, trial0, trial1, ...
        train: trains a run in a folder.

    Returns:
        chosen: the settings of the best trial, the first among equals; trials: settings and val_h_ap of each.

    Raises:
        ValueError: a setting that does not exist or may not vary, a value out of range, no values, no val fold.
    """
    for name in grid:
        if name in ("loss", "seed") or name not in {field.name for field in dataclasses.fields(TrainConfig)}:
            raise ValueError(f"{name!r} is not a setting of a run that can be tuned")
    tried = trials(grid)
    if not tried:
        raise ValueError("a setting lists no value to try; list some, or leave it out")
    configs = [dataclasses.replace(config, **settings) for settings in tried]
    if len(tried) == 1:
        return {"chosen": tried[0], "trials": []}
    values = []
    for number, one in enumerate(configs):
        train(one, folder / f"trial{number}")
        values.append(best_value(folder / f"trial{number}"))
    results = [{"settings": settings, MEASURE: round(value, 4)} for settings, value in zip(tried, values, strict=True)]
    return {"chosen": tried[int(np.argmax(values))], "trials": results}  # the first among equals


def best_value(run: Path) -> float:
    """The highest H-AP on the val fold that a run reached.

    Raises:
        ValueError: it was never measured.
    """
    values = val_values(run)
    if not values:
        raise ValueError(f"{run}: no H-AP on the val fold, by which trials are compared; leave a share for val")
    return max(values)


def val_values(run: Path) -> list[float]:
    """H-AP on the val fold after each epoch for which a run measured it."""
    return [float(row[MEASURE]) for row in read_rows(run / METRICS) if row.get(MEASURE) is not None]
