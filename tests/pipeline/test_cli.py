"""`hgld` for people and machines: help in groups, explain, show, compare, and the exit codes."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import Result

from pipeline import release_tables, tables
from pipeline.cli import STAGES
from pipeline.files import read_table

Cli = Callable[..., Result]
EXPLAIN_KEYS = {
    "split",
    "landmark_id",
    "category",
    "item",
    "statements",
    "votes",
    "decision",
    "hierarchical_label",
    "natural_or_human_made",
    "supercategory",
    "rule",
    "confidence",
    "official_label",
}
OFFICIAL = "sample/gldv2/metadata/train_label_to_hierarchical.csv"


def as_json(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return json.loads(result.stdout)


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_every_command_in_groups(option: str, cli: Cli) -> None:
    result = cli(option)
    assert result.exit_code == 0
    places = [result.stdout.index(f"\n  {name} ") for name in (*STAGES, "explain", "show", "compare")]
    assert places == sorted(places), "in the order of the work"
    assert result.stdout.index("Stages") < places[0]
    assert places[len(STAGES) - 1] < result.stdout.index("Look") < places[len(STAGES)]


@pytest.mark.parametrize("command", [*STAGES, "explain", "show", "compare"])
def test_every_command_has_help_of_its_own(command: str, cli: Cli) -> None:
    result = cli(command, "--help")
    assert result.exit_code == 0
    assert f"Usage: hgld {command} " in result.stdout
    assert len(result.stdout.splitlines()) >= 4


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain"],
        ["show"],
        ["compare"],
        ["compare", "absent.csv"],
        ["compare", "."],
        ["explain", "900033", "--split", "test"],
        ["explain", "900033", "--colour"],
        ["explain", "900033", "900034"],
        ["download", "everything"],
        ["unknown"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_2(arguments: list[str], in_sample: Path, cli: Cli) -> None:
    result = cli(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: hgld")
    assert result.stdout == ""


@pytest.mark.parametrize(
    "query", ["900033", "Q5933", "Westminster Abbey", "westminster_Abbey", "Category:Westminster Abbey"]
)
def test_explain_finds_a_landmark_however_it_is_called(query: str, in_sample: Path, cli: Cli) -> None:
    found = as_json(cli("explain", query, "--json"))
    assert (found["split"], found["landmark_id"], found["category"]) == ("train", 900033, "Westminster Abbey")


def test_explain_takes_an_address(in_sample: Path, cli: Cli) -> None:
    found = as_json(cli("explain", "https://commons.wikimedia.org/wiki/Category:Vitry-l%C3%A8s-Cluny", "--json"))
    assert found["landmark_id"] == 900158


def test_explain_tells_the_whole_chain_as_json(in_sample: Path, cli: Cli) -> None:
    found = as_json(cli("explain", "900033", "--json"))
    assert set(found) >= EXPLAIN_KEYS
    assert set(found["item"]) >= {"qid", "rule", "status"}
    assert found["item"]["qid"] == "Q5933"
    classes = {statement["class_qid"]: statement for statement in found["statements"]}
    assert set(classes) == {"Q570116", "Q4586781", "Q56242250"}
    for statement in classes.values():
        assert set(statement) >= {"class_qid", "class_label", "rank", "ended"}
    assert classes["Q570116"]["class_label"] == "tourist attraction"
    assert {vote["class_qid"]: vote["label"] for vote in found["votes"]} == {
        "Q570116": None,
        "Q4586781": None,
        "Q56242250": "church",
    }
    for vote in found["votes"]:
        assert set(vote) >= {"class_qid", "label", "steps", "path"}
    voter = found["votes"][-1]
    assert len(voter["path"]) == voter["steps"] + 1
    assert found["hierarchical_label"] == "church"
    assert found["natural_or_human_made"] == "human-made"
    assert found["supercategory"] == "anglican or episcopal cathedral"
    assert found["decision"] is None
    assert found["official_label"] is None


def test_explain_tells_the_whole_chain_in_words(in_sample: Path, cli: Cli) -> None:
    result = cli("explain", "900033")
    assert result.exit_code == 0
    for words in (
        "train landmark 900033: Westminster Abbey",
        "Q5933",
        "commons_category",
        "tourist attraction",
        "ignored",
        "anglican or episcopal cathedral",
        "normal",
        "church",
        "human-made",
    ):
        assert words in result.stdout


def test_explain_names_rank_end_and_vote_of_a_statement(in_sample: Path, cli: Cli) -> None:
    preferred = as_json(cli("explain", "900074", "--json"))
    assert [statement["rank"] for statement in preferred["statements"]].count("preferred") == 1
    assert len(preferred["votes"]) == 1
    ended = as_json(cli("explain", "900158", "--json"))
    assert [statement["ended"] for statement in ended["statements"]] == [True, False]
    assert "ended" in cli("explain", "900158").stdout


def test_explain_names_the_decision_and_who_took_it(in_sample: Path, cli: Cli) -> None:
    found = as_json(cli("explain", "900026", "--json"))
    assert found["decision"]["decision"] == "assign"
    assert found["decision"]["hierarchical_label"] == "castle / fort"
    assert found["decision"]["reviewer"] == "hgldv2"
    assert found["rule"] == "decision"
    assert found["statements"] == []
    assert re.search(r"decision +assign castle / fort by hgldv2 on 2026-", cli("explain", "900026").stdout)


def test_explain_names_every_item_that_claims_the_category(in_sample: Path, cli: Cli) -> None:
    found = as_json(cli("explain", "900078", "--json"))
    assert found["item"]["status"] == "doubtful"
    text = cli("explain", "900078").stdout
    assert "Q581154" in text
    assert "Q1094917" in text


def test_explain_says_that_nothing_was_found(in_sample: Path, cli: Cli) -> None:
    found = as_json(cli("explain", "46776", "--json"))
    assert found["item"]["qid"] is None
    assert found["item"]["rule"] == "unresolved"
    assert found["hierarchical_label"] is None
    assert found["votes"] == []
    assert found["official_label"] == "ocean area"
    assert "ocean area" in cli("explain", "46776").stdout


def test_explain_tells_both_landmarks_of_a_category_or_one_split(in_sample: Path, cli: Cli) -> None:
    both = as_json(cli("explain", "Musée d'Orsay", "--json"))
    assert {(row["split"], row["landmark_id"]) for row in both} == {("train", 68864), ("index", 950031)}
    one = as_json(cli("explain", "Musée d'Orsay", "--split", "index", "--json"))
    assert one["landmark_id"] == 950031
    assert cli("explain", "68864", "--split", "index").exit_code == 1


def test_explain_tells_a_class(in_sample: Path, cli: Cli) -> None:
    found = as_json(cli("explain", "Q56242250", "--json"))
    assert found["class_qid"] == "Q56242250"
    assert found["label"] == "church"
    assert found["path"][0]["class_qid"] == "Q56242250"
    text = cli("explain", "Q56242250").stdout
    assert "anglican or episcopal cathedral" in text
    assert "church" in text
    assert "ignored" in cli("explain", "Q570116").stdout


def test_explain_agrees_with_the_tables_for_every_landmark(in_sample: Path, cli: Cli) -> None:
    labels = read_table(tables.LANDMARK_LABELS)
    for row in labels.iloc[::40].itertuples():
        found = as_json(cli("explain", str(row.landmark_id), "--split", row.split, "--json"))
        assert found["hierarchical_label"] == (
            row.hierarchical_label if isinstance(row.hierarchical_label, str) else None
        )
        assert found["rule"] == row.rule
        assert found["confidence"] == row.confidence
        voted = [vote["label"] for vote in found["votes"] if vote["label"]]
        assert {label: voted.count(label) for label in voted} == dict(
            zip(row.vote_labels, row.vote_counts, strict=True)
        )


@pytest.mark.parametrize(
    "query", ["0", "99999999999999999999", "Q1", "Q", "No such category", "", "_", "http://x", "Category:"]
)
def test_an_unknown_query_exits_1_with_a_remedy(query: str, in_sample: Path, cli: Cli) -> None:
    for result in (cli("explain", query), cli("explain", query, "--json")):
        assert result.exit_code == 1
        assert result.stdout == ""
        assert re.fullmatch(r"Error: .*Remedy: .+\.\n", result.stderr)


def test_show_prints_the_branch_and_its_counts_add_up(in_sample: Path, cli: Cli) -> None:
    labels = read_table(tables.LANDMARK_LABELS)
    for label in ("museum", "castle / fort", "river"):
        result = cli("show", label)
        assert result.exit_code == 0
        own = labels[labels["hierarchical_label"] == label]
        head, *rest = result.stdout.splitlines()
        assert head == f"{label}: {len(own)} landmarks, {own['image_count'].sum()} images"
        counts = [re.search(r": (\d+) landmarks, (\d+) images$", line) for line in rest]
        assert sum(int(found[1]) for found in counts if found) == len(own)
        assert sum(int(found[2]) for found in counts if found) == own["image_count"].sum()


def test_show_refuses_an_unknown_label_and_lists_the_known(in_sample: Path, cli: Cli) -> None:
    result = cli("show", "spaceship")
    assert result.exit_code == 1
    assert "'spaceship'" in result.stderr
    assert "museum" in result.stderr


def test_compare_tells_coverage_and_agreement_as_json(in_sample: Path, cli: Cli) -> None:
    found = as_json(cli("compare", OFFICIAL, "--json"))
    assert set(found) >= {"count", "ours", "official", "both", "coverage", "agreement", "confusions"}
    assert set(found["agreement"]) == {"hierarchical_label", "natural_or_human_made"}
    labels = read_table(tables.LANDMARK_LABELS).query("split == 'train'").set_index("landmark_id")
    official = read_table(tables.OFFICIAL_LABELS).set_index("landmark_id")["hierarchical_label"]
    ours = labels["hierarchical_label"].dropna()
    both = ours.index.intersection(official.index)
    assert found["count"] == len(labels)
    assert found["ours"] == len(ours)
    assert found["official"] == len(official)
    assert found["both"] == len(both)
    assert found["coverage"] == pytest.approx(len(ours) / len(labels), abs=1e-4)
    agreed = int((ours[both] == official[both]).sum())
    assert found["agreement"]["hierarchical_label"] == pytest.approx(agreed / len(both), abs=1e-4)
    assert sum(pair["count"] for pair in found["confusions"]) == len(both) - agreed


def disagreeing(folder: Path) -> Path:
    """Our own release as somebody else's, with some labels moved, some spaces, and a row that we do not have."""
    path = folder / "train_theirs.csv"
    frame = pd.read_csv(release_tables.OFFICIAL_SCHEMA["train"].path, dtype=str, keep_default_na=False)
    churches = frame.index[frame["hierarchical_label"] == "church"]
    frame.loc[churches[:3], ["hierarchical_label", "natural_or_human_made"]] = ["monastery", "human-made"]
    frame.loc[churches[3], ["hierarchical_label", "natural_or_human_made"]] = ["cave", "natural"]
    frame["hierarchical_label"] += " "
    frame.loc[len(frame)] = ["123456789", "x", "x", "church", "human-made"]
    frame.to_csv(path, index=False)
    return path


