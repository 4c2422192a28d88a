"""One bar of parts: it is full, what is there can be seen, the legend tells all."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.stacked_bar import stacked_bar, widths
from tests.drawn import HOSTILE, box, found, parsed, title, words


@given(st.lists(st.one_of(st.integers(0, 3), st.integers(0, 5_000_000)), min_size=1, max_size=200))
def test_widths_fill_the_bar_and_none_is_too_thin(counts: list[int]) -> None:
    drawn = widths(counts, 416, 3)
    shown = [width for width, count in zip(drawn, counts, strict=True) if count]
    assert all(width == 0 for width, count in zip(drawn, counts, strict=True) if not count)
    if shown:
        assert sum(drawn) == pytest.approx(416)
        assert min(shown) >= min(3, 416 / len(shown)) - 1e-9
    order = sorted(range(len(counts)), key=lambda place: counts[place])
    assert all(drawn[less] <= drawn[more] + 1e-9 for less, more in itertools.pairwise(order))


def test_a_part_in_a_million_is_seen_and_told() -> None:
    parts = [
        {"label": "agreed", "count": 999_999, "css": "accent"},
        {"label": "decision", "count": 1, "css": "accent-2"},
        {"label": "visual", "count": 0, "css": "accent-3"},
    ]
    svg = parsed(stacked_bar(parts, "labels-by-rule", "Labels by rule"))
    bar = [rect for rect in found(svg, "rect") if box(rect)[1] == 1]
    assert [rect.attrib["class"] for rect in bar] == ["accent", "accent-2"]
    assert box(bar[1])[2] == 3
    assert title(bar[1]) == "decision 1 (under 0.1%)"
    assert {"visual", "999,999", "over 99.9%", "0%"} <= set(words(svg))
    assert svg.attrib["class"] == "chart chart-stack chart-labels-by-rule"


def test_hostile_names_zeros_and_nothing() -> None:
    parsed(stacked_bar([{"label": name, "count": 2, "css": "accent-3"} for name in HOSTILE], "names", "Names"))
    assert "0%" in words(parsed(stacked_bar([{"label": "a", "count": 0, "css": "accent"}], "zero", "Zero")))
    assert "nothing to count" in stacked_bar([], "none", "None")
