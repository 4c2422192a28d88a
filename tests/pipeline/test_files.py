"""Declared tables on disk: whole or not at all, the same bytes for the same rows, read back as they were."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.files import atomic, conform, read_table, write_json, write_tables
from pipeline.schema import SCHEMA_VERSION, Column, Table

COLUMNS = (
    Column("number", "int64", "which thing"),
    Column("name", "string", "what it is called"),
    Column("nickname", "string", "what friends call it", "it has no friends"),
    Column("kind", "string", "one of two", allowed=("big", "small")),
    Column("count", "int64", "how many", "nobody counted"),
    Column("share", "float64", "how much"),
)
FLAGS = (
    Column("is_old", "bool", "older than most"),
    Column("qids", "list<string>", "ids"),
    Column("steps", "list<int64>", "numbers"),
)
PARQUET = Table("making", "out/things.parquet", "a thing", ("number",), (*COLUMNS, *FLAGS))
CSV = Table("making", "out/things.csv", "a thing", ("number",), COLUMNS)
TABLES = pytest.mark.parametrize("table", [PARQUET, CSV], ids=["parquet", "csv"])


def write_table(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    write_tables([(table, frame)])
    return conform(frame, table)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def things() -> pd.DataFrame:
    """Three rows, out of order."""
    return pd.DataFrame(
        {
            "number": [30, 4, 100],
            "name": ['Yap, "the" island', "Mlýnský\npotok", "'t Zand"],
            "nickname": [None, "NA", "null"],
            "kind": ["big", "small", "big"],
            "count": [None, 3, 0],
            "share": [0.25, 1e-7, 1 / 3],
            "is_old": [True, False, True],
            "qids": [["Q1", "Q2"], [], ["Q3"]],
            "steps": [[1], [], [2, 3]],
        }
    )


def files() -> list[str]:
    return sorted(path.as_posix() for path in Path().rglob("*") if path.is_file())


@TABLES
def test_what_is_written_is_read_back(table: Table) -> None:
    written = write_table(things(), table)
    found = read_table(table)
    assert found["number"].tolist() == [4, 30, 100], "rows stand in key order"
    pd.testing.assert_frame_equal(found, written)
    assert found["nickname"].tolist()[0] == "NA"
    assert pd.isna(found["nickname"].tolist()[1])
    assert found["count"].tolist() == [3, pd.NA, 0]
    assert found["share"].tolist() == [1e-7, 0.25, 1 / 3]
    assert {name: str(dtype) for name, dtype in found.dtypes.items()} == {
        column.name: column.pandas_dtype for column in table.columns
    }


def test_lists_are_read_back_as_lists() -> None:
    write_table(things(), PARQUET)
    found = read_table(PARQUET)
    assert found["qids"].tolist() == [[], ["Q1", "Q2"], ["Q3"]]
    assert all(isinstance(value, list) for name in ("qids", "steps") for value in found[name])


def test_no_rows_are_a_table_too() -> None:
    for table in (PARQUET, CSV):
        write_table(things().head(0), table)
        assert len(read_table(table)) == 0


@TABLES
def test_other_columns_stay_out_of_the_file(table: Table) -> None:
    write_table(things().assign(secret="x"), table)
    assert read_table(table).columns.tolist() == table.column_names


def test_parquet_says_what_every_field_means() -> None:
    write_table(things(), PARQUET)
    schema = pq.read_schema(PARQUET.path)
    about = {b"row": b"one row is a thing", b"key": b"number", b"schema_version": SCHEMA_VERSION.encode()}
    assert schema.metadata == about
    for column in PARQUET.columns:
        field = schema.field(column.name)
        assert field.metadata[b"description"].decode() == column.meaning
        assert field.metadata[b"null"].decode() == (column.null or "never null")
        assert field.metadata[b"source"].decode() == PARQUET.source_of(column)
        assert field.nullable == (column.null is not None)


def test_csv_is_utf8_with_plain_line_ends() -> None:
    write_table(things(), CSV)
    content = Path(CSV.path).read_bytes()
    assert b"\r" not in content
    assert content.startswith(b"number,name,")
    assert "Mlýnský".encode() in content


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.permutations(range(3)), columns=st.permutations(range(9)))
def test_the_same_rows_give_the_same_bytes(rows: list[int], columns: list[int]) -> None:
    for table in (PARQUET, CSV):
        write_table(things(), table)
        before = Path(table.path).read_bytes()
        write_table(things().iloc[rows, columns], table)
        assert Path(table.path).read_bytes() == before


def test_a_table_with_an_order_of_its_own_keeps_it() -> None:
    queue = Table("making", "out/queue.csv", "a thing", ("number",), COLUMNS, is_sorted_by_key=False)
    write_table(things(), queue)
    assert read_table(queue)["number"].tolist() == [30, 4, 100]


# What is put into a good frame; none of it may reach the disk.
BROKEN: dict[str, dict[str, Any]] = {
    "text for a whole number": {"number": ["a", "b", "c"]},
    "fraction for a whole number": {"number": [1.5, 2.5, 3.5]},
    "null for a whole number": {"number": [None, 2, 3]},
    "text for a nullable whole number": {"count": ["a", None, "c"]},
    "fraction for a nullable whole number": {"count": [1.5, None, 3.0]},
    "text for a fraction": {"share": ["a", "b", "c"]},
    "null for a fraction": {"share": [None, 0.5, 1.0]},
    "text for yes or no": {"is_old": ["False", "no", ""]},
    "null for yes or no": {"is_old": [None, True, False]},
    "null for a text": {"name": [None, "b", "c"]},
    "null for a list": {"qids": [None, [], []]},
    "number in a list of texts": {"qids": [[1], [2], [3]]},
    "text for a list of numbers": {"steps": ["1", "2", "3"]},
    "value that is not allowed": {"kind": ["big", "small", "huge"]},
    "key that stands twice": {"number": [4, 4, 5]},
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_frame_that_breaks_the_declaration_is_refused(case: str) -> None:
    write_table(things(), PARQUET)
    before = Path(PARQUET.path).read_bytes()
    with pytest.raises(InputError) as caught:
        write_table(things().assign(**BROKEN[case]), PARQUET)
    (column,) = BROKEN[case]
    assert caught.value.message.startswith(PARQUET.path)
    assert column in caught.value.message
    assert Path(PARQUET.path).read_bytes() == before
    assert files() == [PARQUET.path]


@TABLES
def test_a_missing_column_is_named(table: Table) -> None:
    with pytest.raises(InputError, match=r"out/things\.\w+: column name, kind is missing.*making"):
        write_table(things().drop(columns=["name", "kind"]), table)
    assert files() == []


def test_conform_changes_nothing_in_place() -> None:
    frame = things()
    before = frame.copy(deep=True)
    conform(frame, PARQUET)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    "error", [InputError("here", "wrong", "mend it"), OSError(28, "No space"), KeyboardInterrupt()]
)
def test_a_failure_leaves_the_old_file_and_nothing_else(error: BaseException) -> None:
    Path("out").mkdir()
    Path("out/file").write_text("old", encoding="utf-8")

    def fail_halfway() -> None:
        with atomic(Path("out/file")) as partial:
            partial.write_text("half", encoding="utf-8")
            raise error

    with pytest.raises(type(error)):
        fail_halfway()
    assert Path("out/file").read_text(encoding="utf-8") == "old"
    assert files() == ["out/file"]


def test_the_new_file_appears_when_it_is_whole() -> None:
    with atomic(Path("deep/folder/file")) as partial:
        partial.write_text("whole", encoding="utf-8")
        assert not Path("deep/folder/file").exists()
        assert partial.parent == Path("deep/folder"), "a rename across file systems would not be atomic"
    assert Path("deep/folder/file").read_text(encoding="utf-8") == "whole"
    assert files() == ["deep/folder/file"]


def test_json_is_utf8_in_the_order_given() -> None:
    write_json({"b": "Gdańsk", "a": [1, None]}, Path("out/report.json"))
    text = Path("out/report.json").read_text(encoding="utf-8")
    assert list(json.loads(text)) == ["b", "a"]
    assert "Gdańsk" in text
    assert text.endswith("\n")


def test_json_that_cannot_be_written_leaves_the_old_one() -> None:
    write_json({"a": 1}, Path("out/report.json"))
    with pytest.raises(TypeError):
        write_json({"a": {1, 2}}, Path("out/report.json"))
    assert json.loads(Path("out/report.json").read_text(encoding="utf-8")) == {"a": 1}
    assert files() == ["out/report.json"]


def refusal(table: Table) -> str:
    """The message about a file that cannot be read: it names the file and the stage that makes it."""
    with pytest.raises(InputError) as caught:
        read_table(table)
    message = str(caught.value.message)
    assert message.startswith(table.path)
    assert "dvc repro" in message
    assert "making" in message
    assert "\n" not in message
    return message


@TABLES
def test_an_absent_table_is_named(table: Table) -> None:
    assert "not found" in refusal(table)


def test_a_cut_parquet_is_refused_wherever_it_was_cut() -> None:
    write_table(things(), PARQUET)
    whole = Path(PARQUET.path).read_bytes()
    for length in [0, 1, 4, 8, *range(12, len(whole), 97), len(whole) - 8, len(whole) - 1]:
        Path(PARQUET.path).write_bytes(whole[:length])
        refusal(PARQUET)


def test_a_damaged_parquet_is_refused_or_read_but_never_a_traceback() -> None:
    write_table(things(), PARQUET)
    whole = Path(PARQUET.path).read_bytes()
    messages = []
    for position in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        Path(PARQUET.path).write_bytes(bytes(damaged))
        try:
            read_table(PARQUET)
        except InputError as error:
            messages.append(error.message)
    assert messages
    assert all(message.startswith(PARQUET.path) for message in messages)


@pytest.mark.parametrize("length", [1, 10, 70, -1])
def test_a_cut_csv_is_refused(length: int) -> None:
    write_table(things(), CSV)
    whole = Path(CSV.path).read_bytes()
    Path(CSV.path).write_bytes(whole[:length])
    refusal(CSV)


@pytest.mark.parametrize(
    "other",
    [
        things().drop(columns="steps"),
        things().drop(columns="kind"),
        things().assign(extra=1),
        things()[list(reversed(things().columns))],
        things().assign(number=["a", "b", "c"]),
        things().assign(number=[1.0, np.nan, 3.0]),
        things().assign(qids=[None, ["Q1"], ["Q2"]]),
        things().assign(qids=["Q1", "Q2", "Q3"]),
    ],
    ids=[
        "list column missing",
        "column missing",
        "other column",
        "other order",
        "text for numbers",
        "null for numbers",
        "null for a list",
        "text for lists",
    ],
)
def test_another_table_in_its_place_is_refused(other: pd.DataFrame) -> None:
    Path("out").mkdir()
    pq.write_table(pyarrow.Table.from_pandas(other, preserve_index=False), PARQUET.path)
    refusal(PARQUET)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"number,name\n1,a\n",
        b"number,name,nickname,kind,count,share\nx,a,,big,,0.5\n",
        b"number,name,nickname,kind,count,share\n1,\xff,,big,,0.5\n",
        b"number,name,nickname,kind,count,share\n1,a,,big,,half\n",
    ],
    ids=["empty", "columns missing", "text for numbers", "not UTF-8", "text for fractions"],
)
def test_another_csv_in_its_place_is_refused(content: bytes) -> None:
    Path("out").mkdir()
    Path(CSV.path).write_bytes(content)
    refusal(CSV)
