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
Stamp = tuple[int, int, int]
Key = tuple[str, ...]
_NOT_SAVED = "nothing was saved:"


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
    by_key = rows_by_key(name, decisions) | {key_of(name, row): row for row in rows}
    order = sorted(by_key.values(), key=lambda row: [sort_value(part, row[part]) for part in TABLES[name].key])
    return pd.DataFrame(order, columns=list(TABLES[name].columns), dtype="str")


def without_rows(name: str, decisions: pd.DataFrame, rows: list[Row]) -> pd.DataFrame:
    """The table without the rows that have the key of one of these."""
    gone = {key_of(name, row) for row in rows}
    keys = decisions[list(TABLES[name].key)].itertuples(index=False, name=None)
    return decisions.loc[[found not in gone for found in keys], list(TABLES[name].columns)].reset_index(drop=True)


def key_of(name: str, row: Row) -> Key:
    """The cells that no two rows of the table share."""
    return tuple(row[part] for part in TABLES[name].key)


def rows_by_key(name: str, decisions: pd.DataFrame) -> dict[Key, Row]:
    """Rows of the table by their key."""
    return {key_of(name, row): row for row in decisions[list(TABLES[name].columns)].to_dict("records")}


def about(name: str, row: Row) -> str:
    """What a row is about, for messages: its ids, and the names beside them."""
    ids, columns = TABLES[name].id_columns, TABLES[name].columns
    names = [row[column] for column in columns[: columns.index("decision")] if column not in ids]
    return f"{' '.join(row[column] for column in ids)} ({', '.join(names)})"


def text_of(name: str, frame: pd.DataFrame) -> str:
    """The table as it lies in git: LF, quotes only where they are needed."""
    columns = list(TABLES[name].columns)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([columns, *frame[columns].itertuples(index=False, name=None)])
    return text.getvalue()


def stamp(path: Path) -> Stamp:
    """Which file it is, when it was last written, in nanoseconds, and its size: another one after every write."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def write(name: str, frame: pd.DataFrame, path: Path) -> Stamp:
    """Put the table in the place of the file, whole or not at all; return its stamp.

    Raises:
        CurationError: the disk is full, or the file cannot be written; it is as it was.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        for stale in path.parent.glob(f".{path.name}.*.part"):  # of a run that was killed; the lock is ours
            stale.unlink(missing_ok=True)
        with partial.open("w", encoding="utf-8", newline="") as opened:
            opened.write(text_of(name, frame))
            opened.flush()
            os.fsync(opened.fileno())
        written = stamp(partial)
        partial.replace(path)
        return written
    except OSError as error:
        remedy = "free some space, or let the file be written, and save again"
        raise store.CurationError([f"{path}: not written ({error.strerror}). Remedy: {remedy}"], _NOT_SAVED) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


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
        CurationError: rows were changed or removed since; all are listed.
    """
    standing = rows_by_key(name, decisions)
    changed = [row for row in written if standing.get(key_of(name, row)) != row]
    if changed:
        what = "changed since it was saved here. Remedy: look at the row again"
        raise store.CurationError([f"{path}: {about(name, row)}: {what}" for row in changed], _NOT_SAVED)
    in_git = committed_rows(name, path)
    old = {key_of(name, row) for row in replaced}
    new = [row for row in written if key_of(name, row) not in old]
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
    # Without a fingerprint it was given on no evidence that is there today, so what it is about is open again.
    emptied = {name: "" for name in ("hierarchical_label", "evidence_hash") if name in row}
    reason = f"Retracts {said} of {row['reviewed_on']}."
    return row | emptied | {"decision": "unsure", "reviewed_on": today, "reason": reason}
