"""The label probe of the release, for the stage probe."""

import pandas as pd

from pipeline import tables
from pipeline.benchmark_files import RUNS, Json
from pipeline.errors import InputError
from pipeline.files import read_table
from pipeline.params import Params
from pipeline.training_input import chosen_settings, config_of, images_of, labelled_images, run_folder, told
from training.benchmark.probe import Probe, against_official, against_shuffled, differing
from training.loss_table import HIERARCHICAL
from training.processes import connect
from training.train import train


def probe_labels(params: Params, loss: str) -> Json:
    """The probe's rows, with the loss, the seeds and the levels that they are about.

    Its runs lie in runs/probe and are gone on with after a kill.

    Raises:
        InputError: a flat loss, runs of it that are not there, images or labels that do not fit.
    """
    settings = params.train
    if loss not in HIERARCHICAL:
        what = f"{loss} sees the landmarks alone, so that no label teaches it anything"
        raise InputError("params.yaml: benchmark.probe", what, f"name one of {', '.join(HIERARCHICAL)}, or null")
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
        rows = against_shuffled(probe, [run_folder(loss, seed) for seed in settings.seeds])
        official = official_labels(frame, settings.levels)
        rows += against_official(probe, official)
        both, differ = differing(probe, official)
    official_labels_are = {"landmarks_with_both": both, "labelled_otherwise": differ}
    return {
        "loss": loss,
        "seeds": settings.seeds,
        "levels": settings.levels,
        "official": official_labels_are,
        "rows": rows,
    }


def official_labels(frame: pd.DataFrame, levels: list[str]) -> pd.DataFrame:
    """The official labels of train landmarks, ids in the type of the frame; a level that they lack is null."""
    finest = levels[0]
    official = read_table(tables.OFFICIAL_LABELS)
    official = official[official["split"] == "train"]
    return official.reindex(columns=levels).astype({finest: frame[finest].dtype})
