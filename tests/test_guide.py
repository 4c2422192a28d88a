"""The curator's guide is tested: a newcomer who does what it says goes from a doubt to a release that tells why."""

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import requests

from tests.clones import clone
from tests.test_readme import run
from tests.worksheets import rows_of, save

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "annotations/README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"^```\n(.*?)^```", GUIDE, re.S | re.M) for line in block.splitlines()]
GARDEN = {"class_qid": "Q1759852", "decision": "assign", "hierarchical_label": "garden", "reason": "It is a garden."}
VILLAGES = {
    "child_qid": "Q269528",
    "parent_qid": "Q486972",
    "decision": "remove",
    "other_parent_qid": "Q532",
    "reason": "Such places are villages.",
}


def fill(path: Path, cells: dict[str, str]) -> None:
    """Fill the row of a worksheet that has the ids among the cells, as a spreadsheet would."""
    rows = rows_of(path)
    names = [name.split(" (")[0] for name in rows[0]]
    ids = {name: text for name, text in cells.items() if name.endswith("_qid") and name != "other_parent_qid"}
    (row,) = [row for row in rows[1:] if all(row[names.index(name)] == text for name, text in ids.items())]
    for name, text in cells.items():
        row[names.index(name)] = text
    path.unlink()
    save(rows, path)


def look_at_the_page(command: str, folder: Path) -> None:
    """Run `hgld review`, look at the page that it announces, and end it as Ctrl-C does."""
    arguments = shlex.split(command)
    environment = os.environ | {"PATH": f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    with subprocess.Popen(
        [*arguments, "--port", "0"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as page:
        assert page.stdout is not None
        line = page.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert address, line
        page.stdout.readline()  # it has read the tables
        answer = requests.get(address[0], timeout=30)
        page.send_signal(signal.SIGINT)
        page.wait(timeout=30)
    assert answer.status_code == 200
    assert "newcomer" in answer.text
    assert page.returncode == 0


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A clone in which every command of the guide has run, and what each of them printed."""
    folder = clone(tmp_path_factory.mktemp("guide") / "hgldv2")
    said: dict[str, str] = {}
    for command in COMMANDS:
        if command.startswith("hgld review"):
            look_at_the_page(command, folder)
        elif command.startswith(("echo", "cp")):
            subprocess.run(command, shell=True, cwd=folder, check=True)
        elif not command.startswith("."):  # which activates the environment of the tests
            said[command] = run(command, folder)
        if command.startswith("hgld worksheet"):
            fill(folder.parent / "classes.csv", GARDEN)
    return folder, said


def test_the_guide_names_every_step() -> None:
    text = "\n".join(COMMANDS)
    for step in ("make repro", "hgld review", "hgld worksheet", "hgld decide", "hgld check", "dvc repro", "hgld diff"):
        assert step in text


def test_the_dry_run_and_the_decision_say_what_moves(curated: tuple[Path, dict[str, str]]) -> None:
    _, said = curated
    for command in (command for command in COMMANDS if command.startswith("hgld decide")):
        assert "museum -> garden: 1 landmarks, 4 images, such as Louisiana Museum of Modern Art" in said[command]
        assert ("nothing was written" in said[command]) == command.endswith("--dry-run")


def test_the_tables_are_lawful_and_hold_the_verdict(curated: tuple[Path, dict[str, str]]) -> None:
    folder, said = curated
    assert "BROKEN" not in said["hgld check"]
    with (folder / "annotations/class_decisions.csv").open(encoding="utf-8", newline="") as opened:
        (row,) = [row for row in csv.DictReader(opened) if row["class_qid"] == GARDEN["class_qid"]]
    assert (row["reviewer"], row["decision"], row["hierarchical_label"]) == ("newcomer", "assign", "garden")


def test_the_diff_names_the_decision(curated: tuple[Path, dict[str, str]]) -> None:
    _, said = curated
    (found,) = [text for command, text in said.items() if command.startswith("hgld diff")]
    assert "Louisiana Museum of Modern Art" in found
    assert "class Q1759852 (sculpture garden) assigned garden by decision" in found


def test_an_edge_removed_by_hand_is_what_the_diff_names(curated: tuple[Path, dict[str, str]]) -> None:
    folder, _ = curated
    before, sheet = folder.parent / "release-with-garden", folder.parent / "edges.csv"
    subprocess.run(["cp", "-r", "release", before], cwd=folder, check=True)
    run(f"hgld worksheet edges --out {sheet}", folder)
    fill(sheet, VILLAGES)
    decided = json.loads(run(f"hgld decide {sheet} --reviewer newcomer --json", folder))
    run("dvc repro", folder)
    assert sheet.exists()
    changes = json.loads(run(f"hgld diff {before} release --json", folder))
    assert not changes["added"]
    assert not changes["removed"]
    (moved,) = changes["moved"]
    (foreseen,) = decided["moved"]
    assert {name: moved[name] for name in foreseen} == foreseen
    assert (moved["old"], moved["new"]) == ("settlement", "village")
    assert "Q269528" in moved["reason"]
    assert "by decision" in moved["reason"]
    labels = pd.read_parquet(folder / f"release/labels/{moved['split']}.parquet").set_index("landmark_id")
    assert labels.loc[moved["landmark_id"], "hierarchical_label"] == "village"
