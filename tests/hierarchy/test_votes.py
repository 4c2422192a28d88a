"""Votes of the classes of an item: a slow reference on random votes, and each tie rule worked by hand."""

from random import Random
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierarchy.votes import votes_of_items, winners

Row = dict[str, Any]
Statement = tuple[str, str, bool]  # item, class, is of the best rank
LABELS = ["church", "castle / fort", "lake"]  # in order of priority
TAXONOMY = pd.DataFrame({"hierarchical_label": LABELS, "priority": range(1, len(LABELS) + 1)})
QIDS = [f"Q{number}" for number in range(1, 9)]
ITEMS = [f"Q{number}00" for number in range(1, 7)]
LAWFUL = settings(deadline=None, max_examples=15)  # of six items each


def class_row(
    qid: str,
    label: str | None,
    steps: int = 1,
    content: float = 0.5,
    anchor_content: float = 0.25,
    contested_by: tuple[str, ...] = (),
) -> Row:
    """A row of class_labels as far as votes need it."""
    return {
        "class_qid": qid,
        "class_label": f"class {qid}",
        "hierarchical_label": label,
        "steps": steps if label else None,
        "information_content": content,
        "anchor_information_content": anchor_content if label else None,
        "status": "unreached" if not label else "contested" if contested_by else "resolved",
        "candidate_labels": [label, *contested_by] if label else [],
        "path_qids": [qid, f"Q9{qid[1:]}"] if label else [],
    }


def decide(classes: list[Row], statements: list[Statement], order: Random | None = None) -> dict[str, Row]:
    """What `winners` says of the votes, by item."""
    if order:
        order.shuffle(classes)
        order.shuffle(statements)
    columns = ["item_qid", "class_qid", "is_best"]
    frame = pd.DataFrame(statements, columns=columns).astype({"is_best": bool})
    class_labels = pd.DataFrame(classes, columns=list(class_row("Q1", "lake"))).astype({"steps": "Int64"})
    found = winners(votes_of_items(frame, class_labels, TAXONOMY))
    assert found["item_qid"].is_unique
    return {row["item_qid"]: row for row in found.to_dict("records")}


def decide_one(*classes: Row) -> Row:
    """What an item that is an instance of exactly these classes gets."""
    (row,) = decide(list(classes), [("Q100", each["class_qid"], True) for each in classes]).values()
    return row


CLASSES = st.fixed_dictionaries(
    {
        qid: st.builds(
            class_row,
            st.just(qid),
            st.sampled_from([*LABELS, None]),
            st.integers(0, 2),
            st.sampled_from([0.5, 0.75, 1.0]),
            st.sampled_from([0.25, 0.5]),
            st.sampled_from([(), (), ("lake",), ("lake", "church")]),
        )
        for qid in QIDS
    }
).map(lambda rows: list(rows.values()))
STATEMENTS = st.lists(
    st.tuples(st.sampled_from(ITEMS), st.sampled_from(QIDS), st.sampled_from([True, True, False])),
    min_size=6,
    max_size=30,
)


def expected(classes: list[Row], statements: list[Statement], item: str) -> Row | None:
    """One vote a class; most votes, then steps, then information content, then the rest; plain loops."""
    of_item = {qid for owner, qid, is_best in statements if owner == item and is_best}
    voters = [row for row in classes if row["class_qid"] in of_item and row["hierarchical_label"]]
    ranks = []
    for label in {row["hierarchical_label"] for row in voters}:
        own = [row for row in voters if row["hierarchical_label"] == label]
        most = [max(row[name] for row in own) for name in ("information_content", "anchor_information_content")]
        rank = (-len(own), min(row["steps"] for row in own), -most[0], -most[1], LABELS.index(label))
        ranks.append((rank, label))
    if not ranks:
        return None
    ranks.sort()
    rules = ["majority", "steps", "information_content", "information_content", "priority"]
    rule = "agreed"
    if len(ranks) > 1:
        rule = next(name for name, one, two in zip(rules, ranks[0][0], ranks[1][0], strict=True) if one != two)
    own = [row for row in voters if row["hierarchical_label"] == ranks[0][1]]
    chosen = min(own, key=lambda row: (-row["information_content"], row["steps"], row["class_qid"]))
    contesting = len(set(chosen["candidate_labels"]))
    return {
        "item_qid": item,
        "hierarchical_label": ranks[0][1],
        "supercategory": chosen["class_label"],
        "class_qid": chosen["class_qid"],
        "path_qids": chosen["path_qids"],
        "rule": rule,
        "status": "resolved" if rule == "agreed" and contesting == 1 else "contested",
        "steps": chosen["steps"],
        "vote_share": len(own) / len(voters),
        "candidate_label_count": contesting,
        "vote_labels": [label for _, label in ranks],
        "vote_counts": [-rank[0] for rank, _ in ranks],
    }


