"""CSV files from outside, read fast, with an error that names the line when one is bad; for the download stage.

The files are untrusted: wrong columns, cut ends, stray bytes and malformed numbers are reported, never repaired. Arrow
reads; only when it refuses a file, or a value is bad, is the file read again slowly to find the line.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pandas as pd
import pyarrow
import pyarrow.csv

from pipeline.errors import InputError

REMEDY = "fetch the file again, or mend that line"


def read_csv(path: Path, columns: dict[str, str], key: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read `columns` (name to "str" or "int64") of a CSV; an empty cell of a str column is the empty string.

    Raises:
        InputError: the file is absent, not UTF-8, cut short, lacks a column, holds a bad number, or repeats a key.
    """
    _check_end(path)
    header = _check_header(path, columns)
    # Every column is converted, wanted or not, so that a stray byte anywhere is found.
    text = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(header, pyarrow.string()), strings_can_be_null=False)
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    if _has_open_quote(path):
        _raise_first_flaw(path, "a quote is never closed")
    try:
        frame = pyarrow.csv.read_csv(path, parse_options=parse, convert_options=text).select(list(columns)).to_pandas()
    except pyarrow.ArrowInvalid as error:
        _raise_first_flaw(path, str(error))
    for name, kind in columns.items():
        if kind == "int64":
            frame[name] = _integers(path, frame[name])
    if key:
        _check_unique(path, frame, key)
    return frame.astype({name: "str" for name, kind in columns.items() if kind == "str"})


def line_of(path: Path, row: int) -> int:
    """Line, as an editor shows it, on which a row counted from 0 ends; quoted line ends and blank lines considered."""
    if not path.exists():  # a table that was not read from a file
        return row + 2
    for number, (line, _) in enumerate(_rows(path)):
        if number == row + 1:  # the header is the first
            return line
    return 0


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, the header first, with the line on which each ends."""
    with path.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.reader(opened, strict=True)
        for row in reader:
            if row:
                yield reader.line_num, row


def _check_end(path: Path) -> None:
    """A complete file ends with a line end; one that does not was cut."""
    if not path.exists():
        raise InputError(str(path), "not found", "check the source in params.yaml")
    with path.open("rb") as opened:
        if opened.seek(0, io.SEEK_END) == 0:
            raise InputError(str(path), "empty", REMEDY)
        opened.seek(-1, io.SEEK_END)
        if opened.read(1) != b"\n":
            raise InputError(str(path), "ends in the middle of a line, so it was cut", REMEDY)


def _has_open_quote(path: Path) -> bool:
    """Quotes come in pairs, doubled ones included; Arrow would read from a single one to the end of the file."""
    with path.open("rb") as opened:
        return sum(chunk.count(b'"') for chunk in iter(lambda: opened.read(1 << 20), b"")) % 2 == 1


def _check_header(path: Path, columns: dict[str, str]) -> list[str]:
    """Return the names in the header, which must hold the columns."""
    with path.open("rb") as opened:
        first = opened.readline(10_000)
    try:
        start = first.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}:1", "a byte that is not UTF-8", REMEDY) from error
    header = next(csv.reader([start]), [])
    missing = [name for name in columns if name not in header]
    if missing:
        found = start.strip()[:200]
        raise InputError(f"{path}:1", f"column {', '.join(missing)} is missing (found: {found})", REMEDY)
    twice = [name for name in columns if header.count(name) > 1]
    if twice:
        raise InputError(f"{path}:1", f"column {', '.join(twice)} is there twice", REMEDY)
    return header


def _raise_first_flaw(path: Path, otherwise: str) -> NoReturn:
    """Find the first line that is not what the header promises, the slow way."""
    with path.open("rb") as opened:
        for number, line in enumerate(opened, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                raise InputError(f"{path}:{number}", "a byte that is not UTF-8", REMEDY) from None
    width, last = 0, 1
    try:
        for line_number, row in _rows(path):
            width = width or len(row)
            if len(row) != width:
                what = (
                    f"has {len(row)} cells, {'fewer' if len(row) < width else 'more'} cells than the header ({width})"
                )
                raise InputError(f"{path}:{line_number}", what, REMEDY)
            last = line_number + 1
    except csv.Error as error:
        raise InputError(f"{path}:{last}", f"not CSV from here on ({error})", REMEDY) from error
    raise InputError(str(path), otherwise.splitlines()[0], REMEDY)


def _integers(path: Path, text: pd.Series) -> pd.Series:
    is_number = text.str.fullmatch(r"[0-9]{1,18}")
    if not is_number.all():
        row = int((~is_number).to_numpy().argmax())
        what = f"{text.name} is {text.iloc[row]!r}, not a whole number"
        raise InputError(f"{path}:{line_of(path, row)}", what, REMEDY)
    return text.astype("int64")


def _check_unique(path: Path, frame: pd.DataFrame, key: tuple[str, ...]) -> None:
    repeated = frame.duplicated(list(key))
    if repeated.any():
        row = int(repeated.to_numpy().argmax())
        value = ", ".join(f"{name} {frame[name].iloc[row]}" for name in key)
        first = int((frame[list(key)] == frame[list(key)].iloc[row]).all(axis=1).to_numpy().argmax())
        what = f"{value} stands here again, first in line {line_of(path, first)}"
        raise InputError(f"{path}:{line_of(path, row)}", what, "keep one of the two rows")
