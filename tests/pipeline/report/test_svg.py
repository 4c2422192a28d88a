"""Elements, names and numbers of all charts."""

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report import svg
from tests.drawn import names


@given(names)
def test_a_name_from_outside_is_text_and_nothing_else(name: str) -> None:
    said = svg.clean(name)
    drawn = svg.element("text", svg.isolated(said), data_name=said)
    parsed = ElementTree.fromstring(str(drawn))
    assert list(parsed) == []
    assert parsed.attrib == {"data-name": said}
    assert (parsed.text or "").strip("\u2068\u2069") == said


@given(names, st.floats(min_value=20, max_value=300))
def test_shortened_words_fit_and_begin_as_the_whole_does(name: str, room: float) -> None:
    said = svg.clean(name)
    short = svg.shortened(said, room)
    assert svg.width_of(short, 13) <= room
    assert short == said or (short.endswith("…") and said.startswith(short[:-1]))


def test_numbers_of_a_drawing_are_short() -> None:
    assert [svg.number(value) for value in (1.0, -0.001, 2.345678, 100)] == ["1", "0", "2.35", "100"]


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (0, 5, "0%"),
        (5, 5, "100%"),
        (1, 3, "33%"),
        (7, 100, "7.0%"),
        (1, 100_000, "under 0.1%"),
        (99_999, 100_000, "over 99.9%"),
        (996, 1000, "99.6%"),
        (0, 0, "0%"),
    ],
)
def test_a_share_never_claims_nothing_or_all(part: int, whole: int, said: str) -> None:
    assert svg.share_text(part, whole) == said


def test_signs_and_thousands() -> None:
    assert svg.decimal_text(-0.0512) == "−0.051"
    assert svg.decimal_text(-0.0001) == "0.000"
    assert svg.decimal_text(-1234.5) == "−1,234.500"
    assert svg.counted(1, "image") == "1 image"
    assert svg.counted(1234, "image") == "1,234 images"


def test_a_legend_breaks_into_lines() -> None:
    drawn, last = svg.legend([("group-0", "a long name of a group")] * 3, 0, 10, 250)
    assert last == 50
    assert str(drawn).count("<rect") == 3
