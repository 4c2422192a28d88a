"""What verdicts would do to the labels, and how they are taken: checked, shown, written under the lock, or refused.

For `hgld decide` and the review page, which save through `take` alike.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import networkx as nx
import pandas as pd

from annotations import recording, store
from annotations.deciding import Insertion, insertion
from annotations.recording import Row
from annotations.verdicts import Verdict
from hierarchy.consequences import moved, summary
from pipeline import workbench
from pipeline.workbench import Workbench


@dataclass(frozen=True)
class Outcome:
    """What verdicts do.

    Attributes:
        insertion: their rows, and the table before and after.
        bench: the workbench with them.
        moves: landmarks that change their label, see `hierarchy.consequences.moved`.
        refusals: why they cannot be taken, though each by itself is well-formed.
        notes: what a reviewer should know.
        written: stamp of the table that was written; None where none was.
    """

    insertion: Insertion
    bench: Workbench
    moves: pd.DataFrame
    refusals: list[str]
    notes: list[str]
    written: recording.Stamp | None = None


def outcome(bench: Workbench, kind: str, verdicts: list[Verdict], reviewer: str, today: str) -> Outcome:
    """What the verdicts would do; nothing is written.

    Raises:
        annotations.store.CurationError: a verdict cannot be taken.
    """
    planned = insertion(kind, verdicts, bench.curated, bench, reviewer, today)
    later = workbench.after(bench, planned)
    moves = moved(bench.landmarks, later.landmarks)
    refusals = [*_unfounded(planned, bench), *_cycles(planned, later), *_orphans(planned, bench, later)]
    return Outcome(planned, later, moves, refusals, [*planned.conflicts, *_not_foreseen(bench)])


def take(refreshed: Callable[[], Workbench], kind: str, verdicts: list[Verdict], reviewer: str, today: str) -> Outcome:
    """Write the verdicts into their table, all or none.

    Args:
        refreshed: gives the workbench under the tables as they are now; called under the lock.
        kind: of the verdicts.
        verdicts: of one reviewer.
        reviewer: whose they are.
        today: ISO date.

    Raises:
        annotations.store.CurationError: a verdict cannot be taken; nothing is written.
    """
    with recording.locked():
        found = outcome(refreshed(), kind, verdicts, reviewer, today)
        if found.refusals:
            raise store.CurationError(found.refusals, "nothing was taken:")
        if not found.insertion.rows:
            return found
        name = found.insertion.name
        return replace(found, written=recording.write(name, found.insertion.after, found.bench.paths[name]))


def outcome_lines(found: Outcome) -> list[str]:
    """The outcome for a person."""
    made, moves = found.insertion, found.moves
    new = len(made.rows) - len(made.replaced)
    lines = [f"{made.name}.csv: {new} new, {len(made.replaced)} revised, {made.unchanged} there already"]
    lines.append(f"{len(moves)} landmarks and {int(moves['image_count'].sum())} images get another label")
    for row in summary(moves).to_dict("records"):
        counts = f"{row['landmark_count']} landmarks, {row['image_count']} images"
        named = "; ".join(row["examples"])
        lines.append(f"  {row['old'] or 'no label'} -> {row['new'] or 'no label'}: {counts}, such as {named}")
    lines += [f"note: {note}" for note in found.notes]
    return lines


def _unfounded(planned: Insertion, bench: Workbench) -> Iterator[str]:
    """Edges to keep or remove that are not there once the reviewer's own row no longer adds them."""
    if planned.name != "edge_decisions":
        return
    added = planned.after.loc[planned.after["decision"] == "add", ["child_qid", "parent_qid"]]
    there = bench.rules.wikidata_edges.union(added.itertuples(index=False, name=None))
    for row, where in zip(planned.rows, planned.wheres, strict=True):
        if row["decision"] in ("keep", "remove") and (row["child_qid"], row["parent_qid"]) not in there:
            yield f"{_about(row, where)}: only your own row adds this edge. Remedy: say unsure, which takes it back"


def _cycles(planned: Insertion, later: Workbench) -> Iterator[str]:
    """Added edges that close a cycle."""
    names = later.classes.class_labels["class_label"]
    for row, where in zip(planned.rows, planned.wheres, strict=True):
        child, parent = row.get("child_qid", ""), row.get("parent_qid", "")
        if row["decision"] == "add" and nx.has_path(later.classes.graph, parent, child):
            way = nx.shortest_path(later.classes.graph, parent, child)
            words = " -> ".join(f"{names[qid]} ({qid})" for qid in [child, *way])
            about = _about(row, where)
            yield f"{about}: the edge closes a cycle: {words}. Remedy: add it elsewhere, or remove an edge of it first"


def _orphans(planned: Insertion, bench: Workbench, later: Workbench) -> Iterator[str]:
    """Classes that had a label and, with an edge removed, reach no anchor any more."""
    before, after = (state.classes.class_labels["hierarchical_label"] for state in (bench, later))
    for row, where in zip(planned.rows, planned.wheres, strict=True):
        child = row.get("child_qid", "")
        if row["decision"] == "remove" and pd.notna(before.get(child)) and pd.isna(after.get(child)):
            what = f"an orphan: without the edge, {row['child_label']} reaches no anchor and is no {before[child]}"
            remedy = f"name another parent with it, or first assign {row['child_label']} a label"
            yield f"{_about(row, where)}: {what}. Remedy: {remedy}"


def _about(row: Row, where: str) -> str:
    """Where the verdict stands and which edge it is about."""
    at = f"{where}: " if where else ""
    return f"{at}{row['child_qid']} ({row['child_label']}) -> {row['parent_qid']} ({row['parent_label']})"


def _not_foreseen(bench: Workbench) -> Iterator[str]:
    """What may move besides, since it is learnt from all landmarks together."""
    learnt = int(bench.landmarks.landmarks["other_label"].notna().sum())
    if learnt:
        yield f"{learnt} landmarks are labelled by title or images, which `dvc repro` learns again: they may move too"
    if bench.withholds:
        yield "label.min_confidence is set; `dvc repro` finds anew which labels are sure enough"
