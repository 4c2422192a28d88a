"""Verdicts in forms of the review page: what a button sends, and the verdict of the evidence that it stands for.

A form is data from the client. It only names a verdict; ids are compared with what the evidence offers, and names and
the evidence hash are taken from there.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from annotations.review.desk import Desk, Evidence
from annotations.verdicts import Verdict

MAX_VERDICT = 2_000  # characters of the text of a verdict
MAX_TYPED = 200  # characters of a label or a class that is typed
MAX_REASON = 1_000
_ODD = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")  # no table holds them, and no page can show them
_QID = re.compile(r"(?:^|\()(Q[1-9]\d*)\)?$")


class BadForm(ValueError):
    """A form that the page does not send, or one that is not filled in; the message says what to do."""


def text_of(verdict: Verdict) -> str:
    """What a button sends for a verdict: what it says, without reason, names and hash."""
    said = [verdict.kind, list(verdict.ids), verdict.decision, verdict.hierarchical_label, verdict.other_parent_qid]
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def offered(evidence: Evidence, text: str) -> Verdict:
    """The verdict that a button of this evidence stands for, with its suggested reason.

    Raises:
        BadForm: the text is no verdict, or not one that the evidence offers.
    """
    asked = _parsed(text)
    for verdict in _verdicts(evidence):
        if text_of(verdict) == text_of(asked):
            return verdict
    for form, name in ((evidence.other, "hierarchical_label"), (evidence.new_parent, "other_parent_qid")):
        if form and getattr(asked, name) and text_of(form) == text_of(replace(asked, **{name: getattr(form, name)})):
            return replace(form, **{name: getattr(asked, name)})
    raise BadForm("This row offers no such verdict. Remedy: choose one of the buttons")


def typed(desk: Desk, evidence: Evidence, label: str, parent: str) -> str:
    """Text of the verdict that a typed label or parent class makes.

    Raises:
        BadForm: neither or both are typed, one is too long or means nothing, or the evidence has no place for it.
    """
    if len(label) > MAX_TYPED or len(parent) > MAX_TYPED:
        raise BadForm(f"A label or class of more than {MAX_TYPED} characters. Remedy: choose one of the suggestions")
    if bool(label) == bool(parent):
        what = "Both a label and a parent are typed" if label else "No verdict is chosen"
        raise BadForm(f"{what}. Remedy: press a button, or type either another label or a parent class")
    if label and evidence.other:
        return text_of(replace(evidence.other, hierarchical_label=_label(desk.labels, label)))
    if parent and evidence.new_parent:
        return text_of(replace(evidence.new_parent, other_parent_qid=_class(desk, parent)))
    raise BadForm("This row offers no such verdict. Remedy: choose one of the buttons")


def one_line(text: str) -> str:
    """A reason as the curated tables have it: no line breaks or other control characters.

    Raises:
        BadForm: it is too long.
    """
    if len(text) > MAX_REASON:
        raise BadForm(f"A reason of {len(text):,} characters. Remedy: say it in at most {MAX_REASON:,}")
    return " ".join(_ODD.sub(" ", text).split())


def _verdicts(evidence: Evidence) -> Iterator[Verdict]:
    """Every verdict that a button of the evidence gives."""
    for choice in (*evidence.choices, *evidence.verdicts.values(), *evidence.edges):
        yield choice.verdict


def _parsed(text: str) -> Verdict:
    """A verdict of the right shape, its content unchecked."""
    unreadable = BadForm("The form does not say which verdict. Remedy: open the row anew and choose again")
    if len(text) > MAX_VERDICT:
        raise unreadable
    try:
        kind, ids, decision, label, parent = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise unreadable from error
    parts = (kind, *ids, decision, label, parent) if isinstance(ids, list) else (None,)
    if not all(isinstance(part, str) and not _ODD.search(part) for part in parts):
        raise unreadable
    return Verdict(kind, tuple(ids), decision, label, parent)


def _label(labels: Sequence[str], text: str) -> str:
    """The label that is meant: whole, or so much of its beginning that there is one only."""
    wanted = text.casefold()
    found = [label for label in labels if label.casefold() == wanted]
    found = found or [label for label in labels if label.casefold().startswith(wanted)]
    if len(found) == 1:
        return found[0]
    which = f"may be several labels ({', '.join(found[:5])})" if found else "is no label of the taxonomy"
    raise BadForm(f"“{text}” {which}. Remedy: choose one of the suggestions")


def _class(desk: Desk, text: str) -> str:
    """Id of the class that is meant: an id, an id in brackets after a label, or what finds one class only."""
    match = _QID.search(text)
    if match:
        return match[1]
    found = desk.find_classes(text, 10)
    found = [(qid, label) for qid, label in found if label.casefold() == text.casefold()] or found
    if len(found) == 1:
        return found[0][0]
    names = ", ".join(f"{label} {qid}" for qid, label in found[:5])
    which = f"may be several classes ({names})" if found else "is no class that is known here"
    raise BadForm(f"“{text}” {which}. Remedy: choose one of the suggestions, or type a Wikidata id")
