"""`hgld decide`: what it says will move is what the stages move, and what it refuses leaves every table as it was."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import Result

from annotations import laws, store
from annotations.verdicts import Verdict
from pipeline import tables, workbench
from pipeline.files import read_table
from pipeline.workbench import Workbench
from tests.curating import (
    add_reviewers,
    fill,
    put,
    quicken_the_label_stage,
    read,
    row_of,
    sheet,
    table_bytes,
    verdict,
)

Cli = Callable[..., Result]
ME = ("--reviewer", "hgldv2")
GARDEN = ("classes", "Q1759852", "assign", "parks")  # sculpture garden, under garden and parks
VILLAGES = ("edges", "Q269528/Q486972", "remove", "", "Q532")  # unincorporated area, from settlement to village
DOME = ("edges", "Q12493/Q811979", "add", "", "Q4989906")  # under nothing; now under monument too

# Verdicts one after another, each with the number of landmarks that it moves.
DECISIONS = [
    (GARDEN, 1),
    (("classes", "Q1352795", "assign", "library"), 1),  # cinematheque, under museum and library
    (("classes", "Q43229", "assign", "house"), 2),  # organization, under nothing
    (("classes", "Q33506", "ignore"), 1),  # museum
    (VILLAGES, 1),
    (("edges", "Q1330974/Q8072", "remove"), 2),  # active volcano is a volcano
    (DOME, 1),
    (("edges", "Q1759852/Q7328910", "keep"), 0),
    (("landmarks", "index/950015", "assign", "tower"), 2),  # Hoover Dam, in both splits
    (("landmarks", "train/900158", "reject"), 1),
    (("landmarks", "train/66552", "assign", "waterfall"), 1),  # 'Opaeka'a Falls, without an item
]


def labels() -> pd.DataFrame:
    return read_table(tables.LANDMARK_LABELS).fillna({"hierarchical_label": ""})


def as_json(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def decided(name: str, **cells: str) -> list[dict[str, str]]:
    return [row for row in read(name) if all(row[column] == text for column, text in cells.items())]


# ----------------------------------------------------------------------------------- the preview and the stages
def test_what_decide_names_is_what_the_stages_move(
    workspace: Path,
    sample_bench: Workbench,
    cli: Cli,
    build_here: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert workspace.exists()
    quicken_the_label_stage(monkeypatch)
    for said, count in DECISIONS:
        found = as_json(cli("decide", sheet(verdict(sample_bench, *said)), *ME, "--json"))
        before = labels()
        build_here("hierarchy", "label")
        after = labels()
        differs = before["hierarchical_label"] != after["hierarchical_label"]
        moved = before.loc[differs, ["split", "landmark_id", "category"]].assign(
            old=before.loc[differs, "hierarchical_label"], new=after.loc[differs, "hierarchical_label"]
        )
        assert found["moved"] == moved.to_dict("records"), said
        assert found["counts"] == {"landmarks": count, "images": int(before.loc[differs, "image_count"].sum())}, said
    curated = workbench.read_curated()
    assert [problem for law in laws.LAWS for problem in law(curated)] == []


@pytest.mark.usefixtures("opened_before")
def test_moves_are_named_by_label_with_examples(workspace: Path, sample_bench: Workbench, cli: Cli) -> None:
    assert workspace.exists()
    result = cli("decide", sheet(verdict(sample_bench, *GARDEN)), *ME)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "class_decisions.csv: 1 new, 0 revised, 0 there already",
        "1 landmarks and 4 images get another label",
        "  museum -> parks: 1 landmarks, 4 images, such as Louisiana Museum of Modern Art",
        "run `dvc repro` to build the labels anew",
    ]
    (row,) = decided("class_decisions", class_qid="Q1759852")
    assert row["class_label"] == "sculpture garden"
    assert row["evidence_hash"] == sample_bench.evidence("classes", ("Q1759852",))
    assert (row["reviewer"], row["reason"]) == ("hgldv2", "Seen on the spot.")


@pytest.mark.usefixtures("opened_before")
def test_json_holds_rows_moves_and_counts(workspace: Path, sample_bench: Workbench, cli: Cli) -> None:
    assert workspace.exists()
    found = as_json(cli("decide", sheet(verdict(sample_bench, *VILLAGES)), *ME, "--json"))
    assert found["table"] == "edge_decisions"
    ends = [(row["child_qid"], row["parent_qid"], row["decision"]) for row in found["rows"]]
    assert ends == [("Q269528", "Q486972", "remove"), ("Q269528", "Q532", "add")]
    (move,) = found["moved"]
    assert set(move) == {"split", "landmark_id", "category", "old", "new"}
    assert (move["old"], move["new"]) == ("settlement", "village")
    assert found["counts"]["landmarks"] == 1
    assert (found["replaced"], found["unchanged"], found["conflicts"]) == ([], 0, [])


# --------------------------------------------------------------------------------------------- taking worksheets
@pytest.mark.usefixtures("opened_before")
def test_a_dry_run_says_the_same_and_writes_nothing(workspace: Path, sample_bench: Workbench, cli: Cli) -> None:
    assert workspace.exists()
    path, before = sheet(verdict(sample_bench, *GARDEN)), table_bytes()
    tried = cli("decide", path, *ME, "--dry-run")
    assert tried.exit_code == 0
    assert table_bytes() == before
    taken = cli("decide", path, *ME)
    assert table_bytes() != before
    assert tried.stdout.splitlines()[:-1] == taken.stdout.splitlines()[:-1]
    assert tried.stdout.splitlines()[-1] == "nothing was written (--dry-run)"


@pytest.mark.usefixtures("opened_before")
def test_the_second_time_nothing_is_new(workspace: Path, sample_bench: Workbench, cli: Cli) -> None:
    assert workspace.exists()
    path = sheet(verdict(sample_bench, *VILLAGES))
    assert cli("decide", path, *ME).exit_code == 0
    before = table_bytes()
    again = as_json(cli("decide", path, *ME, "--json"))
    assert (again["rows"], again["unchanged"], again["moved"]) == ([], 2, [])
    assert table_bytes() == before


@pytest.mark.usefixtures("opened_before")
def test_a_change_of_mind_takes_the_place_of_the_row(workspace: Path, sample_bench: Workbench, cli: Cli) -> None:
    assert workspace.exists()
    cli("decide", sheet(verdict(sample_bench, *GARDEN)), *ME)
    found = as_json(cli("decide", sheet(verdict(sample_bench, "classes", "Q1759852", "ignore")), *ME, "--json"))
    assert [row["decision"] for row in found["replaced"]] == ["assign"]
    assert [(move["old"], move["new"]) for move in found["moved"]] == [("parks", "museum")]
    assert [row["decision"] for row in decided("class_decisions", class_qid="Q1759852")] == ["ignore"]


@pytest.mark.usefixtures("opened_before")
def test_a_worksheet_saved_with_semicolons_is_taken(workspace: Path, sample_bench: Workbench, cli: Cli) -> None:
    assert workspace.exists()
    verdicts = [verdict(sample_bench, "landmarks", f"train/{number}", "reject") for number in ("66552", "900098")]
    assert cli("decide", sheet(*verdicts, separator=";"), *ME).exit_code == 0
    categories = {row["category"] for row in decided("landmark_decisions", decision="reject")}
    assert categories == {"'Opaeka'a Falls", "Marinarium, Concarneau"}


@pytest.mark.usefixtures("opened_before")
def test_a_worksheet_of_the_command_is_taken_in_part(workspace: Path, cli: Cli) -> None:
    path = workspace.parent / "landmarks.csv"
    assert cli("worksheet", "landmarks", "--out", str(path)).exit_code == 0
    fill(path, "train/66552", decision="assign", hierarchical_label="waterfall", reason="Falls")
    found = as_json(cli("decide", str(path), *ME, "--json"))
    (row,) = found["rows"]
    assert (row["split"], row["landmark_id"], row["category"]) == ("train", "66552", "'Opaeka'a Falls")
    assert [move["new"] for move in found["moved"]] == ["waterfall"]


@pytest.mark.usefixtures("opened_before")
def test_an_empty_worksheet_changes_nothing(workspace: Path, cli: Cli) -> None:
    path = workspace.parent / "classes.csv"
    cli("worksheet", "classes", "--out", str(path))
    before = table_bytes()
    result = cli("decide", str(path), *ME)
    assert result.exit_code == 0
    assert result.stdout.startswith("class_decisions.csv: 0 new, 0 revised, 0 there already\n0 landmarks and 0 images")
    assert table_bytes() == before


@pytest.mark.usefixtures("opened_before")
def test_the_landmark_decisions_of_another_source_stay_as_they_are(
    workspace: Path, sample_bench: Workbench, cli: Cli
) -> None:
    before = (workspace / "annotations/landmark_decisions.csv").read_bytes()
    cli("decide", sheet(verdict(sample_bench, "landmarks", "train/900158", "reject")), *ME)
    assert (workspace / "annotations/landmark_decisions.csv").read_bytes() == before
    assert decided("landmark_decisions", landmark_id="900158")


# -------------------------------------------------------------------------------------------------- wrong usage
@pytest.mark.usefixtures("opened_before")
@pytest.mark.parametrize("options", [[], ["--dry-run"], ["--json"]])
def test_an_unknown_reviewer_is_wrong_usage(
    workspace: Path, sample_bench: Workbench, cli: Cli, options: list[str]
) -> None:
    assert workspace.exists()
    path, before = sheet(verdict(sample_bench, *GARDEN)), table_bytes()
    result = cli("decide", path, "--reviewer", "nobody", *options)
    assert result.exit_code == 2
    assert (
        "'nobody' is not in annotations/reviewers.csv (adjudicated, hgldv2). Remedy: add a row there" in result.stderr
    )
    assert table_bytes() == before


def test_a_file_or_a_reviewer_that_is_missing_is_wrong_usage(in_sample: Path, cli: Cli) -> None:
    assert in_sample.exists()
    assert cli("decide", "absent.csv", *ME).exit_code == 2
    assert cli("decide", "annotations", *ME).exit_code == 2
    assert cli("decide", "params.yaml").exit_code == 2


def unknown_on_the_full_set(cli: Cli) -> list[str]:
    """Decisions about nothing, which stop the build where the source is not the sample."""
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("\nsource: sample", "\nsource: wikimedia"))
    checks: list[dict[str, Any]] = json.loads(cli("check", "--json").stdout)["checks"]
    (failures,) = [check["failures"] for check in checks if check["name"] == "ids_are_known"]
    assert failures
    return [str(failure) for failure in failures]


# ---------------------------------------------------------------------------------------------------- refusals
def refused(cli: Cli, path: str, *options: str) -> str:
    """What is said about a worksheet that is not taken; nothing is written."""
    before = table_bytes()
    result = cli("decide", path, *ME, *options)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert "Remedy: " in result.stderr
    assert table_bytes() == before
    return result.stderr


WRONG = {
    "stale evidence": (GARDEN, {"evidence_hash": "aaaaaaaaaaaa"}, "the evidence has changed since the row was made"),
    "another name": (GARDEN, {"class_label": "flower garden"}, "it is called 'sculpture garden' here"),
    "an unknown label": (GARDEN, {"hierarchical_label": "gardens"}, "label 'gardens' is not in taxonomy.csv"),
    "no label": (GARDEN, {"hierarchical_label": ""}, "assign takes a label"),
    "no reason": (GARDEN, {"reason": " "}, "no reason"),
    "an unknown decision": (GARDEN, {"decision": "remove"}, "use one of assign, ignore, unsure"),
    "an unknown class": (GARDEN, {"class_qid": "Q99999999999"}, "Q99999999999 (sculpture garden): not known here"),
    "an unknown parent": (VILLAGES, {"other_parent_qid": "Q0"}, "other parent Q0 is no class here"),
}


@pytest.mark.usefixtures("opened_before")
@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_taken_is_named_with_its_line(
    workspace: Path, sample_bench: Workbench, cli: Cli, name: str
) -> None:
    assert workspace.exists()
    said, cells, what = WRONG[name]
    good = verdict(sample_bench, said[0], "Q22698" if said[0] == "classes" else "Q1759852/Q22698", "unsure")
    path = sheet(good, verdict(sample_bench, *said))
    fill(Path(path), said[1], **cells)
    told = refused(cli, path)
    assert "nothing was taken:" in told
    assert f"{path}:3: Q" in told
    assert what in told
    assert f"{path}:2" not in told


@pytest.mark.usefixtures("opened_before")
def test_every_row_that_cannot_be_taken_is_listed(workspace: Path, sample_bench: Workbench, cli: Cli) -> None:
    assert workspace.exists()
    qids = ("Q1352795", "Q1759852", "Q43229")
    path = sheet(*(verdict(sample_bench, "classes", qid, "assign", "gardens") for qid in qids))
    told = refused(cli, path, "--dry-run")
    assert [f"{path}:{line}: {qid}" in told for line, qid in enumerate(qids, 2)] == [True] * 3


@pytest.mark.usefixtures("opened_before")
def test_an_edge_that_closes_a_cycle_is_refused_with_the_cycle(
    workspace: Path, sample_bench: Workbench, cli: Cli
) -> None:
    assert workspace.exists()
    up = "Q486972/Q2221906"  # human settlement is a geographic location
    assert sample_bench.names("edges", tuple(up.split("/")))
    path = sheet(verdict(sample_bench, "edges", up, "add", "", "Q269528"))
    cycle = (
        f"{path}:2: Q486972 (human settlement) -> Q269528 (unincorporated area): the edge closes a cycle: "
        "human settlement (Q486972) -> unincorporated area (Q269528) -> human settlement (Q486972)"
    )
    assert cycle in refused(cli, path)
    assert "nothing would be taken:" in refused(cli, path, "--dry-run")


@pytest.mark.usefixtures("opened_before")
def test_two_edges_that_close_a_cycle_together_are_refused(workspace: Path, sample_bench: Workbench, cli: Cli) -> None:
    assert workspace.exists()
    one = verdict(sample_bench, "edges", "Q15664/Q316655", "add", "", "Q1759852")
    other = verdict(sample_bench, "edges", "Q1759852/Q7328910", "add", "", "Q15664")
    path = sheet(one, other)
    told = refused(cli, path)
    assert f"{path}:2" in told
    assert f"{path}:3" in told
    assert cli("decide", sheet(one), *ME).exit_code == 0


@pytest.mark.usefixtures("opened_before")
def test_a_class_without_a_way_to_an_anchor_is_refused(workspace: Path, sample_bench: Workbench, cli: Cli) -> None:
    assert workspace.exists()
    path = sheet(verdict(sample_bench, *VILLAGES[:3]))
    told = refused(cli, path)
    assert f"{path}:2: Q269528 (unincorporated area) -> Q486972 (human settlement): an orphan" in told
    assert "unincorporated area reaches no anchor and is no settlement" in told
    assert cli("decide", sheet(verdict(sample_bench, "classes", "Q269528", "assign", "village")), *ME).exit_code == 0
    assert cli("decide", path, *ME).exit_code == 0  # after the remedy


@pytest.mark.usefixtures("opened_before")
def test_an_edge_that_only_its_adder_says_is_there_cannot_be_removed_by_them(
    workspace: Path, sample_bench: Workbench, cli: Cli
) -> None:
    """Such a row would be about nothing, which stops the build of the full set; `unsure` takes the edge back."""
    assert workspace.exists()
    cli("decide", sheet(verdict(sample_bench, *DOME)), *ME)
    bench = workbench.open_workbench()
    path = sheet(verdict(bench, "edges", "Q12493/Q4989906", "remove"))
    assert "only your own row adds this edge. Remedy: say unsure" in refused(cli, path)
    found = as_json(cli("decide", sheet(verdict(bench, "edges", "Q12493/Q4989906", "unsure")), *ME, "--json"))
    assert [(move["old"], move["new"]) for move in found["moved"]] == [("sculpture", "")]
    assert not [failure for failure in unknown_on_the_full_set(cli) if "Q12493" in failure]


@pytest.mark.usefixtures("opened_before")
def test_a_spreadsheets_own_file_is_refused(workspace: Path, cli: Cli) -> None:
    Path("sheet.csv").write_bytes(b"PK\x03\x04 and more")
    assert workspace.exists()
    assert "a spreadsheet's own file, not CSV" in refused(cli, "sheet.csv")


@pytest.mark.usefixtures("opened_before")
def test_tables_that_break_their_rules_are_named_before_anything_is_taken(
    workspace: Path, sample_bench: Workbench, cli: Cli
) -> None:
    assert workspace.exists()
    put("class_decisions", read("class_decisions")[0] | {"reviewer": "stranger"})
    assert "class_decisions.csv:3: Q1004 (comics): reviewer 'stranger' is unknown" in refused(
        cli, sheet(verdict(sample_bench, *GARDEN))
    )


def test_without_the_stages_the_remedy_is_to_run_them(workspace: Path, sample_bench: Workbench, cli: Cli) -> None:
    (workspace / tables.LANDMARK_LABELS.path).unlink()
    assert "not found. Remedy: run `dvc repro`" in refused(cli, sheet(verdict(sample_bench, *GARDEN)))


# ---------------------------------------------------------------------------------------------------- conflicts
@pytest.mark.usefixtures("opened_before")
def test_a_conflict_is_taken_and_told_and_stops_the_build_until_it_is_settled(
    workspace: Path, sample_bench: Workbench, cli: Cli
) -> None:
    assert workspace.exists()
    add_reviewers("ann", "bob")
    said = {"ann": "garden", "bob": "parks"}
    for reviewer, label in said.items():
        path = sheet(verdict(sample_bench, "classes", "Q1759852", "assign", label))
        found = as_json(cli("decide", path, "--reviewer", reviewer, "--json"))
        assert len(found["rows"]) == 1
    (conflict,) = found["conflicts"]
    assert "ann says assign garden; bob says assign parks. Remedy: agree, or add a row of" in conflict
    assert conflict in found["notes"]
    assert [row["reviewer"] for row in decided("class_decisions", class_qid="Q1759852")] == ["ann", "bob"]
    line = 2 + [row["reviewer"] for row in read("class_decisions")].index("bob")
    told = f"class_decisions.csv:{line}: Q1759852 (sculpture garden): conflict (assign garden / assign parks)"
    for command in ("check", "hierarchy"):
        stopped = cli(command)
        assert stopped.exit_code == 1
        assert told in stopped.output, stopped.output

    settled = as_json(cli("decide", sheet(verdict(sample_bench, *GARDEN)), "--reviewer", store.ADJUDICATOR, "--json"))
    assert settled["conflicts"] == []
    assert [(move["old"], move["new"]) for move in settled["moved"]] == [("garden", "parks")]
    assert cli("check").exit_code == 0
    assert cli("hierarchy").exit_code == 0


@pytest.mark.usefixtures("opened_before")
def test_who_adds_an_edge_that_another_removed_may_be_upheld(
    workspace: Path, sample_bench: Workbench, cli: Cli
) -> None:
    assert workspace.exists()
    add_reviewers("ann", "bob")
    path = sheet(verdict(sample_bench, *DOME))
    cli("decide", path, "--reviewer", "ann")
    bench = workbench.open_workbench()
    cli("decide", sheet(verdict(bench, "edges", "Q12493/Q4989906", "remove"), path=Path("b.csv")), "--reviewer", "bob")
    assert cli("check").exit_code == 1
    settled = as_json(cli("decide", path, "--reviewer", store.ADJUDICATOR, "--json"))
    assert [row["decision"] for row in settled["rows"]] == ["add"]
    assert cli("check").exit_code == 0
    assert not [failure for failure in unknown_on_the_full_set(cli) if "Q12493" in failure]


@pytest.mark.usefixtures("opened_before")
def test_reviewers_who_agree_are_no_conflict(workspace: Path, sample_bench: Workbench, cli: Cli) -> None:
    assert workspace.exists()
    add_reviewers("ann")
    for reviewer in ("ann", "hgldv2"):
        found = as_json(cli("decide", sheet(verdict(sample_bench, *GARDEN)), "--reviewer", reviewer, "--json"))
        assert found["conflicts"] == []
    assert found["moved"] == []
    assert cli("check").exit_code == 0


@pytest.mark.usefixtures("opened_before")
def test_rows_written_are_those_of_the_helper_that_the_other_tests_use(
    workspace: Path, sample_bench: Workbench, cli: Cli
) -> None:
    assert workspace.exists()
    told = verdict(sample_bench, *GARDEN)
    cli("decide", sheet(told), *ME)
    (row,) = decided("class_decisions", class_qid="Q1759852")
    assert row | {"reviewed_on": ""} == row_of(sample_bench, told, "hgldv2") | {"reviewed_on": ""}
    with Path("annotations/class_decisions.csv").open(encoding="utf-8", newline="") as opened:
        assert list(csv.DictReader(opened)) == read("class_decisions")


@pytest.mark.usefixtures("opened_before")
def test_a_verdict_may_not_contradict_another_of_the_same_reviewer(
    workspace: Path, sample_bench: Workbench, cli: Cli
) -> None:
    assert workspace.exists()
    told: list[Verdict] = [
        verdict(sample_bench, "landmarks", "index/950015", "assign", "tower"),
        verdict(sample_bench, "landmarks", "train/900047", "assign", "dam"),
    ]
    assert "of the same category" in refused(cli, sheet(*told))
