"""`python -m benchmarks.rehearsal.sharing --folder DIR`: push a rehearsal to a DVC remote, and pull it elsewhere.

A folder stands in for S3 or GCS. The second clone has the first one's code, parameters and dvc.lock, and no data; after
`dvc pull` its `dvc repro` should have nothing to compute.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from benchmarks.rehearsal.faults import REPRO
from benchmarks.rehearsal.project import Figures, Project
from benchmarks.rehearsal.server import serving
from benchmarks.rehearsal.trials import Said, cached, copy_of, differing, digests, make_base, moved, run
from pipeline.checksums import md5_of
from tests.clones import clone

IN_GIT = ("dvc.lock", "metrics.json", "params.yaml", ".dvc/config")  # what differs from the project that was cloned
UP_TO_DATE = "Data and pipelines are up to date"


def share_it(first: Project, folder: Path) -> Figures:
    """Push from the first project, pull into a second one, and see what is there and what `dvc repro` computes."""
    remote = folder / "remote"
    _run(first, "remote", "add", "-d", "local", str(remote))
    _, push_s = _run(first, "push")
    row: Figures = {"push_s": push_s, "pushed": _kinds(first.folder, remote)}
    row["again_s"] = _run(first, "push")[1]
    second = second_clone(first, folder / "second")
    said, row["pull_s"] = _run(second, "pull")
    row["pull"] = "done" if said.code == 0 else said.text[-1500:]
    row["missing"] = differing(digests(first.folder), digests(second.folder))
    status, _ = _run(second, "status")
    row["status"] = status.text[-1500:]
    again, row["repro_s"] = _run(second, *REPRO[2:])
    row["ran"] = again.ran
    row["is_up_to_date"] = again.code == 0 and UP_TO_DATE in again.text
    row["different"] = differing(digests(first.folder), digests(second.folder))
    return row


def second_clone(first: Project, folder: Path) -> Project:
    """The project as it is now with what git holds of the first one, and nothing that git ignores."""
    second = moved(first, folder)
    clone(second.folder)
    for name in IN_GIT:
        shutil.copy2(first.folder / name, second.folder / name)
    return second


def _run(project: Project, *arguments: str) -> tuple[Said, float]:
    start = time.perf_counter()
    said = run(project, ("-m", "dvc", *arguments))
    return said, round(time.perf_counter() - start, 1)


def _kinds(folder: Path, remote: Path) -> dict[str, Figures]:
    """Files and bytes below the parts of the project that lie in the remote, and below those that do not."""
    parts: dict[str, Callable[[Path], bool]] = {
        "release": lambda path: path.parts[0] == "release",
        "image TARs": lambda path: path.suffix == ".tar",
        "raw answers": lambda path: path.parts[:3] == ("data", "raw", "wikidata"),
        "raw metadata": lambda path: path.parts[:3] == ("data", "raw", "gldv2") and path.suffix != ".tar",
        "tables and pages": lambda path: path.parts[0] == "data" and path.parts[1] != "raw",
    }
    files = [path for top in ("data", "release") for path in (folder / top).rglob("*") if path.is_file()]
    found: dict[str, Figures] = {}
    for name, is_part in parts.items():
        for path in files:
            if is_part(path.relative_to(folder)):
                in_remote = cached(remote, md5_of(path)).exists()
                row = found.setdefault(f"{name}, {'pushed' if in_remote else 'not pushed'}", {"files": 0, "bytes": 0})
                row["files"] += 1
                row["bytes"] += path.stat().st_size
    everything = [path for path in remote.rglob("*") if path.is_file()]
    found["all of the remote"] = {"files": len(everything), "bytes": sum(path.stat().st_size for path in everything)}
    return found


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="Where to run; kept.")
@click.option("--share", default=0.1, show_default=True, help="Of full size.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write what happened here, too.")
def main(folder: Path, share: float, out: Path | None) -> None:
    """Share a rehearsal; exit code 1 when the second clone lacks something or computes anything."""
    folder = folder.resolve()
    with serving(share) as served:
        base = make_base(share, folder / "base", served, click.echo)
        for name in ("first", "second", "remote"):
            shutil.rmtree(folder / name, ignore_errors=True)
        row = share_it(copy_of(base.project, folder / "first"), folder)
    text = json.dumps(row, indent=2)
    click.echo(text)
    if out:
        out.write_text(text + "\n", encoding="utf-8")
    sys.exit(0 if row["is_up_to_date"] and not row["different"] else 1)


if __name__ == "__main__":
    main()
