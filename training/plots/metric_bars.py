"""Bars of metrics with their 95% intervals, models below each other; for who compares losses at a glance."""

from collections.abc import Collection, Mapping, Sequence
from math import ceil, isfinite

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from training.plots.style import Look, headline, looks, name_rows, number, styled, text_inches

Estimate = Mapping[str, float | None]
"""mean, low and high; null where a metric is not defined."""


@styled()
def draw_metric_bars(
    means: Mapping[str, Mapping[str, Estimate]],
    metrics: Sequence[str],
    titles: Mapping[str, str],
    hierarchical: Collection[str] = (),
) -> Figure:
    """Draw a small panel of bars for each metric, the values printed at its right.

    Args:
        means: model -> metric -> {mean, low, high}, as training.benchmark.summary.compare returns.
        metrics: those to draw, in order.
        titles: metric -> title of its panel.
        hierarchical: the models trained by a hierarchical loss, drawn in full colour; all others are pale.

    Raises:
        KeyError: a model without a metric to draw, a metric without title.
    """
    columns = len(metrics) if len(metrics) <= 4 else 3
    lines = ceil(len(metrics) / columns)
    width = max(6.5, columns * 3 + text_inches(means))
    figure = Figure(
        (width, 0.9 + lines * (0.75 + 0.25 * len(means))), layout=ConstrainedLayoutEngine(hspace=0.06, wspace=0.04)
    )
    panels = figure.subplots(lines, columns, squeeze=False).flat
    found = looks(list(means), hierarchical)
    for position, (axes, metric) in enumerate(zip(panels, metrics, strict=False)):
        axes.set_title(titles[metric])
        draw_panel(axes, [(found[name], means[name][metric]) for name in means])
        name_rows(axes, list(means) if position % columns == 0 else [""] * len(means), hierarchical)
    for axes in list(figure.axes)[len(metrics) :]:
        axes.remove()
    note = "\nbold, full colour: hierarchical loss; pale: flat loss, or not trained" if hierarchical else ""
    figure.supxlabel(f"mean over queries and seeds; lines are 95% intervals{note}", fontsize=9)
    headline(figure, "Retrieval on landmarks never seen in training")
    return figure


def draw_panel(axes: Axes, rows: Sequence[tuple[Look, Estimate]]) -> None:
    """Draw the bars of one metric, one that is not defined as a dash."""
    highest = max((number(one["high"]) for _, one in rows if one["high"] is not None), default=1.0)
    # From 0, so that lengths compare; up to 1 unless all are so small that nothing could be told apart.
    axes.set_xlim(0, 1 if not 0 < highest <= 0.5 else 1.1 * highest)
    axes.grid(axis="x")
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="x", length=0)
    for row, (look, one) in enumerate(rows):
        mean, low, high = (number(one[key]) for key in ("mean", "low", "high"))
        is_there = isfinite(mean)
        if is_there:
            axes.barh(row, mean, 0.66, color=look.face, edgecolor=look.colour, lw=1)
            axes.plot([low, high], [row, row], color="white", lw=3.4, solid_capstyle="butt", clip_on=False)
            axes.plot([low, high], [row, row], color="#222222", lw=1.4, solid_capstyle="butt", clip_on=False)
        text = f"{mean:.3f}" if is_there else "–"
        axes.text(1.03, row, text, va="center", fontsize=8.5, transform=axes.get_yaxis_transform())
