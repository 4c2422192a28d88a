"""What a curator does, for the tests of the commands and of the desk: verdicts, worksheets filled, tables written."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from annotations import recording, store
from annotations.verdicts import TABLE_OF, Verdict
from hierarchy.text import TextProposals, propose
from pipeline import step4_label, workbench
from pipeline.review_choices import verdict_on
from pipeline.workbench import Workbench
from tests.worksheets import filled, rows_of, save

Row = dict[str, str]
TODAY = "2026-11-24"
SHEET = Path("sheet.csv")


def verdict(bench: Workbench, kind: str, ids: str, decision: str, label: str = "", other: str = "") -> Verdict:
    """A verdict on what the bench knows by these ids, which are joined by `/`."""
    told = verdict_on(kind, tuple(ids.split("/")), decision, bench)
    return replace(told, hierarchical_label=label, other_parent_qid=other, reason="Seen on the spot.")


def sheet(*verdicts: Verdict, path: Path = SHEET, separator: str = ",") -> str:
    """A worksheet on what the verdicts are about, filled with them; return its path."""
    rows = filled(list(verdicts), path, {})
    at = [cell.split(" (")[0] for cell in rows[0]].index("evidence_hash")
    for row, told in zip(rows[1:], verdicts, strict=True):
        row[at] = told.evidence_hash
    return str(save(rows, path, separator))


def fill(path: Path, ids: str, **cells: str) -> None:
    """Fill the row of a worksheet that is about these ids, as a spreadsheet would."""
    rows = rows_of(path)
    names = [cell.split(" (")[0] for cell in rows[0]]
    row = rows[1 + ids_in(path).index(ids)]
    for name, text in cells.items():
        row[names.index(name)] = text
    save(rows, path)


def ids_in(path: Path) -> list[str]:
    """Ids of the rows of a worksheet or a queue, joined by `/`."""
    rows = rows_of(path)
    names = [cell.split(" (")[0] for cell in rows[0]]
    id_columns = next(ids for table in TABLE_OF.values() if set(ids := store.TABLES[table].id_columns) <= set(names))
    return ["/".join(row[names.index(name)] for name in id_columns) for row in rows[1:]]


def read(name: str) -> list[Row]:
    """Rows of a curated table of the project in the current folder."""
    frame = store.read(name, workbench.paths()[name])
    rows: list[Row] = frame.drop(columns="where").to_dict("records")
    return rows


def put(name: str, *rows: Row) -> None:
    """Write rows into a curated table as an editor would: no check, each in place of the one with its key."""
    path = workbench.paths()[name]
    recording.write(name, recording.with_rows(name, store.read(name, path), list(rows)), path)


def row_of(bench: Workbench, told: Verdict, reviewer: str) -> Row:
    """The row that a verdict on a class, a landmark or one edge makes."""
    table = store.TABLES[TABLE_OF[told.kind]]
    names = [name for name in table.columns[: table.columns.index("decision")] if name not in table.id_columns]
    signed = {"reviewer": reviewer, "reviewed_on": TODAY, "reason": told.reason, "evidence_hash": told.evidence_hash}
    row = dict(zip(table.id_columns, told.ids, strict=True)) | dict(zip(names, told.names, strict=True)) | signed
    row |= {"decision": told.decision, "hierarchical_label": told.hierarchical_label}
    return {name: row[name] for name in table.columns}


def add_reviewers(*names: str) -> None:
    """Let these people decide."""
    put("reviewers", *({"reviewer": name, "name": "", "orcid": ""} for name in names))


def table_bytes() -> dict[str, bytes]:
    """Every file of the folders that hold curated tables, half-written ones too."""
    folders = (store.FOLDER, Path("sample/annotations"))
    return {str(path): path.read_bytes() for folder in folders for path in sorted(folder.iterdir()) if path.is_file()}


def quicken_the_label_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare what takes most of its time: the diagram, and learning from titles anew, which abstains on the sample."""
    learnt: list[TextProposals] = []

    def propose_once(*arguments: Any, **options: Any) -> TextProposals:
        if not learnt:
            learnt.append(propose(*arguments, **options))
        return learnt[0]

    monkeypatch.setattr(step4_label, "propose", propose_once)
    monkeypatch.setattr(step4_label, "draw_reliability", lambda *_: None)
