"""From verdicts to rows: what is refused, and how it is said; what is taken, replaced, left alone or reported."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from annotations import laws, recording
from annotations.deciding import Insertion, insertion
from annotations.store import ADJUDICATOR, TABLES, CurationError
from annotations.verdicts import TABLE_OF, Verdict
from annotations.worksheet import MAX_CELL
from tests.small_world import DAY, SmallFacts, evidence_of, make, path_in, read_all, row_of, take, undo, verdict

Rows = list[dict[str, str]]
LATER = "2026-02-01"
CHURCH = verdict("classes", ("Q1",), "assign", "church")
ABBEY = {"train": ("train", "7"), "index": ("index", "3")}  # one category


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("empty"))


@pytest.fixture
def folder(empty: Path, tmp_path: Path) -> Path:
    """Curated tables without a decision, to write to."""
    return Path(shutil.copytree(empty, tmp_path / "annotations"))


def rows_in(folder: Path, kind: str) -> Rows:
    return read_all(folder)[TABLE_OF[kind]].drop(columns="where").to_dict("records")


def planned(
    folder: Path, verdicts: list[Verdict], reviewer: str = "ann", change: Callable[[SmallFacts], None] | None = None
) -> Insertion:
    """What the verdicts make of the tables in the folder, with the facts changed."""
    curated = read_all(folder)
    facts = SmallFacts(curated["edge_decisions"])
    if change:
        change(facts)
    return insertion(verdicts[0].kind, verdicts, curated, facts, reviewer, DAY)


def refusal_of(
    folder: Path, verdicts: list[Verdict], reviewer: str = "ann", change: Callable[[SmallFacts], None] | None = None
) -> list[str]:
    """The problems for which verdicts are refused, each with a remedy; no table changes, and the exit code is 1."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(CurationError) as refusal:
        planned(folder, verdicts, reviewer, change)
    assert refusal.value.exit_code == 1
    assert refusal.value.message.startswith("nothing was taken:")
    with pytest.raises(CurationError):
        take(folder, verdicts[0].kind, verdicts, reviewer) if change is None else planned(
            folder, verdicts, reviewer, change
        )
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert all("Remedy: " in problem for problem in refusal.value.problems)
    return refusal.value.problems


# ----------------------------------------------------------------------------------------------------------- refusals
def edge(ids: tuple[str, str], decision: str, other: str = "", **more: str) -> Verdict:
    return verdict("edges", ids, decision, other_parent_qid=other, **more)


