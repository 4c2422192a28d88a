"""Worksheets: what is written is read back, in every spelling that spreadsheets give it; or refused by line."""

import csv
import os
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from annotations.store import TABLES, CurationError
from annotations.verdicts import KINDS, TABLE_OF, Verdict
from annotations.worksheet import MAX_BYTES, MAX_CELL, guard, read, unguard, write
from tests.worksheets import HASH, filled, queue_of, rows_of, save

# tmp_path is shared between the examples of one test; each example writes its file anew.
LAWFUL = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
CLASSES = "class_qid,class_label,decision,hierarchical_label,reason,evidence_hash\n"
EDGES = "child_qid,child_label,parent_qid,parent_label,decision,other_parent_qid,reason,evidence_hash\n"
LANDMARKS = "split,landmark_id,category,decision,hierarchical_label,reason,evidence_hash\n"
CHURCH = Verdict(
    "classes", ("Q1",), "assign", hierarchical_label="church", reason="seen", names=("kirk",), evidence_hash=HASH
)


# ------------------------------------------------------------------------------------------------------------ helpers
def read_text(folder: Path, text: str | bytes) -> tuple[str, list[Verdict]]:
    path = folder / "filled.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path)


def placeless(verdicts: list[Verdict]) -> list[Verdict]:
    return [replace(verdict, where="") for verdict in verdicts]


def refusal_of(folder: Path, text: str | bytes) -> list[str]:
    """The problems of a refusal, each with file:line and a remedy; it exits 1."""
    with pytest.raises(CurationError) as refusal:
        read_text(folder, text)
    assert refusal.value.exit_code == 1
    problems = refusal.value.message.split("\n  ")[1:]
    assert problems
    for problem in problems:
        assert problem.startswith(f"{folder / 'filled.csv'}:")
        assert "Remedy: " in problem
    return [problem.removeprefix(f"{folder / 'filled.csv'}:").strip() for problem in problems]


# -------------------------------------------------------------------------------------------------------------- guard
@pytest.mark.parametrize("first", ["=", "+", "-", "@", "'", "\t", "\r"])
def test_a_cell_that_begins_like_a_formula_gets_one_apostrophe(first: str) -> None:
    assert guard(f"{first}1") == f"'{first}1"
    assert unguard(f"'{first}1") == f"{first}1"


