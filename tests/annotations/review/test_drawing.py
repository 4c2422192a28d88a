"""The drawing of the paths: whatever the graph, everything is drawn, nothing overlaps, and parents stand above."""

import re
from itertools import combinations, pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from annotations.review.desk import PathEdge, PathNode
from annotations.review.drawing import MAX_LETTERS, Box, Drawing, draw, shortened, text_width
from annotations.review.layers import without_cycles

ROLES = ["between", "anchor", "ignored"]
LABELS = st.sampled_from(
    ["zoo", "administrative territorial entity of a country", "自然保護区と国立公園の境界", "Q1", ""]
)


@st.composite
def graphs(draw_from: st.DrawFn) -> tuple[list[PathNode], list[PathEdge]]:
    """Up to 20 classes, the first of which is the subject, with any edges, cycles and strangers included."""
    count = draw_from(st.integers(1, 20))
    roles = ["subject", *draw_from(st.lists(st.sampled_from(ROLES), min_size=count - 1, max_size=count - 1))]
    nodes = [
        PathNode(f"Q{at}", draw_from(LABELS), role, "castle / fort" if role == "anchor" else "")
        for at, role in enumerate(roles)
    ]
    ends = st.tuples(st.integers(0, count), st.integers(0, count))
    pairs = draw_from(st.lists(ends, max_size=40, unique=True))
    return nodes, [PathEdge(f"Q{low}", f"Q{high}") for low, high in pairs]


def drawn(nodes: list[PathNode], edges: list[PathEdge]) -> tuple[Drawing, dict[str, Box]]:
    drawing = draw(nodes, edges)
    assert drawing is not None
    return drawing, {box.node.qid: box for box in drawing.boxes}


def path_points(path: str) -> list[tuple[float, float]]:
    """Where a line goes, at close intervals."""
    numbers = [float(text) for text in re.findall(r"-?\d+\.?\d*", path)]
    x, y, *rest = numbers
    points = [(x, y)]
    while rest:
        foot, x1, y1, x2, y2, x3, y3, *rest = rest
        points += [(x, y + (foot - y) * t / 20) for t in range(21)]
        y = foot
        for t in (at / 40 for at in range(41)):
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
            points.append(
                (
                    sum(w * c for w, c in zip(weights, (x, x1, x2, x3), strict=True)),
                    sum(w * c for w, c in zip(weights, (y, y1, y2, y3), strict=True)),
                )
            )
        x, y = x3, y3
    return points


@settings(deadline=None, max_examples=150)
@given(graphs())
@example(
    ([PathNode("Q0", "a", "subject"), PathNode("Q1", "b", "anchor", "x")], [PathEdge("Q0", "Q1"), PathEdge("Q1", "Q0")])
)
def test_everything_is_drawn_and_nothing_overlaps(graph: tuple[list[PathNode], list[PathEdge]]) -> None:
    nodes, edges = graph
    drawing, boxes = drawn(nodes, edges)
    known = {node.qid for node in nodes}
    assert set(boxes) == known
    kept = [edge for edge in edges if {edge.child_qid, edge.parent_qid} <= known and edge.child_qid != edge.parent_qid]
    assert [line.edge for line in drawing.lines] == kept
    for box in drawing.boxes:
        assert 0 <= box.x <= box.x + box.width <= drawing.width
        assert 0 <= box.y <= box.y + box.height <= drawing.height
    for one, other in combinations(drawing.boxes, 2):
        beside = one.x + one.width < other.x or other.x + other.width < one.x
        assert beside or one.y + one.height < other.y or other.y + other.height < one.y
    for line in drawing.lines:
        for x, y in path_points(line.path):
            assert 0 <= x <= drawing.width
            for box in drawing.boxes:
                is_inside = box.x + 1 < x < box.x + box.width - 1 and box.y + 1 < y < box.y + box.height - 1
                assert not is_inside, (line.edge, box.node.qid)


@settings(deadline=None, max_examples=100)
@given(graphs())
def test_parents_stand_above_unless_the_edge_closes_a_cycle(graph: tuple[list[PathNode], list[PathEdge]]) -> None:
    nodes, edges = graph
    drawing, boxes = drawn(nodes, edges)
    ends = [(int(line.edge.child_qid[1:]), int(line.edge.parent_qid[1:])) for line in drawing.lines]
    closing = without_cycles(len(nodes), ends, [0])
    for child, parent in ends:
        is_above = boxes[f"Q{parent}"].y + boxes[f"Q{parent}"].height < boxes[f"Q{child}"].y
        assert is_above == ((child, parent) not in closing)
    assert drawing == draw(nodes, edges)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30, unique=True))
def test_without_the_closing_edges_there_is_no_cycle(edges: list[tuple[int, int]]) -> None:
    left = {edge for edge in edges if edge not in without_cycles(10, edges, [0])}
    nodes = set(range(10))
    while top := {node for node in nodes if not any(low == node and high in nodes for low, high in left)}:
        nodes -= top
    assert nodes == set()


