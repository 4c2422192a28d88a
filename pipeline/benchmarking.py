"""The benchmark of the release's models, for the stage benchmark: tested, told in numbers and drawn."""

from pathlib import Path

import torch

from pipeline import tables
from pipeline.benchmark_files import CHOICES, METRICS, PERFORMANCE, PLOTS, PROBE, REPORT, Json, read_json
from pipeline.benchmark_report import label_checks
from pipeline.errors import InputError
from pipeline.files import read_table, replaced_folder, write_json, write_tables
from pipeline.params import Params, Train
from pipeline.training_input import (
    chosen_settings,
    config_of,
    fold_tables,
    images_of,
    labelled_images,
    run_folder,
    told,
)
from training.benchmark.benchmark import numbers, per_query, run_benchmark
from training.benchmark.course import performance
from training.benchmark.evaluation import Candidate, missing_queries, score_on_gldv2
from training.benchmark.paper_table import paper_table
from training.benchmark.pictures import draw_pictures
from training.benchmark.protocol import metric_keys
from training.benchmark.summary import gldv2_means
from training.gldv2_protocol import SCORED_USAGES, SolvedQuery
from training.processes import connect
from training.trained import read_settings

LEAST_HELD = 0.99
"""Share of the positives of GLDv2's queries that must be among the index images, lest its mAP@100 say nothing."""
DRAWN = "The sample's images are drawn by a script from their labels: this shows that the pipeline works, nothing more."


def benchmark_models(params: Params) -> str:
    """Test the runs of all losses and seeds, write what the stage makes, and return the table for people.

    Raises:
        InputError: a run, a table or an image that is not there or does not fit; files of before stay as they were.
    """
    settings = params.train
    tuning, probe = read_json(CHOICES), read_json(PROBE)
    runs = {loss: {seed: checked_run(settings, loss, seed) for seed in settings.seeds} for loss in settings.losses}
    frame, images = labelled_images(settings), images_of("train")
    test = fold_tables(frame, settings)["test"]
    first = config_of(settings, settings.losses[0], settings.seeds[0], chosen_settings(settings.losses[0]))
    with told("benchmark"), connect(settings.device) as processes:
        benchmark = run_benchmark(runs, first, test, images, processes.device)
        metrics = about(params, processes.device) | numbers(benchmark, runs)
        metrics |= {
            "tuning": tuning,
            "probe": probe,
            "gldv2": gldv2(settings, benchmark.candidates, processes.device),
        }
        speeds = performance(runs)
        with replaced_folder(PLOTS) as root:
            draw_pictures(benchmark, metrics, runs, frame, images, probe.get("rows", []), root / PLOTS)
    queries = per_query(benchmark).merge(frame[["image_id", "landmark_id"]], on="image_id", validate="m:1")
    write_tables([(tables.with_metrics(tables.PER_QUERY, metric_keys(len(settings.levels))), queries)])
    write_json({"losses": speeds}, PERFORMANCE)
    write_json(label_checks(probe, metrics.get("note")), REPORT)
    write_json(metrics, METRICS)
    return paper_table(metrics, "markdown")


def checked_run(settings: Train, loss: str, seed: int) -> Path:
    """The folder of a run.

    Raises:
        InputError: there is none, or it was trained with other settings than those of today.
    """
    folder = run_folder(loss, seed)
    with told(str(folder)):
        own = read_settings(folder)
    if own.digest() != config_of(settings, loss, seed, chosen_settings(loss)).digest():
        raise InputError(str(folder), "was trained with other settings", "run `dvc repro`, which trains it anew")
    return folder


def about(params: Params, device: torch.device) -> Json:
    """What was tested, and on what."""
    note = {"note": DRAWN} if params.source == "sample" else {}
    return {"dataset": f"{params.source}, release {params.release.version}"} | note | {"device": device.type}


def gldv2(settings: Train, models: list[Candidate], device: torch.device) -> Json:
    """GLDv2's own protocol, where its query and index images are here; what is missing where they are not."""
    rows = read_table(tables.RETRIEVAL_SOLUTION).itertuples()
    solution = {row.image_id: SolvedQuery(row.usage, tuple(row.positive_image_ids)) for row in rows}
    queries, index = images_of("test"), images_of("index")
    scored = [query for query in solution.values() if query.usage in SCORED_USAGES]
    positives = {image for query in scored for image in query.images}
    held = len(positives & set(index.image_ids))
    here = len(scored) - len(missing_queries(solution, queries))
    if not scored or here < len(scored) or held < LEAST_HELD * len(positives):
        return {"skipped": f"{here} of {len(scored)} query images and {held} of {len(positives)} positives are here"}
    tests = score_on_gldv2(models, solution, queries, index, device)
    first = next(iter(tests.values()))
    counts = {"queries": len(first.usages), "ignored": first.n_ignored, "unreadable": first.n_unreadable}
    counts |= {"index_images": len(index.image_ids), "positives_not_here": first.n_absent}
    trained_on = "train_clean" if settings.clean_only else "train"
    return {"metric": "map_at_100", "trained_on": trained_on} | counts | {"models": gldv2_means(tests)}
