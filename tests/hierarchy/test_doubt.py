"""The queue: what is doubtful and why, the most useful first, and what a verdict keeps away."""

import hashlib
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierarchy.doubt import (
    by_usefulness,
    doubtful_classes,
    doubtful_landmarks,
    evidence_hash,
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


# ---------------------------------------------------------------------------------------------------- evidence
def test_evidence_hash_is_the_head_of_a_sha256_of_the_parts() -> None:
    assert evidence_hash("Q1", ["a", "b"], 3) == hashlib.sha256(b"Q1\x1fa\x1eb\x1f3").hexdigest()[:12]


PARTS = st.lists(st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=2), max_size=3)


@LAWFUL
@given(one=PARTS, other=PARTS)
def test_other_evidence_has_another_hash(one: list[list[str]], other: list[list[str]]) -> None:
    assert (evidence_hash(*one) == evidence_hash(*other)) == (one == other)


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
    found = items_of_classes(statements, landmarks).sort_values(["class_qid", "item_qid"])
    columns = ["class_qid", "item_qid", "landmark_count", "image_count"]
    assert list(found[columns].itertuples(index=False, name=None)) == [
        ("Q1", "Q10", 2, 7),
        ("Q1", "Q12", 1, 0),
        ("Q2", "Q10", 2, 7),
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
    }


CONTESTED = class_row("Q1", "contested", ("museum", "Q51", 1), ("house", "Q52", 2))
CLASS_COLUMNS = ["class_qid", "item_qid", "landmark_count", "image_count"]


def class_queue(classes: list[Row], items: list[tuple[str, str, int, int]]) -> dict[str, Row]:
    queue = doubtful_classes(pd.DataFrame(classes), pd.DataFrame(items, columns=CLASS_COLUMNS))
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
    assert {qid: row["reason"] for qid, row in queue.items()} == {"Q1": "contested_class", "Q2": "unreached_class"}


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
    assert row["candidates"] == "museum (Q51, 1 steps); house (Q52, 2 steps)"
    assert row["evidence"] == "items Q94 Q93 Q92"
    assert row["why"] == "its nearest anchors say museum, house"


def test_an_unreached_class_has_no_candidates() -> None:
    row = class_queue([class_row("Q1", "unreached")], [("Q1", "Q90", 1, 1)])["Q1"]
    assert row["candidates"] is None
    assert row["why"] == "no anchor lies above it"


def test_evidence_of_a_class_changes_with_its_candidates_and_not_with_its_images() -> None:
    def hash_of(row: Row, image_count: int) -> str:
        return str(class_queue([row], [("Q1", "Q90", 1, image_count)])["Q1"]["evidence_hash"])

    same = hash_of(CONTESTED, 1)
    assert hash_of(CONTESTED, 9) == same
    others = [
        class_row("Q1", "contested", ("museum", "Q51", 1), ("house", "Q52", 3)),
        class_row("Q1", "contested", ("museum", "Q51", 1), ("house", "Q53", 2)),
        class_row("Q1", "contested", ("museum", "Q51", 1), ("lake", "Q52", 2)),
        class_row("Q1", "unreached"),
    ]
    assert len({same, *(hash_of(row, 1) for row in others)}) == 5


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
    } | other


def landmark_queue(rows: list[Row], candidates: list[str] | None = None) -> list[Row]:
    labels = pd.DataFrame(rows)
    links = labels[["split", "landmark_id"]].assign(link_rule="sitelink")
    links["candidate_qids"] = [["Q10"] if candidates is None else candidates for _ in rows]
    rows_found: list[Row] = doubtful_landmarks(labels, links).to_dict("records")
    return rows_found


@pytest.mark.parametrize(
    ("facts", "reason"),
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
def test_reason_of_a_doubtful_landmark_is_named_and_put_in_words(facts: Row, reason: str) -> None:
    (row,) = landmark_queue([landmark_row(**facts)])
    assert row["reason"] == reason
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
    assert (row["candidates"], row["evidence"]) == ("church (2); house (1)", "items Q10 Q11")


def test_the_label_that_a_title_suggests_is_the_first_candidate() -> None:
    (row,) = landmark_queue([landmark_row(proposed_label="lake", proposed_confidence=0.71)])
    assert row["candidates"] == "lake (confidence 0.71); church (2); house (1)"


def test_a_withheld_landmark_is_as_uncertain_as_the_label_that_was_withheld() -> None:
    # Its own confidence is 0, that of no label; what a person can confirm is the proposal.
    facts = {"status": "withheld", "confidence": 0.0, "proposed_label": "church", "proposed_confidence": 0.8}
    (row,) = landmark_queue([landmark_row(**facts)])
    assert row["uncertainty"] == 0.2


def test_a_landmark_without_votes_or_items_has_no_candidates_and_no_evidence() -> None:
    facts = {"status": "unlabelled", "rule": "no_item", "confidence": 0.0, "vote_labels": [], "vote_counts": []}
    (row,) = landmark_queue([landmark_row(**facts)], [])
    assert (row["uncertainty"], row["candidates"], row["evidence"]) == (1.0, None, None)


def test_evidence_of_a_landmark_changes_with_its_items_and_votes_and_not_with_its_images() -> None:
    def hash_of(candidates: list[str], **facts: object) -> str:
        return str(landmark_queue([landmark_row(**facts)], candidates)[0]["evidence_hash"])

    same = hash_of(["Q10"])
    assert hash_of(["Q10"], image_count=9) == same
    others = [hash_of(["Q11"]), hash_of(["Q10", "Q11"]), hash_of(["Q10"], vote_counts=[1, 1])]
    others.append(hash_of(["Q10"], vote_labels=["church", "lake"]))
    assert len({same, *others}) == 5


def test_another_reason_for_the_doubt_is_new_evidence() -> None:
    def hash_of(rule: str) -> str:
        facts = {"status": "unlabelled", "rule": rule, "vote_labels": [], "vote_counts": []}
        return str(landmark_queue([landmark_row(**facts)])[0]["evidence_hash"])

    # Its item had no class when somebody was unsure; now it has one, though no anchor lies above it.
    assert hash_of("no_class") != hash_of("unreached")
