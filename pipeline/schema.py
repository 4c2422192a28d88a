"""How a generated table is declared, and what a declaration gives: an Arrow schema and a pandera check.

For maintainers who add or change a table in pipeline/tables.py.
"""

from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd
import pyarrow

SCHEMA_VERSION = "1.0.0"
"""SemVer of the declarations, in the metadata of every Parquet file.

Major when readers of the release must change, minor when columns or tables are added, patch when words change.
"""

ColumnType = Literal["int64", "float64", "bool", "string", "list<string>", "list<int64>"]

_ARROW = {
    "int64": pyarrow.int64(),
    "float64": pyarrow.float64(),
    "bool": pyarrow.bool_(),
    "string": pyarrow.string(),
    "list<string>": pyarrow.list_(pyarrow.string()),
    "list<int64>": pyarrow.list_(pyarrow.int64()),
}


@dataclass(frozen=True)
class Column:
    """One column: its type, its meaning in words, what a null means (None: never null), and who says what it holds."""

    name: str
    type: ColumnType
    meaning: str
    null: str | None = None
    allowed: tuple[str, ...] = ()
    # Stands for the levels above the label, whichever the taxonomy has; see pipeline/levels.py.
    is_level: bool = False
    # Where the values come from; empty: this program computes them, in the stage of the table.
    source: str = ""

    def named(self, name: str) -> "Column":
        """The same column as a level with this name."""
        return replace(self, name=name, is_level=False)

    @property
    def pandas_dtype(self) -> str:
        """Name of the pandas dtype that holds this column, nulls included."""
        if self.type.startswith("list"):
            return "object"
        if self.type == "string":
            return "str"
        return "Int64" if self.type == "int64" and self.null else self.type


@dataclass(frozen=True)
class Table:
    """One generated table: who writes it, where it lies, what a row is, its key and its columns."""

    stage: str
    path: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    # Rows in key order, unless the order itself means something (a queue) and the stage has sorted them.
    is_sorted_by_key: bool = True

    def with_columns(self, columns: tuple[Column, ...]) -> "Table":
        """The same table with other columns."""
        return replace(self, columns=columns)

    @property
    def column_names(self) -> list[str]:
        """Names of the columns in the order of the file."""
        return [column.name for column in self.columns]

    def arrow_schema(self) -> pyarrow.Schema:
        """Arrow schema; each field tells its meaning, its source, and what a null in it means."""
        fields = []
        for column in self.columns:
            metadata = {"description": column.meaning, "source": self.source_of(column)}
            metadata |= {"null": column.null or "never null"}
            fields.append(pyarrow.field(column.name, _ARROW[column.type], column.null is not None, metadata))
        about = {"row": f"one row is {self.row}", "key": " ".join(self.key), "schema_version": SCHEMA_VERSION}
        return pyarrow.schema(fields, about)

    def source_of(self, column: Column) -> str:
        """Who says what a column of this table holds."""
        return column.source or f"hgldv2, stage {self.stage}"

    def check(self, frame: pd.DataFrame) -> None:
        """Raise pandera's SchemaErrors, with all failures collected, when the frame is not this table."""
        import pandera.pandas as pa  # a fifth of a second, for which commands that only read need not wait

        columns = {
            column.name: pa.Column(
                column.pandas_dtype,
                nullable=column.null is not None,
                checks=[pa.Check.isin(column.allowed)] if column.allowed else None,
            )
            for column in self.columns
        }
        pa.DataFrameSchema(columns, strict=True, ordered=True, unique=list(self.key)).validate(frame, lazy=True)
