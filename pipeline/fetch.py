"""Patience with a source, `file:` and `https:` alike: tries again, waits as asked, and continues where a part ended.

For `pipeline.download_files`, which brings many files at once.
"""

import datetime
import email.utils
from collections.abc import Callable
from pathlib import Path

from urllib3.exceptions import MaxRetryError
from urllib3.util.retry import Retry

from pipeline.checksums import md5_of
from pipeline.download_part import Part
from pipeline.errors import InputError
from pipeline.transfer import Client, TransferError, Version

PROGRESS_BYTES = 1 << 20  # after so much more of a file, its failures are counted anew
MIN_WAIT_S = 1.0
MAX_WAIT_S = 600.0  # a server that asks for more is left alone until the command is run again


class UnreachableError(InputError):
    """A source that our patience did not outlast; there is no use in asking it for other files."""


class Patience:
    """Waits between the tries for one file, longer each time, and ends them."""

    def __init__(self, address: str, client: Client) -> None:
        self._address, self._client = address, client
        self._fresh = Retry(total=client.max_failures, backoff_factor=1, backoff_max=120, backoff_jitter=1)
        self._retry, self._furthest = self._fresh, 0

    def wait(self, failure: TransferError, length: int = 0) -> None:
        """Wait before the next try; `length` bytes have come so far.

        Raises:
            UnreachableError: too many failures in a row, or the server asks for too long a wait.
        """
        if length >= self._furthest + PROGRESS_BYTES:
            self._retry, self._furthest = self._fresh, length
        remedy = "check the network and run the command again later; what has come so far is kept and continued"
        try:
            self._retry = self._retry.increment(url=self._address)
        except MaxRetryError:
            tries = self._client.max_failures + 1
            what = f"{failure} (tries without progress: {tries})"
            raise UnreachableError(self._address, what, remedy) from failure
        asked = asked_wait(failure.retry_after, self._client.clock())
        if asked > MAX_WAIT_S:
            raise UnreachableError(self._address, f"{failure}, and asks to wait {asked:.0f} s", remedy) from failure
        self._client.wait(max(MIN_WAIT_S, asked, self._retry.get_backoff_time()))


def asked_wait(retry_after: str | None, now: float) -> float:
    """Seconds that a Retry-After header asks for, given as a number or a date; 0 when it asks for nothing."""
    if not retry_after:
        return 0.0
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        until = email.utils.parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    return max(0.0, until.replace(tzinfo=until.tzinfo or datetime.UTC).timestamp() - now)


def patient_version(address: str, client: Client) -> Version:
    """The version of the file at `address`, asked for until an answer comes."""
    patience = Patience(address, client)
    while True:
        try:
            return client.version(address)
        except TransferError as failure:
            patience.wait(failure)


def receive(
    part: Part, address: str, client: Client, on_length: Callable[[int], None], announced: Version | None = None
) -> None:
    """Continue a part until it is whole; `announced` is what the source said of the file before."""
    patience = Patience(address, client)

    def watch(length: int) -> None:
        client.check_stopped()
        on_length(length)

    while not part.is_whole:
        try:
            with client.body(address, part.length, part.version) as body:
                _check_size(body.version, announced)
                part.take(body, watch)
            if not part.is_whole:
                raise TransferError(f"the body ends after {part.length:,} of {body.version.size_bytes:,} bytes")
        except TransferError as failure:
            if failure.is_spoilt:
                part.discard()
            patience.wait(failure, part.length)


def receive_flawless(
    part: Part,
    address: str,
    client: Client,
    flaw_of: Callable[[Path], str | None],
    on_length: Callable[[int], None],
    announced: Version | None = None,
) -> None:
    """Continue a part until it is whole; one with a flaw is thrown away and fetched once more.

    Raises:
        InputError: the second one has a flaw too; none is kept.
    """
    flaw = None
    for _ in range(2):
        receive(part, address, client, on_length, announced)
        flaw = flaw_of(part.path)
        if flaw is None:
            return
        part.discard()
    raise InputError(
        address, f"{flaw}, also when fetched again", "the file there is damaged; try another day or source"
    )


def md5_flaw(path: Path, md5: str | None) -> str | None:
    """What is wrong with a file whose MD5 should be `md5`; without one, nothing is."""
    if md5 and (found := md5_of(path)) != md5:
        return f"MD5 is {found}, expected {md5}"
    return None


def _check_size(version: Version, announced: Version | None) -> None:
    """The same version has the same size."""
    if announced and version.validator == announced.validator and version.size_bytes != announced.size_bytes:
        what = f"{version.size_bytes:,} bytes are on offer, {announced.size_bytes:,} were announced"
        raise TransferError(what)