def with_true_status(classes: list[Row]) -> list[Row]:
    """A class is contested when its candidates have several labels; a repeated label is no contest."""
    for row in classes:
        if row["hierarchical_label"]:
            row["status"] = "contested" if len(set(row["candidate_labels"])) > 1 else "resolved"
    return classes


@settings(deadline=None, max_examples=40)
@given(classes=CLASSES, statements=STATEMENTS)
def test_every_item_gets_what_a_slow_count_gives_it(classes: list[Row], statements: list[Statement]) -> None:
    found = decide(with_true_status(classes), statements)
    for item in ITEMS:
        assert found.get(item) == expected(classes, statements, item)


@LAWFUL
@given(classes=CLASSES, statements=STATEMENTS, order=st.randoms(use_true_random=False))
def test_order_of_the_rows_does_not_matter(classes: list[Row], statements: list[Statement], order: Random) -> None:
    found = decide(list(classes), list(statements))
    assert decide(list(classes), list(statements), order) == found


@LAWFUL
@given(classes=CLASSES, statements=STATEMENTS)
def test_only_best_rank_statements_vote_and_each_class_votes_once(
    classes: list[Row], statements: list[Statement]
) -> None:
    best = sorted({statement for statement in statements if statement[2]})
    assert decide(classes, statements) == decide(classes, best)


@LAWFUL
@given(classes=CLASSES, statements=STATEMENTS)
def test_the_winner_stands_first_and_its_share_is_above_0_and_at_most_1(
    classes: list[Row], statements: list[Statement]
) -> None:
    for row in decide(classes, statements).values():
        assert 0 < row["vote_share"] <= 1
        assert row["vote_counts"][0] == max(row["vote_counts"])
        assert row["vote_labels"][0] == row["hierarchical_label"]
        assert len(row["vote_labels"]) == len(set(row["vote_labels"])) == len(row["vote_counts"])


def test_one_class_decides_alone() -> None:
    row = decide_one(class_row("Q1", "lake"))
    assert (row["hierarchical_label"], row["supercategory"], row["class_qid"]) == ("lake", "class Q1", "Q1")
    assert (row["rule"], row["status"], row["vote_share"]) == ("agreed", "resolved", 1.0)
    assert row["path_qids"] == ["Q1", "Q91"]


def test_classes_that_agree_are_resolved_under_the_most_specific_of_them() -> None:
    row = decide_one(class_row("Q1", "lake", content=0.5), class_row("Q2", "lake", content=0.9))
    assert (row["supercategory"], row["rule"], row["status"], row["vote_share"]) == (
        "class Q2",
        "agreed",
        "resolved",
        1.0,
    )


def test_two_votes_beat_one_that_is_nearer_and_more_specific() -> None:
    row = decide_one(
        class_row("Q1", "lake", 3, 0.1), class_row("Q2", "lake", 3, 0.2), class_row("Q3", "church", 0, 1.0)
    )
    assert (row["hierarchical_label"], row["rule"], row["status"]) == ("lake", "majority", "contested")
    assert (row["vote_labels"], row["vote_counts"]) == (["lake", "church"], [2, 1])
    assert row["vote_share"] == pytest.approx(2 / 3)


def test_equal_votes_go_to_fewer_steps_before_information_content() -> None:
    row = decide_one(class_row("Q1", "lake", 1, 0.1), class_row("Q2", "church", 2, 0.9))
    assert (row["hierarchical_label"], row["rule"], row["vote_share"]) == ("lake", "steps", 0.5)


