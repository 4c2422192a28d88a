"""The benchmark's pictures inside the page: each as a data: address, with words for those who do not see it.

For the stage report. A retrieval sheet is a PNG of several megabytes, and there is one for each loss. All pictures
together keep to a budget: they are drawn anew as wide as it allows, as PNG of few colours or as JPEG, whichever is
smaller. The same files give the same bytes.
"""

import base64
import io
import itertools
import math
from pathlib import Path
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from pipeline.errors import InputError
from pipeline.report.training_facts import model_name

BUDGET = 2_500_000
"""Characters of all addresses together."""
WIDEST, NARROWEST = 1400, 320  # pixels
QUALITY, COLOURS = 72, 96  # of JPEG, of PNG
WORDS = {
    "metrics": (
        "Metrics of every model",
        "Bars with 95% intervals, one group for each metric and one bar for each model; the table of models has them.",
    ),
    "learning_curves": (
        "Learning curves",
        "Three panels of lines over epochs: training loss, H-AP and mAP@R on the val fold. Thin lines are seeds, thick"
        " lines their mean.",
    ),
    "h_ap_by_label": (
        "H-AP by label",
        "A row for each label of the test fold with a mark for each model: its mean H-AP over the label's queries.",
    ),
    "severity": (
        "The first mistake",
        "A bar for each model, split by what the best-ranked image of another landmark shares with the query: the same"
        " label, only a coarser level, or nothing.",
    ),
    "probe": (
        "The label probe",
        "Metrics of models taught by our labels and by other labels, and beside them the paired differences with 95%"
        " intervals; the table of the probe has them.",
    ),
}
_OF_LOSS = {
    "retrieval": (
        "What {} finds",
        "Rows of small pictures: a query of the test fold, then the ten images that {} ranks first for it. The frame of"
        " each tells what it shares with the query.",
    ),
    "map": (
        "Map of the embeddings by {}",
        "A point for each test image. Points that are near have similar embeddings by {}. Colours tell frequent labels,"
        " shapes the coarsest level.",
    ),
}


class Picture(NamedTuple):
    """A picture in the page: its name, title, text alternative, address, and size in pixels."""

    name: str
    title: str
    alternative: str
    address: str
    width: int
    height: int


def inlined(folder: Path, budget: int = BUDGET) -> tuple[list[Picture], list[str]]:
    """Every PNG of the folder as a picture within the budget, and the names of those that did not fit even if narrow.

    Pictures of all models come first and stay as wide as they can; those of single losses share what is left.

    Raises:
        InputError: a file is not a picture.
    """
    paths = sorted(folder.glob("*.png"), key=lambda path: (_place(path.stem), path.stem))
    pictures: list[Picture] = []
    for part in (
        [path for path in paths if path.stem in WORDS],
        [path for path in paths if path.stem not in WORDS],
    ):
        pictures += _fitting(part, budget - sum(len(picture.address) for picture in pictures))
    shown = {picture.name for picture in pictures}
    return pictures, [path.stem for path in paths if path.stem not in shown]


def _fitting(paths: list[Path], budget: int) -> list[Picture]:
    """The pictures, all of them as wide as the budget allows; the last ones are left out if nothing else helps."""
    width = WIDEST
    found = [_picture(path, width) for path in paths]
    while (total := sum(len(picture.address) for picture in found)) > budget and width > NARROWEST:
        # Bytes grow with the area; a little less than fits is tried, so that two rounds are mostly enough.
        fits = math.floor(0.95 * width * math.sqrt(max(budget, 0) / total))
        width = max(NARROWEST, min(width - 1, fits))
        found = [_picture(path, width) for path in paths]
    lengths = itertools.accumulate(len(picture.address) for picture in found)
    return [picture for picture, length in zip(found, lengths, strict=True) if length <= budget]


def words_of(name: str) -> tuple[str, str]:
    """Title and text alternative of a picture by the name of its file."""
    kind, _, loss = name.partition("_")
    if name in WORDS:
        return WORDS[name]
    if kind in _OF_LOSS and loss:
        title, alternative = _OF_LOSS[kind]
        return title.format(model_name(loss)), alternative.format(model_name(loss))
    title = name.replace("_", " ").capitalize()
    return title, f"A picture of the benchmark: {title}."


def _place(name: str) -> int:
    """Where a picture stands: those of all models first, in the order of their words; then those of single losses."""
    return list(WORDS).index(name) if name in WORDS else len(WORDS)


def _picture(path: Path, width: int) -> Picture:
    """The picture in a file, at most so wide: PNG or JPEG, whichever is smaller."""
    try:
        with Image.open(path) as opened:
            image = _on_white(opened)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError, SyntaxError) as error:
        raise InputError(str(path), "not readable as a picture", "delete it and run `dvc repro`") from error
    if image.width > width:
        height = max(1, round(image.height * width / image.width))
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    few = image.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    png, jpeg = io.BytesIO(), io.BytesIO()
    few.save(png, "PNG", optimize=True)
    image.save(jpeg, "JPEG", quality=QUALITY, optimize=True)
    candidates = (("image/png", png.getvalue()), ("image/jpeg", jpeg.getvalue()))
    kind, data = min(candidates, key=lambda candidate: len(candidate[1]))
    title, alternative = words_of(path.stem)
    return Picture(path.stem, title, alternative, f"data:{kind};base64,{base64.b64encode(data).decode()}", *image.size)


def _on_white(image: Image.Image) -> Image.Image:
    """The picture without transparency, which JPEG lacks."""
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
