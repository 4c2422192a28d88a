"""From verdicts to rows of a curated table: every verdict is checked, conflicts are found, nothing is written.

For `hgld decide` and the review page, which both save through here. What a verdict is about comes from outside, as
`Facts`, since this room knows only what people decided.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from annotations import laws
from annotations.recording import Key, Row, about, key_of, rows_by_key, with_rows
from annotations.store import ADJUDICATOR, TABLES, CurationError, differing_verdicts
from annotations.verdicts import TABLE_OF, Verdict
from annotations.worksheet import MAX_CELL

Tables = dict[str, pd.DataFrame]
Said = list[tuple[Row, str]]  # rows, each with file:line of its verdict, or empty
_NOT_IN_A_TABLE = re.compile("[\r\0\ud800-\udfff]")  # annotations.store.read or git would not take such a file
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
        unchanged: number of rows that stood there already.
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
        verdicts: of one reviewer.
        curated: taxonomy, anchors, reviewers, and the table of the kind, as annotations.store.read gives them.
        facts: what the verdicts are about.
        reviewer: whose they are.
        today: ISO date.

    Raises:
        CurationError: the table breaks its laws already, or verdicts cannot be taken; all are listed, none is taken.
    """
    name = TABLE_OF[kind]
    before = curated[name]
    _stop_on(_broken_laws(curated, name, before))
    _stop_on([problem for verdict in verdicts for problem in _problems(verdict, curated, facts)])
    said = [(row, verdict.where) for verdict in verdicts for row in _rows(verdict, facts, reviewer, today)]
    _stop_on([*_problems_of_text(name, said), *_problems_of_repetition(name, said)])
    standing = rows_by_key(name, before)
    asked = list({key_of(name, row): (row, where) for row, where in said}.values())
    new = [(row, where) for row, where in asked if not _says_the_same(row, standing.get(key_of(name, row)))]
    rows, wheres = [row for row, _ in new], [where for _, where in new]
    replaced = [standing[key] for row in rows if (key := key_of(name, row)) in standing]
    after = with_rows(name, before, rows)
    added = with_rows(name, before.head(0), rows).assign(where=f"{name}.csv")
    _stop_on([*_problems_of_category(name, after, new), *_broken_laws(curated, name, added)])
    conflicts = _conflicts(name, after, rows)
    return Insertion(name, before, after, rows, wheres, replaced, len(asked) - len(rows), conflicts)


def _stop_on(problems: list[str]) -> None:
    if problems:
        raise CurationError(problems, "nothing was taken:")


def _broken_laws(curated: Tables, name: str, table: pd.DataFrame) -> list[str]:
    """What breaks a law in the table, conflicts excepted, which verdicts may settle."""
    others = {"taxonomy": curated["taxonomy"], "reviewers": curated["reviewers"], "anchors": curated["anchors"].head(0)}
    tables = others | {name: table}
    return [problem for law in laws.LAWS if law is not laws.verdicts_do_not_conflict for problem in law(tables)]


def _problems(verdict: Verdict, curated: Tables, facts: Facts) -> Iterator[str]:
    """Why the verdict cannot be taken."""
    kind, table = verdict.kind, TABLES[TABLE_OF[verdict.kind]]
    names = facts.names(kind, verdict.ids)
    at = f"{_at(verdict.where)}{' '.join(filter(None, verdict.ids))} ({verdict.names[0] if verdict.names else ''})"
    if names is None:
        yield f"{at}: not known here. Remedy: {_ANEW}"
        return
    for seen, name in zip(verdict.names, names, strict=True):
        if seen != name:
            yield f"{at}: it is called {name!r} here, not {seen!r}. Remedy: {_AS_TEXT}"
    if verdict.decision not in table.decisions:
        yield f"{at}: decision {verdict.decision!r}. Remedy: use one of {', '.join(table.decisions)}"
        return
    if verdict.evidence_hash != facts.evidence(kind, verdict.ids):
        yield f"{at}: the evidence has changed since the row was made. Remedy: {_ANEW}"
    if not verdict.reason.strip():
        yield f"{at}: no reason. Remedy: say in a few words why"
    label = verdict.hierarchical_label
    if (verdict.decision == "assign") != bool(label):
        yield f"{at}: {verdict.decision} and label {label!r} do not go together. Remedy: assign takes a label"
    elif label and label not in set(curated["taxonomy"]["hierarchical_label"]):
        yield f"{at}: label {label!r} is not in taxonomy.csv. Remedy: use one of its labels"
    if kind == "edges":
        yield from (f"{at}: {problem}" for problem in _problems_of_parent(verdict, curated, facts))


