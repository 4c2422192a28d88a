"""`hgld diff`: the landmarks that two releases label otherwise and why, as data, as lines, and as a CSV.

For maintainers after a change of the facts, and for curators who ask what their decisions did.
"""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet as pq

from annotations.worksheet import guard
from hierarchy.release_diff import ReleaseTables, compare_releases
from pipeline import release_tables
from pipeline.errors import InputError
from pipeline.files import atomic, conform, frame_of
from pipeline.garbage import uncollected
from pipeline.schema import Table

CHANGES = ("added", "removed", "moved")
_REMEDY = "name a folder that `hgld export` made, or a copy of one"
_CSV_COLUMNS = [
    *("change", "split", "landmark_id", "category", "old", "new", "class_qid", "class_label"),
    *("reason_kind", "reason"),
]


def read_release(folder: Path) -> ReleaseTables:
    """The tables of a release that the diff needs, checked; the levels above the label may be any.

    Raises:
        InputError: the folder holds no release, one of another version of this program, or a damaged one.
    """
    labels = [_read(folder, table) for table in release_tables.LABELS.values()]
    others = (release_tables.CLASSES, release_tables.CLASS_EDGES, release_tables.ITEM_CLASSES)
    return ReleaseTables(pd.concat(labels, ignore_index=True), *(_read(folder, table) for table in others))


def _read(folder: Path, table: Table) -> pd.DataFrame:
    declared = table.with_columns(tuple(column for column in table.columns if not column.is_level))
    path = folder / Path(table.path).relative_to("release")
    again = f"{_REMEDY}; a release of an earlier version has to be made again with this one"
    if not path.exists():
        raise InputError(str(path), "not found, so this is no release, or one of another version", again)
    try:
        with pq.ParquetFile(path) as opened:
            missing = set(declared.column_names) - set(opened.schema_arrow.names)
            arrow = opened.read([name for name in declared.column_names if name not in missing])
        frame = frame_of(arrow, [column for column in declared.columns if column.name not in missing])
    except (pyarrow.ArrowException, OSError, AttributeError, ValueError) as error:
        raise InputError(str(path), f"not readable ({str(error).splitlines()[0]})", _REMEDY) from error
    if missing:
        what = f"has no column {', '.join(sorted(missing))}, so the release is of another version"
        raise InputError(str(path), what, again)
    try:
        return conform(frame, declared)
    except InputError as error:
        raise InputError(str(path), error.what, _REMEDY) from error


@uncollected()
def read_changes(old: Path, new: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Compare two releases.

    Args:
        old: folder of the earlier release.
        new: folder of the later one.

    Returns:
        The changes, see `hierarchy.release_diff.compare_releases`, and counts: of old and new (landmark_count,
        image_count, labelled_landmark_count, labelled_image_count), of added, removed and moved (landmark_count,
        image_count), and the lists by_reason, by_label and by_class, most images first.

    Raises:
        InputError: see `read_release`.
    """
    before, after = read_release(old), read_release(new)
    changes = compare_releases(before, after)
    of_change = {name: _count(changes[changes["change"] == name]) for name in CHANGES}
    return changes, {
        "old": _size(before.labels),
        "new": _size(after.labels),
        **of_change,
        "by_reason": _counted(changes, ["reason_kind", "reason"]),
        "by_label": _counted(changes, ["old", "new"]),
        "by_class": _counted(changes[changes["class_qid"].notna()], ["class_qid", "class_label"]),
    }


def _size(labels: pd.DataFrame) -> dict[str, int]:
    all_landmarks, labelled = _count(labels), _count(labels[labels["hierarchical_label"].notna()])
    return all_landmarks | {f"labelled_{name}": count for name, count in labelled.items()}


def _count(rows: pd.DataFrame) -> dict[str, int]:
    return {"landmark_count": len(rows), "image_count": int(rows["image_count"].sum())}


def _counted(changes: pd.DataFrame, names: list[str]) -> list[dict[str, Any]]:
    """Landmarks and images of each combination of values, most images first."""
    groups = changes.groupby(names, dropna=False, as_index=False).agg(
        landmark_count=("landmark_id", "size"), image_count=("image_count", "sum")
    )
    order = groups.sort_values(
        ["image_count", "landmark_count", *names], ascending=[False, False, *[True] * len(names)]
    )
    return _records(order)


def as_data(changes: pd.DataFrame, counts: dict[str, Any]) -> dict[str, Any]:
    """The changes for machines: added, removed and moved landmarks, and the counts."""
    rows = {name: _records(changes[changes["change"] == name].drop(columns="change")) for name in CHANGES}
    return {**rows, "counts": counts}


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return records


def diff_lines(changes: pd.DataFrame, counts: dict[str, Any], limit: int) -> list[str]:
    """The changes for a person: totals, then at most `limit` reasons, labels, classes and landmarks."""
    lines = [f"{name:<8} {_count_words(counts[name])}" for name in ("old", "new", *CHANGES)]
    words: dict[str, Callable[[dict[str, Any]], str]] = {
        "by_reason": lambda row: f"{row['reason_kind']}: {row['reason']}",
        "by_label": _label_words,
        "by_class": lambda row: f"{row['class_qid']} ({row['class_label']})",
    }
    for name, tell in words.items():
        rows = [f"{tell(row)}: {_count_words(row)}" for row in counts[name][:limit]]
        lines += _section(name.replace("_", " "), rows, len(counts[name]))
    most_images = changes.sort_values("image_count", ascending=False, kind="stable").head(limit)
    rows = [
        f"{row['change']} {row['split']} {row['landmark_id']} ({row['category']}): {_label_words(row)}; {row['reason']}"
        for row in _records(most_images)
    ]
    return lines + _section("landmarks with most images", rows, len(changes))


def _section(title: str, rows: list[str], count: int) -> list[str]:
    more = [f"... and {count - len(rows)} more"] if count > len(rows) else []
    return ["", f"{title}:", *(f"  {row}" for row in (*rows, *more))] if count else []


def _label_words(row: dict[str, Any]) -> str:
    return f"{row['old'] or 'no label'} -> {row['new'] or 'no label'}"


def _count_words(counted: dict[str, int]) -> str:
    words = f"{counted['landmark_count']} landmarks, {counted['image_count']} images"
    if "labelled_landmark_count" not in counted:
        return words
    return f"{words}; labelled {counted['labelled_landmark_count']} and {counted['labelled_image_count']}"


def write_changes(changes: pd.DataFrame, path: Path) -> None:
    """Write the changes as a CSV for spreadsheets, in the form of a worksheet, whole or not at all."""
    frame = changes[_CSV_COLUMNS]
    texts = frame.select_dtypes("str").columns
    frame = frame.assign(**{name: frame[name].map(guard, na_action="ignore") for name in texts})
    with atomic(path) as partial:
        frame.to_csv(partial, index=False, encoding="utf-8-sig", lineterminator="\r\n", quoting=csv.QUOTE_ALL)
