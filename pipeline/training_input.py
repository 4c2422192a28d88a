"""What the stages that train and test read: settings, labelled images by name, and the images in the TARs."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import tables
from pipeline.benchmark_files import CHOICES, RUNS, read_json
from pipeline.errors import InputError
from pipeline.files import read_table
from pipeline.params import Train
from training.config import TrainConfig
from training.image_table import ImageTable, image_tables, release_frame
from training.images import TarImages
from training.runs import RunError

RELEASE = Path("release")
OF_THE_STAGE = ("losses", "seeds", "levels", "clean_only")
"""Keys of params.yaml's section train that are not settings of one run."""


@contextmanager
def told(where: str) -> Iterator[None]:
    """Turn what training refuses into an InputError, which says where it stands."""
    try:
        yield
    except (ValueError, ImportError, RunError) as error:
        raise InputError(where, str(error), "mend it and run the command again") from error


def config_of(settings: Train, loss: str, seed: int, chosen: dict[str, Any] | None = None) -> TrainConfig:
    """The settings of one run, those that tuning chose before those of params.yaml.

    Raises:
        InputError: one that is out of range or unknown.
    """
    values = {name: value for name, value in dataclasses.asdict(settings).items() if name not in OF_THE_STAGE}
    with told("params.yaml: train"):
        return TrainConfig(loss=loss, seed=seed, **values | (chosen or {}))


def chosen_settings(loss: str) -> dict[str, Any]:
    """The settings that the stage tune chose for a loss; none where it did not tune it.

    Raises:
        InputError: its file is not as it wrote it.
    """
    if not CHOICES.exists():
        return {}
    found = read_json(CHOICES).get(loss, {"chosen": {}})
    if not isinstance(found, dict) or not isinstance(found.get("chosen"), dict):
        raise InputError(f"{CHOICES}: {loss}", "is not what the stage tune writes", "delete it and run `dvc repro`")
    chosen: dict[str, Any] = found["chosen"]
    return chosen


def run_folder(loss: str, seed: int) -> Path:
    """Where a run of the stage train lies."""
    return RUNS / loss / f"seed{seed}"


def images_of(split: str) -> TarImages:
    """The images of a split, in the TARs on this machine."""
    index = read_table(tables.TAR_INDEX)
    return TarImages(index[index["split"] == split].drop(columns="split"), Path())


def labelled_images(settings: Train) -> pd.DataFrame:
    """Images of the split train with fold and labels, all labelled; of train_clean alone if the settings say so.

    Raises:
        InputError: the release cannot be read, or lacks a level.
    """
    with told("params.yaml: train.levels"):
        frame = release_frame(RELEASE, settings.levels).dropna(subset=settings.levels)
    if settings.clean_only:
        images = read_table(tables.IMAGES)
        clean = images.loc[(images["split"] == "train") & images["is_clean"], "image_id"]
        frame = frame[frame["image_id"].isin(clean)]
    return frame.reset_index(drop=True)


def fold_tables(frame: pd.DataFrame, settings: Train) -> dict[str, ImageTable]:
    """The images of each fold with numbered labels.

    Raises:
        InputError: no image is labelled, or the levels do not stand from fine to coarse.
    """
    with told("params.yaml: train.levels"):
        return image_tables(frame, settings.levels, str(RELEASE))
