"""Bad input, through the command line: exit 1, one clear message with place and remedy, nothing half-written."""

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from annotations.store import CurationError
from pipeline import curation, step1_download, tables
from pipeline.errors import stage_command
from pipeline.files import read_table

Cli = Callable[..., Result]
Refused = Callable[..., str]
METADATA = Path("sample/gldv2/metadata")
CATEGORIES = METADATA / "train_label_to_category.csv"
ENTITIES = Path("sample/wikidata/entities.jsonl")


@pytest.fixture
def refused(cli: Cli, outputs: Callable[[], dict[str, str]]) -> Refused:
    """Run a stage that must refuse; return its message. The outputs of the previous run must be as they were."""

    def run(stage: str) -> str:
        before = outputs()
        result = cli(stage)
        assert result.exit_code == 1, result.output
        assert result.stderr.count("Error: ") == 1
        assert result.stderr.startswith("Error: ")
        assert "Remedy: " in result.stderr
        assert outputs() == before, "the outputs of the previous good run changed"
        return result.stderr

    return run


def edit(path: Path, line: int, change: Callable[[bytes], bytes]) -> None:
    """Change one line of a file, counted from 1 as an editor shows it."""
    lines = path.read_bytes().split(b"\n")
    before = lines[line - 1]
    lines[line - 1] = change(before)
    assert lines[line - 1] != before
    path.write_bytes(b"\n".join(lines))


def test_a_missing_column(workspace: Path, refused: Refused) -> None:
    edit(CATEGORIES, 1, lambda line: line.replace(b"category", b"categories"))
    message = refused("download")
    assert re.search(r"train_label_to_category\.csv:(1:| line 1 )", message)
    assert "category" in message


@pytest.mark.parametrize(
    ("name", "line"),
    [("train_label_to_category.csv", 4), ("index_label_to_category.csv", 4), ("train_label_to_hierarchical.csv", 4)],
)
def test_a_landmark_id_that_stands_twice(name: str, line: int, workspace: Path, refused: Refused) -> None:
    if name == "index_label_to_category.csv":
        earlier = (METADATA / name).read_bytes().split(b"\n")[1].split(b",")[0]
    else:
        earlier = b"1072"
    edit(METADATA / name, line, lambda text: earlier + b"," + text.split(b",", 1)[1])
    message = refused("download")
    assert f"{name}:{line}: landmark_id {earlier.decode()}" in message
    assert "line 2" in message


def test_an_image_that_stands_twice(workspace: Path, refused: Refused) -> None:
    path = METADATA / "train.csv"
    first = path.read_bytes().split(b"\n")[1]
    path.write_bytes(path.read_bytes() + first + b"\n")
    lines = path.read_bytes().count(b"\n")
    message = refused("download")
    assert f"train.csv:{lines}: id {first[:16].decode()}" in message


@pytest.mark.parametrize(
    "url",
    [
        "",
        "Yap",
        "http://en.wikipedia.org/wiki/Yap",
        "http://commons.wikimedia.org/wiki/Category:",
        "http://commons.wikimedia.org/wiki/Category:Gda%FFsk",
    ],
)
def test_a_malformed_url(url: str, workspace: Path, refused: Refused) -> None:
    edit(CATEGORIES, 7, lambda line: line.split(b",", 1)[0] + b"," + url.encode())
    message = refused("download")
    assert "train_label_to_category.csv:7: " in message
    assert repr(url) in message


def test_a_byte_that_is_not_utf8(workspace: Path, refused: Refused) -> None:
    edit(CATEGORIES, 9, lambda line: line + b"\xe8")
    message = refused("download")
    assert "train_label_to_category.csv:9: " in message
    assert "UTF-8" in message


def test_a_byte_that_is_not_utf8_where_nobody_reads(workspace: Path, refused: Refused) -> None:
    edit(METADATA / "train_label_to_hierarchical.csv", 5, lambda line: line.replace(b"Category:", b"Category:\xe8"))
    assert "train_label_to_hierarchical.csv:5: " in refused("download")


