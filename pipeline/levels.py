"""The levels above the label are data: the columns of annotations/taxonomy.csv between the label and its priority.

For the tables that carry them. With the committed taxonomy there is one, natural_or_human_made; another taxonomy may
have several, from fine to coarse, under names of its own.
"""

import csv
from pathlib import Path

from pipeline.errors import InputError
from pipeline.schema import Column, Table

TAXONOMY = Path("annotations/taxonomy.csv")


def level_names(path: Path = TAXONOMY) -> list[str]:
    """Names of the levels above the label, from fine to coarse.

    Raises:
        InputError: the taxonomy is absent, or its header has no levels.
    """
    if not path.exists():
        raise InputError(str(path), "not found", "restore it from git")
    with path.open("rb") as opened:
        first = opened.readline().decode("utf-8", errors="replace")
    header = next(csv.reader([first]), [])
    if header[:1] != ["hierarchical_label"] or "priority" not in header[2:]:
        what = "the header is not hierarchical_label, one or more levels, priority, description"
        raise InputError(f"{path}:1", what, "restore the header")
    return header[1 : header.index("priority")]


def with_levels(table: Table) -> Table:
    """The table with its placeholder for levels replaced by the levels of the taxonomy; others as they are."""
    if not any(column.is_level for column in table.columns):
        return table
    columns: list[Column] = []
    for column in table.columns:
        columns += [column.named(name) for name in level_names()] if column.is_level else [column]
    return table.with_columns(tuple(columns))
