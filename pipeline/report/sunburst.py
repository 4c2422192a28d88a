"""The hierarchy as rings: coarsest level inside, then the label, then the supercategory; sizes are landmarks.

For the page's first chart. It stands without script; static/charts.js zooms into it from the data on its arcs.
"""

import math
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from pipeline.report.groups import group_class, group_of
from pipeline.report.svg import clean, counted, drawing, element, isolated, sentence, share_text, shortened, width_of

SIZE, CENTRE = 680, 72  # width of the drawing, radius of the disc in its middle
_FIRST = 0.65  # width of the first ring, whose names run along it, beside that of another
_FONT = 12.5
_LARGEST, _LEAST_SHARE = 12, 0.0005  # finest arcs kept within one parent, and their least share of all landmarks


@dataclass(frozen=True)
class Arc:
    """One part of a ring; start and end count the landmarks before and up to it, parent is a place in the list."""

    name: str
    depth: int
    start: int
    end: int
    images: int
    parent: int | None
    css: str

    @property
    def landmarks(self) -> int:
        return self.end - self.start


def sunburst(counts: pd.DataFrame, levels: list[str], groups: dict[str, int] | None = None) -> Markup:
    """The chart.

    Args:
        counts: one row per combination: the levels (null: not known, then finer ones are not drawn), landmark_count,
            image_count.
        levels: columns of `counts` from coarse to fine.
        groups: colour of each group, for the same colours in all charts; see `pipeline.report.groups.group_of`. Without
            it the groups that occur here.

    Returns:
        An SVG whose arcs are paths with data-depth (1 inside), data-start and data-end (shares of the circle),
        data-name, data-ems (width of the name in em), data-landmarks, data-images, data-share (words), and data-parent
        (place of the parent among the arcs, empty for the first ring); a sentence where there are no landmarks.
    """
    parts = arcs(counts, levels, groups)
    if not parts:
        return sentence("There are no landmarks to show.")
    first = [arc for arc in parts if arc.depth == 1]
    total, images = sum(arc.landmarks for arc in first), sum(arc.images for arc in first)
    depth = max(arc.depth for arc in parts)
    said = (
        f"{counted(total, 'landmark')} and {counted(images, 'image')}, from the coarsest level inside to the finest "
        "outside; the size of an arc is its share of landmarks."
    )
    drawn = [_path(arc, parts, total, depth) for arc in parts]
    names = [_name(arc, total, depth) for arc in parts]
    middle = element(
        "g",
        element("circle", cx=SIZE / 2, cy=SIZE / 2, r=CENTRE - 4, class_="sunburst-centre"),
        _centred("all", "-0.35em", "sunburst-centre-name"),
        _centred(counted(total, "landmark"), "1.05em", "sunburst-centre-count"),
        class_="sunburst-middle",
        data_landmarks=total,
        data_images=images,
        data_radius=CENTRE,
        font_size=_FONT,
    )
    rings = element("g", *drawn, class_="sunburst-arcs")
    labels = element("g", *[name for name in names if name], class_="sunburst-names", font_size=_FONT)
    return drawing("sunburst", (SIZE, SIZE), "Landmarks by level", said, rings, labels, middle)


# ---------------------------------------------------------------------------------------------------------------- arcs
def arcs(counts: pd.DataFrame, levels: list[str], groups: dict[str, int] | None = None) -> list[Arc]:
    """Parts of all rings, a parent before its children, which tile it; in each parent the largest first, after
    them what has no name of its own.

    Of the finest level a parent keeps its largest; the rest is one arc "n others".
    """
    rows = counts[counts["landmark_count"] > 0]
    groups = groups or group_of(rows[levels[0]])
    css = {_name_or_none(name): group_class(name, groups) for name in rows[levels[0]].drop_duplicates()}
    rows = rows.assign(**{level: [_name_or_none(name) for name in rows[level]] for level in levels}, is_rest=False)
    css["no label"] = css.get("no label") or "group-none"
    rows = _folded(_named(rows, levels), levels)
    found: list[Arc] = []
    _divide(rows, levels, None, found, css)
    return found


def _name_or_none(name: object) -> str | None:
    return None if pd.isna(name) else clean(name) or None


def _named(rows: pd.DataFrame, levels: list[str]) -> pd.DataFrame:
    """Names in place of nulls: of the coarsest level, and where others of the same parent have a name."""
    rows = rows.astype(dict.fromkeys(levels, object))
    rows[levels[0]] = rows[levels[0]].where(rows[levels[0]].notna(), "no label")
    for place, level in enumerate(levels[1:], start=1):
        is_known = rows[level].notna()
        has_sibling = is_known.groupby([rows[above] for above in levels[:place]], dropna=False).transform("any")
        unknown = ~is_known & has_sibling
        rows[level] = rows[level].mask(unknown, "no " + level.replace("_", " "))
        rows["is_rest"] |= unknown
    return rows


def _folded(rows: pd.DataFrame, levels: list[str]) -> pd.DataFrame:
    """One row per path; small names of the finest level are one "n others" of their parent, if they are several."""
    finest, above = levels[-1], levels[:-1]
    total = rows["landmark_count"].sum()
    counts = {"landmark_count": "sum", "image_count": "sum", "is_rest": "max"}
    rows = rows.groupby(levels, dropna=False, as_index=False).agg(counts)
    if not above:
        return rows
    rows = rows.sort_values(["is_rest", "landmark_count"], ascending=[True, False], kind="stable")
    rank = rows.groupby(above, dropna=False).cumcount()
    is_small = (rank >= _LARGEST) | (rows["landmark_count"] < _LEAST_SHARE * total)
    is_small &= rows[finest].notna() & ~rows["is_rest"]
    number = is_small.groupby([rows[name] for name in above], dropna=False).transform("sum")
    is_folded = is_small & (number > 1)
    rows[finest] = rows[finest].mask(is_folded, number.map("{:,} others".format))
    rows["is_rest"] |= is_folded
    return rows.groupby(levels, dropna=False, as_index=False).agg(counts)


