"""Declarations of tables: complete, and turned into Arrow schemas and checks that hold."""

import hashlib
import re

import pandas as pd
import pandera.errors
import pyarrow
import pytest

from pipeline import release_tables, tables
from pipeline.schema import SCHEMA_VERSION, Column, Table

DECLARED = [*(value for value in vars(tables).values() if isinstance(value, Table)), *release_tables.RELEASE_TABLES]
THING = Table(
    "made",
    "out/thing.parquet",
    "a thing",
    ("split", "number"),
    (
        Column("split", "string", "part of the whole", allowed=("train", "index")),
        Column("number", "int64", "which thing"),
        Column("count", "int64", "how many", "nobody counted", source="a census"),
        Column("names", "list<string>", "what it is called"),
    ),
)


@pytest.mark.parametrize("table", DECLARED, ids=lambda table: table.path)
def test_every_table_is_declared_in_full(table: Table) -> None:
    names = table.column_names
    assert len(set(names)) == len(names)
    assert set(table.key) <= set(names)
    assert table.key
    assert re.match(r"(a|an) ", table.row), "reads as `one row is ...`"
    for column in table.columns:
        assert column.meaning.strip(), column.name
        assert re.fullmatch(r"[a-z][a-z0-9_]*", column.name)
        assert not (column.name in table.key and column.null), "a key is never null"
        assert column.name.startswith(("is_", "in_", "reviewed")) == (column.type == "bool"), column.name


def test_paths_are_declared_once() -> None:
    paths = [table.path for table in DECLARED]
    assert len(set(paths)) == len(paths)
    assert all(path.startswith(("data/", "release/")) for path in paths)


def test_the_same_name_has_the_same_type_everywhere() -> None:
    types: dict[str, set[str]] = {}
    for table in DECLARED:
        for column in table.columns:
            types.setdefault(column.name, set()).add(column.type)
    assert not {name: found for name, found in types.items() if len(found) > 1}


def test_arrow_schema_tells_meaning_and_null() -> None:
    schema = THING.arrow_schema()
    assert schema.names == ["split", "number", "count", "names"]
    assert [field.nullable for field in schema] == [False, False, True, False]
    assert schema.field("number").type == pyarrow.int64()
    assert schema.field("names").type == pyarrow.list_(pyarrow.string())
    ours = f"hgldv2, stage {THING.stage}".encode()
    number = {b"description": b"which thing", b"source": ours, b"null": b"never null"}
    assert schema.field("number").metadata == number
    count = {b"description": b"how many", b"source": b"a census", b"null": b"nobody counted"}
    assert schema.field("count").metadata == count
    about = {b"row": b"one row is a thing", b"key": b"split number", b"schema_version": SCHEMA_VERSION.encode()}
    assert schema.metadata == about


def test_a_changed_schema_of_the_release_has_another_version() -> None:
    """Fails when a declaration of the release changed: raise SCHEMA_VERSION, then add its digest here."""
    digests = {"1.0.0": "35c0f756af43"}
    declared = "\n".join(map(repr, release_tables.RELEASE_TABLES))
    assert hashlib.sha256(declared.encode()).hexdigest()[:12] == digests[SCHEMA_VERSION]


def test_every_column_of_the_release_names_its_source() -> None:
    """One whose values come from the tables before says so; `stage export` alone would tell a reader nothing."""
    for table in release_tables.RELEASE_TABLES:
        assert not [column.name for column in table.columns if not column.source]


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        (Column("a", "int64", "x"), "int64"),
        (Column("a", "int64", "x", "unknown"), "Int64"),
        (Column("a", "float64", "x", "unknown"), "float64"),
        (Column("a", "string", "x", "unknown"), "str"),
        (Column("a", "bool", "x"), "bool"),
        (Column("a", "list<int64>", "x"), "object"),
    ],
)
def test_pandas_dtype_holds_the_column_with_its_nulls(column: Column, dtype: str) -> None:
    assert column.pandas_dtype == dtype


def frame() -> pd.DataFrame:
    made = pd.DataFrame({"split": ["train", "index"], "number": [1, 1], "count": [None, 3], "names": [["a"], []]})
    return made.astype({"split": "str", "count": "Int64"})


def test_a_frame_that_is_the_table_passes() -> None:
    THING.check(frame())


def test_all_failures_are_collected() -> None:
    broken = frame().assign(split=["train", "test"], number=[1.5, 2.0])
    with pytest.raises(pandera.errors.SchemaErrors) as caught:
        THING.check(broken)
    assert {"split", "number"} <= set(caught.value.failure_cases["column"])


@pytest.mark.parametrize(
    "broken",
    [
        frame().drop(columns="names"),
        frame().assign(extra=1),
        frame()[["number", "split", "count", "names"]],
        frame().assign(split="train"),
        frame().assign(number=["1", "2"]),
    ],
    ids=["missing column", "other column", "other order", "key stands twice", "text for numbers"],
)
def test_another_frame_is_refused(broken: pd.DataFrame) -> None:
    with pytest.raises(pandera.errors.SchemaErrors):
        THING.check(broken)
