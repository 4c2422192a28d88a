"""Notes on where bytes came from, for the downloader: beside a part, and for whole files without a published MD5.

A note is written in place, not renamed into place: one that a kill cut is no note, and costs a fetch, never a wrong
file.
"""

import dataclasses
import json
from pathlib import Path

from pipeline.transfer import Version


@dataclasses.dataclass(frozen=True)
class Origin:
    """An address, the version that lay there, and the MD5 of the whole file once it is known."""

    address: str
    version: Version
    md5: str | None = None


def write_origin(origin: Origin, path: Path) -> None:
    """Write a note."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dataclasses.asdict(origin)) + "\n", encoding="utf-8")


def read_origin(path: Path) -> Origin | None:
    """Read a note; None when there is none, it is cut, or its version cannot be told from another."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        size, validator = found["version"]["size_bytes"], found["version"]["validator"]
        address, md5 = found["address"], found["md5"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    if not (isinstance(size, int) and isinstance(validator, str) and isinstance(address, str)):
        return None
    return Origin(address, Version(size, validator), md5)
