"""Learning curves: loss and retrieval on the val fold by epoch; for who judges whether runs have converged."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from training.plots.style import Look, even_columns, headline, looks, number, styled

Rows = Sequence[dict[str, Any]]

PANELS = (
    ("loss", "Training loss", "share of the first epoch's loss"),
    ("val_h_ap", "H-AP on the val fold", "H-AP"),
    ("val_map_at_r_level0", "mAP@R of the finest level, val fold", "mAP@R"),
)


@styled()
def draw_learning_curves(curves: dict[str, list[list[dict[str, Any]]]], hierarchical: Collection[str] = ()) -> Figure:
    """Draw the training loss, H-AP and mAP@R over epochs: a thin line for each seed, a thick one for their mean.

    Losses are not comparable with each other, so each run's is divided by that of its first epoch.

    Args:
        curves: loss -> for each of S seeds, the rows of its metrics.jsonl: epoch, loss, and in some epochs val_h_ap and
            val_map_at_r_level0; None or NaN is left out.
        hierarchical: the losses to draw solid; all others are dashed.
    """
    figure = Figure((12, 4.6), layout=ConstrainedLayoutEngine(wspace=0.06))
    found = looks(list(curves), hierarchical)
    for axes, (key, title, unit) in zip(figure.subplots(1, 3, sharex=True), PANELS, strict=True):
        axes.set(title=title, xlabel="epoch", ylabel=unit)
        axes.grid(axis="y")
        axes.margins(x=0.02)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        for name, runs in curves.items():
            series = [relative(values_of(rows, key)) if key == "loss" else values_of(rows, key) for rows in runs]
            draw_series(axes, series, found[name], name, has_dots=key != "loss")
    handles = [Line2D([], [], color=look.colour, linestyle=look.line, lw=2.4) for look in found.values()]
    note = "solid: hierarchical loss; dashed: flat loss" if hierarchical else None
    figure.legend(handles, list(curves), loc="outside lower center", ncols=even_columns(len(curves), 6), title=note)
    headline(figure, "Learning curves: thin lines are seeds, thick lines their mean")
    return figure


def values_of(rows: Rows, key: str) -> dict[int, float]:
    """Epoch -> value, of the epochs in which the key has a finite one."""
    values = {int(row["epoch"]): number(row.get(key)) for row in rows}
    return {epoch: value for epoch, value in sorted(values.items()) if np.isfinite(value)}


def relative(values: dict[int, float]) -> dict[int, float]:
    """Values over the first of them; none where that is 0."""
    first = next(iter(values.values()), 0.0)
    return {epoch: value / first for epoch, value in values.items()} if first else {}


def draw_series(axes: Axes, series: list[dict[int, float]], look: Look, name: str, *, has_dots: bool) -> None:
    """Draw the lines of one loss; the mean is of the epochs that every seed has."""
    for values in series if len(series) > 1 else []:
        axes.plot(list(values), list(values.values()), color=look.colour, linestyle=look.line, lw=0.8, alpha=0.5)
    shared = sorted(set.intersection(*map(set, series))) if series else []
    means = [float(np.mean([values[epoch] for values in series])) for epoch in shared]
    axes.plot(
        shared,
        means,
        color=look.colour,
        linestyle=look.line,
        lw=2.2,
        marker=look.marker if has_dots else "",
        markersize=4.5,
        markerfacecolor=look.face,
        label=name,
    )
