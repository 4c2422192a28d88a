"""How a curated table is written: under one lock, whole or not at all, and rows taken back without losing history.

For `hgld decide` and the review page. A kill at any moment leaves the table as it was or as it was to be.
"""

import contextlib
import csv
import fcntl
import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from annotations import store
from annotations.store import TABLES, sort_value

Row = dict[str, str]


@contextlib.contextmanager
def locked(folder: Path = store.FOLDER) -> Iterator[None]:
    """Hold the lock of the curated tables; who comes second waits. The operating system frees it if the process dies.

    The folder itself is what is locked: a lock file would lie among the tables, which are a dependency of the build.
    """
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def with_rows(name: str, decisions: pd.DataFrame, rows: list[Row]) -> pd.DataFrame:
    """The table with these rows, each in place of the one with its key, in key order."""
    key = TABLES[name].key
    columns = list(TABLES[name].columns)
    by_key = {tuple(row[part] for part in key): row for row in [*decisions[columns].to_dict("records"), *rows]}
    order = sorted(by_key.values(), key=lambda row: [sort_value(part, row[part]) for part in key])
    return pd.DataFrame(order, columns=columns, dtype="str")


def without_rows(name: str, decisions: pd.DataFrame, rows: list[Row]) -> pd.DataFrame:
    """The table without the rows that have the key of one of these."""
    key = list(TABLES[name].key)
    gone = {tuple(row[part] for part in key) for row in rows}
    keys = decisions[key].itertuples(index=False, name=None)
    return decisions.loc[[found not in gone for found in keys], list(TABLES[name].columns)].reset_index(drop=True)


def row_at(name: str, decisions: pd.DataFrame, row: Row) -> Row | None:
    """The row of the table that has the key of this one."""
    key = list(TABLES[name].key)
    found = decisions[(decisions[key] == [row[part] for part in key]).all(axis=1)]
    return found[list(TABLES[name].columns)].to_dict("records")[0] if len(found) else None


def text_of(name: str, frame: pd.DataFrame) -> str:
    """The table as it lies in git: LF, quotes only where they are needed."""
    columns = list(TABLES[name].columns)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([columns, *frame[columns].itertuples(index=False, name=None)])
    return text.getvalue()


def write(name: str, frame: pd.DataFrame, path: Path) -> None:
    """Put the table in the place of the file, whole or not at all."""
    for stale in path.parent.glob(f".{path.name}.*.part"):  # of a run that was killed; the lock is ours
        stale.unlink(missing_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("w", encoding="utf-8", newline="") as opened:
            opened.write(text_of(name, frame))
            opened.flush()
            os.fsync(opened.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def taken_back(
    name: str, decisions: pd.DataFrame, written: list[Row], replaced: list[Row], path: Path, today: str
) -> pd.DataFrame:
    """The table after rows are taken back.

    A row that took the place of another gives it back. One that git has is answered by an `unsure` row that says so,
    since others may have built on it; one that git does not have yet goes.

    Args:
        name: of the table.
        decisions: the table as it is.
        written: rows to take back, which must stand in it as they are here.
        replaced: rows that stood in the place of some of them.
        path: where it lies.
        today: ISO date.

    Raises:
        CurationError: a row was changed or removed since.
    """
    changed = [row for row in written if row_at(name, decisions, row) != row]
    if changed:
        about = " ".join(changed[0][part] for part in TABLES[name].key)
        raise store.CurationError([f"{path}: {about}: changed since it was saved here. Remedy: look at the row again"])
    in_git = committed_rows(name, path)
    old = {tuple(row[part] for part in TABLES[name].key) for row in replaced}
    new = [row for row in written if tuple(row[part] for part in TABLES[name].key) not in old]
    retractions = [_retraction(row, today) for row in new if row in in_git]
    kept = without_rows(name, decisions, [row for row in new if row not in in_git])
    return with_rows(name, kept, [*replaced, *retractions])


def committed_rows(name: str, path: Path) -> list[Row]:
    """Rows of the table as git has it at HEAD; none where there is no repository or no commit of it."""
    command = ["git", "show", f"HEAD:./{path.name}"]
    try:
        text = subprocess.run(command, cwd=path.parent, capture_output=True, check=True).stdout.decode("utf-8")
    except (OSError, subprocess.CalledProcessError, UnicodeDecodeError):
        return []
    return [row for row in csv.DictReader(io.StringIO(text, newline="")) if set(row) == set(TABLES[name].columns)]


def _retraction(row: Row, today: str) -> Row:
    said = " ".join(filter(None, (row["decision"], row.get("hierarchical_label", ""))))
    emptied = {"hierarchical_label": ""} if "hierarchical_label" in row else {}
    reason = f"Retracts {said} of {row['reviewed_on']}."
    return row | emptied | {"decision": "unsure", "reviewed_on": today, "reason": reason}
