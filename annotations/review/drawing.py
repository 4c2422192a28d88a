"""The paths of a class as a drawing: the subject at the bottom, each parent above its child, nothing overlapping.

For the review page, which shows it as inline SVG. No line runs through a box: an edge over several layers has a place
of its own in each (see `annotations.review.layers`).
"""

import itertools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from annotations.review.desk import PathEdge, PathNode
from annotations.review.layers import Layers, layered, spread, without_cycles

# Pixels, for letters of 13 pixels.
LETTER, PADDING, MIN_LETTERS, MAX_LETTERS = 7.4, 14, 10, 26
BOX_HEIGHT, FLAG_HEIGHT, LAYER_GAP, BOX_GAP, MARGIN = 42, 22, 44, 16, 8
LINE_WIDTH, ARROW = 8, 7  # room for a line that passes a layer; length of an arrow head
SIDE = 0.6  # part of a box's side at which lines end


@dataclass(frozen=True)
class Box:
    """A class: its texts, shortened, and its rectangle, whose top `flag_height` holds the flag, where there is one."""

    node: PathNode
    label: str
    flag: str
    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> float:
        """Middle of the box from the left."""
        return self.x + self.width / 2

    @property
    def flag_height(self) -> int:
        """Height of the flag; 0 without one."""
        return FLAG_HEIGHT if self.flag else 0


@dataclass(frozen=True)
class Line:
    """An edge with its ends: SVG path data of the line, and the points of the arrow head at the parent."""

    edge: PathEdge
    child: PathNode
    parent: PathNode
    path: str
    arrow: str


@dataclass(frozen=True)
class Drawing:
    """Boxes and lines, and the size of the rectangle that holds them, in pixels."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def draw(nodes: Sequence[PathNode], edges: Sequence[PathEdge]) -> Drawing | None:
    """Lay out the classes; None where there is none.

    Args:
        nodes: classes; of several with one id the last counts.
        edges: subclass-of edges; left out are those with an end that is not among the nodes, and those from a class to
            itself.
    """
    by_qid = {node.qid: node for node in nodes}
    if not by_qid:
        return None
    known, number = list(by_qid.values()), {qid: at for at, qid in enumerate(by_qid)}
    numbered = {
        (number[edge.child_qid], number[edge.parent_qid]): edge
        for edge in edges
        if edge.child_qid in number and edge.parent_qid in number and edge.child_qid != edge.parent_qid
    }
    subjects = [at for at, node in enumerate(known) if node.role == "subject"]
    turned = without_cycles(len(known), list(numbered), subjects)
    layers = layered(len(known), [ends[::-1] if ends in turned else ends for ends in numbered])
    places = _places(layers, known)
    ways = _ways(layers, places)
    lines = [
        Line(edge, known[low], known[high], *_drawn(way, (low, high) in turned))
        for way, ((low, high), edge) in zip(ways, numbered.items(), strict=True)
    ]
    boxes = tuple(_box(node, places[at]) for at, node in enumerate(known))
    width = max(place.x + place.width / 2 for place in places.values()) + MARGIN
    height = max(place.bottom for place in places.values()) + MARGIN
    return Drawing(round(width, 1), height, boxes, tuple(lines))


def shortened(text: str, letters: int = MAX_LETTERS) -> str:
    """The text, cut where it takes more room than so many letters."""
    if text_width(text) <= letters:
        return text
    kept = ""
    for character in text:
        if text_width(kept + character) > letters - 1:
            break
        kept += character
    return f"{kept.rstrip()}…"


def text_width(text: str) -> int:
    """Room that a text takes, in letters; the wide ones of East Asia take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


@dataclass(frozen=True)
class _Place:
    """Where a node stands, or where a line passes a layer: centre, width, and from which height to which."""

    x: float
    width: float
    top: float
    bottom: float
    layer_top: float


def _flag(node: PathNode) -> str:
    """What stands on top of a class: the label of an anchor, or that it is ignored."""
    return "ignored" if node.role == "ignored" else shortened(node.hierarchical_label)


def _places(layers: Layers, known: list[PathNode]) -> dict[int, _Place]:
    """Where everything stands; boxes of a layer stand on one line."""
    heights = [BOX_HEIGHT + (FLAG_HEIGHT if _flag(node) else 0) for node in known]
    letters = [max(map(text_width, (shortened(node.label), node.qid, _flag(node)))) for node in known]
    widths = {at: max(MIN_LETTERS, count) * LETTER + 2 * PADDING for at, count in enumerate(letters)}
    widths |= {place: LINE_WIDTH for row in layers.places for place in row if place not in widths}
    centres = spread(layers, widths, BOX_GAP)
    places: dict[int, _Place] = {}
    top = float(MARGIN)
    for row in reversed(layers.places):
        bottom = top + max((heights[place] for place in row if place < len(known)), default=BOX_HEIGHT)
        for place in row:
            own_top = bottom - heights[place] if place < len(known) else top
            places[place] = _Place(centres[place] + MARGIN, widths[place], own_top, bottom, top)
        top = bottom + LAYER_GAP
    return places


def _box(node: PathNode, place: _Place) -> Box:
    x, height = round(place.x - place.width / 2, 1), place.bottom - place.top
    return Box(node, shortened(node.label), _flag(node), x, place.top, round(place.width, 1), height)


def _ways(layers: Layers, places: dict[int, _Place]) -> list[list[_Place]]:
    """For each edge the places that its line runs over; at a box the x is that of its own end of the line."""
    ways = [[places[place] for place in chain] for chain in layers.chains]
    for end, beside in ((0, 1), (-1, -2)):
        meeting: dict[int, list[int]] = {}
        for at, chain in enumerate(layers.chains):
            meeting.setdefault(chain[end], []).append(at)
        for node, edges in meeting.items():
            box = places[node]
            step = box.width * SIDE / len(edges)
            order = sorted(edges, key=lambda at, beside=beside: places[layers.chains[at][beside]].x)  # type: ignore[misc]
            for rank, at in enumerate(order):
                x = box.x + (rank - (len(edges) - 1) / 2) * step
                ways[at][end] = _Place(x, 0, box.top, box.bottom, box.layer_top)
    return ways


def _drawn(way: list[_Place], is_turned: bool) -> tuple[str, str]:
    """Path data from the lowest place to the highest, and the arrow head: at the top, or at the foot if turned."""
    first, last = way[0], way[-1]
    start = first.top - (ARROW if is_turned else 0)
    path = f"M{first.x:.1f} {start:.1f}"
    for low, high in itertools.pairwise(way):
        foot = min(low.layer_top, start) if low is first else low.layer_top
        head = high.bottom + (ARROW if high is last and not is_turned else 0)
        middle = (foot + head) / 2
        path += f"V{foot:.1f}C{low.x:.1f} {middle:.1f} {high.x:.1f} {middle:.1f} {high.x:.1f} {head:.1f}"
    x, tip, tail = (first.x, first.top, start) if is_turned else (last.x, last.bottom, last.bottom + ARROW)
    return path, f"{x:.1f},{tip:.1f} {x - ARROW / 2:.1f},{tail:.1f} {x + ARROW / 2:.1f},{tail:.1f}"
