"""Worksheets: the CSV that a curator fills in a spreadsheet, written from a queue and read back as verdicts.

For `hgld worksheet` and `hgld decide`. What spreadsheets do to a CSV decides its form: a byte order mark, without which
Excel takes another encoding; quotes round every cell, so that LibreOffice's "Format quoted field as text" keeps all of
them as they are; CRLF, as RFC 4180 has it and Excel writes; and no cell that begins like a formula.
"""

import contextlib
import csv
import functools
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from annotations.store import TABLES, CurationError
from annotations.verdicts import KINDS, TABLE_OF, Verdict

MAX_BYTES = 64 * 2**20
MAX_CELL = 32_767  # characters; Excel cuts what is longer
SEPARATORS = ",;\t"  # the last two are what a spreadsheet saves where the comma is the decimal sign, or on request
_GUARDED = ("=", "+", "-", "@", "'", "\t", "\r")
_ARCHIVES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .ods; .xls
_SHOWN = ("doubt", "why", "candidates")
_FILLED = {
    "classes": ("decision", "hierarchical_label", "reason"),
    "edges": ("decision", "other_parent_qid", "reason"),
    "landmarks": ("decision", "hierarchical_label", "reason"),
}
_WORDS = {
    "hierarchical_label": "with assign only: one of annotations/taxonomy.csv",
    "other_parent_qid": "class that the child is a subclass of; adds that edge",
    "reason": "why, in a few words",
}
_AS_CSV = 'save it as "CSV UTF-8" (Excel), or as Text CSV with character set Unicode (UTF-8) (LibreOffice)'
_unusable = functools.partial(CurationError, heading="the worksheet cannot be used:")
_AS_WRITTEN = "put the header back as `hgld worksheet` writes it"


