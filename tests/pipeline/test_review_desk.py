"""The desk over the sample's tables: what it foretells is what it saves, and nothing is lost between two desks."""

import datetime
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from annotations import laws, recording
from annotations.review.desk import Move, Refused, Stale
from annotations.store import TABLES, CurationError
from annotations.verdicts import KINDS, TABLE_OF, Verdict
from hierarchy.consequences import moved, summary
from pipeline import tables, workbench
from pipeline.errors import InputError
from pipeline.queues import QUEUES
from pipeline.review_desk import ReviewDesk
from pipeline.workbench import Workbench
from tests.curating import (
    TODAY,
    add_reviewers,
    ids_in,
    put,
    quicken_the_label_stage,
    read,
    row_of,
    sheet,
    table_bytes,
    verdict,
)

Cli = Callable[..., Result]
GARDEN, MUSEUM = ("classes", "Q1759852"), ("classes", "Q1352795")
CINEMA = ("landmarks", "train/900167")  # in doubt because MUSEUM is contested
VILLAGES = ("edges", "Q269528/Q486972")


def open_desk(bench: Workbench, reviewer: str = "hgldv2") -> ReviewDesk:
    """A desk over the tables as they are now, which it reads again whenever the bench was opened."""
    return ReviewDesk(reviewer, bench, lambda: datetime.date.fromisoformat(TODAY))


@pytest.fixture
def desk(workspace: Path, sample_bench: Workbench) -> ReviewDesk:
    assert workspace.exists()
    return open_desk(sample_bench)


def save(desk: ReviewDesk, told: Verdict) -> str:
    """Open the row of a verdict and save the verdict."""
    return desk.save(told, desk.evidence(told.kind, told.key).seen)


def listed(desk: ReviewDesk) -> dict[tuple[str, str], bool]:
    """Whether each row that is listed is decided."""
    return {(row.kind, row.key): row.is_decided for row in desk.rows()}


def said_on(kind: str, key: str) -> list[tuple[str, str]]:
    """Who says what about the ids in the table."""
    name = TABLE_OF[kind]
    rows = [row for row in read(name) if "/".join(row[column] for column in TABLES[name].id_columns) == key]
    return [(row["reviewer"], " ".join([row["decision"], row.get("hierarchical_label", "")]).strip()) for row in rows]


# --------------------------------------------------------------------------------------------- foretold and saved
@pytest.mark.parametrize(
    ("said", "count"),
    [
        ((*GARDEN, "assign", "parks"), 1),
        (("classes", "Q43229", "assign", "house"), 2),
        ((*VILLAGES, "remove", "", "Q532"), 1),
        (("landmarks", "index/950015", "assign", "tower"), 2),
        (("classes", "Q41176", "unsure"), 0),
    ],
)
def test_what_it_foretells_is_what_it_saves(
    desk: ReviewDesk, sample_bench: Workbench, said: tuple[str, ...], count: int
) -> None:
    told = verdict(sample_bench, *said)
    row = next((row for row in desk.rows() if (row.kind, row.key) == said[:2]), None)
    foretold, before = desk.consequence(told), table_bytes()
    assert (foretold.refusals, foretold.notes) == ((), ())
    assert sum(move.landmark_count for move in foretold.moves) == count
    assert table_bytes() == before
    seen = desk.evidence(*said[:2]).seen if row else desk.evidence("classes", "Q41176").seen
    answer = desk.save(told, seen)
    assert answer.startswith(f"Saved: {foretold.says}; {count or 'no'} landmark")
    moves = summary(moved(sample_bench.landmarks, workbench.open_workbench().landmarks)).to_dict("records")
    assert list(foretold.moves) == [Move(**{**move, "examples": tuple(move["examples"])}) for move in moves]
    assert said_on(*said[:2]) == [("hgldv2", " ".join(said[2:4]).strip())]


def test_a_reason_is_asked_for_when_it_is_saved(desk: ReviewDesk, sample_bench: Workbench) -> None:
    told = replace(verdict(sample_bench, *GARDEN, "assign", "parks"), reason="")
    assert desk.consequence(told).refusals == ()
    with pytest.raises(Refused, match="no reason"):
        save(desk, told)
    save(desk, replace(told, reason=" two\n lines "))
    assert [row["reason"] for row in read("class_decisions") if row["class_qid"] == GARDEN[1]] == ["two lines"]


