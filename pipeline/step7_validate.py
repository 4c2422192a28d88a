"""Stage validate: every promise about the release as one named check; all failures are listed, then exit 1."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pandas as pd

from pipeline import curation, release_tables, tables
from pipeline.errors import InputError, stage_command
from pipeline.files import conform, read_table, write_json
from pipeline.release_checks import CHECKS, FILE_CHECKS, Release
from pipeline.schema import Table

REPORT = Path("data/6_validation/report.json")


def build(release: Release | None) -> list[dict[str, Any]]:
    """Run every check, those on tables only when the tables could be read: name, ok and failures of each."""
    checks: list[Callable[[], Iterator[str]]] = [*FILE_CHECKS]
    if release:
        checks = [*(functools.partial(check, release) for check in CHECKS), *checks]
    return [_outcome(check) for check in checks]


def _outcome(check: Callable[[], Iterator[str]]) -> dict[str, Any]:
    name = getattr(check, "func", check).__name__
    try:
        failures = list(check())
    except (KeyError, ValueError) as error:  # other tables are so wrong that this one cannot be compared
        failures = [f"could not be checked ({str(error).splitlines()[0]})"]
    return {"name": name, "ok": not failures, "failures": failures}


def counts(labels: pd.DataFrame) -> dict[str, int]:
    """Landmarks and images, and how many of them are labelled."""
    labelled = labels[labels["hierarchical_label"].notna()]
    return {
        "landmarks": len(labels),
        "labelled": len(labelled),
        "images": int(labels["image_count"].sum()),
        "labelled_images": int(labelled["image_count"].sum()),
    }


def read_release() -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The release's tables by path, and the failures of those that cannot be read or break their declaration."""
    frames, failures = {}, []
    for table in release_tables.RELEASE_TABLES:
        try:
            frames[table.path] = _checked(table)
        except InputError as error:
            failures.append(error.message)
    return frames, failures


def _checked(table: Table) -> pd.DataFrame:
    frame = read_table(table)
    conform(frame, table)
    return frame


def main() -> None:
    """Check the release against everything it promises and write data/6_validation/report.json."""
    landmark_labels = read_table(tables.LANDMARK_LABELS)
    curated = curation.read_all(landmark_labels)
    entities = read_table(tables.ENTITIES)
    outside = curation.outside_of_sample(curated, entities, read_table(tables.CLASS_EDGES))
    frames, failures = read_release()
    readable = {"name": "tables_are_as_declared", "ok": not failures, "failures": failures}
    landmarks = read_table(tables.LANDMARKS)
    release = Release(frames, landmark_labels, landmarks, curated) if not failures else None
    checks = [readable, *build(release)]
    report: dict[str, Any] = {
        "ok": all(check["ok"] for check in checks),
        "checks": checks,
        "counts": counts(release.labels if release else landmark_labels),
        "out_of_sample": outside,
        "other_labels": curation.other_class_labels(curated, entities),
    }
    write_json(report, REPORT)
    for check in report["checks"]:
        click.echo(f"{'ok    ' if check['ok'] else 'BROKEN'} {check['name'].replace('_', ' ')}")
        for failure in check["failures"]:
            click.echo(f"         {failure}")
    if not report["ok"]:
        remedy = "mend what the checks name and run `dvc repro`"
        raise InputError(str(REPORT), "the release breaks its promises, see above", remedy)


if __name__ == "__main__":
    stage_command(main)()
