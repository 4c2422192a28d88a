"""A rehearsal from end to end: every stage in order, the tables again without asking, and what people use."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.rehearsal.commands import time_commands
from benchmarks.rehearsal.ingredients import read_ingredients
from benchmarks.rehearsal.metadata import write_metadata
from benchmarks.rehearsal.project import Figures, Project, RehearsalError, make_project, size_of
from benchmarks.rehearsal.server import Served, serving
from benchmarks.rehearsal.subjects import draw_subjects
from pipeline.checksums import sha256_of

OFFLINE = "wikidata --offline"
Tell = Callable[[str], None]


def rehearse(share: float, folder: Path, tell: Tell) -> Figures:
    """Run a world of this share of the full size in the folder, which is emptied first.

    Raises:
        RehearsalError: a stage failed, tables differ when made again, or a last `dvc repro` computes something.
    """
    shutil.rmtree(folder, ignore_errors=True)
    metadata = folder / "metadata"
    start = time.perf_counter()
    found = read_ingredients()
    if not found.is_real:
        tell("../shared/data is not here: the world is mixed from the sample's titles and classes, which are few")
    counts = write_metadata(metadata, found, draw_subjects(found, share), share)
    run: Figures = {"share": share, "is_real": found.is_real, **counts, "metadata_s": time.perf_counter() - start}
    with serving(share) as served:
        project = make_project(folder / "hgldv2", metadata, served)
        run["stages"] = run_stages(project, served, tell)
        said, figures = project.dvc("repro")
    if "Running stage" in said:
        raise RehearsalError(f"a second dvc repro computes something:\n{said}")
    run["repro_again_s"] = figures["dvc_s"]
    tell(f"dvc repro again: nothing to do, {figures['dvc_s']:.1f} s")
    run["commands"] = time_commands(project, folder / "aside", tell)
    return run


def run_stages(project: Project, served: Served, tell: Tell) -> list[Figures]:
    """Figures of every stage, and of the wikidata stage again from its store."""
    rows = []
    for name, outs in project.stages().items():
        _, figures = project.dvc("repro", "--single-item", name)
        rows.append(_told({"stage": name} | figures | _of_outs(outs, figures["own_s"]), tell))
        if name == "wikidata":
            rows[-1]["requests"] = served.requests()
            rows.append(_told(_offline(project, served, outs), tell))
    return rows


def _offline(project: Project, served: Served, outs: list[Path]) -> Figures:
    """Make the tables again from the store: they must be the same, and nobody may be asked."""
    made = [out for out in outs if out.is_file()]
    before, asked = [sha256_of(path) for path in made], served.requests()
    figures = project.hgld("wikidata", "--offline")
    if "error" in figures or [sha256_of(path) for path in made] != before or served.requests() != asked:
        raise RehearsalError(f"hgld {OFFLINE} failed, asked somebody, or made other tables: {figures}")
    return {"stage": OFFLINE, "dvc_s": 0.0} | figures | _of_outs(made, figures["own_s"])


def _of_outs(outs: list[Path], seconds: float) -> Figures:
    size, rows = size_of(outs)
    return {"output_mb": size / 1e6, "rows": rows, "rows_per_s": rows / seconds if seconds else 0.0}


def _told(figures: Figures, tell: Tell) -> Figures:
    tell(
        f"{figures['stage']:20} {figures['own_s']:8.1f} s (with DVC {figures['dvc_s']:7.1f} s)  "
        f"peak {figures['peak_mb']:7.0f} MB  out {figures['output_mb']:8.1f} MB  {figures['rows']:>10,} rows"
    )
    return figures
