"""Label quality on the real extracts does not fall; the floors lie a little under what was reached.

`python benchmarks/label_quality.py --json OUT` gives the figures in full.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not (DATA / "wikidata").is_dir(), reason="the extracts folder (../shared/data) is not here"
)


@cache
def result() -> dict[str, Any]:
    from benchmarks.label_quality import measure

    return measure(DATA)


def test_class_level() -> None:
    pairs = result()["pairs"]
    assert pairs["count"] >= 51
    assert pairs["reached_share"] >= 0.95
    assert pairs["agreement"] >= 0.95


def test_landmark_level() -> None:
    landmarks = result()["landmarks"]
    assert landmarks["count"] >= 73
    assert landmarks["agreement"] >= 0.93
    assert landmarks["interval"][0] <= landmarks["agreement"] <= landmarks["interval"][1]


def test_text_level() -> None:
    text = result()["text"]
    assert text["rows"] > 5900
    assert text["top1_weighted"] >= 0.78
    assert text["coverage_at_95_precision"] >= 0.60
    assert text["honest_coverage"] >= 0.52
    assert text["honest_precision"] >= 0.94
    assert text["macro_f1"] >= 0.61
    assert not text["report"]["abstained"]


def test_text_confidence_is_calibrated() -> None:
    for row in result()["text"]["reliability"]:
        if row["rows"] >= 200:
            assert abs(row["confidence"] - row["precision"]) < 0.06, row


def test_disagreements_say_what_and_why() -> None:
    rows = result()["disagreements"]
    assert {row["kind"] for row in rows} <= {"pair", "landmark", "text"}
    for row in rows:
        assert row["official"] != row["ours"]
        assert row["id"]
        assert row["title"]
        assert row["why"]


def test_head_nouns_are_lawful_and_hold_no_title() -> None:
    taxonomy = pd.read_csv(ROOT / "annotations/taxonomy.csv")["hierarchical_label"]
    with (ROOT / "annotations/head_nouns.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["language"], row["head_noun"], row["hierarchical_label"]) for row in csv.DictReader(file)]
    assert rows == sorted(set(rows))
    assert {label for _, _, label in rows} == set(taxonomy)
    assert all(noun.strip("-").strip() == noun.strip("-") != "" and noun == noun.casefold() for _, noun, _ in rows)


def test_command_takes_other_files_and_writes_json(tmp_path: Path) -> None:
    landmarks = pd.read_csv(DATA / "gldv2/train_landmark_labels.csv", dtype=str, keep_default_na=False)
    pairs = pd.read_csv(DATA / "gldv2/supercategory_pairs.csv", dtype=str, keep_default_na=False)
    few = landmarks[landmarks["hierarchical_label"].isin(["church", "lake", "bridge"])]
    files = {"landmarks": landmarks[:900], "titles-train": few[::2], "titles-test": few[1::2], "pairs": pairs[:40]}
    options = []
    for name, frame in files.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        options += [f"--{name}", str(tmp_path / f"{name}.csv")]
    out = tmp_path / "out" / "quality.json"
    command = [sys.executable, str(ROOT / "benchmarks/label_quality.py"), "--data", str(DATA), "--json", str(out)]
    done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "top-1" in done.stdout
    written = json.loads(out.read_text(encoding="utf-8"))
    assert written["pairs"]["rows"] == 40
    assert written["text"]["rows"] == len(few[1::2])
    assert written["text"]["top1_weighted"] > 0.9
    wrong = subprocess.run([*command, *options[2:4]], cwd=tmp_path, capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "go together" in wrong.stderr