def test_a_saved_row_is_decided_dated_and_shown_with_its_verdict(desk: ReviewDesk, sample_bench: Workbench) -> None:
    assert listed(desk)[GARDEN] is False
    save(desk, verdict(sample_bench, *GARDEN, "assign", "parks"))
    assert listed(desk)[GARDEN] is True
    evidence = desk.evidence(*GARDEN)
    assert [(given.said, given.reviewer, given.reviewed_on) for given in evidence.given] == [
        ("assign parks", "hgldv2", TODAY)
    ]
    labels = [choice.verdict.hierarchical_label for choice in evidence.choices]
    assert labels[:2] == ["garden", "parks"]  # as there were before it was decided


def test_a_category_is_decided_in_both_splits(desk: ReviewDesk, sample_bench: Workbench) -> None:
    pairs = [row for row in desk.rows() if row.kind == "landmarks" and row.title == "Bishop John Carroll statue"]
    assert {row.key for row in pairs} == {"index/950045", "train/900131"}
    save(desk, verdict(sample_bench, "landmarks", "train/900131", "assign", "memorial"))
    assert listed(desk)["landmarks", "index/950045"] is True
    assert [given.said for given in desk.evidence("landmarks", "index/950045").given] == ["assign memorial"]


def test_rows_that_a_decision_settles_leave_and_come_back(desk: ReviewDesk, sample_bench: Workbench) -> None:
    before = listed(desk)
    assert before[CINEMA] is False
    save(desk, verdict(sample_bench, *MUSEUM, "assign", "museum"))
    assert listed(desk) == {row: row == MUSEUM or is_decided for row, is_decided in before.items() if row != CINEMA}
    desk.undo()
    assert listed(desk) == before


