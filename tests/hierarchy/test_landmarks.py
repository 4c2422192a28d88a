"""Landmark labels: what the votes give, why there is none, what the title gives, and people's decisions."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierarchy.landmarks import add_levels, apply_decisions, apply_proposals, label_landmarks, withhold

Row = dict[str, Any]
Link = tuple[str | None, str]  # item and link status of a category
Decision = tuple[str, str]  # verdict and label
Proposal = tuple[str, float, bool]  # label, confidence, and whether it is accepted
NATURES = {"church": "human-made", "castle / fort": "human-made", "lake": "natural"}
TAXONOMY = pd.DataFrame(
    {"hierarchical_label": list(NATURES), "natural_or_human_made": list(NATURES.values()), "priority": [1, 2, 3]}
)
SPLITS = ["train", "index"]
UNRESOLVED: Link = (None, "unresolved")
NO_OFFICIAL = pd.DataFrame({"split": [], "landmark_id": [], "hierarchical_label": []}).astype(
    {"split": "str", "landmark_id": "int64", "hierarchical_label": "str"}
)


def vote(label: str, rule: str = "agreed", status: str = "resolved", share: float = 1.0, contesting: int = 1) -> Row:
    """What `hierarchy.votes.winners` gives an item, its id left out."""
    return {
        "hierarchical_label": label,
        "supercategory": f"kind of {label}",
        "class_qid": "Q7",
        "path_qids": ["Q7", "Q8"],
        "steps": 1,
        "rule": rule,
        "status": status,
        "vote_labels": [label],
        "vote_counts": [1],
        "vote_share": share,
        "candidate_label_count": contesting,
    }


def voted(links: dict[str, Link], votes: dict[str, Row], with_class: frozenset[str]) -> pd.DataFrame:
    """The labels by votes of one landmark of each category in each split."""
    keys = [(split, number, category) for split in SPLITS for number, category in enumerate(links)]
    landmarks = pd.DataFrame(keys, columns=["split", "landmark_id", "category"]).assign(image_count=3)
    items = landmarks.drop(columns="image_count")
    items["item_qid"] = pd.Series([links[category][0] for category in items["category"]], dtype="str")
    items["link_status"] = [links[category][1] for category in items["category"]]
    columns = ["item_qid", *vote("lake")]
    item_labels = pd.DataFrame([{"item_qid": item, **row} for item, row in votes.items()], columns=columns)
    types = {"item_qid": "str", "steps": "Int64", "vote_share": "float64", "candidate_label_count": "int64"}
    return label_landmarks(landmarks, items, item_labels.astype(types), with_class | set(votes), NO_OFFICIAL)


def label(
    links: dict[str, Link],
    votes: dict[str, Row] | None = None,
    decisions: dict[str, Decision] | None = None,
    with_class: frozenset[str] = frozenset(),
    proposals: dict[str, Proposal] | None = None,
    min_confidence: float = 0.0,
) -> dict[tuple[str, str], Row]:
    """Label one landmark of each category in each split, as the stage does; rows by split and category."""
    names = ["category", "hierarchical_label", "confidence", "is_accepted"]
    texts = pd.DataFrame([(title, *said) for title, said in (proposals or {}).items()], columns=names)
    rows = [(category, *verdict) for category, verdict in (decisions or {}).items()]
    decided = pd.DataFrame(rows, columns=["category", "decision", "hierarchical_label"], dtype=str)
    frame = apply_decisions(apply_proposals(voted(links, votes or {}, with_class), texts, "text"), decided)
    frame = add_levels(withhold(frame, min_confidence), TAXONOMY, ["natural_or_human_made"])
    assert list(frame["split"]) == [split for split in SPLITS for _ in links]
    assert list(frame["category"]) == [*links, *links]
    return {(row["split"], row["category"]): {n: _plain(v) for n, v in row.items()} for row in frame.to_dict("records")}


def _plain(value: Any) -> Any:
    return None if value is None or value != value else value  # NaN is not itself


def label_one(
    link: Link = ("Q1", "resolved"),
    votes: dict[str, Row] | None = None,
    decision: Decision | None = None,
    proposal: Proposal | None = None,
    min_confidence: float = 0.0,
) -> Row:
    """The row of one landmark, after the check that its twin in the other split says the same."""
    decisions, proposals = {"Abbey": decision} if decision else {}, {"Abbey": proposal} if proposal else {}
    rows = label({"Abbey": link}, votes, decisions, proposals=proposals, min_confidence=min_confidence)
    train, index = (rows[split, "Abbey"] for split in SPLITS)
    assert {**train, "split": ""} == {**index, "split": ""}
    return train


def has_no_class(row: Row) -> bool:
    return (row["supercategory"], row["class_qid"], row["path_qids"]) == (None, None, [])


# -------------------------------------------------------------------------------------------------------- from votes
def test_the_vote_gives_label_class_path_and_nature() -> None:
    row = label_one(votes={"Q1": vote("lake", "steps", "contested", 0.5)})
    assert (row["hierarchical_label"], row["natural_or_human_made"]) == ("lake", "natural")
    assert (row["supercategory"], row["class_qid"], row["path_qids"]) == ("kind of lake", "Q7", ["Q7", "Q8"])
    assert (row["rule"], row["status"]) == ("steps", "contested")
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


def test_a_doubtful_link_makes_the_label_contested_and_less_sure() -> None:
    links: dict[str, Link] = {"Abbey": ("Q1", "doubtful"), "Bay": ("Q1", "resolved")}
    rows = label(links, {"Q1": vote("lake")})
    doubtful, sure = rows["train", "Abbey"], rows["train", "Bay"]
    assert (doubtful["hierarchical_label"], doubtful["rule"], doubtful["status"]) == ("lake", "agreed", "contested")
    assert sure["status"] == "resolved"
    assert doubtful["confidence"] < sure["confidence"]


def test_confidence_falls_with_the_rule_the_share_of_votes_and_the_labels_that_contest_the_class() -> None:
    votes = {
        "Q1": vote("lake"),
        "Q2": vote("lake", "majority", "contested", 0.6667),
        "Q3": vote("lake", "steps", "contested", 0.5),
        "Q4": vote("lake", "priority", "contested", 0.5),
        "Q5": vote("lake", "agreed", "contested", 1.0, contesting=2),
    }
    links: dict[str, Link] = {item: (item, "resolved") for item in votes}
    sure = {item: row["confidence"] for (split, item), row in label(links, votes).items() if split == "train"}
    assert 1 > sure["Q1"] > sure["Q2"] > sure["Q3"] > sure["Q4"] > 0
    assert sure["Q5"] < sure["Q1"]


# ---------------------------------------------------------------------------------------------------------- decisions
def test_assign_sets_the_label_and_empties_the_class_that_said_otherwise() -> None:
    row = label_one(votes={"Q1": vote("lake")}, decision=("assign", "church"))
    assert (row["hierarchical_label"], row["natural_or_human_made"]) == ("church", "human-made")
    assert (row["rule"], row["status"], row["confidence"], row["reviewed"]) == ("decision", "resolved", 1.0, True)
    assert has_no_class(row)
    assert row["vote_labels"] == ["lake"]  # what the classes said stays visible


def test_assign_keeps_the_class_that_gave_the_same_label() -> None:
    row = label_one(votes={"Q1": vote("lake", "majority", "contested", 0.6667)}, decision=("assign", "lake"))
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


# --------------------------------------------------------------------------------------------------------- from titles
def test_an_accepted_title_labels_a_landmark_without_an_item_and_names_no_class() -> None:
    row = label_one(UNRESOLVED, proposal=("lake", 0.97, True))
    assert (row["hierarchical_label"], row["natural_or_human_made"]) == ("lake", "natural")
    assert (row["rule"], row["status"], row["confidence"], row["reviewed"]) == ("text", "resolved", 0.97, False)
    assert (row["proposed_label"], row["proposed_confidence"]) == (None, None)
    assert has_no_class(row)


def test_a_title_that_is_not_accepted_only_proposes() -> None:
    row = label_one(UNRESOLVED, proposal=("lake", 0.6, False))
    assert (row["hierarchical_label"], row["rule"], row["status"]) == (None, "no_item", "unlabelled")
    assert (row["confidence"], row["proposed_label"], row["proposed_confidence"]) == (0.0, "lake", 0.6)


@pytest.mark.parametrize("is_accepted", [True, False])
def test_a_title_says_nothing_where_wikidata_has_classes(is_accepted: bool) -> None:
    proposal: Proposal = ("lake", 0.99, is_accepted)
    voted_for = label_one(votes={"Q1": vote("church")}, proposal=proposal)
    assert (voted_for["hierarchical_label"], voted_for["rule"]) == ("church", "agreed")
    unreached = label({"Abbey": ("Q1", "resolved")}, None, None, frozenset({"Q1"}), {"Abbey": proposal})
    assert unreached["train", "Abbey"]["hierarchical_label"] is None
    assert unreached["train", "Abbey"]["rule"] == "unreached"
    assert voted_for["proposed_label"] is None


def test_a_decision_overrules_the_title() -> None:
    row = label_one(UNRESOLVED, decision=("assign", "church"), proposal=("lake", 0.99, True))
    assert (row["hierarchical_label"], row["rule"]) == ("church", "decision")


# ----------------------------------------------------------------------------------------------------------- threshold
def test_a_label_below_the_threshold_is_withheld_and_kept_as_a_proposal() -> None:
    row = label_one(votes={"Q1": vote("lake", "priority", "contested", 0.5)}, min_confidence=0.95)
    assert (row["hierarchical_label"], row["natural_or_human_made"], row["status"]) == (None, None, "withheld")
    assert row["proposed_label"] == "lake"
    assert 0 < row["proposed_confidence"] < 0.95
    assert has_no_class(row)


def test_a_label_at_the_threshold_is_given() -> None:
    row = label_one(UNRESOLVED, proposal=("lake", 0.95, True), min_confidence=0.95)
    assert (row["hierarchical_label"], row["status"]) == ("lake", "resolved")
    assert label_one(UNRESOLVED, proposal=("lake", 0.9499, True), min_confidence=0.95)["status"] == "withheld"


def test_a_decision_is_never_withheld() -> None:
    row = label_one(votes={"Q1": vote("lake")}, decision=("assign", "church"), min_confidence=1.0)
    assert (row["hierarchical_label"], row["status"]) == ("church", "resolved")


def test_a_withheld_label_is_no_label_so_its_confidence_is_0() -> None:
    # pipeline/tables.py: "1 is a decision by a person, 0 is no label".
    row = label_one(votes={"Q1": vote("lake", "priority", "contested", 0.5)}, min_confidence=0.95)
    assert row["confidence"] == 0


def test_confirming_a_withheld_label_keeps_the_class_that_gave_it() -> None:
    votes = {"Q1": vote("lake", "priority", "contested", 0.5)}
    row = label_one(votes=votes, decision=("assign", "lake"), min_confidence=0.95)
    assert (row["supercategory"], row["class_qid"], row["path_qids"]) == ("kind of lake", "Q7", ["Q7", "Q8"])


# ----------------------------------------------------------------------------------------------------------------- all
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
        st.sampled_from([0.25, 0.5, 1.0]),
        st.integers(1, 3),
    ),
)
DECISIONS = st.dictionaries(
    st.sampled_from(["Abbey", "Bay", "Castle"]),
    st.one_of(
        st.tuples(st.just("assign"), st.sampled_from(list(NATURES))), st.sampled_from([("reject", ""), ("unsure", "")])
    ),
)
PROPOSALS = st.dictionaries(
    st.sampled_from(["Abbey", "Bay", "Castle"]),
    st.tuples(st.sampled_from(list(NATURES)), st.sampled_from([0.5, 0.96]), st.booleans()),
)


def expected_label(link: Link, votes: dict[str, Row], decision: Decision, proposal: Proposal | None) -> str | None:
    """A person's word, else the vote, else an accepted title where there is no item or no class."""
    verdict, decided = decision
    if verdict in ("assign", "reject"):
        return decided or None
    if link[0] in votes:
        return str(votes[link[0]]["hierarchical_label"])
    return proposal[0] if proposal and proposal[2] else None  # in these worlds an item with a class has a vote


