"""Worksheets from the queues, and back: for `hgld worksheet` and `hgld decide`."""

import datetime
from pathlib import Path
from typing import Any

import click
import pandas as pd

from annotations import store, worksheet
from annotations.second_review import second_review_sample
from annotations.verdicts import TABLE_OF
from hierarchy import doubt, edges
from hierarchy.graph import ancestors_or_self
from hierarchy.votes import votes_of_items, winners
from pipeline import workbench
from pipeline.deciding import Outcome, outcome, take
from pipeline.queues import QUEUES, open_queue
from pipeline.workbench import DECISIONS, Tables, Workbench

MADE_BY_PROGRAMS = ("data", "release", "runs")


def write_open(kind: str, path: Path, limit: int | None) -> int:
    """Write the worksheet of what is open; return the number of its rows.

    Raises:
        click.UsageError: the path lies where stages write.
        annotations.store.CurationError: the file is there, or a curated table breaks a law.
        InputError: the queue is not there.
    """
    queue = open_queue(kind, workbench.read_curated()).head(limit)
    return _write(kind, queue, path)


def write_blind(kind: str, path: Path, limit: int | None, reviewer: str) -> int:
    """Write a worksheet of what others have decided and this reviewer has not, without their verdicts.

    The evidence shown is that before any decision, so that nothing tells what was decided.

    Raises:
        click.UsageError: the path lies where stages write, or the reviewer is not in reviewers.csv.
        annotations.store.CurationError: the file is there, or a curated table breaks a law.
        InputError: a table of the stages is missing.
    """
    bench = workbench.open_workbench()
    check_reviewer(reviewer, bench.curated)
    table = store.TABLES[TABLE_OF[kind]]
    decisions = bench.curated[TABLE_OF[kind]]
    drawn = second_review_sample(decisions, table, reviewer, None)
    # An added edge cannot be asked about blindly: that it is asked about tells that somebody added it.
    added = pd.MultiIndex.from_frame(decisions.loc[decisions["decision"] == "add", table.id_columns])
    drawn = drawn[~pd.MultiIndex.from_frame(drawn).isin(added)]
    described = _described(kind, drawn, bench)
    asked = described.assign(doubt="second_review", why="a second reviewer is asked", uncertainty=1.0)
    return _write(kind, asked[QUEUES[kind].column_names].head(limit), path)


def read_and_take(path: Path, reviewer: str, dry_run: bool) -> Outcome:
    """Take the verdicts of a worksheet, or only say what they would do.

    Raises:
        click.UsageError: the reviewer is not in reviewers.csv.
        annotations.store.CurationError: a verdict cannot be taken; then none is.
        InputError: a table of the stages is missing.
    """
    bench = workbench.open_workbench()
    check_reviewer(reviewer, bench.curated)
    kind, verdicts = worksheet.read(path)
    today = datetime.date.today().isoformat()
    if dry_run:
        found = outcome(bench, kind, verdicts, reviewer, today)
        if found.refusals:
            raise store.CurationError(found.refusals, "nothing would be taken:")
        return found
    return take(lambda: workbench.under(bench, workbench.read_curated()), kind, verdicts, reviewer, today)


def check_reviewer(reviewer: str, curated: Tables) -> None:
    """Refuse a reviewer who is not in reviewers.csv.

    Raises:
        click.BadParameter: with those who are.
    """
    known = curated["reviewers"]["reviewer"].tolist()
    if reviewer not in known:
        what = f"{reviewer!r} is not in annotations/reviewers.csv ({', '.join(known)}). Remedy: add a row there"
        raise click.BadParameter(what, param_hint="--reviewer")


def as_json(found: Outcome) -> dict[str, Any]:
    """The outcome for machines."""
    made = found.insertion
    return {
        "table": made.name,
        "rows": made.rows,
        "replaced": made.replaced,
        "unchanged": made.unchanged,
        "moved": found.moves.drop(columns="image_count").to_dict("records"),
        "counts": {"landmarks": len(found.moves), "images": int(found.moves["image_count"].sum())},
        "conflicts": made.conflicts,
        "notes": found.notes,
    }


def _write(kind: str, queue: pd.DataFrame, path: Path) -> int:
    for folder in MADE_BY_PROGRAMS:  # which may be links to a larger disk
        if path.resolve().is_relative_to(Path(folder).resolve()):
            what = f"{path} lies under {folder}/, where `dvc repro` would delete your work"
            raise click.BadParameter(f"{what}. Remedy: write it elsewhere", param_hint="--out")
    meanings = {column.name: column.meaning for column in QUEUES[kind].columns}
    worksheet.write(kind, queue, path, meanings)
    return len(queue)


def _described(kind: str, drawn: pd.DataFrame, bench: Workbench) -> pd.DataFrame:
    """The ids as rows of their queue, in their order, on the evidence before any decision; less those unknown here."""
    nothing = {name: bench.curated[name].head(0) for name in DECISIONS}
    undecided = workbench.under(bench, bench.curated | nothing)
    classes = undecided.classes.class_labels.reset_index(drop=True)
    names = classes.set_index("class_qid")["class_label"].to_dict()
    labelled = bench.found["landmark_labels"]
    items = doubt.items_of_classes(bench.found["statements"], labelled)
    if kind == "classes":
        rows = doubt.describe_classes(classes[classes["class_qid"].isin(drawn["class_qid"])], items, names)
    elif kind == "edges":
        known = [bench.names("edges", ids) is not None for ids in drawn.itertuples(index=False, name=None)]
        asked = drawn[known].assign(doubt="", why="", uncertainty=1.0)
        graph = workbench.graph_table(undecided)
        below = edges.items_below(asked["child_qid"], ancestors_or_self(undecided.classes.graph), items)
        rows = edges.describe_edges(asked, graph, classes, below)
    else:
        drawn = drawn.astype({"landmark_id": "int64"})
        own = labelled.merge(drawn, on=["split", "landmark_id"], validate="1:1")
        own = _with_votes(own, winners(votes_of_items(bench.found["statements"], classes, bench.rules.taxonomy)))
        rows = doubt.describe_landmarks(own, bench.found["landmark_items"], bench.found["statements"], names)
    order = {ids: place for place, ids in enumerate(drawn.itertuples(index=False, name=None))}
    ids = rows[list(drawn.columns)].itertuples(index=False, name=None)
    return rows.assign(place=[order[found] for found in ids]).sort_values("place")


def _with_votes(landmarks: pd.DataFrame, item_labels: pd.DataFrame) -> pd.DataFrame:
    """The landmarks with their votes before any decision: the present ones, and their path, tell what was decided."""
    names = ["vote_labels", "vote_counts", "path_qids"]
    votes = item_labels.set_index("item_qid")[names].reindex(landmarks["item_qid"])
    return landmarks.assign(
        **{name: [value if isinstance(value, list) else [] for value in votes[name]] for name in names}
    )
