"""Training, from images and labels to a model: `train`, for the pipeline's stage and for whoever has a dataset."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np

from training.config import TrainConfig
from training.dataset import missing_images
from training.image_table import ImageTable
from training.images import Images
from training.processes import connect
from training.run import Run
from training.runs import run_lock


def train(
    config: TrainConfig, tables: dict[str, ImageTable], images: Images, folder: Path, resume: Path | None = None
) -> None:
    """Train a model, or go on with the run in the folder if it is of the same settings, data and code.

    A run of other settings, data or code is moved aside, and a new one begins.

    Args:
        config: the settings.
        tables: train and val (which may be empty), from training.image_table.
        images: where their bytes are.
        folder: the run's.
        resume: a checkpoint, or a run's folder, to go on from instead.

    Raises:
        RunError: another process is at this run; no room on the disk; a loss that is not finite; resume does not fit.
        ValueError: images and labels that do not fit each other, or the settings them.
    """
    tables = {fold: with_images(fold, tables[fold], images) for fold in ("train", "val")}
    with connect(config.device) as processes, run_lock(folder) if processes.is_main else nullcontext():
        run = Run(config, tables, images, folder, processes)
        run.start(resume)
        run.finish()


def with_images(fold: str, table: ImageTable, images: Images) -> ImageTable:
    """The table without images that are not there; says how many.

    Raises:
        ValueError: no image is there, or no class has two of them.
    """
    absent = set(missing_images(images, table.image_ids.tolist()))
    if absent:
        print(f"{fold}: {len(absent)} of {len(table)} images are not in the image files, {sorted(absent)[0]} for one")
        table = table.of(~np.isin(table.image_ids, list(absent)))
    if fold == "train":
        if not len(table):
            raise ValueError("no labelled image of the train fold is in the image files; are these the right ones?")
        sizes = table.class_sizes()
        if sizes.max() < 2:
            raise ValueError(f"each of the {len(sizes)} classes has one image; a loss needs two of a class")
        if (sizes == 1).any():
            print(f"{fold}: {(sizes == 1).sum()} of {len(sizes)} classes have one image, and see it in several views")
    return table