def _problems_of_parent(verdict: Verdict, curated: Tables, facts: Facts) -> Iterator[str]:
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
    elif facts.has_parent(child, other) and not _is_added(child, other, curated):
        yield f"{other} is a parent already. Remedy: leave other_parent_qid empty"


def _is_added(child: str, parent: str, curated: Tables) -> bool:
    """Whether a reviewer has added the edge: another may say the same, and so may a worksheet that is taken again."""
    decisions = curated["edge_decisions"]
    is_edge = (decisions["child_qid"] == child) & (decisions["parent_qid"] == parent)
    return bool((is_edge & (decisions["decision"] == "add")).any())


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


def _problems_of_text(name: str, said: Said) -> Iterator[str]:
    """Cells that would be written and could not be read again; names come from outside and may hold anything."""
    for row, where in said:
        at = f"{_at(where)}{' '.join(key_of(name, row))}"  # without the names, which may be what is wrong
        for column, cell in row.items():
            if _NOT_IN_A_TABLE.search(cell):
                what = f"{column} {cell!r} has a character that a table cannot hold"
                yield f"{at}: {what}. Remedy: take it out where the text comes from"
            if len(cell) > MAX_CELL:
                yield f"{at}: {column} has {len(cell)} characters, and a cell holds {MAX_CELL}. Remedy: shorten it"


def _problems_of_repetition(name: str, said: Said) -> Iterator[str]:
    """Rows of one key that are not the same: an edge may be asked about in one verdict and added by another."""
    first: dict[Key, tuple[Row, str]] = {}
    for row, where in said:
        old, there = first.setdefault(key_of(name, row), (row, where))
        if old != row:
            here, before = (f"{one['decision']} ({one['reason']})" for one in (row, old))
            what = f"{here} here, and {_at(there)}{before}"
            yield f"{_at(where)}{about(name, row)}: {what}. Remedy: say it once, or twice for the same reason"


def _problems_of_category(name: str, after: pd.DataFrame, new: Said) -> Iterator[str]:
    """New rows whose reviewer says otherwise on another landmark of the category: nobody disagrees with themselves."""
    place = {key_of(name, row): where for row, where in new}
    own = after[after["reviewer"].isin([row["reviewer"] for row, _ in new])]
    for _, group in differing_verdicts(own, TABLES[name]).groupby(TABLES[name].subject_columns):
        verdicts = group.to_dict("records")
        for row in (row for row in verdicts if key_of(name, row) in place):
            others = [other for other in verdicts if other["verdict"] != row["verdict"]]
            said = "; ".join(f"{other['verdict']} on {about(name, other)}" for other in others)
            what = f"{row['verdict']} here, but {row['reviewer']} says {said}, of the same category"
            remedy = "decide all of them in one worksheet, or say unsure on the others first"
            yield f"{_at(place[key_of(name, row)])}{about(name, row)}: {what}. Remedy: {remedy}"


def _conflicts(name: str, after: pd.DataFrame, rows: list[Row]) -> list[str]:
    """Other verdicts about what the rows are about, where no adjudicated row settles it."""
    table = TABLES[name]
    subjects = {tuple(row[column] for column in table.subject_columns) for row in rows}
    found = []
    for subject, said in differing_verdicts(after, table).groupby(table.subject_columns):
        if subject in subjects and ADJUDICATOR not in set(said["reviewer"]):
            words = "; ".join(dict.fromkeys(f"{row.reviewer} says {row.verdict}" for row in said.itertuples()))
            first = about(name, said.iloc[0].to_dict())
            found.append(f"{first}: {words}. Remedy: agree, or add a row of reviewer {ADJUDICATOR}")
    return found


def _at(where: str) -> str:
    return f"{where}: " if where else ""
