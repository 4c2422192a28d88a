"""Worksheets through a real spreadsheet: LibreOffice opens them, saves them again, and nothing is lost.

What was seen with LibreOffice 7.4; the tokens are those of its help page on CSV filter parameters:
- "Format quoted field as text" (7th token) keeps every cell of a worksheet, as all of them are quoted, whatever else is
  set. This is the one option to tick in the import dialog.
- As it is set at first, cells that look like numbers change (`0012` to `12`, `1e5` to `100000`), one that begins with
  `=` is computed, and told of no encoding it takes the byte order mark for a letter and the quotes after it too.
- "Detect special numbers" (8th token) changes dates, times, fractions, amounts and truth values as well (`9/11` to
  `09/11/26`, `12:30` to `12:30:00 PM`, `true` to `TRUE`).
No setting takes an apostrophe away or computes a guarded cell.
"""

import csv
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from annotations.verdicts import KINDS, Verdict
from annotations.worksheet import read
from tests.tools import required_tool
from tests.worksheets import HASH, filled, save

AS_TEXT = "CSV:44,34,76,1,,0,true"
SPECIAL_NUMBERS = "CSV:44,34,76,1,,1033,false,true"  # as in the United States
SAVED = "csv:Text - txt - csv (StarCalc):{},34,76,1,,0,false,true,false"
TIMEOUT_S = 120
# Changed by one setting or another of those above.
NUMBERS = (
    "9/11",
    "1984",
    "1e5",
    "0012",
    "TRUE",
    "true",
    "3-4",
    "1/2",
    "12:30",
    "١٢",
    "2024-01-02",
    "May 5",
    "1,000",
    "5-",
)
TITLES = (
    *NUMBERS,
    "'Opaeka'a Falls",
    "''Twice",
    "'",
    "Superman: Escape from Krypton",
    'Archeological park "Tombe della via Latina"',
    '"Quoted"',
    '=HYPERLINK("http://x")',
    "=1+1",
    "-1",
    "+49",
    "@here",
    "- a dash",
    "½",
    "🗼 東京タワー",
    "قلعة حلب",
    "בית הכנסת \u200f(חיפה)",
    "Eglise e\u0301",
    "semi; colon, comma\tand tab",
    "#N/A",
    "NULL",
    "www.example.org",
    " blanks ",
    "x" * 3000,
    "long '\" text; " * 2000,
)
Convert = Callable[..., dict[str, Path]]


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Convert:
    """LibreOffice with a profile of its own: (files, target, filter to read them with) -> new files by stem."""
    soffice = required_tool("soffice", "libreoffice")
    home = tmp_path_factory.mktemp("office")

    def run(files: list[Path], target: str, infilter: str = "") -> dict[str, Path]:
        folder = tmp_path_factory.mktemp("converted")
        command = [soffice, f"-env:UserInstallation={(home / 'profile').as_uri()}", "--headless", "--norestore"]
        command += [f"--infilter={infilter}"] if infilter else []
        command += ["--convert-to", target, "--outdir", str(folder), *map(str, files)]
        environment = {**os.environ, "HOME": str(home), "LC_ALL": "C.UTF-8"}
        office = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment, start_new_session=True)
        try:
            office.wait(TIMEOUT_S)
        finally:
            if office.poll() is None:  # soffice is a script: what it started goes too
                os.killpg(office.pid, signal.SIGKILL)
                office.wait()
        return {path.stem: path for path in folder.iterdir()}

    return run


def verdicts_of(kind: str, reasons: tuple[str, ...]) -> list[Verdict]:
    """A verdict on every title, with a label and ids of its kind."""
    said = {"classes": ("assign", "church"), "edges": ("remove", ""), "landmarks": ("assign", "church")}[kind]
    verdicts = []
    for row, title in enumerate(TITLES, 1):
        ids = {"classes": (f"Q{row}",), "edges": (f"Q{row}", "Q10"), "landmarks": ("train", str(row))}[kind]
        names = (title, TITLES[-row]) if kind == "edges" else (title,)
        other = "Q5" if kind == "edges" else ""
        verdicts.append(Verdict(kind, ids, *said, other, reasons[row % len(reasons)], names, HASH))
    return verdicts


def fill(verdicts: list[Verdict], path: Path) -> Path:
    """A filled worksheet; every word of its header that may trouble a spreadsheet is there."""
    meanings = dict.fromkeys(("class_qid", "child_qid", "split", "doubt", "why"), "one; two, three")
    return save(filled(verdicts, path, meanings), path, quoting=csv.QUOTE_ALL)


def placeless(path: Path) -> tuple[str, list[Verdict]]:
    kind, verdicts = read(path)
    return kind, [replace(verdict, where="") for verdict in verdicts]


def test_a_worksheet_opened_as_text_and_saved_is_the_same_worksheet(convert: Convert, tmp_path: Path) -> None:
    """As CSV with each separator, and as .xlsx and then as CSV; reasons of every look too."""
    given = {kind: verdicts_of(kind, TITLES) for kind in KINDS}
    expected = {  # reasons lose the blanks at their ends
        kind: [replace(verdict, reason=verdict.reason.strip()) for verdict in verdicts]
        for kind, verdicts in given.items()
    }
    files = [fill(given[kind], tmp_path / f"{kind}.csv") for kind in KINDS]
    saved = [convert(files, SAVED.format(separator), AS_TEXT) for separator in (44, 59, 9)]
    workbooks = convert(files, "xlsx", AS_TEXT)
    saved.append(convert(list(workbooks.values()), SAVED.format(44)))
    for paths in saved:
        assert {stem: placeless(path) for stem, path in paths.items()} == {
            kind: (kind, expected[kind]) for kind in KINDS
        }


@pytest.mark.parametrize(
    ("infilter", "certain"), [("", {"0012", "1e5"}), (SPECIAL_NUMBERS, {"0012", "1e5", "9/11", "1/2", "12:30", "true"})]
)
def test_opened_otherwise_names_that_look_like_numbers_change_and_the_change_is_seen(
    convert: Convert, tmp_path: Path, infilter: str, certain: set[str]
) -> None:
    """Every verdict is still read, with its ids; the name that it carries is not that of the item any more."""
    given = {kind: verdicts_of(kind, ("why",)) for kind in KINDS}
    paths = convert([fill(given[kind], tmp_path / f"{kind}.csv") for kind in KINDS], "csv", infilter)
    assert set(paths) == set(KINDS)
    for kind, path in paths.items():
        found_kind, found = placeless(path)
        assert found_kind == kind
        assert [replace(verdict, names=()) for verdict in found] == [replace(v, names=()) for v in given[kind]]
        pairs = [pair for v, w in zip(given[kind], found, strict=True) for pair in zip(v.names, w.names, strict=True)]
        changed = {name for name, now in pairs if name != now}
        assert certain <= changed <= set(NUMBERS)
