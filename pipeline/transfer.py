"""One try at a file's bytes, from any offset, `file:` and `http(s):` alike; for the fetcher, which tries again.

An answer that may be better at the next try is a `TransferError`; one that will not be is an `InputError`. Nothing is
ever decoded: a body that comes encoded, or longer than announced, is refused, so that no small answer fills a disk.
"""

import contextlib
import dataclasses
import importlib.metadata
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import requests
import urllib3

from pipeline.errors import InputError

TIMEOUTS_S = (10.0, 70.0)  # to connect, and between two bytes
BLOCK_BYTES = 1 << 20
MAX_FAILURES = 8  # in a row, for one file
CHECK_ADDRESS = "check gldv2.address and the shards in params.yaml"
_PASSING_STATUSES = frozenset({408, 425, 429, *range(500, 600)} - {501, 505})
_WRONG_ADDRESS = (
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.TooManyRedirects,
)


class TransferError(Exception):
    """A failure that may pass.

    `retry_after` is the server's header of that name; `is_spoilt` says that what has come so far cannot be continued.
    """

    def __init__(self, what: str, retry_after: str | None = None, is_spoilt: bool = False) -> None:
        super().__init__(what)
        self.retry_after = retry_after
        self.is_spoilt = is_spoilt


class StoppedError(Exception):
    """Another file failed, or a person interrupted; this one was left as it is."""


@dataclasses.dataclass(frozen=True)
class Version:
    """What a source says of a file: its size, and the validator that changes when the bytes do (None: it has none)."""

    size_bytes: int
    validator: str | None


@dataclasses.dataclass(frozen=True)
class Body:
    """The bytes of a version of a file, from `start` on."""

    version: Version
    start: int
    blocks: Iterator[bytes]


class Client:
    """Asks sources for files; one HTTP session a thread. Clock and sleep are arguments so that tests need not wait."""

    def __init__(
        self,
        timeouts_s: tuple[float, float] = TIMEOUTS_S,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], object] | None = None,
        max_failures: int = MAX_FAILURES,
    ) -> None:
        self._timeouts_s, self.clock, self.max_failures = timeouts_s, clock, max_failures
        self._stopped = threading.Event()
        self._sleep = sleep or self._stopped.wait
        self._versions: dict[str, Version] = {}
        self._mine = threading.local()
        self._sessions: list[requests.Session] = []

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        for session in self._sessions:
            session.close()

    def stop(self) -> None:
        """Make every thread that uses this client end at its next block or wait."""
        self._stopped.set()

    def check_stopped(self) -> None:
        """Raise StoppedError once `stop` was called."""
        if self._stopped.is_set():
            raise StoppedError

    def wait(self, seconds: float) -> None:
        """Sleep, unless stopped."""
        self._sleep(seconds)
        self.check_stopped()

    def version(self, address: str) -> Version:
        """The version of the file at `address` when this client first asked; no byte of it is fetched."""
        if address not in self._versions:
            if address.startswith("file:"):
                self._versions[address] = _file_version(_file_path(address))
            else:
                with self._answer("HEAD", address, {}) as response:
                    self._versions[address] = Version(_announced_size(response), _validator(response))
        return self._versions[address]

    @contextlib.contextmanager
    def body(self, address: str, start: int, version: Version | None) -> Iterator[Body]:
        """The file's bytes: from `start` on if `version` still lies at `address`, else all of them.

        Raises:
            TransferError: the connection or the server failed; also while the blocks are read.
            InputError: there is no such file, or the server will not give it.
        """
        if address.startswith("file:"):
            path = _file_path(address)
            found = _file_version(path)
            with path.open("rb") as opened:
                offset = opened.seek(start if found == version else 0)
                yield Body(found, offset, iter(lambda: opened.read(BLOCK_BYTES), b""))
            return
        headers = {}
        if start and version and version.validator:
            headers = {"Range": f"bytes={start}-", "If-Range": version.validator}
        with self._answer("GET", address, headers) as response:
            if response.status_code == 206:
                yield Body(_continued(response, start, version), start, _blocks(response))
            else:
                found = Version(_announced_size(response), _validator(response))
                yield Body(found, 0, _blocks(response))

    @contextlib.contextmanager
    def _answer(self, method: str, url: str, headers: dict[str, str]) -> Iterator[requests.Response]:
        """A response worth reading. Failures inside the `with`, where the body is read, are told apart too."""
        try:
            with self._session().request(
                method, url, headers=headers, stream=True, timeout=self._timeouts_s, allow_redirects=True
            ) as response:
                _check_status(response)
                yield response
        except _WRONG_ADDRESS as error:
            raise InputError(url, f"leads to no http or https address ({error})", CHECK_ADDRESS) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise TransferError(" ".join(str(error).split())) from error

    def _session(self) -> requests.Session:
        if not hasattr(self._mine, "session"):
            session = requests.Session()
            version = importlib.metadata.version("hgldv2")
            session.headers["User-Agent"] = f"hgldv2/{version} requests/{requests.__version__}"
            session.headers["Accept-Encoding"] = "identity"
            self._mine.session = session
            self._sessions.append(session)
        found: requests.Session = self._mine.session
        return found


def _check_status(response: requests.Response) -> None:
    """Pass 200, and 206 where a part was asked for; say of the others whether they may pass."""
    status, asked = response.status_code, "Range" in response.request.headers
    said = f"the server answers {status} {response.reason}"
    if status == 416:
        raise TransferError(said, is_spoilt=True)
    if status in _PASSING_STATUSES:
        raise TransferError(said, response.headers.get("Retry-After"))
    if status >= 400:
        raise InputError(response.url, said, CHECK_ADDRESS)
    if status != 200 and not (status == 206 and asked):
        raise TransferError(said)
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise TransferError(f"the server sends the file encoded ({encoding}), though asked not to")


def _announced_size(response: requests.Response) -> int:
    size = response.headers.get("Content-Length", "")
    if not size.isdecimal():
        what = "the server announces no size, so a cut would not be noticed"
        raise InputError(response.url, what, CHECK_ADDRESS)
    return int(size)


def _validator(response: requests.Response) -> str | None:
    """A strong ETag, else the time of the last change; If-Range takes both. A weak ETag does not vouch for bytes."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified")


def _continued(response: requests.Response, start: int, version: Version | None) -> Version:
    """The version that a 206 continues: ours, from where our bytes end (the answer may leave out the validator)."""
    given = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", given)
    if not match or not version or (int(match[1]), int(match[2])) != (start, version.size_bytes):
        raise TransferError(f"the server continues with {given or 'an unnamed part'!r}", is_spoilt=True)
    if _validator(response) not in (None, version.validator):
        raise TransferError("the file changed between two tries", is_spoilt=True)
    return version


def _blocks(response: requests.Response) -> Iterator[bytes]:
    """The body as it arrives, undecoded; what came before a cut is not lost."""
    return iter(lambda: response.raw.read1(BLOCK_BYTES, decode_content=False), b"")


def _file_path(address: str) -> Path:
    path = Path(address.removeprefix("file:"))
    if not path.is_file():
        raise InputError(str(path), "not found", "check the source in params.yaml")
    return path


def _file_version(path: Path) -> Version:
    stat = path.stat()
    return Version(stat.st_size, f"{stat.st_ino}-{stat.st_mtime_ns}")
