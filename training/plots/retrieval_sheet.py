"""Queries with the images that a model ranks first for them; for who wants to see what the numbers mean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import wrap

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image, ImageOps
from torch import Tensor

from training.benchmark.protocol import query_rows, top_rows
from training.image_table import ImageTable
from training.levels import agreement_depths
from training.plots.style import INK, depth_colours, depth_words, styled

SHOWN = 10
CELL, GAP, QUERY_GAP, MARGIN = 1.1, 0.12, 0.4, 0.2
"""Inches: an image, between images, between the query and its answers, around all."""
LINE = 0.15
"""Inches of a line of caption."""
HEAD, FOOT = 0.75, 0.45
LINE_LETTERS = 17
PIXELS = 220


def chosen_queries(table: ImageTable, count: int = 8) -> list[int]:
    """Rows of queries spread over the labels, the same for the same table.

    Of many labels, evenly spaced ones give a query each; of few, all give several, of other landmarks if they have any.

    Args:
        table: N images; labels are those of the second finest level, or of the only one.
        count: how many at most.

    Returns:
        rows whose landmark has another image in the table; fewer than `count` where there are not as many.
    """
    rows = query_rows(table)
    column = min(1, len(table.levels) - 1)
    turns: dict[int, list[int]] = {}
    met: dict[int, int] = {}
    ranks = []
    for landmark in table.labels[rows, 0].tolist():  # how many images of its landmark come before each
        ranks.append(met.get(landmark, 0))
        met[landmark] = ranks[-1] + 1
    for row in rows[np.argsort(ranks, kind="stable")].tolist():
        turns.setdefault(int(table.labels[row, column]), []).append(row)
    labels = sorted(turns)
    if len(labels) > count:
        labels = [labels[place] for place in np.linspace(0, len(labels) - 1, count).round().astype(int)]
    by_turn = sorted((turn, label) for label in labels for turn in range(len(turns[label])))
    return [turns[label][turn] for label, turn in sorted((label, turn) for turn, label in by_turn[:count])]


@styled()
def draw_retrieval_sheet(
    embeddings: Tensor,
    table: ImageTable,
    pixels: Callable[[str], np.ndarray],
    captions: Sequence[str],
    rows: Sequence[int],
    title: str = "Queries and the images ranked first for them",
) -> Figure:
    """Draw a line for each query: its image, and the ten ranked first, framed by their depth of agreement with it.

    The query has its caption below it, and so has each image whose caption is another.

    Args:
        embeddings: (N, D) of all images of the table.
        table: of N images.
        pixels: gives the image of an id, uint8 (H, W, 3).
        captions: N names, such as labels.
        rows: which images are the queries, such as `chosen_queries`.
        title: of the sheet.

    Raises:
        training.image_index.ImageError: of `pixels`, for an image that cannot be read.
    """
    answers = [top_rows(embeddings, row, SHOWN) for row in rows]
    texts = [[caption_of(captions, row, row), *(caption_of(captions, row, other) for other in top)]
             for row, top in zip(rows, answers, strict=True)]  # fmt: skip
    heights = [CELL + LINE * max(text.count("\n") + 1 for text in line) + GAP for line in texts]
    width = 2 * MARGIN + (SHOWN + 1) * CELL + QUERY_GAP + (SHOWN - 1) * GAP
    sheet = Sheet(Figure((width, HEAD + sum(heights) + FOOT)))
    labels, colours = torch.from_numpy(table.labels), depth_colours(len(table.levels))
    top = HEAD
    for row, others, line, height in zip(rows, answers, texts, heights, strict=True):
        depths = agreement_depths(labels[row : row + 1], labels[others])[0].tolist()
        sheet.place(0, top, pixels(str(table.image_ids[row])), INK, line[0])
        for rank, (other, depth, text) in enumerate(zip(others, depths, line[1:], strict=True), 1):
            sheet.place(rank, top, pixels(str(table.image_ids[other])), colours[depth], text)
        top += height
    sheet.write_around(title, depth_words(table.levels), colours)
    return sheet.figure


def caption_of(captions: Sequence[str], query: int, row: int) -> str:
    """The caption in lines; nothing below an answer with the caption of the query."""
    if row != query and captions[row] == captions[query]:
        return ""
    return "\n".join(wrap(captions[row], LINE_LETTERS))


@dataclass(frozen=True)
class Sheet:
    """A figure whose parts are placed in inches from its top left corner, so that no caption moves an image."""

    figure: Figure

    def place(self, rank: int, top: float, image: np.ndarray, colour: str, text: str) -> None:
        """Draw an image in its frame with its caption below; rank 0 is the query."""
        width, height = self.figure.get_size_inches()
        left = left_of(rank)
        axes = self.figure.add_axes((left / width, 1 - (top + CELL) / height, CELL / width, CELL / height))
        # The middle square, which is also what the model sees.
        axes.imshow(np.asarray(ImageOps.fit(Image.fromarray(image), (PIXELS, PIXELS))), interpolation="antialiased")
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(visible=True, color=colour, linewidth=1 if rank == 0 else 4)
        weight = "bold" if rank == 0 else "normal"
        axes.set_xlabel(text, fontsize=8, labelpad=4, fontweight=weight, linespacing=1.1)

    def write_around(self, title: str, words: Sequence[str], colours: Sequence[str]) -> None:
        """Write the title, the ranks above the answers, and below them what the colours of frames mean."""
        width, height = self.figure.get_size_inches()
        self.figure.text(MARGIN / width, 1 - 0.3 / height, title, fontsize=12, fontweight="bold", va="center")
        for rank in range(SHOWN + 1):
            middle = (left_of(rank) + CELL / 2) / width
            self.figure.text(middle, 1 - (HEAD - 0.12) / height, str(rank or "query"), ha="center", va="center")
        handles = [Patch(color=colour, label=word) for word, colour in zip(words, colours, strict=True)]
        self.figure.legend(
            handles=handles[::-1],
            loc="lower left",
            bbox_to_anchor=(MARGIN / width, 0.1 / height),
            ncols=len(words),
            borderaxespad=0,
            borderpad=0,
        )


def left_of(rank: int) -> float:
    """Inches from the left edge of the sheet to the image of that rank; 0 is the query."""
    return MARGIN + (CELL + QUERY_GAP + (rank - 1) * (CELL + GAP) if rank else 0)
