"""Every law of the curated tables with rows that break it, and the committed tables, which break none."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from annotations import laws
from annotations.store import ADJUDICATOR, TABLES, read

Tables = dict[str, pd.DataFrame]
SIGNED = "ann,2026-01-31,,seen"
LAWFUL = {
    "taxonomy": ["church,human-made,1,Where people pray.", "lake,natural,2,"],
    "anchors": ["Q16970,church building,church,", "Q23397,lake,lake,"],
    "class_decisions": [f"Q1,thing,ignore,,{SIGNED}", f"Q2,pond,assign,lake,{SIGNED}", f"Q3,odd,unsure,,{SIGNED}"],
    "edge_decisions": [f"Q1,thing,Q2,pond,add,{SIGNED}", f"Q2,pond,Q1,thing,remove,{SIGNED}"],
    "landmark_decisions": [
        f"index,9,Abbey,assign,church,{SIGNED}",
        f"index,10,Bay,reject,,{SIGNED}",
        f"train,3,Cove,unsure,,{SIGNED}",
    ],
    "reviewers": [f"{ADJUDICATOR},Settled,", "ann,Ann,", "bob,Bob,0000-0002-1825-0097"],
}


def write(folder: Path, name: str, rows: list[str]) -> pd.DataFrame:
    path = folder / f"{name}.csv"
    lines = [",".join(TABLES[name].columns), *rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return read(name, path)


@pytest.fixture(scope="session")
def lawful(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("lawful")
    return {name: write(folder, name, rows) for name, rows in LAWFUL.items()}


@pytest.fixture
def tables(lawful: Tables, tmp_path: Path) -> Callable[..., Tables]:
    """Lawful tables, read from files, with the rows of some replaced."""
    return lambda **rows: lawful | {name: write(tmp_path, name, lines) for name, lines in rows.items()}


def broken(law: Callable[[Tables], Iterator[str]], curated: Tables) -> list[str]:
    """Messages of one law, each of which tells a remedy and is among those of all laws."""
    messages = list(law(curated))
    assert all("Remedy: " in message for message in messages)
    assert set(messages) <= set(laws.broken_laws(curated))
    return messages


def test_the_committed_tables_are_lawful(root: Path) -> None:
    curated = {name: read(name, root / "annotations" / f"{name}.csv") for name in TABLES}
    assert laws.broken_laws(curated) == []


def test_the_sample_decisions_are_lawful(root: Path) -> None:
    folders = {
        name: root / ("sample/annotations" if name == "landmark_decisions" else "annotations") for name in TABLES
    }
    assert laws.broken_laws({name: read(name, folder / f"{name}.csv") for name, folder in folders.items()}) == []


def test_the_taxonomy_has_78_labels_of_which_18_are_natural_and_all_have_an_anchor(root: Path) -> None:
    taxonomy, anchors = (read(name, root / "annotations" / f"{name}.csv") for name in ("taxonomy", "anchors"))
    assert taxonomy["natural_or_human_made"].value_counts().to_dict() == {"human-made": 60, "natural": 18}
    assert set(anchors["hierarchical_label"]) == set(taxonomy["hierarchical_label"])


def test_lawful_tables_break_no_law(tables: Callable[..., Tables]) -> None:
    assert laws.broken_laws(tables()) == []


def test_tables_that_a_stage_does_not_read_may_be_left_out(tables: Callable[..., Tables]) -> None:
    curated = tables()
    few = {name: curated[name] for name in ("taxonomy", "anchors", "reviewers")}
    assert laws.broken_laws(few) == []


def test_every_law_is_in_the_list() -> None:
    declared = {name for name, value in vars(laws).items() if getattr(value, "__module__", "") == laws.__name__}
    public = {name for name in declared if not name.startswith("_")}
    assert public - {"broken_laws"} == {law.__name__ for law in laws.LAWS}


def test_all_failures_are_collected(tables: Callable[..., Tables]) -> None:
    curated = tables(
        anchors=["Q2,b,church,", "Q1,a,chapel,"], class_decisions=[f"q5,thing,drop,,{SIGNED.replace('ann', 'eve')}"]
    )
    found = " | ".join(laws.broken_laws(curated))
    for part in ("out of order", "'chapel'", "'q5'", "'drop'", "'eve'"):
        assert part in found


# ---------------------------------------------------------------------------------------------- order and repetition
@pytest.mark.parametrize(
    ("table", "rows", "expected"),
    [
        ("anchors", ["Q2,two,church,", "Q1,one,church,"], "anchors.csv:3: Q1 (one): out of order"),
        ("anchors", ["Q1,one,church,", "Q1,one,lake,"], "anchors.csv:3: Q1 (one): stands twice"),
        ("anchors", ["Q9,nine,church,", "Q10,ten,church,"], "anchors.csv:3: Q10 (ten): out of order"),
        ("taxonomy", ["lake,natural,1,", "church,human-made,2,"], "taxonomy.csv:3: church: out of order"),
        ("reviewers", ["ann,Ann,", "ann,Anna,"], "reviewers.csv:3: ann: stands twice"),
        (
            "class_decisions",
            ["Q1,one,ignore,,bob,2026-01-31,,seen", "Q1,one,ignore,,ann,2026-01-31,,seen"],
            "class_decisions.csv:3: Q1 (one): out of order",
        ),
        (
            "edge_decisions",
            [f"Q1,one,Q2,two,keep,{SIGNED}", f"Q1,one,Q2,two,remove,{SIGNED}"],
            "edge_decisions.csv:3: Q1 Q2 (one): stands twice",
        ),
        (
            "landmark_decisions",
            [f"train,10,Bay,reject,,{SIGNED}", f"train,9,Abbey,reject,,{SIGNED}"],
            "landmark_decisions.csv:3: train 9 (Abbey): out of order",
        ),
    ],
)
def test_rows_are_in_key_order_and_stand_once(
    tables: Callable[..., Tables], table: str, rows: list[str], expected: str
) -> None:
    (message,) = broken(laws.rows_are_sorted_and_unique, tables(**{table: rows}))
    assert expected in message


def test_two_reviewers_may_decide_the_same_id(tables: Callable[..., Tables]) -> None:
    rows = ["Q1,one,ignore,,ann,2026-01-31,,seen", "Q1,one,ignore,,bob,2026-01-31,,seen"]
    assert laws.broken_laws(tables(class_decisions=rows)) == []


# -------------------------------------------------------------------------------------------------------------- ids
@pytest.mark.parametrize("bad", ["q12", "12", "Q012", "Q12 ", "P31", "Q", "", "Q1.5", "Q1 Q2"])
def test_class_ids_are_q_and_a_number(tables: Callable[..., Tables], bad: str) -> None:
    (message,) = broken(laws.ids_are_wikidata_ids, tables(anchors=[f"{bad},thing,church,"]))
    assert f"anchors.csv:2: {bad} (thing)" in message
    assert repr(bad) in message


@pytest.mark.parametrize(("child", "parent", "column"), [("x", "Q1", "child_qid"), ("Q1", "x", "parent_qid")])
def test_both_ends_of_an_edge_are_checked(tables: Callable[..., Tables], child: str, parent: str, column: str) -> None:
    curated = tables(edge_decisions=[f"{child},thing,{parent},other,keep,{SIGNED}"])
    (message,) = broken(laws.ids_are_wikidata_ids, curated)
    assert f"edge_decisions.csv:2: {child} {parent} (thing): {column} 'x'" in message


# --------------------------------------------------------------------------------------------------------- taxonomy
@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("church,human-made,0,", "priority '0'"),
        ("church,human-made,,", "priority ''"),
        ("church,human-made,1.5,", "priority '1.5'"),
        ("church,human-made,first,", "priority 'first'"),
        ("church,human-made,01,", "priority '01'"),
        ("church,human-made,-1,", "priority '-1'"),
        ("church,,1,", "no natural_or_human_made"),
        ("church, ,1,", "no natural_or_human_made"),
        ("church ,human-made,1,", "spaces at its ends"),
    ],
)
def test_a_label_has_a_priority_every_level_and_no_spaces_at_its_ends(
    tables: Callable[..., Tables], row: str, what: str
) -> None:
    (message,) = broken(laws.priorities_and_levels_are_set, tables(taxonomy=[row, "lake,natural,2,"]))
    assert f"taxonomy.csv:2: {row.split(',')[0]}: " in message
    assert what in message


def test_a_level_has_no_spaces_at_its_ends(tables: Callable[..., Tables]) -> None:
    # Else "natural " would be a third nature.
    curated = tables(taxonomy=["church,human-made,1,", "lake,natural ,2,"])
    (message,) = broken(laws.priorities_and_levels_are_set, curated)
    assert "taxonomy.csv:3: lake: " in message


def deep_taxonomy(folder: Path, *rows: str) -> pd.DataFrame:
    path = folder / "taxonomy.csv"
    lines = ["hierarchical_label,group,realm,priority,description", *rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return read("taxonomy", path)


def test_a_taxonomy_of_another_depth_is_lawful_when_its_levels_nest(
    tables: Callable[..., Tables], tmp_path: Path
) -> None:
    rows = ["church,worship,human-made,1,", "house,home,human-made,3,", "lake,water,natural,2,"]
    assert laws.broken_laws({**tables(), "taxonomy": deep_taxonomy(tmp_path, *rows)}) == []


def test_a_level_lies_under_one_coarser_level(tables: Callable[..., Tables], tmp_path: Path) -> None:
    taxonomy = deep_taxonomy(tmp_path, "church,place,human-made,1,", "lake,place,natural,2,")
    (message,) = broken(laws.priorities_and_levels_are_set, {**tables(), "taxonomy": taxonomy})
    assert "taxonomy.csv:3: lake: group 'place' lies under 'human-made' elsewhere, here under 'natural'" in message


def test_every_level_of_a_deep_taxonomy_is_set(tables: Callable[..., Tables], tmp_path: Path) -> None:
    taxonomy = deep_taxonomy(tmp_path, "church,,human-made,1,", "lake,water,natural,2,")
    (message,) = broken(laws.priorities_and_levels_are_set, {**tables(), "taxonomy": taxonomy})
    assert "taxonomy.csv:2: church: no group" in message


def test_a_priority_belongs_to_one_label(tables: Callable[..., Tables]) -> None:
    curated = tables(taxonomy=["church,human-made,1,", "lake,natural,1,"])
    (message,) = broken(laws.priorities_and_levels_are_set, curated)
    assert "taxonomy.csv:3: lake: priority 1 is taken" in message


# ----------------------------------------------------------------------------------------------------------- labels
@pytest.mark.parametrize(
    ("table", "row", "where"),
    [
        ("anchors", "Q1,thing,{},", "anchors.csv:2: Q1 (thing)"),
        ("class_decisions", f"Q1,thing,assign,{{}},{SIGNED}", "class_decisions.csv:2: Q1 (thing)"),
        ("landmark_decisions", f"train,7,Abbey,assign,{{}},{SIGNED}", "landmark_decisions.csv:2: train 7 (Abbey)"),
    ],
)
@pytest.mark.parametrize("label", ["chapel", "Church", "church ", "churches"])
def test_labels_are_those_of_the_taxonomy(
    tables: Callable[..., Tables], table: str, row: str, where: str, label: str
) -> None:
    (message,) = broken(laws.labels_are_in_the_taxonomy, tables(**{table: [row.format(label)]}))
    assert f"{where}: label {label!r} is not in taxonomy.csv" in message


def test_an_anchor_has_a_label(tables: Callable[..., Tables]) -> None:
    (message,) = broken(laws.decisions_are_allowed, tables(anchors=["Q1,thing,,"]))
    assert "anchors.csv:2: Q1 (thing): no label" in message


# -------------------------------------------------------------------------------------------------------- decisions
@pytest.mark.parametrize(
    ("table", "row", "what"),
    [
        ("class_decisions", f"Q1,thing,remove,,{SIGNED}", "decision 'remove'"),
        ("class_decisions", f"Q1,thing,Ignore,,{SIGNED}", "decision 'Ignore'"),
        ("class_decisions", f"Q1,thing,,,{SIGNED}", "decision ''"),
        ("class_decisions", f"Q1,thing,assign,,{SIGNED}", "assign and label '' do not go together"),
        ("class_decisions", f"Q1,thing,ignore,church,{SIGNED}", "ignore and label 'church' do not go together"),
        ("class_decisions", f"Q1,thing,unsure,church,{SIGNED}", "unsure and label 'church' do not go together"),
        ("edge_decisions", f"Q1,thing,Q2,other,ignore,{SIGNED}", "decision 'ignore'"),
        ("edge_decisions", f"Q1,thing,Q2,other,assign,{SIGNED}", "decision 'assign'"),
        ("landmark_decisions", f"train,7,Abbey,ignore,,{SIGNED}", "decision 'ignore'"),
        ("landmark_decisions", f"train,7,Abbey,assign,,{SIGNED}", "assign and label '' do not go together"),
        ("landmark_decisions", f"train,7,Abbey,reject,church,{SIGNED}", "reject and label 'church' do not go together"),
        ("class_decisions", "Q1,thing,ignore,,ann,2026-01-31,,", "no reason"),
        ("edge_decisions", "Q1,thing,Q2,other,keep,ann,2026-01-31,,  ", "no reason"),
    ],
)
def test_decisions_are_those_of_their_table_with_a_label_when_they_assign_and_a_reason(
    tables: Callable[..., Tables], table: str, row: str, what: str
) -> None:
    (message,) = broken(laws.decisions_are_allowed, tables(**{table: [row]}))
    assert f"{table}.csv:2: " in message
    assert ("(Abbey): " if table == "landmark_decisions" else "(thing): ") + what in message


# -------------------------------------------------------------------------------------------------------- reviewers
def test_a_reviewer_is_in_reviewers_csv(tables: Callable[..., Tables]) -> None:
    curated = tables(class_decisions=["Q1,thing,ignore,,eve,2026-01-31,,seen"])
    (message,) = broken(laws.reviewers_are_known, curated)
    assert "class_decisions.csv:2: Q1 (thing): reviewer 'eve' is unknown" in message


@pytest.mark.parametrize("date", ["", "31.01.2026", "2026-1-31", "20260131", "2026-01-31T00:00", "yesterday"])
def test_a_date_is_written_as_a_date(tables: Callable[..., Tables], date: str) -> None:
    curated = tables(edge_decisions=[f"Q1,thing,Q2,other,keep,ann,{date},,seen"])
    (message,) = broken(laws.reviewers_are_known, curated)
    assert f"edge_decisions.csv:2: Q1 Q2 (thing): reviewed_on {date!r}" in message


@pytest.mark.parametrize("date", ["2026-02-30", "2026-13-01", "0000-00-00"])
def test_a_date_is_a_day_that_exists(tables: Callable[..., Tables], date: str) -> None:
    curated = tables(class_decisions=[f"Q1,thing,ignore,,ann,{date},,seen"])
    (message,) = broken(laws.reviewers_are_known, curated)
    assert repr(date) in message


# -------------------------------------------------------------------------------------------------------- conflicts
def by(reviewer: str, head: str) -> str:
    return f"{head},{reviewer},2026-01-31,,seen"


CHURCH, LAKE, IGNORE, UNSURE = (f"Q1,thing,{words}" for words in ("assign,church", "assign,lake", "ignore,", "unsure,"))
KEEP, REMOVE, EDGE_UNSURE = (f"Q1,thing,Q2,other,{word}" for word in ("keep", "remove", "unsure"))
TRAIN, INDEX = "train,7,Abbey", "index,3,Abbey"


@pytest.mark.parametrize(
    ("table", "rows", "said"),
    [
        ("class_decisions", [by("ann", CHURCH), by("bob", LAKE)], "assign church / assign lake"),
        ("class_decisions", [by("ann", CHURCH), by("bob", IGNORE)], "assign church / ignore"),
        (
            "class_decisions",
            [by(ADJUDICATOR, UNSURE), by("ann", CHURCH), by("bob", LAKE)],
            "assign church / assign lake",
        ),
        ("edge_decisions", [by("ann", KEEP), by("bob", REMOVE)], "keep / remove"),
        (
            "landmark_decisions",
            [by("ann", f"{TRAIN},assign,church"), by("bob", f"{TRAIN},assign,lake")],
            "assign church / assign lake",
        ),
        (
            "landmark_decisions",
            [by("ann", f"{INDEX},reject,"), by("ann", f"{TRAIN},assign,church")],
            "reject / assign church",
        ),
        (
            "landmark_decisions",
            [by(ADJUDICATOR, f"{INDEX},reject,"), by(ADJUDICATOR, f"{TRAIN},assign,church")],
            "reject / assign church",
        ),
    ],
)
def test_verdicts_that_differ_are_a_conflict(
    tables: Callable[..., Tables], table: str, rows: list[str], said: str
) -> None:
    (message,) = laws.broken_laws(tables(**{table: rows}))
    assert f"{table}.csv:" in message
    assert f"conflict ({said})" in message
    assert f"reviewer {ADJUDICATOR}" in message


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("class_decisions", [by("ann", CHURCH), by("bob", CHURCH)]),
        ("class_decisions", [by("ann", CHURCH), by("bob", UNSURE)]),
        ("class_decisions", [by("ann", UNSURE), by("bob", UNSURE)]),
        ("class_decisions", [by(ADJUDICATOR, LAKE), by("ann", CHURCH), by("bob", LAKE)]),
        ("class_decisions", [by(ADJUDICATOR, IGNORE), by("ann", CHURCH), by("bob", LAKE)]),
        ("class_decisions", [by(ADJUDICATOR, UNSURE), by("ann", CHURCH)]),
        ("edge_decisions", [by(ADJUDICATOR, KEEP), by("ann", KEEP), by("bob", REMOVE)]),
        ("edge_decisions", [by("ann", REMOVE), by("bob", EDGE_UNSURE)]),
        ("edge_decisions", [by("ann", KEEP), by("ann", "Q1,thing,Q3,third,remove")]),
        ("landmark_decisions", [by("ann", f"{INDEX},assign,church"), by("ann", f"{TRAIN},assign,church")]),
        ("landmark_decisions", [by("ann", f"{INDEX},unsure,"), by("ann", f"{TRAIN},assign,church")]),
        ("landmark_decisions", [by("ann", "index,3,Bay,assign,lake"), by("ann", f"{TRAIN},assign,church")]),
        (
            "landmark_decisions",
            [by("ann", f"{INDEX},reject,"), by(ADJUDICATOR, f"{TRAIN},assign,lake"), by("ann", f"{TRAIN},reject,")],
        ),
    ],
)
def test_agreement_unsure_and_adjudication_are_no_conflict(
    tables: Callable[..., Tables], table: str, rows: list[str]
) -> None:
    assert laws.broken_laws(tables(**{table: rows})) == []
