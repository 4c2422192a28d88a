"""Addresses of the review page and what each answers."""

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from annotations.review import offers
from annotations.review.desk import Consequence, Desk, Evidence, Refused, Stale
from annotations.review.drawing import draw
from annotations.review.selection import MAX_TEXT, STATES, Filters, filters_from, select, to_decide, whole_number
from annotations.verdicts import KINDS, Verdict

SUGGESTIONS = 20
NOTES_KEPT = 200
Answer = AnyResponse | tuple[str, int]
RowId = tuple[str, str]  # kind, key
pages = Blueprint("pages", __name__)


@dataclass
class Sitting:
    """One run of the page: its desk, the rows saved and not taken back, and notes for the page that is shown next."""

    desk: Desk
    saved: list[RowId] = field(default_factory=list)
    notes: dict[int, tuple[str, RowId | None]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def save(self, verdict: Verdict, seen: str, row: RowId) -> int:
        """Save at the desk; return the number of the note that says what was done."""
        with self.lock:
            said = self.desk.save(verdict, seen)
            self.saved.append(row)
            return self._note(said, row)

    def undo(self) -> tuple[int, RowId | None]:
        """Take back the last verdict; return the number of the note, and the row if it was saved in this run."""
        with self.lock:
            said = self.desk.undo()
            row = self.saved.pop() if self.saved else None
            return self._note(said, None), row

    def _note(self, text: str, row: RowId | None) -> int:
        number = max(self.notes, default=0) + 1
        self.notes[number] = (text, row)
        self.notes.pop(number - NOTES_KEPT, None)
        return number


@dataclass(frozen=True)
class Draft:
    """A verdict that is considered, with its suggested reason, and what it would do."""

    verdict: Verdict
    consequence: Consequence


@pages.get("/")
def start() -> Answer:
    """The first row under the filters, or word that there is none."""
    filters = filters_from(request.args)
    listed = select(_sitting().desk.rows(), filters).listed
    if listed:
        return redirect(_address((listed[0].kind, listed[0].key), filters, request.args.get("note")), 303)
    return _page(None)


@pages.get("/row/<row_kind>/<path:row_key>")
def row(row_kind: str, row_key: str) -> Answer:
    """One row with its evidence, beside the queue."""
    return _page(_evidence((row_kind, row_key)))


@pages.post("/consider")
def consider() -> Answer:
    """The row with what a verdict would do; saves nothing."""
    evidence, typed = _evidence(_row_of_form()), _typed()
    if "back" in request.form:
        return _page(evidence, typed={"reason": typed["reason"]})
    if request.form.get("seen") != evidence.seen:
        return _page(evidence, 409, alerts=[_changed(evidence)], typed=typed)
    try:
        offers.one_line(typed["reason"])
        text = request.form.get("verdict") or offers.typed(_sitting().desk, evidence, typed["label"], typed["parent"])
        return _page(evidence, draft=_draft(evidence, text), typed={"reason": typed["reason"]})
    except offers.BadForm as error:
        return _page(evidence, 400, alerts=[str(error)], typed=typed)


@pages.post("/save")
def save() -> Answer:
    """Save the verdict and go on to the next row; where that cannot be, show the row anew and say why."""
    current, typed = _row_of_form(), _typed()
    evidence = _evidence(current)
    reason, seen, text = (request.form.get(name, "") for name in ("reason", "seen", "considered"))
    try:
        verdict = offers.offered(evidence, text)
        note = _sitting().save(replace(verdict, reason=offers.one_line(reason)), seen, current)
    except Stale as error:
        return _page(_evidence(current), 409, alerts=[str(error)], typed=typed)
    except Refused as error:
        return _page(evidence, 400, alerts=[str(error)], draft=_draft(evidence, text), typed=typed)
    except (offers.BadForm, KeyError) as error:
        if seen != evidence.seen:  # what the reviewer saw is no longer offered
            return _page(evidence, 409, alerts=[_changed(evidence)], typed=typed)
        return _page(
            evidence, 400, alerts=[_unknown(error) if isinstance(error, KeyError) else str(error)], typed=typed
        )
    filters = filters_from(request.args)
    following = select(_sitting().desk.rows(), to_decide(filters), current).following
    if following is None:
        return redirect(_address(None, to_decide(filters), note), 303)
    return redirect(_address((following.kind, following.key), filters, note), 303)


@pages.post("/undo")
def undo() -> Answer:
    """Take back the last verdict and show its row."""
    shown = _row_of_form() if request.form.get("row_kind") else None
    try:
        note, undone = _sitting().undo()
    except Refused as error:
        return _page(_evidence(shown) if shown else None, 400, alerts=[str(error)])
    return redirect(_address(undone or shown, filters_from(request.args), note), 303)


@pages.get("/classes")
def classes() -> Response:
    """Classes for a text that is being typed: `[{qid, label}]`."""
    text = request.args.get("q", "").strip()[: offers.MAX_TYPED]
    found = _sitting().desk.find_classes(text, SUGGESTIONS) if text else []
    return jsonify([{"qid": qid, "label": label} for qid, label in found])


@pages.get("/thumbnail/<image_id>")
def thumbnail(image_id: str) -> Response:
    """A small picture that is on this machine."""
    picture = _sitting().desk.thumbnail(image_id) if re.fullmatch(r"[0-9A-Za-z_-]{1,64}", image_id) else None
    if picture is None:
        abort(404, "This picture is not on this machine")
    return Response(picture, mimetype="image/jpeg")


def _sitting() -> Sitting:
    sitting: Sitting = current_app.extensions["sitting"]
    return sitting


def _row_of_form() -> RowId:
    return request.form.get("row_kind", ""), request.form.get("row_key", "")


def _typed() -> dict[str, str]:
    """What the reviewer typed; a suggested reason that was not edited makes way for that of the next verdict."""
    typed = {name: request.form.get(name, "").strip() for name in ("reason", "label", "parent")}
    if typed["reason"] == request.form.get("suggested"):
        typed["reason"] = ""
    return typed


def _address(row: RowId | None, filters: Filters, note: int | str | None = None) -> str:
    """Address of a row, or of the start, under the filters; the note is shown there."""
    query: dict[str, Any] = {**filters.query, "note": note}
    return url_for("pages.row", row_kind=row[0], row_key=row[1], **query) if row else url_for("pages.start", **query)


def _evidence(row: RowId) -> Evidence:
    """Evidence of a row; 404 where there is none."""
    kind, key = row
    try:
        if kind in KINDS:
            return _sitting().desk.evidence(kind, key)
    except KeyError:
        pass
    abort(404, f"The queue has no row {key[:100]!r} of {kind[:100]!r}. Remedy: choose one from the queue")


def _draft(evidence: Evidence, text: str) -> Draft:
    """What the verdict would do.

    Raises:
        BadForm: the evidence offers no such verdict, or it names a class that is not known.
    """
    verdict = offers.offered(evidence, text)
    try:
        return Draft(verdict, _sitting().desk.consequence(verdict))
    except KeyError as error:
        raise offers.BadForm(_unknown(error)) from error


def _changed(evidence: Evidence) -> str:
    """What a reviewer is told whose page is older than the row."""
    given = "; ".join(f"{given.said} ({given.reviewer})" for given in evidence.given)
    now = f"Verdicts on it now: {given}" if given else "It has no verdict now"
    return f"This row has changed since you opened it. {now}. It is shown anew: look again, then decide"


def _unknown(error: KeyError) -> str:
    return f"{error.args[0] if error.args else 'That'}: not known here. Remedy: choose one of the suggestions"


def _page(
    evidence: Evidence | None,
    status: int = 200,
    *,
    alerts: Sequence[str] = (),
    draft: Draft | None = None,
    typed: Mapping[str, str] | None = None,
) -> tuple[str, int]:
    """The whole page.

    Args:
        evidence: of the row that is open; None where there is none.
        status: of the answer.
        alerts: what went wrong.
        draft: the verdict that is considered.
        typed: reason, label and parent that the reviewer typed, to be kept.
    """
    sitting, filters = _sitting(), filters_from(request.args)
    current = (evidence.row.kind, evidence.row.key) if evidence else None
    selection = select(sitting.desk.rows(), filters, current)
    number = selection.page_number(whole_number(request.args.get("page", "")))
    return render_template(
        "page.html",
        desk=sitting.desk,
        filters=filters,
        selection=selection,
        page_number=number,
        kinds=KINDS,
        states=STATES,
        evidence=evidence,
        drawing=draw(evidence.nodes, evidence.path_edges) if evidence else None,
        draft=draft,
        alerts=alerts,
        note=sitting.notes.get(whole_number(request.args.get("note", "")) or 0),
        typed=typed or {},
        limits={"reason": offers.MAX_REASON, "typed": offers.MAX_TYPED, "text": MAX_TEXT},
        token=current_app.config["TOKEN"],
    ), status
