"""The local Wikimedia of a rehearsal, in a process of its own, so that its memory and time are not the pipeline's."""

import contextlib
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection

from benchmarks.rehearsal.ingredients import read_ingredients
from benchmarks.rehearsal.subjects import draw_subjects
from benchmarks.rehearsal.world import RehearsalWorld
from tests.local_wikimedia import LocalWikimedia


@dataclass(frozen=True)
class Served:
    """Addresses of the services, and the pipe to their process."""

    wikidata_api: str
    commons_api: str
    sparql: str
    pipe: Connection

    def requests(self) -> dict[str, int]:
        """How many requests came so far, by service."""
        self.pipe.send("count")
        counts: dict[str, int] = self.pipe.recv()
        return counts


def _serve(share: float, pipe: Connection) -> None:
    found = read_ingredients()
    world = RehearsalWorld(found, draw_subjects(found, share))
    rest = {"redirects": world.redirects, "merged": world.merged, "missing": world.missing}
    with LocalWikimedia(world, **rest) as server:  # type: ignore[arg-type]
        pipe.send((server.api, server.commons, server.sparql))
        while pipe.recv() == "count":
            kinds = [request.kind for request in server.log]
            pipe.send({kind: kinds.count(kind) for kind in sorted(set(kinds))})


@contextlib.contextmanager
def serving(share: float) -> Iterator[Served]:
    """Serve the world of that share until the block ends."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(share, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        wikidata_api, commons_api, sparql = ours.recv()
        yield Served(wikidata_api, commons_api, sparql, ours)
    finally:
        with contextlib.suppress(OSError):
            ours.send("stop")
        process.join(30)
        process.kill()