@pytest.mark.parametrize("name", ["train.csv", "train_clean.csv", "train_label_to_category.csv"])
def test_a_csv_that_was_cut(name: str, workspace: Path, refused: Refused) -> None:
    path = METADATA / name
    path.write_bytes(path.read_bytes()[:-10])
    message = refused("download")
    assert f"{name}" in message
    assert "cut" in message


def test_a_row_that_was_cut(workspace: Path, refused: Refused) -> None:
    edit(METADATA / "train.csv", 6, lambda line: line.rsplit(b",", 1)[0])
    assert "train.csv:6: " in refused("download")


def test_a_comma_that_was_not_quoted(workspace: Path, refused: Refused) -> None:
    path = METADATA / "index_label_to_category.csv"
    assert b'"' in path.read_bytes().split(b"\n")[1]
    edit(path, 2, lambda line: line.replace(b'"', b""))
    assert "index_label_to_category.csv:2: " in refused("download")


@pytest.mark.parametrize("name", ["train.csv", "index_label_to_category.csv"])
def test_an_empty_csv(name: str, workspace: Path, refused: Refused) -> None:
    (METADATA / name).write_bytes(b"")
    assert f"{name}: " in refused("download")


def test_an_absent_csv(workspace: Path, refused: Refused) -> None:
    CATEGORIES.unlink()
    assert "train_label_to_category.csv: not found" in refused("download")


def test_a_number_that_is_none(workspace: Path, refused: Refused) -> None:
    edit(CATEGORIES, 3, lambda line: b"x" + line)
    assert "train_label_to_category.csv:3: landmark_id is 'x11355'" in refused("download")


def test_an_image_of_an_unknown_landmark(workspace: Path, refused: Refused) -> None:
    edit(METADATA / "train.csv", 3, lambda line: line.rsplit(b",", 1)[0] + b",777")
    message = refused("download")
    assert "train.csv:3: " in message
    assert "777" in message


def test_an_image_in_both_splits(workspace: Path, refused: Refused) -> None:
    image_id = (METADATA / "train.csv").read_bytes().split(b"\n")[1][:16]
    edit(METADATA / "index_image_to_landmark.csv", 2, lambda line: image_id + line[16:])
    edit(METADATA / "train_label_to_category.csv", 2, lambda line: line + b"_again")  # so that the landmarks differ
    assert image_id.decode() in refused("download")


def test_a_usage_that_does_not_exist(workspace: Path, refused: Refused) -> None:
    path = Path("sample/gldv2/ground_truth/retrieval_solution_v2.1.csv")
    edit(path, 3, lambda line: line.replace(b"Public", b"Secret").replace(b"Private", b"Secret"))
    edit(METADATA / "train_label_to_category.csv", 2, lambda line: line + b"_again")
    message = refused("download")
    assert "Secret" in message
    assert "retrieval_solution" in message


def test_another_md5(workspace: Path, refused: Refused) -> None:
    tar = Path("sample/gldv2/index/images_000.tar")
    content = bytearray(tar.read_bytes())
    content[1000] ^= 1
    tar.write_bytes(bytes(content))
    kept = Path("data/raw/gldv2/index/images_000.tar")
    before = kept.read_bytes()
    kept.unlink()
    message = refused("download")
    assert "images_000.tar" in message
    assert hashlib.md5(bytes(content)).hexdigest() in message
    assert hashlib.md5(before).hexdigest() in message
    assert not kept.exists()


def test_another_md5_keeps_the_good_tar_of_the_previous_run(workspace: Path, refused: Refused) -> None:
    sums = Path("sample/gldv2/md5sum/index/md5.images_000.txt")
    sums.write_text(f"{'0' * 32}  images_000.tar\n", encoding="utf-8")
    kept = Path("data/raw/gldv2/index/images_000.tar")
    before = kept.read_bytes()
    assert "0" * 32 in refused("download")
    assert kept.read_bytes() == before


def test_a_source_that_is_absent(workspace: Path, refused: Refused) -> None:
    Path("sample").rename("elsewhere")
    assert "not found" in refused("download")


