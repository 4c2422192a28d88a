"""`hgld check`: it passes on the committed tables, and a row broken on purpose breaks the check named as its rule."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from annotations import laws
from annotations.store import ADJUDICATOR
from pipeline import curation_checks, tables, workbench
from pipeline.workbench import Workbench
from tests.curating import TODAY, Row, add_reviewers, put, read, row_of, table_bytes, verdict

Cli = Callable[..., Result]
NAMES = [
    "tables_are_readable",
    *(law.__name__ for law in laws.LAWS),
    "every_label_has_an_anchor",
    *(check.__name__ for check in curation_checks.CHECKS),
]
SIGNED = {"reviewer": "hgldv2", "reviewed_on": TODAY, "evidence_hash": "", "reason": "Seen on the spot."}


@pytest.fixture
def curated(workspace: Path, opened_before: None) -> Path:
    """A copy of the sample whose tables are checked in a third of the time: with a few of the 14,000 head nouns."""
    nouns = workspace / "annotations/head_nouns.csv"
    lines = nouns.read_text(encoding="utf-8").splitlines(keepends=True)
    nouns.write_text("".join(lines[:50]), encoding="utf-8", newline="\n")
    return workspace


def failures(cli: Cli) -> dict[str, list[str]]:
    """What is wrong by check, less the checks that wait for others; the exit code says whether anything is."""
    result = cli("check", "--json")
    assert result.stderr == ""
    report: dict[str, Any] = json.loads(result.stdout)
    assert list(report) == ["ok", "checks", "out_of_sample"]
    assert all(set(check) == {"name", "promise", "ok", "failures"} for check in report["checks"])
    assert all(check["ok"] == (not check["failures"]) for check in report["checks"])
    assert report["ok"] == all(check["ok"] for check in report["checks"])
    assert result.exit_code == (0 if report["ok"] else 1)
    broken = {check["name"]: check["failures"] for check in report["checks"] if not check["ok"]}
    waits = ["could not be checked. Remedy: mend what is broken above, and check again"]
    return {name: told for name, told in broken.items() if told != waits}


def line_of(name: str, row: Row) -> str:
    """Where a row of a curated table stands, as messages have it; no cell of the tables used here has a line break."""
    return f"{workbench.paths()[name]}:{2 + read(name).index(row)}: "


# ----------------------------------------------------------------------------------------------------- all good
def test_the_committed_tables_pass(in_sample: Path, cli: Cli) -> None:
    assert in_sample.exists()
    assert failures(cli) == {}
    report = json.loads(cli("check", "--json").stdout)
    assert [check["name"] for check in report["checks"]] == NAMES
    assert report["ok"] is True
    assert all("class_decisions.csv" in told or "edge_decisions.csv" in told for told in report["out_of_sample"])


def test_lines_name_every_check(in_sample: Path, cli: Cli) -> None:
    assert in_sample.exists()
    result = cli("check")
    assert result.exit_code == 0
    *lines, last = result.stdout.splitlines()
    assert [line[7:].split("  ")[0] for line in lines] == [name.replace("_", " ") for name in NAMES]
    assert all(line.startswith("ok     ") and line.endswith(".") for line in lines), "each says what it promises"
    assert last.endswith("decisions are about what the sample does not hold; see --json")


def test_it_changes_nothing(in_sample: Path, cli: Cli) -> None:
    assert in_sample.exists()
    before = table_bytes()
    cli("check")
    assert table_bytes() == before


# ------------------------------------------------------------------------------------------------ one row broken
def edit(name: str, old: str, new: str) -> None:
    """Change one place in the file of a table, as an editor does."""
    path = workbench.paths().get(name, Path(f"annotations/{name}.csv"))
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, text.count(old)
    path.write_text(text.replace(old, new), encoding="utf-8", newline="\n")


COMICS = "\nQ1004,comics,ignore,,hgldv2,2026-11-23,,"
SPA = "\nQ1004887,thermal bath,bath,"
SAMPLE = "\ntrain,900026,Château de Cerisy,assign,castle / fort,hgldv2,2026-11-23,,"
# Name: (check, (table, old text, new text), what is said).
BROKEN: dict[str, tuple[str, tuple[str, str, str], str]] = {
    "unsorted": (
        "rows_are_sorted_and_unique",
        ("reviewers", "\nhgldv2,", "\naaron,,\nhgldv2,"),
        "reviewers.csv:3: aaron: out of order. Remedy: sort the rows by reviewer",
    ),
    "twice": (
        "rows_are_sorted_and_unique",
        ("anchors", SPA, SPA + SPA),
        "anchors.csv:6: Q1004887 (thermal bath): stands twice. Remedy: keep one of the two rows",
    ),
    "twice, among head nouns": (
        "rows_are_sorted_and_unique",
        ("head_nouns", "\naf,kerk,church,", "\naf,kerk,church,\naf,kerk,church,"),
        "head_nouns.csv:5: af kerk church: stands twice",
    ),
    "no id": (
        "ids_are_wikidata_ids",
        ("anchors", SPA, SPA.replace("Q1004887", "Q1004887x")),
        "anchors.csv:5: Q1004887x (thermal bath): class_qid 'Q1004887x' is not a Wikidata id",
    ),
    "unknown label": (
        "labels_are_in_the_taxonomy",
        ("anchors", SPA, SPA.replace(",bath,", ",baths,")),
        "anchors.csv:5: Q1004887 (thermal bath): label 'baths' is not in taxonomy.csv",
    ),
    "unknown decision": (
        "decisions_are_allowed",
        ("class_decisions", COMICS, COMICS.replace("ignore", "drop")),
        "class_decisions.csv:2: Q1004 (comics): decision 'drop'. Remedy: use one of assign, ignore, unsure",
    ),
    "unknown reviewer": (
        "reviewers_are_known",
        ("class_decisions", COMICS, COMICS.replace("hgldv2", "zoe")),
        "class_decisions.csv:2: Q1004 (comics): reviewer 'zoe' is unknown",
    ),
    "no date": (
        "reviewers_are_known",
        ("class_decisions", COMICS, COMICS.replace("2026-11-23", "23/11/2026")),
        "class_decisions.csv:2: Q1004 (comics): reviewed_on '23/11/2026'. Remedy: write the date as",
    ),
    "unknown landmark": (
        "ids_are_known",
        ("landmark_decisions", SAMPLE, SAMPLE.replace("900026", "1")),
        "landmark_decisions.csv:2: train 1 (Château de Cerisy): no such landmark",
    ),
    "another category": (
        "ids_are_known",
        ("landmark_decisions", SAMPLE, SAMPLE.replace("Cerisy", "cerisy")),
        "its category is 'Château de Cerisy'",
    ),
    "another human label": (
        "human_labels_agree",
        ("anchors", "\nQ1107656,garden,", "\nQ1107656,gardens,"),
        "Q1107656 (gardens): Wikidata calls it 'garden'. Remedy: check the id; if it is right, mend the label",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_row_breaks_the_check_of_its_rule_alone(curated: Path, cli: Cli, name: str) -> None:
    assert curated.exists()
    check, change, told = BROKEN[name]
    edit(*change)
    found = failures(cli)
    assert list(found) == [check]
    (failure,) = found[check]
    assert told in failure
    assert "Remedy: " in failure


def test_a_priority_that_is_no_number(curated: Path, cli: Cli) -> None:
    assert curated.exists()
    row = read("taxonomy")[3]
    put("taxonomy", row | {"priority": "high"})
    found = failures(cli)
    assert list(found) == ["priorities_and_levels_are_set"]
    assert f"{row['hierarchical_label']}: priority 'high' is not a number from 1" in found[NAMES[3]][0]


def test_reviewers_who_differ(curated: Path, sample_bench: Workbench, cli: Cli) -> None:
    assert curated.exists()
    add_reviewers("ann")
    for reviewer, label in (("ann", "garden"), ("hgldv2", "parks")):
        told = verdict(sample_bench, "classes", "Q1759852", "assign", label)
        put("class_decisions", row_of(sample_bench, told, reviewer))
    found = failures(cli)
    assert list(found) == ["verdicts_do_not_conflict"]
    assert "conflict (assign garden / assign parks). Remedy: agree, or add a row of" in found.popitem()[1][0]
    put("class_decisions", row_of(sample_bench, told, ADJUDICATOR))
    assert failures(cli) == {}


@pytest.mark.parametrize(
    ("name", "kind", "ids", "decision"),
    [
        ("class_decisions", "classes", "Q1352795", "ignore"),
        ("class_decisions", "classes", "Q1352795", "unsure"),
        ("edge_decisions", "edges", "Q1330974/Q8072", "remove"),
        ("landmark_decisions", "landmarks", "train/900158", "reject"),
    ],
)
def test_a_verdict_on_other_evidence(
    curated: Path, sample_bench: Workbench, cli: Cli, name: str, kind: str, ids: str, decision: str
) -> None:
    assert curated.exists()
    row = row_of(sample_bench, verdict(sample_bench, kind, ids, decision), "hgldv2")
    put(name, row)
    assert failures(cli) == {}
    put(name, row | {"evidence_hash": "aaaaaaaaaaaa"})
    found = failures(cli)
    assert list(found) == ["evidence_is_current"]
    (failure,) = found["evidence_is_current"]
    assert failure.startswith(line_of(name, row | {"evidence_hash": "aaaaaaaaaaaa"}) + ids.split("/")[0])
    assert "its evidence has changed since. Remedy: look again with `hgld review --reviewer hgldv2`" in failure
    put(name, row | {"evidence_hash": ""})  # given on no evidence in particular
    assert failures(cli) == {}


def test_decisions_that_say_what_holds_already(curated: Path, cli: Cli) -> None:
    assert curated.exists()
    assign = {"class_qid": "Q1107656", "class_label": "garden", "decision": "assign", "hierarchical_label": "garden"}
    edge = {"child_qid": "Q1759852", "child_label": "sculpture garden", "parent_qid": "Q22698", "parent_label": "park"}
    put("class_decisions", assign | SIGNED)
    put("edge_decisions", edge | {"decision": "add"} | SIGNED)
    found = failures(cli)
    assert list(found) == ["decisions_have_an_effect"]
    anchored, there = found["decisions_have_an_effect"]
    assert "Q1107656 (garden): anchors.csv says so already. Remedy: remove one of the two" in anchored
    assert "Q1759852 (sculpture garden, Q22698, park): Wikidata has the edge by now. Remedy: remove the row" in there
    put("class_decisions", assign | SIGNED | {"hierarchical_label": "parks"})  # which beats the anchor
    put("edge_decisions", edge | {"decision": "keep"} | SIGNED)
    assert failures(cli) == {}


def test_an_added_edge_that_closes_a_cycle(curated: Path, cli: Cli) -> None:
    assert curated.exists()
    ends = {"child_qid": "Q22698", "child_label": "park", "parent_qid": "Q1759852", "parent_label": "sculpture garden"}
    put("edge_decisions", ends | {"decision": "add"} | SIGNED)
    found = failures(cli)
    assert list(found) == ["added_edges_close_no_cycle"]
    assert "closes the cycle Q22698 -> Q1759852 -> Q22698. Remedy: remove the row" in found.popitem()[1][0]


def test_a_label_without_an_anchor(curated: Path, cli: Cli) -> None:
    path = curated / "annotations/anchors.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    left = [line for line in lines if ",volcano," not in line]
    assert len(left) < len(lines)
    path.write_text("".join(left), encoding="utf-8", newline="\n")
    found = failures(cli)
    assert list(found) == ["every_label_has_an_anchor"]
    assert "volcano: no anchor. Remedy: tie a class to it in anchors.csv" in found.popitem()[1][0]
    class_8072 = {"class_qid": "Q8072", "class_label": "volcano", "decision": "assign", "hierarchical_label": "volcano"}
    put("class_decisions", class_8072 | SIGNED)
    assert failures(cli) == {}


@pytest.mark.parametrize("name", ["class_decisions", "head_nouns"])
def test_a_file_that_cannot_be_read_is_all_there_is_to_say(curated: Path, cli: Cli, name: str) -> None:
    with (curated / f"annotations/{name}.csv").open("ab") as opened:
        opened.write(b"Q5,\xff\n")
    report = json.loads(cli("check", "--json").stdout)
    assert [check["name"] for check in report["checks"]] == ["tables_are_readable"]
    (failure,) = failures(cli)["tables_are_readable"]
    assert f"annotations/{name}.csv:" in failure
    assert "not UTF-8. Remedy: save the file as UTF-8" in failure


# ---------------------------------------------------------------------------------------- everything that is wrong
def test_all_failures_of_all_checks_are_listed(workspace: Path, sample_bench: Workbench, cli: Cli) -> None:
    assert workspace.exists()
    add_reviewers("ann")
    told = [verdict(sample_bench, "classes", qid, "assign", "lake") for qid in ("Q1352795", "Q1759852", "Q43229")]
    for one in told:
        put("class_decisions", row_of(sample_bench, one, "ann") | {"evidence_hash": "aaaaaaaaaaaa"})
        put("class_decisions", row_of(sample_bench, one, "hgldv2") | {"hierarchical_label": "church"})
    edit("anchors", "\nQ1107656,garden,", "\nQ1107656,gardens,")
    edit("landmark_decisions", SAMPLE, SAMPLE.replace("900026", "1"))
    found = failures(cli)
    counts = {name: len(told) for name, told in found.items()}
    assert counts == {
        "verdicts_do_not_conflict": 3,
        "ids_are_known": 1,
        "human_labels_agree": 1,
        "evidence_is_current": 3,
    }
    lines = cli("check").stdout.splitlines()
    broken = [f"BROKEN {name.replace('_', ' ')}" for name in counts]
    assert [line.split("  ")[0] for line in lines if line.startswith("BROKEN")] == broken
    shown = {line.strip() for line in lines if line.startswith("   ")}
    assert shown == {failure for told in found.values() for failure in told}


def test_a_broken_law_hides_no_failure_of_another_check(curated: Path, cli: Cli) -> None:
    assert curated.exists()
    edit("class_decisions", COMICS, COMICS.replace("hgldv2", "zoe"))
    edit("anchors", "\nQ24354,theatre,", "\nQ24354,theater,")
    assert list(failures(cli)) == ["reviewers_are_known", "human_labels_agree"]


def test_broken_laws_are_all_listed_before_what_needs_them(curated: Path, cli: Cli) -> None:
    assert curated.exists()
    edit("class_decisions", COMICS, COMICS.replace("ignore", "drop").replace("hgldv2", "zoe"))
    edit("anchors", SPA, SPA.replace(",bath,", ",baths,"))
    found = failures(cli)
    assert list(found) == ["labels_are_in_the_taxonomy", "decisions_are_allowed", "reviewers_are_known"]
    report = {check["name"]: check["failures"] for check in json.loads(cli("check", "--json").stdout)["checks"]}
    for name in NAMES[-len(curation_checks.CHECKS) :]:
        assert report[name] == ["could not be checked. Remedy: mend what is broken above, and check again"]


def test_on_the_full_set_what_is_not_there_is_a_failure(workspace: Path, cli: Cli) -> None:
    assert workspace.exists()
    outside = json.loads(cli("check", "--json").stdout)["out_of_sample"]
    assert len(outside) > 20
    edit_params = Path("params.yaml")
    edit_params.write_text(edit_params.read_text().replace("\nsource: sample", "\nsource: wikimedia"))
    result = cli("check", "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 1
    assert report["out_of_sample"] == []
    assert {check["name"]: check["failures"] for check in report["checks"]}["ids_are_known"] == outside


def test_without_the_stages_the_remedy_is_to_run_them(workspace: Path, cli: Cli) -> None:
    (workspace / tables.LANDMARK_LABELS.path).unlink()
    found = failures(cli)
    assert list(found) == NAMES[-len(curation_checks.CHECKS) :]
    told = f"could not be checked: {tables.LANDMARK_LABELS.path}: not found. Remedy: run `dvc repro`"
    assert all(failure.startswith(told) for (failure,) in found.values())


def test_it_takes_no_arguments(in_sample: Path, cli: Cli) -> None:
    assert in_sample.exists()
    assert cli("check", "classes").exit_code == 2
