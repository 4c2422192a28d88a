"""Stage benchmark: the trained models on the test fold, in numbers and pictures: the proof at the pipeline's end."""

from pathlib import Path
from typing import Any

import click
import pandas as pd
import torch

from pipeline import tables
from pipeline.benchmark_report import label_checks, read_json
from pipeline.cli_train import BENCHMARK_OPTIONS
from pipeline.errors import InputError, with_file_errors
from pipeline.files import read_table, replaced_folder, write_json, write_tables
from pipeline.params import Params, read_params
from pipeline.training_input import CHOICES, RUNS, config_of, fold_tables, images_of, labelled_images, told
from training.benchmark.benchmark import numbers, per_query, run_benchmark, trained_models
from training.benchmark.course import Runs, performance
from training.benchmark.evaluation import missing_queries, score_on_gldv2
from training.benchmark.paper_table import paper_table
from training.benchmark.pictures import draw_pictures
from training.benchmark.protocol import metric_keys
from training.benchmark.summary import gldv2_means
from training.gldv2_protocol import SCORED_USAGES, SolvedQuery
from training.processes import connect

METRICS = Path("metrics.json")
FOLDER = Path("data/7_benchmark")
PLOTS, PERFORMANCE, PROBE, REPORT = (
    FOLDER / name for name in ("plots", "performance.json", "probe.json", "report.json")
)
DRAWN = "The sample's images are drawn by a script from their labels: this shows that the pipeline works, nothing more."
Json = dict[str, Any]


def main(form: str | None = None) -> None:
    """Test every trained model once, on landmarks that none has seen; write numbers with intervals, and pictures."""
    if form:
        click.echo(paper_table(told_metrics(), form))
        return
    params = read_params()
    settings = params.train
    if not settings.losses or not settings.seeds:
        write(params, {"skipped": "nothing is trained: train.losses or train.seeds is empty"}, None, {})
        return
    runs = {loss: {seed: RUNS / loss / f"seed{seed}" for seed in settings.seeds} for loss in settings.losses}
    config = config_of(settings, settings.losses[0], settings.seeds[0])
    frame, images = labelled_images(settings), images_of("train")
    test = fold_tables(frame, settings)["test"]
    with told("benchmark"), connect(settings.device) as processes:
        benchmark = run_benchmark(runs, config, test, images, processes.device)
        metrics = about(params, processes.device) | numbers(benchmark, runs)
        metrics |= {"tuning": read_json(CHOICES), "probe": read_json(PROBE), "gldv2": gldv2(runs, processes.device)}
        with replaced_folder(PLOTS) as root:
            rows = metrics["probe"].get("rows", [])
            draw_pictures(benchmark, metrics, runs, frame, images, rows, root / PLOTS)
    write(params, metrics, per_query(benchmark).merge(frame[["image_id", "landmark_id"]], validate="m:1"), runs)
    click.echo(paper_table(metrics, "markdown"))


def about(params: Params, device: torch.device) -> Json:
    """What was tested, and on what."""
    note = {"note": DRAWN} if params.source == "sample" else {}
    return {"dataset": f"{params.source}, release {params.release.version}"} | note | {"device": device.type}


def gldv2(runs: Runs, device: torch.device) -> Json:
    """GLDv2's own protocol, where its query and index images are here; what is missing where they are not."""
    rows = read_table(tables.RETRIEVAL_SOLUTION).itertuples()
    solution = {row.image_id: SolvedQuery(row.usage, tuple(row.positive_image_ids)) for row in rows}
    queries, index = images_of("test"), images_of("index")
    scored = sum(query.usage in SCORED_USAGES for query in solution.values())
    missing = missing_queries(solution, queries)
    if not scored or missing or not index.image_ids:
        return {"skipped": f"{len(missing)} of {scored} query images and {len(index.image_ids)} index images are here"}
    tests = score_on_gldv2(trained_models(runs), solution, queries, index, device)
    first = next(iter(tests.values()))
    counts = {"queries": len(first.usages), "ignored": first.n_ignored, "positives_not_here": first.n_absent}
    return {"metric": "map_at_100", "index_images": len(index.image_ids)} | counts | {"losses": gldv2_means(tests)}


def write(params: Params, metrics: Json, queries: pd.DataFrame | None, runs: Runs) -> None:
    """Write what the stage makes but for the pictures; with nothing tested, that it was skipped, and why."""
    table = tables.with_metrics(tables.PER_QUERY, metric_keys(len(params.train.levels)))
    empty = pd.DataFrame({column.name: pd.Series(dtype=column.pandas_dtype) for column in table.columns})
    write_tables([(table, empty if queries is None else queries)])
    write_json({"losses": performance(runs)} if runs else metrics, PERFORMANCE)
    write_json(metrics if "skipped" in metrics else label_checks(metrics["probe"]), REPORT)
    PLOTS.mkdir(parents=True, exist_ok=True)
    write_json(metrics, METRICS)


def told_metrics() -> Json:
    """metrics.json of a benchmark.

    Raises:
        InputError: there is none, or it was skipped.
    """
    metrics = read_json(METRICS)
    if "skipped" in metrics:
        raise InputError(str(METRICS), f"no model was tested ({metrics['skipped']})", "name losses in params.yaml")
    return metrics


if __name__ == "__main__":
    click.Command("benchmark", callback=with_file_errors(main), params=BENCHMARK_OPTIONS, help=main.__doc__)()
