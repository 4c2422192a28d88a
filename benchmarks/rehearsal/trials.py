"""What a trial of a fault needs: an undisturbed project, copies of it, and a verdict on what a copy ends with.

In a copy, a stage is made to run for real: its outs and what DVC's cache holds of them are removed first, so that
nothing is restored that should be computed.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from benchmarks.rehearsal.ingredients import read_ingredients
from benchmarks.rehearsal.metadata import write_metadata
from benchmarks.rehearsal.project import Figures, Project, make_project
from benchmarks.rehearsal.run import run_stages
from benchmarks.rehearsal.server import Served
from benchmarks.rehearsal.subjects import draw_subjects
from pipeline.checksums import sha256_of

LIMIT_S = 1200  # of a command; a fault must not hang
FOLDERS = ("1_gldv2", "2_wikidata", "3_hierarchy", "4_labels", "5_queue", "6_validation", "8_report")
NEVER_THE_SAME = "data/8_report/run.json"  # when and where the report was made
PROMISED = re.compile(r"^Error: .+Remedy: .+", re.MULTILINE | re.DOTALL)
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Base:
    """An undisturbed project, the seconds that each of its stages took with DVC, and its digests."""

    project: Project
    seconds: dict[str, float]
    digests: dict[str, str]


@dataclass(frozen=True)
class Said:
    """How a command ended; the code is negative when it was killed."""

    code: int
    text: str

    @property
    def ran(self) -> list[str]:
        """Names of the stages that DVC ran."""
        return [line.split("'")[1] for line in self.text.splitlines() if line.startswith("Running stage")]

    @property
    def ending(self) -> str:
        """In a word or two; a broken promise is a stop without a remedy, or with a traceback."""
        if self.code <= 0:
            return "killed" if self.code else "done"
        if "Traceback (most recent call last)" in self.text:
            return "broken promise"
        if PROMISED.search(self.text):
            return "promised error"
        return "broken promise" if "failed to run:" in self.text or "ERROR: " not in self.text else "DVC's error"


def make_base(share: float, folder: Path, served: Served, tell: Tell) -> Base:
    """Run every stage undisturbed in the folder, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    found = read_ingredients()
    write_metadata(folder / "metadata", found, draw_subjects(found, share), share)
    project = make_project(folder / "hgldv2", folder / "metadata", served)
    rows: list[Figures] = run_stages(project, served, tell)
    return Base(project, {row["stage"]: row["dvc_s"] for row in rows}, digests(project.folder))


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of the release and of every table and page, by path; what a killed stage left half-written is no part."""
    found = {}
    for part in (folder / "release", *(folder / "data" / name for name in FOLDERS)):
        for path in sorted(part.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and name != NEVER_THE_SAME and path.suffix != ".part":
                found[name] = sha256_of(path)
    return found


def differing(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Paths that are not the same in both."""
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def copy_of(project: Project, folder: Path) -> Project:
    """Copy the project into `folder/hgldv2`, with a state of DVC of its own."""
    copy = moved(project, folder)
    subprocess.run(["cp", "-a", "--reflink=auto", f"{project.folder}/.", str(copy.folder)], check=True)
    return copy


def moved(project: Project, folder: Path) -> Project:
    """The project as it would be in `folder/hgldv2`; its files are not copied."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = folder / "clock.jsonl"
    own = {"DVC_SITE_CACHE_DIR": str(folder / "dvc-site-cache"), "REHEARSAL_CLOCK": str(clock)}
    return replace(project, folder=folder / "hgldv2", environment=project.environment | own, clock=clock)


def readers(project: Project, path: Path) -> list[str]:
    """Stages that name a file among what they read."""
    declared = yaml.safe_load((project.folder / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    name = path.relative_to(project.folder).as_posix()
    return [stage for stage in declared if name in declared[stage]["deps"]]


def clear(project: Project, stage: str) -> int:
    """Remove the outs of a stage and what DVC's cache holds of them; how many bytes the outs had."""
    forget(project.folder, stage)
    size = 0
    for out in project.stages()[stage]:
        files = [out] if out.is_file() else [path for path in out.rglob("*") if path.is_file()]
        size += sum(path.stat().st_size for path in files)
        shutil.rmtree(out) if out.is_dir() else out.unlink(missing_ok=True)
    return size


def forget(folder: Path, stage: str) -> None:
    """Remove the outs of a stage from DVC's cache, and all runs that it remembers."""
    cache = folder / ".dvc/cache"
    shutil.rmtree(cache / "runs", ignore_errors=True)
    for out in yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))["stages"][stage]["outs"]:
        path = cached(cache, out["md5"])
        if path.suffix == ".dir" and path.exists():
            for entry in json.loads(path.read_text(encoding="utf-8")):
                cached(cache, entry["md5"]).unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def cached(cache: Path, md5: str) -> Path:
    """Where DVC keeps the bytes with this digest."""
    return cache / "files/md5" / md5[:2] / md5[2:]


def run(project: Project, arguments: Sequence[str], kill_after: float | None = None, limit: int | None = None) -> Said:
    """Run Python with these arguments in a process group of its own, and end the group after so many seconds.

    Args:
        project: where to run it.
        arguments: of Python, for example `-m dvc repro`.
        kill_after: seconds until SIGKILL to the whole group; None lets it end by itself.
        limit: bytes that a file may have; None is no limit.
    """
    prefix = [] if limit is None else ["prlimit", f"--fsize={limit}"]
    output = project.folder.parent / "said.txt"
    with output.open("wb") as opened:
        process = subprocess.Popen(
            [*prefix, sys.executable, *arguments],
            cwd=project.folder,
            env=project.environment,
            stdout=opened,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(LIMIT_S if kill_after is None else kill_after)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return Said(process.returncode, output.read_text(encoding="utf-8", errors="replace"))
