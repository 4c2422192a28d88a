"""Stage validate: every promise about the release as one named check; all failures are listed, then exit 1."""

from pathlib import Path
from typing import Any

import click
import pandas as pd

from pipeline import curation, release_tables, tables
from pipeline.errors import InputError, stage_command
from pipeline.files import conform, read_table, write_json
from pipeline.release_checks import CHECKS, Release
from pipeline.schema import Table

REPORT = Path("data/6_validation/report.json")


def build(release: Release) -> dict[str, Any]:
    """Run every check; see `report.json` in the design: ok, checks (name, ok, failures) and counts."""
    checks = []
    for check in CHECKS:
        failures = list(check(release))
        checks.append({"name": check.__name__, "ok": not failures, "failures": failures})
    return {"ok": all(check["ok"] for check in checks), "checks": checks, "counts": counts(release.labels)}


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
    report: dict[str, Any] = {"ok": False, "checks": [readable], "counts": counts(landmark_labels)}
    if not failures:
        report = build(Release(frames, landmark_labels, curated))
        report["checks"].insert(0, readable)
    report |= {"out_of_sample": outside, "other_labels": curation.other_class_labels(curated, entities)}
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