def _divide(
    rows: pd.DataFrame, levels: list[str], parent: int | None, found: list[Arc], css: dict[str | None, str]
) -> None:
    """Append the children of an arc, and theirs."""
    depth = 1 if parent is None else found[parent].depth + 1
    if depth > len(levels) or rows[levels[depth - 1]].isna().all():
        return
    start = 0 if parent is None else found[parent].start
    counts = {"landmark_count": "sum", "image_count": "sum", "is_rest": "min"}
    parts = [(name, part, part.agg(counts)) for name, part in rows.groupby(levels[depth - 1], sort=True)]
    parts.sort(key=lambda part: (part[2]["is_rest"], -part[2]["landmark_count"], part[0]))
    for name, part, sums in parts:
        fill = css[name] if parent is None else found[parent].css
        end = start + int(sums["landmark_count"])
        found.append(Arc(name, depth, start, end, int(sums["image_count"]), parent, fill))
        start = end
        _divide(part, levels, len(found) - 1, found, css)


# ------------------------------------------------------------------------------------------------------------- drawing
def _ring(depth: int, deepest: int) -> tuple[float, float]:
    """Inner and outer radius of a ring."""
    first = _FIRST if deepest > 1 else 1.0
    width = (SIZE / 2 - 4 - CENTRE) / (first + deepest - 1)
    inner = CENTRE + (0.0 if depth == 1 else (first + depth - 2) * width)
    return inner, inner + (first if depth == 1 else 1.0) * width


def _centred(words: str, dy: str, css: str) -> Markup:
    """A line of text in the disc in the middle; the script writes others in its place."""
    return element("text", words, x=SIZE / 2, y=SIZE / 2, dy=dy, text_anchor="middle", class_=css)


def _path(arc: Arc, parts: list[Arc], total: int, deepest: int) -> Markup:
    """The arc with its data and, as its title, the path to it and its numbers."""
    names, above = [isolated(arc.name)], arc.parent
    while above is not None:
        names, above = [isolated(parts[above].name), *names], parts[above].parent
    share = share_text(arc.landmarks, total)
    said = f"{counted(arc.landmarks, 'landmark')}, {counted(arc.images, 'image')}, {share} of the labelled"
    return element(
        "path",
        element("title", f"{' > '.join(names)}: {said}"),
        d=_outline(arc.start / total, arc.end / total, *_ring(arc.depth, deepest)),
        class_=f"{arc.css} ring-{min(arc.depth, 4)}",
        data_depth=arc.depth,
        data_start=f"{arc.start / total:.6f}",
        data_end=f"{arc.end / total:.6f}",
        data_name=arc.name,
        data_ems=width_of(arc.name),
        data_landmarks=arc.landmarks,
        data_images=arc.images,
        data_share=share,
        data_parent="" if arc.parent is None else arc.parent,
    )


def _outline(start: float, end: float, inner: float, outer: float) -> str:
    """Path of a part of a ring between two shares of the circle; charts.js has the same."""
    if end - start > 0.999999:  # an arc from a point to itself is nothing, so a whole ring is two circles
        return " ".join(_circle(radius) for radius in (outer, inner))
    far = int(end - start > 0.5)
    to, back = f"A{outer:.2f} {outer:.2f} 0 {far} 1", f"A{inner:.2f} {inner:.2f} 0 {far} 0"
    return f"M{_at(start, outer)}{to} {_at(end, outer)}L{_at(end, inner)}{back} {_at(start, inner)}Z"


def _circle(radius: float) -> str:
    half = f"A{radius:.2f} {radius:.2f} 0 1 1"
    return f"M{_at(0, radius)}{half} {_at(0.5, radius)}{half} {_at(0, radius)}Z"


def _at(share: float, radius: float) -> str:
    """A point on a circle; shares run clockwise from the top."""
    angle = 2 * math.pi * share
    return f"{SIZE / 2 + radius * math.sin(angle):.2f} {SIZE / 2 - radius * math.cos(angle):.2f}"


def _name(arc: Arc, total: int, deepest: int) -> Markup | None:
    """The name of an arc as text along or across its ring, where there is room; charts.js has the same."""
    inner, outer = _ring(arc.depth, deepest)
    middle, radius, room = (arc.start + arc.end) / 2 / total, (inner + outer) / 2, outer - inner
    angle, length = 2 * math.pi * arc.landmarks / total, width_of(arc.name, _FONT)
    words, turn = arc.name, 360 * middle
    is_along = length < 0.9 * radius * min(angle, 1.6) and 1.3 * _FONT + length**2 / (8 * radius) < room
    if is_along:
        turn += 180 if 0.25 < middle < 0.75 else 0
    else:
        words = shortened(arc.name, room - 6, _FONT)
        narrowest = angle * (radius - width_of(words, _FONT) / 2)
        if narrowest < 1.15 * _FONT or (words != arc.name and len(words) < 8):
            return None
        turn += 90 if middle > 0.5 else -90
    x, y = _at(middle, radius).split()
    return element(
        "text", isolated(words), transform=f"translate({x} {y}) rotate({turn:.2f})", text_anchor="middle", dy="0.35em"
    )