Q1_PLACE = ("Q1", "Q10")
REFUSED = {
    "unknown class": (replace(CHURCH, ids=("Q5",)), "Q5 (kirk): not known here"),
    "unknown edge": (edge(("Q1", "Q2"), "keep"), "Q1 Q2 (kirk): not known here"),
    "unknown landmark": (
        replace(verdict("landmarks", ABBEY["train"], "reject"), ids=("index", "7")),
        "index 7 (Abbey): not known here",
    ),
    "other name": (replace(CHURCH, names=("Kirk",)), "Q1 (Kirk): it is called 'kirk' here, not 'Kirk'"),
    "other parent's name": (
        replace(edge(Q1_PLACE, "keep"), names=("kirk", "plaice")),
        "Q1 Q10 (kirk): it is called 'place' here, not 'plaice'",
    ),
    "decision of another table": (verdict("classes", ("Q1",), "remove"), "Q1 (kirk): decision 'remove'"),
    "decision of another case": (verdict("classes", ("Q1",), "Ignore"), "Q1 (kirk): decision 'Ignore'"),
    "no decision": (edge(Q1_PLACE, ""), "Q1 Q10 (kirk): decision ''"),
    "stale": (replace(CHURCH, evidence_hash="old"), "Q1 (kirk): the evidence has changed since"),
    "stale edge": (edge(Q1_PLACE, "keep", evidence_hash=""), "Q1 Q10 (kirk): the evidence has changed since"),
    "no reason": (replace(CHURCH, reason=""), "Q1 (kirk): no reason"),
    "blank reason": (replace(CHURCH, reason=" \t\n\u2003"), "Q1 (kirk): no reason"),
    "no label": (verdict("classes", ("Q1",), "assign"), "Q1 (kirk): assign and label '' do not go together"),
    "label of no use": (verdict("classes", ("Q1",), "ignore", "church"), "Q1 (kirk): ignore and label 'church'"),
    "label of an edge": (edge(Q1_PLACE, "keep", label="church"), "Q1 Q10 (kirk): keep and label 'church'"),
    "unknown label": (verdict("classes", ("Q1",), "assign", "chapel"), "Q1 (kirk): label 'chapel' is not in taxonomy"),
    "label with a space": (
        verdict("landmarks", ABBEY["train"], "assign", "church "),
        "train 7 (Abbey): label 'church ' is not in taxonomy",
    ),
    "nothing to add": (edge(Q1_PLACE, "add"), "Q1 Q10 (kirk): add without a parent"),
    "nothing to add to a class": (edge(("Q1", ""), "add"), "Q1 (kirk): add without a parent"),
    "unknown parent": (edge(Q1_PLACE, "remove", "Q5"), "Q1 Q10 (kirk): other parent Q5 is no class here"),
    "parent of another spelling": (edge(Q1_PLACE, "remove", "q11"), "Q1 Q10 (kirk): other parent q11 is no class here"),
    "own parent": (edge(Q1_PLACE, "keep", "Q1"), "Q1 Q10 (kirk): Q1 cannot be its own parent"),
    "parent already": (edge(("Q2", "Q10"), "remove", "Q11"), "Q2 Q10 (pond): Q11 is a parent already"),
    "the parent itself": (edge(Q1_PLACE, "add", "Q10"), "Q1 Q10 (kirk): Q10 is a parent already"),
    "unsure, and surely": (edge(Q1_PLACE, "unsure", "Q11"), "Q1 Q10 (kirk): unsure and another parent"),
    "edge to nothing": (edge(("Q1", ""), "remove"), "Q1  (kirk): parent_qid '' is not a Wikidata id"),
}


