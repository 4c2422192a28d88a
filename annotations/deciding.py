"""From verdicts to rows of a curated table: every verdict is checked, conflicts are found, nothing is written.

For `hgld decide` and the review page, which both save through here. What a verdict is about comes from outside, as
`Facts`, since this room knows only what people decided.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from annotations import laws
from annotations.recording import Row, row_at, with_rows
from annotations.store import ADJUDICATOR, TABLES, CurationError, differing_verdicts
from annotations.verdicts import TABLE_OF, Verdict

Tables = dict[str, pd.DataFrame]
_ANEW = "make a new worksheet with `hgld worksheet`, or look at it with `hgld review`"
_AS_TEXT = "check the id; if a spreadsheet changed the cell, import the file with all columns as text"


class Facts(Protocol):
    """What the pipeline knows about classes, edges and landmarks."""

    def names(self, kind: str, ids: tuple[str, ...]) -> tuple[str, ...] | None:
        """Human labels of the ids; None where there is no such class, edge or landmark."""

    def evidence(self, kind: str, ids: tuple[str, ...]) -> str:
        """Fingerprint of the evidence today; of an edge also before it is there, if its classes are."""

    def has_parent(self, child_qid: str, parent_qid: str) -> bool:
        """Whether the edge is in use."""


@dataclass(frozen=True)
class Insertion:
    """A table before and after verdicts.

    Attributes:
        name: of the table.
        before: as annotations.store.read gives it.
        after: the same with the new rows, in key order.
        rows: the new rows, less those that stood there already, word for word.
        wheres: file:line of the verdict behind each of them, or empty.
        replaced: rows of the same reviewer that they take the place of.
        unchanged: number of verdicts that stood there already.
        conflicts: what other reviewers said otherwise, in words, where nothing settles it.
    """

    name: str
    before: pd.DataFrame
    after: pd.DataFrame
    rows: list[Row]
    wheres: list[str]
    replaced: list[Row]
    unchanged: int
    conflicts: list[str]


def insertion(
    kind: str, verdicts: list[Verdict], curated: Tables, facts: Facts, reviewer: str, today: str
) -> Insertion:
    """What the verdicts make of their table.

    Args:
        kind: of the verdicts.
        verdicts: of one reviewer, each about something else.
        curated: taxonomy, anchors, reviewers, and the table of the kind, as annotations.store.read gives them.
        facts: what the verdicts are about.
        reviewer: whose they are.
        today: ISO date.

    Raises:
        CurationError: a verdict that cannot be taken; all are listed, and none is taken.
    """
    name = TABLE_OF[kind]
    problems = [problem for verdict in verdicts for problem in _problems(verdict, curated, facts)]
    if problems:
        raise CurationError(problems, "nothing was taken:")
    before = curated[name]
    asked = [(row, verdict.where) for verdict in verdicts for row in _rows(verdict, facts, reviewer, today)]
    new = [(row, where) for row, where in asked if not _says_the_same(row, row_at(name, before, row))]
    rows, wheres = [row for row, _ in new], [where for _, where in new]
    replaced = [old for row in rows if (old := row_at(name, before, row))]
    after = with_rows(name, before, rows)
    _stop_on_broken_laws(curated, name, after, reviewer)
    conflicts = _conflicts(name, after, rows)
    return Insertion(name, before, after, rows, wheres, replaced, len(asked) - len(rows), conflicts)


def _problems(verdict: Verdict, curated: Tables, facts: Facts) -> Iterator[str]:
    """Why the verdict cannot be taken."""
    kind, table = verdict.kind, TABLES[TABLE_OF[verdict.kind]]
    names = facts.names(kind, verdict.ids)
    at = f"{verdict.where}: " if verdict.where else ""
    about = f"{at}{' '.join(verdict.ids)} ({verdict.names[0] if verdict.names else ''})"
    if names is None:
        yield f"{about}: not known here. Remedy: {_ANEW}"
        return
    for seen, name in zip(verdict.names, names, strict=True):
        if seen != name:
            yield f"{about}: it is called {name!r} here, not {seen!r}. Remedy: {_AS_TEXT}"
    if verdict.decision not in table.decisions:
        yield f"{about}: decision {verdict.decision!r}. Remedy: use one of {', '.join(table.decisions)}"
        return
    if verdict.evidence_hash != facts.evidence(kind, verdict.ids):
        yield f"{about}: the evidence has changed since the row was made. Remedy: {_ANEW}"
    if not verdict.reason.strip():
        yield f"{about}: no reason. Remedy: say in a few words why"
    label = verdict.hierarchical_label
    if (verdict.decision == "assign") != bool(label):
        yield f"{about}: {verdict.decision} and label {label!r} do not go together. Remedy: assign takes a label"
    elif label and label not in set(curated["taxonomy"]["hierarchical_label"]):
        yield f"{about}: label {label!r} is not in taxonomy.csv. Remedy: use one of its labels"
    if kind == "edges":
        yield from (f"{about}: {problem}" for problem in _problems_of_parent(verdict, facts))


def _problems_of_parent(verdict: Verdict, facts: Facts) -> Iterator[str]:
    """Why the other parent of an edge's child cannot be taken."""
    child, other = verdict.ids[0], verdict.other_parent_qid
    if not other:
        if verdict.decision == "add":
            yield "add without a parent. Remedy: name the class to add in other_parent_qid"
    elif verdict.decision == "unsure":
        yield "unsure and another parent do not go together. Remedy: decide add, remove or keep"
    elif facts.names("classes", (other,)) is None:
        yield f"other parent {other} is no class here. Remedy: check the id"
    elif other == child:
        yield f"{other} cannot be its own parent. Remedy: name another class"
    elif facts.has_parent(child, other):
        yield f"{other} is a parent already. Remedy: leave other_parent_qid empty"


