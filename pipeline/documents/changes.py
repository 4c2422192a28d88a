"""CHANGES.md of a release: what was added, removed and moved since the release before, and why; for the data's user."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow

from pipeline.diff import CHANGES, read_changes
from pipeline.documents.card import cell
from pipeline.documents.provenance import previous_release
from pipeline.errors import InputError
from pipeline.params import SEMVER, Params
from pipeline.release_tables import FOLDS, LABELS

NAME = "CHANGES.md"
LIMIT = 50  # rows of each list; `hgld diff` has all
_WORDS = {"added": "got a label", "removed": "lost their label", "moved": "have another label"}


def changes(folder: Path, params: Params) -> str:
    """The changes as Markdown.

    Args:
        folder: the new release, its tables written.
        params: names the version and the release before, if there is one.

    Raises:
        InputError: the release before cannot be read, or the version is not one that may follow it.
    """
    head = f"# Changes of hgldv2 {params.release.version} ({params.release.date})\n\n"
    before = previous_release(params)
    if before is None or params.release.previous is None:
        return head + "This is the first release: there is none to compare with.\n"
    previous = Path(params.release.previous)
    rows, counts = read_changes(previous, folder)
    counts |= {"before": counts.pop("old"), "now": counts.pop("new")} | _moves(previous, folder)
    require_version(before["version"], params.release.version, counts)
    return head + "\n".join(_lines(rows, counts, before["version"])) + "\n"


def _moves(previous: Path, folder: Path) -> dict[str, dict[str, int]]:
    """Landmarks that are new, that are gone, and whose fold is another; landmark_count of each."""
    paths = [*(table.path for table in LABELS.values()), FOLDS.path]
    old, new = ([read_keyed(root / path.removeprefix("release/")) for path in paths] for root in (previous, folder))
    before, now = (pd.concat(tables[:-1]).index for tables in (old, new))
    folds = old[-1].join(new[-1], how="inner", lsuffix="_old", rsuffix="_new", validate="1:1")
    found = {
        "new": len(now.difference(before)),
        "gone": len(before.difference(now)),
        "refolded": int((folds["fold_old"] != folds["fold_new"]).sum()),
    }
    return {name: {"landmark_count": count} for name, count in found.items()}


def read_keyed(path: Path) -> pd.DataFrame:
    """A table of a release with landmarks as its index.

    Raises:
        InputError: it cannot be read.
    """
    try:
        frame = pd.read_parquet(path)
        return frame.set_index(["split", "landmark_id"])
    except (pyarrow.ArrowException, OSError, KeyError, ValueError) as error:
        what = f"not readable ({str(error).splitlines()[0]})"
        raise InputError(str(path), what, "name a folder that `hgld export` made") from error


def require_version(before: str, version: str, counts: dict[str, Any]) -> None:
    """Check that a version may follow another, by SemVer of the data.

    Raises:
        InputError: it is not later; or, from 1.0.0 on, the step is smaller than the changes ask for.
    """
    where, old, new = "params.yaml: release.version", _parts(before), _parts(version)
    if new <= old:
        raise InputError(where, f"{version} is not later than {before}, the release before", "set a later version")
    needed = step(counts)
    if old >= (1, 0, 0) and new[: needed + 1] == old[: needed + 1]:
        what = f"{version} after {before} is too small a step: " + (
            "labels or folds moved, or landmarks went" if needed == 0 else "landmarks were added"
        )
        raise InputError(where, what, f"raise the {('major', 'minor')[needed]} number")


def step(counts: dict[str, Any]) -> int:
    """Place of the number of the version that the changes raise: 0 major, 1 minor, 2 patch."""
    if any(counts[name]["landmark_count"] for name in ("moved", "removed", "gone", "refolded")):
        return 0
    return 1 if any(counts[name]["landmark_count"] for name in ("added", "new")) else 2


def _parts(version: str) -> tuple[int, ...]:
    if not re.fullmatch(SEMVER, version):
        remedy = "name a release of this program"
        raise InputError("params.yaml: release.previous", f"its version {version!r} is not major.minor.patch", remedy)
    return tuple(int(part) for part in version.split("."))


def _lines(rows: pd.DataFrame, counts: dict[str, Any], before: str) -> list[str]:
    lines = [
        f"Since {before}; every landmark is listed by `hgld diff` of the two folders.",
        "",
        "| | landmarks | images |",
        "|---|---|---|",
        *(f"| {name} ({_WORDS[name]}) | {_numbers(counts[name])} |" for name in CHANGES),
        *(
            f"| labelled {when} | {size['labelled_landmark_count']:,} | {size['labelled_image_count']:,} |"
            for when, size in (("before", counts["before"]), ("now", counts["now"]))
        ),
        f"| new landmarks | {counts['new']['landmark_count']:,} | |",
        f"| landmarks that are gone | {counts['gone']['landmark_count']:,} | |",
        f"| in another fold than before | {counts['refolded']['landmark_count']:,} | |",
    ]
    by_reason = [[f"{row['reason_kind']}: {row['reason']}", _numbers(row)] for row in counts["by_reason"]]
    by_label = [[_moved(row), _numbers(row)] for row in counts["by_label"]]
    lines += _section("Why", "reason", by_reason) + _section("From label to label", "labels", by_label)
    for name in CHANGES:
        listed = rows[rows["change"] == name].sort_values("image_count", ascending=False, kind="stable")
        records = listed.astype(object).where(listed.notna(), None).to_dict("records")
        told = [
            [f"{row['split']} {row['landmark_id']} {row['category']}", _moved(row), row["reason"]] for row in records
        ]
        lines += _landmarks(name, told)
    return lines


def _section(title: str, first: str, rows: list[list[str]]) -> list[str]:
    """A table of counted things, most images first."""
    if not rows:
        return []
    body = [f"| {cell(words)} | {numbers} |" for words, numbers in rows[:LIMIT]]
    return ["", f"## {title}", "", f"| {first} | landmarks | images |", "|---|---|---|", *body, *_more(len(rows))]


def _landmarks(change: str, rows: list[list[str]]) -> list[str]:
    if not rows:
        return []
    body = [f"| {' | '.join(cell(text) for text in row)} |" for row in rows[:LIMIT]]
    title = f"## {change.capitalize()}: landmarks with most images"
    return ["", title, "", "| landmark | labels | reason |", "|---|---|---|", *body, *_more(len(rows))]


def _more(count: int) -> list[str]:
    return ["", f"... and {count - LIMIT:,} more."] if count > LIMIT else []


def _moved(row: dict[str, Any]) -> str:
    return f"{row['old'] or 'no label'} -> {row['new'] or 'no label'}"


def _numbers(row: dict[str, Any]) -> str:
    return f"{row['landmark_count']:,} | {row['image_count']:,}"
