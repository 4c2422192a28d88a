"""`hgld`: every stage and every command, in groups; for maintainers, curators and whoever asks why.

Machine-readable with `--json`; exit code 0 good, 1 a rule is broken, 2 wrong usage.
"""

import importlib
from functools import partial
from typing import Any

import click

from pipeline.cli_curate import CURATE
from pipeline.cli_look import LOOK
from pipeline.cli_train import BENCHMARK_OPTIONS, TRAIN, TRAIN_OPTIONS
from pipeline.errors import with_file_errors

STAGES = {
    "download": "step1_download",
    "wikidata": "step2_wikidata",
    "hierarchy": "step3_hierarchy",
    "label": "step4_label",
    "queue": "step5_queue",
    "export": "step6_export",
    "validate": "step7_validate",
    "index": "step8_index",
    "tune": "step9_tune",
    "train": "step10_train",
    "probe": "step11_probe",
    "benchmark": "step12_benchmark",
    "report": "step13_report",
}
# Options of single stages; each is a parameter of the stage's `main`.
OPTIONS: dict[str, list[click.Parameter]] = {
    "download": [click.Option(["--dry-run"], is_flag=True, help="Print what would be fetched, and fetch nothing.")],
    "wikidata": [click.Option(["--offline"], is_flag=True, help="Ask nobody: fail on what was never answered.")],
    "train": TRAIN_OPTIONS,
    "benchmark": BENCHMARK_OPTIONS,
}


def _names(commands: list[click.Command]) -> list[str]:
    return [str(command.name) for command in commands]


class Grouped(click.Group):
    """A click group whose help lists commands in the groups and the order of the work."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what the operating system refuses becomes a message."""
        return with_file_errors(partial(super().invoke, ctx))()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section a group."""
        groups = {"Curate": CURATE, "Look": LOOK, "Train": TRAIN}
        sections = {"Stages, in order": list(STAGES), **{title: _names(group) for title, group in groups.items()}}
        for title, names in sections.items():
            rows = [(name, self.commands[name].get_short_help_str(80)) for name in names]
            with formatter.section(title):
                formatter.write_dl(rows)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the work."""
        return [*STAGES, *_names(CURATE), *_names(LOOK), *_names(TRAIN)]


@click.group(cls=Grouped, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hgldv2")
def hgld() -> None:
    """Build, question and correct the hierarchical labels of Google Landmarks v2."""


def _stage(name: str, module: str) -> None:
    """Add a stage as a command; its module is imported when it runs, so that help stays fast."""
    docstring = {
        "download": "Fetch GLDv2's metadata and image TARs into data/1_gldv2.",
        "wikidata": "Find every category's Wikidata item and the classes above it.",
        "hierarchy": "Label every class by its nearest anchors.",
        "label": "Label every landmark by the votes of its classes; decisions come last.",
        "queue": "List what a person should decide, most useful first.",
        "export": "Write the release.",
        "validate": "Check every promise about the release.",
        "index": "Find where in the TARs each image lies.",
        "tune": "Try settings with every loss, and keep those that do best on the val fold.",
        "train": "Train on the release: every loss and seed of params.yaml, or one; torchrun -m pipeline.step10_train.",
        "probe": "Measure what the labels are worth, against shuffled and official ones.",
        "benchmark": "Test the models on unseen landmarks: numbers, intervals, pictures; or print the table.",
        "report": "Show all of it on one page, data/8_report/report.html.",
    }[name]

    @hgld.command(name, help=docstring, params=OPTIONS.get(name, []))
    def run(**options: Any) -> None:
        main = importlib.import_module(f"pipeline.{module}").main
        main(**options)


for _name, _module in STAGES.items():
    _stage(_name, _module)
for _command in (*CURATE, *LOOK, *TRAIN):
    hgld.add_command(_command)