@pytest.mark.parametrize("text", ["", "a=1", "9/11", " =1", "Q5", "½"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert guard(text) == text


@given(st.text())
@example("'Opaeka'a Falls")
@example("''")
def test_the_guard_is_lossless_and_leaves_no_formula(text: str) -> None:
    assert unguard(guard(text)) == text
    assert not guard(text).startswith(("=", "+", "-", "@", "\t", "\r"))


# -------------------------------------------------------------------------------------------------------------- write
def test_columns_stand_in_the_order_in_which_a_curator_reads_and_the_header_explains_them(tmp_path: Path) -> None:
    queue = queue_of("classes", [("Q1", "kirk")]).assign(path=None, image_count=12)
    write("classes", queue, tmp_path / "sheet.csv", {"path": "classes up to the anchor", "class_label": "its name"})
    header, row = rows_of(tmp_path / "sheet.csv")
    assert header == [
        "class_qid",
        "class_label (its name)",
        "doubt",
        "why",
        "candidates",
        "decision (assign, ignore or unsure; empty: skip this row)",
        "hierarchical_label (with assign only: one of annotations/taxonomy.csv)",
        "reason (why, in a few words)",
        "evidence_hash",
        "path (classes up to the anchor)",
        "image_count",
    ]
    assert row == ["Q1", "kirk", "contested", "two labels", "church 0.9; tower 0.1", "", "", "", HASH, "", "12"]


def test_edges_and_landmarks_have_their_own_columns(tmp_path: Path) -> None:
    write("edges", queue_of("edges", [("Q1", "a", "Q2", "b")]), tmp_path / "edges.csv", {})
    write("landmarks", queue_of("landmarks", [("train", 7, "X")]), tmp_path / "landmarks.csv", {})
    edges, landmarks = rows_of(tmp_path / "edges.csv")[0], rows_of(tmp_path / "landmarks.csv")[0]
    assert edges[:4] == ["child_qid", "child_label", "parent_qid", "parent_label"]
    assert edges[7:10] == [
        "decision (add, remove, keep or unsure; empty: skip this row)",
        "other_parent_qid (class that the child is a subclass of; adds that edge)",
        "reason (why, in a few words)",
    ]
    assert landmarks[:3] == ["split", "landmark_id", "category"]
    assert landmarks[6] == "decision (assign, reject or unsure; empty: skip this row)"
    assert rows_of(tmp_path / "landmarks.csv")[1][:3] == ["train", "7", "X"]


def test_the_bytes_are_those_that_spreadsheets_open_best(tmp_path: Path) -> None:
    """A byte order mark, CRLF, quotes round every cell, guards, and nulls as empty cells."""
    queue = queue_of("classes", [("Q1", '=HYPERLINK("http://x")')]).assign(candidates=None, image_count=pd.NA)
    write("classes", queue, tmp_path / "sheet.csv", {})
    content = (tmp_path / "sheet.csv").read_bytes()
    assert content.startswith(b'\xef\xbb\xbf"class_qid","class_label","doubt"')
    cells = ["Q1", '\'=HYPERLINK(""http://x"")', "contested", "two labels", "", "", "", "", HASH, ""]
    assert content.decode().splitlines(keepends=True)[1] == ",".join(f'"{cell}"' for cell in cells) + "\r\n"
    assert content.count(b"\n") == content.count(b"\r\n") == 2


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_words_of_the_first_column_that_hold_a_separator_are_left_out(tmp_path: Path, separator: str) -> None:
    """There LibreOffice may take the byte order mark and the quotes for letters, and would split the cell."""
    queue = queue_of("classes", [("Q1", "kirk")])
    write("classes", queue, tmp_path / "split.csv", {"class_qid": f"the{separator}class"})
    write("classes", queue, tmp_path / "whole.csv", {"class_qid": "the class"})
    assert rows_of(tmp_path / "split.csv")[0][0] == "class_qid"
    assert rows_of(tmp_path / "whole.csv")[0][0] == "class_qid (the class)"


def test_the_same_queue_gives_the_same_bytes_and_leaves_nothing_beside(tmp_path: Path) -> None:
    queue = queue_of("landmarks", [("train", 7, "X"), ("index", 7, "Y")])
    for name in ("one.csv", "two.csv"):
        write("landmarks", queue, tmp_path / name, {})
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.csv", "two.csv"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_worksheet_of_no_rows_is_a_header(tmp_path: Path, kind: str) -> None:
    write(kind, queue_of(kind, []), tmp_path / "sheet.csv", {})
    assert len(rows_of(tmp_path / "sheet.csv")) == 1
    assert read(tmp_path / "sheet.csv") == (kind, [])


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").write_text("the work of a day")
    with pytest.raises(CurationError, match=r"sheet\.csv: is there already\. Remedy: name another file"):
        write("classes", queue_of("classes", [("Q1", "kirk")]), tmp_path / "sheet.csv", {})
    assert [path.read_text() for path in tmp_path.iterdir()] == ["the work of a day"]


@pytest.mark.parametrize("place", ["absent/sheet.csv", "file/sheet.csv", "x" * 300])
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CurationError, match=r"not written \(.+\)\. Remedy: "):
        write("classes", queue_of("classes", [("Q1", "kirk")]), tmp_path / place, {})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(("owner", "name"), [(os, "fsync"), (Path, "replace")])
def test_a_write_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str
) -> None:
    """Whatever came before the renaming is not seen under the name of the worksheet."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(owner, name, full)
    with pytest.raises(CurationError, match="No space left"):
        write("classes", queue_of("classes", [("Q1", "kirk")]), tmp_path / "sheet.csv", {})
    assert not list(tmp_path.iterdir())


def test_a_cell_that_a_spreadsheet_would_cut_is_not_written(tmp_path: Path) -> None:
    write("classes", queue_of("classes", [("Q1", "x" * MAX_CELL)]), tmp_path / "fits.csv", {})
    assert read(tmp_path / "fits.csv") == ("classes", [])
    with pytest.raises(CurationError, match=r"class_label of row 2 \(Q2\) has 32768 characters.*Remedy: "):
        write("classes", queue_of("classes", [("Q1", "a"), ("Q2", "-" * MAX_CELL)]), tmp_path / "cut.csv", {})
    assert not (tmp_path / "cut.csv").exists()


# --------------------------------------------------------------------------------------------------------- round trip
NAME = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
    st.text(st.sampled_from("'\"=+-@,;\t\r\n\\ aא١½🗼\u200f\u2028\ufeff"), max_size=8),
)
WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Z"]), max_size=12)  # no blanks, so nothing to trim
QID = st.integers(1, 10**9).map("Q{}".format)


@st.composite
def verdicts_of(draw: st.DrawFn, kind: str) -> list[Verdict]:
    """Verdicts on different subjects, some of them no verdict yet: an empty decision with nothing else filled."""
    ids = {
        "classes": st.tuples(QID),
        "edges": st.tuples(QID, QID),
        "landmarks": st.tuples(st.sampled_from(["train", "index"]), st.integers(0, 10**6).map(str)),
    }[kind]
    verdicts = []
    for one in draw(st.lists(ids, min_size=1, max_size=4, unique=True)):
        names = tuple(draw(NAME) for _ in range(2 if kind == "edges" else 1))
        verdict = Verdict(kind, one, "", names=names, evidence_hash=HASH)
        decision = draw(st.sampled_from(["", *TABLES[TABLE_OF[kind]].decisions]))
        if decision:
            other = "other_parent_qid" if kind == "edges" else "hierarchical_label"
            verdict = replace(verdict, decision=decision, reason=draw(WORDS), **{other: draw(WORDS)})
        verdicts.append(verdict)
    return verdicts


@pytest.mark.parametrize("kind", KINDS)
@LAWFUL
@given(data=st.data())
def test_what_was_written_and_filled_is_read_back(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    verdicts = data.draw(verdicts_of(kind))
    save(filled(verdicts, tmp_path / "sheet.csv", {}), tmp_path / "filled.csv", quoting=csv.QUOTE_ALL)
    found, read_back = read(tmp_path / "filled.csv")
    assert found == kind
    assert placeless(read_back) == [verdict for verdict in verdicts if verdict.decision]


@pytest.mark.parametrize("kind", KINDS)
@LAWFUL
@given(data=st.data())
def test_every_spelling_of_a_worksheet_is_the_same_worksheet(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    """Separators, line ends, the mark, quotes, blank rows, order and letter case of columns, and columns added."""
    verdicts = data.draw(verdicts_of(kind))
    rows = filled(verdicts, tmp_path / "sheet.csv", {})
    if data.draw(st.booleans(), label="header without words"):
        rows[0] = [cell.split(" (")[0] for cell in rows[0]]
    rows[0] = [data.draw(st.sampled_from([str, str.upper, str.title, "  {}  ".format]))(cell) for cell in rows[0]]
    rows = [[*row, note, ""] for row, note in zip(rows, ["My notes", *["note; or, two"] * len(verdicts)], strict=True)]
    order = data.draw(st.permutations(range(len(rows[0]))), label="order of columns")
    rows = [[row[place] for place in order] for row in rows]
    blank = [""] * len(order)
    for place in data.draw(st.lists(st.integers(0, len(rows)), max_size=3), label="blank rows"):
        rows.insert(place, data.draw(st.sampled_from([blank, [], [" ", ""]])))
    # Python's writer leaves a lone CR without quotes where lines end in LF and only what needs quotes gets them.
    styles = [("\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_MINIMAL)]
    line_end, quoting = data.draw(st.sampled_from(styles))
    save(
        rows,
        tmp_path / "filled.csv",
        separator=data.draw(st.sampled_from(",;\t")),
        encoding=data.draw(st.sampled_from(["utf-8", "utf-8-sig"])),
        lineterminator=line_end,
        quoting=quoting,
    )
    found, read_back = read(tmp_path / "filled.csv")
    assert found == kind
    assert placeless(read_back) == [verdict for verdict in verdicts if verdict.decision]


@given(content=st.one_of(st.binary(max_size=60), st.text("\"',;\t\r\n =aQ1", max_size=60).map(str.encode)))
@LAWFUL
def test_whatever_the_file_holds_it_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    """After the header too: verdicts or a CurationError, and no other exception."""
    for text in (content, CLASSES.encode() + content):
        try:
            kind, _ = read_text(tmp_path, text)
        except CurationError as refusal:
            kind, message = "", refusal.message
        assert kind == "classes" or "Remedy: " in message


# ---------------------------------------------------------------------------------------------------- what is read how
def test_a_verdict_says_where_its_row_begins_as_an_editor_shows_it(tmp_path: Path) -> None:
    rows = 'Q1,"kirk\nkerk",ignore,,no,h\n\nQ2,tower,,,,h\r\n,,,,,\nQ3,mill,unsure,,"why\r\nnot",h\nQ4,x,ignore,,y,h\n'
    _, verdicts = read_text(tmp_path, CLASSES + rows)
    assert [verdict.where for verdict in verdicts] == [f"{tmp_path / 'filled.csv'}:{line}" for line in (2, 7, 9)]


def test_filled_cells_are_trimmed_decisions_lower_cased_and_reasons_made_one_line(tmp_path: Path) -> None:
    row = 'Q1,kirk, Assign\u00a0, church ,"\r\n seen \r\n\n by me\u2028twice\n",abcdefghijkl\n'
    _, verdicts = read_text(tmp_path, CLASSES + row)
    assert placeless(verdicts) == [replace(CHURCH, reason="seen by me twice")]


def test_cells_are_unguarded_once(tmp_path: Path) -> None:
    row = "'Q1,''Opaeka'a Falls,'assign,'church,''-2 votes,'abcdefghijkl\n"
    _, verdicts = read_text(tmp_path, CLASSES + row)
    assert placeless(verdicts) == [replace(CHURCH, names=("'Opaeka'a Falls",), reason="'-2 votes")]


def test_names_keep_their_blanks_and_ids_lose_them(tmp_path: Path) -> None:
    _, verdicts = read_text(tmp_path, CLASSES + f" Q1 , kirk ,assign,church,seen, {HASH} \n")
    assert placeless(verdicts) == [replace(CHURCH, names=(" kirk ",))]


def test_an_edge_and_a_landmark_have_their_ids_and_names_in_order(tmp_path: Path) -> None:
    kind, verdicts = read_text(tmp_path, EDGES + f"Q1,a,Q2,b,remove,Q3,why,{HASH}\n")
    edge = Verdict("edges", ("Q1", "Q2"), "remove", "", "Q3", "why", ("a", "b"), HASH)
    assert (kind, placeless(verdicts)) == ("edges", [edge])
    kind, verdicts = read_text(tmp_path, LANDMARKS + f"index,7,X,assign,church,why,{HASH}\n")
    landmark = Verdict("landmarks", ("index", "7"), "assign", "church", "", "why", ("X",), HASH)
    assert (kind, placeless(verdicts)) == ("landmarks", [landmark])


def test_the_column_of_another_parent_may_be_missing(tmp_path: Path) -> None:
    text = EDGES.replace("other_parent_qid,", "") + f"Q1,a,Q2,b,keep,why,{HASH}\n"
    _, verdicts = read_text(tmp_path, text)
    assert (verdicts[0].decision, verdicts[0].other_parent_qid) == ("keep", "")


def test_columns_of_other_kinds_are_ignored_where_the_worksheet_is_complete(tmp_path: Path) -> None:
    """A landmark's class may stand beside it, and a class's parent."""
    text = "class_qid,other_parent_qid," + LANDMARKS + f"Q1,Q2,train,7,X,assign,church,why,{HASH}\n"
    kind, verdicts = read_text(tmp_path, text)
    assert (kind, verdicts[0].ids, verdicts[0].other_parent_qid) == ("landmarks", ("train", "7"), "")


def test_the_mark_and_quotes_that_libreoffice_takes_for_letters_are_understood(tmp_path: Path) -> None:
    text = CLASSES.replace("class_qid", '"\ufeff""class_qid (the class)"""')
    _, verdicts = read_text(tmp_path, text + f"Q1,kirk,assign,church,seen,{HASH}\n")
    assert placeless(verdicts) == [CHURCH]


