"""The record of a run, in a repository and where there is no git."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.report.run_record import PACKAGES, run_record

STARTED = datetime(2026, 1, 31, 23, 59, 59, 999999, UTC)


def record() -> dict[str, object]:
    return run_record(STARTED, STARTED + timedelta(seconds=2.345))


def git(*arguments: str) -> str:
    author = ("-c", "user.name=a", "-c", "user.email=a@b.invalid", "-c", "commit.gpgsign=false")
    return subprocess.check_output(["git", *author, *arguments], text=True).strip()


def test_times_are_utc_and_versions_are_those_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = record()
    assert found["started_at"] == "2026-01-31T23:59:59+00:00"
    assert found["finished_at"] == "2026-02-01T00:00:02+00:00"
    assert found["seconds"] == 2.35 or found["seconds"] == 2.34
    assert list(found["packages"]) == sorted(PACKAGES)  # type: ignore[call-overload]
    assert found["packages"]["pandas"][0].isdigit()  # type: ignore[index]
    assert found["host"]
    assert json.loads(json.dumps(found)) == found


def test_a_folder_without_git_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert (record()["commit"], record()["is_dirty"]) == (None, None)
    monkeypatch.setenv("PATH", "")  # nor has one without git itself
    assert (record()["commit"], record()["is_dirty"]) == (None, None)


def test_changes_since_the_commit_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    assert record()["commit"] is None  # no commit yet
    git("commit", "-q", "--allow-empty", "-m", "first")
    assert (record()["commit"], record()["is_dirty"]) == (git("rev-parse", "HEAD"), False)
    Path("new.txt").touch()
    assert record()["is_dirty"] is True
