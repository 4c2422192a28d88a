"""Fixtures: the project's folder, and a miniature copy of it for tests that write."""

import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from tests.clones import train_nothing

ROOT = Path(__file__).parents[1]
settings.register_profile("long", max_examples=20_000)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of everything that the stages read, as the current folder; what stages write stays in it."""
    for name in ("annotations", "sample"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    train_nothing(tmp_path)
    for room in ("hierarchy", "pipeline"):  # hashed into provenance.json
        (tmp_path / room).mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HGLD_CONTACT", raising=False)
    return tmp_path
