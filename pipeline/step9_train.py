"""Stage train: a model for each loss and seed of params.yaml, from the release and the image TARs."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from pipeline import tables
from pipeline.cli_train import TRAIN_OPTIONS
from pipeline.errors import InputError, with_file_errors
from pipeline.files import read_table
from pipeline.params import Train, read_params
from training.config import TrainConfig
from training.image_table import read_release
from training.images import TarImages
from training.runs import RunError
from training.train import train

RELEASE = Path("release")
RUNS = Path("runs")
CHOICES = ("losses", "seeds", "levels")
"""Keys of params.yaml's section train that are not settings of one run."""


def config_of(settings: Train, loss: str, seed: int) -> TrainConfig:
    """The settings of one run.

    Raises:
        InputError: one that is out of range or unknown.
    """
    values = {name: value for name, value in dataclasses.asdict(settings).items() if name not in CHOICES}
    with told("params.yaml: train"):
        return TrainConfig(loss=loss, seed=seed, **values)


@contextmanager
def told(where: str) -> Iterator[None]:
    """Turn what training refuses into an InputError, which says where it stands."""
    try:
        yield
    except (ValueError, ImportError, RunError) as error:
        raise InputError(where, str(error), "mend it and run the command again") from error


def images_of(split: str) -> TarImages:
    """The images of a split, in the TARs on this machine."""
    index = read_table(tables.TAR_INDEX)
    return TarImages(index[index["split"] == split].drop(columns="split"), Path())


def main(loss: str | None = None, seed: int | None = None, resume: str = "auto") -> None:
    """Train on the release: all losses and seeds of params.yaml, or those named."""
    if resume != "auto" and (loss is None or seed is None):
        raise click.UsageError("--resume goes on with one run: name it by --loss and --seed")
    settings = read_params().train
    names = settings.losses if loss is None else [loss]
    if not names:
        click.echo("train.losses is empty: labels only")
        return
    images = images_of("train")
    with told("params.yaml: train.levels"):
        release = read_release(RELEASE, settings.levels)
    for name in names:
        for number in settings.seeds if seed is None else [seed]:
            config = config_of(settings, name, number)
            folder = RUNS / name / f"seed{number}"
            click.echo(f"{folder}: {len(release['train'])} images, {config.epochs} epochs")
            with told(str(folder)):
                train(config, release, images, folder, None if resume == "auto" else Path(resume))


if __name__ == "__main__":
    click.Command("train", callback=with_file_errors(main), params=TRAIN_OPTIONS, help=main.__doc__)()
