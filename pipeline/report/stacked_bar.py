"""Parts of a whole as one bar with a legend that gives counts and shares; for shares by rule, by split and the like."""

from typing import Any

from markupsafe import Markup

from pipeline.report.svg import clean, counted, drawing, element, isolated, sentence, share_text, shortened, text

_WIDTH, _BAR, _ROW = 416, 30, 24
_LEAST = 3.0  # width of a part that would be too thin to see


def stacked_bar(parts: list[dict[str, Any]], name: str, title: str) -> Markup:
    """The chart.

    Args:
        parts: label, count, css (class that fills the part: group-0 to group-5, group-none, accent, accent-2,
            accent-3), in the order to draw.
        name: of the chart, unique in the page.
        title: of the chart, for those who do not see it.

    Returns:
        An SVG, or a sentence where there are no parts.
    """
    if not parts:
        return sentence("There is nothing to count.")
    counts = [int(part["count"]) for part in parts]
    total = sum(counts)
    drawn, x = [], 0.0
    for part, width in zip(parts, widths(counts, _WIDTH, _LEAST), strict=True):
        if width:
            drawn.append(element("rect", _title(part, total), x=x, y=1, width=width, height=_BAR, class_=part["css"]))
        x += width
    rows = [_entry(part, total, _BAR + 10 + _ROW * (place + 0.5)) for place, part in enumerate(parts)]
    said = f"{counted(len(parts), 'part')} of {total:,}: " + "; ".join(_said(part, total) for part in parts) + "."
    size = (_WIDTH, _BAR + 14 + _ROW * len(parts))
    return drawing(name, size, title, said, *drawn, *rows, kind="stack")


def widths(counts: list[int], whole: float, least: float) -> list[float]:
    """Widths in proportion to counts, which sum to the whole; what is there is never thinner than `least`."""
    shown = [count for count in counts if count]
    least = min(least, whole / len(shown)) if shown else least
    thin: set[int] = set()
    while True:
        rest = sum(count for place, count in enumerate(counts) if place not in thin)
        room = whole - least * len(thin)
        more = {p for p, count in enumerate(counts) if count and p not in thin and count * room < least * rest}
        if not more:
            break
        thin |= more
    return [least if place in thin else room * count / rest if count else 0.0 for place, count in enumerate(counts)]


def _said(part: dict[str, Any], total: int) -> str:
    return f"{isolated(clean(part['label']))} {int(part['count']):,} ({share_text(part['count'], total)})"


def _title(part: dict[str, Any], total: int) -> Markup:
    return element("title", _said(part, total))


def _entry(part: dict[str, Any], total: int, y: float) -> Markup:
    """A line of the legend; y is its middle."""
    return element(
        "g",
        element("rect", x=0, y=y - 7, width=14, height=14, rx=2, class_=part["css"]),
        text(isolated(shortened(clean(part["label"]), 215, 14)), _title(part, total), x=24, y=y),
        text(f"{int(part['count']):,}", x=_WIDTH - 92, y=y, text_anchor="end"),
        text(share_text(part["count"], total), x=_WIDTH, y=y, text_anchor="end", class_="quiet"),
    )
