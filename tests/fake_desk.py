"""A desk held in memory, for tests of the review page: the rows of `tests.review_rows`.

It keeps verdicts as the real one does: a save on a row that has changed since is stale, an edge that closes a cycle is
refused, and undo takes back the last save.
"""

import io
import threading
from collections.abc import Sequence
from dataclasses import replace

from PIL import Image

from annotations.review.desk import (
    Choice,
    Consequence,
    Evidence,
    Given,
    Link,
    Move,
    PathEdge,
    PathNode,
    Refused,
    Row,
    SampleLandmark,
    Stale,
    Statement,
)
from annotations.verdicts import Verdict
from tests.review_rows import ANCHORS, CLASSES, LABELS, LANDMARKS, PARENTS, ROWS

PICTURE = "0a1b2c3d4e5f6071"  # the one image on this machine, of landmark 101
COMMONS = "https://commons.wikimedia.org/wiki/Category:"


class FakeDesk:
    """See `annotations.review.desk.Desk`; `saved` has the verdicts with the kind and key of their rows."""

    reviewer = "ada"
    labels = LABELS

    def __init__(self, rows: Sequence[Row] = ROWS) -> None:
        self._rows = list(rows)
        self._place = {(row.kind, row.key): at for at, row in enumerate(rows)}
        self._lock = threading.Lock()
        self.saved: list[tuple[Verdict, tuple[str, str]]] = []
        self.given: dict[tuple[str, str], list[Given]] = {row: [] for row in self._place}
        self.change_count = 0  # calls of what changes something, refused ones included

    def rows(self) -> list[Row]:
        return self._rows

    def evidence(self, kind: str, key: str) -> Evidence:
        row, ids = self._rows[self._place[kind, key]], tuple(key.split("/"))
        subject = "" if kind == "landmarks" else ids[0]
        nodes, edges = _drawing(subject, ids)
        evidence = Evidence(
            row,
            links=(Link("Commons category", COMMONS + row.title), Link("no link", "javascript:alert(1)")),
            nodes=nodes,
            path_edges=edges,
            statements=tuple(
                Statement(row.title, qid, CLASSES[qid], "preferred", "1999-12-31", ANCHORS.get(qid, ""))
                for qid in PARENTS.get(subject, [])
            ),
            landmarks=_landmarks(subject, key),
            precedents=(Given("writer's-home museum", "assign museum", "grace", "2026-10-02", "Shown as museums."),),
            given=tuple(self.given[kind, key]),
            seen=f"{kind} {key} {len(self.given[kind, key])}",
        )
        return replace(evidence, **_offers(row, ids))

    def consequence(self, verdict: Verdict) -> Consequence:
        said, label, parent = _said(verdict), verdict.hierarchical_label, verdict.other_parent_qid
        if parent and parent not in CLASSES:
            raise KeyError(parent)
        if parent and _reaches(parent, verdict.ids[0]):
            loop = " → ".join(CLASSES[qid] for qid in (verdict.ids[0], parent, verdict.ids[0]))
            refusal = f"It would close a cycle: {loop}. Remedy: choose a parent that is not below it"
            return Consequence(said, refusals=(refusal,))
        moved = [
            landmark
            for landmark in LANDMARKS
            if label and verdict.key in (landmark[3], f"{landmark[0]}/{landmark[1]}") and landmark[4] != label
        ]
        images, names = sum(landmark[5] for landmark in moved), tuple(landmark[2] for landmark in moved)
        moves = (Move(moved[0][4], label, len(moved), images, names),) if moved else ()
        others = [one for one in self.given.get((verdict.kind, verdict.key), []) if one.said != said]
        return Consequence(said, moves, notes=tuple(f"{one.reviewer} said {one.said}: a conflict" for one in others))

    def save(self, verdict: Verdict, seen: str) -> str:
        with self._lock:
            self.change_count += 1
            own = (verdict.kind, verdict.key)
            row = own if own in self._place else ("classes", verdict.ids[0])
            if seen != f"{row[0]} {row[1]} {len(self.given[row])}":
                raise Stale(f"{self.given[row][-1].reviewer} has said meanwhile: {self.given[row][-1].said}")
            refusals = list(self.consequence(verdict).refusals)
            if not verdict.reason:
                refusals.append("no reason. Remedy: say in a few words why")
            if refusals:
                raise Refused("\n".join(refusals))
            self.saved.append((verdict, row))
            self.given[row].append(Given(row[1], _said(verdict), self.reviewer, "2026-11-24", verdict.reason))
            self._mark(row, row == own)
            return f"Saved: {_said(verdict)}"

    def undo(self) -> str:
        with self._lock:
            self.change_count += 1
            if not self.saved:
                raise Refused("no verdict was saved here. Remedy: none is needed")
            verdict, row = self.saved.pop()
            self.given[row].pop()
            self._mark(row, False)
            return f"Taken back: {_said(verdict)}"

    def find_classes(self, text: str, limit: int) -> list[tuple[str, str]]:
        found = [(qid, label) for qid, label in CLASSES.items() if text.casefold() in f"{qid} {label}".casefold()]
        return found[:limit]

    def thumbnail(self, image_id: str) -> bytes | None:
        picture = io.BytesIO()
        Image.new("RGB", (96, 96), (120, 150, 170)).save(picture, "JPEG")
        return picture.getvalue() if image_id == PICTURE else None

    def _mark(self, row: tuple[str, str], is_decided: bool) -> None:
        self._rows[self._place[row]] = replace(self._rows[self._place[row]], is_decided=is_decided)


