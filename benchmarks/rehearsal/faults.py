"""`python -m benchmarks.rehearsal.faults --folder DIR`: break a rehearsal in many ways, and see what comes back.

Each trial takes a copy of an undisturbed run, strikes a stage, takes the fault away, and runs `dvc repro`. The bytes
must be those of the undisturbed run; a stage that stopped must have said why and what to do. Which stage, when and how
is drawn from the trial's seed.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import click
import pandas as pd
import yaml

from benchmarks.rehearsal.project import HGLD, Figures, Project
from benchmarks.rehearsal.server import serving
from benchmarks.rehearsal.trials import Base, Said, clear, copy_of, differing, digests, forget, make_base, readers, run

STAGES = ("download", "wikidata", "hierarchy", "label", "queue", "export", "validate", "index", "report")
TABLE_MAKERS = ("download", "wikidata", "hierarchy", "label")
REPRO = ("-m", "dvc", "repro")
AGAIN = (*REPRO, "--force", "--no-run-cache", "--single-item")
ENOUGH = "4g"  # of a disk that is not full
NOWHERE = "http://127.0.0.1:9/"  # nobody listens there
COLUMNS = ("done", "killed", "promised error", "DVC's error", "dvc.lock cut", "broken promise", "lost")


def kill(base: Base, project: Project, draw: Random, row: Figures) -> Said:
    """End a stage, and DVC with it, at a random time."""
    stage = row["stage"] = draw.choice(STAGES)
    clear(project, stage)
    row["after_s"] = round(base.seconds[stage] * draw.uniform(0.2, 1), 2)
    return run(project, (*AGAIN, stage), kill_after=row["after_s"])


def full_disk(_: Base, project: Project, draw: Random, row: Figures) -> Said:
    """Give a stage less room than what it writes, or just enough for it and not for DVC's cache."""
    stage = row["stage"] = draw.choice(STAGES)
    room = row["room_bytes"] = int(clear(project, stage) * draw.uniform(0, 1.5))
    if not may_mount():
        return run(project, (*AGAIN, stage), limit=room)
    used = shutil.disk_usage(project.folder).used
    resize(project.folder, str(used + room))
    said = run(project, (*AGAIN, stage))
    resize(project.folder, ENOUGH)
    return said


def read_only(_: Base, project: Project, draw: Random, row: Figures) -> Said:
    """Let a stage find the folder that it writes to read-only."""
    stage = row["stage"] = draw.choice([name for name in STAGES if name != "export"])
    folder = project.stages()[stage][0].parent
    row["folder"] = folder.relative_to(project.folder).as_posix()
    row["outs_are_there"] = draw.random() < 0.5
    if not row["outs_are_there"]:
        clear(project, stage)
    with unwritable(folder):
        return run(project, (*AGAIN, stage))


def store_tail(_: Base, project: Project, draw: Random, row: Figures) -> Said:
    """Cut or garble the end of what was asked and answered; then ask for tables without the network, or with it."""
    row["stage"] = "wikidata"
    path = draw.choice(sorted((project.folder / "data/raw/wikidata").rglob("*.gz")))
    damage(path, draw, row)
    row["offline"] = draw.random() < 0.5
    said = run(project, (*HGLD, "wikidata", "--offline")) if row["offline"] else run(project, (*AGAIN, "wikidata"))
    forget(project.folder, "wikidata")
    return said


def no_server(_: Base, project: Project, draw: Random, row: Figures) -> Said:
    """The same, while the services cannot be reached; the client gives up after ten minutes."""
    row["stage"] = "wikidata"
    damage(draw.choice(sorted((project.folder / "data/raw/wikidata").rglob("*.gz"))), draw, row)
    path = project.folder / "params.yaml"
    before = path.read_text(encoding="utf-8")
    params = yaml.safe_load(before)
    params["wikidata"] |= dict.fromkeys(("wikidata_api", "commons_api", "sparql"), NOWHERE)
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    said = run(project, (*AGAIN, "wikidata"))
    path.write_text(before, encoding="utf-8")
    forget(project.folder, "wikidata")
    return said


def truncated_parquet(_: Base, project: Project, draw: Random, row: Figures) -> Said:
    """Cut a table and run a stage that reads it alone; DVC's cache may or may not have the whole one."""
    row["stage"] = maker = draw.choice(TABLE_MAKERS)
    found = {path: [name for name in readers(project, path) if name in STAGES] for path in project.stages()[maker]}
    path = draw.choice([path for path, names in found.items() if names and path.suffix == ".parquet"])
    damage(path, draw, row, can_garble=False)
    row["is_cached"] = draw.random() < 0.5
    if not row["is_cached"]:
        forget(project.folder, maker)
    row["reader"] = draw.choice(found[path])
    return run(project, (*AGAIN, row["reader"]))


FAULTS = {
    "kill": kill,
    "full disk": full_disk,
    "read-only folder": read_only,
    "store tail": store_tail,
    "truncated Parquet": truncated_parquet,
    "no server": no_server,
}


