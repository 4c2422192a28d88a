"""The clone in which a rehearsal runs: the project as it is now, set up for the made-up metadata and services."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from benchmarks.rehearsal.server import Served
from tests.clones import clone

CONTACT = "rehearsal@localhost.localdomain"  # of the form that the client takes; nobody is written to
HGLD = ("-c", "from pipeline.cli import hgld; hgld(prog_name='hgld')")
CLOCKED = Path(__file__).with_name("clocked.py")
Figures = dict[str, Any]


class RehearsalError(Exception):
    """A command of the rehearsal failed, or did not keep a promise."""


@dataclass(frozen=True)
class Project:
    """A clone and the environment that its commands run in."""

    folder: Path
    environment: dict[str, str]
    clock: Path

    def dvc(self, *arguments: str) -> tuple[str, Figures]:
        """Run DVC; what it said, and what its stage took by itself (`own_s` and so on, 0 when none ran)."""
        self.clock.write_text("")
        start = time.perf_counter()
        command = [sys.executable, "-m", "dvc", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        if done.returncode:
            raise RehearsalError(f"dvc {' '.join(arguments)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        noted = [json.loads(line) for line in self.clock.read_text().splitlines()]
        figures = {"dvc_s": seconds, "own_s": sum(note["seconds"] for note in noted)}
        figures |= {"cpu_s": sum(note["cpu_s"] for note in noted)}
        return done.stdout, figures | {"peak_mb": max((note["peak_mb"] for note in noted), default=0.0)}

    def hgld(self, *arguments: str) -> Figures:
        """Run a command of `hgld`: seconds to the first output and to the end, peak memory, exit code."""
        self.clock.write_text("")
        start = time.perf_counter()
        # Started from a small process: Linux counts the memory of whoever starts a process as the process's own.
        command = [sys.executable, str(CLOCKED), *HGLD, *arguments]
        with (self.folder / "rehearsal.err").open("w+b") as errors:
            pipe = subprocess.PIPE
            process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=pipe, stderr=errors)
            assert process.stdout is not None
            first = process.stdout.read(1)
            first_s = time.perf_counter() - start
            size = len(first) + len(process.stdout.read())
            process.wait()
            errors.seek(0)
            said = errors.read().decode(errors="replace")
        noted = json.loads(self.clock.read_text())
        figures = {"first_s": first_s, "own_s": time.perf_counter() - start, "cpu_s": noted["cpu_s"]}
        figures |= {"peak_mb": noted["peak_mb"], "output_mb": size / 1e6, "exit_code": process.returncode}
        is_wrong = process.returncode > 1 or "Traceback" in said  # 1 is a broken rule, which a check may find
        return figures | ({"error": said[-2000:]} if is_wrong else {})

    def stages(self) -> dict[str, list[Path]]:
        """The outs of every stage that has something to do, in order."""
        read = yaml.safe_load((self.folder / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
        single = {name: stage for name, stage in read.items() if "matrix" not in stage}  # train has no losses
        return {
            name: [
                self.folder / (next(iter(out)) if isinstance(out, dict) else out)
                for part in ("outs", "metrics")
                for out in stage.get(part, [])
            ]
            for name, stage in single.items()
        }


def make_project(folder: Path, metadata: Path, served: Served) -> Project:
    """Clone the project into the folder and set its parameters."""
    clone(folder)
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    params["source"] = "wikimedia"
    shards = dict.fromkeys(("train_shards", "index_shards", "test_shards"))
    params["gldv2"] |= {"address": f"file:{metadata.resolve()}", **shards}
    services = {"wikidata_api": served.wikidata_api, "commons_api": served.commons_api, "sparql": served.sparql}
    params["wikidata"] |= services | {"requests_per_minute": 1e9}
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    aside = folder.parent / "aside"
    (aside / "bin").mkdir(parents=True, exist_ok=True)
    shim = aside / "bin/python"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{CLOCKED}" "$@"\n')
    shim.chmod(0o755)
    clock = aside / "clock.jsonl"
    environment = os.environ | {
        "PATH": f"{aside / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "DVC_SITE_CACHE_DIR": str(aside / "dvc-site-cache"),
        "HGLD_CONTACT": CONTACT,
        "REHEARSAL_CLOCK": str(clock),
    }
    return Project(folder, environment, clock)


def size_of(paths: list[Path]) -> tuple[int, int]:
    """Bytes and rows of outs: rows of Parquet and CSV files; raw files have bytes only."""
    size = rows = 0
    for path in paths:
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        for file in files:
            size += file.stat().st_size
            if "raw" in file.parts:
                continue
            if file.suffix == ".parquet":
                rows += pq.read_metadata(file).num_rows
            elif file.suffix == ".csv":
                with file.open("rb") as opened:
                    rows += sum(chunk.count(b"\n") for chunk in iter(lambda: opened.read(1 << 20), b"")) - 1
    return size, rows
