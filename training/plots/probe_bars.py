"""The label probe: models taught by our labels beside those taught by others; for who asks what labels are worth."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from math import isfinite
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from training.plots.style import INK, QUIET, headline, name_rows, number, styled, text_inches

OURS, OTHER = "#0072B2", "#D55E00"
APART = 0.13
"""Rows from the middle of a metric's row to either model, so that intervals do not hide each other."""


@styled()
def draw_probe(rows: Sequence[Mapping[str, Any]], titles: Mapping[str, str] | None = None) -> Figure:
    """Draw, for each metric, both models with their intervals, and at the right their difference with its own.

    Args:
        rows: against, scored_on, metric, ours and other {mean, low, high}, and of their difference: difference, low and
            high, as training.benchmark.probe returns; null where nothing is defined. Rows of the same labels and
            scoring are next to each other.
        titles: metric -> its name; the key where there is none.
    """
    titles = titles or {}
    parts = [list(part) for _, part in groupby(rows, lambda row: (row["against"], row["scored_on"]))]
    names = [titles.get(row["metric"], row["metric"]) for row in rows]
    sizes = [len(part) for part in parts]
    height = 1.5 + 0.75 * len(parts) + 0.42 * sum(sizes)
    figure = Figure((9.5 + text_inches(names), height), layout=ConstrainedLayoutEngine(hspace=0.08))
    panels = figure.subplots(len(parts), 2, squeeze=False, sharex="col", width_ratios=(3, 2), height_ratios=sizes)
    for (left, right), part in zip(panels, parts, strict=True):
        of_part = [titles.get(row["metric"], row["metric"]) for row in part]
        against, judge = part[0]["against"], "our" if part[0]["scored_on"] == "ours" else part[0]["scored_on"]
        left.set_title(f"our labels against {against} labels, scored on {judge} labels")
        draw_models(left, part)
        draw_differences(right, part)
        name_rows(left, of_part)
        name_rows(right, [""] * len(part))
    panels[-1][0].set_xlabel("metric, mean over queries and seeds")
    panels[-1][1].set_xlabel("difference: ours less other")
    handles = [dot(OURS, "o", "taught by our labels"), dot(OTHER, "s", "taught by the other labels")]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, title="lines are 95% intervals")
    headline(figure, "Do the labels carry signal? Retrieval on landmarks never seen in training")
    return figure


def dot(colour: str, marker: str, text: str) -> Line2D:
    """An entry of the legend."""
    return Line2D([], [], color=colour, marker=marker, linestyle="-", label=text)


def draw_models(axes: Axes, part: Sequence[Mapping[str, Any]]) -> None:
    """Draw both models of each row, joined by a quiet line."""
    axes.grid(axis="x")
    for row, one in enumerate(part):
        places = (row - APART, row + APART)
        axes.plot([number(one["ours"]["mean"]), number(one["other"]["mean"])], places, color="#C8C8C8", lw=3)
        for place, which, colour, marker in zip(places, ("ours", "other"), (OURS, OTHER), "os", strict=True):
            draw_estimate(axes, place, one[which], "mean", colour, marker)


def draw_differences(axes: Axes, part: Sequence[Mapping[str, Any]]) -> None:
    """Draw the difference of each row beside a line at zero, and write it; quiet where the interval holds zero."""
    axes.axvline(0, color=INK, lw=1)
    axes.grid(axis="x")
    for row, one in enumerate(part):
        mean, low, high = (number(one[key]) for key in ("difference", "low", "high"))
        is_there, is_clear = isfinite(mean), low > 0 or high < 0
        draw_estimate(axes, row, one, "difference", INK if is_clear else QUIET, "D")
        text = f"{mean:+.3f}  [{low:+.3f}, {high:+.3f}]" if is_there else "–"
        text = text.replace("-", "\N{MINUS SIGN}")
        weight = "bold" if is_clear else "normal"
        axes.text(1.03, row, text, va="center", fontsize=8.5, fontweight=weight, transform=axes.get_yaxis_transform())


def draw_estimate(axes: Axes, place: float, one: Mapping[str, Any], key: str, colour: str, marker: str) -> None:
    """Draw a mean with its interval; nothing where it is not defined."""
    axes.plot([number(one["low"]), number(one["high"])], [place, place], color=colour, lw=1.6)
    axes.plot(number(one[key]), place, color=colour, marker=marker, markersize=6.5, linestyle="")
