"""Commands of `hgld` that look: they explain, list and compare, and change nothing."""

from pathlib import Path
from typing import Any

import click
import pandas as pd

from pipeline.cli_options import AS_JSON, SPLIT, print_result
from pipeline.errors import InputError


@click.command()
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
    print_result(chains[0] if len(chains) == 1 else chains, lines, as_json)


@click.command()
@click.argument("label")
@AS_JSON
def show(label: str, as_json: bool) -> None:
    """Print the branch of classes below LABEL with counts."""
    from pipeline import branch, explain

    found = explain.read_found()
    shown = branch.branch_of(found, label)
    print_result(shown, branch.branch_lines(found, shown), as_json)


@click.command()
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
    print_result(result, _comparison_lines(result, split), as_json)


@click.command()
@click.argument("old", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("new", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--csv", "csv_path", type=click.Path(dir_okay=False, path_type=Path), help="Write every landmark here.")
@click.option("--limit", type=click.IntRange(0), default=25, show_default=True, help="Rows of each list.")
@AS_JSON
def diff(old: Path, new: Path, csv_path: Path | None, limit: int, as_json: bool) -> None:
    """Print which landmarks the release NEW labels otherwise than OLD, and why.

    Both are folders, such as `release` and a copy of it made earlier. The reason of every change is a decision, another
    fact (data) or another rule, and it names the edge, class, item or statement that made the difference.
    """
    from pipeline import diff as diffing

    if csv_path and any(folder.resolve() in csv_path.resolve().parents for folder in (old, new)):
        raise click.BadParameter("lies in a release, which is left as it is", param_hint="'--csv'")
    changes, counts = diffing.read_changes(old, new)
    if csv_path:
        diffing.write_changes(changes, csv_path)
    data, lines = diffing.as_data(changes, counts), diffing.diff_lines(changes, counts, limit)
    print_result(data, lines, as_json)


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


LOOK: list[click.Command] = [explain, show, compare, diff]
