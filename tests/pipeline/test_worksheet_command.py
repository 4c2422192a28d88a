"""`hgld worksheet`: what is open, in the order of the queue, in a file that no stage touches; blind, without a hint."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result

from annotations.store import ADJUDICATOR
from annotations.verdicts import KINDS
from annotations.worksheet import unguard
from pipeline.queues import QUEUES
from pipeline.workbench import Workbench
from tests.curating import add_reviewers, fill, ids_in, put, quicken_the_label_stage, read, row_of, table_bytes, verdict
from tests.worksheets import rows_of

Cli = Callable[..., Result]
OUT = Path("../sheet.csv")
FILLED = {"decision", "hierarchical_label", "other_parent_qid", "reason"}


def written(cli: Cli, kind: str, *options: str, path: Path = OUT) -> list[str]:
    """Ids of the rows of the worksheet that the command writes."""
    path.unlink(missing_ok=True)
    result = cli("worksheet", kind, "--out", str(path), *options)
    assert result.exit_code == 0, result.output
    found = ids_in(path)
    assert result.stdout.startswith(f"{path}: {len(found)} {kind} to decide; when it is filled: hgld decide {path}")
    return found


# ------------------------------------------------------------------------------------------------ what is open
@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_those_of_the_queue_in_its_order(workspace: Path, cli: Cli, kind: str) -> None:
    assert workspace.exists()
    queue = pd.read_csv(QUEUES[kind].path, dtype=str, keep_default_na=False)
    assert written(cli, kind) == queue[list(QUEUES[kind].key)].agg("/".join, axis=1).tolist()
    header, *rows = rows_of(OUT)
    names = [cell.split(" (")[0] for cell in header]
    assert set(names) - FILLED == set(queue.columns)
    shown = pd.DataFrame([[unguard(cell) for cell in row] for row in rows], columns=names)
    assert shown[queue.columns].equals(queue)
    assert (shown[[name for name in names if name in FILLED]] == "").all(axis=None)
    assert [cell for cell in header if cell.startswith("decision (")]


def test_a_limit_keeps_the_first_rows(workspace: Path, cli: Cli) -> None:
    assert workspace.exists()
    everything = written(cli, "edges")
    assert written(cli, "edges", "--limit", "3") == everything[:3]
    assert written(cli, "edges", "--limit", "9999") == everything
    assert cli("worksheet", "edges", "--out", str(OUT), "--limit", "0").exit_code == 2


def test_what_was_decided_since_is_left_out_without_the_stages(
    workspace: Path, sample_bench: Workbench, cli: Cli
) -> None:
    assert workspace.exists()
    before = {kind: written(cli, kind) for kind in KINDS}
    for name, told in (
        ("class_decisions", verdict(sample_bench, "classes", "Q1759852", "assign", "parks")),
        ("class_decisions", verdict(sample_bench, "classes", "Q1352795", "unsure")),
        ("landmark_decisions", verdict(sample_bench, "landmarks", "train/66552", "reject")),
    ):
        put(name, row_of(sample_bench, told, "hgldv2"))
    assert written(cli, "classes") == [ids for ids in before["classes"] if ids not in ("Q1759852", "Q1352795")]
    assert written(cli, "edges") == before["edges"]
    assert written(cli, "landmarks") == [ids for ids in before["landmarks"] if ids != "train/66552"]


def test_who_was_unsure_on_other_evidence_is_asked_again(workspace: Path, sample_bench: Workbench, cli: Cli) -> None:
    assert workspace.exists()
    before = written(cli, "classes")
    row = row_of(sample_bench, verdict(sample_bench, "classes", "Q1352795", "unsure"), "hgldv2")
    put("class_decisions", row | {"evidence_hash": "aaaaaaaaaaaa"})
    assert written(cli, "classes") == before


def test_conflicts_do_not_keep_a_reviewer_from_the_queue(workspace: Path, sample_bench: Workbench, cli: Cli) -> None:
    assert workspace.exists()
    add_reviewers("ann")
    for reviewer, label in (("ann", "garden"), ("hgldv2", "parks")):
        told = verdict(sample_bench, "classes", "Q1759852", "assign", label)
        put("class_decisions", row_of(sample_bench, told, reviewer))
    assert "Q1759852" not in written(cli, "classes")


# --------------------------------------------------------------------------------------------------- the file
def test_a_filled_worksheet_survives_the_stages_and_is_then_taken(
    workspace: Path,
    cli: Cli,
    build_here: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert workspace.exists()
    quicken_the_label_stage(monkeypatch)
    inside = Path("my work/Gärten.csv")  # beside the tables, where a curator may keep it
    inside.parent.mkdir()
    for path in (OUT, inside):
        written(cli, "classes", path=path)
        fill(path, "Q1759852", decision="assign", hierarchical_label="parks", reason="It is a park.")
    before = [path.read_bytes() for path in (OUT, inside)]
    build_here("hierarchy", "label", "queue", "export", "validate")
    assert [path.read_bytes() for path in (OUT, inside)] == before
    for path in (OUT, inside):
        assert cli("decide", str(path), "--reviewer", "hgldv2").exit_code == 0
    assert [row["decision"] for row in read("class_decisions") if row["class_qid"] == "Q1759852"] == ["assign"]


@pytest.mark.usefixtures("opened_before")
@pytest.mark.parametrize("options", [[], ["--blind-for", "hgldv2"]])
@pytest.mark.parametrize(
    "path", ["data/sheet.csv", "release/sheet.csv", "runs/sheet.csv", "./sample/../data/5_queue/mine.csv", "data"]
)
def test_folders_that_stages_write_are_refused(workspace: Path, cli: Cli, path: str, options: list[str]) -> None:
    assert workspace.exists()
    for out in (path, str(Path(path).absolute())):
        result = cli("worksheet", "classes", "--out", out, *options)
        assert result.exit_code == 2, result.output
        assert "where `dvc repro` would delete your work. Remedy: write it elsewhere" in " ".join(result.stderr.split())
        assert not Path(out).is_file()


def test_links_into_those_folders_are_refused_too(workspace: Path, cli: Cli) -> None:
    (workspace / "short").symlink_to("data/5_queue")
    (workspace.parent / "large disk").mkdir()
    shutil.rmtree(workspace / "runs")
    (workspace / "runs").symlink_to("../large disk")
    for out in ("short/mine.csv", "runs/mine.csv", "../large disk/mine.csv"):
        assert cli("worksheet", "classes", "--out", out).exit_code == 2
    assert list((workspace.parent / "large disk").iterdir()) == []
    assert written(cli, "classes", path=Path("database.csv"))  # a name that only begins like one of them


@pytest.mark.usefixtures("opened_before")
def test_a_file_that_is_there_is_left_alone(workspace: Path, cli: Cli) -> None:
    assert workspace.exists()
    OUT.write_text("an afternoon's work")
    for options in ([], ["--blind-for", "hgldv2"]):
        result = cli("worksheet", "classes", "--out", str(OUT), *options)
        assert result.exit_code == 1
        assert f"{OUT}: is there already. Remedy: " in result.stderr
        assert OUT.read_text() == "an afternoon's work"


def test_a_file_that_cannot_be_made_is_told(workspace: Path, cli: Cli) -> None:
    assert workspace.exists()
    result = cli("worksheet", "classes", "--out", "absent/sheet.csv")
    assert result.exit_code == 1
    assert "absent/sheet.csv: not written (No such file or directory). Remedy: " in result.stderr
    assert not Path("absent").exists()


def test_without_a_queue_the_remedy_is_to_run_the_stages(workspace: Path, cli: Cli) -> None:
    (workspace / QUEUES["edges"].path).unlink()
    result = cli("worksheet", "edges", "--out", str(OUT))
    assert result.exit_code == 1
    assert "data/5_queue/edges.csv: not found. Remedy: run `dvc repro`" in result.stderr
    assert not OUT.exists()


def test_broken_tables_are_told(workspace: Path, cli: Cli) -> None:
    assert workspace.exists()
    put("class_decisions", read("class_decisions")[0] | {"reviewed_on": "yesterday"})
    result = cli("worksheet", "edges", "--out", str(OUT))
    assert result.exit_code == 1
    assert "class_decisions.csv:2: Q1004 (comics): reviewed_on 'yesterday'" in result.stderr
    assert not OUT.exists()


def test_kind_and_file_must_be_named(in_sample: Path, cli: Cli) -> None:
    assert in_sample.exists()
    assert cli("worksheet", "labels", "--out", str(OUT)).exit_code == 2
    assert cli("worksheet", "classes").exit_code == 2


# ------------------------------------------------------------------------------------------------ second review
BLIND = {
    "classes": ("Q1759852", [("assign", "parks"), ("assign", "garden"), ("ignore", "")]),
    "edges": ("Q1330974/Q8072", [("remove", ""), ("keep", "")]),
    # artwork and sculpture vote for it; a label of its own hides its path in the tables of the stages
    "landmarks": ("train/900158", [("assign", "village"), ("assign", "lake"), ("reject", "")]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_blind_worksheet_is_the_same_whatever_was_decided(
    workspace: Path,
    sample_bench: Workbench,
    cli: Cli,
    build_here: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    assert workspace.exists()
    quicken_the_label_stage(monkeypatch)
    add_reviewers("ann")
    ids, verdicts = BLIND[kind]
    bytes_of = []
    for decision, label in verdicts:
        row = row_of(sample_bench, verdict(sample_bench, kind, ids, decision, label), "hgldv2")
        put({"classes": "class_decisions", "edges": "edge_decisions"}.get(kind, "landmark_decisions"), row)
        build_here("hierarchy", "label")
        assert ids in written(cli, kind, "--blind-for", "ann")
        bytes_of.append(OUT.read_bytes())
    assert len(set(bytes_of)) == 1
    text = bytes_of[0].decode("utf-8-sig")
    assert "Seen on the spot." not in text
    assert "hgldv2" not in text
    columns = [cell.split(" (")[0] for cell in rows_of(OUT)[0]]
    shown = dict(zip(columns, rows_of(OUT)[1 + ids_in(OUT).index(ids)], strict=True))
    assert shown["path"]
    assert shown["candidates"]
    assert (shown["doubt"], shown["why"]) == ("second_review", "a second reviewer is asked")


@pytest.mark.usefixtures("opened_before")
def test_who_has_judged_is_not_asked_and_nobody_where_it_is_settled(
    workspace: Path, sample_bench: Workbench, cli: Cli
) -> None:
    assert workspace.exists()
    add_reviewers("ann")
    everything = written(cli, "classes", "--blind-for", "ann")
    known = [qid for row in read("class_decisions") if sample_bench.names("classes", (qid := row["class_qid"],))]
    assert everything
    assert set(everything) <= set(known)
    mine, unsure, settled = everything[:3]
    said = ((mine, "ann", "ignore"), (unsure, "ann", "unsure"), (settled, ADJUDICATOR, "ignore"))
    for qid, reviewer, decision in said:
        put("class_decisions", row_of(sample_bench, verdict(sample_bench, "classes", qid, decision), reviewer))
    assert written(cli, "classes", "--blind-for", "ann") == everything[3:]
    assert written(cli, "classes", "--blind-for", "ann", "--limit", "2") == everything[3:5]
    assert unsure not in written(cli, "classes", "--blind-for", "hgldv2")  # who decided all of them
    assert mine not in written(cli, "classes", "--blind-for", "hgldv2")


@pytest.mark.usefixtures("opened_before")
def test_an_added_edge_is_not_asked_about(workspace: Path, sample_bench: Workbench, cli: Cli) -> None:
    """That it is asked about would tell that somebody added it, also where others have judged it since."""
    assert workspace.exists()
    add_reviewers("ann", "bob")
    before = written(cli, "edges", "--blind-for", "ann")
    added = {row["child_qid"] + "/" + row["parent_qid"] for row in read("edge_decisions") if row["decision"] == "add"}
    assert added
    assert not added.intersection(before)
    edge = verdict(sample_bench, "edges", "Q1330974/Q8072", "keep")
    put("edge_decisions", row_of(sample_bench, edge, "bob"))
    assert "Q1330974/Q8072" in written(cli, "edges", "--blind-for", "ann")
    put("edge_decisions", row_of(sample_bench, edge, "ann") | {"decision": "add"})
    assert written(cli, "edges", "--blind-for", "ann") == before


@pytest.mark.usefixtures("opened_before")
def test_an_unknown_reviewer_is_wrong_usage(workspace: Path, cli: Cli) -> None:
    assert workspace.exists()
    before = table_bytes()
    result = cli("worksheet", "classes", "--out", str(OUT), "--blind-for", "nobody")
    assert result.exit_code == 2
    assert "'nobody' is not in annotations/reviewers.csv" in result.stderr
    assert not OUT.exists()
    assert table_bytes() == before


@pytest.mark.usefixtures("opened_before")
def test_a_blind_worksheet_is_taken_once_filled(workspace: Path, cli: Cli) -> None:
    assert workspace.exists()
    add_reviewers("ann")
    qid = written(cli, "classes", "--blind-for", "ann")[0]
    fill(OUT, qid, decision="ignore", reason="So it is.")
    result = cli("decide", str(OUT), "--reviewer", "ann")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("class_decisions.csv: 1 new")
    assert qid not in written(cli, "classes", "--blind-for", "ann")


@pytest.mark.usefixtures("opened_before")
def test_it_writes_nothing_but_the_file(workspace: Path, cli: Cli) -> None:
    before = {path: path.stat().st_mtime_ns for path in workspace.rglob("*")}
    written(cli, "classes")
    written(cli, "classes", "--blind-for", "hgldv2")
    assert {path: path.stat().st_mtime_ns for path in workspace.rglob("*")} == before
