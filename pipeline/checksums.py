"""Checksums of files, and the SHA256SUMS of a folder in the form that `sha256sum -c` reads."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pipeline.files import atomic

SUMS = "SHA256SUMS"


def md5_of(path: Path) -> str:
    """MD5 of a file in hexadecimal; GLDv2 publishes MD5s."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def write_sums(folder: Path) -> None:
    """Write the checksums of every other file below the folder."""
    lines = [f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in _files(folder)]
    with atomic(folder / SUMS) as partial:
        partial.write_text("".join(lines), encoding="utf-8")


def broken_sums(folder: Path) -> Iterator[str]:
    """Files below the folder that changed, vanished or appeared since the checksums were written."""
    if not (folder / SUMS).exists():
        yield f"{SUMS} is absent"
        return
    lines = (folder / SUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    listed = {path: digest for digest, _, path in (line.partition("  ") for line in lines)}
    present = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    for name in sorted(listed.keys() | present.keys()):
        if name not in present:
            yield f"{name} is listed in {SUMS} but absent"
        elif name not in listed:
            yield f"{name} is not listed in {SUMS}"
        elif sha256_of(present[name]) != listed[name]:
            yield f"{name} is not the file that {SUMS} lists"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