@settings(deadline=None, max_examples=40)
@given(links=LINKS, votes=VOTES, decisions=DECISIONS, proposals=PROPOSALS)
def test_every_landmark_keeps_the_laws(
    links: dict[str, Link], votes: dict[str, Row], decisions: dict[str, Decision], proposals: dict[str, Proposal]
) -> None:
    rows = label(links, votes, decisions, proposals=proposals)
    for (split, category), row in rows.items():
        decision = decisions.get(category, ("", ""))
        link, found = links[category], row["hierarchical_label"]
        assert found == expected_label(link, votes, decision, proposals.get(category))
        assert row["reviewed"] == (decision[0] in ("assign", "reject"))
        assert (row["rule"] == "decision") == row["reviewed"]
        assert row["natural_or_human_made"] == NATURES.get(found or "")
        # The class is named exactly when it voted for the label that stands.
        said = votes.get(link[0] or "", {}).get("hierarchical_label")
        assert has_no_class(row) == (found is None or found != said)
        assert (row["supercategory"] is None) == (row["class_qid"] is None)
        assert 0 <= row["confidence"] <= 1
        assert row["confidence"] == round(row["confidence"], 4)
        assert (row["confidence"] == 0) == (found is None)
        assert (found is None) == (row["status"] in ("rejected", "unlabelled"))
        assert row["confidence"] == 1 or decision[0] != "assign"
        if link[1] == "doubtful" and said and not row["reviewed"]:
            assert row["status"] == "contested"
        twin = rows["index" if split == "train" else "train", category]
        assert {**row, "split": ""} == {**twin, "split": ""}


