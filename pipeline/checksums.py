"""Checksums of files, and the SHA256SUMS of a folder in the form that `sha256sum -c` reads."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pipeline.files import write_text

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
    write_text(_sums_text(_digests(folder)), folder / SUMS)


def broken_sums(folder: Path) -> Iterator[str]:
    """Files below the folder that changed, vanished or appeared since the checksums were written."""
    if not (folder / SUMS).exists():
        yield f"{SUMS} is absent"
        return
    text = (folder / SUMS).read_bytes().decode("utf-8", errors="replace")
    listed = {path: digest for digest, _, path in (line.partition("  ") for line in text.splitlines())}
    present = _digests(folder)
    for name in sorted(listed.keys() | present.keys()):
        if name not in present:
            yield f"{name} is listed in {SUMS} but absent"
        elif name not in listed:
            yield f"{name} is not listed in {SUMS}"
        elif present[name] != listed[name]:
            yield f"{name} is not the file that {SUMS} lists"
    if listed == present and text != _sums_text(present):
        yield f"{SUMS} has other line ends, another order, or a line twice"


def _sums_text(digests: dict[str, str]) -> str:
    return "".join(f"{digest}  {name}\n" for name, digest in digests.items())


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below the folder but the sums, by path, sorted."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths}