def _said(verdict: Verdict) -> str:
    """The verdict in words."""
    words = (verdict.decision, verdict.hierarchical_label, *verdict.ids, verdict.other_parent_qid)
    return " ".join(filter(None, words))


def _reaches(low: str, high: str) -> bool:
    """There is a path up from one class to the other."""
    return low == high or any(_reaches(parent, high) for parent in PARENTS.get(low, []))


def _drawing(subject: str, ids: tuple[str, ...]) -> tuple[tuple[PathNode, ...], tuple[PathEdge, ...]]:
    """Everything above the subject; the edge of an edge row is questioned."""
    found = [subject] if subject in CLASSES else []
    for qid in found:
        found += [parent for parent in PARENTS.get(qid, []) if parent not in found]
    roles = {"Q10": "ignored"} | dict.fromkeys(ANCHORS, "anchor") | {subject: "subject"}
    nodes = tuple(PathNode(qid, CLASSES[qid], roles.get(qid, "between"), ANCHORS.get(qid, "")) for qid in found)
    pairs = [(qid, parent) for qid in found for parent in PARENTS.get(qid, [])]
    return nodes, tuple(PathEdge(*pair, is_questioned=pair == ids) for pair in pairs)


def _landmarks(subject: str, key: str) -> tuple[SampleLandmark, ...]:
    return tuple(
        SampleLandmark(split, number, category, COMMONS + category, label, (PICTURE,) if number == 101 else ())
        for split, number, category, qid, label, _ in LANDMARKS
        if (qid and qid == subject) or key == f"{split}/{number}"
    )


def _offers(row: Row, ids: tuple[str, ...]) -> dict[str, object]:
    """The part of the evidence that offers verdicts."""
    form = Verdict(row.kind, ids, "assign", names=(row.title,), evidence_hash="abcdefghijkl")
    unsure = Choice(replace(form, decision="unsure", reason="Cannot tell from the evidence."), "Unsure")
    if row.kind == "edges":
        keep = Choice(replace(form, decision="keep", reason="True as it stands."), "Keep the edge")
        remove = Choice(replace(form, decision="remove", reason="Not a kind of it."), "Remove the edge")
        return {"verdicts": {"k": keep, "r": remove, "u": unsure}}
    choices = tuple(
        Choice(replace(form, hierarchical_label=label, reason=f"Most are {label}."), label, f"for {row.title}")
        for label in row.labels
    )
    if row.kind == "landmarks":
        reject = Choice(replace(form, decision="reject", reason="No landmark."), "Reject")
        return {"choices": choices, "other": form, "verdicts": {"x": reject, "u": unsure}}
    ignore = Choice(
        replace(form, decision="ignore", reason="Says nothing about the kind of place."), "Ignore the class"
    )
    removals = tuple(
        Choice(
            Verdict("edges", (row.key, parent), "remove", reason="Not a kind of it."), f"Not under {CLASSES[parent]}"
        )
        for parent in PARENTS.get(row.key, [])
    )
    new_parent = Verdict("edges", (row.key, ""), "add", reason="A kind of it.")
    verdicts = {"i": ignore, "u": unsure}
    return {"choices": choices, "other": form, "verdicts": verdicts, "edges": removals, "new_parent": new_parent}
