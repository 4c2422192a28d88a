"""Landmark labels: what the votes give, why there is none, and that people's decisions come last."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierarchy.landmarks import label_landmarks

Row = dict[str, Any]
Link = tuple[str | None, str]  # item and link status of a category
Decision = tuple[str, str]  # verdict and label
NATURES = {"church": "human-made", "castle / fort": "human-made", "lake": "natural"}
TAXONOMY = pd.DataFrame(
    {"hierarchical_label": list(NATURES), "natural_or_human_made": list(NATURES.values()), "priority": [1, 2, 3]}
)
SPLITS = ["train", "index"]
UNRESOLVED: Link = (None, "unresolved")


def vote(label: str, rule: str = "agreed", status: str = "resolved", confidence: float = 1.0) -> Row:
    """What `hierarchy.votes.winners` gives an item, its id left out."""
    return {
        "hierarchical_label": label,
        "supercategory": f"kind of {label}",
        "class_qid": "Q7",
        "path_qids": ["Q7", "Q8"],
        "rule": rule,
        "status": status,
        "confidence": confidence,
        "vote_labels": [label],
        "vote_counts": [1],
    }


def label(
    links: dict[str, Link],
    votes: dict[str, Row] | None = None,
    decisions: dict[str, Decision] | None = None,
    with_class: frozenset[str] = frozenset(),
) -> dict[tuple[str, str], Row]:
    """Label one landmark of each category in each split; rows by split and category."""
    keys = [(split, number, category) for split in SPLITS for number, category in enumerate(links)]
    landmarks = pd.DataFrame(keys, columns=["split", "landmark_id", "category"]).assign(image_count=3)
    items = landmarks.drop(columns="image_count")
    items["item_qid"] = pd.Series([links[category][0] for category in items["category"]], dtype="str")
    items["link_status"] = [links[category][1] for category in items["category"]]
    votes = votes or {}
    columns = ["item_qid", *vote("lake")]
    item_labels = pd.DataFrame([{"item_qid": item, **row} for item, row in votes.items()], columns=columns)
    item_labels = item_labels.astype({"item_qid": str, "confidence": float})
    rows = [(category, *verdict) for category, verdict in (decisions or {}).items()]
    decided = pd.DataFrame(rows, columns=["category", "decision", "hierarchical_label"], dtype=str)
    frame = label_landmarks(landmarks, items, item_labels, with_class | set(votes), decided, TAXONOMY)
    assert list(frame[["split", "landmark_id", "category"]].itertuples(index=False, name=None)) == keys
    return {(row["split"], row["category"]): {n: _plain(v) for n, v in row.items()} for row in frame.to_dict("records")}


def _plain(value: Any) -> Any:
    return None if value is None or value != value else value  # NaN is not itself


def label_one(
    link: Link = ("Q1", "resolved"), votes: dict[str, Row] | None = None, decision: Decision | None = None
) -> Row:
    """The row of one landmark, after the check that its twin in the other split says the same."""
    rows = label({"Abbey": link}, votes, {"Abbey": decision} if decision else None)
    train, index = (rows[split, "Abbey"] for split in SPLITS)
    assert {**train, "split": ""} == {**index, "split": ""}
    return train


def has_no_class(row: Row) -> bool:
    return (row["supercategory"], row["class_qid"], row["path_qids"]) == (None, None, [])


def test_the_vote_gives_label_class_path_and_nature() -> None:
    row = label_one(votes={"Q1": vote("lake", "steps", "contested", 0.5)})
    assert (row["hierarchical_label"], row["natural_or_human_made"]) == ("lake", "natural")
    assert (row["supercategory"], row["class_qid"], row["path_qids"]) == ("kind of lake", "Q7", ["Q7", "Q8"])
    assert (row["rule"], row["status"], row["confidence"]) == ("steps", "contested", 0.5)
    assert (row["item_qid"], row["reviewed"], row["image_count"]) == ("Q1", False, 3)


@pytest.mark.parametrize(
    ("link", "with_class", "rule"),
    [
        (UNRESOLVED, frozenset(), "no_item"),
        (("Q1", "resolved"), frozenset(), "no_class"),
        (("Q1", "resolved"), frozenset({"Q1"}), "unreached"),
        (("Q1", "doubtful"), frozenset({"Q1"}), "unreached"),
    ],
)
def test_a_landmark_without_a_vote_says_why(link: Link, with_class: frozenset[str], rule: str) -> None:
    row = label({"Abbey": link}, with_class=with_class)["train", "Abbey"]
    assert (row["rule"], row["status"], row["confidence"]) == (rule, "unlabelled", 0.0)
    assert (row["hierarchical_label"], row["natural_or_human_made"]) == (None, None)
    assert (row["vote_labels"], row["vote_counts"], row["reviewed"]) == ([], [], False)
    assert has_no_class(row)


def test_a_doubtful_link_makes_the_label_contested_at_half_the_confidence() -> None:
    row = label_one(("Q1", "doubtful"), {"Q1": vote("lake", confidence=0.6667)})
    assert (row["hierarchical_label"], row["rule"], row["status"]) == ("lake", "agreed", "contested")
    assert row["confidence"] == pytest.approx(0.33335, abs=0.00006)
    assert row["confidence"] == round(row["confidence"], 4)


def test_assign_sets_the_label_and_empties_the_class_that_said_otherwise() -> None:
    row = label_one(votes={"Q1": vote("lake", confidence=0.5)}, decision=("assign", "church"))
    assert (row["hierarchical_label"], row["natural_or_human_made"]) == ("church", "human-made")
    assert (row["rule"], row["status"], row["confidence"], row["reviewed"]) == ("decision", "resolved", 1.0, True)
    assert has_no_class(row)
    assert row["vote_labels"] == ["lake"]  # what the classes said stays visible


def test_assign_keeps_the_class_that_gave_the_same_label() -> None:
    row = label_one(votes={"Q1": vote("lake", "majority", "contested", 0.5)}, decision=("assign", "lake"))
    assert (row["supercategory"], row["class_qid"], row["path_qids"]) == ("kind of lake", "Q7", ["Q7", "Q8"])
    assert (row["rule"], row["status"], row["confidence"], row["reviewed"]) == ("decision", "resolved", 1.0, True)


@pytest.mark.parametrize("link", [UNRESOLVED, ("Q1", "resolved"), ("Q1", "doubtful")])
def test_assign_labels_what_no_class_reached(link: Link) -> None:
    row = label_one(link, decision=("assign", "lake"))
    assert (row["hierarchical_label"], row["natural_or_human_made"]) == ("lake", "natural")
    assert (row["rule"], row["status"], row["confidence"], row["reviewed"]) == ("decision", "resolved", 1.0, True)
    assert has_no_class(row)


def test_assign_overrules_a_doubtful_link() -> None:
    row = label_one(("Q1", "doubtful"), {"Q1": vote("lake")}, ("assign", "lake"))
    assert (row["status"], row["confidence"]) == ("resolved", 1.0)


def test_reject_takes_label_class_and_nature_away() -> None:
    row = label_one(votes={"Q1": vote("lake")}, decision=("reject", ""))
    assert (row["hierarchical_label"], row["natural_or_human_made"]) == (None, None)
    assert (row["rule"], row["status"], row["confidence"], row["reviewed"]) == ("decision", "rejected", 0.0, True)
    assert has_no_class(row)


@pytest.mark.parametrize("link", [UNRESOLVED, ("Q1", "resolved"), ("Q1", "doubtful")])
def test_unsure_changes_nothing(link: Link) -> None:
    votes = {"Q1": vote("lake", "steps", "contested", 0.5)}
    assert label_one(link, votes, ("unsure", "")) == label_one(link, votes)


def test_a_decision_touches_its_own_category_alone() -> None:
    links: dict[str, Link] = {"Abbey": ("Q1", "resolved"), "Bay": ("Q1", "resolved")}
    votes = {"Q1": vote("lake")}
    decided, plain = label(links, votes, {"Abbey": ("assign", "church")}), label(links, votes)
    for split in SPLITS:
        assert decided[split, "Abbey"]["hierarchical_label"] == "church"
        assert decided[split, "Bay"] == plain[split, "Bay"]


LINKS = st.dictionaries(
    st.sampled_from(["Abbey", "Bay", "Castle", "Dam"]),
    st.one_of(
        st.just(UNRESOLVED), st.tuples(st.sampled_from(["Q1", "Q2", "Q3"]), st.sampled_from(["resolved", "doubtful"]))
    ),
    min_size=1,
)
VOTES = st.dictionaries(
    st.sampled_from(["Q1", "Q2"]),
    st.builds(
        vote,
        st.sampled_from(list(NATURES)),
        st.sampled_from(["agreed", "steps"]),
        st.sampled_from(["resolved", "contested"]),
        st.sampled_from([0.1667, 0.5, 1.0]),
    ),
)
DECISIONS = st.dictionaries(
    st.sampled_from(["Abbey", "Bay", "Castle"]),
    st.one_of(
        st.tuples(st.just("assign"), st.sampled_from(list(NATURES))), st.sampled_from([("reject", ""), ("unsure", "")])
    ),
)


@settings(deadline=None, max_examples=60)
@given(links=LINKS, votes=VOTES, decisions=DECISIONS)
def test_every_landmark_keeps_the_laws(
    links: dict[str, Link], votes: dict[str, Row], decisions: dict[str, Decision]
) -> None:
    rows = label(links, votes, decisions)
    for (split, category), row in rows.items():
        verdict, decided_label = decisions.get(category, ("", ""))
        voted = votes.get(links[category][0] or "", {}).get("hierarchical_label")
        by_person = {"assign": decided_label, "reject": None}
        found = row["hierarchical_label"]
        assert found == by_person.get(verdict, voted)
        assert row["reviewed"] == (verdict in by_person)
        assert (row["rule"] == "decision") == row["reviewed"]
        assert row["natural_or_human_made"] == NATURES.get(found or "")
        # The class is named exactly when it voted for the label that stands.
        assert has_no_class(row) == (found is None or found != voted)
        assert (row["supercategory"] is None) == (row["class_qid"] is None)
        assert 0 <= row["confidence"] <= 1
        assert (row["confidence"] == 0) == (found is None) == (row["status"] in ("rejected", "unlabelled"))
        assert row["confidence"] == 1 or verdict != "assign"
        if links[category][1] == "doubtful" and found and not row["reviewed"]:
            assert row["status"] == "contested"
            assert row["confidence"] <= 0.5
        twin = rows["index" if split == "train" else "train", category]
        assert {**row, "split": ""} == {**twin, "split": ""}