def test_open_rows_are_those_that_the_stages_would_list(
    desk: ReviewDesk,
    sample_bench: Workbench,
    build_here: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the rows that it listed: new doubts wait for the queue stage, as do other reasons to look at an edge."""
    quicken_the_label_stage(monkeypatch)
    first = listed(desk)
    for said in (
        (*MUSEUM, "assign", "museum"),
        ("classes", "Q43229", "ignore"),
        ("classes", "Q41176", "assign", "house"),
        (*VILLAGES, "remove", "", "Q532"),
    ):
        save(desk, verdict(sample_bench, *said))
    build_here("hierarchy", "label", "queue")
    now = listed(desk)
    for kind in ("classes", "landmarks"):
        still = {key for key in ids_in(Path(QUEUES[kind].path)) if (kind, key) in first}
        assert {key for (row_kind, key), is_decided in now.items() if row_kind == kind and not is_decided} == still
    assert len(now) < len(first)


# -------------------------------------------------------------------------------------------------------- refusals
def test_a_cycle_and_an_orphan_are_refused_as_foretold(desk: ReviewDesk, sample_bench: Workbench) -> None:
    before = table_bytes()
    for said, what in (
        (("edges", "Q486972/Q2221906", "add", "", "Q269528"), "the edge closes a cycle: human settlement (Q486972) ->"),
        ((*VILLAGES, "remove"), "an orphan: without the edge, unincorporated area reaches no anchor"),
    ):
        told = verdict(sample_bench, *said)
        (refusal,) = desk.consequence(told).refusals
        assert what in refusal
        with pytest.raises(Refused) as raised:
            save(desk, told)
        assert str(raised.value) == refusal
    assert table_bytes() == before
    with pytest.raises(Refused, match="Nothing was saved here"):
        desk.undo()


def test_what_is_malformed_is_refused(desk: ReviewDesk, sample_bench: Workbench) -> None:
    before, good = table_bytes(), verdict(sample_bench, *GARDEN, "assign", "parks")
    for bad, what in (
        (replace(good, hierarchical_label="gardens"), "not in taxonomy.csv"),
        (replace(good, hierarchical_label=""), "assign takes a label"),
        (replace(good, decision="remove"), "use one of assign, ignore, unsure"),
        (replace(verdict(sample_bench, *VILLAGES, "remove"), other_parent_qid="Q0"), "is no class here"),
    ):
        assert what in "".join(desk.consequence(bad).refusals)
        with pytest.raises(Refused, match=what):
            save(desk, bad)
    assert table_bytes() == before


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        ("classes", ("Q0",)),
        ("classes", ()),
        ("classes", ("Q1759852", "Q1352795")),
        ("edges", ("Q1759852",)),
        ("edges", ("Q1107656", "Q1759852")),
        ("landmarks", ("train", "1")),
        ("landmarks", ("train", "900158", "")),
        ("labels", ("lake",)),
    ],
)
def test_what_is_not_there_is_no_verdict(desk: ReviewDesk, kind: str, ids: tuple[str, ...]) -> None:
    told, before, seen = Verdict(kind, ids, "unsure", reason="why"), table_bytes(), desk.evidence(*GARDEN).seen
    with pytest.raises(KeyError):
        desk.consequence(told)
    with pytest.raises(KeyError):
        desk.save(told, seen)
    assert table_bytes() == before


@pytest.mark.parametrize("seen", ["", ":", "classes/Q0:0123", "nonsense", "labels/lake:0"])
def test_a_row_that_was_never_seen_saves_nothing(desk: ReviewDesk, sample_bench: Workbench, seen: str) -> None:
    before = table_bytes()
    with pytest.raises(KeyError):
        desk.save(verdict(sample_bench, *GARDEN, "assign", "parks"), seen)
    assert table_bytes() == before


def test_names_and_fingerprints_of_a_client_count_for_nothing(desk: ReviewDesk, sample_bench: Workbench) -> None:
    forged = replace(
        verdict(sample_bench, *GARDEN, "assign", "parks"), names=("=cmd()",), evidence_hash="bbbbbbbbbbbb", where="x:1"
    )
    assert desk.consequence(forged) == desk.consequence(verdict(sample_bench, *GARDEN, "assign", "parks"))
    save(desk, forged)
    (row,) = [row for row in read("class_decisions") if row["class_qid"] == GARDEN[1]]
    assert row["class_label"] == "sculpture garden"
    assert row["evidence_hash"] == sample_bench.evidence("classes", (GARDEN[1],))


# --------------------------------------------------------------------------------------------------- several desks
def test_the_second_of_two_desks_is_told_that_the_row_has_changed(desk: ReviewDesk, sample_bench: Workbench) -> None:
    add_reviewers("ann")
    other = open_desk(sample_bench, "ann")
    seen = {one: one.evidence(*GARDEN).seen for one in (desk, other)}
    desk.save(verdict(sample_bench, *GARDEN, "assign", "parks"), seen[desk])
    before = table_bytes()
    with pytest.raises(Stale, match=r"has changed since you opened it. Verdicts on it now: hgldv2 says assign parks"):
        other.save(verdict(sample_bench, *GARDEN, "assign", "garden"), seen[other])
    assert table_bytes() == before
    answer = save(other, verdict(sample_bench, *GARDEN, "assign", "garden"))  # who has looked again may differ
    assert "Conflict: Q1759852 (sculpture garden): ann says assign garden; hgldv2 says assign parks" in answer
    assert said_on(*GARDEN) == [("ann", "assign garden"), ("hgldv2", "assign parks")]


def test_two_windows_of_one_reviewer_do_not_overwrite_each_other(desk: ReviewDesk, sample_bench: Workbench) -> None:
    first, second = desk.evidence(*GARDEN).seen, desk.evidence(*GARDEN).seen
    desk.save(verdict(sample_bench, *GARDEN, "assign", "parks"), first)
    with pytest.raises(Stale):
        desk.save(verdict(sample_bench, *GARDEN, "assign", "garden"), second)
    assert said_on(*GARDEN) == [("hgldv2", "assign parks")]


def test_a_verdict_on_an_edge_is_seen_on_the_page_of_its_child(desk: ReviewDesk, sample_bench: Workbench) -> None:
    """There the edge can be removed, in place of what was said about it on its own page."""
    other, edge = open_desk(sample_bench), ("edges", "Q1759852/Q7328910")
    seen = desk.evidence(*GARDEN).seen
    removal = next(choice.verdict for choice in desk.evidence(*GARDEN).edges if choice.verdict.key == edge[1])
    other.save(verdict(sample_bench, *edge, "keep"), seen)
    with pytest.raises(Stale):
        desk.save(removal, seen)
    assert said_on(*edge) == [("hgldv2", "keep")]
    save(desk, verdict(sample_bench, *MUSEUM, "ignore"))  # other rows are not touched by it


def test_what_the_command_decides_is_seen_at_once(desk: ReviewDesk, sample_bench: Workbench, cli: Cli) -> None:
    assert listed(desk)[GARDEN] is False
    seen = {row: desk.evidence(*row).seen for row in (GARDEN, MUSEUM)}
    cli("decide", sheet(verdict(sample_bench, *GARDEN, "assign", "parks")), "--reviewer", "hgldv2")
    assert listed(desk)[GARDEN] is True
    assert [given.said for given in desk.evidence(*GARDEN).given] == ["assign parks"]
    with pytest.raises(Stale):
        desk.save(verdict(sample_bench, *GARDEN, "ignore"), seen[GARDEN])
    desk.save(verdict(sample_bench, *MUSEUM, "assign", "library"), seen[MUSEUM])  # another row
    assert said_on(*GARDEN) == [("hgldv2", "assign parks")]
    assert said_on(*MUSEUM) == [("hgldv2", "assign library")]


def test_what_was_decided_while_the_desk_opened_is_not_lost(workspace: Path, sample_bench: Workbench) -> None:
    """At full size the tables lie open for seconds before the desk stands."""
    assert workspace.exists()
    put("class_decisions", row_of(sample_bench, verdict(sample_bench, *GARDEN, "assign", "parks"), "hgldv2"))
    desk = open_desk(sample_bench)  # which was opened before
    assert listed(desk)[GARDEN] is True
    save(desk, verdict(sample_bench, *MUSEUM, "assign", "library"))
    assert said_on(*GARDEN) == [("hgldv2", "assign parks")]


def test_desks_that_save_at_the_same_time_lose_nothing(desk: ReviewDesk, sample_bench: Workbench) -> None:
    add_reviewers("ann")
    other = open_desk(sample_bench, "ann")
    open_classes = [row.key for row in desk.rows() if row.kind == "classes" and not row.is_decided]
    work = {desk: open_classes[:6], other: open_classes[6:12]}

    def sit(at: ReviewDesk) -> None:
        for qid in work[at]:
            save(at, verdict(sample_bench, "classes", qid, "unsure"))

    sittings = [threading.Thread(target=sit, args=(at,)) for at in work]
    for sitting in sittings:
        sitting.start()
    for sitting in sittings:
        sitting.join()
    said = {(row["class_qid"], row["reviewer"]) for row in read("class_decisions")}
    assert said.issuperset((qid, at.reviewer) for at, qids in work.items() for qid in qids)
    assert [problem for law in laws.LAWS for problem in law(workbench.read_curated())] == []


def test_other_anchors_are_seen_while_the_desk_is_open(desk: ReviewDesk, sample_bench: Workbench) -> None:
    seen = desk.evidence(*GARDEN).seen
    path = Path("annotations/anchors.csv")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("Q1107656,")), encoding="utf-8", newline="\n")
    with pytest.raises(Stale, match="It has no verdict, but other parents or evidence"):
        desk.save(verdict(sample_bench, *GARDEN, "assign", "parks"), seen)
    assert GARDEN not in listed(desk)  # one label is left, so nothing is to be decided
    assert desk.evidence(*GARDEN).choices[0].verdict.hierarchical_label == "parks"


def test_tables_that_somebody_breaks_stop_every_save(desk: ReviewDesk, sample_bench: Workbench) -> None:
    seen = desk.evidence(*GARDEN).seen
    put("class_decisions", read("class_decisions")[0] | {"decision": "guess"})
    before = table_bytes()
    with pytest.raises(Refused, match=r"class_decisions\.csv:2: Q1004 .*'guess'"):
        desk.save(verdict(sample_bench, *GARDEN, "assign", "parks"), seen)
    with pytest.raises(CurationError, match="'guess'"):
        desk.evidence(*GARDEN)
    assert table_bytes() == before


# ------------------------------------------------------------------------------------------------------------ undo
def test_undo_gives_the_tables_back_step_by_step(desk: ReviewDesk, sample_bench: Workbench) -> None:
    states, rows = [table_bytes()], [listed(desk)]
    for said in (
        (*GARDEN, "assign", "parks"),
        (*VILLAGES, "remove", "", "Q532"),
        (*GARDEN, "ignore"),
        (*CINEMA, "reject"),
    ):
        save(desk, verdict(sample_bench, *said))
        states.append(table_bytes())
        rows.append(listed(desk))
    for state, row in list(zip(states, rows, strict=True))[-2::-1]:
        assert desk.undo().startswith("Taken back: ")
        assert table_bytes() == state
        assert listed(desk) == row
    with pytest.raises(Refused, match="Nothing was saved here that could be taken back"):
        desk.undo()
    assert desk.consequence(verdict(sample_bench, *GARDEN, "assign", "parks")).moves


def test_what_stood_there_already_is_not_taken_back(desk: ReviewDesk, sample_bench: Workbench) -> None:
    garden = verdict(sample_bench, *GARDEN, "assign", "parks")
    put("class_decisions", row_of(sample_bench, garden, "hgldv2"))
    save(desk, verdict(sample_bench, *MUSEUM, "assign", "library"))
    save(desk, garden)
    desk.undo()
    assert (said_on(*GARDEN), said_on(*MUSEUM)) == ([("hgldv2", "assign parks")], [])
    with pytest.raises(Refused):
        desk.undo()


def test_a_row_that_has_changed_since_is_not_taken_back(desk: ReviewDesk, sample_bench: Workbench, cli: Cli) -> None:
    save(desk, verdict(sample_bench, *GARDEN, "assign", "parks"))
    cli("decide", sheet(verdict(sample_bench, *GARDEN, "ignore")), "--reviewer", "hgldv2")
    before = table_bytes()
    with pytest.raises(Refused, match="changed since it was saved here"):
        desk.undo()
    assert table_bytes() == before


def test_undo_leaves_what_others_saved_since(desk: ReviewDesk, sample_bench: Workbench) -> None:
    add_reviewers("ann")
    save(desk, verdict(sample_bench, *GARDEN, "assign", "parks"))
    save(open_desk(sample_bench, "ann"), verdict(sample_bench, *MUSEUM, "assign", "library"))
    desk.undo()
    assert said_on(*GARDEN) == []
    assert said_on(*MUSEUM) == [("ann", "assign library")]
    assert listed(desk)[GARDEN] is False
    assert listed(desk)[MUSEUM] is True


def test_an_undo_that_cannot_be_written_is_told_and_can_be_tried_again(
    desk: ReviewDesk, sample_bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise CurationError(["annotations/class_decisions.csv: not written (No space left on device)"])

    first = table_bytes()
    save(desk, verdict(sample_bench, *GARDEN, "assign", "parks"))
    before = table_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(recording, "write", full)
        with pytest.raises(Refused, match="No space left"):
            desk.undo()
    assert table_bytes() == before
    desk.undo()
    assert table_bytes() == first


# --------------------------------------------------------------------------------------------------------- the rest
def test_classes_are_found_by_id_and_label(desk: ReviewDesk) -> None:
    assert desk.find_classes("q1759852", 5)[0] == ("Q1759852", "sculpture garden")
    assert desk.find_classes("  Sculpture Gard ", 5) == [("Q1759852", "sculpture garden")]
    names = [name for _, name in desk.find_classes("garden", 50)]
    assert names[0] == "garden"
    assert all("garden" in name.casefold() for name in names)
    begins = [name.casefold().startswith("garden") for name in names]
    assert begins == sorted(begins, reverse=True)
    assert len(desk.find_classes("a", 7)) == 7
    assert desk.find_classes("no such class", 5) == []


def test_labels_are_those_of_the_taxonomy(desk: ReviewDesk) -> None:
    assert desk.labels == [row["hierarchical_label"] for row in read("taxonomy")]


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_queue_the_remedy_is_to_run_the_stages(workspace: Path, sample_bench: Workbench, kind: str) -> None:
    (workspace / QUEUES[kind].path).unlink()
    with pytest.raises(InputError, match=f"data/5_queue/{kind}.csv: not found. Remedy: run `dvc repro`"):
        open_desk(sample_bench)


def test_without_pictures_the_desk_opens(workspace: Path, sample_bench: Workbench) -> None:
    (workspace / tables.IMAGES.path).unlink()
    desk = open_desk(sample_bench)
    desk._thumbnails.listing.join()
    assert desk.evidence(*GARDEN).landmarks[0].image_ids == ()
