"""Cells of landmarks on a map, and the outlines of land behind them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.report import coastline
from pipeline.report.world_map import cells, world_map
from tests.drawn import HOSTILE, found, parsed, title

# The half of a number below the normal ones may be zero, which is another cell's.
latitudes, longitudes = (st.floats(-most, most, allow_subnormal=False) for most in (90, 180))
points = st.tuples(latitudes, longitudes, st.sampled_from(["human-made", "natural", None]))


def table(rows: list[tuple[float | None, float | None, str | None]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["latitude", "longitude", "group"])
    return frame.astype({"latitude": float, "longitude": float, "group": object})


@settings(max_examples=30, deadline=None)
@given(st.lists(points, min_size=1, max_size=30), st.sampled_from([1, 2, 3, 5, 10]))
def test_every_place_is_in_one_cell_of_the_map(rows: list[tuple[float, float, str | None]], size: int) -> None:
    found_cells = cells(table(rows), size)
    assert found_cells["landmark_count"].sum() == len(rows)
    assert not found_cells.duplicated(["south", "west"]).any()
    assert found_cells["south"].between(-90, 90 - size).all()
    assert found_cells["west"].between(-180, 180 - size).all()
    edges = set(zip(found_cells["south"], found_cells["west"], strict=True))
    for latitude, longitude, _ in rows:
        assert any(s <= latitude <= s + size and w <= longitude <= w + size for s, w in edges)


def test_the_group_with_most_landmarks_colours_a_cell() -> None:
    here = [(48.5, 2.5, "natural"), (48.2, 2.2, "natural"), (48.1, 2.1, "human-made"), (48.9, 2.9, None)]
    tie = [(0.5, 0.5, "natural"), (0.5, 0.5, "human-made"), (0.5, 0.5, None)]
    found_cells = cells(table([*here, *tie]), 1)
    assert found_cells["group"].tolist() == ["natural", "human-made"]
    assert found_cells["landmark_count"].tolist() == [4, 3]


def test_dots_lie_in_their_cells_and_the_corners_of_the_map_are_on_it() -> None:
    svg = parsed(world_map(table([(90, 180, "natural"), (-90, -180, "natural"), (-0.5, -0.5, None)])))
    dots = {title(dot): dot.attrib for dot in found(svg, "circle")}
    assert set(dots) == {
        "89°N 179°E: 1 landmark, most: natural",
        "90°S 180°W: 1 landmark, most: natural",
        "1°S 1°W: 1 landmark, most: no label",
    }
    assert dots["89°N 179°E: 1 landmark, most: natural"]["cx"] == "719"
    assert dots["90°S 180°W: 1 landmark, most: natural"]["cx"] == "1"


def test_what_is_not_on_earth_is_left_out() -> None:
    nowhere = [(None, None, "natural"), (-14.6, 184.4, "natural"), (91, 0, "natural"), (float("nan"), 3, None)]
    assert "coordinates" in world_map(table(nowhere))
    svg = parsed(world_map(table([*nowhere, (1, 1, "natural")])))
    assert len(found(svg, "circle")) == 1
    assert "coordinates" in world_map(table([]))


def test_full_size_stays_small_and_hostile_names() -> None:
    random = np.random.default_rng(0)
    everywhere = pd.DataFrame({
        "latitude": random.uniform(-90, 90, 300_000),
        "longitude": random.uniform(-180, 180, 300_000),
        "group": random.choice(["natural", "human-made"], 300_000),
    })  # fmt: skip
    assert len(world_map(everywhere)) < 1_000_000
    parsed(world_map(table([(n, n, name) for n, name in enumerate(HOSTILE)])))


# ------------------------------------------------------------------------------------------------------------ coastline
def test_land_is_small_and_on_the_map(root: Path) -> None:
    rings = json.loads((root / "pipeline/report/land.json").read_text(encoding="utf-8"))
    numbers = np.concatenate([np.array(ring).reshape(-1, 2) for ring in rings])
    assert abs(numbers[:, 0]).max() <= 1800
    assert abs(numbers[:, 1]).max() <= 900
    assert len(json.dumps(rings, separators=(",", ":"))) < 25_000


def test_a_ring_over_the_180th_meridian_is_cut_in_two_of_the_same_area() -> None:
    ring = np.array([[170.0, 0], [190, 0], [190, 20], [170, 20], [170, 0]])
    parts = coastline.cut(ring)
    assert sorted(part[:, 0].min() for part in parts) == [-180, 170]
    assert sum(coastline.area(part) for part in parts) == coastline.area(ring) == 400


def test_arcs_are_joined_turned_and_closed_around_the_pole() -> None:
    square = [[0, 0], [20, 0], [0, 20], [-20, 0], [0, -20]]
    polar = [[-180, -70], [90, 0], [90, 0], [90, 0], [89, 0]]
    topology = {
        "transform": {"scale": [1, 1], "translate": [0, 0]},
        "arcs": [square, polar],
        "objects": {"land": {"geometries": [{"type": "MultiPolygon", "arcs": [[[~0]], [[1]]]}]}},
    }
    rings = [np.array(ring).reshape(-1, 2) / 10 for ring in coastline.land(topology)]
    assert sorted(coastline.area(ring) for ring in rings) == [400.0, 359 * 20.0]


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=2, max_size=20))
def test_a_simplified_line_keeps_its_ends_and_only_its_points(line: list[tuple[float, float]]) -> None:
    points = np.array(line)
    short = coastline.simplified(points, 1.0)
    assert short[[0, -1]].tolist() == points[[0, -1]].tolist()
    assert {tuple(point) for point in short.tolist()} <= {tuple(point) for point in points.tolist()}