def change_entity(line: int, change: Callable[[dict[str, Any]], None]) -> str:
    """Change the entity in a line of the sample's store; return its id."""
    lines = ENTITIES.read_text(encoding="utf-8").splitlines()
    entity = json.loads(lines[line - 1])
    qid = str(entity["id"])
    change(entity)
    lines[line - 1] = json.dumps(entity, ensure_ascii=False)
    ENTITIES.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return qid


@pytest.mark.parametrize("key", ["id", "labels", "claims"])
def test_an_entity_with_a_missing_key(key: str, workspace: Path, refused: Refused) -> None:
    qid = change_entity(5, lambda entity: entity.pop(key))
    message = refused("wikidata")
    assert f"{ENTITIES}:5: " in message
    assert key in message
    if key != "id":
        assert qid in message


def test_an_entity_whose_statement_has_a_missing_key(workspace: Path, refused: Refused) -> None:
    lines = ENTITIES.read_text(encoding="utf-8").splitlines()
    number = next(number for number, line in enumerate(lines, 1) if json.loads(line)["id"] == "Q5933")
    change_entity(number, lambda entity: entity["claims"]["P31"][0].pop("mainsnak"))
    message = refused("wikidata")
    assert "Q5933" in message
    assert "P31" in message
    assert "mainsnak" in message
    assert f"{ENTITIES}:{number}: " in message


@pytest.mark.parametrize("line", ["{", "[]", "null", ""])
def test_a_line_that_is_no_entity(line: str, workspace: Path, refused: Refused) -> None:
    edit(ENTITIES, 3, lambda _: line.encode())
    assert f"{ENTITIES}:3: " in refused("wikidata")


def test_entities_that_were_cut(workspace: Path, refused: Refused) -> None:
    lines = ENTITIES.read_bytes().count(b"\n")
    ENTITIES.write_bytes(ENTITIES.read_bytes()[:-50])
    assert f"{ENTITIES}:{lines}: " in refused("wikidata")


def test_absent_entities(workspace: Path, refused: Refused) -> None:
    ENTITIES.unlink()
    assert f"{ENTITIES}: not found" in refused("wikidata")


def add_row(path: Path, *cells: str) -> int:
    """Add a row to a curated table in its place; return its line."""
    with path.open(encoding="utf-8", newline="") as opened:
        header, *rows = csv.reader(opened)
    rows = sorted([*rows, list(cells)], key=lambda row: row[:2])
    with path.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened, lineterminator="\n").writerows([header, *rows])
    return rows.index(list(cells)) + 2


def test_a_decision_about_an_unknown_landmark(workspace: Path, refused: Refused) -> None:
    path = Path("sample/annotations/landmark_decisions.csv")
    line = add_row(path, "train", "999999", "Yap", "assign", "island", "hgldv2", "2026-11-23", "", "A test.")
    for stage in ("label", "queue"):
        message = refused(stage)
        assert f"{path}:{line}: train 999999 (Yap)" in message
        assert "no such landmark" in message


def test_a_decision_about_another_category(workspace: Path, refused: Refused) -> None:
    path = Path("sample/annotations/landmark_decisions.csv")
    line = add_row(path, "train", "900033", "Yap", "assign", "island", "hgldv2", "2026-11-23", "", "A test.")
    message = refused("label")
    assert f"{path}:{line}: train 900033 (Yap)" in message
    assert "Westminster Abbey" in message


def test_validation_refuses_a_decision_about_an_unknown_landmark(workspace: Path, cli: Cli) -> None:
    path = Path("sample/annotations/landmark_decisions.csv")
    add_row(path, "train", "999999", "Yap", "assign", "island", "hgldv2", "2026-11-23", "", "A test.")
    result = cli("validate")
    assert result.exit_code == 1
    assert "999999 (Yap)" in result.stderr


UNKNOWN_CLASS = ("Q999999999", "castle in the air", "assign", "castle / fort", "hgldv2", "2026-11-23", "", "A test.")


def source_is(source: str, before: str = "sample") -> None:
    text = Path("params.yaml").read_text(encoding="utf-8")
    text = text.replace(f"\nsource: {before}\n", f"\nsource: {source}\n")
    Path("params.yaml").write_text(text, encoding="utf-8")


