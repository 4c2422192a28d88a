"""Reading the curated tables: every cell as it stands, every fault with file:line and a remedy; and settling."""

import csv
import io
from pathlib import Path
from random import Random

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from annotations.store import ADJUDICATOR, MAX_PROBLEMS_SHOWN, TABLES, CurationError, levels, read, settle, sort_value

HEADER = "class_qid,class_label,hierarchical_label,note\n"
# tmp_path is shared between the examples of one test; each example writes its file anew.
LAWFUL = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_text(folder: Path, text: str | bytes, name: str = "anchors") -> pd.DataFrame:
    path = folder / f"{name}.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(name, path)


def cells(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    return list(frame.drop(columns="where").itertuples(index=False, name=None))


def problems(folder: Path, text: str | bytes) -> str:
    """The message of a refusal, which exits 1 and names a remedy."""
    with pytest.raises(CurationError) as refusal:
        read_text(folder, text)
    assert refusal.value.exit_code == 1
    assert "Remedy: " in refusal.value.message
    return refusal.value.message


# ----------------------------------------------------------------------------------------------------- lawful files
def test_rows_carry_their_file_and_line_as_an_editor_shows_them(tmp_path: Path) -> None:
    frame = read_text(tmp_path, HEADER + "Q1,one,church,\nQ2,two,church,\n")
    assert list(frame["where"]) == [f"{tmp_path / 'anchors.csv'}:{line}" for line in (2, 3)]
    assert list(frame.columns) == [*TABLES["anchors"].columns, "where"]


def test_a_header_alone_is_an_empty_table_with_its_columns(tmp_path: Path) -> None:
    frame = read_text(tmp_path, HEADER)
    assert frame.empty
    assert list(frame.columns) == [*TABLES["anchors"].columns, "where"]


def test_cells_are_text_and_stay_as_they_are(tmp_path: Path) -> None:
    row = ("007", " NA ", "null", "1e5, \"quoted\" = 'x'\nnext line")
    text = HEADER + '007, NA ,null,"1e5, ""quoted"" = \'x\'\nnext line"\n'
    assert cells(read_text(tmp_path, text)) == [row]


def test_a_file_without_a_last_line_end_is_read_whole(tmp_path: Path) -> None:
    assert cells(read_text(tmp_path, HEADER + "Q1,one,church,")) == [("Q1", "one", "church", "")]


def test_rows_after_a_cell_of_two_lines_keep_the_lines_of_the_editor(tmp_path: Path) -> None:
    frame = read_text(tmp_path, HEADER + 'Q1,one,church,"first\nsecond"\nQ2,two,church,\n')
    assert frame["where"].iloc[1].endswith("anchors.csv:4")


def test_a_row_of_two_lines_is_named_by_its_first(tmp_path: Path) -> None:
    frame = read_text(tmp_path, HEADER + 'Q1,one,church,"first\nsecond"\n')
    assert frame["where"].iloc[0].endswith("anchors.csv:2")


CELL = st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=8)


@LAWFUL
@given(rows=st.lists(st.tuples(CELL, CELL, CELL, CELL), max_size=4))
@example(rows=[("Q1", "a label with a\u2028line separator", "church", "")])
@example(rows=[("Q1", "a label with a\x85next line", "church", "")])
def test_what_a_csv_writer_wrote_is_read_back(tmp_path: Path, rows: list[tuple[str, str, str, str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    assert cells(read_text(tmp_path, HEADER + text.getvalue())) == rows


# -------------------------------------------------------------------------------------------------- malformed files
def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CurationError, match=r"anchors\.csv: not found\. Remedy: restore it from git"):
        read("anchors", tmp_path / "anchors.csv")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "class_qid,class_label,hierarchical_label\nQ1,one,church\n",
        "class_label,class_qid,hierarchical_label,note\none,Q1,church,\n",
        "class_qid,class_label,hierarchical_label,note,extra\nQ1,one,church,,\n",
        "class_qid;class_label;hierarchical_label;note\nQ1;one;church;\n",
        "Class_qid,class_label,hierarchical_label,note\n",
        "\ufeff" + HEADER,
        "Q1,one,church,\n",
    ],
)
def test_another_header_is_refused_with_the_one_expected(tmp_path: Path, text: str) -> None:
    message = problems(tmp_path, text)
    assert "anchors.csv:1: " in message
    assert HEADER.strip() in message


