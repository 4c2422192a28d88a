"""Means and intervals on a common axis."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.interval_chart import axis_ticks, interval_chart
from tests.drawn import HOSTILE, found, parsed, words

values = st.floats(-1e6, 1e6).map(lambda value: round(value, 4))


@given(values, values)
def test_ticks_hold_the_values_and_are_even(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    ticks = axis_ticks(low, high)
    steps = [after - before for before, after in itertools.pairwise(ticks)]
    slack = 1e-6 * steps[0]
    assert 3 <= len(ticks) <= 7
    assert ticks[0] - slack <= low
    assert high <= ticks[-1] + slack
    assert steps == pytest.approx([steps[0]] * len(steps), rel=1e-6)


def test_rows_stand_in_the_given_order_with_their_numbers() -> None:
    rows = [
        {"label": "smooth_ap", "mean": 0.7042, "low": 0.6362, "high": 0.7724},
        {"label": "happier", "mean": 0.9, "low": None, "high": None},
    ]
    svg = parsed(interval_chart(rows, "h-ap", "Means", "H-AP"))
    said = words(svg)
    assert said.index("smooth_ap") < said.index("happier")
    assert {"0.704 (0.636 to 0.772)", "0.900", "H-AP"} <= set(said)
    assert len(found(svg, "line", "interval")) == 1
    assert found(svg, "line", "reference") == []
    assert svg.attrib["class"] == "chart chart-intervals chart-h-ap"
    line, dot = found(svg, "line", "interval")[0].attrib, found(svg, "circle", "dot")[0].attrib
    assert float(line["x1"]) < float(dot["cx"]) < float(line["x2"])


def test_zero_is_marked_where_something_is_negative() -> None:
    rows = [{"label": "a minus b", "mean": -0.02, "low": -0.05, "high": 0.01}]
    svg = parsed(interval_chart(rows, "difference", "Means", "difference in H-AP"))
    assert len(found(svg, "line", "reference")) == 1
    assert "−0.020 (−0.050 to 0.010)" in words(svg)


def test_one_value_hostile_names_and_nothing() -> None:
    for mean in (0.0, 1.0, -3.0):
        parsed(interval_chart([{"label": "a", "mean": mean, "low": None, "high": None}], "one", "Means", "share"))
    rows = [{"label": name, "mean": 1.0, "low": 0.5, "high": 2.0} for name in HOSTILE]
    parsed(interval_chart(rows, "names", "Means", "<unit> & more"))
    assert "no measurements" in interval_chart([], "none", "Means", "share")
