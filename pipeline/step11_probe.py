"""Stage probe: what the released labels are worth, against labels dealt out at random and against the official ones."""

import click

from pipeline.benchmark_files import NOTHING_TRAINED, PROBE, is_labels_only
from pipeline.errors import InputError, with_file_errors
from pipeline.files import write_json
from pipeline.params import Params, read_params

FINEST = "landmark_id"


def main() -> None:
    """Train with shuffled and with official labels, and compare with the released ones on unseen landmarks."""
    params = read_params()
    why = skipped(params)
    if why:
        click.echo(why)
        write_json({"skipped": why}, PROBE)
        return
    from pipeline.probing import probe_labels  # loads torch, which labels alone need not wait for

    write_json(probe_labels(params, str(params.benchmark.probe)), PROBE)


def skipped(params: Params) -> str:
    """Why nothing is probed; empty if something is.

    Raises:
        InputError: a loss that is not trained, or levels that do not begin with landmarks.
    """
    loss, settings = params.benchmark.probe, params.train
    if loss is None:
        return "benchmark.probe is null"
    if is_labels_only(settings):
        return NOTHING_TRAINED
    where = "params.yaml: benchmark.probe"
    if loss not in settings.losses:
        known = ", ".join(settings.losses)
        raise InputError(where, f"{loss!r} is not trained", f"name one of train.losses ({known}), or null")
    if settings.levels[:1] != [FINEST]:
        what = f"labels are dealt out among landmarks, and train.levels begins with {settings.levels[0]}"
        raise InputError(where, what, f"begin train.levels with {FINEST}, or write null")
    return ""


if __name__ == "__main__":
    click.Command("probe", callback=with_file_errors(main), help=main.__doc__)()
