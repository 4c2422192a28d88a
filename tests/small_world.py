"""A handful of classes, edges and landmarks with curated tables in a folder, for the tests that decide about them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from annotations import recording, store
from annotations.deciding import Insertion, insertion
from annotations.store import ADJUDICATOR, TABLES
from annotations.verdicts import TABLE_OF, Verdict

DAY = "2026-01-31"
CLASSES = {"Q1": "kirk", "Q2": "pond", "Q3": 'chapel, "old"', "Q10": "place", "Q11": "water"}
EDGES = {("Q1", "Q10"), ("Q2", "Q10"), ("Q2", "Q11"), ("Q3", "Q1")}
LANDMARKS = {
    ("index", "3"): "Abbey",
    ("index", "40"): "'Opaeka'a Falls",
    ("train", "7"): "Abbey",
    ("train", "9"): "Bay",
    ("train", "10"): "Cove, the",
}
_HAND_MADE = {
    "taxonomy": ["church,human-made,1,Where people pray.", "lake,natural,2,"],
    "anchors": ["Q16970,church building,church,"],
    "reviewers": [f"{ADJUDICATOR},Settled,", "ann,Ann,", "bob,Bob,", "cleo,Cleo,"],
}


@dataclass
class SmallFacts:
    """What `annotations.deciding.Facts` asks for, about the world above.

    Attributes:
        edge_decisions: the table; the edges in use follow from it.
        changed: ids whose evidence is no longer what it was.
        class_labels: names of the classes by id.
    """

    edge_decisions: pd.DataFrame
    changed: set[tuple[str, ...]] = field(default_factory=set)
    class_labels: dict[str, str] = field(default_factory=lambda: dict(CLASSES))

    def names(self, kind: str, ids: tuple[str, ...]) -> tuple[str, ...] | None:
        if kind == "landmarks":
            return (LANDMARKS[ids[0], ids[1]],) if ids in LANDMARKS else None
        is_there = kind == "classes" or not ids[1] or ids in EDGES or self.has_parent(*ids)
        labels = [self.class_labels.get(qid) if qid else "" for qid in ids]
        return tuple(filter(lambda label: label is not None, labels)) if is_there and None not in labels else None

    def evidence(self, kind: str, ids: tuple[str, ...]) -> str:
        return evidence_of(kind, ids) + ("~" if ids in self.changed else "")

    def has_parent(self, child_qid: str, parent_qid: str) -> bool:
        decided = store.settle(self.edge_decisions, ["child_qid", "parent_qid"])
        here = decided[(decided["child_qid"] == child_qid) & (decided["parent_qid"] == parent_qid)]
        is_edge = (child_qid, parent_qid) in EDGES
        return (is_edge and "remove" not in set(here["decision"])) or "add" in set(here["decision"])


def evidence_of(kind: str, ids: tuple[str, ...]) -> str:
    """The fingerprint that a reviewer sees."""
    return f"seen.{kind}.{'.'.join(ids)}"


def verdict(kind: str, ids: tuple[str, ...], decision: str, label: str = "", **more: str) -> Verdict:
    """A verdict of somebody who saw the names and the evidence as they are."""
    names = (LANDMARKS[ids[0], ids[1]],) if kind == "landmarks" else tuple(CLASSES.get(qid, "") for qid in ids)
    told = {"reason": "seen", "evidence_hash": evidence_of(kind, ids)} | more
    return Verdict(kind, ids, decision, hierarchical_label=label, names=names, **told)


def row_of(name: str, cells: Iterable[str], reviewer: str = "ann", **more: str) -> recording.Row:
    """A row of a table, from its cells up to the reviewer."""
    told = {"reviewer": reviewer, "reviewed_on": DAY, "evidence_hash": "", "reason": "seen"}
    before = [column for column in TABLES[name].columns if column not in told]
    return dict(zip(before, cells, strict=True)) | told | more


def path_in(folder: Path, name: str) -> Path:
    return folder / f"{name}.csv"


def make(folder: Path, **decided: list[recording.Row]) -> Path:
    """Write the curated tables into the folder: the hand-made ones, and decision tables with these rows as they are."""
    for name, lines in _HAND_MADE.items():
        text = "\n".join([",".join(TABLES[name].columns), *lines])
        path_in(folder, name).write_text(text + "\n", encoding="utf-8", newline="\n")
    for name in TABLE_OF.values():
        recording.write(name, frame_of(name, decided.get(name, [])), path_in(folder, name))
    return folder


def frame_of(name: str, rows: list[recording.Row]) -> pd.DataFrame:
    """The rows as a table, in their order."""
    return pd.DataFrame(rows, columns=list(TABLES[name].columns), dtype="str")


def read_all(folder: Path) -> dict[str, pd.DataFrame]:
    return {name: store.read(name, path_in(folder, name)) for name in (*_HAND_MADE, *TABLE_OF.values())}


def take(folder: Path, kind: str, verdicts: list[Verdict], reviewer: str = "ann", today: str = DAY) -> Insertion:
    """Take verdicts as `hgld decide` and the review page do: read, checked and written under the lock."""
    with recording.locked(folder):
        curated = read_all(folder)
        made = insertion(kind, verdicts, curated, SmallFacts(curated["edge_decisions"]), reviewer, today)
        if made.rows:
            recording.write(made.name, made.after, path_in(folder, made.name))
    return made


def undo(folder: Path, made: Insertion, today: str = DAY) -> None:
    """Take an insertion back as the review page does."""
    with recording.locked(folder):
        path = path_in(folder, made.name)
        before = recording.taken_back(made.name, store.read(made.name, path), made.rows, made.replaced, path, today)
        recording.write(made.name, before, path)