def alone(path: Path, *cells: str) -> None:
    """Leave one row in a curated table: the real ones are about more than the sample's graph holds."""
    header = path.read_text(encoding="utf-8").splitlines()[0]
    with path.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened, lineterminator="\n").writerows([header.split(","), cells] if cells else [header.split(",")])


def curated_for_hierarchy() -> tuple[dict[str, pd.DataFrame], list[str]]:
    return curation.read_for_hierarchy(read_table(tables.ENTITIES), read_table(tables.CLASS_EDGES))


def test_a_decision_about_an_unknown_class(workspace: Path) -> None:
    alone(Path("annotations/edge_decisions.csv"))
    alone(Path("annotations/class_decisions.csv"), *UNKNOWN_CLASS)
    source_is("wikimedia")
    with pytest.raises(CurationError) as caught:
        curated_for_hierarchy()
    assert "annotations/class_decisions.csv:2: Q999999999 (castle in the air)" in caught.value.message
    assert "Remedy: " in caught.value.message
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("decision", ["add", "remove", "keep", "unsure"])
def test_a_decision_about_an_unknown_edge(decision: str, workspace: Path) -> None:
    cells = ("Q999999998", "air", "Q999999999", "castle", decision, "hgldv2", "2026-11-23", "", "A test.")
    alone(Path("annotations/class_decisions.csv"))
    alone(Path("annotations/edge_decisions.csv"), *cells)
    source_is("wikimedia")
    with pytest.raises(CurationError) as caught:
        curated_for_hierarchy()
    assert "annotations/edge_decisions.csv:2: Q999999998 (air) -> Q999999999 (castle)" in caught.value.message
    assert "Remedy: " in caught.value.message
    source_is_sample_again = (
        Path("params.yaml").read_text(encoding="utf-8").replace("source: wikimedia", "source: sample")
    )
    Path("params.yaml").write_text(source_is_sample_again, encoding="utf-8")
    curated, notes = curated_for_hierarchy()
    assert len(notes) >= 1
    assert len(curated["edge_decisions"]) == 0, "what is outside the sample is listed, not applied"


def test_in_the_sample_a_decision_about_an_unknown_class_is_listed(workspace: Path, cli: Cli) -> None:
    line = add_row(Path("annotations/class_decisions.csv"), *UNKNOWN_CLASS)
    for stage in ("hierarchy", "export", "validate"):
        assert cli(stage).exit_code == 0, stage
    report = json.loads(Path("data/6_validation/report.json").read_text(encoding="utf-8"))
    where = f"annotations/class_decisions.csv:{line}: Q999999999 (castle in the air)"
    assert [note for note in report["out_of_sample"] if note.startswith(where)]


@pytest.mark.parametrize(
    ("path", "cells", "stage"),
    [
        ("annotations/anchors.csv", ("Q999999999", "space port", "spaceship", ""), "hierarchy"),
        ("annotations/anchors.csv", ("Q999999999", "space port", "museum ", ""), "hierarchy"),
        (
            "annotations/class_decisions.csv",
            ("Q999999999", "space port", "assign", "spaceship", "hgldv2", "2026-11-23", "", "A test."),
            "hierarchy",
        ),
        (
            "sample/annotations/landmark_decisions.csv",
            ("train", "900033", "Westminster Abbey", "assign", "spaceship", "hgldv2", "2026-11-23", "", "A test."),
            "label",
        ),
    ],
)
def test_a_label_outside_the_taxonomy(
    path: str, cells: tuple[str, ...], stage: str, workspace: Path, refused: Refused
) -> None:
    line = add_row(Path(path), *cells)
    message = refused(stage)
    assert f"{path}:{line}: " in message
    assert "not in taxonomy.csv" in message
    assert repr("spaceship" if "spaceship" in cells else "museum ") in message


