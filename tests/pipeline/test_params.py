"""params.yaml is read strictly, and what does not fit is named: file, key, what is wrong, remedy."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result

from pipeline.errors import InputError
from pipeline.params import Params, Train, read_params
from pipeline.training_input import OF_THE_STAGE
from training.config import TrainConfig

Cli = Callable[..., Result]


def edit(folder: Path, old: str, new: str) -> Path:
    """Replace a part of params.yaml that must be there."""
    path = folder / "params.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_the_committed_file_is_read(project: Path) -> None:
    params = read_params()
    assert isinstance(params, Params)
    assert params.source == "sample"
    assert isinstance(params.folds.val_share, float)
    assert isinstance(params.wikidata.snapshot_date, str)


def test_null_shards_and_whole_number_shares_are_fine(project: Path) -> None:
    edit(project, 'test_shards: "0"', "test_shards: null")
    edit(project, "val_share: 0.1", "val_share: 0")
    params = read_params()
    assert params.gldv2.test_shards is None
    assert params.folds.val_share == 0.0
    assert isinstance(params.folds.val_share, float)


# What is edited, what stands there instead, and what the message must name beside the file.
BROKEN = {
    "unknown key": ("source: sample\n", "source: sample\ncolour: red\n", ["'colour'", "unknown key"]),
    "unknown key in a section": ("  seed: 0", "  seed: 0\n  sead: 1", ["folds", "'sead'", "unknown key"]),
    "unknown key that is no text": ("source: sample\n", "source: sample\n7: red\n", ["7", "unknown key"]),
    "missing key": ("source: sample\n", "\n", ["'source'", "missing"]),
    "missing key in a section": ("  seed: 0", "", ["folds", "'seed'", "missing"]),
    "text for a number": ("  seed: 0", '  seed: "0"', ["folds.seed", "'0'", "int"]),
    "fraction for a whole number": ("  seed: 0", "  seed: 0.5", ["folds.seed", "0.5", "int"]),
    "true for a number": ("  seed: 0", "  seed: true", ["folds.seed", "True", "int"]),
    "text for a share": ("val_share: 0.1", "val_share: ten", ["folds.val_share", "'ten'", "float"]),
    "number for shards": ('test_shards: "0"', "test_shards: 0", ["gldv2.test_shards", "str or null"]),
    "date without quotes": ('"2026-11-23"', "2026-11-23", ["wikidata.snapshot_date", "str", "quote"]),
    "number for a version": ("version: 0.1.0", "version: 1.0", ["release.version", "str"]),
    "null where none is meant": ("source: sample\n", "source: null\n", ["source", "None", "str"]),
    "wrong source": ("source: sample\n", "source: moon\n", ["source", "'moon'", "sample", "wikimedia"]),
    "shares that leave nothing": ("val_share: 0.1", "val_share: 0.8", ["folds", "val_share", "test_share"]),
    "negative share": ("val_share: 0.1", "val_share: -0.1", ["folds", "val_share"]),
    "share that is no number": ("val_share: 0.1", "val_share: .nan", ["folds", "val_share"]),
    "trials that are a list": ("  tune:\n    learning_rate:", "  tune:\n    -", ["benchmark.tune", "mapping"]),
    "a trial that is no list": ("[0.0005, 0.001]", "0.001", ["benchmark.tune.learning_rate", "list"]),
    "bad YAML": ("source: sample\n", "source: [sample\n", ["YAML"]),
    "tab": ("  seed: 0", "\tseed: 0", ["YAML"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_does_not_fit_is_named(case: str, project: Path) -> None:
    old, new, words = BROKEN[case]
    edit(project, old, new)
    with pytest.raises(InputError) as caught:
        read_params()
    assert caught.value.message.startswith("params.yaml")
    assert "Remedy: " in caught.value.message
    for word in words:
        assert word in caught.value.message
    assert "\n" not in caught.value.message


def test_a_missing_section_is_named(project: Path) -> None:
    text = (project / "params.yaml").read_text(encoding="utf-8")
    (project / "params.yaml").write_text(text[: text.index("release:")], encoding="utf-8")
    with pytest.raises(InputError, match=r"params\.yaml: key 'release' is missing\. Remedy: "):
        read_params()


@pytest.mark.parametrize("section", [None, [], ["seed"], "seed: 0", 7])
def test_a_section_that_is_none_is_named(section: object, project: Path) -> None:
    raw = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8")) | {"folds": section}
    (project / "params.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(InputError, match=r"^params\.yaml: folds: must be a mapping.*Remedy: "):
        read_params()


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"- a list\n", b"text\n", b"source: \xff\n"])
def test_another_file_is_refused(content: bytes, project: Path) -> None:
    (project / "params.yaml").write_bytes(content)
    with pytest.raises(InputError, match=r"^params\.yaml: .*Remedy: "):
        read_params()


def test_another_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli("download")
    assert result.exit_code == 1
    assert "params.yaml: not found" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "stage", ["download", "wikidata", "label", "queue", "export", "validate", "tune", "train", "probe", "benchmark"]
)
def test_every_stage_that_reads_params_stops_on_them(
    stage: str, workspace: Path, cli: Cli, outputs: Callable[[], dict[str, str]]
) -> None:
    before = outputs()
    edit(workspace, "source: sample\n", "source: sample\ncolour: red\n")
    result = cli(stage)
    assert result.exit_code == 1
    assert "params.yaml: unknown key 'colour'" in result.stderr
    assert outputs() == before


def test_settings_of_training_are_those_of_a_run() -> None:
    """Declared again in pipeline/params.py, so that no other stage depends on the code of training."""
    declared = {field.name: field.type for field in dataclasses.fields(Train)}
    of_a_run = {field.name: field.type for field in dataclasses.fields(TrainConfig)}
    assert set(declared) - set(OF_THE_STAGE) == set(of_a_run) - {"loss", "seed"}
    assert all(declared[name] is of_a_run[name] for name in set(declared) - set(OF_THE_STAGE))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("losses: []", "losses: happier", "train.losses: 'happier' is not a list"),
        ("losses: []", "losses: [7]", r"train.losses\[0\]: 7 is not a str"),
        ("seeds: [0, 1, 2]", "seeds: [zero]", r"train.seeds\[0\]: 'zero' is not a int"),
        ("losses: []", "losses: [hapier]", "loss 'hapier' is unknown; known: happier"),
        ("epochs: 10", "epochs: 0", "epochs is 0; it must be at least 1"),
    ],
)
def test_training_settings_that_do_not_fit_are_named(
    old: str, new: str, message: str, workspace: Path, cli: Cli
) -> None:
    edit(workspace, old, new)
    if old != "losses: []":
        edit(workspace, "losses: []", "losses: [happier]")
    result = cli("train")
    assert result.exit_code == 1
    assert re.search(f"params.yaml: {message}|params.yaml: train: {message}", result.stderr)
