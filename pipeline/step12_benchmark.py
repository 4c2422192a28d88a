"""Stage benchmark: the trained models on the test fold, in numbers and pictures: the proof at the pipeline's end."""

import click
import pandas as pd

from pipeline.benchmark_files import (
    METRICS,
    NOTHING_TRAINED,
    PERFORMANCE,
    PLOTS,
    REPORT,
    Json,
    is_labels_only,
    read_json,
)
from pipeline.cli_train import BENCHMARK_OPTIONS
from pipeline.errors import InputError, with_file_errors
from pipeline.files import replaced_folder, write_json, write_tables
from pipeline.params import read_params
from pipeline.tables import PER_QUERY


def main(form: str | None = None) -> None:
    """Test every trained model once, on landmarks that none has seen; write numbers with intervals, and pictures."""
    if form:
        from training.benchmark.paper_table import paper_table

        click.echo(paper_table(told_metrics(), form))
        return
    params = read_params()
    if is_labels_only(params.train):
        click.echo(NOTHING_TRAINED)
        skip(NOTHING_TRAINED)
        return
    from pipeline.benchmarking import benchmark_models  # loads torch, which labels alone need not wait for

    click.echo(benchmark_models(params))


def skip(why: str) -> None:
    """Write that nothing was tested, in place of what an earlier build found."""
    empty = pd.DataFrame({column.name: pd.Series(dtype=column.pandas_dtype) for column in PER_QUERY.columns})
    write_tables([(PER_QUERY, empty)])
    with replaced_folder(PLOTS) as root:
        (root / PLOTS).mkdir(parents=True)
    for path in (PERFORMANCE, REPORT, METRICS):
        write_json({"skipped": why}, path)


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
