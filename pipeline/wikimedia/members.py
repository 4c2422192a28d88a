"""A file of gzip members, appended one at a time: each is on disk whole before the next one begins, or it is cut.

For the store. Concatenated gzip members are a gzip file, so `zcat` reads a segment as it is.
"""

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

MAX_MEMBER_BYTES = 512 * 1024 * 1024  # decompressed; a larger one was not written here
_READ_BYTES = 1 << 18
_GZIP = 31  # zlib's window bits for gzip with header and checksum


class DamagedError(Exception):
    """A member is cut short or does not match its checksum."""


class Member(NamedTuple):
    """One gzip member: where it starts and ends in the file, and its lines."""

    start: int
    end: int
    lines: list[bytes]


def append_member(path: Path, lines: list[bytes]) -> int:
    """Append the lines as one member, sync it to disk, and return where it starts."""
    is_new = not path.exists()
    with path.open("ab") as opened:
        start = opened.tell()
        opened.write(gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0))
        opened.flush()
        os.fsync(opened.fileno())
    if is_new:
        _sync_folder(path.parent)
    return start


def read_member(opened: BinaryIO, start: int) -> Member:
    """The member at `start`.

    Raises:
        DamagedError: it is cut short, is not gzip, or does not match its checksum.
    """
    opened.seek(start)
    inflater = zlib.decompressobj(_GZIP)
    parts, size, read = [], 0, 0
    try:
        while not inflater.eof:
            chunk = opened.read(_READ_BYTES)
            if not chunk:
                raise DamagedError("cut short")
            read += len(chunk)
            parts.append(inflater.decompress(chunk, MAX_MEMBER_BYTES))
            size += len(parts[-1])
            if inflater.unconsumed_tail or size > MAX_MEMBER_BYTES:
                raise DamagedError("larger than any member")
    except zlib.error as error:
        raise DamagedError(str(error)) from error
    return Member(start, start + read - len(inflater.unused_data), b"".join(parts).splitlines())


def read_members(path: Path) -> Iterator[Member]:
    """Every member of the file in order.

    Raises:
        DamagedError: after the last whole member, when something else follows it.
    """
    size, start = path.stat().st_size, 0
    with path.open("rb") as opened:
        while start < size:
            member = read_member(opened, start)
            yield member
            start = member.end


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
