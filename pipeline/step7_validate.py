"""Stage validate: every promise about the release as one named check; all failures are listed, then exit 1."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click
import pandas as pd

from pipeline import curation
from pipeline.errors import InputError, stage_command
from pipeline.files import write_json
from pipeline.outcomes import Outcome, is_all_well, outcome, outcome_lines, told
from pipeline.params import read_params
from pipeline.release_as_read import Release, read_release
from pipeline.release_checks import CHECKS
from pipeline.release_file_checks import DOCUMENT_CHECKS, FILE_CHECKS
from pipeline.release_graph_checks import GRAPH_CHECKS
from pipeline.release_making import FOUND, read_found

REPORT = Path("data/6_validation/report.json")
NOT_MADE = "not checked: a table of the release cannot be read"


def build(release: Release | None) -> list[Outcome]:
    """Run every check; those on tables are not made, and so do not hold, where the tables could not be read."""
    of_tables = [*CHECKS, *GRAPH_CHECKS, *DOCUMENT_CHECKS]
    made = [outcome(partial(check, release)) if release else told(check, [NOT_MADE]) for check in of_tables]
    return [*made, *(outcome(check) for check in FILE_CHECKS)]


def tables_are_as_declared(failures: list[str]) -> Iterator[str]:
    """Every table can be read and has its columns, types, nulls, allowed values and key."""
    yield from failures


def counts(labels: pd.DataFrame) -> dict[str, int]:
    """Landmarks and images, and how many of them are labelled."""
    labelled = labels[labels["hierarchical_label"].notna()]
    return {
        "landmarks": len(labels),
        "labelled": len(labelled),
        "images": int(labels["image_count"].sum()),
        "labelled_images": int(labelled["image_count"].sum()),
    }


def main() -> None:
    """Check the release against everything it promises and write data/6_validation/report.json."""
    found = read_found((*FOUND, "class_edges"))
    curated = curation.read_all(found["landmark_labels"])
    outside = curation.outside_of_sample(curated, found["entities"], found["class_edges"])
    frames, failures = read_release()
    release = Release(frames, found, curated, read_params()) if not failures else None
    checks = [outcome(partial(tables_are_as_declared, failures)), *build(release)]
    report: dict[str, Any] = {
        "ok": is_all_well(checks),
        "checks": checks,
        "counts": counts(release.labels if release else found["landmark_labels"]),
        "out_of_sample": outside,
        "other_labels": curation.other_class_labels(curated, found["entities"]),
    }
    write_json(report, REPORT)
    click.echo("\n".join(outcome_lines(checks)))
    if not report["ok"]:
        remedy = "mend what the checks name and run `dvc repro`"
        raise InputError(str(REPORT), "the release breaks its promises, see above", remedy)


if __name__ == "__main__":
    stage_command(main)()