def test_empty_cells_at_the_end_may_be_missing_or_many(tmp_path: Path) -> None:
    """Excel leaves out empty cells at the end of some rows, and adds some where a column was emptied."""
    text = CLASSES.strip() + ",note\n" + f"Q1,kirk,assign,church,seen,{HASH}\nQ2,x,ignore,,no,{HASH},a note,, ,\n"
    _, verdicts = read_text(tmp_path, text)
    assert [verdict.ids for verdict in verdicts] == [("Q1",), ("Q2",)]


def test_a_name_that_a_spreadsheet_changed_is_handed_on_as_it_stands(tmp_path: Path) -> None:
    """So that the caller, who knows the name, sees that they differ."""
    _, verdicts = read_text(tmp_path, CLASSES + f"Q1,09/11/2026,ignore,,no,{HASH}\n")
    assert verdicts[0].names == ("09/11/2026",)


# ------------------------------------------------------------------------------------------------------------ refusals
@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("Q1,kirk,assign,church,seen", "2: has 5 cells, the header 6. Remedy: put quotes round"),
        ("Q1,kirk,assign,church,seen,h,more", "2: has 7 cells, the header 6. Remedy: put quotes round"),
        ("Q1,kirk,,church,,h", "2: Q1 (kirk): hierarchical_label without a decision. Remedy: write the decision"),
        ("Q1,kirk, ,church,seen,h", "2: Q1 (kirk): hierarchical_label and reason without a decision. Remedy: "),
        ("Q1,,,,seen,h", "2: Q1: reason without a decision. Remedy: write the decision, or empty the row"),
        (",kirk,assign,church,seen,h", "2: (kirk): the decision is about no id. Remedy: restore the ids"),
        ('Q1,kirk,assign,church,"seen,h', "2: not CSV from here on (a quote is never closed). Remedy: look for"),
        ('Q1,"kirk"s,assign,church,seen,h', "2: not CSV from here on (',' expected after '\"'). Remedy: look for"),
        (f"Q1,kirk,assign,church,{'x' * 32_768},h", "2: a cell of more than 32767 characters. Remedy: look for"),
        (f"Q1,kirk,assign,church,{'x' * 140_000},h", "2: not CSV from here on (field larger than field limit"),
        ("Q1,kirk,assign,chu\0rch,seen,h", "2: a NUL byte, so not CSV in UTF-8. Remedy: save it as"),
    ],
)
def test_a_row_that_is_not_clear_is_refused(tmp_path: Path, row: str, problem: str) -> None:
    (found,) = refusal_of(tmp_path, f"{CLASSES}{row}\n")
    assert found.startswith(problem)


