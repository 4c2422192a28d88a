"""CSV files from outside: read as they are, or refused with the line that is wrong; never repaired."""

import csv
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.csv_input import line_of, read_csv
from pipeline.errors import InputError

COLUMNS = {"landmark_id": "int64", "category": "str"}
KEY = ("landmark_id",)
# A carriage return outside quotes ends a line; Python's writer leaves it there, so it has a test of its own.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=8)


def read(folder: Path, content: str | bytes, columns: dict[str, str] | None = None) -> pd.DataFrame:
    path = folder / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_csv(path, columns or COLUMNS, KEY)


def refusal(folder: Path, content: str | bytes) -> str:
    """The message about a file, checked for its form: one line, the file first, a remedy last."""
    with pytest.raises(InputError) as caught:
        read(folder, content)
    message = str(caught.value.message)
    assert message.startswith(str(folder / "table.csv"))
    assert re.search(r"\. Remedy: .+\.$", message)
    assert "\n" not in message
    return message


def test_text_stays_text_and_numbers_are_numbers(tmp_path: Path) -> None:
    found = read(tmp_path, "landmark_id,category\n7,NA\n8,\n9,null\n10, 01 \n")
    assert found["landmark_id"].tolist() == [7, 8, 9, 10]
    assert found["landmark_id"].dtype == "int64"
    assert found["category"].tolist() == ["NA", "", "null", " 01 "]


def test_commas_and_quotes_in_quotes_are_text(tmp_path: Path) -> None:
    found = read(tmp_path, 'landmark_id,category\n7,"Shadwell,_Virginia"\n8,"a ""b"" c"\n')
    assert found["category"].tolist() == ["Shadwell,_Virginia", 'a "b" c']


def test_line_ends_in_quotes_are_text(tmp_path: Path) -> None:
    found = read(tmp_path, 'landmark_id,category\n7,"a\nb"\n8,"a\rb"\n9,"a\r\nb"\n')
    assert found["category"].tolist() == ["a\nb", "a\rb", "a\r\nb"]


def test_only_the_wanted_columns_are_kept_in_their_order(tmp_path: Path) -> None:
    found = read(tmp_path, "category,extra,landmark_id\na,b,7\n")
    assert list(found.columns) == ["landmark_id", "category"]
    assert found.to_numpy().tolist() == [[7, "a"]]


def test_a_header_alone_is_an_empty_table(tmp_path: Path) -> None:
    found = read(tmp_path, "landmark_id,category\n")
    assert len(found) == 0
    assert found["landmark_id"].dtype == "int64"


@pytest.mark.parametrize("mark", ["\ufeff", ""])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("header", ["landmark_id,category", '"landmark_id","category"'])
def test_byte_order_mark_line_ends_and_quoted_header_make_no_difference(
    mark: str, end: str, header: str, tmp_path: Path
) -> None:
    found = read(tmp_path, f"{mark}{header}{end}7,a{end}8,b{end}")
    assert found.to_numpy().tolist() == [[7, "a"], [8, "b"]]


@pytest.mark.parametrize("header", ["landmark_id", "landmark_id,categories", "landmark_id;category", "id,category"])
def test_a_missing_column_is_named(header: str, tmp_path: Path) -> None:
    message = refusal(tmp_path, f"{header}\n7{',a' * header.count(',')}\n")
    missing = next(name for name in COLUMNS if name not in re.split(r"[,\n]", header))
    assert f"table.csv:1: column {missing}" in message
    assert "missing" in message


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.csv: not found\. Remedy: "):
        read_csv(tmp_path / "absent.csv", COLUMNS)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert "empty" in refusal(tmp_path, "")


@pytest.mark.parametrize("kept", range(len("landmark_id,category\n7,a\n8,bc\n") - 1, 0, -1))
def test_a_file_that_was_cut_is_refused(kept: int, tmp_path: Path) -> None:
    content = "landmark_id,category\n7,a\n8,bc\n"[:kept]
    if not content.endswith("\n"):
        assert "cut" in refusal(tmp_path, content)


@pytest.mark.parametrize("line", [2, 3, 4])
def test_a_row_with_fewer_cells_is_named(line: int, tmp_path: Path) -> None:
    lines = ["landmark_id,category", "7,a", "8,b", "9,c"]
    lines[line - 1] = lines[line - 1].split(",")[0]
    message = refusal(tmp_path, "\n".join(lines) + "\n")
    assert f"table.csv:{line}: " in message
    assert "cells" in message


