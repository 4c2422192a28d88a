"""The reliability diagram of the report."""

from typing import Any

import pytest

from hierarchy.agreement import wilson_interval
from pipeline.report.reliability import reliability_diagram
from tests.drawn import found, parsed, title, words


def a_bin(low: float, count: int, mean: float, agreement: float) -> dict[str, Any]:
    return {"low": low, "high": low + 0.1, "count": count, "mean_confidence": mean, "agreement": agreement}


def test_marks_lie_at_their_values() -> None:
    svg = parsed(reliability_diagram([a_bin(0.8, 5, 0.85, 1.0), a_bin(0.9, 70, 0.95, 0.9)]))
    diagonal = found(svg, "line", "reference")[0].attrib
    left, right = float(diagonal["x1"]), float(diagonal["x2"])
    bottom, top = float(diagonal["y1"]), float(diagonal["y2"])

    def share(y: str) -> float:
        return (float(y) - bottom) / (top - bottom)

    dots = [dot.attrib for dot in found(svg, "circle", "dot")]
    assert [(float(dot["cx"]) - left) / (right - left) for dot in dots] == pytest.approx([0.85, 0.95])
    assert [share(dot["cy"]) for dot in dots] == pytest.approx([1.0, 0.9])
    line = found(svg, "line", "interval")[1].attrib
    assert (share(line["y1"]), share(line["y2"])) == pytest.approx(wilson_interval(63, 70), abs=1e-3)
    assert {"n = 5", "n = 70"} <= set(words(svg))
    low, high = wilson_interval(63, 70)
    assert title(found(svg, "circle", "dot")[1]).endswith(f"agreement 0.900 ({low:.3f} to {high:.3f})")


def test_counts_have_room_above_the_square() -> None:
    few, many = (parsed(reliability_diagram([a_bin(0.9, count, 0.95, 0.9)])) for count in (5, 203_094))
    heights = [float(svg.attrib["viewBox"].split()[3]) for svg in (few, many)]
    assert heights[1] > heights[0]


def test_nothing_to_compare() -> None:
    assert "nothing to compare" in reliability_diagram([])