def damage(path: Path, draw: Random, row: Figures, can_garble: bool = True) -> None:
    """Cut the last bytes of a file, or overwrite them with others."""
    content = path.read_bytes()
    lost = draw.randint(1, len(content) if draw.random() < 0.3 else min(len(content), 20_000))
    is_garbled = can_garble and draw.random() < 0.5
    row |= {"file": path.name, "lost_bytes": lost, "is_garbled": is_garbled}
    path.write_bytes(content[:-lost] + (draw.randbytes(lost) if is_garbled else b""))


def may_mount() -> bool:
    """Whether a disk may be made; else files are limited in size, and modes make a folder read-only."""
    return os.geteuid() == 0 and shutil.which("mount") is not None


def resize(folder: Path, size: str) -> None:
    """Give the disk another size."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)


@contextlib.contextmanager
def disk(folder: Path) -> Iterator[None]:
    """A disk of its own in the memory, where that may be."""
    folder.mkdir(parents=True)
    if may_mount():
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ENOUGH}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        if may_mount():
            subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """A folder nobody may write to: root, who is above modes, gets a read-only mount."""
    if not may_mount():
        folder.chmod(0o555)
    else:
        subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
    try:
        yield
    finally:
        if may_mount():
            subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.chmod(0o755)


def trial(base: Base, folder: Path, fault: str, seed: int) -> Figures:
    """Strike a copy once; what happened, and whether `dvc repro` then gives the bytes of the base."""
    row: Figures = {"fault": fault, "seed": seed}
    draw = Random(f"{fault} {seed}")
    shutil.rmtree(folder, ignore_errors=True)
    with disk(folder / "hgldv2") if fault == "full disk" else contextlib.nullcontext():
        project = copy_of(base.project, folder)
        said = FAULTS[fault](base, project, draw, row)
        row["ending"] = said.ending
        after = run(project, REPRO)
        row["is_lock_cut"] = "dvc.lock' validation failed" in after.text
        if row["is_lock_cut"]:  # DVC writes dvc.lock in place; who kills DVC then puts back the one that git has
            shutil.copy2(base.project.folder / "dvc.lock", project.folder / "dvc.lock")
            after = run(project, REPRO)
        row["then_ran"] = after.ran
        row["different"] = differing(base.digests, digests(project.folder))
        row["left"] = sorted(path.name for path in project.folder.rglob("*.part"))
    if after.code or row["different"]:
        row["lost"] = after.ending
    shown = said.text if said.ending not in ("done", "killed") else ""
    row |= {"said": shown[-1500:], "then_said": after.text[-1500:] if "lost" in row else ""}
    if "lost" not in row:
        shutil.rmtree(folder)
    return row


def way_of(row: Figures) -> str:
    """Column of the table that a trial counts in."""
    return "lost" if "lost" in row else "dvc.lock cut" if row.get("is_lock_cut") else str(row["ending"])


def summary(rows: list[Figures]) -> pd.DataFrame:
    """Trials by fault and by how the struck command ended; all but the lost ones gave the same bytes in the end."""
    found = pd.DataFrame(rows)
    found["way"] = [way_of(row) for row in rows]
    table = pd.crosstab(found["fault"], found["way"]).reindex(columns=list(COLUMNS), fill_value=0)
    table.insert(0, "tried", table.sum(axis=1))
    return table


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="Where to run; what is lost is kept.")
@click.option("--share", default=0.1, show_default=True, help="Of full size.")
@click.option("--trials", default=50, show_default=True, help="Taken in turn from the faults.")
@click.option(
    "--fault", "faults", type=click.Choice(list(FAULTS)), multiple=True, help="Only these; else all but no server."
)
@click.option("--seed", default=0, show_default=True, help="Of the first trial.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write what happened here, too.")
def main(folder: Path, share: float, trials: int, faults: tuple[str, ...], seed: int, out: Path | None) -> None:
    """Break copies of a rehearsal; exit code 1 when anything is lost or a promise broken."""
    folder, names = folder.resolve(), faults or tuple(FAULTS)[:-1]
    click.echo("full disk: a small tmpfs; read-only: a mount" if may_mount() else "full disk: a limit on files' size")
    rows: list[Figures] = []
    with serving(share) as served:
        base = make_base(share, folder / "base", served, click.echo)
        for number in range(seed, seed + trials):
            rows.append(trial(base, folder / "trial", names[number % len(names)], number))
            told = {name: value for name, value in rows[-1].items() if name not in ("said", "then_said")}
            click.echo(json.dumps(told))
            if "lost" in rows[-1]:
                (folder / "trial").rename(folder / f"lost-{number}")
            if out:
                out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    table = summary(rows)
    click.echo("\n" + table.to_string())
    sys.exit(1 if table[["broken promise", "lost"]].to_numpy().any() else 0)


if __name__ == "__main__":
    main()
