"""Draw the sample's images into TARs in GLDv2's layout, with their md5 files: `python -m sample.draw [--out DIR]`.

For whoever maintains the sample: photographs carry their own licences, so each picture is drawn from what it shows.
The label decides shape and texture, natural or human-made the background, the landmark its colours, placement and
signature, and each image adds noise, shift, light and sometimes something in the way: retrieval can be learnt, but not
by looking up pixels. The same inputs and package versions give the same bytes on every run.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import math
import tarfile
from collections.abc import Iterable, Iterator
from colorsys import hsv_to_rgb
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SAMPLE = Path(__file__).parent
SIDE = 64  # pixels of a finished image
CANVAS = 2 * SIDE  # drawn at twice the size, then reduced: smooth edges
JPEG_QUALITY = 68
OCCLUDED_SHARE = 0.25
NATURAL = frozenset(
    [
        "agricultural land",
        "beach",
        "canal",
        "cave",
        "cliff",
        "garden",
        "island",
        "lake",
        "mountain",
        "ocean area",
        "parks",
        "river",
        "stone",
        "trail",
        "tree",
        "volcano",
        "waterfall",
        "wetland",
    ]
)

Point = tuple[float, float]
Polygon = list[Point]
Pixels = np.ndarray


@dataclass(frozen=True)
class View:
    """What one image shows: a place (a Commons category, so that train and index agree) with a label."""

    image_id: str
    place: str
    label: str


def regular(corners: int, radius: float = 1.0, inner: float | None = None, turn: float = -math.pi / 2) -> Polygon:
    """A regular polygon around the origin; with `inner`, a star whose notches lie at that radius."""
    radii = [radius] if inner is None else [radius, inner]
    count = corners * len(radii)
    angles = [turn + 2 * math.pi * step / count for step in range(count)]
    return [
        (radii[step % len(radii)] * math.cos(angle), radii[step % len(radii)] * math.sin(angle))
        for step, angle in enumerate(angles)
    ]


def box(left: float, top: float, right: float, bottom: float) -> Polygon:
    """An upright rectangle."""
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


# Each shape: polygons to fill, then polygons to cut out. Coordinates run from -1 to 1, y downward.
SHAPES: list[tuple[list[Polygon], list[Polygon]]] = [
    ([regular(40)], []),
    ([[(0, -1), (1, 0.9), (-1, 0.9)]], []),
    ([box(-0.9, -0.2, 0.9, 1), [(-1, -0.2), (0, -1), (1, -0.2)]], []),
    ([box(-0.3, -1, 0.3, 1), box(-0.9, -0.5, 0.9, 0)], []),
    ([box(-1, -0.6, 1, 1)], [regular(30, 0.55), box(-0.55, 0, 0.55, 1)]),
    ([regular(5, 1.1, 0.45)], []),
    ([box(-0.9, -1, -0.5, 1), box(-0.2, -0.5, 0.2, 1), box(0.5, -1, 0.9, 1), box(-0.9, 0.5, 0.9, 1)], []),
    ([regular(40)], [regular(40, 0.5)]),
    ([box(-1, 0.4, 1, 1), box(-0.4, -0.3, 1, 1), box(0.3, -1, 1, 1)], []),
    (
        [[(-1, 0), (-0.5, -0.6), (0, 0), (0.5, -0.6), (1, 0), (1, 0.7), (0.5, 0.1), (0, 0.7), (-0.5, 0.1), (-1, 0.7)]],
        [],
    ),
]
TEXTURES = 8


def texture(kind: int, period: float) -> Pixels:
    """Where the second colour goes, as a CANVAS x CANVAS mask."""
    y, x = np.mgrid[0:CANVAS, 0:CANVAS].astype(float) / period
    half = [np.zeros_like(x), y, x, x + y, np.floor(x) + np.floor(y), np.hypot(x - x.mean(), y - y.mean())]
    if kind < len(half):
        mask = np.floor(half[kind]) % 2 == 1
    elif kind == 6:
        mask = np.hypot(x % 2 - 1, y % 2 - 1) < 0.6  # dots
    else:
        mask = np.minimum(x % 2, y % 2) < 0.45  # grid
    return np.asarray(mask, dtype=bool)


def generator(*parts: object) -> np.random.Generator:
    """The random numbers of one thing: the same name gives the same numbers, whatever else is drawn."""
    text = "/".join(map(str, parts))
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))


def colour(hue: float, saturation: float, value: float) -> Pixels:
    """An RGB colour from hue, saturation and value in 0..1."""
    return 255 * np.array(hsv_to_rgb(hue % 1, saturation, value))


def background(label: str, place: str) -> Pixels:
    """Blue over green for natural labels, grey over sand for human-made ones."""
    tint = 0.04 * generator("background", place).standard_normal()
    top, bottom = (
        (colour(0.57 + tint, 0.45, 0.95), colour(0.33 + tint, 0.5, 0.6))
        if label in NATURAL
        else (colour(0.6 + tint, 0.08, 0.85), colour(0.1 + tint, 0.3, 0.65))
    )
    share = np.linspace(0, 1, CANVAS)[:, None, None]
    return np.broadcast_to((1 - share) * top + share * bottom, (CANVAS, CANVAS, 3)).copy()


def stencil(shape: int, centre: Point, radius: float, turn: float) -> Pixels:
    """The mask of a shape, turned and placed (pixels of the canvas)."""
    image = Image.new("1", (CANVAS, CANVAS))
    pen = ImageDraw.Draw(image)
    cosine, sine = math.cos(turn), math.sin(turn)
    for value, polygons in zip((1, 0), SHAPES[shape], strict=True):
        for polygon in polygons:
            pen.polygon(
                [
                    (centre[0] + radius * (x * cosine - y * sine), centre[1] + radius * (x * sine + y * cosine))
                    for x, y in polygon
                ],
                fill=value,
            )
    return np.array(image)


def add_signature(pixels: Pixels, place: str, offset: Point) -> None:
    """A small glyph on the picture's edge that tells landmarks of one label apart."""
    rng = generator("signature", place)
    corner = np.array([rng.choice([8, 88]), rng.choice([8, 88])]) + np.array(offset, dtype=int) // 2
    glyph = rng.random((3, 3)) < 0.55
    ink = colour(rng.random(), 0.9, rng.choice([0.15, 0.9]))
    for row, column in np.argwhere(glyph):
        left, top = corner[0] + 10 * column, corner[1] + 10 * row
        pixels[max(top, 0) : top + 9, max(left, 0) : left + 9] = ink


