"""Is a confidence what it says: agreement with the official labels over confidence; for readers who use confidences."""

from typing import Any

from markupsafe import Markup

from hierarchy.agreement import wilson_interval
from pipeline.report.svg import counted, decimal_text, drawing, element, number, sentence, text, width_of

_SIZE, _LEFT, _TOP, _SIDE = 416, 58, 8, 340  # width of the drawing, and the square in it


def reliability_diagram(bins: list[dict[str, Any]]) -> Markup:
    """The diagram: a bar per bin up to the share that agrees, and a dot at the mean confidence with its 95% interval.

    Args:
        bins: low, high (bounds of confidence, 0 to 1), count, mean_confidence, agreement (share of the count);
            see `hierarchy.confidence.reliability`.

    Returns:
        An SVG, or a sentence where there are no bins.
    """
    if not bins:
        return sentence("There is nothing to compare: no landmark here has both a label and an official label.")
    known = sum(row["count"] for row in bins)
    said = (
        f"{counted(known, 'landmark')} with an official label in {counted(len(bins), 'bin')} of confidence. On the "
        "diagonal, confidence and agreement are equal; lines are 95% Wilson intervals."
    )
    diagonal = element("line", x1=_x(0), y1=_y(0), x2=_x(1), y2=_y(1), class_="reference")
    marks = [_bar(row) for row in bins] + [diagonal] + [_dot(row) for row in bins]
    above = max(width_of(_count_text(row), 14) for row in bins)  # counts stand upright above their bins
    square = element("g", _axes(), *marks, transform=f"translate(0 {number(above)})")
    return drawing("reliability", (_SIZE, above + _TOP + _SIDE + 52), "Agreement by confidence", said, square)


def _count_text(row: dict[str, Any]) -> str:
    return f"n = {row['count']:,}"


def _x(share: float) -> float:
    return _LEFT + _SIDE * float(share)


def _y(share: float) -> float:
    return _TOP + _SIDE * (1 - float(share))


def _axes() -> Markup:
    drawn = []
    for tick in range(0, 11, 2):
        x, y, written = _x(tick / 10), _y(tick / 10), f"{tick / 10:.1f}"
        drawn += [
            element("line", x1=_x(0), x2=_x(1), y1=y, y2=y, class_="grid"),
            element("line", x1=x, x2=x, y1=_y(0), y2=_y(1), class_="grid"),
            text(written, x=_x(0) - 8, y=y, text_anchor="end", class_="quiet"),
            text(written, x=x, y=_y(0) + 16, text_anchor="middle", class_="quiet"),
        ]
    middle = _y(0.5)
    upright = f"rotate(-90 12 {middle:.2f})"
    return element(
        "g",
        *drawn,
        text("confidence", x=_x(0.5), y=_y(0) + 40, text_anchor="middle"),
        text("share that agrees", x=12, y=middle, text_anchor="middle", transform=upright),
    )


def _said(row: dict[str, Any], low: float, high: float) -> Markup:
    """The numbers of a bin as a title."""
    return element(
        "title",
        f"confidence {row['low']:.2f} to {row['high']:.2f}: {counted(row['count'], 'landmark')}, mean confidence "
        f"{decimal_text(row['mean_confidence'])}, agreement {decimal_text(row['agreement'])} "
        f"({decimal_text(low)} to {decimal_text(high)})",
    )


def _interval(row: dict[str, Any]) -> tuple[float, float]:
    return wilson_interval(round(row["agreement"] * row["count"]), row["count"])


def _bar(row: dict[str, Any]) -> Markup:
    left, right, top = _x(row["low"]), _x(row["high"]), _y(row["agreement"])
    return element(
        "rect",
        _said(row, *_interval(row)),
        x=left + 1,
        y=top,
        width=max(1.0, right - left - 2),
        height=_y(0) - top,
        class_="bin",
    )


def _dot(row: dict[str, Any]) -> Markup:
    """The observed share with its interval, and above the bin how many landmarks it holds."""
    low, high = _interval(row)
    x, said = _x(row["mean_confidence"]), _said(row, low, high)
    middle, head = (_x(row["low"]) + _x(row["high"])) / 2, _TOP - 8
    return element(
        "g",
        element("line", said, x1=x, x2=x, y1=_y(low), y2=_y(high), class_="interval"),
        element("circle", said, cx=x, cy=_y(row["agreement"]), r=4.5, class_="dot"),
        text(_count_text(row), x=middle, y=head, transform=f"rotate(-90 {middle:.2f} {head:.2f})"),
    )
