"""One fetcher for `file:` and `https:` sources alike: whole file or none, verified when a checksum is known."""

import shutil
from pathlib import Path

import requests
from tqdm import tqdm

from pipeline.checksums import md5_of
from pipeline.errors import InputError
from pipeline.files import atomic

TIMEOUT_S = (10, 70)
CHUNK_BYTES = 1 << 20


def fetch(address: str, target: Path, md5: str | None = None) -> Path:
    """Bring the file at `address` to `target`, unless a file with that MD5 lies there already.

    Args:
        address: `file:PATH` (relative to the current folder, or absolute) or an `https:` URL.
        target: where to put it; an existing file is replaced only once the new one is complete and verified.
        md5: expected MD5 in hexadecimal.

    Raises:
        InputError: the source cannot be read, or its MD5 is another.
    """
    if md5 and target.exists() and md5_of(target) == md5:
        return target
    with atomic(target) as partial:
        if address.startswith("file:"):
            source = Path(address.removeprefix("file:"))
            if not source.is_file():
                raise InputError(str(source), "not found", "check the source in params.yaml")
            shutil.copyfile(source, partial)
        else:
            _download(address, partial)
        if md5 and (found := md5_of(partial)) != md5:
            raise InputError(address, f"MD5 is {found}, expected {md5}", "fetch it again; the file there is damaged")
    return target


def _download(url: str, partial: Path) -> None:
    try:
        with requests.get(url, stream=True, timeout=TIMEOUT_S) as response, partial.open("wb") as opened:
            response.raise_for_status()
            size = int(response.headers.get("Content-Length", 0))
            with tqdm(total=size, unit="B", unit_scale=True, desc=url.rsplit("/", 1)[-1], disable=None) as progress:
                for chunk in response.iter_content(CHUNK_BYTES):
                    progress.update(opened.write(chunk))
    except requests.RequestException as error:
        raise InputError(url, str(error), "check the network and the address in params.yaml, then run again") from error
