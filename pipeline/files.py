"""Reading and writing the declared tables, whole or not at all, for the stages and the commands that look.

Same rows, same bytes: columns in declared order, rows sorted by key, one Parquet writer, no time of writing inside.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet as pq

from pipeline.csv_input import read_csv
from pipeline.errors import InputError
from pipeline.levels import with_levels
from pipeline.schema import Column, Table


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; rename it into place on success, remove it on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield partial
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """Give a root to write `root / folder` below; that folder then takes the place of `folder`, whole or not at all.

    The old folder is moved aside, not deleted, until the new one stands in its place; whoever is killed in between
    leaves both, and the next run puts the old one back.

    Raises:
        InputError: `folder` is a link.
    """
    root, aside = Path(f".{folder.name}.part"), Path(f".{folder.name}.old.part")
    if folder.is_symlink():
        raise InputError(str(folder), "is a link, which a new folder cannot take the place of", "remove the link")
    if aside.exists() and not folder.exists():
        aside.replace(folder)
    for left in (root, aside):
        shutil.rmtree(left, ignore_errors=True)
    try:
        yield root
        if folder.exists():
            folder.replace(aside)
        try:
            (root / folder).replace(folder)
        except OSError:
            if aside.exists():
                aside.replace(folder)
            raise
        shutil.rmtree(aside, ignore_errors=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def write_json(value: Any, path: Path) -> None:
    """Write `value` as indented JSON, keys in the order given."""
    write_text(json_text(value), path)


def json_text(value: Any) -> str:
    """`value` as indented JSON, as every JSON file of the project is written."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def write_text(text: str, path: Path) -> None:
    """Write a text as UTF-8 with the line ends that it has."""
    with atomic(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="")


def write_tables(frames: list[tuple[Table, pd.DataFrame]], root: Path = Path()) -> dict[str, pd.DataFrame]:
    """Check every table against its declaration, then write them all below `root`, as Parquet or CSV by the ending.

    Returns:
        The tables as written, by declared path.

    Raises:
        InputError: a column, type, null, value or key breaks a declaration; nothing is written.
    """
    checked = [(table, conform(frame, table)) for table, frame in frames]
    for table, frame in checked:
        with atomic(root / table.path) as partial:
            if table.path.endswith(".csv"):
                frame.to_csv(partial, index=False, lineterminator="\n", encoding="utf-8")
                continue
            schema = with_levels(table).arrow_schema()
            arrow = pyarrow.Table.from_pandas(frame, schema=schema, preserve_index=False)
            pq.write_table(arrow.replace_schema_metadata(schema.metadata), partial, compression="zstd")
    return {table.path: frame for table, frame in checked}


