"""The numbers of the report against plain counting, row by row, on made-up worlds."""

from collections import Counter
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.columns import LABEL_RULE
from pipeline.report import facts, graph_facts, official_facts, review_facts
from pipeline.report.sections import rule_parts
from pipeline.report.training_facts import training_facts
from tests.report_world import GROUPS, HOSTILE, LEVEL, SKIPPED, decisions, landmarks, queue, small_sources

LABELS = st.sampled_from([None, *GROUPS])
LANDMARK = st.tuples(
    LABELS,
    st.sampled_from([None, "abbey", "cove"]),
    st.sampled_from([None, "Q3", "Q4"]),
    st.sampled_from([rule for rule, meaning in facts.RULES.items() if not meaning.startswith("no label")]),
    st.sampled_from(LABEL_RULE.allowed),
    st.booleans(),
    st.integers(0, 9),
)


def world(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Landmarks of drawn parts; what has no label has neither supercategory nor class, and any rule."""
    return [
        ("train", place, "C", label, *((sup, qid, rule) if label else (None, None, other)), reviewed, images)
        for place, (label, sup, qid, rule, other, reviewed, images) in enumerate(rows)
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(LANDMARK, min_size=1, max_size=12))
def test_counts_are_those_of_plain_counting(drawn: list[tuple[Any, ...]]) -> None:
    rows = world(drawn)
    labels = landmarks(rows)
    official = pd.DataFrame({"split": ["train"], "landmark_id": [0], "hierarchical_label": ["lake"]})
    found = facts.headline(labels, official, pd.DataFrame({"hierarchical_label": [*GROUPS, "tower"]}))
    labelled = [row for row in rows if row[3] is not None]
    reviewed = [row for row in rows if row[7]]
    for prefix, part in {"": rows, "labelled_": labelled, "reviewed_": reviewed, "official_": rows[:1]}.items():
        assert found[f"{prefix}landmarks"] == len(part)
        assert found[f"{prefix}images"] == sum(row[8] for row in part)
    assert (found["labels_used"], found["labels_known"]) == (len({row[3] for row in labelled}), 4)
    by_rule = {(row["rule"], row["is_labelled"]): row["landmark_count"] for row in facts.by_rule(labels)}
    assert by_rule == Counter((row[6], row[3] is not None) for row in rows)
    assert sum(part["count"] for part in rule_parts(facts.by_rule(labels))) == len(rows)


@settings(max_examples=40, deadline=None)
@given(st.lists(LANDMARK, min_size=1, max_size=12))
def test_every_cut_through_the_hierarchy_holds_every_labelled_landmark_once(drawn: list[tuple[Any, ...]]) -> None:
    rows = world(drawn)
    labels = landmarks(rows)
    names = pd.DataFrame({"class_qid": ["Q3"], "class_label": ["abbey"]}, dtype="str")
    labelled = [row for row in rows if row[3] is not None]
    along, by_label = facts.along_hierarchy(labels, [LEVEL]), facts.by_label(labels, LEVEL)
    for counts in (along, by_label):
        assert counts["landmark_count"].sum() == len(labelled)
        assert counts["image_count"].sum() == sum(row[8] for row in labelled)
        assert counts.dtypes["landmark_count"] == counts.dtypes["image_count"] == "int64"
    assert list(along.columns[:3]) == [LEVEL, "hierarchical_label", "supercategory"]
    assert dict(zip(by_label["hierarchical_label"], by_label["landmark_count"], strict=True)) == Counter(
        row[3] for row in labelled
    )
    by_class = facts.by_class(labels, names, LEVEL)
    assert by_class["landmark_count"].sum() == sum(row[5] is not None for row in labelled)
    assert set(by_class["class_label"]) <= {"abbey", "Q4"}  # a class without a name goes by its id
    assert by_class["landmark_count"].is_monotonic_decreasing


def test_every_rule_has_words() -> None:
    assert tuple(facts.RULES) == LABEL_RULE.allowed


def test_places_are_landmarks_with_coordinates() -> None:
    found = small_sources().found
    places = facts.places(found["landmark_labels"], found["landmark_items"], LEVEL)
    assert places[["latitude", "longitude"]].to_numpy().tolist() == [[51.5, 0.25], [51.5, 0.25], [-8.0, 0.25]]
    assert places["group"].tolist() == ["human-made"] * 3
    off = found["landmark_items"].assign(latitude=[95.0, 51.5, 51.5] + [None] * 4, longitude=[0, -181, 180] + [0] * 4)
    assert len(facts.places(found["landmark_labels"], off, LEVEL)) == 1  # as on the map


def test_what_the_official_release_leaves_unlabelled_is_not_counted() -> None:
    found, taxonomy = small_sources().found, small_sources().curated["taxonomy"]
    official = found["official_labels"].assign(hierarchical_label=["church", None, None])
    assert facts.headline(found["landmark_labels"], official, taxonomy)["official_landmarks"] == 1


def test_agreement_is_that_of_landmarks_labelled_by_both() -> None:
    found = small_sources().found
    told = official_facts.agreement(found["landmark_labels"], found["official_labels"], [LEVEL, "not there"])
    (index, train) = told["splits"]
    assert (index["both"], train["both"], train["official"], train["landmarks"]) == (0, 2, 2, 6)
    rows = {(row["split"], row["level"]): row for row in told["levels"]}
    assert rows["index", LEVEL]["agreement"] is rows["index", LEVEL]["low"] is None
    assert rows["train", "hierarchical_label"]["agreement"] == 0.5
    assert rows["train", "hierarchical_label"]["low"] == pytest.approx(0.0945, abs=1e-4)
    assert ("train", "not there") not in rows
    (pair,) = told["confusions"]
    assert (pair["official"], pair["ours"], pair["landmark_count"]) == ("lake", "church", 1)
    assert pair["examples"] == f"8 {HOSTILE}"


def test_each_split_is_compared_with_its_own_official_labels() -> None:
    ours = landmarks([(split, 7, "C", "church", None, "Q3", "agreed", False, 1) for split in ("index", "train")])
    official = pd.DataFrame(
        {"split": ["index", "train"], "landmark_id": [7, 7], "hierarchical_label": ["lake", "church"]}
    )
    rows = official_facts.agreement(ours, official, [])["levels"]
    assert [(row["split"], row["agreement"]) for row in rows] == [("index", 0.0), ("train", 1.0)]


# --------------------------------------------------------------------------------------------------------------- graph
def test_an_edge_that_was_removed_is_in_the_graph_but_not_in_use() -> None:
    counts = graph_facts.graph_counts(small_sources().found["class_graph"])
    assert counts == {"classes": 5, "edges": 5, "used_edges": 4}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.booleans()), min_size=1, unique_by=lambda e: e[:2]))
def test_cycles_are_classes_that_reach_each_other_over_edges_in_use(edges: list[tuple[int, int, bool]]) -> None:
    frame = pd.DataFrame(
        [(f"Q{a}", f"Q{b}", gone) for a, b, gone in edges], columns=["child_qid", "parent_qid", "is_removed"]
    )
    reach = {(a, b) for a, b, gone in edges if not gone}
    for _ in range(7):
        reach |= {(a, d) for a, b in reach for c, d in reach if b == c}
    expected = {frozenset(b for b in range(7) if {(a, b), (b, a)} <= reach) for a in range(7) if (a, a) in reach}
    names = pd.DataFrame({"class_qid": ["Q0"], "class_label": ["zero"], "hierarchical_label": ["lake"]})
    found = graph_facts.cycles(frame, names)
    assert found["count"] == len(expected) == len(found["rows"])
    assert sorted(row["class_count"] for row in found["rows"]) == sorted(map(len, expected))
    assert all((row["labels"] == "lake") == ("zero (Q0)" in row["classes"]) for row in found["rows"])


def test_changed_edges_have_names_and_reasons() -> None:
    sources = small_sources()
    told = graph_facts.changed_edges(
        sources.found["class_graph"], sources.found["class_labels"], sources.curated["edge_decisions"]
    )
    assert (told["added"], told["removed"]) == (1, 1)
    added, removed = told["rows"]
    assert (added["child"], added["reason"]) == ("cove (Q5)", "")
    assert (removed["child"], removed["parent"], removed["reason"]) == (f"{HOSTILE} (Q4)", "place (Q1)", HOSTILE)


# -------------------------------------------------------------------------------------------------------------- review
def test_doubts_are_counted_by_kind_and_the_most_useful_come_first() -> None:
    queues = {
        "classes": queue("classes", {"class_qid": "Q1", "class_label": "a", "doubt": "x", "image_count": 4}),
        "edges": queue("edges"),
        "landmarks": queue(
            "landmarks",
            *({"split": "train", "landmark_id": n, "category": f"C{n}", "image_count": 20 - n} for n in range(12)),
        ),
    }
    doubts = review_facts.open_doubts(queues)
    assert [(row["kind"], row["doubt"], row["rows"]) for row in doubts] == [
        ("classes", "x", 1),
        ("landmarks", "no_item", 12),
    ]
    assert doubts[1]["image_count"] == sum(20 - n for n in range(12))
    useful = review_facts.most_useful(queues)
    assert [row["about"] for row in useful] == [f"C{n} (train {n})" for n in range(10)]
    assert useful[0]["wikidata_url"] is None


def test_progress_counts_subjects_that_are_ours_and_settled_once() -> None:
    sources = small_sources()
    curated = sources.curated | {
        "class_decisions": decisions(
            "classes",
            {"class_qid": "Q1", "decision": "ignore"},
            {"class_qid": "Q1", "decision": "ignore", "reviewer": "bob"},
            {"class_qid": "Q2", "decision": "unsure"},
            {"class_qid": "Q99", "decision": "ignore"},
        )
    }
    rows = {row["kind"]: row for row in review_facts.progress(sources.queues, curated, sources.found)}
    assert rows["classes"] == {"kind": "classes", "settled": 1, "elsewhere": 1, "open": 1, "share": 0.5}
    assert rows["landmarks"]["settled"] == 1
    made = [(row["decision"], row["reviewer"], row["rows"]) for row in review_facts.decisions_made(curated)]
    assert made[:3] == [("ignore", "ann", 2), ("ignore", "bob", 1), ("unsure", "ann", 1)]


# ------------------------------------------------------------------------------------------------------------ training
def test_nothing_trained_is_said() -> None:
    assert training_facts(SKIPPED, SKIPPED) == SKIPPED


def test_differences_have_the_hierarchical_loss_first() -> None:
    metric = {"mean": 0.5, "low": None, "high": None}
    row = dict.fromkeys(("h_ap", "ndcg", "asi", "map_at_r_level0"), metric)
    told = training_facts(
        {
            "dataset": "d", "device": "cpu", "seeds": [0], "test": {}, "levels": ["landmark_id"], "headline": None,
            "losses": {"smooth_ap": row, "happier": row | {"h_ap": metric | {"mean": None}}, "arcface": row},
            "zero_shot": {"untrained": row | {"h_ap": metric | {"mean": None}}},
            "paired": [
                {"a": "smooth_ap", "b": "happier", "metric": "h_ap", "difference": 0.1, "low": -0.1, "high": 0.3},
                {"a": "happier", "b": "sup_hap", "metric": "h_ap", "difference": 0.1, "low": -0.1, "high": 0.3},
                {"a": "smooth_ap", "b": "untrained", "metric": "ndcg", "difference": 0.1, "low": None, "high": None},
            ],
        },
        {"ok": None, "checks": [], "rows": [], "skipped": "no probe"},
    )  # fmt: skip
    assert [(row["a"], row["b"]) for row in told["paired"]] == [("HAPPIER", "Smooth-AP"), ("Smooth-AP", "untrained")]
    assert told["h_ap_paired"] == [{"label": "HAPPIER less Smooth-AP", "mean": -0.1, "low": -0.3, "high": 0.1}]
    assert [row["kind"] for row in told["models"]] == ["zero-shot", "flat", "flat", "hierarchical"]
    assert [row["label"] for row in told["h_ap"]] == ["ArcFace", "Smooth-AP"]  # what was not measured is in no chart
    assert told["probe"]["skipped"] == "no probe"
    assert told["headline"] is told["gldv2"] is None