@pytest.mark.parametrize(("said", "problem"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("where", ["", "sheet.csv:7"])
def test_a_verdict_that_cannot_be_taken_is_named_with_line_id_label_and_remedy(
    folder: Path, said: Verdict, problem: str, where: str
) -> None:
    (found,) = refusal_of(folder, [replace(said, where=where)])
    # A law of the table has no line of the sheet; only an edge to nothing gets as far, and no worksheet can hold one.
    at = (
        "edge_decisions.csv: "
        if said.ids == ("Q1", "") and said.decision == "remove"
        else f"{where}: "
        if where
        else ""
    )
    assert found.startswith(f"{at}{problem}")


def test_all_problems_of_all_verdicts_are_listed_and_the_good_ones_wait(folder: Path) -> None:
    good = verdict("classes", ("Q2",), "ignore")
    bad = verdict("classes", ("Q3",), "assign", "chapel", reason="", evidence_hash="old")
    verdicts = [
        replace(said, where=f"sheet.csv:{n}") for n, said in enumerate([replace(CHURCH, names=("x",)), good, bad], 2)
    ]
    found = refusal_of(folder, verdicts)
    assert [problem.split(":")[1].split(" ")[0] for problem in found] == ["2", "4", "4", "4"]
    for problem, part in zip(found, ("'kirk' here", "evidence", "no reason", "'chapel'"), strict=True):
        assert part in problem


def test_evidence_that_changes_makes_only_its_own_verdict_stale(folder: Path) -> None:
    def change(facts: SmallFacts) -> None:
        facts.changed.add(("Q2",))

    (found,) = refusal_of(folder, [CHURCH, verdict("classes", ("Q2",), "ignore")], change=change)
    assert found.startswith("Q2 (pond): the evidence has changed since the row was made")
    assert planned(folder, [CHURCH], change=change).rows[0]["evidence_hash"] == evidence_of("classes", ("Q1",))


def test_a_reviewer_who_is_in_no_list_decides_nothing(folder: Path) -> None:
    (found,) = refusal_of(folder, [CHURCH], reviewer="eve")
    assert "Q1 (kirk): reviewer 'eve' is unknown" in found


@pytest.mark.parametrize("name", ["two\rlines", "nul\0", "half \ud83d a letter"])
@pytest.mark.parametrize("ids", [("Q1",), ("Q1", "Q10"), ("Q2", "Q10")])
def test_a_name_that_could_be_written_but_not_read_again_is_refused(
    folder: Path, name: str, ids: tuple[str, ...]
) -> None:
    # Of the edge from Q2 it is the other parent that has the name.
    def change(facts: SmallFacts) -> None:
        facts.class_labels["Q1"] = name

    if ids[0] == "Q2":
        said = edge(("Q2", "Q10"), "remove", "Q1", where="sheet.csv:2")
    else:
        kind, decision = ("classes", "ignore") if len(ids) == 1 else ("edges", "keep")
        said = verdict(kind, ids, decision, where="sheet.csv:2")
        said = replace(said, names=(name, *said.names[1:]))
    (found,) = refusal_of(folder, [said], change=change)
    assert found.startswith("sheet.csv:2: Q")
    assert repr(name) in found
    assert found.isprintable()


def test_a_cell_is_no_longer_than_a_spreadsheet_holds(folder: Path) -> None:
    (found,) = refusal_of(folder, [replace(CHURCH, reason="x" * (MAX_CELL + 1), where="sheet.csv:2")])
    assert found.startswith(f"sheet.csv:2: Q1 ann: reason has {MAX_CELL + 1} characters")
    take(folder, "classes", [replace(CHURCH, reason="x" * MAX_CELL)])
    assert len(rows_in(folder, "classes")[0]["reason"]) == MAX_CELL


@pytest.mark.parametrize(
    ("rows", "law"),
    [
        ([("Q2", "pond", "ignore", ""), ("Q1", "kirk", "ignore", "")], ":3: Q1 (kirk): out of order"),
        ([("Q1", "kirk", "ignore", ""), ("Q1", "kirk", "unsure", "")], ":3: Q1 (kirk): stands twice"),
        ([("Q1", "kirk", "assign", "tower")], ":2: Q1 (kirk): label 'tower' is not in taxonomy.csv"),
        ([("Q1", "kirk", "ignore", "lake")], ":2: Q1 (kirk): ignore and label 'lake' do not go together"),
        ([("x1", "kirk", "ignore", "")], ":2: x1 (kirk): class_qid 'x1' is not a Wikidata id"),
    ],
)
def test_a_table_that_breaks_its_laws_takes_nothing_and_loses_nothing(
    tmp_path: Path, rows: list[tuple[str, ...]], law: str
) -> None:
    # Sorting it, or keeping one of two rows, would hide what somebody did.
    make(tmp_path, class_decisions=[row_of("class_decisions", cells) for cells in rows])
    (found,) = refusal_of(tmp_path, [verdict("classes", ("Q3",), "ignore")])
    assert f"{path_in(tmp_path, 'class_decisions')}{law}" in found


# ---------------------------------------------------------------------------------------------------------- the rows
TAKEN = {
    "assign": (CHURCH, [("Q1", "kirk", "assign", "church")]),
    "ignore": (verdict("classes", ("Q3",), "ignore"), [("Q3", 'chapel, "old"', "ignore", "")]),
    "unsure": (verdict("classes", ("Q1",), "unsure"), [("Q1", "kirk", "unsure", "")]),
    "landmark": (verdict("landmarks", ("train", "10"), "reject"), [("train", "10", "Cove, the", "reject", "")]),
    "apostrophe": (
        verdict("landmarks", ("index", "40"), "assign", "lake"),
        [("index", "40", "'Opaeka'a Falls", "assign", "lake")],
    ),
    "keep": (edge(Q1_PLACE, "keep"), [("Q1", "kirk", "Q10", "place", "keep")]),
    "remove": (edge(("Q2", "Q11"), "remove"), [("Q2", "pond", "Q11", "water", "remove")]),
    "other parent": (
        edge(Q1_PLACE, "remove", "Q11"),
        [("Q1", "kirk", "Q10", "place", "remove"), ("Q1", "kirk", "Q11", "water", "add")],
    ),
    "one parent more": (
        edge(("Q3", "Q1"), "keep", "Q11"),
        [("Q3", 'chapel, "old"', "Q1", "kirk", "keep"), ("Q3", 'chapel, "old"', "Q11", "water", "add")],
    ),
    "add alone": (edge(Q1_PLACE, "add", "Q11"), [("Q1", "kirk", "Q11", "water", "add")]),
    "add to a class": (edge(("Q1", ""), "add", "Q11"), [("Q1", "kirk", "Q11", "water", "add")]),
}


@pytest.mark.parametrize(("said", "cells"), TAKEN.values(), ids=TAKEN)
def test_a_verdict_becomes_rows_with_the_names_and_the_evidence_of_today(
    folder: Path, said: Verdict, cells: list[tuple[str, ...]]
) -> None:
    name = TABLE_OF[said.kind]
    made = take(folder, said.kind, [replace(said, where="sheet.csv:2")], today=LATER)
    rows = [row_of(name, row, reviewed_on=LATER) for row in cells]
    for row in rows:
        ids = tuple(row[column] for column in TABLES[name].id_columns)
        row["evidence_hash"] = evidence_of(said.kind, ids)
    assert made.rows == rows_in(folder, said.kind) == rows
    assert made.wheres == ["sheet.csv:2"] * len(rows)
    assert (made.name, made.replaced, made.unchanged, made.conflicts) == (name, [], 0, [])
    assert laws.broken_laws(read_all(folder)) == []


def test_a_reason_becomes_one_line(folder: Path) -> None:
    take(folder, "classes", [replace(CHURCH, reason=" seen\r\non\rsite\u2028 \t twice\n")])
    assert rows_in(folder, "classes")[0]["reason"] == "seen on site twice"


def test_verdicts_are_put_in_order_among_the_others_and_other_lines_stay(folder: Path) -> None:
    path = path_in(folder, "landmark_decisions")
    ids = [("train", "10"), ("index", "40"), ("train", "7")]
    take(folder, "landmarks", [verdict("landmarks", one, "unsure") for one in ids], reviewer="bob")
    old = path.read_text().splitlines()
    made = take(
        folder, "landmarks", [verdict("landmarks", ("train", "9"), "unsure"), verdict("landmarks", ids[0], "unsure")]
    )
    new = path.read_text().splitlines()
    assert [line.rpartition(f",{DAY}")[0].replace('"', "") for line in new[1:]] == [
        "index,40,'Opaeka'a Falls,unsure,,bob",
        "train,7,Abbey,unsure,,bob",
        "train,9,Bay,unsure,,ann",
        "train,10,Cove, the,unsure,,ann",
        "train,10,Cove, the,unsure,,bob",
    ]
    assert [line for line in new if line in old] == old
    assert made.before.drop(columns="where").to_dict("records") == made.after.drop([2, 3]).to_dict("records")


def test_nothing_is_written_by_planning(folder: Path) -> None:
    old = path_in(folder, "class_decisions").read_bytes()
    assert len(planned(folder, [CHURCH]).rows) == 1
    assert path_in(folder, "class_decisions").read_bytes() == old


def test_no_verdict_makes_no_row(folder: Path) -> None:
    made = take(folder, "classes", [])
    assert (made.rows, made.replaced, made.unchanged, made.conflicts) == ([], [], 0, [])


# ------------------------------------------------------------------------------------------------- the same, and anew
@pytest.mark.parametrize(("said", "cells"), TAKEN.values(), ids=TAKEN)
def test_a_worksheet_that_is_taken_again_changes_nothing_and_keeps_the_date(
    folder: Path, said: Verdict, cells: list[tuple[str, ...]]
) -> None:
    take(folder, said.kind, [said])
    old = path_in(folder, TABLE_OF[said.kind]).read_bytes()
    made = take(folder, said.kind, [said], today=LATER)
    assert (made.rows, made.wheres, made.replaced, made.unchanged) == ([], [], [], len(cells))
    assert path_in(folder, TABLE_OF[said.kind]).read_bytes() == old


def test_a_worksheet_that_is_taken_again_with_more_rows_filled_adds_these(folder: Path) -> None:
    first, second = edge(Q1_PLACE, "remove", "Q11"), edge(("Q2", "Q11"), "keep")
    take(folder, "edges", [first])
    made = take(folder, "edges", [first, second], today=LATER)
    assert ([row["child_qid"] for row in made.rows], made.unchanged) == (["Q2"], 2)
    assert [row["reviewed_on"] for row in rows_in(folder, "edges")] == [DAY, DAY, LATER]


@pytest.mark.parametrize(
    "anew",
    [
        verdict("classes", ("Q1",), "ignore"),
        verdict("classes", ("Q1",), "assign", "lake"),
        verdict("classes", ("Q1",), "unsure"),
        replace(CHURCH, reason="read"),
    ],
)
def test_who_decides_anew_replaces_the_own_row_alone(folder: Path, anew: Verdict) -> None:
    take(folder, "classes", [CHURCH, verdict("classes", ("Q2",), "ignore")])
    take(folder, "classes", [CHURCH], reviewer="bob")
    mine, bobs, pond = rows_in(folder, "classes")
    made = take(folder, "classes", [anew], today=LATER)
    label = anew.hierarchical_label
    new = mine | {"decision": anew.decision, "hierarchical_label": label, "reason": anew.reason, "reviewed_on": LATER}
    assert rows_in(folder, "classes") == [new, bobs, pond]
    assert (made.rows, made.replaced, made.unchanged) == ([new], [mine], 0)


def test_a_new_fingerprint_makes_a_new_row(folder: Path) -> None:
    take(folder, "classes", [CHURCH])
    made = planned(
        folder, [replace(CHURCH, evidence_hash=CHURCH.evidence_hash + "~")], change=lambda f: f.changed.add(("Q1",))
    )
    assert [row["evidence_hash"] for row in made.rows] == [CHURCH.evidence_hash + "~"]
    assert len(made.replaced) == 1


def test_an_edge_that_one_reviewer_added_may_be_added_by_another(folder: Path) -> None:
    # Else two reviewers could never agree on it.
    take(folder, "edges", [edge(("Q1", ""), "add", "Q11")])
    made = take(folder, "edges", [edge(("Q1", ""), "add", "Q11")], reviewer="bob")
    assert [row["reviewer"] for row in rows_in(folder, "edges")] == ["ann", "bob"]
    assert made.conflicts == []


# ------------------------------------------------------------------------------------------------ one thing said twice
def test_a_parent_that_two_rows_name_for_the_same_reason_is_added_once(folder: Path) -> None:
    verdicts = [edge(("Q2", "Q10"), "remove", "Q1"), edge(("Q2", "Q11"), "remove", "Q1")]
    made = take(folder, "edges", verdicts)
    assert [(row["parent_qid"], row["decision"]) for row in made.rows] == [
        ("Q10", "remove"),
        ("Q1", "add"),
        ("Q11", "remove"),
    ]
    assert rows_in(folder, "edges") == sorted(made.rows, key=lambda row: row["parent_qid"])
    undo(folder, made)
    assert rows_in(folder, "edges") == []


def test_a_parent_that_two_rows_name_for_other_reasons_is_refused(folder: Path) -> None:
    verdicts = [
        edge(("Q2", "Q10"), "remove", "Q1", where="sheet.csv:2"),
        edge(("Q2", "Q11"), "remove", "Q1", where="sheet.csv:3", reason="read"),
    ]
    (found,) = refusal_of(folder, verdicts)
    assert found.startswith("sheet.csv:3: Q2 Q1 (pond, kirk): add (read) here, and sheet.csv:2: add (seen)")


def test_an_edge_that_is_removed_is_not_added_by_the_same_row(folder: Path) -> None:
    take(folder, "edges", [edge(Q1_PLACE, "remove")], reviewer="bob")  # now it is no parent, and may be named again
    (found,) = refusal_of(folder, [edge(Q1_PLACE, "keep", "Q10", where="sheet.csv:2")])
    assert found.startswith("sheet.csv:2: Q1 Q10 (kirk, place): add (seen) here, and sheet.csv:2: keep (seen)")


def test_two_verdicts_of_one_reviewer_on_one_class_are_refused(folder: Path) -> None:
    (found,) = refusal_of(folder, [CHURCH, verdict("classes", ("Q1",), "ignore")])
    assert found.startswith("Q1 (kirk): ignore (seen) here, and assign (seen)")


# ---------------------------------------------------------------------------------------------------------- conflicts
BOTH = {
    "classes": (CHURCH, verdict("classes", ("Q1",), "assign", "lake"), "Q1 (kirk)", "assign church", "assign lake"),
    "edges": (edge(Q1_PLACE, "keep"), edge(Q1_PLACE, "remove"), "Q1 Q10 (kirk, place)", "keep", "remove"),
    "landmarks": (
        verdict("landmarks", ABBEY["train"], "assign", "church"),
        verdict("landmarks", ABBEY["index"], "reject"),  # the same category in the other split
        "(Abbey)",
        "assign church",
        "reject",
    ),
}


@pytest.mark.parametrize(("anns", "bobs", "about", "first", "second"), BOTH.values(), ids=BOTH)
def test_another_verdict_of_another_reviewer_is_taken_and_reported_until_it_is_adjudicated(
    folder: Path, anns: Verdict, bobs: Verdict, about: str, first: str, second: str
) -> None:
    kind = anns.kind
    assert take(folder, kind, [anns]).conflicts == []
    made = take(folder, kind, [bobs], reviewer="bob")
    (conflict,) = made.conflicts
    assert about in conflict
    assert f"ann says {first}" in conflict
    assert f"bob says {second}" in conflict
    assert f"Remedy: agree, or add a row of reviewer {ADJUDICATOR}" in conflict
    assert made.replaced == []
    assert len(rows_in(folder, kind)) == 2
    assert len(list(laws.verdicts_do_not_conflict(read_all(folder)))) == 1
    assert take(folder, kind, [bobs], reviewer=ADJUDICATOR).conflicts == []
    assert laws.broken_laws(read_all(folder)) == []
    assert take(folder, kind, [replace(anns, reason="read")]).conflicts == []  # it is settled


@pytest.mark.parametrize(("anns", "bobs", "about", "first", "second"), BOTH.values(), ids=BOTH)
def test_unsure_never_conflicts_and_agreement_is_none(
    folder: Path, anns: Verdict, bobs: Verdict, about: str, first: str, second: str
) -> None:
    take(folder, anns.kind, [anns])
    unsure = replace(anns, decision="unsure", hierarchical_label="")
    assert take(folder, anns.kind, [unsure], reviewer="bob").conflicts == []
    assert take(folder, anns.kind, [anns], reviewer="cleo").conflicts == []
    assert len(rows_in(folder, anns.kind)) == 3


def test_an_unsure_adjudication_settles_nothing(folder: Path) -> None:
    take(folder, "classes", [CHURCH])
    take(folder, "classes", [verdict("classes", ("Q1",), "ignore")], reviewer="bob")
    (conflict,) = take(folder, "classes", [verdict("classes", ("Q1",), "unsure")], reviewer=ADJUDICATOR).conflicts
    assert "ann says assign church; bob says ignore" in conflict


def test_who_comes_round_ends_the_conflict(folder: Path) -> None:
    take(folder, "classes", [CHURCH])
    take(folder, "classes", [verdict("classes", ("Q1",), "ignore")], reviewer="bob")
    assert take(folder, "classes", [CHURCH], reviewer="bob").conflicts == []
    assert laws.broken_laws(read_all(folder)) == []


def test_an_earlier_conflict_about_something_else_neither_stops_a_verdict_nor_is_reported_with_it(folder: Path) -> None:
    take(folder, "classes", [CHURCH])
    take(folder, "classes", [verdict("classes", ("Q1",), "ignore")], reviewer="bob")
    assert take(folder, "classes", [verdict("classes", ("Q2",), "assign", "lake")]).conflicts == []
    assert len(rows_in(folder, "classes")) == 3


def test_every_conflict_of_a_worksheet_is_reported(folder: Path) -> None:
    ids = [("Q1",), ("Q2",), ("Q3",)]
    take(folder, "classes", [verdict("classes", one, "ignore") for one in ids])
    others = [verdict("classes", ids[0], "assign", "church"), verdict("classes", ids[1], "ignore")]
    made = take(folder, "classes", [*others, verdict("classes", ids[2], "assign", "church")], reviewer="bob")
    assert [conflict.split(" ")[0] for conflict in made.conflicts] == ["Q1", "Q3"]


# ----------------------------------------------------------------------------------------- one category in two splits
TRAIN_CHURCH = verdict("landmarks", ABBEY["train"], "assign", "church", where="sheet.csv:2")
INDEX_LAKE = verdict("landmarks", ABBEY["index"], "assign", "lake", where="sheet.csv:3")


def test_a_reviewer_says_one_thing_of_a_category_in_both_splits(folder: Path) -> None:
    take(folder, "landmarks", [TRAIN_CHURCH])
    (found,) = refusal_of(folder, [INDEX_LAKE])
    assert found.startswith(
        "sheet.csv:3: index 3 (Abbey): assign lake here, but ann says assign church on train 7 (Abbey)"
    )
    take(folder, "landmarks", [replace(INDEX_LAKE, hierarchical_label="church")])
    assert laws.broken_laws(read_all(folder)) == []


def test_a_worksheet_that_says_two_things_of_a_category_is_refused_in_both_rows(folder: Path) -> None:
    found = refusal_of(folder, [TRAIN_CHURCH, INDEX_LAKE])
    assert sorted(problem.partition(" (")[0] for problem in found) == ["sheet.csv:2: train 7", "sheet.csv:3: index 3"]


def test_the_adjudicator_says_one_thing_of_a_category_too(folder: Path) -> None:
    take(folder, "landmarks", [TRAIN_CHURCH], reviewer=ADJUDICATOR)
    (found,) = refusal_of(folder, [INDEX_LAKE], reviewer=ADJUDICATOR)
    assert "index 3 (Abbey): assign lake here" in found


def test_both_remedies_for_a_category_work(folder: Path) -> None:
    take(folder, "landmarks", [TRAIN_CHURCH, replace(INDEX_LAKE, hierarchical_label="church")])
    refusal_of(folder, [INDEX_LAKE])
    take(folder, "landmarks", [replace(TRAIN_CHURCH, hierarchical_label="lake"), INDEX_LAKE])  # all in one worksheet
    assert set(read_all(folder)["landmark_decisions"]["hierarchical_label"]) == {"lake"}
    take(folder, "landmarks", [replace(INDEX_LAKE, decision="unsure", hierarchical_label="")])  # or unsure first
    take(folder, "landmarks", [TRAIN_CHURCH])
    take(folder, "landmarks", [replace(INDEX_LAKE, hierarchical_label="church")])
    assert set(read_all(folder)["landmark_decisions"]["hierarchical_label"]) == {"church"}


def test_a_reviewer_who_said_two_things_of_a_category_once_can_still_decide_about_others(tmp_path: Path) -> None:
    # As two branches of git may leave it; an adjudicated row has settled it since.
    cells = [("index", "3", "Abbey", "assign", "lake"), ("train", "7", "Abbey", "assign", "church")]
    said = [row_of("landmark_decisions", row) for row in cells]
    settled = row_of("landmark_decisions", cells[0], ADJUDICATOR)
    make(tmp_path, landmark_decisions=[settled, *said])
    assert laws.broken_laws(read_all(tmp_path)) == []
    assert len(take(tmp_path, "landmarks", [verdict("landmarks", ("train", "9"), "reject")]).rows) == 1


# --------------------------------------------------------------------------------------------------------------- undo
@pytest.mark.parametrize(("said", "cells"), TAKEN.values(), ids=TAKEN)
def test_what_was_taken_can_be_taken_back(folder: Path, said: Verdict, cells: list[tuple[str, ...]]) -> None:
    path = path_in(folder, TABLE_OF[said.kind])
    take(folder, said.kind, [said], reviewer="bob")
    old = path.read_bytes()
    made = take(folder, said.kind, [said])
    assert len(made.rows) == len(cells)
    assert path.read_bytes() != old
    undo(folder, made, LATER)
    assert path.read_bytes() == old


def test_a_verdict_whose_row_was_decided_anew_cannot_be_taken_back_before_the_new_one(folder: Path) -> None:
    first = take(folder, "classes", [CHURCH])
    second = take(folder, "classes", [verdict("classes", ("Q1",), "ignore")], today=LATER)
    with pytest.raises(CurationError, match="Q1 \\(kirk\\): changed since"):
        undo(folder, first)
    undo(folder, second)
    assert rows_in(folder, "classes") == first.rows
    undo(folder, first)
    assert rows_in(folder, "classes") == []


def test_the_lock_of_a_refusal_is_free(folder: Path) -> None:
    refusal_of(folder, [replace(CHURCH, reason="")])
    with recording.locked(folder):
        assert rows_in(folder, "classes") == []
