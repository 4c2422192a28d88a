"""Evidence of every row of the sample: complete, of one piece, and with verdicts that can be considered."""

import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from annotations.review.desk import Evidence, PathNode, Row
from annotations.store import TABLES
from annotations.verdicts import KINDS, TABLE_OF
from pipeline import tables, workbench
from pipeline.files import read_table
from pipeline.queues import QUEUES
from pipeline.review_desk import ReviewDesk
from pipeline.review_facts import MAX_LANDMARKS, MAX_PRECEDENTS, MAX_STATEMENTS, paths_of_class, statements_of
from pipeline.workbench import Workbench
from tests.curating import ids_in

Found = dict[tuple[str, str], Evidence]
VERDICT_KEYS = {"classes": ["i", "u"], "edges": ["k", "r", "u"], "landmarks": ["x", "u"]}


@pytest.fixture(scope="module")
def desk(built_sample: Path, sample_bench: Workbench) -> Iterator[ReviewDesk]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(built_sample)
        opened = ReviewDesk("hgldv2", sample_bench)
        opened._thumbnails.listing.join()
        yield opened


@pytest.fixture(scope="module")
def found(desk: ReviewDesk) -> Found:
    return {(row.kind, row.key): desk.evidence(row.kind, row.key) for row in desk.rows()}


def of_kind(found: Found, kind: str) -> list[Evidence]:
    of_it = [evidence for (row_kind, _), evidence in found.items() if row_kind == kind]
    assert len(of_it) > 40
    return of_it


# ------------------------------------------------------------------------------------------------------- rows
def test_rows_are_the_queues_then_what_is_decided(desk: ReviewDesk, sample_bench: Workbench) -> None:
    rows = desk.rows()
    assert len({(row.kind, row.key) for row in rows}) == len(rows)
    first_decided = [row.is_decided for row in rows].index(True)
    assert all(row.is_decided for row in rows[first_decided:])
    for part in (rows[:first_decided], rows[first_decided:]):
        worth = [row.image_count * row.uncertainty for row in part]
        assert worth == sorted(worth, reverse=True)
    for kind in KINDS:
        opened = [row.key for row in rows[:first_decided] if row.kind == kind]
        assert sorted(opened) == sorted(ids_in(Path(QUEUES[kind].path)))
        table = TABLES[TABLE_OF[kind]]
        keys = [tuple(row) for row in sample_bench.curated[TABLE_OF[kind]][table.id_columns].to_numpy().tolist()]
        here = {"/".join(ids) for ids in keys if sample_bench.names(kind, ids) is not None}
        assert {row.key for row in rows[first_decided:] if row.kind == kind} == here


def test_rows_tell_what_the_queue_tells(desk: ReviewDesk) -> None:
    rows = {(row.kind, row.key): row for row in desk.rows()}
    labels = set(desk.labels)
    for kind in KINDS:
        for record in read_table(QUEUES[kind]).to_dict("records"):
            row = rows[kind, "/".join(str(record[name]) for name in QUEUES[kind].key)]
            for name in ("doubt", "why", "image_count", "landmark_count", "uncertainty"):
                assert getattr(row, name) == record[name]
            assert set(row.labels) <= labels
    garden = rows["classes", "Q1759852"]
    assert garden.title == "sculpture garden"
    assert garden.labels == ("garden", "parks")
    assert rows["landmarks", "train/66552"].title == "'Opaeka'a Falls"


def test_decided_rows_say_who_said_what(desk: ReviewDesk) -> None:
    rows = {(row.kind, row.key): row for row in desk.rows()}
    castle = rows["landmarks", "train/900026"]
    assert (castle.is_decided, castle.doubt, castle.uncertainty) == (True, "decided", 0.0)
    assert castle.why == "assign castle / fort, by hgldv2"
    assert (castle.title, castle.landmark_count) == ("Château de Cerisy", 1)
    assert castle.image_count > 0
    assert any(row.landmark_count > 1 for row in rows.values() if row.is_decided and row.kind == "classes")