def test_compare_counts_confusions_worst_first(workspace: Path, cli: Cli) -> None:
    found = as_json(cli("compare", str(disagreeing(workspace)), "--json"))
    pairs = [{key: pair[key] for key in ("official", "ours", "count")} for pair in found["confusions"]]
    assert pairs == [
        {"official": "monastery", "ours": "church", "count": 3},
        {"official": "cave", "ours": "church", "count": 1},
    ]
    assert found["both"] == found["ours"] == found["official"]
    assert found["agreement"]["hierarchical_label"] == pytest.approx(1 - 4 / found["both"], abs=1e-4)
    assert found["agreement"]["natural_or_human_made"] == pytest.approx(1 - 1 / found["both"], abs=1e-4)


def test_compare_says_the_same_in_words(workspace: Path, cli: Cli) -> None:
    path = str(disagreeing(workspace))
    found = as_json(cli("compare", path, "--json"))
    text = cli("compare", path).stdout
    for words in (f"{found['count']} landmarks", f"{found['ours']} labelled", f"{found['both']} by both", "monastery"):
        assert words in text
    assert f"{found['agreement']['hierarchical_label']:.1%}" in text
    assert "interval" in text


def test_compare_with_nothing_in_common_says_so(in_sample: Path, cli: Cli) -> None:
    path = "sample/gldv2/metadata/index_label_to_hierarchical.csv"
    found = as_json(cli("compare", path, "--json"))
    assert found["count"] == 60
    assert found["official"] == found["both"] == 0
    assert found["agreement"] == {"hierarchical_label": None, "natural_or_human_made": None}
    assert found["confusions"] == []
    assert "nothing to compare" in cli("compare", path).stdout


