"""A map of embeddings in two dimensions; for who wants to see which labels a model keeps together."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from sklearn.manifold import TSNE
from torch import Tensor

from training.plots.style import COLOURS, INK, MARKERS, headline, styled

MOST_POINTS = 3000
PERPLEXITY = 30
NAMED = 12
LABEL_COLOURS = (*COLOURS, "#DDCC77", "#AA4499")
OTHERS = "#C4C4C4"


@styled()
def draw_embedding_map(
    embeddings: Tensor,
    labels: Sequence[str],
    groups: Sequence[str],
    title: str = "Map of the test images: near points have similar embeddings",
) -> Figure:
    """Draw a point for each image, placed by t-SNE of cosine distances; of many images, 3000 drawn at random.

    The 12 most frequent labels have a colour and their name in the middle of their points; all others are grey.

    Args:
        embeddings: (N, D), N and D at least 3.
        labels: (N,), by which points are coloured.
        groups: (N,), such as natural and human-made, by which points have a shape.
        title: of the map.

    Raises:
        ValueError: embeddings that are not finite, or too few.
    """
    chosen = np.sort(np.random.default_rng(0).permutation(len(labels))[:MOST_POINTS])
    x, y = project(embeddings.cpu().float().numpy()[chosen]).T
    points = pd.DataFrame({"x": x, "y": y, "label": np.array(labels)[chosen], "group": np.array(groups)[chosen]})
    counts = points["label"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    colours = dict(zip(counts.index[:NAMED], LABEL_COLOURS, strict=False))
    markers = dict(zip(sorted(set(points["group"])), MARKERS * len(points), strict=False))
    figure = Figure((11, 7.4), layout="constrained")
    axes = figure.add_subplot(xticks=[], yticks=[], xlabel="t-SNE of cosine distances; its axes have no unit")
    axes.spines[:].set_visible(False)
    # Grey first, so that it hides nothing.
    order = points["label"].isin(colours)
    for part in (points[~order], points[order]):
        for group, marker in markers.items():
            of_group = part[part["group"] == group]
            shades = [colours.get(label, OTHERS) for label in of_group["label"]]
            axes.scatter(
                of_group["x"], of_group["y"], 30, shades, marker=marker, alpha=0.85, edgecolors="white", lw=0.4
            )
    handles = legend_handles(counts, colours, markers)
    figure.legend(handles=handles, loc="outside right upper", labelspacing=0.55)
    headline(figure, title)
    name_clusters(figure, axes, points, colours)
    return figure


def project(embeddings: np.ndarray) -> np.ndarray:
    """Places (N, 2) of embeddings (N, D) by t-SNE, the same for the same embeddings.

    Raises:
        ValueError: as draw_embedding_map.
    """
    if min(embeddings.shape) < 3:
        raise ValueError(f"embeddings of shape {embeddings.shape}; a map needs 3 images and 3 dimensions at least")
    # Of a collapsed model, all embeddings are equal, and have no principal components to begin with.
    begin = "pca" if np.ptp(embeddings, axis=0).any() else "random"
    perplexity = min(PERPLEXITY, (len(embeddings) - 1) / 3)
    places = TSNE(init=begin, metric="cosine", perplexity=perplexity, random_state=0).fit_transform(embeddings)
    return np.asarray(places)


def legend_handles(counts: pd.Series, colours: dict[str, str], markers: dict[str, str]) -> list[Line2D]:
    """Labels with their number of images, the other labels together, and the shapes of groups below."""

    def dot(colour: str, marker: str, text: str) -> Line2D:
        return Line2D([], [], color=colour, marker=marker, linestyle="", markersize=6.5, label=text)

    handles = [dot(colour, "s", f"{label} ({counts[label]})") for label, colour in colours.items()]
    others = counts[~counts.index.isin(colours)]
    if len(others):
        handles.append(dot(OTHERS, "s", f"{len(others)} other labels ({others.sum()})"))
    gap = Line2D([], [], linestyle="", label=" ")
    return [*handles, gap, *(dot(INK, marker, group) for group, marker in markers.items())]


def name_clusters(figure: Figure, axes: Axes, points: pd.DataFrame, colours: dict[str, str]) -> None:
    """Write the names of coloured labels at the median of their points, moved up or down where they would overlap."""
    halo = [withStroke(linewidth=3, foreground="white")]
    middles = points.groupby("label")[["x", "y"]].median()
    texts = [
        axes.text(
            middles.x[label],
            middles.y[label],
            label,
            ha="center",
            va="center",
            fontsize=9,
            fontweight="bold",
            path_effects=halo,
        )
        for label in colours
    ]
    figure.draw_without_rendering()  # sets the layout, without which texts have no extent
    taken: list[Text] = []
    for text in sorted(texts, key=lambda one: -float(one.get_position()[1])):
        move_below(text, taken)
        taken.append(text)


def move_below(text: Text, taken: Sequence[Text]) -> None:
    """Move a text down until it overlaps none of those that have their place, all above it."""
    boxes = [one.get_window_extent() for one in taken]
    to_data = text.get_transform().inverted()
    for other in sorted(boxes, key=lambda box: -float(box.y0)):
        box = text.get_window_extent()
        if box.overlaps(other):
            x, y = text.get_transform().transform(text.get_position())
            x, y = to_data.transform((x, y - (box.y1 - other.y0) - 1))
            text.set_position((x, y))
