"""Reading and writing the declared tables, whole or not at all, for the stages and the commands that look.

Same rows, same bytes: columns in declared order, rows sorted by key, one Parquet writer, no time of writing inside.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.errors
import pyarrow
import pyarrow.parquet as pq

from pipeline.errors import InputError
from pipeline.levels import with_levels
from pipeline.schema import Table


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


def write_json(value: Any, path: Path) -> None:
    """Write `value` as indented JSON, keys in the order given."""
    with atomic(path) as partial:
        partial.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_table(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Sort, check against the declaration, and write as Parquet or CSV by the path's ending; return what was written.

    Raises:
        InputError: a column, type, null, value or key breaks the declaration; nothing is written.
    """
    table = with_levels(table)
    checked = conform(frame, table)
    path = Path(table.path)
    with atomic(path) as partial:
        if path.suffix == ".csv":
            checked.to_csv(partial, index=False, lineterminator="\n", encoding="utf-8")
        else:
            arrow = pyarrow.Table.from_pandas(checked, schema=table.arrow_schema(), preserve_index=False)
            pq.write_table(arrow.replace_schema_metadata(table.arrow_schema().metadata), partial, compression="zstd")
    return checked


def conform(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Return the frame with the declared columns, types and row order, checked."""
    table = with_levels(table)
    missing = [name for name in table.column_names if name not in frame]
    if missing:
        raise InputError(table.path, f"column {', '.join(missing)} is missing", f"mend the {table.stage} stage")
    frame = frame[table.column_names].astype({column.name: column.pandas_dtype for column in table.columns})
    if table.is_sorted_by_key:
        frame = frame.sort_values(list(table.key))
    frame = frame.reset_index(drop=True)
    try:
        table.check(frame)
    except pandera.errors.SchemaErrors as error:
        failures = error.failure_cases.head(5).to_dict("records")
        what = "; ".join(f"{row['column']}: {row['check']} fails for {row['failure_case']!r}" for row in failures)
        raise InputError(table.path, what, f"one row is {table.row}; mend the input of {table.stage}") from error
    return frame


def read_table(table: Table) -> pd.DataFrame:
    """Read a declared table with its declared types.

    Raises:
        InputError: the file is absent, cut short, or has other columns than declared.
    """
    table = with_levels(table)
    path = Path(table.path)
    remedy = f"run `dvc repro`, which makes it in stage {table.stage}"
    if not path.exists():
        raise InputError(table.path, "not found", remedy)
    types = {column.name: column.pandas_dtype for column in table.columns}
    try:
        if path.suffix == ".csv":
            frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
            frame = frame.astype({name: "Float64" for name, kind in types.items() if kind == "float64"} | types)
        else:
            frame = pq.read_table(path).to_pandas()
            for column in table.columns:
                if column.type.startswith("list"):
                    frame[column.name] = [value.tolist() for value in frame[column.name]]
    except (pyarrow.ArrowInvalid, pd.errors.ParserError, ValueError, KeyError) as error:
        raise InputError(
            table.path, f"not readable ({str(error).splitlines()[0]})", f"delete it and {remedy}"
        ) from error
    if list(frame.columns) != table.column_names:
        raise InputError(table.path, f"has columns {', '.join(frame.columns)}", f"delete it and {remedy}")
    return frame.astype(types)