def test_compare_reads_the_split_off_the_name_unless_it_is_given(workspace: Path, cli: Cli) -> None:
    assert as_json(cli("compare", OFFICIAL, "--json"))["count"] == 251
    assert as_json(cli("compare", OFFICIAL, "--split", "index", "--json"))["count"] == 60
    assert as_json(cli("compare", "release/index_label_to_hierarchical.csv", "--json"))["count"] == 60


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("id,label\n1,church\n", ":1: column"),
        ("landmark_id,hierarchical_label,natural_or_human_made\nx,church,human-made\n", ":2: landmark_id"),
        ("landmark_id,hierarchical_label,natural_or_human_made\n1,church,human-made\n1,b,c\n", ":3: landmark_id 1"),
        ("", "empty"),
    ],
)
def test_compare_refuses_another_file(content: str, words: str, workspace: Path, cli: Cli) -> None:
    (workspace / "theirs.csv").write_text(content, encoding="utf-8")
    result = cli("compare", "theirs.csv")
    assert result.exit_code == 1
    assert f"theirs.csv{words}" in result.stderr.replace(": empty", "empty")
    assert "Remedy: " in result.stderr


@pytest.mark.parametrize("arguments", [["explain", "900033"], ["show", "museum"], ["compare", OFFICIAL]])
def test_looking_before_building_names_the_remedy(arguments: list[str], project: Path, cli: Cli) -> None:
    result = cli(*arguments)
    assert result.exit_code == 1
    assert re.fullmatch(r"Error: data/\S+\.parquet: not found\. Remedy: run `dvc repro`.*\n", result.stderr)


