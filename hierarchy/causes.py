"""Which of many changes made a difference: tried by undoing one at a time, then by making one at a time.

Plain logic for `hierarchy.class_causes` and `hierarchy.vote_causes`; it knows nothing of classes or landmarks.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Change = TypeVar("Change", bound=Hashable)


@dataclass(frozen=True)
class Cause:
    """Why a label is another one: kind is decision, data or rule; words name what changed."""

    kind: str
    words: str


def decisive_change(
    changes: Sequence[Change], outcome: Callable[[frozenset[Change]], Hashable], most_tried: int = 50
) -> Change | None:
    """The change but for which the old outcome would stand; None when the outcome is the old one.

    Best is a change that brings the old outcome back when it alone is undone. Next is one that brings the new outcome
    when it alone is made: several such changes hide each other when they are undone. Next is one whose undoing brings
    a third outcome. The first of equals is named; of changes that do nothing alone, the first.

    Args:
        changes: everything that changed, the likeliest cause first.
        outcome: what comes of a set of changes; of none, the old outcome, of all, the new one.
        most_tried: how many of the changes are tried.
    """
    every = frozenset(changes)
    old, new = outcome(frozenset()), outcome(every)
    if old == new:
        return None
    third = None
    for change in changes[:most_tried]:
        without = outcome(every - {change})
        if without == old:
            return change
        third = change if third is None and without != new else third
    alone = next((change for change in changes[:most_tried] if outcome(frozenset({change})) == new), None)
    return next((change for change in (alone, third) if change is not None), changes[0])
