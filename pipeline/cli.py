"""`hgld`: every stage and every command that looks, in groups; the one place where words on the screen are made.

For maintainers and curators. Machine-readable with `--json`; exit code 0 good, 1 a rule is broken, 2 wrong usage.
"""

import importlib
import json
from functools import partial
from pathlib import Path
from typing import Any

import click
import pandas as pd

from pipeline.errors import InputError, with_file_errors

STAGES = {
    "download": "step1_download",
    "wikidata": "step2_wikidata",
    "hierarchy": "step3_hierarchy",
    "label": "step4_label",
    "queue": "step5_queue",
    "export": "step6_export",
    "validate": "step7_validate",
}
# Options of single stages; each is a parameter of the stage's `main`.
OPTIONS: dict[str, list[click.Parameter]] = {
    "download": [click.Option(["--dry-run"], is_flag=True, help="Print what would be fetched, and fetch nothing.")],
    "wikidata": [click.Option(["--offline"], is_flag=True, help="Ask nobody: fail on what was never answered.")],
}
CURATE = ("anchors",)
LOOK = ("explain", "show", "compare")
SPLIT = click.option("--split", type=click.Choice(["train", "index"]), help="Only this split.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


class Grouped(click.Group):
    """A click group whose help lists commands in the groups and the order of the work."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what the operating system refuses becomes a message."""
        return with_file_errors(partial(super().invoke, ctx))()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section a group."""
        for title, names in (("Stages, in order", STAGES), ("Curate", CURATE), ("Look", LOOK)):
            rows = [(name, self.commands[name].get_short_help_str(80)) for name in names]
            with formatter.section(title):
                formatter.write_dl(rows)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the work."""
        return [*STAGES, *CURATE, *LOOK]


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
    }[name]

    @hgld.command(name, help=docstring, params=OPTIONS.get(name, []))
    def run(**options: bool) -> None:
        main = importlib.import_module(f"pipeline.{module}").main
        main(**options)


for _name, _module in STAGES.items():
    _stage(_name, _module)


@hgld.command()
@click.argument("query", metavar='LANDMARK_ID | QID | "Category title"')
@SPLIT
@AS_JSON
def explain(query: str, split: str | None, as_json: bool) -> None:
    """Print why a landmark (or a class) has its label.

    The whole chain: category, rule, item, statements with rank, path up the graph, anchors met, decision, label.
    """
    from pipeline import explain as explaining

    found = explaining.read_found()
    landmarks = explaining.find_landmarks(found, query, split).to_dict("records")
    if landmarks:
        chains = [explaining.explain_landmark(found, row) for row in landmarks]
        lines = [line for chain in chains for line in (*explaining.landmark_lines(chain), "")][:-1]
    elif query in found.class_labels.index:
        chains = [explaining.explain_class(found, query)]
        lines = explaining.class_lines(chains[0])
    else:
        raise InputError(
            query, "no landmark or class has this id or category", "check the id, or try the category title"
        )
    _print(chains[0] if len(chains) == 1 else chains, lines, as_json)


@hgld.command()
@click.argument("label")
@AS_JSON
def show(label: str, as_json: bool) -> None:
    """Print the branch of classes below LABEL with counts."""
    from pipeline import branch, explain

    found = explain.read_found()
    shown = branch.branch_of(found, label)
    _print(shown, branch.branch_lines(found, shown), as_json)


@hgld.command()
@click.option("--limit", default=25, show_default=True, help="Rows of each list.")
@AS_JSON
def anchors(limit: int, as_json: bool) -> None:
    """Report what each anchor catches, which are silent, what is open, and which anchors the evidence suggests."""
    from pipeline import anchor_evidence

    report = anchor_evidence.read_report()
    _print(report, anchor_evidence.report_lines(report, limit), as_json)


@hgld.command()
@click.argument("official", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@SPLIT
@AS_JSON
def compare(official: Path, split: str | None, as_json: bool) -> None:
    """Compare our labels with those of the CSV file OFFICIAL.

    The file has the columns landmark_id, hierarchical_label and the levels above it, as the official release has.
    The split is read off the file's name when it is not given.
    """
    from hierarchy.agreement import compare_labels
    from pipeline import tables
    from pipeline.csv_input import read_csv
    from pipeline.files import read_table
    from pipeline.levels import level_names

    split = split or ("index" if official.name.startswith("index") else "train")
    levels = ["hierarchical_label", *level_names()]
    theirs = read_csv(official, {"landmark_id": "int64"} | dict.fromkeys(levels, "str"), ("landmark_id",))
    ours = read_table(tables.LANDMARK_LABELS)
    result = compare_labels(ours[ours["split"] == split], theirs, levels)
    _print(result, _comparison_lines(result, split), as_json)


def _comparison_lines(result: dict[str, Any], split: str) -> list[str]:
    lines = [
        f"{split}: {result['count']} landmarks, {result['ours']} labelled by us ({result['coverage']:.1%}), "
        f"{result['official']} by the official release, {result['both']} by both"
    ]
    for level, agreement in result["agreement"].items():
        low, high = result["agreement_interval"][level]
        share = (
            "nothing to compare"
            if agreement is None
            else f"{agreement:.1%} agree (95% interval {low:.1%} to {high:.1%})"
        )
        lines.append(f"{level}: {share}")
    if result["confusions"]:
        table = pd.DataFrame(result["confusions"])
        table["landmark_ids"] = table["landmark_ids"].map(lambda ids: " ".join(map(str, ids)))
        lines += ["", table.to_string(index=False)]
    return lines


def _print(value: Any, lines: list[str], as_json: bool) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2) if as_json else "\n".join(lines))
