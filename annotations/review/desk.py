"""What the review page needs of the project, as data and one protocol; the page itself knows no table and no file.

The pipeline implements `Desk` over the real tables (pipeline/review_desk.py); tests of the page use one of their
own, held in memory. Titles, labels and reasons are untrusted text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from annotations.verdicts import Verdict


@dataclass(frozen=True)
class Row:
    """A line of the queue.

    Attributes:
        kind: classes, edges or landmarks.
        key: ids joined by `/`, unique within the kind.
        title: what a person calls it.
        doubt: id of the rule that raised the doubt.
        why: the doubt in words.
        labels: labels that it may get, the proposed one first.
        image_count: images whose label the decision may touch.
        landmark_count: landmarks likewise.
        uncertainty: 0 to 1.
        is_decided: a verdict keeps it out of the queue.
    """

    kind: str
    key: str
    title: str
    doubt: str
    why: str
    labels: tuple[str, ...]
    image_count: int
    landmark_count: int
    uncertainty: float
    is_decided: bool = False


@dataclass(frozen=True)
class Choice:
    """A verdict that a button gives; its reason is a suggestion, which the reviewer may edit."""

    verdict: Verdict
    text: str
    note: str = ""


@dataclass(frozen=True)
class Link:
    """A page elsewhere, such as a Wikidata item or a Commons category."""

    text: str
    url: str


@dataclass(frozen=True)
class Statement:
    """An instance-of or subclass-of statement."""

    subject: str
    class_qid: str
    class_label: str
    rank: str
    end: str
    votes_for: str


@dataclass(frozen=True)
class PathNode:
    """A class in the drawing; role is subject, between, anchor, or ignored."""

    qid: str
    label: str
    role: str
    hierarchical_label: str = ""


@dataclass(frozen=True)
class PathEdge:
    """A subclass-of edge in the drawing; source is wikidata or decision; `is_questioned` marks the edge to decide."""

    child_qid: str
    parent_qid: str
    source: str = "wikidata"
    is_questioned: bool = False


@dataclass(frozen=True)
class SampleLandmark:
    """A landmark that the decision touches, with images that are on this machine."""

    split: str
    landmark_id: int
    category: str
    commons_url: str
    label: str
    image_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Given:
    """A verdict given before: on this row, or on a sibling as a precedent."""

    title: str
    said: str
    reviewer: str
    reviewed_on: str
    reason: str


@dataclass(frozen=True)
class Evidence:
    """Everything about one row.

    Attributes:
        row: the line of the queue.
        links: pages elsewhere.
        choices: buttons for keys 1 to 9, most likely first.
        other: verdict that gives any label once its hierarchical_label is filled in; None where none can be given.
        verdicts: further buttons by key, such as i (ignore), u (unsure), k (keep), r (remove), x (reject).
        edges: buttons that remove an edge to a parent, for classes.
        new_parent: verdict that adds an edge once its other_parent_qid is filled in; None where none can be added.
        nodes, path_edges: the drawing, from the subject up to the anchors.
        statements: of the sample landmarks' items, or of the class.
        landmarks: a few that the decision touches, most images first.
        precedents: verdicts on siblings.
        given: verdicts on this very row, of any reviewer.
        seen: stands for the state that this evidence shows; `Desk.save` refuses when it has changed.
    """

    row: Row
    links: tuple[Link, ...] = ()
    choices: tuple[Choice, ...] = ()
    other: Verdict | None = None
    verdicts: dict[str, Choice] = field(default_factory=dict)
    edges: tuple[Choice, ...] = ()
    new_parent: Verdict | None = None
    nodes: tuple[PathNode, ...] = ()
    path_edges: tuple[PathEdge, ...] = ()
    statements: tuple[Statement, ...] = ()
    landmarks: tuple[SampleLandmark, ...] = ()
    precedents: tuple[Given, ...] = ()
    given: tuple[Given, ...] = ()
    seen: str = ""


@dataclass(frozen=True)
class Move:
    """Landmarks that go from one label to another; empty is no label."""

    old: str
    new: str
    landmark_count: int
    image_count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Consequence:
    """What a verdict would do.

    Attributes:
        says: the verdict in words.
        moves: landmarks that change their label, most images first.
        refusals: why it cannot be saved; empty when it can.
        notes: what the reviewer should know, such as a conflict with another reviewer.
    """

    says: str
    moves: tuple[Move, ...] = ()
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Refused(Exception):
    """A verdict that breaks a rule; the message lists why, with remedies."""


class Stale(Exception):
    """The row has changed since it was shown; the message says how."""


class Desk(Protocol):
    """Where the page gets what it shows, and puts what is decided. Calls may come from several threads."""

    reviewer: str
    labels: Sequence[str]

    def rows(self) -> Sequence[Row]:
        """Every row, open and decided, most useful first."""

    def evidence(self, kind: str, key: str) -> Evidence:
        """Everything about one row.

        Raises:
            KeyError: there is no such row.
        """

    def consequence(self, verdict: Verdict) -> Consequence:
        """What the verdict would do; saves nothing.

        Raises:
            KeyError: it is about nothing that is known.
        """

    def save(self, verdict: Verdict, seen: str) -> str:
        """Write the verdict into its table; return what was done, conflicts included.

        Raises:
            KeyError: it is about nothing that is known.
            Refused: it breaks a rule; nothing is written.
            Stale: the row has changed since `seen`; nothing is written.
        """

    def undo(self) -> str:
        """Take back the last verdict saved here that is not taken back yet; return what was done.

        Raises:
            Refused: there is none, or its row has changed since.
        """

    def find_classes(self, text: str, limit: int) -> list[tuple[str, str]]:
        """Classes (id, label) whose id or label begins with, else contains, the text."""

    def thumbnail(self, image_id: str) -> bytes | None:
        """A small JPEG of the image, or None when it is not on this machine."""