def _rows(verdict: Verdict, facts: Facts, reviewer: str, today: str) -> Iterator[Row]:
    """Rows that the verdict makes: one, or for an edge with another parent two, or the added one alone."""
    told = {"reviewer": reviewer, "reviewed_on": today, "reason": " ".join(verdict.reason.split())}
    if verdict.kind != "edges":
        columns = [name for name in TABLES[TABLE_OF[verdict.kind]].columns if name not in told]
        names = facts.names(verdict.kind, verdict.ids) or ()
        label = verdict.hierarchical_label
        values = [*verdict.ids, *names, verdict.decision, label, verdict.evidence_hash]
        yield dict(zip(columns, values, strict=True)) | told
        return
    edges = [(verdict.ids, verdict.decision)] if verdict.decision != "add" else []
    if verdict.other_parent_qid:
        edges.append(((verdict.ids[0], verdict.other_parent_qid), "add"))
    for ids, decision in edges:
        (child_label,), (parent_label,) = (facts.names("classes", (qid,)) or (qid,) for qid in ids)
        row = {"child_qid": ids[0], "child_label": child_label, "parent_qid": ids[1], "parent_label": parent_label}
        yield row | {"decision": decision, "evidence_hash": facts.evidence("edges", ids)} | told


def _says_the_same(row: Row, old: Row | None) -> bool:
    """Whether the old row says all that the new one does, whenever it was said."""
    return old is not None and {**old, "reviewed_on": ""} == {**row, "reviewed_on": ""}


def _stop_on_broken_laws(curated: Tables, name: str, after: pd.DataFrame, reviewer: str) -> None:
    """Raise on a law that the table would break, conflicts with other reviewers excepted."""
    file = f"{name}.csv"
    others = {"taxonomy": curated["taxonomy"], "reviewers": curated["reviewers"], "anchors": curated["anchors"].head(0)}
    tables = others | {name: after.assign(where=file)}
    broken = [problem for law in laws.LAWS if law is not laws.verdicts_do_not_conflict for problem in law(tables)]
    own = tables | {name: tables[name][after["reviewer"] == reviewer]}
    broken += laws.verdicts_do_not_conflict(own)  # nobody disagrees with themselves on a category
    if broken:
        raise CurationError(broken, "nothing was taken; with these rows the table would break its rules:")


def _conflicts(name: str, after: pd.DataFrame, rows: list[Row]) -> list[str]:
    """Other verdicts about what the rows are about, where no adjudicated row settles it."""
    table = TABLES[name]
    subjects = {tuple(row[column] for column in table.subject_columns) for row in rows}
    found = []
    for subject, said in differing_verdicts(after, table).groupby(table.subject_columns):
        ids = subject if isinstance(subject, tuple) else (subject,)
        if ids in subjects and ADJUDICATOR not in set(said["reviewer"]):
            words = "; ".join(f"{row.reviewer} says {row.verdict}" for row in said.itertuples())
            found.append(f"{' '.join(ids)}: {words}. Remedy: agree, or add a row of reviewer {ADJUDICATOR}")
    return found
