"""Means with their intervals, one row each; for readers who compare models and need to see what is surely different."""

import math
from typing import Any

from markupsafe import Markup

from pipeline.report.svg import clean, counted, decimal_text, drawing, element, isolated, sentence, shortened, text

_WIDTH, _ROW, _TOP = 740, 26, 8
_LEFT, _RIGHT = 250, 520  # where the axis begins and ends


def interval_chart(rows: list[dict[str, Any]], name: str, title: str, unit: str) -> Markup:
    """The chart: names on the left, a dot and a line on a common axis, numbers on the right.

    Args:
        rows: label, mean, low, high (the last two are None where no interval is known), in the order to draw.
        name: of the chart, unique in the page.
        title: of the chart, for those who do not see it.
        unit: what the axis counts.

    Returns:
        An SVG, with a line at zero where any value is negative; a sentence where there are no rows.
    """
    if not rows:
        return sentence("There are no measurements to show.")
    values = [row[key] for row in rows for key in ("mean", "low", "high") if row[key] is not None]
    ticks = axis_ticks(min(values), max(values))
    bottom = _TOP + _ROW * len(rows)
    has_zero = min(values) < 0
    drawn = [_row(row, _TOP + _ROW * (place + 0.5), ticks) for place, row in enumerate(rows)]
    with_interval = sum(row["low"] is not None and row["high"] is not None for row in rows)
    said = f"{counted(len(rows), 'mean')}, {with_interval:,} of them with an interval (95%), in {clean(unit)}."
    size = (_WIDTH, bottom + 48)
    axis = _axis(ticks, bottom, clean(unit), has_zero)
    return drawing(name, size, title, said, axis, *drawn, kind="intervals")


def axis_ticks(low: float, high: float) -> list[float]:
    """Round numbers, evenly spaced, three to seven of them, the first and the last of which hold both values."""
    spread = (high - low) or abs(high) or 1.0
    power = 10.0 ** (math.floor(math.log10(spread)) - 1)
    for step in (power * factor for factor in (1, 2, 5, 10, 20, 50)):
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first <= 6:
            break
    if last - first < 2:
        first, last = first - 1, last + 1
    return [round(step * place, 12) for place in range(first, last + 1)]


def _x(value: float, ticks: list[float]) -> float:
    return _LEFT + (_RIGHT - _LEFT) * (value - ticks[0]) / (ticks[-1] - ticks[0])


def _axis(ticks: list[float], bottom: float, unit: str, has_zero: bool) -> Markup:
    places = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    drawn = []
    for tick in ticks:
        x, css = _x(tick, ticks), "reference" if has_zero and tick == 0 else "grid"
        drawn += [
            element("line", x1=x, x2=x, y1=_TOP, y2=bottom, class_=css),
            text(decimal_text(tick, places), x=x, y=bottom + 14, text_anchor="middle", class_="quiet"),
        ]
    middle = (_LEFT + _RIGHT) / 2
    return element("g", *drawn, text(isolated(unit), x=middle, y=bottom + 36, text_anchor="middle"))


def _row(row: dict[str, Any], y: float, ticks: list[float]) -> Markup:
    """Name, line, dot and numbers of a row; y is its middle."""
    name, written = clean(row["label"]), decimal_text(row["mean"])
    has_interval = row["low"] is not None and row["high"] is not None
    if has_interval:
        written += f" ({decimal_text(row['low'])} to {decimal_text(row['high'])})"
    said = element("title", f"{isolated(name)}: {written}")
    drawn = [text(isolated(shortened(name, _LEFT - 20)), said, x=0, y=y)]
    if has_interval:
        x1, x2 = _x(row["low"], ticks), _x(row["high"], ticks)
        drawn += [element("line", said, x1=x1, x2=x2, y1=float(y), y2=float(y), class_="interval")]
    drawn += [element("circle", said, cx=_x(row["mean"], ticks), cy=float(y), r=4.5, class_="dot")]
    return element("g", *drawn, text(written, x=_RIGHT + 16, y=y))
