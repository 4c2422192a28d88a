"""The colour of a group is its place among the sorted names."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.groups import group_class, group_legend, group_of


def test_places_of_the_committed_taxonomy() -> None:
    assert group_of(["natural", "human-made", None, "natural"]) == {"human-made": 0, "natural": 1}


@given(st.lists(st.one_of(st.none(), st.text(min_size=1, max_size=3)), max_size=12))
def test_places_depend_on_the_set_of_names_alone(names: list[str | None]) -> None:
    groups = group_of(names)
    assert groups == group_of(sorted(names * 2, key=str))
    assert list(groups) == sorted({name for name in names if name is not None})
    assert list(groups.values()) == [min(place, 5) for place in range(len(groups))]


def test_no_label_has_a_colour_of_its_own() -> None:
    groups = group_of(["a", "b"])
    assert [group_class(name, groups) for name in ("b", None, float("nan"))] == ["group-1", "group-none", "group-none"]


def test_the_legend_tells_of_groups_that_share_a_colour() -> None:
    assert group_legend([*"abcdefg", None], group_of("abcdefg"))[-2:] == [
        ("group-5", "2 others"),
        ("group-none", "no label"),
    ]
    assert group_legend([*"abcdef"], group_of("abcdef"))[-1] == ("group-5", "f")
    assert group_legend(["b"], group_of("ab")) == [("group-1", "b")]
