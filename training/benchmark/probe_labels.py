"""The other labels of the label probe: dealt out at random, or of an earlier release; see training.benchmark.probe."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

TAUGHT = ("train", "val")
"""Folds whose labels a run sees; the test fold keeps its own."""


def shuffled_labels(frame: pd.DataFrame, levels: Sequence[str], seed: int) -> pd.DataFrame:
    """The frame with labels dealt out anew among the landmarks of each fold that a run sees.

    Each label keeps its number of landmarks, and what lies above a label stays above it.

    Args:
        frame: image_id, fold and the levels, as training.image_table.image_tables takes it; all labelled.
        levels: the finest, by which labels are dealt out, first.
        seed: of the draw.
    """
    finest, *coarser = levels
    draw = np.random.default_rng(seed)
    parts = []
    for fold, part in frame.groupby("fold", sort=True):
        landmarks = part.drop_duplicates(finest).sort_values(finest).set_index(finest)[coarser]
        if fold in TAUGHT:
            landmarks = landmarks.iloc[draw.permutation(len(landmarks))].set_axis(landmarks.index)
        parts.append(part.drop(columns=coarser).join(landmarks, on=finest, validate="m:1"))
    return pd.concat(parts)[list(frame.columns)].sort_values("image_id", ignore_index=True)


def shared_with(frame: pd.DataFrame, other: pd.DataFrame, levels: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The images of landmarks that another set of labels knows too, with our labels and with the others'.

    Args:
        frame: as of `shuffled_labels`.
        other: a row for each landmark: the finest level, and all coarser ones; null where it has no label.
        levels: the finest first.
    """
    finest, *coarser = levels
    known = other.dropna(subset=coarser)[list(levels)]
    ours = frame[frame[finest].isin(known[finest])]
    theirs = ours.drop(columns=coarser).merge(known, on=finest, validate="m:1")[list(frame.columns)]
    return ours.reset_index(drop=True), theirs.reset_index(drop=True)