def test_an_id_that_stands_twice_is_refused_decided_or_not(tmp_path: Path) -> None:
    rows = "train,7,X,assign,church,a,h\nindex,7,X,reject,,b,h\n'train, 7,X,,,,h\n"
    (found,) = refusal_of(tmp_path, LANDMARKS + rows)
    first = f"{tmp_path / 'filled.csv'}:2"
    assert found == f"4: train 7 (X): stands twice, first at {first}. Remedy: keep one of the two rows"


def test_another_parent_without_a_decision_is_refused(tmp_path: Path) -> None:
    (found,) = refusal_of(tmp_path, EDGES + "Q1,a,Q2,b,,Q3,,h\n")
    assert found.startswith("2: Q1 Q2 (a): other_parent_qid without a decision. Remedy: ")


def test_every_problem_is_listed_in_the_order_of_the_file(tmp_path: Path) -> None:
    rows = 'Q1,a,ignore,,x\nQ2,b,ignore,,x,h\nQ2,b,ignore,,x,h\nQ3,c,,,x,h\nQ4,d,ignore,,"x,h\n'
    found = refusal_of(tmp_path, CLASSES + rows)
    assert [problem.partition(":")[0] for problem in found] == ["2", "4", "5", "6"]


@pytest.mark.parametrize("name", ["class_label", "decision", "hierarchical_label", "reason", "evidence_hash"])
def test_a_column_that_is_needed_is_missed_or_refused_twice(tmp_path: Path, name: str) -> None:
    without = CLASSES.strip().replace(name, "other") + "\n"
    assert refusal_of(tmp_path, without)[0].startswith(f"1: no column {name}. Remedy: put the header back")
    twice = f"{CLASSES.strip()},{name.upper()} (again)\n"
    assert refusal_of(tmp_path, twice)[0].startswith(f"1: column {name} stands twice. Remedy: rename or delete")


