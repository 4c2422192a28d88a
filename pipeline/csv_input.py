"""CSV files from outside, read fast, with an error that names the line when one is bad; for the download stage.

The files are untrusted: wrong columns, cut ends, stray bytes and malformed numbers are reported, never repaired.
"""

from pathlib import Path

import pandas as pd

from pipeline.errors import InputError

REMEDY = "fetch the file again, or mend that line"


def read_csv(path: Path, columns: dict[str, str], key: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read `columns` (name to "str" or "int64") of a CSV; an empty cell of a str column is the empty string.

    Raises:
        InputError: the file is absent, not UTF-8, cut short, lacks a column, holds a bad number, or repeats a key.
    """
    _check_end(path)
    _check_header(path, columns)
    try:
        frame = pd.read_csv(path, usecols=list(columns), dtype=str, keep_default_na=False, na_values=[])
    except UnicodeDecodeError as error:
        raise InputError(f"{path}:{_bad_byte_line(path)}", "a byte that is not UTF-8", REMEDY) from error
    except (pd.errors.ParserError, ValueError) as error:
        raise InputError(str(path), " ".join(str(error).split()), REMEDY) from error
    frame = frame[list(columns)]
    _check_cut_rows(path, frame)
    for name, kind in columns.items():
        if kind == "int64":
            frame[name] = _integers(path, frame[name])
    if key:
        _check_unique(path, frame, key)
    return frame


def line_of(row: int) -> int:
    """Line of a row counted from 0, as an editor shows it below one header line."""
    return row + 2


def _check_end(path: Path) -> None:
    """A complete file ends with a line end; one that does not was cut."""
    if not path.exists():
        raise InputError(str(path), "not found", "check the source in params.yaml")
    with path.open("rb") as opened:
        opened.seek(0, 2)
        if opened.tell() == 0:
            raise InputError(str(path), "empty", REMEDY)
        opened.seek(-1, 2)
        if opened.read(1) != b"\n":
            raise InputError(str(path), "ends in the middle of a line, so it was cut", REMEDY)


def _check_header(path: Path, columns: dict[str, str]) -> None:
    with path.open("rb") as opened:
        header = opened.readline(10_000).decode("utf-8", errors="replace").rstrip("\r\n").removeprefix("\ufeff")
    missing = [name for name in columns if name not in header.split(",")]
    if missing:
        raise InputError(f"{path}:1", f"column {', '.join(missing)} is missing (found: {header[:200]})", REMEDY)


def _bad_byte_line(path: Path) -> int:
    with path.open("rb") as opened:
        for number, line in enumerate(opened, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 0


def _check_cut_rows(path: Path, frame: pd.DataFrame) -> None:
    """A row with fewer cells than the header reads as nulls; an empty cell reads as the empty string."""
    cut = frame.isna().any(axis=1)
    if cut.any():
        row = int(cut.to_numpy().argmax())
        raise InputError(f"{path}:{line_of(row)}", "has fewer cells than the header", REMEDY)


def _integers(path: Path, text: pd.Series) -> pd.Series:
    is_number = text.str.fullmatch(r"\d{1,18}")
    if not is_number.all():
        row = int((~is_number).to_numpy().argmax())
        what = f"{text.name} is {text.iloc[row]!r}, not a whole number"
        raise InputError(f"{path}:{line_of(row)}", what, REMEDY)
    return text.astype("int64")


def _check_unique(path: Path, frame: pd.DataFrame, key: tuple[str, ...]) -> None:
    repeated = frame.duplicated(list(key))
    if repeated.any():
        row = int(repeated.to_numpy().argmax())
        value = ", ".join(f"{name} {frame[name].iloc[row]}" for name in key)
        first = int((frame[list(key)] == frame[list(key)].iloc[row]).all(axis=1).to_numpy().argmax())
        what = f"{value} stands here again, first in line {line_of(first)}"
        raise InputError(f"{path}:{line_of(row)}", what, "keep one of the two rows")
