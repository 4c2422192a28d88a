"""Makes land.json, the outlines of land behind the map of landmarks; run by hand, once.

Source: Natural Earth 1:110m land (naturalearthdata.com), public domain, as the TopoJSON of the npm package
world-atlas 2.0.2 (ISC licence), file land-110m.json. To make land.json again:

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    python -m pipeline.report.coastline package/land-110m.json pipeline/report/land.json

land.json is a list of rings; a ring is longitude, latitude, longitude, latitude ... in tenths of a degree.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Ring = npt.NDArray[np.float64]  # (points, 2): longitude and latitude in degrees

_TOLERANCE = 0.25  # degrees that an outline may move; less than a pixel of the map
_SPECK = 1.0  # least area of an island, in square degrees


def land(topology: dict[str, Any]) -> list[list[int]]:
    """Rings of the object "land" of a TopoJSON, simplified, cut at the 180th meridian, closed around the poles."""
    scale, translate = np.array(topology["transform"]["scale"]), np.array(topology["transform"]["translate"])
    arcs = [np.cumsum(np.array(arc, dtype=float), axis=0) * scale + translate for arc in topology["arcs"]]
    found = []
    for geometry in topology["objects"]["land"]["geometries"]:
        polygons = [geometry["arcs"]] if geometry["type"] == "Polygon" else geometry["arcs"]
        for numbers in (ring for polygon in polygons for ring in polygon):
            for part in cut(_unrolled(_joined(arcs, numbers))):
                if area(part) >= _SPECK:
                    found.append(np.rint(10 * simplified(part, _TOLERANCE)).astype(int).ravel().tolist())
    return sorted(found, key=lambda ring: (-len(ring), ring))


def _joined(arcs: list[Ring], numbers: list[int]) -> Ring:
    """The ring of arcs; ~n is arc n backwards, and each arc begins where the one before it ends."""
    parts = [arcs[n] if n >= 0 else arcs[~n][::-1] for n in numbers]
    return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])


def _unrolled(ring: Ring) -> Ring:
    """The ring without jumps at the 180th meridian; one that goes around a pole is closed along that pole."""
    ring = ring.copy()
    ring[1:, 0] -= 360 * np.cumsum(np.rint(np.diff(ring[:, 0]) / 360))
    if abs(ring[-1, 0] - ring[0, 0]) < 180:
        return ring
    pole = -90.0 if ring[:, 1].mean() < 0 else 90.0
    return np.concatenate([ring, [[ring[-1, 0], pole], [ring[0, 0], pole], ring[0]]])


def cut(ring: Ring) -> list[Ring]:
    """The parts of a ring within -180 and 180 degrees, each moved there by whole turns."""
    parts = []
    for turns in (-360.0, 0.0, 360.0):
        part = _clipped(_clipped(ring + np.array([turns, 0.0]), -180.0, 1), 180.0, -1)
        if len(part):
            parts.append(part)
    return parts


def _clipped(ring: Ring, meridian: float, side: int) -> Ring:
    """What of a closed ring lies east (side 1) or west (side -1) of a meridian (Sutherland and Hodgman, 1974)."""
    kept: list[Ring] = []
    for before, here in zip(np.roll(ring, 1, axis=0), ring, strict=True):
        was_in, is_in = side * (before[0] - meridian) >= 0, side * (here[0] - meridian) >= 0
        if was_in != is_in:
            kept.append(before + (here - before) * (meridian - before[0]) / (here[0] - before[0]))
        if is_in:
            kept.append(here)
    return np.array(kept).reshape(-1, 2)


def area(ring: Ring) -> float:
    """Area of a ring in square degrees (the shoelace formula)."""
    x, y = ring.T
    return float(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2)


def simplified(line: Ring, tolerance: float) -> Ring:
    """The line with fewer points, none of those left out further from it than the tolerance (Douglas and Peucker)."""
    if len(line) < 3:
        return line
    along = line[-1] - line[0]
    length = float(np.hypot(*along))
    away = line - line[0]
    distances = np.hypot(*away.T) if length == 0 else abs(along[0] * away[:, 1] - along[1] * away[:, 0]) / length
    far = int(distances.argmax())
    if distances[far] <= tolerance:
        return line[[0, -1]]
    return np.concatenate([simplified(line[: far + 1], tolerance)[:-1], simplified(line[far:], tolerance)])


def main(source: str, target: str) -> None:
    """Write land.json from the TopoJSON."""
    rings = land(json.loads(Path(source).read_text(encoding="utf-8")))
    Path(target).write_text(json.dumps(rings, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