@pytest.mark.parametrize("stage", ["wikidata", "hierarchy", "label", "queue", "export", "validate"])
def test_a_stage_before_its_inputs_names_the_remedy(stage: str, project: Path, cli: Cli) -> None:
    result = cli(stage)
    assert result.exit_code == 1
    assert re.fullmatch(r"Error: data/\S+\.parquet: not found\. Remedy: run `dvc repro`.*\n", result.stderr)
    assert not list(project.glob("release/*"))


@pytest.mark.parametrize("arguments", [["explain", "900033"], ["explain", "900033", "--json"], ["show", "museum"]])
def test_looking_changes_nothing(
    arguments: list[str], in_sample: Path, cli: Cli, outputs: Callable[[], dict[str, str]]
) -> None:
    before = outputs()
    assert cli(*arguments).exit_code == 0
    assert outputs() == before


def test_a_release_that_was_cut_is_a_message_not_a_traceback(workspace: Path, cli: Cli) -> None:
    path = Path(tables.LANDMARK_LABELS.path)
    path.write_bytes(path.read_bytes()[:-30])
    for arguments in (["explain", "900033"], ["show", "museum"], ["compare", OFFICIAL], ["queue"], ["export"]):
        result = cli(*arguments)
        assert result.exit_code == 1
        assert tables.LANDMARK_LABELS.path in result.stderr
