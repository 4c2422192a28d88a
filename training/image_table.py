"""Which images there are and how they are labelled: from a release, or from any table of images with labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd

from training.levels import path_ids

FOLDS = ("train", "val", "test")


@dataclass(frozen=True)
class ImageTable:
    """Images of one fold with their labels.

    Attributes:
        image_ids: str (N,), sorted.
        labels: int64 (N, L), column 0 finest; ids are numbered from 0 in each column, and never repeat across parents.
        levels: names of the L columns.
    """

    image_ids: np.ndarray
    labels: np.ndarray
    levels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.image_ids)

    def of(self, chosen: np.ndarray) -> "ImageTable":
        """The images that a mask or positions choose; their labels are numbered anew."""
        return ImageTable(self.image_ids[chosen], path_ids(self.labels[chosen])[0].astype(np.int64), self.levels)

    def digest(self) -> str:
        """SHA-256 of images and labels; another value means another training set."""
        content = "\n".join([*self.levels, *self.image_ids.tolist()]).encode() + self.labels.tobytes()
        return sha256(content).hexdigest()

    def class_sizes(self) -> np.ndarray:
        """Images of each finest class, (C,)."""
        return np.bincount(self.labels[:, 0])


def read_release(release: Path, levels: Sequence[str], split: str = "train") -> dict[str, ImageTable]:
    """Labelled images of a split of the release by fold: train, val and test, apart by landmark.

    Args and errors as of `release_frame`; also raises a ValueError where no image is labelled.
    """
    return image_tables(release_frame(release, levels, split), levels, str(release))


def unlabelled(image_ids: Sequence[str]) -> ImageTable:
    """A table of images whose labels nobody asks for."""
    return ImageTable(np.array(sorted(image_ids)), np.zeros((len(image_ids), 1), np.int64), ("image",))


def release_frame(release: Path, levels: Sequence[str], split: str = "train") -> pd.DataFrame:
    """Images of a split of the release: image_id, landmark_id, fold, and their labels by name, null where unlabelled.

    Args:
        release: folder with images/, labels/ and splits.parquet.
        levels: columns of the label table, the finest first.
        split: train or index.

    Raises:
        ValueError: a table that cannot be read, a level that the release lacks.
    """
    try:
        labels = pd.read_parquet(release / "labels" / f"{split}.parquet")
        images = pd.read_parquet(release / "images" / f"{split}.parquet")
        folds = pd.read_parquet(release / "splits.parquet")
    except (OSError, ValueError) as error:
        raise ValueError(f"{release}: the release cannot be read ({error}); make it with dvc repro") from error
    folds = folds[folds["split"] == split].drop(columns="split")
    unknown = [name for name in levels if name not in labels.columns]
    if unknown:
        raise ValueError(f"{release}: no column {', '.join(unknown)}; there are: {', '.join(labels.columns)}")
    kept = labels[list(dict.fromkeys(["landmark_id", *levels]))]
    return images.merge(kept, on="landmark_id", validate="m:1").merge(folds, on="landmark_id", validate="m:1")


def image_tables(frame: pd.DataFrame, levels: Sequence[str], where: str) -> dict[str, ImageTable]:
    """Tables by fold from a frame of images.

    Args:
        frame: image_id, fold (train, val or test), and a column for each level, of any type; an image with a missing
            label is left out.
        levels: its label columns, the finest first.
        where: what the frame is, for messages.

    Raises:
        ValueError: no level or unknown columns, levels twice or the coarse before the fine, an image listed twice, an
            unknown fold, no labelled image.
    """
    missing = [name for name in ("image_id", "fold", *levels) if name not in frame.columns]
    if missing or not levels:
        have = ", ".join(map(str, frame.columns))
        raise ValueError(f"{where}: no column {', '.join(missing) or 'chosen as level'}; there are: {have}")
    twice = frame.loc[frame["image_id"].duplicated(), "image_id"]
    if len(twice):
        raise ValueError(f"{where}: image {twice.iloc[0]} is listed {len(twice) + 1} times; an image has one label")
    strange = set(frame["fold"]) - set(FOLDS)
    if strange:
        raise ValueError(f"{where}: unknown fold {sorted(strange)[0]!r}; known: {', '.join(FOLDS)}")
    frame = frame.dropna(subset=list(levels)).sort_values("image_id", ignore_index=True)
    if frame.empty:
        raise ValueError(f"{where}: no image has a label at {', '.join(levels)}; choose other levels")
    columns = np.stack([pd.factorize(frame[name].astype(str), sort=True)[0] for name in levels], 1)
    check_order(columns, levels, where)
    whole = ImageTable(frame["image_id"].astype(str).to_numpy(), columns, tuple(levels))
    return {fold: whole.of((frame["fold"] == fold).to_numpy()) for fold in FOLDS}


def check_order(columns: np.ndarray, levels: Sequence[str], where: str) -> None:
    """Raise a ValueError for a level listed twice, or one that is finer than the level before it."""
    if len(set(levels)) < len(levels):
        raise ValueError(f"{where}: {', '.join(levels)}: a level is listed twice; list each once, the finest first")
    paths = path_ids(columns)[0]
    for column in range(1, len(levels)):
        is_finer = (
            paths[:, column].max() == paths[:, column - 1].max()
            and columns[:, column].max() > columns[:, column - 1].max()
        )
        if is_finer:
            raise ValueError(
                f"{where}: {levels[column]} tells more classes apart than {levels[column - 1]}, which stands before it;"
                " list the finest level first"
            )
