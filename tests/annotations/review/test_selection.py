"""The queue: filters, order, progress and pages, against plain code that does one thing at a time."""

from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from annotations.review.app import create_app
from annotations.review.desk import Row
from annotations.review.selection import PAGE_ROWS, STATES, Filters, filters_from, select, to_decide, whole_number
from annotations.verdicts import KINDS
from tests.fake_desk import FakeDesk
from tests.review_page import PORT, Reviewer
from tests.review_rows import ROWS, filler_rows

DOUBTS, LABELS, TITLES = ["crossing_edge", "no_item"], ["lake", "river"], ["Straße", "STRASSE", "Lake 1", ""]
A_ROW = st.builds(
    Row,
    kind=st.sampled_from(KINDS),
    key=st.uuids().map(str),
    title=st.sampled_from(TITLES),
    doubt=st.sampled_from(DOUBTS),
    why=st.just(""),
    labels=st.lists(st.sampled_from(LABELS), max_size=2).map(tuple),
    image_count=st.integers(0, 9),
    landmark_count=st.just(1),
    uncertainty=st.just(0.5),
    is_decided=st.booleans(),
)
SOME_FILTERS = st.builds(
    Filters,
    kind=st.sampled_from(["", *KINDS]),
    doubt=st.sampled_from(["", *DOUBTS]),
    label=st.sampled_from(["", *LABELS]),
    text=st.sampled_from(["", "strasse", "LAKE", "a"]),
    min_images=st.integers(0, 9),
    state=st.sampled_from(STATES),
)


def reference(rows: list[Row], filters: Filters) -> list[Row]:
    """Rows that pass the filters, one filter after the other."""
    if filters.kind:
        rows = [row for row in rows if row.kind == filters.kind]
    if filters.doubt:
        rows = [row for row in rows if row.doubt == filters.doubt]
    if filters.label:
        rows = [row for row in rows if filters.label in row.labels]
    if filters.text:
        rows = [row for row in rows if filters.text.casefold() in f"{row.title}\n{row.key}".casefold()]
    rows = [row for row in rows if row.image_count >= filters.min_images]
    return [row for row in rows if filters.state == "all" or row.is_decided == (filters.state == "decided")]


@settings(deadline=None)
@given(st.lists(A_ROW, max_size=12), SOME_FILTERS, st.integers(0, 12))
def test_selection_is_that_of_plain_filters(rows: list[Row], filters: Filters, at: int) -> None:
    current = rows[at] if at < len(rows) else None
    found = select(rows, filters, (current.kind, current.key) if current else None)
    listed = reference(rows, filters)
    assert found.listed == listed
    everything = reference(rows, Filters(**vars(filters) | {"state": "all"}))
    decided = [row for row in everything if row.is_decided]
    assert (found.row_count, found.decided_row_count) == (len(everything), len(decided))
    assert found.image_count == sum(row.image_count for row in everything)
    assert found.decided_image_count == sum(row.image_count for row in decided)
    assert found.doubts == tuple(sorted({row.doubt for row in rows}))
    others = [row for row in listed if row != current]
    if current is None:
        assert found.following == (listed[0] if listed else None)
    else:
        after = [row for row in others if rows.index(row) > at]
        assert found.following == next(iter(after + others), None)


@given(SOME_FILTERS)
def test_filters_come_back_from_their_address(filters: Filters) -> None:
    assert filters_from(filters.query) == filters
    assert Filters().query == {}


@given(st.dictionaries(st.sampled_from(["kind", "doubt", "label", "text", "min_images", "state"]), st.text()))
def test_any_address_gives_filters_that_their_address_gives_again(query: dict[str, str]) -> None:
    filters = filters_from(MultiDict(query))
    assert filters_from(filters.query) == filters
    assert filters.kind in ("", *KINDS)
    assert filters.state in STATES


@given(st.text())
def test_a_whole_number_is_one_or_nothing(text: str) -> None:
    number = whole_number(text)
    assert (number is not None) == (text.isascii() and text.isdigit() and len(text) <= 9)


def test_a_verdict_leads_to_open_rows_unless_decided_ones_are_gone_through() -> None:
    assert [to_decide(Filters(state=state)).state for state in STATES] == ["open", "decided", "open"]


# --------------------------------------------------------------------------------------------------------------- pages
@pytest.mark.parametrize(
    ("asked", "place", "number"),
    [(None, None, 1), (None, 0, 1), (None, 99, 1), (None, 100, 2), (2, 0, 2), (0, 250, 1), (9, 0, 3), (None, 250, 3)],
)
def test_the_page_is_the_one_asked_for_or_the_one_of_the_row(asked: int | None, place: int | None, number: int) -> None:
    found = select(filler_rows(2 * PAGE_ROWS + 50), Filters())
    found.place = place
    assert found.page_count == 3
    assert found.page_number(asked) == number
    assert [len(found.page(number)) for number in (1, 2, 3)] == [100, 100, 50]


def test_an_empty_queue_has_one_page() -> None:
    assert select([], Filters()).page_number(5) == 1


@pytest.fixture
def long_queue() -> Reviewer:
    return Reviewer(create_app(FakeDesk([*ROWS, *filler_rows(20_000)]), PORT))


def row_links(reviewer: Reviewer) -> list[str]:
    """Titles in the queue."""
    rows = reviewer.answer.text.split('<span class="row-title"><bdi>')[1:]
    return [row.split("</bdi>")[0] for row in rows]


def test_a_long_queue_is_shown_a_page_at_a_time(long_queue: Reviewer) -> None:
    text = long_queue.get("/row/classes/Q1").text
    assert len(row_links(long_queue)) == PAGE_ROWS
    assert "Page 1 of 201" in text
    assert 'rel="next" href="/row/classes/Q1?page=2"' in text
    assert 'rel="prev"' not in text
    text = long_queue.get("/row/classes/Q1?page=201").text
    assert row_links(long_queue) == [f"class {n}" for n in range(19_994, 20_000)]
    assert 'rel="prev" href="/row/classes/Q1?page=200"' in text
    assert 'rel="next"' not in text


def test_the_queue_is_shown_where_the_row_stands(long_queue: Reviewer) -> None:
    text = long_queue.get("/row/classes/Q19000").text
    assert "Page 101 of 201" in text
    assert 'href="/row/classes/Q19000" aria-current="true"' in text


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({"kind": "edges"}, ["zoo → park", "polder → land reclamation"]),
        ({"doubt": "no_item"}, ["&#39;Opaeka&#39;a Falls"]),
        ({"label": "river"}, ["&#39;Opaeka&#39;a Falls", "Prinsengracht, Amsterdam"]),
        ({"text": "POLDER"}, ["polder → land reclamation"]),
        ({"text": "q5/q6"}, ["polder → land reclamation"]),
        ({"min_images": "50"}, ["artist&#39;s-home museum", "zoo → park"]),
        ({"min_images": "50", "kind": "edges", "label": "zoo", "state": "all"}, ["zoo → park"]),
        ({"text": "'"}, ["artist&#39;s-home museum", "&#39;Opaeka&#39;a Falls"]),
    ],
)
def test_filters_of_the_address_hold(reviewer: Reviewer, query: dict[str, str], titles: list[str]) -> None:
    reviewer.get(f"/row/classes/Q1?{urlencode(query)}")
    assert row_links(reviewer) == titles
    shown = reviewer.page.forms["/"].fields
    assert (shown["text"], shown["min_images"]) == (query.get("text", ""), query.get("min_images", ""))
