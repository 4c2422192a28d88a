"""What keeps a run safe on disk: checkpoints, its lock, its rows of metrics; for training that may be killed.

Whatever ends a process, the checkpoint is the new or the previous one, whole, and the rows are those written whole.
"""

import fcntl
import hashlib
import json
import os
import pickle
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import IO, Any

import torch


class RunError(Exception):
    """A run cannot go on; the message says where, what, and the remedy."""


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that takes the place of `path` at the end, on disk for good; on an error, `path` stays as it was.

    Raises:
        RunError: it cannot be written, such as on a full disk.
    """
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with unfinished.open("wb") as opened:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        unfinished.replace(path)
        keep_name(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        unfinished.unlink(missing_ok=True)


def keep_name(path: Path) -> None:
    """Have the file's entry in its folder on disk for good, which its own fsync does not promise."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def unwritable(path: Path, error: OSError) -> RunError:
    """The error of a file that cannot be written."""
    return RunError(
        f"{path}: cannot be written ({error.strerror or error}); what it held before is intact: free space or mend"
        " access, and resume the run"
    )


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a state in place of the checkpoint at `path`, whole or not at all. The same state gives the same bytes.

    Args:
        path: in a folder that exists.
        state: tensors, numbers, text, None, and lists, tuples and dictionaries of them; load_checkpoint refuses others.

    Raises:
        RunError: it cannot be written, such as on a full disk; the previous checkpoint is intact.
    """
    with replacing(path) as opened:
        try:
            torch.save(plain(state), opened)
        except RuntimeError as error:
            if isinstance(error.__context__, OSError):  # torch puts an error of its own in place of the system's
                raise error.__context__ from None
            raise


def plain(value: Any) -> Any:
    """A state with one object for equal texts: pickle writes a text anew unless it is the same object as before."""
    if isinstance(value, str):
        return sys.intern(value)
    if isinstance(value, dict):
        return {plain(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    return tuple(plain(entry) for entry in value) if type(value) is tuple else value


def load_checkpoint(path: Path, device: torch.device | str) -> dict[str, Any]:
    """State of a checkpoint, its tensors on `device`.

    Nothing in the file is run (weights_only), and its checksums are compared, which torch.load leaves out.

    Raises:
        RunError: absent, cut short, damaged, or holding other types than a state may.
    """
    remedy = "remove it to start the run anew, or resume from another checkpoint"
    try:
        check_sums(path)
        state = torch.load(path, map_location=device, weights_only=True)
    except OSError as error:
        raise RunError(f"{path}: the checkpoint cannot be read ({error.strerror or error}); name another") from error
    except pickle.UnpicklingError as error:
        raise RunError(f"{path}: the checkpoint holds types that a state may not hold; {remedy}") from error
    except Exception as error:  # on damaged bytes, zipfile and torch raise nearly anything
        what = (str(error) or type(error).__name__).splitlines()[0]
        raise RunError(f"{path}: the checkpoint is cut short or damaged ({what}); {remedy}") from error
    if not isinstance(state, dict):
        raise RunError(f"{path}: holds a {type(state).__name__}, not the state of a run; {remedy}")
    return state


def check_sums(path: Path) -> None:
    """Raise BadZipFile where a part of the archive does not have its checksum, or is marked as a folder."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
        # Of a part with attributes, which no checksum covers, torch reads nothing and gives what was in memory.
        marked = [part.filename for part in archive.infolist() if part.external_attr]
    if damaged is not None or marked:
        raise zipfile.BadZipFile(f"wrong checksum or attributes of {damaged or marked[0]}")


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run. The system frees the lock however the process ends.

    The lock file lies beside the folder, `.<name>.lock`: the folder is an output with nothing else in it. A record lock
    is not shared with children, so processes that decode images do not hold it after a killed parent.

    Raises:
        RunError: another process holds it, and which; the disk is full.
    """
    path = folder.parent / f".{folder.name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b", buffering=0) as opened:
        try:
            fcntl.lockf(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            opened.truncate(0)
            opened.write(f"{os.getpid()}\n".encode())
        except (BlockingIOError, PermissionError):  # POSIX allows both
            opened.seek(0)
            holder = opened.read().decode().strip() or "unknown"
            remedy = "wait until it ends, or stop it, and try again"
            raise RunError(f"{folder}: process {holder} is training this run; {remedy}") from None
        except OSError as error:
            raise unwritable(path, error) from error
        yield


def set_aside(folder: Path) -> Path:
    """Rename a run's folder to the first free `<name>.aside-<number>` beside it, and return that."""
    names = (folder.with_name(f"{folder.name}.aside-{number}") for number in count(1))
    return folder.rename(next(name for name in names if not os.path.lexists(name)))


def append_row(path: Path, row: dict[str, Any]) -> None:
    """Add a row to a file of one JSON object a line, on disk for good; a last line that a kill cut short is dropped.

    Floats keep every digit, and stay NaN or Infinity where they are.

    Raises:
        RunError: it cannot be written, such as on a full disk; the rows before are intact.
    """
    line = json.dumps(row, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    try:
        with path.open("a+b") as opened:
            opened.seek(0)
            opened.truncate(opened.read().rfind(b"\n") + 1)
            opened.write(line)
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        raise unwritable(path, error) from error


def whole_lines(path: Path) -> list[bytes]:
    """Lines of a file but for a last one that was cut short; none where there is no file."""
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a file that append_row wrote, but for a last one that was cut short; none where there is no file.

    Raises:
        RunError: a line before that is not a row.
    """
    rows = []
    for number, line in enumerate(whole_lines(path), 1):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise RunError(f"{path}:{number}: not a row of metrics; remove the line, or the run's folder to start anew")
        rows.append(row)
    return rows


def keep_rows(path: Path, row_count: int) -> None:
    """Cut the file back to its first rows, whole or not at all: those that a resumed run's checkpoint knows of.

    Raises:
        RunError: fewer rows are there; it cannot be written.
    """
    lines = whole_lines(path)
    if len(lines) < row_count:
        raise RunError(
            f"{path}: holds {len(lines)} rows, and the run's checkpoint was saved after {row_count}; bring the file"
            " back, or remove the run's folder to start anew"
        )
    with replacing(path) as opened:
        opened.writelines(line + b"\n" for line in lines[:row_count])


def file_digest(paths: Iterable[Path]) -> str:
    """SHA-256, in hexadecimal, of the names (without folders) and contents of files, in the order given.

    Raises:
        OSError: a file that cannot be read.
    """
    total = hashlib.sha256()
    for path in paths:
        with path.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()
        total.update(f"{content} {path.name}\n".encode())
    return total.hexdigest()
