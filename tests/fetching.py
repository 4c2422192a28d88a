"""One file brought by the fetcher as the download stage brings many; for the tests of the fetcher."""

import contextlib
import functools
from pathlib import Path

from pipeline.checksums import md5_of
from pipeline.download_part import Part
from pipeline.fetch import md5_flaw, receive_flawless
from pipeline.files import atomic
from pipeline.transfer import Client


def fetch(address: str, target: Path, md5: str | None = None, client: Client | None = None) -> Path:
    """Bring the file at `address` to `target`, unless a file with that MD5 lies there already.

    Args:
        address: `file:PATH` (relative to the current folder, or absolute) or an `https:` URL.
        target: where to put it; an existing file is replaced only once the new one is complete and verified.
        md5: expected MD5 in hexadecimal.
        client: who asks for it; when left out, one that does not try again.

    Raises:
        InputError: the source cannot be read, or its MD5 is another.
    """
    if md5 and target.exists() and md5_of(target) == md5:
        return target
    given = contextlib.nullcontext(client) if client else Client(max_failures=0)
    with given as asking, atomic(target) as partial:
        flaw_of = functools.partial(md5_flaw, md5=md5)
        receive_flawless(Part(address, partial), address, asking, flaw_of, lambda length: None)
    return target