def test_equal_steps_go_to_the_more_specific_class() -> None:
    row = decide_one(class_row("Q1", "lake", 1, 0.9), class_row("Q2", "church", 1, 0.8))
    assert (row["hierarchical_label"], row["rule"]) == ("lake", "information_content")


def test_equal_classes_go_to_the_more_specific_anchor() -> None:
    row = decide_one(class_row("Q1", "lake", 1, 0.9, 0.7), class_row("Q2", "church", 1, 0.9, 0.6))
    assert (row["hierarchical_label"], row["rule"]) == ("lake", "information_content")


def test_what_is_equal_in_all_goes_to_the_first_label_of_the_taxonomy() -> None:
    row = decide_one(class_row("Q1", "lake"), class_row("Q2", "castle / fort"))
    assert (row["hierarchical_label"], row["rule"]) == ("castle / fort", "priority")


def test_steps_of_a_label_are_those_of_its_nearest_class() -> None:
    row = decide_one(
        class_row("Q1", "lake", 5),
        class_row("Q2", "lake", 1),
        class_row("Q3", "church", 2),
        class_row("Q4", "church", 2),
    )
    assert (row["hierarchical_label"], row["rule"]) == ("lake", "steps")


def test_content_of_a_label_is_that_of_its_most_specific_class() -> None:
    row = decide_one(
        class_row("Q1", "lake", content=0.1),
        class_row("Q2", "lake", content=0.9),
        class_row("Q3", "church", content=0.8),
        class_row("Q4", "church", content=0.8),
    )
    assert (row["hierarchical_label"], row["rule"]) == ("lake", "information_content")


def test_supercategory_is_the_most_specific_class_of_the_winning_label_only() -> None:
    row = decide_one(
        class_row("Q1", "lake", 0, 0.2), class_row("Q2", "lake", 2, 0.3), class_row("Q3", "church", 0, 1.0)
    )
    assert (row["hierarchical_label"], row["supercategory"], row["class_qid"]) == ("lake", "class Q2", "Q2")


def test_equally_specific_classes_go_by_steps() -> None:
    assert decide_one(class_row("Q1", "lake", 2), class_row("Q2", "lake", 1))["class_qid"] == "Q2"


def test_a_contested_class_gives_its_label_and_says_how_many_labels_contest_it() -> None:
    row = decide_one(class_row("Q1", "lake", contested_by=("church", "castle / fort")))
    assert (row["hierarchical_label"], row["rule"], row["status"]) == ("lake", "agreed", "contested")
    assert row["candidate_label_count"] == 3


def test_ignored_and_unreached_classes_cast_no_vote() -> None:
    row = decide_one(class_row("Q1", None), class_row("Q2", "lake"), class_row("Q3", None))
    assert (row["vote_labels"], row["vote_counts"], row["vote_share"]) == (["lake"], [1], 1.0)


def test_a_class_stated_twice_votes_once() -> None:
    classes = [class_row("Q1", "lake"), class_row("Q2", "church")]
    found = decide(classes, [("Q100", "Q1", True), ("Q100", "Q1", True), ("Q100", "Q2", True)])
    assert found["Q100"]["vote_counts"] == [1, 1]


def test_statements_that_are_not_of_the_best_rank_cast_no_vote() -> None:
    # Upstream marks a preferred statement as the best and the normal and deprecated ones beside it as not.
    classes = [class_row("Q1", "lake"), class_row("Q2", "church"), class_row("Q3", "church")]
    found = decide(classes, [("Q100", "Q1", True), ("Q100", "Q2", False), ("Q100", "Q3", False)])
    assert found["Q100"]["hierarchical_label"] == "lake"
    assert found["Q100"]["rule"] == "agreed"


def test_items_without_a_vote_get_no_row() -> None:
    classes = [class_row("Q1", None), class_row("Q2", "lake")]
    assert list(decide(classes, [("Q100", "Q1", True), ("Q200", "Q2", True), ("Q300", "Q2", False)])) == ["Q200"]


def test_classes_that_nobody_labelled_cast_no_vote() -> None:
    assert decide([class_row("Q1", "lake")], [("Q100", "Q55", True)]) == {}


def test_no_votes_at_all_give_no_rows() -> None:
    assert decide([class_row("Q1", "lake")], []) == {}
