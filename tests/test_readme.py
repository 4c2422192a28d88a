"""The README is tested: its commands run, its sample is the release's, what it names exists."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.clones import clone

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for kind, block in re.findall(r"^```(\w*)\n(.*?)^```", README, re.S | re.M)
    if not kind
    for line in block.splitlines()
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which `make repro` has run, in the environment that the tests run in."""
    folder = clone(tmp_path_factory.mktemp("clone") / "hgldv2")
    run("make repro", folder)
    return folder


def run(command: str, folder: Path) -> str:
    """Run a command as a user would with the environment activated; `make` gets that environment as its own."""
    venv = Path(sys.prefix)
    (venv / ".installed-repro").touch()
    arguments = [
        *shlex.split(command),
        *([f"VENV={os.path.relpath(venv, folder)}"] if command.startswith("make") else []),
    ]
    environment = os.environ | {"PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    environment |= {"DVC_SITE_CACHE_DIR": str(folder.parent / "dvc-site-cache")}
    result = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def test_the_two_commands_are_what_ci_calls() -> None:
    assert COMMANDS[:2] == ["make repro", "make test"]
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert re.search(r"^make test$", script, re.M)
    assert re.search(r"^make repro$", script, re.M)
    # `make test` is what runs this test; here only its recipe is checked.
    recipe = subprocess.check_output(["make", "-n", "test"], cwd=ROOT, text=True)
    assert "pytest" in recipe
    assert "mypy" in recipe


@pytest.mark.parametrize("command", [command for command in COMMANDS if not command.startswith("make")])
def test_every_command_runs(command: str, built: Path) -> None:
    said = run(command, built)
    assert said.strip() or command == "hgld wikidata --offline"  # which makes tables and has nothing to say


def test_the_release_loads_as_the_readme_says(built: Path) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```", README, re.S | re.M)
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(built.parent / "hugging-face")}
    code = f"{block}\nprint(labels.num_rows, images.num_rows)"
    said = subprocess.check_output([sys.executable, "-c", code], cwd=built, env=os.environ | offline, text=True)
    sizes = [
        {split: len(pd.read_parquet(built / f"release/{kind}/{split}.parquet")) for split in ("train", "index")}
        for kind in ("labels", "images")
    ]
    assert said.strip() == f"{sizes[0]} {sizes[1]}"


def test_repro_again_finds_nothing_to_do(built: Path) -> None:
    assert "Data and pipelines are up to date" in run("make repro", built)


def test_sample_of_the_release_is_true(built: Path) -> None:
    lines = [line for line in README.splitlines() if re.match(r"\| \d+ \|", line)]
    assert len(lines) == 10
    header = next(line for line in README.splitlines() if line.startswith("| landmark_id"))
    names = [name.strip() for name in header.strip("|").split("|")]
    release = pd.read_parquet(built / "release/labels/train.parquet").set_index("landmark_id", drop=False)
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        row = release.loc[int(cells[0])]
        assert cells == ["" if pd.isna(row[name]) else str(row[name]) for name in names]


def test_stages_table_lists_every_stage_in_order() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert re.findall(r"^\| `(\w+)` \|", README, re.M) == list(stages)


def test_paths_that_the_readme_names_exist(built: Path) -> None:
    names = set(re.findall(r"`((?:data|annotations|sample|pipeline|release)/[\w./]+)`", README))
    assert len(names) > 5
    for name in names:
        assert (built / name).exists(), name
