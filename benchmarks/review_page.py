"""The review page at full size: how long a reviewer waits for each kind of answer, with 20,000 rows in the queue.

`python -m benchmarks.review_page [--data DIR] [--json OUT]`. The world is that of benchmarks.scale, 304,000 landmarks
over the real class graph of the extracts. Requests go over HTTP to the page on 127.0.0.1, one after another, as one
reviewer makes them: on rows from all over the queue, then on the classes with most landmarks. Beside the times stands
what the same preview costs when everything is labelled from the start.
"""

import contextlib
import gc
import json
import os
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import click
import pandas as pd
import requests

from annotations.review.app import address, answering, serve
from annotations.review.desk import Row
from benchmarks.scale import curated_tables, world
from pipeline import step3_hierarchy, step4_label, step5_queue, tables, workbench
from pipeline.files import write_tables
from pipeline.params import Label
from pipeline.review_desk import ReviewDesk
from pipeline.schema import Table
from pipeline.workbench import Workbench

LANDMARKS, ROWS, REPEATS = 304_000, 20_000, 15
LIMIT_S = 0.15
ROOT = Path(__file__).parents[1]


@contextlib.contextmanager
def project(found: dict[str, pd.DataFrame], queues: list[tuple[Table, pd.DataFrame]]) -> Iterator[None]:
    """A folder with these tables as the current one, with the committed curated tables, without landmark decisions."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            shutil.copytree(ROOT / "annotations", "annotations", ignore=shutil.ignore_patterns("review", "*.py"))
            shutil.copy(ROOT / "params.yaml", "params.yaml")
            (Path("sample") / "annotations").mkdir(parents=True)
            shutil.copy("annotations/landmark_decisions.csv", "sample/annotations/landmark_decisions.csv")
            names = ("landmark_labels", "landmark_items", "statements", "class_edges", "entities")
            write_tables([(getattr(tables, name.upper()), found[name]) for name in names])
            write_tables([*queues, (tables.TAR_MANIFEST, pd.DataFrame(columns=tables.TAR_MANIFEST.column_names))])
            yield
        finally:
            os.chdir(here)


def full_size(data: Path) -> tuple[dict[str, pd.DataFrame], list[tuple[Table, pd.DataFrame]]]:
    """Tables of the stages at full size, and queues of `ROWS` rows together, the most useful ones."""
    found, curated = world(data, LANDMARKS), curated_tables()
    found["class_graph"], found["class_labels"] = step3_hierarchy.build(
        found["class_edges"], found["entities"], curated
    )
    label = Label(min_confidence=0.0, text_precision=0.95, visual=False)
    found["landmark_labels"], _ = step4_label.build(found, curated, ["natural_or_human_made"], label)
    queues = step5_queue.build(found, curated, "natural_or_human_made")
    found["class_edges"] = found["class_edges"].assign(is_ended=False)
    found["entities"] = found["entities"].assign(label_language="en", revision_id=None)
    found["statements"] = found["statements"].assign(statement_number=range(len(found["statements"])))
    found["landmark_items"] = found["landmark_items"].assign(redirected_category=None, latitude=None, longitude=None)
    others = sum(len(queue) for _, queue in queues[:2])
    return found, [*queues[:2], (queues[2][0], queues[2][1].head(max(0, ROWS - others)))]


class Reviewer:
    """Asks the page as a browser does, and keeps the time of every answer by kind of request."""

    def __init__(self, base: str) -> None:
        """Open the page.

        Args:
            base: its address.
        """
        self.base, self.http = base.rstrip("/"), requests.Session()
        self.times: dict[str, list[float]] = {}

    def ask(self, what: str, method: str, path: str, form: dict[str, str] | None = None) -> requests.Response:
        """One answer; where it leads on to another address, that is asked as well, as "open"."""
        start = time.perf_counter()
        answer = self.http.request(method, self.base + path, data=form, allow_redirects=False)
        self.times.setdefault(what, []).append(time.perf_counter() - start)
        answer.raise_for_status()
        if answer.is_redirect:
            return self.ask("lead on to a row", "GET", answer.headers["Location"])
        return answer


def fields(page: str) -> dict[str, str]:
    """Hidden fields of the form that the page shows first."""
    pairs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {name: unescape(value) for name, value in reversed(pairs)}


def walk(reviewer: Reviewer, rows: list[Row], which: str) -> None:
    """Open each row, consider the first verdict, save it, and take it back; `which` names the rows in the table."""
    for row in rows:
        kind, key = f"{which} {row.kind}", row.key
        page = reviewer.ask(f"open {kind}", "GET", f"/row/{row.kind}/{key}").text
        buttons = re.findall(r'name="verdict" value="([^"]+)"', page)
        form = fields(page) | {"verdict": unescape(buttons[0])}
        shown = reviewer.ask(f"consider {kind}", "POST", "/consider", form).text
        if "This cannot be saved" in shown:  # such as an edge that closes a cycle
            continue
        form = fields(shown) | {"reason": "measured"}
        saved = reviewer.ask(f"save {kind}", "POST", "/save", form).text
        reviewer.ask(f"undo {kind}", "POST", "/undo", fields(saved))


def measure(bench: Workbench) -> dict[str, list[float]]:
    """Seconds of every request by its kind."""
    desk = ReviewDesk("hgldv2", bench)
    gc.freeze()  # as `hgld review` does
    server = serve(desk, 0)
    with answering(server):
        reviewer = Reviewer(address(server))
        for _ in range(REPEATS):
            reviewer.ask("queue, first page", "GET", "/")
            reviewer.ask("queue, filtered", "GET", "/?kind=landmarks&text=7&minimum=2")
        for kind in ("classes", "edges", "landmarks"):
            rows = [row for row in desk.rows() if row.kind == kind and not row.is_decided]
            walk(reviewer, rows[:: max(1, len(rows) // REPEATS)][:REPEATS], "any")
        largest = sorted(desk.rows(), key=lambda row: -row.landmark_count)
        walk(reviewer, [row for row in largest if row.kind == "classes" and not row.is_decided][:5], "largest")
    return reviewer.times


@click.command()
@click.option("--data", default=Path("../shared/data"), type=click.Path(path_type=Path), show_default=True)
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here, too.")
def main(data: Path, out: Path | None) -> None:
    """Measure the review page at full size."""
    with project(*full_size(data.resolve())):
        start = time.perf_counter()
        bench = workbench.open_workbench()
        opened = time.perf_counter() - start
        times = measure(bench)
    rows = [
        {
            "request": what,
            "count": len(seconds),
            "median_s": round(statistics.median(seconds), 4),
            "worst_s": round(max(seconds), 4),
            "of_limit": round(max(seconds) / LIMIT_S, 2),
            "from_the_start_ratio": round(opened / statistics.median(seconds), 1),
        }
        for what, seconds in times.items()
    ]
    click.echo(pd.DataFrame(rows).to_string(index=False))
    click.echo(f"labelling everything from the start: {opened:.1f} s; limit {LIMIT_S} s a page, {ROWS:,} rows")
    if out:
        out.write_text(json.dumps({"from_the_start_s": round(opened, 2), "requests": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
