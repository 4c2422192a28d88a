"""Trials of every loss on the release, for the stage tune."""

from pathlib import Path

import click

from pipeline.benchmark_files import RUNS, Json
from pipeline.params import Params
from pipeline.training_input import config_of, fold_tables, images_of, labelled_images, told
from training.benchmark.tuning import tune
from training.config import TrainConfig
from training.train import train


def tune_losses(params: Params) -> Json:
    """Loss -> chosen settings and all trials, as training.benchmark.tuning.tune gives them.

    Trials lie beside the loss's runs and are gone on with after a kill.

    Raises:
        InputError: settings that cannot be tried, images or labels that do not fit.
    """
    grid, settings = params.benchmark.tune, params.train
    images, tables = images_of("train"), fold_tables(labelled_images(settings), settings)

    def run(trial: TrainConfig, folder: Path) -> None:
        click.echo(f"{folder}: " + ", ".join(f"{name} {getattr(trial, name)}" for name in grid))
        train(trial, tables, images, folder)

    choices = {}
    for loss in settings.losses:
        config = config_of(settings, loss, settings.seeds[0])
        with told(f"params.yaml: benchmark.tune, {loss}"):
            choices[loss] = tune(config, grid, RUNS / loss, run)
        click.echo(f"{loss}: {choices[loss]['chosen']}")
    return choices
