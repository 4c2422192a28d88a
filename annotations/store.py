"""The curated tables as they lie in git: declared once, read strictly, with the line of every row kept for messages.

For the stages and commands that apply or check decisions. Every cell is text; nothing is guessed or repaired.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import click
import pandas as pd

ADJUDICATOR = "adjudicated"
MAX_PROBLEMS_SHOWN = 20


class CurationError(click.ClickException):
    """Curated tables or worksheets that break their rules; every problem is listed, exit code 1."""

    def __init__(self, problems: list[str], heading: str = "the curated tables break their rules:") -> None:
        shown = problems[:MAX_PROBLEMS_SHOWN]
        more = [f"... and {len(problems) - len(shown)} more"] if len(problems) > len(shown) else []
        super().__init__("\n  ".join([heading, *shown, *more]))
        self.problems = problems


@dataclass(frozen=True)
class Curated:
    """One curated table: its columns, its key, and the decisions it allows (with whether they take a label).

    `subject` is what verdicts are compared by, where that is not the key without the reviewer.
    """

    columns: tuple[str, ...]
    key: tuple[str, ...]
    decisions: tuple[str, ...] = ()
    qids: tuple[str, ...] = ()
    subject: tuple[str, ...] = ()

    @property
    def id_columns(self) -> list[str]:
        """The key without the reviewer: what a decision is about."""
        return [name for name in self.key if name != "reviewer"] or list(self.key)

    @property
    def subject_columns(self) -> list[str]:
        """What verdicts are compared by: two verdicts about the same subject agree, or conflict."""
        return list(self.subject) or self.id_columns


_VERDICT = ("reviewer", "reviewed_on", "evidence_hash", "reason")
TABLES = {
    "taxonomy": Curated(
        ("hierarchical_label", "natural_or_human_made", "priority", "description"), ("hierarchical_label",)
    ),
    "anchors": Curated(("class_qid", "class_label", "hierarchical_label", "note"), ("class_qid",), qids=("class_qid",)),
    "class_decisions": Curated(
        ("class_qid", "class_label", "decision", "hierarchical_label", *_VERDICT),
        ("class_qid", "reviewer"),
        ("assign", "ignore", "unsure"),
        ("class_qid",),
    ),
    "edge_decisions": Curated(
        ("child_qid", "child_label", "parent_qid", "parent_label", "decision", *_VERDICT),
        ("child_qid", "parent_qid", "reviewer"),
        ("add", "remove", "keep", "unsure"),
        ("child_qid", "parent_qid"),
    ),
    "landmark_decisions": Curated(
        ("split", "landmark_id", "category", "decision", "hierarchical_label", *_VERDICT),
        ("split", "landmark_id", "reviewer"),
        ("assign", "reject", "unsure"),
        subject=("category",),  # which gets one label in both splits
    ),
    "head_nouns": Curated(
        ("language", "head_noun", "hierarchical_label", "note"), ("language", "head_noun", "hierarchical_label")
    ),
    "reviewers": Curated(("reviewer", "name", "orcid"), ("reviewer",)),
}
FOLDER = Path("annotations")


def sort_value(name: str, text: str) -> tuple[int, str]:
    """Order of a key cell: landmark ids by number, everything else as text, as a spreadsheet sorts them."""
    return (int(text) if name == "landmark_id" and text.isdecimal() else 0, text)


def read(name: str, path: Path | None = None) -> pd.DataFrame:
    """Read a curated table; the frame has its columns as text, and `where`, the file:line of each row.

    Raises:
        CurationError: the file is absent, not UTF-8, has other columns, or a row with another number of cells.
    """
    path = path or FOLDER / f"{name}.csv"
    if not path.exists():
        raise CurationError([f"{path}: not found. Remedy: restore it from git, or create it with its header alone"])
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise CurationError([f"{path}:{line}: not UTF-8. Remedy: save the file as UTF-8"]) from error
    if "\r" in text:
        line = text[: text.index("\r")].count("\n") + 1
        raise CurationError([f"{path}:{line}: a Windows line end. Remedy: save the file with LF line ends"])
    return _parsed(name, path, text)


def _parsed(name: str, path: Path, text: str) -> pd.DataFrame:
    """The rows of a table with the line on which each begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[str, ...]] = []
    problems: list[str] = []
    line = 1
    try:
        header = next(reader, [])
        columns = _columns(name, header)
        if header != columns:
            raise CurationError([f"{path}:1: the columns are not {','.join(columns)}. Remedy: restore the header"])
        line = reader.line_num + 1
        for row in reader:
            if len(row) != len(columns):
                what = f"{len(row)} cells, expected {len(columns)}"
                problems.append(f"{path}:{line}: {what}. Remedy: quote cells that hold a comma")
            else:
                rows.append((*row, f"{path}:{line}"))
            line = reader.line_num + 1
    except csv.Error as error:
        problems.append(f"{path}:{line}: {error}. Remedy: check the quotes of that row")
    if problems:
        raise CurationError(problems)
    return pd.DataFrame(rows, columns=[*columns, "where"], dtype=str)


def levels(taxonomy: pd.DataFrame) -> list[str]:
    """Names of the levels above the label, from fine to coarse: the columns between the label and its priority."""
    names = list(taxonomy.columns)
    return names[1 : names.index("priority")]


def _columns(name: str, header: list[str]) -> list[str]:
    """Columns that the table must have; the levels of a taxonomy are its own."""
    columns = list(TABLES[name].columns)
    ends = [*columns[:1], *columns[-2:]]
    is_taxonomy = name == "taxonomy" and len(set(header)) == len(header) >= 4
    return header if is_taxonomy and [*header[:1], *header[-2:]] == ends else columns


def sure_verdicts(decisions: pd.DataFrame) -> pd.DataFrame:
    """The rows that judge, `unsure` left out, with `verdict`: decision and label in words, such as "assign lake"."""
    sure = decisions[decisions["decision"] != "unsure"]
    said = [column for column in ("decision", "hierarchical_label") if column in sure]
    verdicts = [" ".join(filter(None, words)) for words in sure[said].itertuples(index=False)]
    return sure.assign(verdict=pd.Series(verdicts, index=sure.index, dtype="str"))


def differing_verdicts(decisions: pd.DataFrame, table: Curated) -> pd.DataFrame:
    """The sure verdicts about every subject that has more than one, those of `adjudicated` included."""
    sure = sure_verdicts(decisions)
    return sure[sure.groupby(table.subject_columns)["verdict"].transform("nunique") > 1]


def settle(decisions: pd.DataFrame, id_columns: list[str]) -> pd.DataFrame:
    """One row an id: the adjudicated verdict where there is one, else any verdict, else `unsure`.

    The laws (annotations.laws) have made sure that verdicts which are left agree.
    """
    weight = (decisions["reviewer"] != ADJUDICATOR) + 2 * (decisions["decision"] == "unsure")
    order = decisions.assign(weight=weight).sort_values([*id_columns, "weight", "reviewer"])
    return order.drop_duplicates(id_columns).drop(columns="weight").reset_index(drop=True)
