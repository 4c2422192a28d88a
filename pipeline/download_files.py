"""Many files at once: planned, checked against the free space, fetched in parallel and continued after a cut or a kill.

For the download stage. One bad file does not keep the others back; a source that cannot be reached stops them all.
"""

import concurrent.futures
import functools
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from pipeline.checksums import md5_of
from pipeline.download_origin import Origin, write_origin
from pipeline.download_part import Part
from pipeline.download_plan import Planned, Wanted, check_space, planned
from pipeline.errors import InputError
from pipeline.fetch import UnreachableError, patient_version, receive_flawless
from pipeline.transfer import Client, StoppedError

Result = TypeVar("Result")


class Progress:
    """One bar over the bytes of all files; a file that starts over gives its bytes back."""

    def __init__(self, plan: Sequence[Planned], title: str) -> None:
        self._lengths = {item.file.target: item.here_bytes for item in plan}
        total, here = sum(item.version.size_bytes for item in plan), sum(self._lengths.values())
        self.bar = tqdm(total=total, initial=here, unit="B", unit_scale=True, desc=title, disable=None)
        self._lock = threading.Lock()

    def show(self, target: Path, length: int) -> None:
        """Show that `length` bytes of a file are here."""
        with self._lock:
            self.bar.update(length - self._lengths[target])
            self._lengths[target] = length


def plan_files(files: Sequence[Wanted], client: Client, parallel: int) -> list[Planned]:
    """Ask the source for the size and version of every file; none is fetched."""

    def ask(file: Wanted) -> Planned:
        return planned(file, patient_version(file.address, client))

    return in_parallel([functools.partial(ask, file) for file in files], client, parallel)


def fetch_files(files: Sequence[Wanted], folder: Path, client: Client, parallel: int, title: str = "files") -> None:
    """Bring every file to its target below `folder`, each whole and without flaw.

    Raises:
        InputError: the disk is too small, a file is damaged or absent, or the source cannot be reached.
    """
    plan = plan_files(files, client, parallel)
    check_space(plan, folder)
    progress = Progress(plan, title)
    with progress.bar:
        in_parallel([functools.partial(_bring, item, client, progress) for item in plan], client, parallel)


def _bring(item: Planned, client: Client, progress: Progress) -> None:
    """Bring one file, unless it is here; what its part holds of the same version is kept."""
    file, on_length = item.file, functools.partial(progress.show, item.file.target)
    part = Part.beside(file.target, file.address)
    if file.is_here(item.version):
        part.discard()
        return
    if part.version != item.version:
        part.discard()
    receive_flawless(part, file.address, client, file.flaw_of, on_length, item.version)
    if file.receipt and part.version:  # before the file gets its name: a receipt without its file costs nothing
        write_origin(Origin(file.address, part.version, md5_of(part.path)), file.receipt)
    part.become(file.target)


def in_parallel(jobs: Sequence[Callable[[], Result]], client: Client, parallel: int) -> list[Result]:
    """Do the jobs, at most `parallel` at once, and return their results in order.

    Raises:
        InputError: jobs failed, each named; the others were done, unless the source could not be reached.
    """

    def guarded(job: Callable[[], Result]) -> Result:
        client.check_stopped()
        try:
            return job()
        except BaseException as error:
            if _concerns_all(error):
                client.stop()
            raise

    with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
        futures = [pool.submit(guarded, job) for job in jobs]
        try:
            concurrent.futures.wait(futures)
        except BaseException:  # a person interrupts; the threads end at their next block
            client.stop()
            raise
    _raise_failures([error for future in futures if (error := future.exception())], len(jobs))
    return [future.result() for future in futures]


def _concerns_all(error: BaseException) -> bool:
    """A damaged or absent file concerns itself alone; an unreachable source, a full disk or a bug concerns all."""
    return isinstance(error, UnreachableError) or not isinstance(error, InputError)


def _raise_failures(failures: Sequence[BaseException], job_count: int) -> None:
    """Raise what stopped the others, else the failure, or all of them in one message."""
    causes = [error for error in failures if not isinstance(error, StoppedError)]
    for error in filter(_concerns_all, causes):
        raise error
    if len(causes) > 1:
        what = "".join(f"\n  {error}" for error in causes)
        raise InputError(f"{len(causes)} of {job_count} files failed", what, "see each of them")
    for error in [*causes, *failures]:
        raise error
