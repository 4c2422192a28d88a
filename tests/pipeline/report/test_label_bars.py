"""Bars of all labels on a logarithmic axis."""

import itertools
import math

import pandas as pd
import pytest

from pipeline.report.label_bars import label_bars
from tests.drawn import HOSTILE, box, found, parsed, title, words


def table(rows: list[tuple[str | None, str | None, int, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["hierarchical_label", "group", "landmark_count", "image_count"])


def bars(svg: object) -> list[tuple[float, float, float, float]]:
    return [box(rect) for rect in found(svg, "rect") if rect.get("x") == "220"]  # type: ignore[arg-type]


def test_the_longest_comes_first_and_a_tenfold_is_a_step() -> None:
    svg = parsed(
        label_bars(table([("lake", "natural", 1, 10), ("dam", "human-made", 9, 1000), ("tree", "natural", 2, 100)]))
    )
    lengths = [width for _, _, width, _ in bars(svg)]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] - lengths[1] == pytest.approx(lengths[1] - lengths[2], abs=0.02)
    assert [title(rect).split(":")[0] for rect in found(svg, "rect") if rect.get("x") == "220"] == [
        "dam",
        "tree",
        "lake",
    ]
    assert {"1,000 (9)", "1", "10", "100", "1k"} <= set(words(svg))


def test_the_dot_lies_where_a_bar_of_its_length_would_end() -> None:
    svg = parsed(label_bars(table([("lake", "natural", 50, 500), ("dam", "human-made", 5, 50)])))
    ends = {math.floor(x + width) for x, _, width, _ in bars(svg)}
    dots = [float(dot.attrib["cx"]) for dot in found(svg, "circle", "dot")]
    assert math.floor(dots[0]) in ends
    assert len(dots) == 2


def test_zeros_are_rows_without_marks() -> None:
    svg = parsed(label_bars(table([("lake", "natural", 0, 0), (None, None, 1, 0)])))
    assert bars(svg) == []
    assert len(found(svg, "circle", "dot")) == 1
    assert {"lake", "0 (0)", "no label", "0 (1)"} <= set(words(svg))


def test_all_labels_have_rows_that_do_not_touch() -> None:
    rows = [
        (f"label {n} of a rather long kind of landmark", "abcdefgh"[n % 8], n, 3 * 10 ** (n % 7)) for n in range(78)
    ]
    svg = parsed(label_bars(table(rows)))
    tops = [top for _, top, _, _ in bars(svg)]
    assert len(tops) == 78
    assert min(below - above for above, below in itertools.pairwise(tops)) >= 18
    assert "3 others" in words(svg)


def test_hostile_names_and_nothing() -> None:
    parsed(label_bars(table([(name, name, 2, 3) for name in HOSTILE])))
    assert "no labels" in label_bars(table([]))
