"""What the queue of the review page shows: rows that pass the filters of the address, one page of them, and progress.

One pass over the rows, which the desk keeps in order; nothing is sorted or copied.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from annotations.review.desk import Row
from annotations.verdicts import KINDS

PAGE_ROWS = 100
STATES = ("open", "decided", "all")
MAX_TEXT = 200  # characters of a filter


@dataclass(frozen=True)
class Filters:
    """What the address asks for; empty, zero and `open` are what an address without them means.

    Attributes:
        kind: classes, edges or landmarks.
        doubt: id of the rule that raised the doubt.
        label: a label that the row may get.
        text: a part of the title or the key, whatever the case.
        min_images: least number of images.
        state: open, decided or all.
    """

    kind: str = ""
    doubt: str = ""
    label: str = ""
    text: str = ""
    min_images: int = 0
    state: str = "open"

    @property
    def query(self) -> dict[str, str]:
        """The filters as parameters of an address, those left out that change nothing."""
        given = {
            "kind": self.kind,
            "doubt": self.doubt,
            "label": self.label,
            "text": self.text,
            "min_images": str(self.min_images or ""),
            "state": "" if self.state == "open" else self.state,
        }
        return {name: value for name, value in given.items() if value}


@dataclass
class Selection:
    """Rows that pass the filters.

    Attributes:
        listed: rows of the state that is asked for, in order.
        row_count, image_count: of all rows that pass the other filters.
        decided_row_count, decided_image_count: of those with a verdict.
        doubts: every doubt of the queue, filtered or not.
        place: where the current row stands in `listed`, or would stand; None where it is no row.
        is_listed: it stands there.
    """

    listed: list[Row]
    row_count: int = 0
    image_count: int = 0
    decided_row_count: int = 0
    decided_image_count: int = 0
    doubts: tuple[str, ...] = ()
    place: int | None = None
    is_listed: bool = False

    @property
    def page_count(self) -> int:
        """Pages of the queue, at least one."""
        return max(1, -(-len(self.listed) // PAGE_ROWS))

    def page_number(self, asked: int | None) -> int:
        """The page that is asked for, as far as there is one, else the one with the current row, from 1."""
        number = (self.place or 0) // PAGE_ROWS + 1 if asked is None else asked
        return min(max(1, number), self.page_count)

    def page(self, number: int) -> list[Row]:
        """Rows of one page."""
        return self.listed[(number - 1) * PAGE_ROWS : number * PAGE_ROWS]

    @property
    def following(self) -> Row | None:
        """The row after the current one, or the first after the last; None where there is no other."""
        if not self.listed or (self.is_listed and len(self.listed) == 1):
            return None
        after = 0 if self.place is None else self.place + self.is_listed
        return self.listed[after % len(self.listed)]


def filters_from(query: Mapping[str, str]) -> Filters:
    """Filters of an address; a value that means nothing is left out, since the filters show what holds."""
    kind, state, images = query.get("kind", ""), query.get("state", ""), query.get("min_images", "")
    return Filters(
        kind=kind if kind in KINDS else "",
        doubt=query.get("doubt", "")[:MAX_TEXT],
        label=query.get("label", "")[:MAX_TEXT],
        text=query.get("text", "").strip()[:MAX_TEXT],
        min_images=whole_number(images) or 0,
        state=state if state in STATES else "open",
    )


def whole_number(text: str) -> int | None:
    """A number of at most nine digits, or None."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None


def to_decide(filters: Filters) -> Filters:
    """The same filters for the row that comes after a verdict: an open one, unless decided ones are gone through."""
    return filters if filters.state == "decided" else replace(filters, state="open")


def select(rows: Sequence[Row], filters: Filters, current: tuple[str, str] | None = None) -> Selection:
    """Go through the rows once.

    Args:
        rows: most useful first.
        filters: what to show.
        current: kind and key of the row that is open beside the queue.
    """
    listed: list[Row] = []
    found = Selection(listed)
    is_wanted = {"open": (False,), "decided": (True,)}.get(filters.state, (False, True))
    needle = filters.text.casefold()
    doubts = set()
    for row in rows:
        doubts.add(row.doubt)
        is_current = current is not None and row.key == current[1] and row.kind == current[0]
        if is_current:
            found.place = len(listed)
        if not _passes(row, filters, needle):
            continue
        found.row_count += 1
        found.image_count += row.image_count
        if row.is_decided:
            found.decided_row_count += 1
            found.decided_image_count += row.image_count
        if row.is_decided in is_wanted:
            found.is_listed |= is_current
            listed.append(row)
    found.doubts = tuple(sorted(doubts))
    return found


def _passes(row: Row, filters: Filters, needle: str) -> bool:
    """The row passes every filter but the state."""
    return (
        (not filters.kind or row.kind == filters.kind)
        and (not filters.doubt or row.doubt == filters.doubt)
        and (not filters.label or filters.label in row.labels)
        and row.image_count >= filters.min_images
        and (not needle or needle in row.title.casefold() or needle in row.key.casefold())
    )
