"""Stage tune: the settings with which each loss does best on the val fold, the same trials for all."""

import click

from pipeline.benchmark_files import CHOICES, Json, is_labels_only
from pipeline.errors import with_file_errors
from pipeline.files import write_json
from pipeline.params import read_params


def main() -> None:
    """Try the settings of params.yaml's benchmark.tune with every loss, and keep the best of each."""
    params = read_params()
    choices: Json = {}
    if not is_labels_only(params.train):
        from pipeline.tuning import tune_losses  # loads torch, which labels alone need not wait for

        choices = tune_losses(params)
    write_json(choices, CHOICES)


if __name__ == "__main__":
    click.Command("tune", callback=with_file_errors(main), help=main.__doc__)()
