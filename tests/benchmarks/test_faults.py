"""The pure parts of the rehearsal of faults: how an ending is judged, what differs, how a file is damaged."""

import json
from pathlib import Path
from random import Random

import pytest
import yaml

from benchmarks.rehearsal.faults import damage, summary
from benchmarks.rehearsal.trials import Said, cached, differing, digests, forget

PROMISED = "Error: data/x.parquet: not readable (cut). Remedy: delete it and run `dvc repro`.\n"
FAILED = "ERROR: failed to reproduce 'label': failed to run: python -m pipeline.step4_label, exited with 1\n"
NO_SPACE = "ERROR: failed to reproduce 'label': [Errno 28] No space left on device"


@pytest.mark.parametrize(
    ("code", "text", "ending"),
    [
        (0, "", "done"),
        (-9, "", "killed"),
        (255, PROMISED + FAILED, "promised error"),
        (255, NO_SPACE, "DVC's error"),
        (255, FAILED, "broken promise"),
        (255, "Traceback (most recent call last):\n" + PROMISED, "broken promise"),
    ],
)
def test_an_ending_is_judged_by_its_code_and_words(code: int, text: str, ending: str) -> None:
    assert Said(code, text).ending == ending


def test_digests_leave_out_what_is_half_written_and_never_the_same(tmp_path: Path) -> None:
    for name in ("release/labels.csv", "data/4_labels/.x.7.part", "data/8_report/run.json", "data/raw/wikidata/x.gz"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    before = digests(tmp_path)
    assert list(before) == ["release/labels.csv"]
    (tmp_path / "data/8_report/report.html").write_text("new")
    assert differing(before, digests(tmp_path)) == ["data/8_report/report.html"]


def test_what_is_forgotten_is_not_restored(tmp_path: Path) -> None:
    cache = tmp_path / ".dvc/cache"
    listed = json.dumps([{"md5": "b" * 32, "relpath": "x"}])
    for md5, content in (("a" * 32 + ".dir", listed), ("b" * 32, "x"), ("c" * 32, "of another stage")):
        cached(cache, md5).parent.mkdir(parents=True)
        cached(cache, md5).write_text(content)
    stages = {"export": {"outs": [{"path": "release", "md5": "a" * 32 + ".dir"}]}}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}))
    forget(tmp_path, "export")
    assert [path.name for path in cache.rglob("*") if path.is_file()] == ["c" * 30]


def test_damage_is_the_same_for_a_seed_and_only_at_the_end(tmp_path: Path) -> None:
    path, content = tmp_path / "records-0000.jsonl.gz", bytes(range(256)) * 100
    for seed in range(20):
        results = []
        for _ in range(2):
            path.write_bytes(content)
            row: dict[str, object] = {}
            damage(path, Random(seed), row)
            results.append((path.read_bytes(), row))
        assert results[0] == results[1]
        found, lost = results[0][0], int(str(row["lost_bytes"]))
        assert found != content
        assert found[: len(content) - lost] == content[:-lost]


def test_the_table_counts_what_is_lost_once() -> None:
    rows = [
        {"fault": "kill", "ending": "killed"},
        {"fault": "kill", "ending": "killed", "lost": "done"},
        {"fault": "kill", "ending": "killed", "is_lock_cut": True},
        {"fault": "full disk", "ending": "promised error"},
    ]
    table = summary(rows)
    assert table.loc["kill", ["tried", "killed", "dvc.lock cut", "lost"]].tolist() == [3, 1, 1, 1]
    assert table.loc["full disk", ["tried", "promised error", "lost"]].tolist() == [1, 1, 0]
