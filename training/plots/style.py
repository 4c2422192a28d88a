"""The look that all pictures of a benchmark share, and how they are saved; for the modules that draw them.

Colours are told apart by people with any kind of colour vision: those of Okabe and Ito, and of Paul Tol. A model keeps
its colour in all pictures that name the models in the same order.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from training.runs import replacing

COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#882255",
    "#444444",
    "#999933",
    "#332288",
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""Fewer than colours by intent: a model with the colour of another has another marker."""
QUIET = "#8C8C8C"
INK = "#222222"
DPI = 150
STYLE: dict[Any, object] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#B0B0B0",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.8,
    "text.color": INK,
    "text.parse_math": False,  # names of labels may hold dollar signs
    "xtick.color": "#B0B0B0",
    "ytick.color": "#B0B0B0",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.title_fontsize": 8.5,
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
    "svg.hashsalt": "training.plots",  # else ids within the file are drawn at random
}


@dataclass(frozen=True)
class Look:
    """How a model is drawn.

    Attributes:
        colour: of lines and edges.
        face: of what is filled: the colour, or a pale shade of it for a model that no hierarchical loss trained.
        marker: its shape.
        line: solid, or dashed for a model that no hierarchical loss trained.
    """

    colour: str
    face: str
    marker: str
    line: Literal["-", "--"]


def looks(names: Sequence[str], hierarchical: Collection[str]) -> dict[str, Look]:
    """The look of each model, by its position; where no loss is told to be hierarchical, all are strong alike."""
    found = {}
    for position, name in enumerate(names):
        colour, marker = COLOURS[position % len(COLOURS)], MARKERS[position % len(MARKERS)]
        is_strong = not hierarchical or name in hierarchical
        found[name] = Look(colour, colour if is_strong else paler(colour), marker, "-" if is_strong else "--")
    return found


def paler(colour: str) -> str:
    """The colour mixed with four parts of white."""
    red, green, blue = (0.2 * part + 0.8 for part in to_rgb(colour))
    return str(to_hex((red, green, blue)))


def depth_colours(level_count: int) -> list[str]:
    """A colour for each depth of agreement 0..level_count, the stronger the more two images have in common."""
    shades = matplotlib.colormaps["YlGnBu"](np.linspace(0.22, 0.95, level_count + 1))
    return [str(to_hex(shade)) for shade in shades]


def depth_words(levels: Sequence[str]) -> list[str]:
    """What each depth of agreement 0..L means, for L levels named finest first."""
    coarsest_first = levels[::-1]
    only = [f"same {name} only" for name in coarsest_first[:-2]]
    return ["nothing in common", *only, *(f"same {name}" for name in coarsest_first[-2:])]


def ink_on(colour: str) -> str:
    """Colour of text that is read well on a background."""
    luminance = np.array(to_rgb(colour)) @ [0.299, 0.587, 0.114]
    return "white" if luminance < 0.6 else INK


def text_inches(texts: Iterable[str]) -> float:
    """About how wide the widest of texts is in 9 points."""
    return 0.082 * max((len(line) for text in texts for line in text.split("\n")), default=0)


def name_rows(axes: Axes, names: Sequence[str], hierarchical: Collection[str] = ()) -> None:
    """Write names at rows 0, 1, ... from above; bold where a hierarchical loss trained the model."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    for text, name in zip(axes.get_yticklabels(), names, strict=True):
        text.set_fontweight("bold" if name in hierarchical else "normal")


def even_columns(count: int, most: int) -> int:
    """Columns of a legend of that many entries, so that its lines are about as long as each other."""
    return ceil(count / ceil(count / most))


def number(value: float | None) -> float:
    """The value, or NaN, which matplotlib leaves out, for one that is not defined."""
    return float("nan") if value is None else float(value)


@contextmanager
def styled() -> Iterator[None]:
    """Draw under the shared look, whatever the settings of this machine; also a decorator, as `@styled()`."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def headline(figure: Figure, text: str) -> None:
    """Write what the picture shows above it, at the left."""
    figure.suptitle(text, x=0.01, ha="left")


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write `<name>.png` and `<name>.svg`, whole or not at all; the same figure gives the same bytes.

    Args:
        figure: of one of the modules beside.
        folder: made where it is missing.
        name: of the files, without suffix.

    Raises:
        training.runs.RunError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
        with styled(), replacing(folder / f"{name}.{suffix}") as opened:
            figure.savefig(
                opened,
                format=suffix,
                dpi=DPI,
                metadata=metadata,
                bbox_inches="tight",
                pad_inches=0.12,
                facecolor="white",
            )
