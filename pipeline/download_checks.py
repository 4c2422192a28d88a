"""What is wrong with a file of GLDv2 that has just come; None when nothing is. For the download stage."""

import re
from collections.abc import Collection
from pathlib import Path

from pipeline.fetch import md5_flaw

HEADER_BYTES = 10_000
SUMS_BYTES = 4_096


def csv_flaw(path: Path, columns: Collection[str]) -> str | None:
    """The first line of a CSV names the columns; what stands below is checked when it is read."""
    with path.open("rb") as opened:
        header = opened.readline(HEADER_BYTES).decode("utf-8", errors="replace").removeprefix("\ufeff").strip()
    missing = [name for name in columns if name not in header.split(",")]
    if missing:
        return f"line 1 names no column {', '.join(missing)} (found: {header[:200]!r})"
    return None


def sums_flaw(path: Path) -> str | None:
    """A published MD5 file begins with 32 hexadecimal digits."""
    return None if published_md5(path) else "is no MD5 file"


def tar_flaw(path: Path, sums: Path) -> str | None:
    """The MD5 of a TAR is the published one."""
    return sums_flaw(sums) or md5_flaw(path, published_md5(sums))


def published_md5(sums: Path) -> str:
    """The MD5 in a published MD5 file, as `md5sum` writes it; empty when there is none."""
    with sums.open("rb") as opened:
        match = re.match(rb"([0-9a-fA-F]{32})(\s|$)", opened.read(SUMS_BYTES))
    return match[1].decode("ascii").lower() if match else ""