@settings(deadline=None, max_examples=25)
@given(
    links=LINKS, votes=VOTES, decisions=DECISIONS, proposals=PROPOSALS, threshold=st.sampled_from([0.5, 0.8, 0.96, 1])
)
def test_a_threshold_only_takes_labels_that_nobody_decided_and_that_are_less_sure(
    links: dict[str, Link],
    votes: dict[str, Row],
    decisions: dict[str, Decision],
    proposals: dict[str, Proposal],
    threshold: float,
) -> None:
    free = label(links, votes, decisions, proposals=proposals)
    bound = label(links, votes, decisions, proposals=proposals, min_confidence=threshold)
    for key, row in free.items():
        is_withheld = row["hierarchical_label"] and not row["reviewed"] and row["confidence"] < threshold
        assert (bound[key]["status"] == "withheld") == bool(is_withheld)
        if not is_withheld and not row["reviewed"]:
            assert bound[key] == row
        if is_withheld:
            assert bound[key]["proposed_label"] == row["hierarchical_label"]
            assert bound[key]["hierarchical_label"] is None


def test_levels_above_the_label_are_functions_of_it() -> None:
    taxonomy = pd.DataFrame(
        {"hierarchical_label": ["church", "lake"], "group": ["worship", "water"], "realm": ["h", "n"]}
    )
    frame = pd.DataFrame({"hierarchical_label": ["lake", None, "church"]}, dtype="str")
    found = add_levels(frame, taxonomy, ["group", "realm"])
    levels = [tuple(_plain(value) for value in row) for row in found[["group", "realm"]].itertuples(index=False)]
    assert levels == [("water", "n"), (None, None), ("worship", "h")]