@pytest.mark.parametrize(
    ("row", "count"),
    [("Q2,two,church", 3), ("Q2,two,church,a note, with a comma", 5), ("Q2", 1), ("", 0), ("Q2;two;church;", 1)],
)
def test_a_row_with_another_number_of_cells_is_refused(tmp_path: Path, row: str, count: int) -> None:
    message = problems(tmp_path, f"{HEADER}Q1,one,church,\n{row}\nQ3,three,church,\n")
    assert f"anchors.csv:3: {count} cells, expected 4" in message


def test_every_row_with_another_number_of_cells_is_listed(tmp_path: Path) -> None:
    message = problems(tmp_path, HEADER + "Q1,one\nQ2,two,church,\nQ3\n")
    assert "anchors.csv:2: 2 cells" in message
    assert "anchors.csv:4: 1 cells" in message
    assert "anchors.csv:3" not in message


def test_a_long_list_of_problems_is_cut_and_counted(tmp_path: Path) -> None:
    message = problems(tmp_path, HEADER + "Q1\n" * (MAX_PROBLEMS_SHOWN + 7))
    assert message.count("1 cells, expected 4") == MAX_PROBLEMS_SHOWN
    assert message.endswith("... and 7 more")


def test_text_after_a_closing_quote_is_refused(tmp_path: Path) -> None:
    message = problems(tmp_path, HEADER + 'Q1,one,church,\nQ2,"two" church,church,\n')
    assert "anchors.csv:3: " in message
    assert "quotes" in message


def test_a_quote_that_is_never_closed_is_refused(tmp_path: Path) -> None:
    assert "quotes" in problems(tmp_path, HEADER + 'Q1,"one,church,\nQ2,two,church,\nQ3,three,church,\n')


def test_a_quote_that_is_never_closed_is_named_by_the_row_that_opens_it(tmp_path: Path) -> None:
    message = problems(tmp_path, HEADER + 'Q1,one,church,\nQ2,"two,church,\nQ3,three,church,\nQ4,four,church,\n')
    assert "anchors.csv:3: " in message


def test_a_byte_that_is_not_utf8_is_named_by_its_line(tmp_path: Path) -> None:
    message = problems(tmp_path, HEADER.encode() + b"Q1,one,church,\nQ2,caf\xe9,church,\n")
    assert "anchors.csv:3: not UTF-8" in message


def test_utf16_is_refused(tmp_path: Path) -> None:
    assert "anchors.csv:1: not UTF-8" in problems(tmp_path, HEADER.encode("utf-16"))


def test_windows_line_ends_are_refused(tmp_path: Path) -> None:
    # The tables are UTF-8 with LF: a spreadsheet's CRLF would change every line in git.
    assert "anchors.csv:" in problems(tmp_path, (HEADER + "Q1,one,church,\n").replace("\n", "\r\n"))


# ------------------------------------------------------------------------------------------------- taxonomy's levels
def test_levels_of_a_taxonomy_are_the_columns_between_label_and_priority(tmp_path: Path) -> None:
    text = "hierarchical_label,group,realm,priority,description\nchurch,worship,human-made,1,\n"
    assert levels(read_text(tmp_path, text, "taxonomy")) == ["group", "realm"]


