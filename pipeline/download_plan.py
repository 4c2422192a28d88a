"""What a download would fetch, what is there already, and whether the disk has room for the rest.

For the downloader and `hgld download --dry-run`; nothing here fetches a file or writes one of GLDv2's.
"""

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.checksums import md5_of
from pipeline.download_origin import Origin, read_origin
from pipeline.download_part import Part
from pipeline.errors import InputError
from pipeline.transfer import Version

MARGIN_BYTES = 2 << 30


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A file to have; `flaw_of` tells what is wrong with one.

    A file without a published MD5 has a `receipt`: the note of which version was fetched, with the MD5 that it had.
    """

    address: str
    target: Path
    flaw_of: Callable[[Path], str | None]
    receipt: Path | None = None

    def looks_here(self, version: Version) -> bool:
        """The target is that version, by all that can be known without reading it through."""
        if not self.target.exists() or self.target.stat().st_size != version.size_bytes:
            return False
        origin = read_origin(self.receipt) if self.receipt else Origin(self.address, version)
        return origin is not None and (origin.address, origin.version) == (self.address, version)

    def is_here(self, version: Version) -> bool:
        """The target is that version, and unharmed; it is read through."""
        if not self.looks_here(version):
            return False
        origin = read_origin(self.receipt) if self.receipt else None
        if origin and origin.md5 != md5_of(self.target):
            return False
        return self.flaw_of(self.target) is None


@dataclasses.dataclass(frozen=True)
class Planned:
    """A wanted file, the version on offer, and how many of its bytes are here in which state."""

    file: Wanted
    version: Version
    state: str
    here_bytes: int

    @property
    def missing_bytes(self) -> int:
        """Bytes still to fetch."""
        return self.version.size_bytes - self.here_bytes


def planned(file: Wanted, version: Version) -> Planned:
    """Compare a file with the version on offer; nothing is read through."""
    if file.looks_here(version):
        return Planned(file, version, "here", version.size_bytes)
    part = Part.beside(file.target, file.address)
    if part.version == version and part.length:
        return Planned(file, version, "part", part.length)
    return Planned(file, version, "outdated" if file.target.exists() else "missing", 0)


def missing_bytes(plan: Sequence[Planned]) -> int:
    """Bytes that a plan still has to fetch."""
    return sum(item.missing_bytes for item in plan)


def needed_bytes(plan: Sequence[Planned]) -> int:
    """Free bytes that the disk must have: for what is missing, and as much again, up to the margin, for the tables."""
    missing = missing_bytes(plan)
    return missing + min(missing, MARGIN_BYTES)


def free_bytes(folder: Path) -> int:
    """Free bytes of the disk that a folder lies on, or will lie on."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def check_space(plan: Sequence[Planned], folder: Path) -> None:
    """The missing files fit on the disk of `folder`.

    Raises:
        InputError: naming the bytes needed and the bytes free.
    """
    missing, needed, free = missing_bytes(plan), needed_bytes(plan), free_bytes(folder)
    if needed > free:
        what = f"{needed:,} bytes are needed ({missing:,} to fetch, the rest is a margin) and {free:,} are free"
        raise InputError(str(folder), what, "free some space, or choose fewer shards under gldv2 in params.yaml")


def plan_lines(plan: Sequence[Planned], folder: Path) -> list[str]:
    """The plan for a person: a line a file, then the sums beside the free space."""
    lines = [f"{'bytes':>15} {'here':>15}  {'state':8}  file"]
    lines += [
        f"{item.version.size_bytes:>15,} {item.here_bytes:>15,}  {item.state:8}  {item.file.target.as_posix()}"
        for item in plan
    ]
    total = sum(item.version.size_bytes for item in plan)
    missing, needed, free = missing_bytes(plan), needed_bytes(plan), free_bytes(folder)
    return [
        *lines,
        f"{len(plan)} files, {total:,} bytes; {total - missing:,} are here, {missing:,} are to be fetched",
        f"{needed:,} free bytes are needed, {free:,} are free: {'enough' if needed <= free else 'not enough'}",
    ]
