"""Where the landmarks are, in cells of a degree on an equirectangular map; for readers who ask what is left out."""

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from pipeline.report.groups import group_class, group_legend, group_of
from pipeline.report.svg import clean, counted, drawing, element, isolated, legend, number, sentence

_LAND = Path(__file__).with_name("land.json")
_SCALE = 2.0  # units of the drawing in a degree
_MOST_CELLS = 5000  # more would make the page heavy
_SIZES = (1, 2, 3, 5, 10)  # degrees


def world_map(places: pd.DataFrame, groups: dict[str, int] | None = None) -> Markup:
    """The map: a dot per cell, in the colour of the group with most landmarks there; its area grows with the log count.

    Args:
        places: one row per landmark: latitude, longitude (degrees; null and what is not on Earth is left out), group
            (name of the coarsest level, null: no label).
        groups: colour of each group, for the same colours in all charts; see `pipeline.report.groups.group_of`. Without
            it the groups that occur here.

    Returns:
        An SVG, or a sentence where no landmark has coordinates.
    """
    is_here = places["latitude"].between(-90, 90) & places["longitude"].between(-180, 180)
    places = places[is_here]
    if places.empty:
        return sentence("No landmark here has coordinates.")
    size = next((size for size in _SIZES if len(_cell_keys(places, size).drop_duplicates()) <= _MOST_CELLS), _SIZES[-1])
    found = cells(places, size)
    groups = groups or group_of(places["group"])
    head, y = legend(group_legend(places["group"], groups), 0, 10, 360 * _SCALE)
    top = y + 18
    radius = 3.0 if len(found) < 600 else 0.5 * size * _SCALE
    found["css"] = [group_class(name, groups) for name in found["group"]]
    dots = [
        element("g", *[_dot(row, size, radius, top) for row in part.to_dict("records")], class_=f"{css} places")
        for css, part in found.groupby("css", sort=True)
    ]
    said = (
        f"{counted(len(places), 'landmark')} with coordinates in {counted(len(found), 'cell')} of {size} by {size} "
        "degrees. The colour of a dot is the group with most landmarks there; its area grows with the logarithm of "
        "their number."
    )
    height = top + 180 * _SCALE
    return drawing("world-map", (360 * _SCALE, height), "Where the landmarks are", said, head, _ground(top), *dots)


def cells(places: pd.DataFrame, size: int) -> pd.DataFrame:
    """Cells that hold landmarks, those with most first.

    Args:
        places: latitude within -90 and 90, longitude within -180 and 180, group.
        size: of a cell in degrees; 360 and 180 are multiples of it.

    Returns:
        south, west (edges in degrees), landmark_count, group (with most landmarks; of equals the first by name, no
        label last).
    """
    rows = _cell_keys(places, size).assign(group=places["group"], count=1)
    rows = rows.groupby(["south", "west", "group"], dropna=False, as_index=False)["count"].sum()
    rows = rows.sort_values(["count", "group"], ascending=[False, True], na_position="last", kind="stable")
    rows["landmark_count"] = rows.groupby(["south", "west"])["count"].transform("sum")
    found = rows.drop_duplicates(["south", "west"])[["south", "west", "landmark_count", "group"]]
    return found.sort_values(["landmark_count", "south", "west"], ascending=[False, True, True], ignore_index=True)


def _cell_keys(places: pd.DataFrame, size: int) -> pd.DataFrame:
    """South and west edge of the cell of each place; the pole and the 180th meridian belong to the last cells."""
    south = (np.floor(places["latitude"] / size) * size).clip(upper=90 - size)
    west = (np.floor(places["longitude"] / size) * size).clip(upper=180 - size)
    return pd.DataFrame({"south": south.astype(int), "west": west.astype(int)})


def _dot(row: dict[str, Any], size: int, radius: float, top: float) -> Markup:
    """The dot of a cell, in its middle."""
    south, west = row["south"], row["west"]
    north_words = f"{abs(south)}°{'S' if south < 0 else 'N'}"
    east_words = f"{abs(west)}°{'W' if west < 0 else 'E'}"
    most = "no label" if pd.isna(row["group"]) else isolated(clean(row["group"]))
    return element(
        "circle",
        element("title", f"{north_words} {east_words}: {counted(row['landmark_count'], 'landmark')}, most: {most}"),
        cx=_x(west + size / 2),
        cy=top + _y(south + size / 2),
        r=radius * math.sqrt(1 + math.log10(row["landmark_count"])),
    )


def _x(longitude: float) -> float:
    return _SCALE * (longitude + 180)


def _y(latitude: float) -> float:
    return _SCALE * (90 - latitude)


@cache
def _land() -> str:
    """Outlines of land as one path; see `pipeline.report.coastline`."""
    rings = json.loads(_LAND.read_text(encoding="utf-8"))
    points = (
        [f"{number(_x(x / 10))} {number(_y(y / 10))}" for x, y in zip(ring[::2], ring[1::2], strict=True)]
        for ring in rings
    )
    return "".join(f"M{'L'.join(ring)}Z" for ring in points)


def _ground(top: float) -> Markup:
    """Sea, a line every 30 degrees, and land."""
    width, height = 360 * _SCALE, 180 * _SCALE
    upright = "".join(f"M{number(_x(degrees))} 0V{number(height)}" for degrees in range(-150, 180, 30))
    level = "".join(f"M0 {number(_y(degrees))}H{number(width)}" for degrees in range(-60, 90, 30))
    return element(
        "g",
        element("rect", x=0, y=0, width=width, height=height, class_="sea"),
        element("path", d=upright + level, class_="grid"),
        element("path", d=_land(), fill_rule="evenodd", class_="land"),
        transform=f"translate(0 {number(top)})",
    )