@pytest.mark.parametrize("name", ["taxonomy", "anchors", "class_decisions", "edge_decisions", "reviewers"])
def test_a_curated_table_that_is_not_utf8(name: str, workspace: Path, refused: Refused) -> None:
    path = Path(f"annotations/{name}.csv")
    edit(path, 2, lambda line: line + b"\xe8")
    assert f"{path}:2: not UTF-8" in refused("hierarchy")


@pytest.mark.parametrize("stage", ["hierarchy", "label", "queue", "validate"])
def test_a_taxonomy_that_is_not_utf8_stops_every_stage_politely(stage: str, workspace: Path, cli: Cli) -> None:
    edit(Path("annotations/taxonomy.csv"), 2, lambda line: line + b"\xe8")
    result = cli(stage)
    assert result.exit_code == 1
    assert "annotations/taxonomy.csv:2: not UTF-8" in result.stderr


def test_a_curated_table_with_another_column(workspace: Path, refused: Refused) -> None:
    path = Path("annotations/anchors.csv")
    edit(path, 1, lambda line: line.replace(b"note", b"notes"))
    assert f"{path}:1: " in refused("hierarchy")


def test_all_problems_of_the_curated_tables_are_told_at_once(workspace: Path, refused: Refused) -> None:
    add_row(Path("annotations/anchors.csv"), "Q999999999", "space port", "spaceship", "")
    add_row(Path("annotations/anchors.csv"), "999999999", "space port", "museum", "")
    message = refused("hierarchy")
    assert "'spaceship' is not in taxonomy.csv" in message
    assert "'999999999' is not a Wikidata id" in message


def test_an_unknown_params_key(workspace: Path, refused: Refused) -> None:
    path = Path("params.yaml")
    path.write_text(path.read_text(encoding="utf-8") + "colour: red\n", encoding="utf-8")
    for stage in ("download", "export"):
        assert "params.yaml: unknown key 'colour'" in refused(stage)


def test_export_that_fails_leaves_the_old_release(workspace: Path, refused: Refused) -> None:
    """Another seed would move the folds, but an input that the provenance wants is absent."""
    path = Path("params.yaml")
    path.write_text(path.read_text(encoding="utf-8").replace("  seed: 0", "  seed: 1"), encoding="utf-8")
    Path("constraints.txt").unlink()
    assert "constraints.txt" in refused("export")


def test_a_disk_that_refuses_is_a_message(workspace: Path, cli: Cli) -> None:
    """A file where the folder should be stands for whatever the operating system refuses."""
    for path in Path("data/4_labels").iterdir():
        path.unlink()
    Path("data/4_labels").rmdir()
    Path("data/4_labels").write_text("", encoding="utf-8")
    result = cli("label")
    assert result.exit_code == 1
    assert re.search(r"^Error: .*data/4_labels.*Remedy: ", result.stderr)


def test_as_a_module_a_stage_fails_as_politely(workspace: Path, outputs: Callable[[], dict[str, str]]) -> None:
    """As DVC runs it: in a process of its own, with the code that is tested."""
    before = outputs()
    edit(CATEGORIES, 4, lambda text: b"1072," + text.split(b",", 1)[1])
    code = Path(curation.__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": str(code), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "pipeline.step1_download"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 1
    assert re.fullmatch(r"Error: .*train_label_to_category\.csv:4: landmark_id 1072 .* Remedy: .+\.\n", result.stderr)
    assert "Traceback" not in result.stdout + result.stderr
    assert outputs() == before


def test_as_a_module_wrong_usage_exits_2(workspace: Path) -> None:
    result = CliRunner().invoke(stage_command(step1_download.main), ["everything"])
    assert result.exit_code == 2
    assert "Usage: " in result.stderr


def test_what_is_wrong_in_a_table_between_stages_is_told(workspace: Path, refused: Refused) -> None:
    """Somebody wrote over a table: another type in a column that the next stage reads."""
    frame = read_table(tables.STATEMENTS)
    frame.assign(statement_number=["x"] * len(frame)).to_parquet(tables.STATEMENTS.path)
    assert tables.STATEMENTS.path in refused("label")
    pd.DataFrame({"a": [1]}).to_parquet(tables.STATEMENTS.path)
    assert tables.STATEMENTS.path in refused("label")
