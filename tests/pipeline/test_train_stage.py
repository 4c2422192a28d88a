"""`hgld train`, `hgld embed` and the index of the TARs on the sample: what they make, and what they refuse."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from training.embedding import read_embeddings

Cli = Callable[..., Result]
TRAIN_TAR = Path("data/raw/gldv2/train/images_000.tar")


@pytest.fixture
def quick_workspace(workspace: Path) -> Path:
    """A copy of the built sample whose runs take a second."""
    path = workspace / "params.yaml"
    text = path.read_text(encoding="utf-8")
    changes = {"image_size: 64": "image_size: 16", "epochs: 10": "epochs: 1", "dim: 64": "dim: 8"}
    for old, new in (changes | {"seeds: [0, 1, 2]": "seeds: [0, 1]"}).items():
        assert f"\n  {old}\n" in text
        text = text.replace(f"\n  {old}\n", f"\n  {new}\n")
    path.write_text(text, encoding="utf-8")
    return workspace


def test_the_index_holds_every_image_of_the_tars(in_sample: Path) -> None:
    index = pd.read_parquet("data/1_gldv2/tar_index.parquet")
    images = pd.concat(
        pd.read_parquet(f"release/images/{split}.parquet").assign(split=split) for split in ("train", "index")
    )
    listed = index[index["split"] != "test"]
    assert set(zip(listed["split"], listed["image_id"], strict=True)) <= set(
        zip(images["split"], images["image_id"], strict=True)
    )
    assert len(listed) > 900
    for row in index.groupby("split").head(2).itertuples():
        with Path(row.tar).open("rb") as opened:
            opened.seek(row.offset)
            data = opened.read(row.size)
        assert data.startswith(b"\xff\xd8")
        assert data.endswith(b"\xff\xd9")


def test_without_tars_the_index_is_empty_and_training_says_so(quick_workspace: Path, cli: Cli) -> None:
    manifest = Path("data/1_gldv2/tar_manifest.csv")
    manifest.write_text(manifest.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    assert cli("index").exit_code == 0
    assert len(pd.read_parquet("data/1_gldv2/tar_index.parquet")) == 0
    result = cli("train", "--loss", "happier")
    assert result.exit_code == 1
    assert "no labelled image of the train fold is in the image files" in result.stderr


def test_no_loss_trains_nothing(quick_workspace: Path, cli: Cli) -> None:
    result = cli("train")
    assert result.exit_code == 0
    assert "train.losses is empty: labels only" in result.output
    assert [path.name for path in Path("runs").iterdir()] == ["tuning.json"]


def test_a_named_loss_is_trained_and_its_images_are_embedded(quick_workspace: Path, cli: Cli) -> None:
    result = cli("train", "--loss", "happier", "--seed", "3")
    assert result.exit_code == 0, result.output
    assert "epoch 1/1: loss" in result.output
    run = Path("runs/happier/seed3")
    (row,) = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert 0 < row["val_h_ap"] <= 1
    assert {"val_ndcg", "val_asi", "val_map_at_r_level0", "val_ap_level2"} <= set(row)

    again = cli("train", "--loss", "happier", "--seed", "3")
    assert again.exit_code == 0
    assert "epoch" not in again.output.split("epochs\n")[1]

    for arguments in (
        ["--out", "whole"],
        *(["--out", "parts", "--shard", str(i), "--num-shards", "3"] for i in range(3)),
    ):
        result = cli("embed", "--run", str(run), *arguments)
        assert result.exit_code == 0, result.output
    ((ids, embeddings),) = read_embeddings([Path("whole/shard-0-of-1.parquet")])
    parts = list(read_embeddings(sorted(Path("parts").iterdir())))
    assert len(parts) == 3
    assert np.concatenate([part[0] for part in parts]).tolist() == ids.tolist()
    np.testing.assert_allclose(np.concatenate([part[1] for part in parts]), embeddings, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    assert embeddings.shape == (len(ids), 8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--loss", "hapier"], "loss 'hapier' is unknown; known: happier"),
        (["train", "--loss", "happier", "--seed", "0", "--resume", "absent.pt"], "absent.pt: .*name another"),
        (["embed", "--run", "release", "--out", "x"], "release holds no checkpoint; train it first"),
    ],
)
def test_what_does_not_exist_is_told(arguments: list[str], message: str, quick_workspace: Path, cli: Cli) -> None:
    result = cli(*arguments)
    assert result.exit_code == 1
    assert pd.Series([result.stderr]).str.contains(message).all(), result.stderr


def test_a_checkpoint_is_of_one_run(quick_workspace: Path, cli: Cli) -> None:
    result = cli("train", "--loss", "happier", "--resume", "last.pt")
    assert result.exit_code == 2
    assert "name it by --loss and --seed" in result.stderr


def test_more_shards_than_images(quick_workspace: Path, cli: Cli) -> None:
    assert cli("train", "--loss", "sup_ap").exit_code == 0
    arguments = ("embed", "--run", "runs/sup_ap/seed0", "--num-shards", "100000", "--out", "parts")
    for shard in ("0", "99999"):
        assert cli(*arguments, "--shard", shard).exit_code == 0
    sizes = [embeddings.shape for _, embeddings in read_embeddings(sorted(Path("parts").iterdir()))]
    assert sizes == [(0, 8), (1, 8)]


def test_a_shard_that_does_not_exist_is_told(quick_workspace: Path, cli: Cli) -> None:
    assert cli("train", "--loss", "sup_ap").exit_code == 0
    result = cli("embed", "--run", "runs/sup_ap/seed0", "--shard", "2", "--num-shards", "2", "--out", "x")
    assert result.exit_code == 1
    assert "shard 2 of 2 does not exist; shards are 0..1" in result.stderr
    assert not Path("x").exists()


def test_a_tar_that_changed_since_it_was_indexed_is_told(quick_workspace: Path, cli: Cli) -> None:
    data = TRAIN_TAR.read_bytes()
    TRAIN_TAR.write_bytes(data[512:] + data[:512])
    result = cli("train", "--loss", "happier")
    assert result.exit_code == 1
    assert "changed since it was indexed" in result.stderr
    result = cli("index")
    assert result.exit_code in (0, 1)
    TRAIN_TAR.write_bytes(data[:-20_000])
    result = cli("index")
    assert result.exit_code == 1
    assert "images_000.tar" in result.stderr
    assert "Remedy: remove the TAR and run the download stage again" in result.stderr


def test_levels_that_the_release_lacks_are_told(quick_workspace: Path, cli: Cli) -> None:
    path = quick_workspace / "params.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("levels: [landmark_id,", "levels: [landmark,"), encoding="utf-8")
    result = cli("train", "--loss", "happier")
    assert result.exit_code == 1
    assert "no column landmark; there are: " in result.stderr


def test_two_processes_learn_what_one_learns(quick_workspace: Path, cli: Cli, root: Path) -> None:
    """As in docs/SCALE.md, with two processes on this machine and two runs, one after the other."""
    assert cli("train", "--loss", "happier", "--seed", "1").exit_code == 0
    alone = Path("runs/happier/seed1").rename("alone")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "pipeline.step10_train", "--loss", "happier"]
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("epoch 1/1") == 2
    one, two = (json.loads((run / "metrics.jsonl").read_text()) for run in (alone, Path("runs/happier/seed1")))
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-4)
    assert two["val_h_ap"] == pytest.approx(one["val_h_ap"], rel=0.02)