def occlude(pixels: Pixels, rng: np.random.Generator) -> None:
    """Somebody stands in the way: one dull block, a fifth to a third of the width."""
    width, height = rng.integers(CANVAS // 5, CANVAS // 3), rng.integers(CANVAS // 4, CANVAS // 2)
    left, top = rng.integers(0, CANVAS - width), rng.integers(CANVAS // 4, CANVAS - height)
    pixels[top : top + height, left : left + width] = colour(rng.random(), 0.2, rng.uniform(0.15, 0.5))


def picture(view: View, look: tuple[int, int]) -> Image.Image:
    """One image: what its place always looks like, then what this picture adds."""
    shape, kind = look
    place, rng = generator("place", view.place), generator("image", view.image_id)
    hue = place.random()
    first, second = colour(hue, 0.75, 0.85), colour(hue + place.uniform(0.25, 0.75), 0.8, 0.4)
    period, size = place.uniform(7, 12), place.uniform(36, 46)
    shift = rng.uniform(-9, 9, size=2)
    centre = (CANVAS / 2 + place.uniform(-14, 14) + shift[0], CANVAS / 2 + place.uniform(-10, 10) + shift[1])
    mask = stencil(shape, centre, size * rng.uniform(0.82, 1.15), rng.uniform(-0.2, 0.2))
    pattern = np.roll(texture(kind, period), rng.integers(-6, 7, size=2), axis=(0, 1))
    pixels = background(view.label, view.place)
    pixels[mask & ~pattern], pixels[mask & pattern] = first, second
    add_signature(pixels, view.place, (shift[0], shift[1]))
    if rng.random() < OCCLUDED_SHARE:
        occlude(pixels, rng)
    small = pixels.reshape(SIDE, 2, SIDE, 2, 3).mean(axis=(1, 3))
    small = small * rng.uniform(0.75, 1.2) + rng.normal(0, 7, size=small.shape) + rng.uniform(-10, 10, size=3)
    return Image.fromarray(small.clip(0, 255).round().astype(np.uint8))


def looks(labels: Iterable[str]) -> dict[str, tuple[int, int]]:
    """A shape and texture of its own for every label."""
    ordered = sorted(set(labels))
    if len(ordered) > len(SHAPES) * TEXTURES:
        raise ValueError(f"{len(ordered)} labels, but only {len(SHAPES) * TEXTURES} looks: add a shape")
    pairs = (divmod(number, len(SHAPES)) for number in range(len(ordered)))
    return {label: (shape, (turn + shape) % TEXTURES) for label, (turn, shape) in zip(ordered, pairs, strict=True)}


def read_table(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def views(labels: list[str], shown: dict[tuple[str, str], tuple[str, str]], gldv2: Path) -> dict[str, list[View]]:
    """Every image of the metadata, by split; an ignored query shows a place that is no landmark of the sample."""
    metadata = gldv2 / "metadata"
    train = [View(row["id"], *shown["train", row["landmark_id"]]) for row in read_table(metadata / "train.csv")]
    index = {
        row["id"]: View(row["id"], *shown["index", row["landmark_id"]])
        for row in read_table(metadata / "index_image_to_landmark.csv")
    }
    test = []
    for row in read_table(gldv2 / "ground_truth" / "retrieval_solution_v2.1.csv"):
        match = index.get(row["images"].split()[0])
        label = match.label if match else str(generator("label", row["id"]).choice(labels))
        test.append(View(row["id"], match.place if match else row["id"], label))
    return {"train": train, "index": list(index.values()), "test": test}


def write_tar(path: Path, split_views: Iterable[View], look: dict[str, tuple[int, int]]) -> None:
    """A plain ustar without anything that changes between runs (owner, time)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for view in sorted(split_views, key=lambda view: view.image_id):
            buffer = io.BytesIO()
            picture(view, look[view.label]).save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
            member = tarfile.TarInfo("/".join([*view.image_id[:3], f"{view.image_id}.jpg"]))
            member.size, member.mode = buffer.tell(), 0o644
            buffer.seek(0)
            archive.addfile(member, buffer)


def draw(out: Path) -> None:
    """Write every split's TAR and md5 file under `out`."""
    landmarks = list(read_table(SAMPLE / "landmarks.csv"))
    labels = sorted({row["drawn_label"] for row in landmarks})
    shown = {(row["split"], row["landmark_id"]): (row["category"], row["drawn_label"]) for row in landmarks}
    look = looks(labels)
    for split, split_views in views(labels, shown, SAMPLE / "gldv2").items():
        tar = out / split / "images_000.tar"
        write_tar(tar, split_views, look)
        md5 = out / "md5sum" / split / "md5.images_000.txt"
        md5.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.md5(tar.read_bytes(), usedforsecurity=False).hexdigest()
        md5.write_text(f"{digest}  images_000.tar\n", encoding="utf-8", newline="\n")


def main() -> None:
    """Run as a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=SAMPLE / "gldv2", help="folder of the TARs (default: sample/gldv2)")
    draw(parser.parse_args().out)


if __name__ == "__main__":
    main()
