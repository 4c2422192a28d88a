"""Stage probe: what the released labels are worth, against labels dealt out at random and against the official ones."""

from pathlib import Path
from typing import Any

import click
import pandas as pd

from pipeline import tables
from pipeline.errors import InputError, with_file_errors
from pipeline.files import read_table, write_json
from pipeline.params import Params, read_params
from pipeline.training_input import RUNS, chosen_settings, config_of, images_of, labelled_images, told
from training.benchmark.probe import Probe, against_official, against_shuffled
from training.processes import connect
from training.train import train

OUT = Path("data/7_benchmark/probe.json")
FINEST = "landmark_id"


def main() -> None:
    """Train with shuffled and with official labels, and compare with the released ones on unseen landmarks."""
    params = read_params()
    why = skipped(params)
    write_json({"skipped": why} if why else measure(params, str(params.benchmark.probe)), OUT)
    if why:
        click.echo(why)


def skipped(params: Params) -> str:
    """Why nothing is probed; empty if something is.

    Raises:
        InputError: a loss that is not trained, or labels that do not begin with landmarks.
    """
    loss, settings = params.benchmark.probe, params.train
    if loss is None or not settings.losses or not settings.seeds:
        return "benchmark.probe is null" if loss is None else "nothing is trained: train.losses or train.seeds is empty"
    where = "params.yaml: benchmark.probe"
    if loss not in settings.losses:
        known = ", ".join(settings.losses)
        raise InputError(where, f"{loss!r} is not trained", f"name one of train.losses ({known}), or null")
    if settings.levels[0] != FINEST:
        what = f"labels are dealt out among landmarks, and train.levels begins with {settings.levels[0]}"
        raise InputError(where, what, f"begin train.levels with {FINEST}, or write null")
    return ""


def measure(params: Params, loss: str) -> dict[str, Any]:
    """The probe's rows, with the loss and the levels that they are about."""
    settings = params.train
    configs = [config_of(settings, loss, seed, chosen_settings(loss)) for seed in settings.seeds]
    frame, images = labelled_images(settings), images_of("train")
    with told(f"probe of {loss}"), connect(settings.device) as processes:
        probe = Probe(
            configs,
            frame,
            settings.levels,
            images,
            RUNS / "probe",
            lambda config, tables, folder: train(config, tables, images, folder),
            processes.device,
        )
        rows = against_shuffled(probe, [RUNS / loss / f"seed{seed}" for seed in settings.seeds])
        rows += against_official(probe, official_labels(frame, settings.levels))
    return {"loss": loss, "seeds": settings.seeds, "levels": settings.levels, "rows": rows}


def official_labels(frame: pd.DataFrame, levels: list[str]) -> pd.DataFrame:
    """The official labels of train landmarks, in the type of the frame; a level that they lack is null."""
    official = read_table(tables.OFFICIAL_LABELS)
    official = official[official["split"] == "train"]
    return official.reindex(columns=levels).astype({FINEST: frame[FINEST].dtype})


if __name__ == "__main__":
    click.Command("probe", callback=with_file_errors(main), help=main.__doc__)()
