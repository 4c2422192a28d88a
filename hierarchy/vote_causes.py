"""Why the votes on a landmark come out otherwise: the vote of a class, a statement of its item, or another item.

Pure functions for `hierarchy.release_diff`, which asks once for each distinct case.
"""

from collections.abc import Hashable, Mapping
from typing import NamedTuple

import pandas as pd

from hierarchy.causes import decisive_change


class Vote(NamedTuple):
    """What a class says: its label (empty: none), steps up to its anchor, and whether that is contested."""

    label: str
    steps: int
    status: str


class Case(NamedTuple):
    """What the votes on a landmark depend on.

    Attributes:
        old_classes, new_classes: classes of its item in both releases.
        chosen: class that gave the label, of the old and of the new release, as far as there is one.
        is_other_item: the item is not the same.
        is_withheld: the label was or is withheld, so that every doubt about a vote counts.
    """

    old_classes: tuple[str, ...]
    new_classes: tuple[str, ...]
    chosen: tuple[str, ...]
    is_other_item: bool
    is_withheld: bool


class Change(NamedTuple):
    """What is otherwise: the vote of a class, whether the item is an instance of the class, or the item itself."""

    what: str
    class_qid: str = ""


ITEM = Change("item")


def votes_of(classes: pd.DataFrame) -> dict[str, Vote]:
    """Vote of every class in the table `classes` of a release."""
    columns = (classes["hierarchical_label"].fillna(""), classes["steps"].fillna(-1).astype(int), classes["status"])
    return dict(zip(classes["class_qid"], map(Vote, *columns), strict=True))


def decisive_vote(case: Case, old_votes: Mapping[str, Vote], new_votes: Mapping[str, Vote]) -> Change | None:
    """The change but for which the votes would come out as before; None when they do so."""
    return decisive_change(
        _changes(case, old_votes, new_votes), lambda made: _outcome(case, old_votes, new_votes, made)
    )


def _changes(case: Case, old_votes: Mapping[str, Vote], new_votes: Mapping[str, Vote]) -> list[Change]:
    """Everything that is otherwise, the classes that gave the labels first."""
    changes = []
    for qid in dict.fromkeys((*case.chosen, *case.old_classes, *case.new_classes)):
        if qid in old_votes and qid in new_votes and old_votes[qid] != new_votes[qid]:
            changes.append(Change("vote", qid))
        if not case.is_other_item and (qid in case.old_classes) != (qid in case.new_classes):
            changes.append(Change("statement", qid))
    return [*changes, ITEM] if case.is_other_item else changes


def _outcome(
    case: Case, old_votes: Mapping[str, Vote], new_votes: Mapping[str, Vote], made: frozenset[Change]
) -> Hashable:
    """Labels with most votes and then fewest steps, after some of the changes.

    None when no class is left: then the title or the images may give a label. Every vote, where the label is withheld.
    """
    classes = [
        qid
        for qid in sorted({*case.old_classes, *case.new_classes})
        if qid in (case.new_classes if {ITEM, Change("statement", qid)} & made else case.old_classes)
    ]
    if not classes:
        return None
    votes = []
    for qid in classes:
        is_new = Change("vote", qid) in made or qid not in old_votes
        vote = (new_votes if is_new else old_votes).get(qid)
        votes += [vote] if vote and vote.label else []
    return tuple(sorted(votes)) if case.is_withheld else _leaders(votes)


def _leaders(votes: list[Vote]) -> frozenset[str]:
    weight: dict[str, tuple[int, int]] = {}
    for vote in votes:
        count, steps = weight.get(vote.label, (0, -vote.steps))
        weight[vote.label] = (count + 1, max(steps, -vote.steps))
    most = max(weight.values(), default=None)
    return frozenset(label for label, found in weight.items() if found == most)
