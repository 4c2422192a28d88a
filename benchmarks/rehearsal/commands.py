"""What people do with a build of full size, timed: they ask why, compare, take worksheets, and open the review page."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pandas as pd

from benchmarks.rehearsal.project import HGLD, Figures, Project, RehearsalError

REVIEWER = "hgldv2"
PAGES = 5


def time_commands(project: Project, aside: Path, tell: Callable[[str], None]) -> list[Figures]:
    """Seconds to the first output and to the end of each command; files that they write go into `aside`."""
    labels = pd.read_parquet(project.folder / "data/4_labels/landmark_labels.parquet")
    labelled = labels[labels["hierarchical_label"].notna()].iloc[len(labels) // 3]
    shutil.copytree(project.folder / "release", aside / "before")
    official = "data/raw/gldv2/metadata/train_label_to_hierarchical.csv"
    asked: dict[str, tuple[str, ...]] = {
        "explain ID": ("explain", str(labelled["landmark_id"]), "--split", str(labelled["split"])),
        "explain TITLE": ("explain", str(labelled["category"])),
        "show church": ("show", "church"),
        "compare": ("compare", official),
        "diff": ("diff", "release", str(aside / "before")),
        "worksheet": ("worksheet", "classes", "--limit", "20", "--out", str(aside / "classes.csv")),
        "check": ("check",),
        "agreement": ("agreement",),
        "anchors": ("anchors", "--limit", "5"),
        "download --dry-run": ("download", "--dry-run"),
    }
    rows: list[Figures] = [{"command": name} | project.hgld(*arguments) for name, arguments in asked.items()]
    rows += time_review(project)
    for row in rows:
        ending = "  FAILED" if "error" in row else ""
        tell(f"{row['command']:20} first output {row['first_s']:6.2f} s, all {row['own_s']:6.2f} s{ending}")
    return rows


def time_review(project: Project) -> list[Figures]:
    """Seconds until the review page is served and until it shows its first row, then of its first page and of rows."""
    start = time.perf_counter()
    command = [sys.executable, *HGLD, "review", "--reviewer", REVIEWER, "--port", "0"]
    environment = project.environment | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, cwd=project.folder, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.search(r"http://[\d.:]+/", line)
        if not found:
            raise RehearsalError(f"hgld review: {line}")
        seconds = {"review, until it serves": time.perf_counter() - start}
        if not process.stdout.readline():
            raise RehearsalError("hgld review ended before its first row")
        seconds["review, until its first row"] = time.perf_counter() - start
        seconds["review, first page"], page = _get(found[0])
        links = list(dict.fromkeys(re.findall(r'href="(/row/[^"#?]+)', page)))[:PAGES]
        times = [_get(found[0].rstrip("/") + link.replace("&amp;", "&"))[0] for link in links]
        seconds["review, a row (worst)"] = max(times, default=0.0)
        status = Path(f"/proc/{process.pid}/status").read_text()
    finally:
        process.terminate()  # Ctrl-C is not heard by what was started in the background
        process.wait()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    rest = {"peak_mb": int(peak[1]) / 1024 if peak else 0.0, "exit_code": 0, "output_mb": 0.0}
    return [{"command": name, "first_s": taken, "own_s": taken} | rest for name, taken in seconds.items()]


def _get(address: str) -> tuple[float, str]:
    start = time.perf_counter()
    with urlopen(address) as answer:
        page = answer.read().decode()
    return time.perf_counter() - start, page