def test_a_column_of_another_parent_that_stands_twice_is_refused(tmp_path: Path) -> None:
    assert "other_parent_qid stands twice" in refusal_of(tmp_path, EDGES.strip() + ",other_parent_qid\n")[0]


@pytest.mark.parametrize("header", ["a,b,c", "class_label,decision", CLASSES.strip() + "," + LANDMARKS.strip(), '"a'])
def test_a_file_of_none_of_the_kinds_is_refused(tmp_path: Path, header: str) -> None:
    (found,) = refusal_of(tmp_path, f"{header}\nx\n")
    assert found.startswith(("1: the columns are not those of one worksheet of", "1: not CSV from here on"))


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\r\n\r\n", b" , ,\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    assert refusal_of(tmp_path, content) == ["empty. Remedy: make a new one with `hgld worksheet`"]


@pytest.mark.parametrize(
    ("encoding", "problem"),
    [
        ("utf-16", "1: not UTF-8."),  # Excel's "Unicode text"
        ("utf-16-le", "1: a NUL byte, so not CSV in UTF-8."),
        ("cp1252", "3: not UTF-8."),
        ("mac-roman", "3: not UTF-8."),
        ("shift-jis", "3: not UTF-8."),
    ],
)
def test_another_encoding_is_refused_with_the_way_to_save(tmp_path: Path, encoding: str, problem: str) -> None:
    name = {"shift-jis": "教会", "utf-16-le": "kirk"}.get(encoding, "église")
    text = CLASSES + f"Q1,kirk,,,,h\nQ2,{name},ignore,,no,h\n"
    (found,) = refusal_of(tmp_path, text.encode(encoding))
    assert found.startswith(f'{problem} Remedy: save it as "CSV UTF-8" (Excel), or as Text CSV')


@pytest.mark.parametrize("magic", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
def test_a_spreadsheet_that_is_not_csv_is_refused_with_the_way_to_save(tmp_path: Path, magic: bytes) -> None:
    (found,) = refusal_of(tmp_path, magic + bytes(100))
    assert found.startswith('a spreadsheet\'s own file, not CSV. Remedy: save it as "CSV UTF-8" (Excel)')


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "filled.csv"
    path.touch()
    os.truncate(path, MAX_BYTES + 1)
    with pytest.raises(CurationError, match=r"filled\.csv: over 64 MB\. Remedy: decide it in parts"):
        read(path)


@pytest.mark.parametrize("name", ["absent.csv", ".", "x" * 300])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CurationError, match=r"Remedy: name a file made by `hgld worksheet`"):
        read(tmp_path / name)
