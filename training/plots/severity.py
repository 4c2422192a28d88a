"""How severe the first mistake of each query is, as shares of queries; for who asks how bad mistakes are."""

from collections.abc import Collection, Sequence

import numpy as np
from matplotlib.figure import Figure

from training.plots.style import depth_colours, depth_words, headline, ink_on, name_rows, styled, text_inches

NO_MISTAKE = "no other landmark in the gallery"
LEAST_PRINTED = 0.045
"""Share below which a number does not fit its part of the bar."""


@styled()
def draw_severity(
    first_wrong: dict[str, np.ndarray], levels: Sequence[str], hierarchical: Collection[str] = ()
) -> Figure:
    """Draw a stacked bar for each model: to which depth the best-ranked image of another landmark agrees.

    Args:
        first_wrong: model -> int8 (S, Q) of S seeds and Q queries, see training.benchmark.protocol: 0 (nothing in
            common) to L - 1, and -1 where all images show the query's landmark.
        levels: names of the L levels, the finest first.
        hierarchical: the models trained by a hierarchical loss, whose names are bold.
    """
    names, count = list(first_wrong), len(levels)
    shares = np.stack([severity_shares(first_wrong[name], count) for name in names])
    words = [*depth_words(levels)[:count][::-1], NO_MISTAKE]
    colours = [*depth_colours(count)[:count][::-1], "#E4E4E4"]
    figure = Figure((7.5 + text_inches(names), 1.8 + 0.42 * len(names)), layout="constrained")
    axes = figure.add_subplot(xlim=(0, 1), xlabel="share of queries, all seeds together")
    axes.xaxis.set_major_formatter("{x:.0%}")
    name_rows(axes, names, hierarchical)
    starts = np.zeros(len(names))
    for part, word, colour in zip(shares.T, words, colours, strict=True):
        if word == NO_MISTAKE and not part.any():
            continue
        axes.barh(range(len(names)), part, 0.7, starts, color=colour, edgecolor="white", lw=1, label=word)
        for row in np.flatnonzero(part >= LEAST_PRINTED):
            middle = starts[row] + part[row] / 2
            axes.text(
                middle, float(row), f"{part[row]:.0%}", ha="center", va="center", color=ink_on(colour), fontsize=8.5
            )
        starts += part
    note = "bold: hierarchical loss" if hierarchical else None
    figure.legend(loc="outside lower center", ncols=3, title=note)
    headline(figure, "The first mistake: what the best-ranked image of another landmark shares with the query")
    return figure


def severity_shares(first_wrong: np.ndarray, level_count: int) -> np.ndarray:
    """Shares (L + 1,) of queries and seeds: those of the depths L - 1 down to 0, then of -1; they sum to 1."""
    depths = [*range(level_count - 1, -1, -1), -1]
    return np.array([(np.asarray(first_wrong) == depth).mean() for depth in depths])