@pytest.mark.parametrize(
    "header",
    [
        "hierarchical_label,priority,description",
        "label,natural_or_human_made,priority,description",
        "hierarchical_label,natural_or_human_made,description,priority",
        "hierarchical_label,natural_or_human_made,priority",
        "hierarchical_label,realm,realm,priority,description",
    ],
)
def test_a_taxonomy_without_label_level_priority_and_description_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(CurationError, match=r"taxonomy\.csv:1: "):
        read_text(tmp_path, header + "\n", "taxonomy")


# ------------------------------------------------------------------------------------------------------------ order
def test_landmark_ids_are_ordered_by_number_and_other_keys_as_text() -> None:
    assert sort_value("landmark_id", "9") < sort_value("landmark_id", "10")
    assert sort_value("class_qid", "Q10") < sort_value("class_qid", "Q9")
    assert sort_value("reviewer", "10") < sort_value("reviewer", "9")


# ----------------------------------------------------------------------------------------------------------- settle
IDS = ["Q1", "Q2", "Q3"]
REVIEWERS = [ADJUDICATOR, "aaron", "bob", "zoe"]  # aaron sorts before the adjudicator
VERDICT = st.sampled_from([("assign", "church"), ("assign", "lake"), ("ignore", ""), ("unsure", "")])
Verdicts = dict[tuple[str, str], tuple[str, str]]
DECISIONS = st.dictionaries(st.tuples(st.sampled_from(IDS), st.sampled_from(REVIEWERS)), VERDICT)


def decision_table(verdicts: Verdicts) -> pd.DataFrame:
    rows = [(qid, reviewer, *verdict, f"file:{n}") for n, ((qid, reviewer), verdict) in enumerate(verdicts.items(), 2)]
    return pd.DataFrame(rows, columns=["class_qid", "reviewer", "decision", "hierarchical_label", "where"], dtype=str)


def settled(verdicts: Verdicts) -> dict[str, tuple[str, str]]:
    frame = settle(decision_table(verdicts), ["class_qid"])
    assert frame["class_qid"].is_unique
    return {row.class_qid: (row.decision, row.hierarchical_label) for row in frame.itertuples()}


@LAWFUL
@given(verdicts=DECISIONS)
def test_an_adjudicated_verdict_wins_and_unsure_never_does(verdicts: Verdicts) -> None:
    found = settled(verdicts)
    assert set(found) == {qid for qid, _ in verdicts}
    for qid, verdict in found.items():
        by_reviewer = {reviewer: said for (about, reviewer), said in verdicts.items() if about == qid}
        sure = {reviewer: said for reviewer, said in by_reviewer.items() if said[0] != "unsure"}
        if ADJUDICATOR in sure:
            assert verdict == sure[ADJUDICATOR]
        else:
            assert verdict in (sure or by_reviewer).values()


@LAWFUL
@given(verdicts=DECISIONS, order=st.randoms(use_true_random=False))
def test_settling_does_not_depend_on_the_order_of_the_rows(verdicts: Verdicts, order: Random) -> None:
    rows = list(verdicts.items())
    order.shuffle(rows)
    assert settled(dict(rows)) == settled(verdicts)


def test_settled_rows_are_whole_rows_of_the_table() -> None:
    table = decision_table({("Q1", "ann"): ("unsure", ""), ("Q1", "bob"): ("assign", "lake")})
    found = settle(table, ["class_qid"])
    assert found.to_dict("records") == [table.iloc[1].to_dict()]


def test_settling_no_decisions_gives_none() -> None:
    assert settle(decision_table({}), ["class_qid"]).empty


def test_an_edge_is_settled_by_both_its_ends() -> None:
    rows = [("Q1", "Q2", "ann", "remove"), ("Q1", "Q2", "bob", "unsure"), ("Q1", "Q3", "ann", "keep")]
    table = pd.DataFrame(rows, columns=["child_qid", "parent_qid", "reviewer", "decision"])
    found = settle(table, ["child_qid", "parent_qid"])
    assert list(found["decision"]) == ["remove", "keep"]