# --------------------------------------------------------------------------------------------------- evidence
def values(value: Any) -> Iterator[Any]:
    """Everything that evidence is made of, down to texts and numbers."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from values(getattr(value, field.name))
    elif isinstance(value, dict):
        yield from values([*value.items()])
    elif isinstance(value, list | tuple):
        for part in value:
            yield from values(part)
    else:
        yield value


def test_evidence_is_of_plain_values(found: Found) -> None:
    for evidence in found.values():
        for value in values(evidence):
            assert value is None or type(value) in (str, int, float, bool), (evidence.row, value)
            assert value == value, evidence.row  # no NaN
            assert value != "nan", evidence.row


def test_evidence_is_about_its_row(found: Found) -> None:
    for (kind, key), evidence in found.items():
        assert (evidence.row.kind, evidence.row.key) == (kind, key)
        assert evidence.seen.startswith(f"{kind}/{key}:")
        assert evidence.links
        assert all(link.url.startswith("https://") and link.text for link in evidence.links)
        assert list(evidence.verdicts) == VERDICT_KEYS[kind]
    assert len({evidence.seen for evidence in found.values()}) == len(found)


def test_verdicts_carry_names_and_fingerprints_of_today(found: Found, sample_bench: Workbench) -> None:
    for evidence in found.values():
        choices = [*evidence.choices, *evidence.verdicts.values(), *evidence.edges]
        assert len({choice.verdict for choice in choices}) == len(choices), evidence.row
        assert all(choice.text and choice.verdict.reason for choice in choices)
        offered = [choice.verdict for choice in choices] + [v for v in (evidence.other, evidence.new_parent) if v]
        for verdict in offered:
            assert verdict.names == sample_bench.names(verdict.kind, verdict.ids)
            assert verdict.evidence_hash == sample_bench.evidence(verdict.kind, verdict.ids)


def test_choices_fit_the_keys_and_the_taxonomy(found: Found, desk: ReviewDesk) -> None:
    for evidence in found.values():
        assert len(evidence.choices) <= 9
        for choice in evidence.choices:
            if evidence.row.kind == "edges":
                assert choice.verdict.decision == "remove"
                assert choice.verdict.other_parent_qid not in evidence.row.key.split("/")
            else:
                assert choice.verdict.decision == "assign"
                assert choice.verdict.hierarchical_label in desk.labels
        labels = [choice.verdict.hierarchical_label for choice in evidence.choices]
        if evidence.row.kind != "edges":
            assert len(set(labels)) == len(labels), evidence.row


def test_what_may_be_chosen_first_is_what_the_row_proposes(found: Found) -> None:
    garden = found["classes", "Q1759852"]
    assert [choice.verdict.hierarchical_label for choice in garden.choices] == ["garden", "parks", "museum"]
    assert garden.choices[0].note == "1 step up to garden (Q1107656)"
    assert garden.choices[2].note == "1 of its 1 landmarks have it otherwise"
    assert [choice.text for choice in garden.edges] == [
        "Not a kind of garden",
        "Not a kind of park",
        "Not a kind of art collection",
    ]
    lake = found["landmarks", "train/11355"]
    assert [choice.verdict.hierarchical_label for choice in lake.choices] == ["lake"]
    commune = found["landmarks", "train/900158"]
    assert [choice.verdict.hierarchical_label for choice in commune.choices] == ["village", "settlement"]


def test_offers_can_be_considered(found: Found, desk: ReviewDesk) -> None:
    """A few of every kind; a refusal has to be of what follows from a verdict, never of its form."""
    considered = 0
    for kind in KINDS:
        for evidence in of_kind(found, kind)[:: 30 if kind != "classes" else 15]:
            for choice in [*evidence.choices[:2], *list(evidence.verdicts.values())[:2], *evidence.edges[:1]]:
                consequence = desk.consequence(choice.verdict)
                assert consequence.says
                assert all("an orphan" in why for why in consequence.refusals), (choice, consequence)
                considered += 1
    assert considered > 40


# ---------------------------------------------------------------------------------------------------- drawing
def anchors(evidence: Evidence) -> dict[str, PathNode]:
    return {node.qid: node for node in evidence.nodes if node.hierarchical_label}


def test_drawings_hold_together(found: Found, desk: ReviewDesk, sample_bench: Workbench) -> None:
    for evidence in found.values():
        shown = [node.qid for node in evidence.nodes]
        assert len(set(shown)) == len(shown)
        assert all(node.label for node in evidence.nodes)
        assert {node.role for node in evidence.nodes} <= {"subject", "between", "anchor", "ignored"}
        assert all(node.hierarchical_label in desk.labels for node in evidence.nodes if node.role == "anchor")
        assert not [node for node in evidence.nodes if node.hierarchical_label and node.role in ("between", "ignored")]
        pairs = [(edge.child_qid, edge.parent_qid) for edge in evidence.path_edges]
        assert len(set(pairs)) == len(pairs)
        assert set(shown).issuperset(qid for pair in pairs for qid in pair)
        for edge in evidence.path_edges:
            is_wikidata = (edge.child_qid, edge.parent_qid) in sample_bench.rules.wikidata_edges
            assert edge.source == ("wikidata" if is_wikidata else "decision")
    assert any(edge.source == "decision" for evidence in found.values() for edge in evidence.path_edges)
    assert any(node.role == "ignored" for evidence in found.values() for node in evidence.nodes)


def test_classes_are_drawn_up_to_the_anchors_of_their_candidates(found: Found, sample_bench: Workbench) -> None:
    labels = sample_bench.classes.class_labels
    for evidence in of_kind(found, "classes"):
        qid = evidence.row.key
        assert [node.qid for node in evidence.nodes if node.role == "subject"] == [qid]
        if not evidence.row.is_decided:
            assert list(labels["candidate_labels"][qid]) == [
                anchors(evidence)[anchor].hierarchical_label for anchor in labels["candidate_qids"][qid]
            ]
    assert {node.hierarchical_label for node in found["classes", "Q1759852"].nodes} >= {"garden", "parks"}


def test_every_anchor_of_a_class_on_a_cycle_is_drawn(in_sample: Path, sample_bench: Workbench) -> None:
    """Where the class is an anchor itself, the path to the other one is drawn all the same."""
    assert in_sample.exists()
    anchor = {"class_qid": "Q1759852", "class_label": "sculpture garden", "hierarchical_label": "sculpture", "note": ""}
    ends = {"child_qid": "Q1107656", "parent_qid": "Q1759852", "decision": "add"}
    curated = {name: frame.drop(columns="where") for name, frame in sample_bench.curated.items()}
    curated["anchors"].loc[-1] = anchor
    curated["edge_decisions"].loc[-1] = dict.fromkeys(curated["edge_decisions"].columns, "") | ends
    bench = workbench.under(sample_bench, {name: frame.assign(where="") for name, frame in curated.items()})
    assert bench.classes.class_labels["status"]["Q1759852"] == "contested"
    assert paths_of_class("Q1759852", bench) == [["Q1759852"], ["Q1759852", "Q1107656"]]


def test_the_edge_to_decide_is_marked(found: Found) -> None:
    for evidence in of_kind(found, "edges"):
        (questioned,) = [edge for edge in evidence.path_edges if edge.is_questioned]
        assert f"{questioned.child_qid}/{questioned.parent_qid}" == evidence.row.key
    for kind in ("classes", "landmarks"):
        assert not any(edge.is_questioned for evidence in of_kind(found, kind) for edge in evidence.path_edges)


# -------------------------------------------------------------------------------- statements, landmarks, verdicts
def test_statements_have_ranks_and_votes(found: Found, desk: ReviewDesk) -> None:
    ranks, votes, ends = set(), set(), set()
    for evidence in found.values():
        assert len(evidence.statements) <= MAX_STATEMENTS
        for statement in evidence.statements:
            ranks.add(statement.rank)
            votes.add(statement.votes_for)
            ends.add(statement.end)
            assert statement.class_label
    assert ranks == {"preferred", "normal"}
    assert {"no vote", "no label"} < votes <= {*desk.labels, "no vote", "no label"}
    assert "" in ends


def test_an_ended_statement_tells_when(found: Found) -> None:
    village, town = found["landmarks", "train/900158"].statements
    assert (village.subject, village.class_qid, village.rank) == ("Vitry-lès-Cluny", "Q484170", "normal")
    assert (village.end, village.votes_for) == ("2016-12-31", "village")
    assert (town.end, town.votes_for) == ("", "settlement")


def test_a_statement_that_does_not_count_is_shown_as_such(sample_bench: Workbench) -> None:
    statements = sample_bench.found["statements"].copy()
    own = statements.index[statements["item_qid"] == "Q1625078"]
    statements.loc[own[0], ["rank", "is_best", "ended_on"]] = ["deprecated", False, None]
    bench = dataclasses.replace(sample_bench, found=sample_bench.found | {"statements": statements})
    landmarks = bench.landmarks.landmarks
    one, other = statements_of(landmarks[landmarks["item_qid"] == "Q1625078"], bench)
    assert (one.rank, one.votes_for, one.end) == ("deprecated", "no vote", "ended")  # when, is not known
    assert (other.rank, other.votes_for) == ("normal", "settlement")


def test_sample_landmarks_have_labels_links_and_pictures(found: Found, desk: ReviewDesk) -> None:
    labelled = read_table(tables.LANDMARK_LABELS).fillna({"hierarchical_label": ""})
    label_of = labelled.set_index(["split", "landmark_id"])["hierarchical_label"].to_dict()
    images = read_table(tables.IMAGES)
    with_images = set(images[["split", "landmark_id"]].itertuples(index=False, name=None))
    met = set()
    for evidence in found.values():
        assert len(evidence.landmarks) <= MAX_LANDMARKS
        for landmark in evidence.landmarks:
            key = (landmark.split, landmark.landmark_id)
            met.add(key)
            assert landmark.label == label_of[key]
            assert landmark.commons_url.startswith("https://commons.wikimedia.org/wiki/Category:")
            assert bool(landmark.image_ids) == (key in with_images), key
    assert len(met) > 100
    pictured = next(landmark for landmark in found["landmarks", "train/900158"].landmarks if landmark.image_ids)
    picture = desk.thumbnail(pictured.image_ids[0])
    assert picture is not None
    assert Image.open(io.BytesIO(picture)).format == "JPEG"
    assert desk.thumbnail("0" * 16) is None


def test_landmarks_of_a_row_are_those_that_the_decision_touches(found: Found) -> None:
    for evidence in of_kind(found, "landmarks"):
        assert {landmark.category for landmark in evidence.landmarks} == {evidence.row.title}
    for kind in ("classes", "edges"):
        for evidence in of_kind(found, kind):
            assert bool(evidence.landmarks) == (evidence.row.landmark_count > 0), evidence.row


def test_what_was_said_before_stands_with_its_row_and_its_siblings(found: Found) -> None:
    for evidence in found.values():
        assert bool(evidence.given) == evidence.row.is_decided, evidence.row
        assert len(evidence.precedents) <= MAX_PRECEDENTS
        for given in (*evidence.given, *evidence.precedents):
            assert given.title
            assert given.said
            assert given.reviewer == "hgldv2"
            assert given.reviewed_on == "2026-11-23"
            assert given.reason
        if evidence.row.kind != "edges":
            assert evidence.row.title not in [given.title for given in evidence.precedents]
    assert [given.said for given in found["landmarks", "train/900026"].given] == ["assign castle / fort"]
    assert sum(bool(evidence.precedents) for evidence in found.values()) > 20


def test_a_row_that_is_not_there_has_no_evidence(desk: ReviewDesk) -> None:
    for kind, key in (("classes", "Q0"), ("edges", "Q1759852"), ("landmarks", "train/1"), ("labels", "lake"), ("", "")):
        with pytest.raises(KeyError):
            desk.evidence(kind, key)


def test_rows_are_data_that_nobody_can_change(desk: ReviewDesk) -> None:
    row: Row = desk.rows()[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.title = "other"  # type: ignore[misc]
