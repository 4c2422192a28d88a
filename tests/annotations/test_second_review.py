"""The blind second-review sample: what is drawn for whom, no verdict shown, in an order that growing tables keep."""

from random import Random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.second_review import second_review_sample
from annotations.store import ADJUDICATOR, TABLES

CLASSES, EDGES, LANDMARKS = (TABLES[f"{kind}_decisions"] for kind in ("class", "edge", "landmark"))
Said = dict[tuple[str, str], str]


def classes(said: Said) -> pd.DataFrame:
    """Class decisions from (class_qid, reviewer) to decision."""
    rows = [(qid, "thing", decision, "", reviewer) for (qid, reviewer), decision in said.items()]
    columns = ["class_qid", "class_label", "decision", "hierarchical_label", "reviewer"]
    return pd.DataFrame(rows, columns=columns, dtype="str")


def drawn(said: Said, reviewer: str = "bob", limit: int | None = None) -> list[str]:
    sample = second_review_sample(classes(said), CLASSES, reviewer, limit)
    assert list(sample.columns) == ["class_qid"], "nobody sees a verdict"
    return list(sample["class_qid"])


@pytest.mark.parametrize(
    ("said", "is_drawn"),
    [
        ({("Q1", "ann"): "ignore"}, True),
        ({("Q1", "ann"): "ignore", ("Q1", "carol"): "unsure"}, True),
        ({("Q1", "ann"): "ignore", ("Q1", ADJUDICATOR): "unsure"}, True),
        ({("Q1", "ann"): "unsure"}, False),
        ({("Q1", "bob"): "ignore"}, False),
        ({("Q1", "ann"): "ignore", ("Q1", "bob"): "ignore"}, False),
        ({("Q1", "ann"): "ignore", ("Q1", "bob"): "unsure"}, False),
        ({("Q1", "ann"): "ignore", ("Q1", ADJUDICATOR): "ignore"}, False),
        ({("Q1", ADJUDICATOR): "ignore"}, False),
        ({}, False),
    ],
)
def test_what_others_have_judged_and_the_reviewer_has_not_seen_is_drawn(said: Said, is_drawn: bool) -> None:
    assert drawn(said) == (["Q1"] if is_drawn else [])


def test_the_draw_is_this_one_on_every_machine() -> None:
    # The order of `printf '["Q%d"]' N | sha256sum` for N = 1 to 6.
    assert drawn({(f"Q{n}", "ann"): "ignore" for n in range(1, 7)}) == ["Q5", "Q1", "Q2", "Q3", "Q4", "Q6"]


def test_an_edge_is_drawn_by_both_its_ends() -> None:
    rows = [("Q1", "Q2", "keep", "ann"), ("Q1", "Q3", "keep", "ann"), ("Q1", "Q3", "remove", "bob")]
    table = pd.DataFrame(rows, columns=["child_qid", "parent_qid", "decision", "reviewer"], dtype="str")
    sample = second_review_sample(table, EDGES, "bob", None)
    assert sample.to_dict("records") == [{"child_qid": "Q1", "parent_qid": "Q2"}]


def test_a_category_is_drawn_once_and_not_when_its_other_landmark_was_judged() -> None:
    rows = [
        ("train", "10", "Abbey", "assign", "church", "ann"),
        ("train", "9", "Abbey", "assign", "church", "ann"),
        ("index", "3", "Bay", "assign", "lake", "ann"),
        ("train", "7", "Bay", "reject", "", "bob"),
    ]
    table = pd.DataFrame(
        rows, columns=["split", "landmark_id", "category", "decision", "hierarchical_label", "reviewer"], dtype="str"
    )
    sample = second_review_sample(table, LANDMARKS, "bob", None)
    assert sample.to_dict("records") == [{"split": "train", "landmark_id": "9"}]


SAID = st.dictionaries(
    st.tuples(st.integers(1, 30).map("Q{}".format), st.sampled_from([ADJUDICATOR, "ann", "bob", "carol"])),
    st.sampled_from(["ignore", "assign", "unsure"]),
)


@settings(deadline=None)
@given(said=SAID, order=st.randoms(use_true_random=False), limit=st.integers(0, 12))
def test_the_draw_is_the_same_in_any_row_order_and_a_limit_takes_its_beginning(
    said: Said, order: Random, limit: int
) -> None:
    rows = list(said.items())
    order.shuffle(rows)
    assert drawn(dict(rows), limit=limit) == drawn(said)[:limit]


@settings(deadline=None)
@given(said=SAID, more=SAID)
def test_a_growing_table_keeps_the_order_of_earlier_draws(said: Said, more: Said) -> None:
    before, after = drawn(said), drawn(more | said)
    assert [qid for qid in before if qid in after] == [qid for qid in after if qid in before]
