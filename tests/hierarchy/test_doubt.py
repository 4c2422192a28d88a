"""The queue: what is doubtful and why, the most useful first, and what a verdict keeps away."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierarchy.doubt import (
    by_usefulness,
    doubtful_classes,
    doubtful_landmarks,
    items_of_classes,
    without_verdicts,
)

Row = dict[str, Any]
LAWFUL = settings(deadline=None, max_examples=60)
KEYS = st.tuples(st.sampled_from(["train", "index"]), st.integers(1, 3))
HASHES = st.sampled_from(["aaa", "bbb"])
QUEUES = st.dictionaries(KEYS, HASHES)
VERDICTS = st.lists(st.tuples(KEYS, st.sampled_from(["assign", "reject", "unsure"]), HASHES), max_size=6)


# ---------------------------------------------------------------------------------------------------- verdicts
def queue_table(queue: dict[tuple[str, int], str]) -> pd.DataFrame:
    rows = [(split, number, evidence) for (split, number), evidence in queue.items()]
    frame = pd.DataFrame(rows, columns=["split", "landmark_id", "evidence_hash"])
    return frame.astype({"split": str, "landmark_id": "int64", "evidence_hash": str})


def verdict_table(verdicts: list[tuple[tuple[str, int], str, str]]) -> pd.DataFrame:
    rows = [(*key, decision, evidence) for key, decision, evidence in verdicts]
    frame = pd.DataFrame(rows, columns=["split", "landmark_id", "decision", "evidence_hash"])
    return frame.astype({"split": str, "landmark_id": "int64", "decision": str, "evidence_hash": str})


@LAWFUL
@given(queue=QUEUES, verdicts=VERDICTS)
def test_a_row_stays_open_without_a_verdict_or_with_an_unsure_one_on_other_evidence(
    queue: dict[tuple[str, int], str], verdicts: list[tuple[tuple[str, int], str, str]]
) -> None:
    settled = {key for key, decision, _ in verdicts if decision != "unsure"}
    unsure = {(key, evidence) for key, decision, evidence in verdicts if decision == "unsure"}
    expected = [key for key, evidence in queue.items() if key not in settled and (key, evidence) not in unsure]
    keys = ["split", "landmark_id"]
    found = without_verdicts(queue_table(queue), verdict_table(verdicts), keys, ("assign", "reject"))
    assert list(found[keys].itertuples(index=False, name=None)) == expected


@pytest.mark.parametrize(
    ("decision", "evidence", "is_open"),
    [
        ("assign", "old", False),
        ("ignore", "old", False),
        ("unsure", "now", False),
        ("unsure", "old", True),
        ("unsure", "", True),
    ],
)
def test_a_verdict_on_a_class(decision: str, evidence: str, is_open: bool) -> None:
    queue = pd.DataFrame({"class_qid": ["Q1", "Q2"], "evidence_hash": ["now", "now"]})
    decisions = pd.DataFrame({"class_qid": ["Q1"], "decision": [decision], "evidence_hash": [evidence]})
    found = without_verdicts(queue, decisions, ["class_qid"], ("assign", "ignore"))
    assert list(found["class_qid"]) == (["Q1", "Q2"] if is_open else ["Q2"])


def test_unsure_about_one_edge_keeps_no_other_edge_of_its_classes_away() -> None:
    ends = [("Q1", "Q2"), ("Q1", "Q3"), ("Q2", "Q1")]
    queue = pd.DataFrame(ends, columns=["child_qid", "parent_qid"]).assign(evidence_hash="now")
    decisions = queue.head(1).assign(decision="unsure")
    found = without_verdicts(queue, decisions, ["child_qid", "parent_qid"], ("add", "remove", "keep"))
    assert list(found[["child_qid", "parent_qid"]].itertuples(index=False, name=None)) == ends[1:]


# ------------------------------------------------------------------------------------------------------- order
@LAWFUL
@given(rows=st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0.0, 0.25, 0.5, 1.0])), max_size=8))
def test_the_queue_is_ordered_by_images_times_uncertainty_then_by_key(rows: list[tuple[int, float]]) -> None:
    numbered = [(f"Q{len(rows) - place}", *row) for place, row in enumerate(rows)]
    queue = pd.DataFrame(numbered, columns=["class_qid", "image_count", "uncertainty"])
    found = by_usefulness(queue, ["class_qid"])
    expected = sorted(numbered, key=lambda row: (-row[1] * row[2], row[0]))
    assert list(found.itertuples(index=False, name=None)) == expected
    assert list(found.columns) == list(queue.columns)
    assert list(found.index) == list(range(len(rows)))


def test_few_images_in_great_doubt_come_after_many_in_some() -> None:
    queue = pd.DataFrame({"class_qid": ["Q1", "Q2"], "image_count": [10, 100], "uncertainty": [1.0, 0.5]})
    assert list(by_usefulness(queue, ["class_qid"])["class_qid"]) == ["Q2", "Q1"]


# ---------------------------------------------------------------------------------------------- items of classes
def test_items_of_a_class_are_counted_once_with_all_their_landmarks() -> None:
    statements = pd.DataFrame(
        [
            ("Q10", "Q1", True),
            ("Q10", "Q1", True),
            ("Q10", "Q2", True),
            ("Q11", "Q1", False),
            ("Q12", "Q1", True),
            ("Q99", "Q1", True),
        ],
        columns=["item_qid", "class_qid", "is_best"],
    )
    landmarks = pd.DataFrame({"item_qid": ["Q10", "Q10", "Q11", "Q12", None], "image_count": [3, 4, 50, 0, 100]})
    landmarks["landmark_id"] = range(5)
    landmarks["category"] = ["Small", "Large", "Other", "Empty", "Without item"]
    found = items_of_classes(statements, landmarks).sort_values(["class_qid", "item_qid"])
    assert list(found[CLASS_COLUMNS].itertuples(index=False, name=None)) == [
        ("Q1", "Q10", "Large", 2, 7),
        ("Q1", "Q12", "Empty", 1, 0),
        ("Q2", "Q10", "Large", 2, 7),
    ]


# ------------------------------------------------------------------------------------------------------ classes
def class_row(qid: str, status: str, *candidates: tuple[str, str, int]) -> Row:
    return {
        "class_qid": qid,
        "class_label": f"class {qid}",
        "status": status,
        "candidate_labels": [label for label, _, _ in candidates],
        "candidate_qids": [anchor for _, anchor, _ in candidates],
        "candidate_steps": [steps for _, _, steps in candidates],
        "path_qids": [qid] * bool(candidates) + [anchor for _, anchor, _ in candidates[:1]],
        "evidence_hash": "facts",
    }


CONTESTED = class_row("Q1", "contested", ("museum", "Q51", 1), ("house", "Q52", 2))
CLASS_COLUMNS = ["class_qid", "item_qid", "category", "landmark_count", "image_count"]


def class_queue(classes: list[Row], items: list[tuple[str, str, int, int]]) -> dict[str, Row]:
    named = [(qid, item, f"Category of {item}", landmarks, images) for qid, item, landmarks, images in items]
    queue = doubtful_classes(pd.DataFrame(classes), pd.DataFrame(named, columns=CLASS_COLUMNS))
    assert queue["class_qid"].is_unique
    return {row["class_qid"]: row for row in queue.to_dict("records")}


def test_contested_and_unreached_classes_with_images_are_doubtful() -> None:
    classes = [
        CONTESTED,
        class_row("Q2", "unreached"),
        class_row("Q3", "resolved", ("museum", "Q51", 0)),
        class_row("Q4", "ignored"),
        class_row("Q5", "unreached"),
        class_row("Q6", "unreached"),
    ]
    items = [(f"Q{number}", "Q90", 1, 7) for number in range(1, 5)] + [("Q5", "Q91", 2, 0)]  # no item of class Q6
    queue = class_queue(classes, items)
    assert {qid: row["doubt"] for qid, row in queue.items()} == {"Q1": "contested_class", "Q2": "unreached_class"}


@pytest.mark.parametrize(
    ("candidates", "uncertainty"),
    [
        ((), 1.0),
        ((("museum", "Q51", 1), ("house", "Q52", 1)), 0.5),
        ((("museum", "Q51", 1), ("house", "Q52", 1), ("museum", "Q53", 1)), 0.5),
        ((("museum", "Q51", 1), ("house", "Q52", 1), ("lake", "Q53", 1)), 0.6667),
    ],
)
def test_uncertainty_of_a_class_grows_with_its_labels_and_is_1_for_none(
    candidates: tuple[tuple[str, str, int], ...], uncertainty: float
) -> None:
    row = class_row("Q1", "contested" if candidates else "unreached", *candidates)
    assert class_queue([row], [("Q1", "Q90", 1, 1)])["Q1"]["uncertainty"] == uncertainty


def test_a_class_row_names_its_counts_candidates_and_items_with_most_images() -> None:
    items = [("Q1", f"Q9{number}", 1, number) for number in range(5)]
    row = class_queue([CONTESTED], items)["Q1"]
    assert (row["image_count"], row["landmark_count"]) == (10, 5)
    assert row["candidates"] == "museum (1 step up to Q51 Q51); house (2 steps up to Q52 Q52)"
    assert row["path"] == "class Q1 (Q1) -> Q51 (Q51)"
    assert row["examples"] == "Category of Q94; Category of Q93; Category of Q92"
    assert row["commons_url"] == "https://commons.wikimedia.org/wiki/Category:Category_of_Q94"
    assert row["wikidata_url"] == "https://www.wikidata.org/wiki/Q1"
    assert row["why"] == "its nearest anchors say museum, house"


def test_an_unreached_class_has_no_candidates() -> None:
    row = class_queue([class_row("Q1", "unreached")], [("Q1", "Q90", 1, 1)])["Q1"]
    assert row["candidates"] is None
    assert row["path"] is None
    assert row["why"] == "no anchor lies above it"


def test_no_doubtful_class_is_an_empty_queue() -> None:
    assert class_queue([class_row("Q3", "resolved", ("museum", "Q51", 0))], [("Q3", "Q90", 1, 1)]) == {}


# ---------------------------------------------------------------------------------------------------- landmarks
def landmark_row(**other: object) -> Row:
    return {
        "split": "train",
        "landmark_id": 1,
        "category": "Abbey",
        "status": "contested",
        "rule": "agreed",
        "link_status": "resolved",
        "confidence": 0.5,
        "image_count": 4,
        "vote_labels": ["church", "house"],
        "vote_counts": [2, 1],
        "proposed_label": None,
        "proposed_confidence": None,
        "item_qid": "Q10",
        "path_qids": ["Q1", "Q51"],
    } | other


def landmark_queue(rows: list[Row], candidates: list[str] | None = None, classes: tuple[str, ...] = ()) -> list[Row]:
    labels = pd.DataFrame(rows)
    links = labels[["split", "landmark_id"]].assign(link_rule="sitelink")
    links["candidate_qids"] = [["Q10"] if candidates is None else candidates for _ in rows]
    statements = pd.DataFrame(
        [("Q10", qid, True) for qid in classes], columns=["item_qid", "class_qid", "is_best"]
    ).astype({"is_best": bool})
    found = doubtful_landmarks(labels, links, statements, {"Q1": "abbey", "Q51": "church"})
    rows_found: list[Row] = found.to_dict("records")
    return rows_found


@pytest.mark.parametrize(
    ("facts", "doubt"),
    [
        ({"link_status": "doubtful"}, "doubtful_link"),
        ({"link_status": "doubtful", "status": "unlabelled", "rule": "unreached"}, "doubtful_link"),
        ({"link_status": "unresolved", "status": "unlabelled", "rule": "no_item"}, "no_item"),
        ({"status": "unlabelled", "rule": "no_class"}, "no_class"),
        ({"status": "unlabelled", "rule": "unreached"}, "unreached"),
        ({"status": "withheld", "link_status": "doubtful"}, "low_confidence"),
        ({"rule": "agreed"}, "contested_class"),
        ({"rule": "majority"}, "disagreeing_classes"),
        ({"rule": "steps"}, "disagreeing_classes"),
        ({"rule": "information_content"}, "disagreeing_classes"),
        ({"rule": "priority"}, "disagreeing_classes"),
    ],
)
def test_doubt_about_a_landmark_is_named_and_put_in_words(facts: Row, doubt: str) -> None:
    (row,) = landmark_queue([landmark_row(**facts)])
    assert row["doubt"] == doubt
    assert len(row["why"].split()) > 3


@pytest.mark.parametrize(
    "facts",
    [
        {"status": "resolved"},
        {"status": "rejected", "rule": "decision"},
        {"image_count": 0},
        {"status": "unlabelled", "rule": "no_item", "image_count": 0},
        {"status": "withheld", "image_count": 0},
        {"status": "resolved", "rule": "decision", "link_status": "doubtful"},
    ],
)
def test_settled_landmarks_and_those_without_images_are_not_doubtful(facts: Row) -> None:
    assert landmark_queue([landmark_row(**facts)]) == []


def test_a_landmark_row_names_its_uncertainty_candidates_and_items() -> None:
    (row,) = landmark_queue([landmark_row(confidence=0.3333)], ["Q10", "Q11"])
    assert (row["uncertainty"], row["landmark_count"], row["image_count"]) == (0.6667, 1, 4)
    assert row["candidates"] == "church (2 votes); house (1 vote)"
    assert row["path"] == "abbey (Q1) -> church (Q51)"
    assert row["examples"] == "https://www.wikidata.org/wiki/Q10; https://www.wikidata.org/wiki/Q11"
    assert row["wikidata_url"] == "https://www.wikidata.org/wiki/Q10"
    assert row["commons_url"] == "https://commons.wikimedia.org/wiki/Category:Abbey"


def test_the_label_that_a_title_suggests_is_the_first_candidate() -> None:
    (row,) = landmark_queue([landmark_row(proposed_label="lake", proposed_confidence=0.71)])
    assert row["candidates"] == "lake (confidence 0.71); church (2 votes); house (1 vote)"


def test_a_withheld_landmark_is_as_uncertain_as_the_label_that_was_withheld() -> None:
    # Its own confidence is 0, that of no label; what a person can confirm is the proposal.
    facts = {"status": "withheld", "confidence": 0.0, "proposed_label": "church", "proposed_confidence": 0.8}
    (row,) = landmark_queue([landmark_row(**facts)])
    assert row["uncertainty"] == 0.2


def test_a_landmark_without_votes_or_items_has_no_candidates_and_no_examples() -> None:
    facts = {"status": "unlabelled", "rule": "no_item", "confidence": 0.0, "vote_labels": [], "vote_counts": []}
    (row,) = landmark_queue([landmark_row(**facts, item_qid=None, path_qids=[])], [])
    assert (row["uncertainty"], row["candidates"], row["examples"], row["path"]) == (1.0, None, None, None)
    assert row["wikidata_url"] is None


def test_evidence_of_a_landmark_changes_with_its_items_and_classes_and_not_with_its_images_or_votes() -> None:
    def hash_of(candidates: list[str], *classes: str, **facts: object) -> str:
        return str(landmark_queue([landmark_row(**facts)], candidates, classes)[0]["evidence_hash"])

    same = hash_of(["Q10"], "Q1")
    assert hash_of(["Q10"], "Q1", image_count=9) == same
    # Votes change when somebody decides about a class; what Wikidata says of the landmark stays the same.
    assert hash_of(["Q10"], "Q1", vote_labels=["church", "lake"]) == same
    others = [hash_of(["Q11"], "Q1"), hash_of(["Q10", "Q11"], "Q1"), hash_of(["Q10"]), hash_of(["Q10"], "Q1", "Q2")]
    others.append(hash_of(["Q10"], "Q1", category="Other abbey"))
    assert len({same, *others}) == 6
