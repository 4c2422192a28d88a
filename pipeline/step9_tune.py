"""Stage tune: the settings with which each loss does best on the val fold, the same trials for all."""

from pathlib import Path

import click

from pipeline.errors import with_file_errors
from pipeline.files import write_json
from pipeline.params import read_params
from pipeline.training_input import CHOICES, RUNS, config_of, fold_tables, images_of, labelled_images, told
from training.benchmark.tuning import tune
from training.config import TrainConfig
from training.train import train


def main() -> None:
    """Try the settings of params.yaml's benchmark.tune with every loss, and keep the best of each."""
    params = read_params()
    grid, settings = params.benchmark.tune, params.train
    losses = settings.losses if settings.seeds else []
    if losses:
        images, tables = images_of("train"), fold_tables(labelled_images(settings), settings)
    choices = {}
    for loss in losses:
        config = config_of(settings, loss, settings.seeds[0])

        def run(trial: TrainConfig, folder: Path) -> None:
            click.echo(f"{folder}: " + ", ".join(f"{name} {getattr(trial, name)}" for name in grid))
            train(trial, tables, images, folder)

        with told(f"params.yaml: benchmark.tune, {loss}"):
            choices[loss] = tune(config, grid, RUNS / loss, run)
        click.echo(f"{loss}: {choices[loss]['chosen']}")
    write_json(choices, CHOICES)


if __name__ == "__main__":
    click.Command("tune", callback=with_file_errors(main), help=main.__doc__)()