def conform(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Return the frame with the declared columns, types and row order, checked.

    Raises:
        InputError: it breaks the declaration.
    """
    from pandera.errors import SchemaErrors  # see `Table.check`

    table = with_levels(table)
    missing = [name for name in table.column_names if name not in frame]
    if missing:
        raise InputError(table.path, f"column {', '.join(missing)} is missing", f"mend the {table.stage} stage")
    frame = pd.DataFrame({column.name: _cast(frame[column.name], column, table) for column in table.columns})
    if table.is_sorted_by_key:
        frame = frame.sort_values(list(table.key))
    frame = frame.reset_index(drop=True)
    try:
        table.check(frame)
    except SchemaErrors as error:
        failures = error.failure_cases.head(5).to_dict("records")
        what = "; ".join(f"{row['column']}: {row['check']} fails for {row['failure_case']!r}" for row in failures)
        raise InputError(table.path, what, f"one row is {table.row}; mend the input of {table.stage}") from error
    return frame


_FITS: dict[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "int64": lambda value: isinstance(value, int | np.integer) and not isinstance(value, bool | np.bool),
    "float64": lambda value: isinstance(value, int | float | np.number) and not isinstance(value, bool | np.bool),
    "bool": lambda value: isinstance(value, bool | np.bool),
    "list<string>": lambda value: isinstance(value, list) and all(isinstance(part, str) for part in value),
    "list<int64>": lambda value: isinstance(value, list) and all(isinstance(part, int | np.integer) for part in value),
}
# Dtypes whose values all fit; others are looked at one by one.
_SAFE_KINDS = {"int64": "iu", "float64": "iuf", "bool": "b"}


def _cast(series: pd.Series, column: Column, table: Table) -> pd.Series:
    """Cast without losing anything: a value of another kind, or a null where none may be, is an error.

    A whole number that nulls have turned into a float is still a whole number.
    """
    is_null = series.isna() if not column.type.startswith("list") else series.map(lambda value: value is None)
    if is_null.any() and column.null is None:
        raise InputError(table.path, f"{column.name} is null", f"one row is {table.row}; mend the {table.stage} stage")
    present = series[~is_null]
    kind = getattr(series.dtype, "kind", "O")
    if column.type == "int64" and kind == "f" and (present % 1 == 0).all():
        kind = "i"
    if kind not in _SAFE_KINDS.get(column.type, "") and not isinstance(series.dtype, pd.StringDtype):
        wrong = next((value for value in present if not _FITS[column.type](value)), None)
        if wrong is not None:
            what = f"{column.name} is {wrong!r}, not {column.type}"
            raise InputError(table.path, what, f"mend the {table.stage} stage")
    elif isinstance(series.dtype, pd.StringDtype) and column.type != "string" and len(present):
        raise InputError(table.path, f"{column.name} is text, not {column.type}", f"mend the {table.stage} stage")
    return series.astype(column.pandas_dtype)


def read_table(table: Table, without: Collection[str] = ()) -> pd.DataFrame:
    """Read a declared table with its declared types.

    Args:
        table: which one.
        without: columns of a Parquet file to leave out, where they are large and nobody looks at them.

    Raises:
        InputError: the file is absent, cut short, or has other columns than declared.
    """
    table = with_levels(table)
    path = Path(table.path)
    remedy = f"run `dvc repro`, which makes it in stage {table.stage}"
    if not path.exists():
        raise InputError(table.path, "not found", remedy)
    try:
        if path.suffix == ".csv":
            return _from_text(read_csv(path, dict.fromkeys(table.column_names, "str")), table)
        found = pq.read_schema(path).names
        if found != table.column_names:
            raise ValueError(f"has columns {', '.join(found)}")
        columns = [column for column in table.columns if column.name not in without]
        frame = frame_of(pq.read_table(path, columns=[column.name for column in columns]), columns)
        return frame.astype({column.name: column.pandas_dtype for column in columns})
    except InputError as error:
        raise InputError(table.path, error.what, f"delete it and {remedy}") from error
    except (pyarrow.ArrowException, OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"not readable ({str(error).splitlines()[0]})"
        raise InputError(table.path, what, f"delete it and {remedy}") from error


def frame_of(arrow: pyarrow.Table, columns: list[Column]) -> pd.DataFrame:
    """The table as a frame with these columns, lists as lists.

    Raises:
        ValueError: a list is null.
    """
    is_list = [column.name for column in columns if column.type.startswith("list")]
    frame = arrow.drop_columns(is_list).to_pandas().assign(**{name: _lists(arrow[name]) for name in is_list})
    return frame[[column.name for column in columns]]


def _lists(values: pyarrow.ChunkedArray) -> list[list[Any]]:
    """The lists of a column, cut out of all their elements: pandas would make an array of each first.

    Raises:
        ValueError: a list is null.
    """
    if values.null_count:
        raise ValueError("a list is null")
    whole = pyarrow.concat_arrays(values.chunks) if values.num_chunks else pyarrow.array([], values.type)
    elements = whole.values.to_pandas().tolist()
    return [elements[start:end] for start, end in pairwise(whole.offsets.to_pylist())]


def _from_text(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Types of a table that was read from CSV; an empty cell is null where a null may be."""
    for column in table.columns:
        text = frame[column.name].replace("", None) if column.null else frame[column.name]
        frame[column.name] = text.astype("Float64").astype("float64") if column.type == "float64" else text
    return frame.astype({column.name: column.pandas_dtype for column in table.columns})
