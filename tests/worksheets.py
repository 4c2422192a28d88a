"""Worksheets filled as a curator would, for the tests that read them back."""

import csv
import io
from pathlib import Path
from typing import Any

import pandas as pd

from annotations.store import TABLES
from annotations.verdicts import TABLE_OF, Verdict
from annotations.worksheet import guard, write

HASH = "abcdefghijkl"


def queue_of(kind: str, subjects: list[tuple[Any, ...]]) -> pd.DataFrame:
    """A queue with these ids and names, side by side as in the curated table."""
    columns = TABLES[TABLE_OF[kind]].columns
    frame = pd.DataFrame(subjects, columns=list(columns[: columns.index("decision")]), dtype=object)
    return frame.assign(doubt="contested", why="two labels", candidates="church 0.9; tower 0.1", evidence_hash=HASH)


def rows_of(path: Path) -> list[list[str]]:
    """Rows of a CSV as they lie there, the header first."""
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def filled(verdicts: list[Verdict], path: Path, meanings: dict[str, str]) -> list[list[str]]:
    """Write a worksheet about the subjects of the verdicts; return its rows with the decisions put in."""
    kind = verdicts[0].kind
    subjects: list[tuple[Any, ...]] = [(*v.ids, *v.names) for v in verdicts]
    if kind == "edges":
        subjects = [(v.ids[0], v.names[0], v.ids[1], v.names[1]) for v in verdicts]
    path.unlink(missing_ok=True)
    write(kind, queue_of(kind, subjects), path, meanings)
    rows = rows_of(path)
    names = [cell.split(" (")[0] for cell in rows[0]]
    for row, verdict in zip(rows[1:], verdicts, strict=True):
        for name in {"decision", "hierarchical_label", "other_parent_qid", "reason"} & set(names):
            row[names.index(name)] = guard(getattr(verdict, name))
    return rows


def save(rows: list[list[str]], path: Path, separator: str = ",", encoding: str = "utf-8-sig", **dialect: Any) -> Path:
    """Save rows as a spreadsheet or an editor may."""
    with path.open("w", encoding=encoding, newline="") as opened:
        csv.writer(opened, delimiter=separator, **dialect).writerows(rows)
    return path
