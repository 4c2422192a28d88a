"""H-AP label by label, a dot for each model; for who looks for the labels that a model cannot retrieve."""

from collections.abc import Collection

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from training.plots.style import even_columns, headline, looks, name_rows, styled, text_inches


@styled()
def draw_label_h_ap(h_ap: dict[str, np.ndarray], labels: np.ndarray, hierarchical: Collection[str] = ()) -> Figure:
    """Draw a row for each label, the best retrieved first, with its number of queries and a dot for each model.

    Args:
        h_ap: model -> (S, Q) of S seeds and Q queries; NaN is left out of the means.
        labels: str (Q,), the label of each query.
        hierarchical: the models trained by a hierarchical loss, drawn as full dots; all others are pale.
    """
    means = label_means(h_ap, labels)
    counts = pd.Series(labels).value_counts()
    names = [f"{label}  ({counts[label]})" for label in means.index]
    height = 1.8 + len(names) * (0.19 + 0.012 * len(h_ap))
    figure = Figure((6.5 + text_inches(names), height), layout="constrained")
    axes = figure.add_subplot(xlim=(-0.015, 1.015), xlabel="H-AP, mean over the label's queries and all seeds")
    name_rows(axes, names)
    axes.grid(axis="x")
    axes.tick_params(axis="x", length=0, labeltop=len(names) > 30)
    draw_dots(axes, means, hierarchical)
    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, markerfacecolor=look.face, linestyle="")
        for look in looks(list(h_ap), hierarchical).values()
    ]
    note = "full: hierarchical loss; pale: flat loss, or not trained" if hierarchical else None
    figure.legend(handles, list(h_ap), loc="outside lower center", ncols=even_columns(len(h_ap), 4), title=note)
    headline(figure, "H-AP by label (number of queries)")
    return figure


def label_means(h_ap: dict[str, np.ndarray], labels: np.ndarray) -> pd.DataFrame:
    """Means over seeds and queries, labels in rows by falling mean over the models, models in columns."""
    columns = {}
    for name, values in h_ap.items():
        long = pd.Series(np.asarray(values, float).ravel(), index=np.tile(labels, len(values)))
        columns[name] = long.groupby(level=0).mean()
    means = pd.DataFrame(columns)
    order = means.mean(axis=1).sort_values(ascending=False, kind="stable", na_position="last").index
    return means.loc[order]


def draw_dots(axes: Axes, means: pd.DataFrame, hierarchical: Collection[str]) -> None:
    """Draw the dots, models a little below each other so that equal ones are all seen, and the span behind them."""
    rows = np.arange(len(means))
    axes.hlines(rows, means.min(axis=1), means.max(axis=1), color="#D0D0D0", lw=2.5)
    step = min(0.12, 0.6 / len(means.columns))
    for position, (name, look) in enumerate(looks(list(means.columns), hierarchical).items()):
        axes.plot(
            means[name],
            rows + step * (position - (len(means.columns) - 1) / 2),
            linestyle="",
            marker=look.marker,
            markersize=5.5,
            color=look.colour,
            markerfacecolor=look.face,
            markeredgewidth=1,
            label=name,
        )
