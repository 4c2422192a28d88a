"""Training as a whole: it learns, it is the same every time, and neither a kill nor a full disk harms it."""

import errno
import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.small_images import quick, small_world
from training import run as course
from training import runs
from training.config import TrainConfig
from training.image_table import ImageTable
from training.images import FolderImages
from training.learner import Learner
from training.loss_table import LOSSES
from training.run import BEST, LAST, METRICS
from training.runs import RunError
from training.train import train
from training.trained import read_model

World = tuple[dict[str, ImageTable], FolderImages]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return small_world(tmp_path_factory.mktemp("world"))


def weights(folder: Path, name: str = LAST) -> dict[str, torch.Tensor]:
    """Parameters of the model in a checkpoint."""
    saved = torch.load(folder / name, weights_only=True)
    found: dict[str, torch.Tensor] = saved["learner"]["model"] if name == LAST else saved["model"]
    return found


def same_state(one: Any, other: Any) -> bool:
    """Whether two checkpoints hold the same, to the last bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same_state(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same_state, one, other))
    return bool(one == other)


def assert_same_run(folder: Path, other: Path) -> None:
    for name in (LAST, BEST):
        assert same_state(*(torch.load(run / name, weights_only=True) for run in (folder, other))), name
    for name in (LAST, BEST, METRICS):
        assert (folder / name).read_bytes() == (other / name).read_bytes(), name


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / METRICS).read_text(encoding="utf-8").splitlines()]


def stop_at(monkeypatch: pytest.MonkeyPatch, batch: int, stop: Callable[[], None]) -> None:
    """Stop the run when it comes to its batch of that number, counted over epochs."""
    learn, done = Learner.learn, [0]

    def counted(*arguments: Any) -> float:
        if done[0] == batch:
            stop()
        done[0] += 1
        return learn(*arguments)

    monkeypatch.setattr(Learner, "learn", counted)


def test_it_learns_what_colours_tell(world: World, tmp_path: Path) -> None:
    train(quick(epochs=6, learning_rate=3e-3), *world, tmp_path / "run")
    curve = rows(tmp_path / "run")
    assert [row["epoch"] for row in curve] == [1, 2, 3, 4, 5, 6]
    assert curve[-1]["loss"] < 0.8 * curve[0]["loss"]
    assert curve[-1]["val_h_ap"] > 0.6
    best = torch.load(tmp_path / "run" / BEST, weights_only=True)
    assert curve[best["epoch"] - 1]["val_h_ap"] == max(row["val_h_ap"] for row in curve)


def test_the_same_settings_give_the_same_bytes_and_another_seed_others(world: World, tmp_path: Path) -> None:
    for name, seed in (("one", 0), ("same", 0), ("other", 1)):
        train(quick(seed=seed), *world, tmp_path / name)
    for file in (LAST, BEST, METRICS):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "same" / file).read_bytes()
    assert (tmp_path / "one" / METRICS).read_bytes() != (tmp_path / "other" / METRICS).read_bytes()


@pytest.mark.parametrize("batch", [0, 1, 2, 4, 5])
@pytest.mark.parametrize("settings", [{}, {"memory": 24, "accumulate": 2}, {"chunk": 5, "evaluate_every": 2}])
def test_an_interrupted_run_goes_on_bit_for_bit(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int, settings: dict[str, int]
) -> None:
    config = quick(**settings)
    train(config, *world, tmp_path / "undisturbed")

    def interrupt() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        stop_at(patched, batch, interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(config, *world, tmp_path / "run")
    train(config, *world, tmp_path / "run")
    assert_same_run(tmp_path / "run", tmp_path / "undisturbed")


def train_and_die(config: TrainConfig, world: World, folder: Path, batch: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        stop_at(patched, batch, lambda: os.kill(os.getpid(), signal.SIGKILL))
        train(config, *world, folder)


def test_a_killed_run_goes_on_bit_for_bit(world: World, tmp_path: Path) -> None:
    train(quick(), *world, tmp_path / "undisturbed")
    batch = int(np.random.default_rng().integers(6))
    arguments = (quick(), world, tmp_path / "run", batch)
    process = multiprocessing.get_context("spawn").Process(target=train_and_die, args=arguments)
    process.start()
    process.join(timeout=300)
    process.kill()
    assert process.exitcode == -signal.SIGKILL
    train(quick(), *world, tmp_path / "run")
    assert_same_run(tmp_path / "run", tmp_path / "undisturbed")


def test_a_finished_run_is_left_as_it_is(world: World, tmp_path: Path) -> None:
    train(quick(), *world, tmp_path / "run")
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    train(quick(), *world, tmp_path / "run")
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_a_run_of_other_settings_or_data_is_moved_aside(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables, images = world
    train(quick(), tables, images, tmp_path / "run")
    old = (tmp_path / "run" / LAST).read_bytes()
    train(quick(dim=4), tables, images, tmp_path / "run")
    assert (tmp_path / "run.aside-1" / LAST).read_bytes() == old
    assert "is of other settings; moved to" in capsys.readouterr().out
    fewer = tables | {"train": tables["train"].of(np.arange(24))}
    train(quick(dim=4), fewer, images, tmp_path / "run")
    assert "other train images or labels; moved to" in capsys.readouterr().out
    assert (tmp_path / "run.aside-2").is_dir()
    assert (tmp_path / "run.aside-1" / LAST).read_bytes() == old


def test_settings_that_change_nothing_do_not_move_a_run(world: World, tmp_path: Path) -> None:
    train(quick(), *world, tmp_path / "run")
    train(quick(device="cpu", checkpoint_every=7), *world, tmp_path / "run")
    assert not (tmp_path / "run.aside-1").exists()


def test_resume_by_hand_needs_a_run_that_fits(world: World, tmp_path: Path) -> None:
    train(quick(), *world, tmp_path / "run")
    with pytest.raises(RunError, match=r"is of other settings"):
        train(quick(dim=4), *world, tmp_path / "other", resume=tmp_path / "run")
    with pytest.raises(RunError, match=r"absent.pt: .*name another"):
        train(quick(), *world, tmp_path / "other", resume=tmp_path / "absent.pt")
    with pytest.raises(RunError, match=r"holds a model alone, .* resume from a run's last.pt"):
        train(quick(), *world, tmp_path / "other", resume=tmp_path / "run" / BEST)
    (tmp_path / "torn.pt").write_bytes((tmp_path / "run" / LAST).read_bytes()[:-100])
    with pytest.raises(RunError, match="cut short or damaged"):
        train(quick(), *world, tmp_path / "third", resume=tmp_path / "torn.pt")


def test_a_run_taken_over_from_another_folder_is_whole(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(quick(epochs=3), *world, tmp_path / "undisturbed")
    with monkeypatch.context() as patched:
        stop_at(patched, 5, lambda: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train(quick(epochs=3), *world, tmp_path / "killed")
    train(quick(epochs=3, seed=5), *world, tmp_path / "run")
    other = (tmp_path / "run" / LAST).read_bytes()
    train(quick(epochs=3), *world, tmp_path / "run", resume=tmp_path / "killed")
    assert_same_run(tmp_path / "run", tmp_path / "undisturbed")
    assert (tmp_path / "run.aside-1" / LAST).read_bytes() == other
    train(quick(epochs=3), *world, tmp_path / "run")
    assert_same_run(tmp_path / "run", tmp_path / "undisturbed")


def test_an_evaluation_that_fails_costs_no_step(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = quick(checkpoint_every=1000)
    train(config, *world, tmp_path / "undisturbed")
    with monkeypatch.context() as patched:
        patched.setattr(course.Run, "evaluate", lambda _: (_ for _ in ()).throw(RuntimeError("no room")))
        with pytest.raises(RuntimeError):
            train(config, *world, tmp_path / "run")
    stop_at(monkeypatch, 3, lambda: (_ for _ in ()).throw(KeyboardInterrupt))  # the first epoch is not learnt again
    train(config, *world, tmp_path / "run")
    assert_same_run(tmp_path / "run", tmp_path / "undisturbed")


def test_a_full_disk_leaves_the_previous_checkpoint(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(quick(), *world, tmp_path / "undisturbed")
    saved, count = runs.save_checkpoint, [0]

    def fill(path: Path, state: dict[str, Any]) -> None:
        count[0] += 1
        if count[0] == 3:
            with monkeypatch.context() as full:
                full.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
                saved(path, state)
        saved(path, state)

    with monkeypatch.context() as patched:
        patched.setattr(course, "save_checkpoint", fill)
        with pytest.raises(RunError, match=r"No space left.*intact"):
            train(quick(), *world, tmp_path / "run")
    assert not list((tmp_path / "run").glob(".*"))
    train(quick(), *world, tmp_path / "run")
    assert_same_run(tmp_path / "run", tmp_path / "undisturbed")


def test_a_loss_that_is_not_finite_stops_the_run(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.learner.build_loss", lambda *_: torch.nn.Module())
    monkeypatch.setattr(torch.nn.Module, "forward", lambda *_: torch.tensor(float("nan"), requires_grad=True))
    with pytest.raises(RunError, match=r"the loss is nan in epoch 1, batch 1; lower learning_rate \(now 0.001\)"):
        train(quick(), *world, tmp_path / "run")


def test_a_gpu_without_room_says_which_setting_to_lower(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Learner, "backward", full)
    with pytest.raises(RunError, match=r"set train.chunk to 8 .* lower train.image_size \(now 16\)"):
        train(quick(), *world, tmp_path / "run")


@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"happier"}))
def test_every_named_loss_trains(name: str, world: World, tmp_path: Path) -> None:
    if name in ("triplet", "multi_similarity", "fast_ap", "arcface", "proxy_nca"):
        pytest.importorskip("pytorch_metric_learning")
    train(quick(name, epochs=1, evaluate_every=1), *world, tmp_path / "run")
    assert np.isfinite(rows(tmp_path / "run")[0]["loss"])


def test_chunks_do_not_change_what_is_learnt(world: World, tmp_path: Path) -> None:
    for name, chunk in (("whole", 0), ("chunks", 3)):
        train(quick("smooth_ap", chunk=chunk, epochs=1), *world, tmp_path / name)
    chunks = weights(tmp_path / "chunks")
    for name, value in weights(tmp_path / "whole").items():
        # Adam takes a whole step of 0.001 where a gradient is next to nothing, and rounding may turn that one about.
        is_other = (chunks[name] - value).abs() > 1e-3
        assert is_other.double().mean() < 0.01, name


def test_super_classes_and_bfloat16(world: World, tmp_path: Path) -> None:
    train(quick(supers_per_batch=2, precision="bfloat16", epochs=1), *world, tmp_path / "run")
    assert np.isfinite(rows(tmp_path / "run")[0]["loss"])


def test_without_a_val_fold_there_is_no_best(world: World, tmp_path: Path) -> None:
    tables, images = world
    train(quick(), tables | {"val": tables["val"].of(np.arange(0))}, images, tmp_path / "run")
    assert not (tmp_path / "run" / BEST).exists()
    model, config = read_model(tmp_path / "run", torch.device("cpu"))
    assert config == quick()
    assert not model.training


def test_images_and_labels_that_do_not_fit_are_told(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables, images = world
    strange = ImageTable(np.array(["nobody", "nothing"]), np.zeros((2, 3), np.int64), tables["train"].levels)
    with pytest.raises(ValueError, match="no labelled image of the train fold is in the image files"):
        train(quick(), tables | {"train": strange}, images, tmp_path / "run")
    assert "train: 2 of 2 images are not in the image files, nobody for one" in capsys.readouterr().out
    singles = tables["train"].of(np.arange(0, len(tables["train"]), 6))
    with pytest.raises(ValueError, match="each of the 8 classes has one image"):
        train(quick(), tables | {"train": singles}, images, tmp_path / "run")
    few = tables["train"].of(np.arange(18))
    with pytest.raises(ValueError, match="3 classes, a batch needs 4"):
        train(quick(), tables | {"train": few}, images, tmp_path / "run")


def test_unreadable_images_are_skipped_up_to_a_share(world: World, tmp_path: Path) -> None:
    tables, _ = world
    small_world(tmp_path)
    (tmp_path / "images" / "0000.png").write_bytes(b"no image")
    images = FolderImages(tmp_path / "images")
    train(quick(fault_share=0.1), tables, images, tmp_path / "run")
    for number in range(6):
        (tmp_path / "images" / f"01{number:02}.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"01\d\d"):
        train(quick(fault_share=0.01), tables, images, tmp_path / "other")