def test_a_graph_without_a_cycle_keeps_all_its_edges() -> None:
    edges = [(0, 1), (0, 2), (1, 3), (2, 3), (0, 3)]
    assert without_cycles(4, edges, [3]) == set()


def test_the_subject_stands_at_the_bottom_and_an_arrow_points_at_each_parent() -> None:
    nodes = [PathNode("Q1", "museum", "anchor", "museum"), PathNode("Q2", "house museum", "subject")]
    drawing, boxes = drawn(nodes, [PathEdge("Q2", "Q1", is_questioned=True)])
    assert boxes["Q2"].y > boxes["Q1"].y
    (line,) = drawing.lines
    tip = [float(number) for number in line.arrow.split()[0].split(",")]
    assert tip[1] == boxes["Q1"].y + boxes["Q1"].height
    assert boxes["Q1"].x < tip[0] < boxes["Q1"].x + boxes["Q1"].width


def test_two_classes_under_each_other_have_two_lines_with_arrows_at_both_ends() -> None:
    nodes = [PathNode("Q1", "one", "subject"), PathNode("Q2", "two", "between")]
    drawing, boxes = drawn(nodes, [PathEdge("Q1", "Q2"), PathEdge("Q2", "Q1")])
    up, down = drawing.lines
    assert up.path != down.path
    assert down.arrow.split()[0].endswith(f",{boxes['Q1'].y}")


def test_a_chain_is_straight_and_a_parent_stands_between_its_children() -> None:
    nodes = [PathNode(f"Q{at}", "longer name" * (at % 3), "between") for at in range(5)]
    _, boxes = drawn(nodes, [PathEdge("Q0", "Q1"), PathEdge("Q1", "Q2")])
    assert boxes["Q0"].centre == pytest.approx(boxes["Q1"].centre, abs=2)
    assert boxes["Q1"].centre == pytest.approx(boxes["Q2"].centre, abs=2)
    _, boxes = drawn(nodes, [PathEdge("Q0", "Q3"), PathEdge("Q1", "Q3"), PathEdge("Q2", "Q4")])
    assert boxes["Q3"].centre == pytest.approx((boxes["Q0"].centre + boxes["Q1"].centre) / 2, abs=2)


def test_a_line_leaves_a_low_box_upright_until_it_is_above_its_high_neighbours() -> None:
    nodes = [PathNode("Q0", "a", "between"), *(PathNode(f"Q{at}", "b" * 25, "anchor", "lake") for at in (1, 2, 3))]
    nodes += [PathNode("Q4", "c" * 25, "between")]
    drawing, boxes = drawn(nodes, [PathEdge(f"Q{at}", "Q4") for at in range(4)])
    (low,) = {boxes[f"Q{at}"].y for at in (1, 2, 3)}
    x = path_points(drawing.lines[0].path)[0][0]
    assert low < boxes["Q0"].y
    assert {at for at, y in path_points(drawing.lines[0].path) if y >= low} == {x}


def test_crossings_are_undone_where_they_can_be() -> None:
    nodes = [PathNode(f"Q{at}", f"class {at}", "between") for at in range(6)]
    drawing, _ = drawn(nodes, [PathEdge("Q0", "Q5"), PathEdge("Q1", "Q4"), PathEdge("Q2", "Q3")])
    lines = sorted((path_points(line.path)[0][0], path_points(line.path)[-1][0]) for line in drawing.lines)
    assert all(low[1] < high[1] for low, high in pairwise(lines))


def test_flags_tell_anchors_and_ignored_classes() -> None:
    nodes = [
        PathNode("Q1", "a", "subject", "lake"),
        PathNode("Q2", "b", "anchor", "museum"),
        PathNode("Q3", "c", "ignored"),
        PathNode("Q4", "d", "between"),
    ]
    _, boxes = drawn(nodes, [])
    assert [boxes[f"Q{n}"].flag for n in (1, 2, 3, 4)] == ["lake", "museum", "ignored", ""]
    assert boxes["Q2"].height == boxes["Q4"].height + boxes["Q2"].flag_height


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw([], [PathEdge("Q1", "Q2")]) is None


@given(st.text())
def test_shortened_text_fits_and_begins_as_the_whole(text: str) -> None:
    short = shortened(text)
    assert text_width(short) <= MAX_LETTERS
    assert text.startswith(short.removesuffix("…"))
    assert (short == text) == (text_width(text) <= MAX_LETTERS)


@pytest.mark.parametrize(("text", "width"), [("museum", 6), ("博物館", 6), ("Île", 3), ("", 0)])
def test_wide_letters_take_two(text: str, width: int) -> None:
    assert text_width(text) == width
