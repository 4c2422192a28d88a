"""Rings: children tile their parent, sums hold, folding loses nothing."""

import math
import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.report.sunburst import Arc, arcs, sunburst
from tests.drawn import HOSTILE, found, names, parsed, title, words

LEVELS = ["natural_or_human_made", "hierarchical_label", "supercategory"]
COUNTS = ["landmark_count", "image_count"]

known = st.tuples(st.sampled_from(["human-made", "natural"]), st.sampled_from(["church", "lake"]), st.none() | names)
unknown = st.just((None, None, None))
tables = st.lists(st.tuples(known | unknown, st.integers(0, 400), st.integers(0, 900)), min_size=1, max_size=30).map(
    lambda rows: table([(*path, landmarks, images if landmarks else 0) for path, landmarks, images in rows])
)


def table(rows: list[tuple[str | int | None, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[*LEVELS, *COUNTS])


def children(parts: list[Arc], place: int | None) -> list[Arc]:
    return [arc for arc in parts if arc.parent == place]


@settings(max_examples=40, deadline=None)
@given(tables)
def test_children_tile_their_parent_and_sums_hold(counts: pd.DataFrame) -> None:
    parts = arcs(counts, LEVELS)
    total, images = int(counts["landmark_count"].sum()), int(counts["image_count"].sum())
    assert sum(arc.images for arc in children(parts, None)) == images
    for place, whole in [(None, (0, total)), *((n, (arc.start, arc.end)) for n, arc in enumerate(parts))]:
        below = children(parts, place)
        if below or place is None:
            edges = [whole[0], *(arc.end for arc in below)]
            assert [arc.start for arc in below] == edges[:-1]
            assert edges[-1] == whole[1]
        if below and place is not None:
            assert sum(arc.images for arc in below) == parts[place].images
            assert {arc.depth for arc in below} == {parts[place].depth + 1}
            assert len({arc.name for arc in below}) == len(below)
    assert all(arc.landmarks > 0 for arc in parts)


@settings(max_examples=15, deadline=None)
@given(tables)
def test_the_order_of_rows_does_not_matter(counts: pd.DataFrame) -> None:
    assert sunburst(counts, LEVELS) == sunburst(counts.sample(frac=1, random_state=1), LEVELS)


def test_small_supercategories_become_one_arc() -> None:
    rows = [("human-made", "church", f"church {n:02}", 100 - n, 200 - n) for n in range(20)]
    parts = arcs(table([*rows, ("human-made", "church", None, 500, 500)]), LEVELS)
    below = [arc for arc in parts if arc.depth == 3]
    assert [arc.name for arc in below] == [*(f"church {n:02}" for n in range(12)), "8 others", "no supercategory"]
    assert below[-2].landmarks == sum(100 - n for n in range(12, 20))
    assert below[-2].images == sum(200 - n for n in range(12, 20))


def test_one_small_supercategory_keeps_its_name() -> None:
    parts = arcs(table([("natural", "lake", "lake", 9999, 1), ("natural", "lake", "tarn", 1, 1)]), LEVELS)
    assert [arc.name for arc in parts] == ["natural", "lake", "lake", "tarn"]


def test_a_label_without_supercategories_and_no_label_are_leaves() -> None:
    parts = arcs(table([("natural", "lake", None, 3, 4), (None, None, None, 2, 2)]), LEVELS)
    assert [(arc.name, arc.depth, arc.css) for arc in parts] == [
        ("natural", 1, "group-0"), ("lake", 2, "group-0"), ("no label", 1, "group-none"),
    ]  # fmt: skip


@pytest.mark.parametrize("levels", [LEVELS[:1], LEVELS[1:], ["continent", *LEVELS]])
def test_any_number_of_levels(levels: list[str]) -> None:
    rows = [("Europe", "human-made", "church", "chapel", 2, 3), ("Asia", "natural", "lake", "lake", 1, 1)]
    counts = pd.DataFrame(rows, columns=["continent", *LEVELS, *COUNTS])
    assert {arc.depth for arc in arcs(counts, levels)} == set(range(1, len(levels) + 1))
    parsed(sunburst(counts, levels))


def test_a_full_size_hierarchy_stays_small() -> None:
    rows = [
        (("natural", "human-made")[label % 2], f"label {label}", f"class {label} {n}", 1 + 4000 // (n + 1), 9)
        for label in range(78)
        for n in range(250)
    ]
    drawn = sunburst(table(rows), LEVELS)
    assert len(found(parsed(drawn), "path")) <= 1500
    assert len(drawn) < 800_000


def test_arcs_carry_what_the_script_needs() -> None:
    svg = parsed(sunburst(table([("natural", "lake", "tarn", 1, 4), ("human-made", "dam", None, 3, 9)]), LEVELS))
    paths = found(svg, "path")
    assert [path.attrib["data-parent"] for path in paths] == ["", "0", "", "2", "3"]
    assert [path.attrib["data-name"] for path in paths] == ["human-made", "dam", "natural", "lake", "tarn"]
    assert paths[4].attrib["data-start"] == "0.750000"
    assert paths[4].attrib["data-end"] == "1.000000"
    assert title(paths[4]) == "natural > lake > tarn: 1 landmark, 4 images, 25% of the labelled"
    assert "4 landmarks" in words(svg)


def test_a_whole_ring_is_drawn() -> None:
    (path,) = found(parsed(sunburst(table([("natural", None, None, 7, 7)]), LEVELS)), "path")
    assert path.attrib["d"].count("A") == 4


def test_outlines_lie_where_their_shares_are() -> None:
    svg = parsed(sunburst(table([("a", None, None, 1, 1), ("b", None, None, 3, 1)]), LEVELS))
    for path in found(svg, "path"):
        x, y = (float(value) - 340 for value in re.findall(r"[\d.]+", path.attrib["d"])[:2])
        share = math.atan2(x, -y) / (2 * math.pi) % 1
        assert share == pytest.approx(float(path.attrib["data-start"]), abs=1e-4)


def test_hostile_names_and_nothing() -> None:
    rows = [(name or "empty", name, name, 5, 5) for name in HOSTILE]
    parsed(sunburst(table(rows), LEVELS))
    assert sunburst(table([]), LEVELS) == sunburst(table([("natural", "lake", None, 0, 0)]), LEVELS)
    assert "no landmarks" in sunburst(table([]), LEVELS)


def test_a_group_alone_keeps_its_colour() -> None:
    counts = table([("natural", "lake", None, 1, 4)])
    (first, _) = arcs(counts, LEVELS, {"human-made": 0, "natural": 1})
    assert first.css == "group-1"