def guard(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula: one `'` before a first `= + - @ '` TAB or CR."""
    return f"'{text}" if text.startswith(_GUARDED) else text


def unguard(text: str) -> str:
    """The text that `guard` was given: less one leading `'`."""
    return text.removeprefix("'")


def write(kind: str, queue: pd.DataFrame, path: Path, meanings: dict[str, str]) -> None:
    """Write the worksheet to fill: one row a queue row in its order, whole or not at all, never over a file.

    Args:
        kind: classes, edges or landmarks.
        queue: ids and names of the kind, doubt, why, candidates, and whatever else a curator may want to see; a null
            becomes an empty cell.
        path: the file to make.
        meanings: what columns of the queue mean, in a few words, for the header; a column that is absent has its name.

    Raises:
        CurationError: the file is there already or cannot be written, or a cell is longer than a spreadsheet holds.
    """
    columns = [*_ids_and_names(kind), *_SHOWN, *_FILLED[kind]]
    columns += [name for name in queue.columns if name not in columns]
    header = _header(kind, columns, meanings)
    cells = queue.assign(**dict.fromkeys(_FILLED[kind], ""))[columns].map(_cell)
    for row, texts in enumerate(cells.itertuples(index=False, name=None)):
        for name, text in zip(columns, texts, strict=True):
            if len(text) > MAX_CELL:
                what = f"{name} of row {row + 1} ({texts[0]}) has {len(text)} characters, and a cell holds {MAX_CELL}"
                raise _unusable([f"{path}: {what}. Remedy: shorten it in the queue stage"])
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([header, *cells.itertuples(index=False, name=None)])
    _publish(text.getvalue(), path)


def read(path: Path) -> tuple[str, list[Verdict]]:
    """Read a worksheet that was filled, whole or in part.

    Returns:
        The kind, told by the columns, and a verdict for each row with a decision, in the order of the file. Cells are
        as they stand, unguarded: an id, name, label or decision that does not exist is for the caller to find.

    Raises:
        CurationError: the file is no worksheet, or rows of it are not clear; every such row is listed.
    """
    text = _text(path)
    problems: list[str] = []
    records = _records(path, text, problems)
    where, header = next(records, ("", []))
    if problems or not header:
        raise _unusable(problems or [f"{path}: empty. Remedy: make a new one with `hgld worksheet`"])
    kind, places = _places(where, header)
    width, least = _width(header), 1 + max(places[name] for name in _needed(kind))
    verdicts: list[Verdict] = []
    first: dict[tuple[str, ...], str] = {}
    for where, cells in records:
        if _width(cells) > width or len(cells) < least:  # Excel leaves out empty cells at the end of some rows
            what = f"has {len(cells)} cells, the header {width}"
            problems.append(f"{where}: {what}. Remedy: put quotes round a cell that holds a separator or a line break")
            continue
        row = {name: _clean(name, cells[place]) for name, place in places.items() if place < len(cells)}
        verdict = _verdict(kind, where, row)
        flaw = _flaw(row, verdict, first)
        if flaw:
            subject = [*verdict.ids, *(f"({name})" for name in verdict.names[:1] if name)]
            problems.append(f"{where}: {' '.join(filter(None, subject))}: {flaw}")
        elif verdict.decision:
            verdicts.append(verdict)
    if problems:
        raise _unusable(problems)
    return kind, verdicts


def _ids_and_names(kind: str) -> list[str]:
    """Columns that say what a row is about, ids and names side by side as in the curated table."""
    columns = TABLES[TABLE_OF[kind]].columns
    return list(columns[: columns.index("decision")])


def _needed(kind: str) -> list[str]:
    """Columns without which a worksheet cannot be read."""
    return [*_ids_and_names(kind), *(name for name in _FILLED[kind] if name != "other_parent_qid"), "evidence_hash"]


def _header(kind: str, columns: list[str], meanings: dict[str, str]) -> list[str]:
    """The header cells, `name (words)` each."""
    *others, last = TABLES[TABLE_OF[kind]].decisions
    words = meanings | _WORDS | {"decision": f"{', '.join(others)} or {last}; empty: skip this row"}
    header = [guard(f"{name} ({words[name]})" if words.get(name) else name) for name in columns]
    # LibreOffice told of no encoding takes the byte order mark for a letter, and then the quotes of the first cell too.
    is_safe = not any(separator in header[0] for separator in SEPARATORS)
    return [header[0] if is_safe else columns[0], *header[1:]]


def _cell(value: object) -> str:
    return "" if pd.isna(value) else guard(str(value))


def _publish(text: str, path: Path) -> None:
    """Write a new file, whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.exists():
            raise _unusable([f"{path}: is there already. Remedy: name another file, or delete it once it is decided"])
        with partial.open("w", encoding="utf-8-sig", newline="") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        partial.replace(path)
    except OSError as error:
        raise _unusable([f"{path}: not written ({error.strerror}). Remedy: name a file that can be"]) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def _text(path: Path) -> str:
    """What is in the file, which must be text in UTF-8."""
    try:
        with path.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unusable([f"{path}: {error.strerror}. Remedy: name a file made by `hgld worksheet`"]) from error
    if len(content) > MAX_BYTES:
        raise _unusable([f"{path}: over {MAX_BYTES >> 20} MB. Remedy: decide it in parts, each with the header"])
    if content.startswith(_ARCHIVES):
        raise _unusable([f"{path}: a spreadsheet's own file, not CSV. Remedy: {_AS_CSV}"])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _unusable([f"{path}:{line}: not UTF-8. Remedy: {_AS_CSV}"]) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise _unusable([f"{path}:{line}: a NUL byte, so not CSV in UTF-8. Remedy: {_AS_CSV}"])
    return text


def _records(path: Path, text: str, problems: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Rows that are not blank, with file:line of their first line; what ends the reading goes to the problems."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    line = 1
    remedy = "look for a quote that is not closed, or not doubled within a cell"
    try:
        for cells in reader:
            if any(len(cell) > MAX_CELL for cell in cells):
                problems.append(f"{path}:{line}: a cell of more than {MAX_CELL} characters. Remedy: {remedy}")
            elif _width(cells):
                yield f"{path}:{line}", cells
            line = reader.line_num + 1
    except csv.Error as error:
        what = "a quote is never closed" if "end of data" in str(error) else str(error)
        problems.append(f"{path}:{line}: not CSV from here on ({what}). Remedy: {remedy}")


def _separator(text: str) -> str:
    """The separator by which the header holds the most columns of a worksheet."""
    known = {name for kind in KINDS for name in (*_needed(kind), *_FILLED[kind])}

    def known_count(separator: str) -> int:
        try:
            header = next(filter(_width, csv.reader(io.StringIO(text, newline=""), delimiter=separator)), [])
        except csv.Error:
            return 0
        return len(known & set(map(_name, header)))

    return max(SEPARATORS, key=known_count)


def _name(cell: str) -> str:
    """Name of a column, from a header cell with or without words; see `_header` for the mark and the quotes."""
    return unguard(cell.lstrip("\ufeff").strip(' "')).partition("(")[0].strip().lower()


def _width(cells: list[str]) -> int:
    """How many cells there are up to the last that is not blank."""
    return max((number for number, cell in enumerate(cells, 1) if cell.strip()), default=0)


def _places(where: str, header: list[str]) -> tuple[str, dict[str, int]]:
    """The kind of worksheet, and where its columns stand; columns that it does not know are left out."""
    names = [_name(cell) for cell in header]
    kinds = [kind for kind in KINDS if set(_needed(kind)) <= set(names)]
    kinds = kinds or [kind for kind in KINDS if set(TABLES[TABLE_OF[kind]].id_columns) <= set(names)]
    if len(kinds) != 1:
        found = ", ".join(names)[:200]
        what = f"the columns are not those of one worksheet of {', '.join(KINDS)} (found: {found})"
        raise _unusable([f"{where}: {what}. Remedy: {_AS_WRITTEN}"])
    used = [name for name in dict.fromkeys((*_needed(kinds[0]), *_FILLED[kinds[0]])) if name in names]
    problems = [f"{where}: no column {name}. Remedy: {_AS_WRITTEN}" for name in _needed(kinds[0]) if name not in names]
    for name in used:
        if names.count(name) > 1:
            problems.append(f"{where}: column {name} stands twice. Remedy: rename or delete the one you added")
    if problems:
        raise _unusable(problems)
    return kinds[0], {name: names.index(name) for name in used}


def _clean(name: str, cell: str) -> str:
    """A cell without its guard; names stay as they are, as they are compared, the others lose blanks at their ends."""
    text = unguard(cell)
    if name == "decision":
        return text.strip().lower()
    if name == "reason":  # one line, as the curated tables have it
        return " ".join(part.strip() for part in text.splitlines() if part.strip())
    return text if name in ("class_label", "child_label", "parent_label", "category") else text.strip()


def _verdict(kind: str, where: str, row: dict[str, str]) -> Verdict:
    id_columns = TABLES[TABLE_OF[kind]].id_columns
    return Verdict(
        kind,
        tuple(row[name] for name in id_columns),
        row["decision"],
        hierarchical_label=row.get("hierarchical_label", ""),
        other_parent_qid=row.get("other_parent_qid", ""),
        reason=row["reason"],
        names=tuple(row[name] for name in _ids_and_names(kind) if name not in id_columns),
        evidence_hash=row["evidence_hash"],
        where=where,
    )


def _flaw(row: dict[str, str], verdict: Verdict, first: dict[tuple[str, ...], str]) -> str:
    """What is wrong with a row, with the remedy, or nothing; `first` has where ids stood first, and gets this row's."""
    filled = [name for name in _FILLED[verdict.kind] if row.get(name)]
    if filled and not verdict.decision:
        return f"{' and '.join(filled)} without a decision. Remedy: write the decision, or empty the row"
    if not all(verdict.ids):
        return "the decision is about no id. Remedy: restore the ids from a new worksheet" if verdict.decision else ""
    if first.setdefault(verdict.ids, verdict.where) != verdict.where:
        return f"stands twice, first at {first[verdict.ids]}. Remedy: keep one of the two rows"
    return ""
