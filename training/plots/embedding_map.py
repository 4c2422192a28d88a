"""A map of embeddings in two dimensions; for who wants to see which labels a model keeps together."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor

from training.plots.style import COLOURS, INK, headline, styled

MOST_POINTS = 3000
LEAST_MAPPED = 3
"""Images, and dimensions of an embedding, below which a map in two dimensions says nothing."""
PERPLEXITY = 30
NAMED = 12
LABEL_COLOURS = (*COLOURS, "#DDCC77", "#AA4499")
SHAPES = ("o", "^", "D", "P")
OTHERS = "#C4C4C4"


@styled()
def draw_embedding_map(
    embeddings: Tensor,
    labels: Sequence[str],
    groups: Sequence[str],
    title: str = "Map of the test images: near points have similar embeddings",
) -> Figure:
    """Draw a point for each image, placed by t-SNE of cosine distances; of many images, 3000 drawn at random.

    The 12 most frequent labels have a colour and their name in their midst; all others are grey.

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
    markers = dict(zip(sorted(set(points["group"])), SHAPES * len(points), strict=False))
    figure = Figure((11, 7.4), layout="constrained")
    axes = figure.add_subplot(xticks=[], yticks=[], xlabel="t-SNE of cosine distances; its axes have no unit")
    axes.spines[:].set_visible(False)
    draw_points(axes, points, colours, markers)
    handles = legend_handles(counts, colours, markers)
    figure.legend(handles=handles, loc="outside right upper", labelspacing=0.55, handlelength=1.2)
    headline(figure, title)
    name_clusters(figure, axes, points, colours)
    return figure


def draw_points(axes: Axes, points: pd.DataFrame, colours: dict[str, str], markers: dict[str, str]) -> None:
    """Draw the points: x, y, label and group; those without a colour first, so that they hide nothing."""
    is_named = points["label"].isin(colours)
    for part in (points[~is_named], points[is_named]):
        for group, marker in markers.items():
            of_group = part[part["group"] == group]
            shades = [colours.get(label, OTHERS) for label in of_group["label"]]
            axes.scatter(
                of_group["x"], of_group["y"], 32, shades, marker=marker, alpha=0.85, edgecolors="white", lw=0.4
            )


def project(embeddings: np.ndarray) -> np.ndarray:
    """Places (N, 2) of embeddings (N, D) by t-SNE, the same for the same embeddings.

    Raises:
        ValueError: as draw_embedding_map.
    """
    if min(embeddings.shape) < LEAST_MAPPED:
        raise ValueError(f"embeddings of shape {embeddings.shape}; a map needs 3 images and 3 dimensions at least")
    # Of a collapsed model, all embeddings are equal, and have no principal components to begin with.
    begin = "pca" if np.ptp(embeddings, axis=0).any() else "random"
    perplexity = min(PERPLEXITY, (len(embeddings) - 1) / 3)
    tsne = TSNE(init=begin, metric="cosine", perplexity=perplexity, random_state=0)
    # Sums of several threads differ in their last digits; and on a busy machine, the threads wait for each other.
    with threadpool_limits(1):
        places = tsne.fit_transform(embeddings)
    return np.asarray(places)


def legend_handles(counts: pd.Series, colours: dict[str, str], markers: dict[str, str]) -> list[Artist]:
    """Labels with their number of images, the other labels together, and the shapes of groups below."""
    handles: list[Artist] = [
        Patch(color=colour, label=f"{label} ({counts[label]})") for label, colour in colours.items()
    ]
    others = counts[~counts.index.isin(colours)]
    if len(others):
        handles.append(Patch(color=OTHERS, label=f"{len(others)} other labels ({others.sum()})"))
    handles.append(Line2D([], [], linestyle="", label=" "))
    for group, marker in markers.items():
        handles.append(Line2D([], [], color=INK, marker=marker, linestyle="", markersize=6.5, label=group))
    return handles


def name_clusters(figure: Figure, axes: Axes, points: pd.DataFrame, colours: dict[str, str]) -> None:
    """Write the names of coloured labels above the point nearest to the median of theirs, moved down from others."""
    texts = []
    for label in colours:
        own = points.loc[points["label"] == label, ["x", "y"]].to_numpy()
        # The median itself may lie among the points of other labels.
        x, y = own[((own - np.median(own, axis=0)) ** 2).sum(1).argmin()]
        halo = [withStroke(linewidth=3, foreground="white")]
        texts.append(
            axes.annotate(
                label, (x, y), (0, 5), textcoords="offset points", ha="center", fontweight="bold", path_effects=halo
            )
        )
    figure.draw_without_rendering()  # sets the layout, without which texts have no extent
    taken: list[Bbox] = []
    for text in sorted(texts, key=lambda one: -float(one.xy[1])):
        move_below(text, taken, 72 / figure.dpi)
        taken.append(text.get_window_extent())


def move_below(text: Annotation, taken: Sequence[Bbox], points_per_pixel: float) -> None:
    """Move a text down until it overlaps none of the boxes that are taken."""
    for other in sorted(taken, key=lambda box: -float(box.y0)):
        box = text.get_window_extent()
        if box.overlaps(other):
            x, y = text.get_position()
            text.set_position((x, y - (box.y1 - other.y0 + 1) * points_per_pixel))