@pytest.mark.parametrize("line", [2, 3, 4])
def test_a_row_with_more_cells_is_named(line: int, tmp_path: Path) -> None:
    """A comma that was not quoted would otherwise cut a title: `Shadwell,_Virginia` is not `Shadwell`."""
    lines = ["landmark_id,category", "7,a", "8,b", "9,c"]
    lines[line - 1] += ",_Virginia"
    message = refusal(tmp_path, "\n".join(lines) + "\n")
    assert f"table.csv:{line}: " in message
    assert "cells" in message


def test_more_cells_in_every_row_are_refused(tmp_path: Path) -> None:
    assert "table.csv:2: " in refusal(tmp_path, "landmark_id,category\n7,a,b\n8,c,d\n")


def test_a_cut_row_is_found_in_columns_that_are_not_read(tmp_path: Path) -> None:
    assert "table.csv:3: " in refusal(tmp_path, "landmark_id,category,nature\n7,a,natural\n8,b\n9,c,natural\n")


@pytest.mark.parametrize("line", [1, 2, 4])
def test_a_byte_that_is_not_utf8_is_named(line: int, tmp_path: Path) -> None:
    lines = [b"landmark_id,category,nature", b"7,a,x", b"8,b,x", b"9,c,x"]
    lines[line - 1] += b"\xe8"
    message = refusal(tmp_path, b"\n".join(lines) + b"\n")
    assert f"table.csv:{line}: " in message
    assert "UTF-8" in message


def test_a_byte_that_is_not_utf8_is_found_far_down(tmp_path: Path) -> None:
    rows = b"".join(b"%d,%s\n" % (number, b"x" * 50) for number in range(20_000))
    assert "table.csv:20002: " in refusal(tmp_path, b"landmark_id,category\n" + rows + b"20000,\xff\n")


@pytest.mark.parametrize(
    "number", ["", "x", "-1", "1.0", "1e3", " 7", "0x7", "1,000", "99999999999999999999", "\u0661\u0662"]
)
def test_a_number_that_is_none_is_named(number: str, tmp_path: Path) -> None:
    message = refusal(tmp_path, f'landmark_id,category\n7,a\n"{number}",b\n9,c\n')
    assert "table.csv:3: landmark_id" in message
    assert repr(number) in message


def test_a_key_that_stands_twice_names_both_lines(tmp_path: Path) -> None:
    message = refusal(tmp_path, "landmark_id,category\n7,a\n8,b\n7,c\n")
    assert "table.csv:4: " in message
    assert "landmark_id 7" in message
    assert "line 2" in message


def test_a_key_of_two_columns_is_compared_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,x\n1,y\n2,x\n", encoding="utf-8")
    assert len(read_csv(path, {"a": "int64", "b": "str"}, ("a", "b"))) == 3
    path.write_text("a,b\n1,x\n1,y\n1,y\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"table\.csv:4: a 1, b y .* line 3"):
        read_csv(path, {"a": "int64", "b": "str"}, ("a", "b"))


def test_an_open_quote_is_refused_with_its_line(tmp_path: Path) -> None:
    assert re.search(r"table\.csv:[34]: ", refusal(tmp_path, 'landmark_id,category\n7,a\n8,"b\n9,c\n'))


def test_lines_are_counted_as_an_editor_shows_them(tmp_path: Path) -> None:
    assert line_of(tmp_path / "absent.csv", 0) == 2
    message = refusal(tmp_path, 'landmark_id,category\n7,"two\nlines"\nx,b\n')
    assert "table.csv:4: " in message


def test_a_blank_line_is_counted_or_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, "landmark_id,category\n7,a\n\nx,b\n")
    assert "table.csv:4: landmark_id is 'x'" in message or re.search(r"table\.csv:3: (?!landmark_id is 'x')", message)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=6),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_any_table_of_text_is_read_as_it_was_written(
    rows: list[tuple[str, str, str]], quoting: int, end: str, tmp_path: Path
) -> None:
    path = tmp_path / "any.csv"
    with path.open("w", encoding="utf-8", newline="") as opened:
        opened.write(f"a,b,c{end}")
        csv.writer(opened, quoting=quoting, lineterminator=end).writerows(rows)  # type: ignore[arg-type]
    found = read_csv(path, {"a": "str", "b": "str", "c": "str"})
    assert [tuple(row) for row in found.to_numpy().tolist()] == rows
