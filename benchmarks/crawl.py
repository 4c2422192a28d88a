"""A crawl of full size against a local server: requests, memory, overhead of the client, size of the store.

`python -m benchmarks.crawl [--landmarks N] [--json OUT]`. The rate limit is lifted; the server runs in a process of
its own, so memory and CPU time are the client's alone. Overhead is the client's CPU time a request: everything but
waiting for the server.
"""

import json
import math
import multiprocessing
import resource
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import click
import pandas as pd

from benchmarks.synthetic_world import SyntheticWorld, title
from pipeline.step2_wikidata import build
from pipeline.wikimedia.client import Client
from pipeline.wikimedia.contact import user_agent
from pipeline.wikimedia.live import LiveService
from pipeline.wikimedia.recorded import RecordedSource
from pipeline.wikimedia.store import Store
from tests.local_wikimedia import LocalWikimedia


def serve(landmarks: int, filler_bytes: int, pipe: Connection) -> None:
    """Serve the world until told to stop, then report how many requests came."""
    with LocalWikimedia(SyntheticWorld(landmarks, filler_bytes)) as server:
        pipe.send((server.api, server.commons, server.sparql))
        pipe.recv()
        kinds = pd.Series([request.kind for request in server.log]).value_counts()
        pipe.send((kinds.to_dict(), server.max_concurrent))


def measure(landmarks: int, addresses: tuple[str, str, str], folder: Path) -> dict[str, float]:
    """Crawl, then build the tables again offline from the store."""
    client = Client(user_agent("benchmark@localhost.localdomain", "0.1.0"), per_minute=math.inf)
    frame = pd.DataFrame({"split": "train", "landmark_id": range(landmarks)})
    frame["category"] = [title(number) for number in range(landmarks)]
    wall, cpu = time.perf_counter(), time.process_time()
    source = RecordedSource(Store(folder, "2026-11-23"), LiveService(client, *addresses))
    built = build(frame, source)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    again = time.perf_counter()
    build(frame, RecordedSource(Store(folder, "2026-11-23"), None))
    return {
        "landmarks": landmarks,
        "linked": int(built["landmark_items"]["item_qid"].notna().sum()),
        "wall_s": round(wall, 1),
        "client_cpu_s": round(cpu, 1),
        "offline_rebuild_s": round(time.perf_counter() - again, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "store_mb": round(sum(path.stat().st_size for path in folder.iterdir()) / 1e6, 1),
    }


@click.command()
@click.option("--landmarks", default=304_000, show_default=True)
@click.option("--filler-bytes", default=6000, show_default=True, help="Statements of an item that are not used.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here, too.")
def main(landmarks: int, filler_bytes: int, out: Path | None) -> None:
    """Measure a crawl of full size."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=serve, args=(landmarks, filler_bytes, theirs), daemon=True)
    server.start()
    with tempfile.TemporaryDirectory() as folder:
        figures: dict[str, float] = measure(landmarks, ours.recv(), Path(folder))
    ours.send("stop")
    kinds, max_concurrent = ours.recv()
    server.join()
    figures |= {f"requests_{kind}": count for kind, count in kinds.items()}
    requests = sum(kinds.values())
    figures |= {"requests": requests, "max_concurrent": max_concurrent}
    figures["overhead_ms_a_request"] = round(1000 * figures["client_cpu_s"] / requests, 2)
    figures["minutes_at_150_a_minute"] = round(requests / 150)
    click.echo("\n".join(f"{name:24} {value:>12,}" for name, value in figures.items()))
    if out:
        out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
