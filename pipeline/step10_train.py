"""Stage train: a model for each loss and seed of params.yaml, from the release and the image TARs."""

from itertools import product
from pathlib import Path

import click

from pipeline.cli_train import TRAIN_OPTIONS
from pipeline.errors import with_file_errors
from pipeline.params import read_params
from pipeline.training_input import (
    chosen_settings,
    config_of,
    fold_tables,
    images_of,
    labelled_images,
    run_folder,
    told,
)
from training.processes import connect
from training.train import train


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
    tables = fold_tables(labelled_images(settings), settings)
    numbers = settings.seeds if seed is None else [seed]
    with told("params.yaml: train"), connect(settings.device):
        for name, number in product(names, numbers):
            chosen = chosen_settings(name)
            config = config_of(settings, name, number, chosen)
            folder = run_folder(name, number)
            tuned = "".join(f", {setting} {value}" for setting, value in chosen.items())
            click.echo(f"{folder}: {len(tables['train'])} images, {config.epochs} epochs{tuned}")
            with told(str(folder)):
                train(config, tables, images, folder, None if resume == "auto" else Path(resume))


if __name__ == "__main__":
    click.Command("train", callback=with_file_errors(main), params=TRAIN_OPTIONS, help=main.__doc__)()
