"""The DVC pipeline as a whole: what runs again after an edit, and the same bytes from another clone."""

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.clones import clone


def repro(folder: Path, *options: str, **environment: str) -> str:
    """Run `dvc repro` there, without a git identity and with a cache of its own; return what it printed."""
    path = f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"
    site = {"PATH": path, "DVC_SITE_CACHE_DIR": str(folder / ".dvc/site"), "GIT_CONFIG_GLOBAL": os.devnull}
    command = [sys.executable, "-m", "dvc", "repro", *options]
    result = subprocess.run(command, cwd=folder, env=os.environ | site | environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def ran(output: str) -> list[str]:
    """Names of the stages that ran."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = clone(tmp_path_factory.mktemp("first") / "hgldv2")
    repro(folder, "--force", "--no-run-cache", TZ="America/St_Johns")
    return folder


def test_another_clone_zone_and_hash_seed_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    other = clone(tmp_path / "a folder with spaces, elsewhere")
    repro(
        other, "--force", "--no-run-cache", PYTHONHASHSEED="4242", TZ="Pacific/Chatham", LC_ALL="C", OMP_NUM_THREADS="1"
    )
    assert bytes_of(other / "release") == bytes_of(built / "release")
    assert (other / "dvc.lock").read_bytes() == (built / "dvc.lock").read_bytes()


def test_one_class_decision_reruns_hierarchy_and_what_follows_only(built: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hgldv2"
    shutil.copytree(built, folder)
    table = folder / "annotations/class_decisions.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("2026-11-23", "2026-11-24", 1), encoding="utf-8")
    stages = ran(repro(folder))
    assert stages[0] == "hierarchy"
    assert not {"download", "wikidata"} & set(stages)
    assert "Data and pipelines are up to date" in repro(folder)


def test_a_deleted_release_comes_back(built: Path) -> None:
    before = bytes_of(built / "release")
    shutil.rmtree(built / "release")
    repro(built)
    assert bytes_of(built / "release") == before


QUICK = {
    "losses: []": "losses: [smooth_ap]",
    "image_size: 64": "image_size: 16",
    "epochs: 10": "epochs: 2",
    "learning_rate: [0.0005, 0.001]": "learning_rate: [0.001]",
}
DIE_AT_A_BATCH = """
import os, signal
from training.learner import Learner

learn, done = Learner.learn, [0]

def until_killed(*arguments):
    if done[0] == {batch}:
        os.kill(os.getpid(), signal.SIGKILL)
    done[0] += 1
    return learn(*arguments)

Learner.learn = until_killed
from pipeline.step10_train import main
main("smooth_ap", 0)
"""


def test_a_killed_training_stage_ends_with_the_weights_of_an_undisturbed_one(built: Path, tmp_path: Path) -> None:
    weights = {}
    for name in ("undisturbed", "killed"):
        folder = tmp_path / name
        shutil.copytree(built, folder)
        params = folder / "params.yaml"
        text = params.read_text(encoding="utf-8")
        for old, new in {**QUICK, "checkpoint_every: 1000": "checkpoint_every: 3"}.items():
            assert f"  {old}\n" in text
            text = text.replace(f"  {old}\n", f"  {new}\n")
        params.write_text(text, encoding="utf-8")
        if name == "killed":
            script = DIE_AT_A_BATCH.format(batch=random.randrange(16))
            killed = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)
            assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert ran(repro(folder, "train@smooth_ap-0")) == ["tune", "train@smooth_ap-0"]
        state = torch.load(folder / "runs/smooth_ap/seed0/last.pt", weights_only=True)
        weights[name] = state["learner"]["model"]
        assert "Data and pipelines are up to date" in repro(folder, "train@smooth_ap-0")
    assert weights["undisturbed"].keys() == weights["killed"].keys()
    for key, value in weights["undisturbed"].items():
        assert torch.equal(weights["killed"][key], value), key
