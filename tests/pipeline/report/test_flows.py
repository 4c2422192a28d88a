"""Ribbons: folding loses nothing, names do not overlap, ribbons are as thick as their landmarks are many."""

import itertools

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.report.flows import flows, folded
from tests.drawn import HOSTILE, box, found, names, parsed, title, words

COLUMNS = ["class_qid", "class_label", "hierarchical_label", "group", "landmark_count", "image_count"]
GROUPS = {"church": "human-made", "dam": "human-made", "museum": "human-made", "lake": "natural", None: None}

rows_of = st.lists(
    st.tuples(st.sampled_from([*GROUPS]), st.none() | names, st.integers(0, 300)), min_size=1, max_size=25
)


def table(rows: list[tuple[str | None, str | None, int]]) -> pd.DataFrame:
    """One class a row: its label, its name and landmarks; twice as many images."""
    made = [(f"Q{n}", name, label, GROUPS[label], count, 2 * count) for n, (label, name, count) in enumerate(rows)]
    return pd.DataFrame(made, columns=COLUMNS)


@settings(max_examples=40, deadline=None)
@given(rows_of, st.integers(0, 10))
def test_folding_loses_nothing(rows: list[tuple[str | None, str | None, int]], limit: int) -> None:
    counts = table(rows)
    drawn = folded(counts, limit)
    for column in ("landmark_count", "image_count"):
        assert drawn[column].sum() == counts[column].sum()
        by_group = drawn.groupby("group", dropna=False)[column].sum()
        expected = counts[counts["landmark_count"] > 0].groupby("group", dropna=False)[column].sum()
        assert by_group.to_dict() == expected.to_dict() or by_group.sort_index().equals(expected.sort_index())
    assert not drawn.duplicated(["label", "qid", "name"]).any()
    assert (~drawn["is_rest"]).sum() <= limit + len(GROUPS)


@settings(max_examples=15, deadline=None)
@given(rows_of)
def test_names_do_not_overlap_and_ribbons_do_not_cross(rows: list[tuple[str | None, str | None, int]]) -> None:
    chart = flows(table(rows), 8)
    if "<svg" not in chart:
        return
    svg = parsed(chart)
    height = float(svg.attrib["viewBox"].split()[3])
    for anchor in ("end", None):
        ys = [float(text.attrib["y"]) for text in found(svg, "text") if text.get("text-anchor") == anchor]
        ys = [y for y in ys if y > 30]  # below the legend
        assert all(below - above >= 15 for above, below in itertools.pairwise(ys))
        assert all(y < height for y in ys)
    lefts = [box(rect) for rect in found(svg, "rect") if rect.get("x") == "322"]
    assert all(above[1] + above[3] <= below[1] + 0.02 for above, below in itertools.pairwise(lefts))


def test_order_numbers_and_folded_names() -> None:
    rows = [("church", "chapel", 50), ("church", "cathedral", 30), ("lake", "lake", 70), ("lake", "tarn", 2)]
    rows += [("lake", "pond", 1), ("dam", "weir", 3), ("museum", "art museum", 3), ("museum", "lapidarium", 1)]
    svg = parsed(flows(table(rows), 3))
    said = words(svg)
    assert [line for line in said if line[-1].isdigit()] == [
        "church 80", "lake 73", "2 other human-made labels 7",
    ]  # fmt: skip
    assert [line for line in said if "other classes" in line] == ["2 other classes", "3 other classes"]
    assert title(found(svg, "path")[0]) == "chapel (Q0): 50 landmarks, 100 images, labelled church"
    thick = [box(rect)[3] for rect in found(svg, "rect") if rect.get("x") == "322"]
    assert thick[0] / thick[1] == 50 / 30 or abs(thick[0] / thick[1] - 50 / 30) < 0.01


def test_a_class_without_a_label_shows_its_id_and_one_without_both_says_so() -> None:
    counts = table([("lake", None, 5), (None, "thing", 2)])
    counts.loc[1, ["class_qid", "class_label"]] = None
    said = words(parsed(flows(counts)))
    assert {"Q0", "lake 5", "no class", "no label 2"} <= set(said)


def test_full_size_stays_small_hostile_names_and_nothing() -> None:
    big = pd.DataFrame(
        [(f"Q{n}", f"class {n}", f"label {n % 78}", "abc"[n % 3], 1 + 9000 // (n + 1), 9) for n in range(20_000)],
        columns=COLUMNS,
    )
    assert len(flows(big)) < 100_000
    parsed(flows(table([("church", name, 5) for name in HOSTILE])))
    assert "No class" in flows(table([("lake", "lake", 0)]))
