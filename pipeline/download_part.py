"""The `.part` beside a file that is being fetched: the bytes so far, and which version of which file they are.

For the fetcher. A process may be killed anywhere: a part is continued only with bytes of the version that it began
with.
"""

import os
from collections.abc import Callable
from pathlib import Path

from pipeline.download_origin import Origin, read_origin, write_origin
from pipeline.transfer import Body, TransferError, Version


class Part:
    """Bytes of the file at `address` that lie in `path`; `sidecar` remembers their version (None: never continued)."""

    def __init__(self, address: str, path: Path, sidecar: Path | None = None) -> None:
        self._address, self.path, self._sidecar = address, path, sidecar
        self.version = self._remembered()
        self.length = path.stat().st_size if self.version else 0
        if self.version and self.length > self.version.size_bytes:
            self.version, self.length = None, 0

    @classmethod
    def beside(cls, target: Path, address: str) -> "Part":
        """The part of a target, as the last run left it."""
        path = target.with_name(f"{target.name}.part")
        return cls(address, path, path.with_name(f"{path.name}.json"))

    @property
    def is_whole(self) -> bool:
        """All bytes of the version are there."""
        return self.version is not None and self.length == self.version.size_bytes

    def take(self, body: Body, on_length: Callable[[int], None]) -> None:
        """Append a body that begins where the part ends, or start over with one that begins at 0.

        Raises:
            TransferError: more bytes come than the version has.
        """
        if body.start == 0:
            self._start_over(body.version)
        on_length(self.length)
        with self.path.open("ab") as opened:
            for block in body.blocks:
                if self.length + len(block) > body.version.size_bytes:
                    raise TransferError("more bytes come than were announced", is_spoilt=True)
                opened.write(block)
                self.length += len(block)
                on_length(self.length)

    def discard(self) -> None:
        """Throw the bytes away."""
        self.version, self.length = None, 0
        self.path.unlink(missing_ok=True)
        if self._sidecar:
            self._sidecar.unlink(missing_ok=True)

    def become(self, target: Path) -> None:
        """Put the whole file in the target's place: on the disk first, under its name then."""
        with self.path.open("rb+") as written:
            os.fsync(written.fileno())
        self.path.replace(target)
        self.discard()

    def _start_over(self, version: Version) -> None:
        """Empty the part before its sidecar names another version, so that a kill in between mixes no versions."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"")
        self.version, self.length = version, 0
        if self._sidecar:
            write_origin(Origin(self._address, version), self._sidecar)

    def _remembered(self) -> Version | None:
        """The version in the sidecar, if it is a version of the file at this address."""
        origin = read_origin(self._sidecar) if self._sidecar and self.path.exists() else None
        return origin.version if origin and origin.address == self._address else None
