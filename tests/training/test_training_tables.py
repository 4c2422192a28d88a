"""Settings, image tables and the schedule: what is refused, and laws of what is not."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.config import NOT_IN_DIGEST, TrainConfig
from training.image_table import FOLDS, image_tables, read_release
from training.loss_table import build_loss
from training.samplers import MPerClassSampler
from training.schedule import RemainingBatches, learning_rate_share, seed_batch

FRAME = pd.DataFrame(
    {
        "image_id": ["c", "a", "b", "d", "e"],
        "fold": ["train", "train", "val", "test", "train"],
        "landmark": [7, 7, 8, 9, 10],
        "label": ["church", "church", "castle", "church", None],
    }
)


def test_tables_by_fold_are_sorted_numbered_and_without_unlabelled_images() -> None:
    tables = image_tables(FRAME, ["landmark", "label"], "frame")
    assert set(tables) == set(FOLDS)
    assert tables["train"].image_ids.tolist() == ["a", "c"]
    assert tables["train"].labels.tolist() == [[0, 0], [0, 0]]
    assert tables["train"].class_sizes().tolist() == [2]
    assert len(tables["val"]) == len(tables["test"]) == 1


@pytest.mark.parametrize(
    ("frame", "levels", "message"),
    [
        (FRAME, ["landmark", "colour"], "no column colour; there are: image_id, fold, landmark, label"),
        (FRAME, [], "no column chosen as level"),
        (pd.concat([FRAME, FRAME.head(1)]), ["landmark"], "image c is listed 2 times"),
        (FRAME.assign(fold="dev"), ["landmark"], "unknown fold 'dev'; known: train, val, test"),
        (FRAME, ["landmark", "landmark"], "landmark, landmark: a level is listed twice"),
        (FRAME, ["label", "landmark"], "landmark tells more classes apart than label, which stands before it"),
        (FRAME.assign(label=None), ["landmark", "label"], "no image has a label at landmark, label"),
    ],
)
def test_tables_that_do_not_fit_are_told(frame: pd.DataFrame, levels: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=f"frame: {message}"):
        image_tables(frame, levels, "frame")


def test_a_release_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be read .*make it with dvc repro"):
        read_release(tmp_path, ["landmark_id"])


def test_other_images_or_labels_are_another_digest() -> None:
    table = image_tables(FRAME, ["landmark", "label"], "frame")["train"]
    assert table.digest() == image_tables(FRAME.sample(frac=1), ["landmark", "label"], "frame")["train"].digest()
    assert table.digest() != table.of(np.array([0])).digest()
    assert table.digest() != dataclasses.replace(table, labels=table.labels + 1).digest()
    assert table.digest() != dataclasses.replace(table, levels=("landmark", "kind")).digest()


def test_every_setting_that_is_computed_with_is_in_the_digest() -> None:
    config = TrainConfig("happier")
    for field in dataclasses.fields(TrainConfig):
        value = getattr(config, field.name)
        if isinstance(value, bool):
            other: object = not value
        elif isinstance(value, int | float):
            other = value + 0.5 if isinstance(value, float) and value + 0.5 < 1 else value + 1
        else:
            other = {
                "loss": "sup_ap",
                "backbone": "timm/x",
                "precision": "bfloat16",
                "device": "cpu",
                "pooling": "mean",
            }[field.name]
        other = 0.5 if field.name in ("warmup_share", "fault_share") else other
        changed = dataclasses.replace(config, **{field.name: other})  # type: ignore[arg-type]
        assert (changed.digest() == config.digest()) == (field.name in NOT_IN_DIGEST), field.name


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"loss": "hapier"}, "loss 'hapier' is unknown; known: happier, roadmap"),
        ({"precision": "float16"}, "precision 'float16' is unknown; known: float32, bfloat16"),
        ({"device": "tpu"}, "device 'tpu' is unknown; known: auto, cpu, cuda"),
        ({"epochs": 0}, "epochs is 0; it must be at least 1"),
        ({"epochs": 1.5}, "epochs is 1.5; it must be a int"),
        ({"flip": "no"}, "flip is 'no'; it must be a bool"),
        ({"weight_decay": float("inf")}, "weight_decay is inf; it must be a float"),
        ({"m_per_class": 1}, "m_per_class is 1; it must be at least 2"),
        ({"memory": -1}, "memory is -1; it must be at least 0"),
        ({"warmup_share": 1.0}, "warmup_share is 1.0; it must be from 0 to below 1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; it must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan; it must be a float"),
    ],
)
def test_settings_that_make_no_sense_are_told(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainConfig(**{"loss": "happier", **setting})  # type: ignore[arg-type]


def test_an_unknown_loss_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="loss 'x' is unknown; known: happier"):
        build_loss("x", 2, 2)


@settings(max_examples=50)
@given(step_count=st.integers(1, 300), warmup=st.floats(0, 0.9))
def test_the_learning_rate_rises_then_falls_within_bounds(step_count: int, warmup: float) -> None:
    shares = [learning_rate_share(step, step_count, warmup) for step in range(step_count)]
    assert all(0 < share <= 1 for share in shares)
    top = int(np.argmax(shares))
    assert shares[: top + 1] == sorted(shares[: top + 1])
    assert shares[top:] == sorted(shares[top:], reverse=True)
    assert abs(top - warmup * step_count) <= 1


def test_every_batch_has_random_numbers_of_its_own() -> None:
    own, shared = set(), set()
    places = [(seed, epoch, batch, rank) for seed in (0, 1) for epoch in (0, 1) for batch in (0, 1) for rank in (0, 1)]
    for place in (*places, *places):
        generator = seed_batch(*place)
        own.add(torch.rand(1).item())
        shared.add(torch.rand(1, generator=generator).item())
    assert len(own) == len(places)
    assert len(shared) == len(places) // 2  # all processes augment one batch together


def test_remaining_batches_are_the_end_of_the_epoch() -> None:
    sampler = MPerClassSampler(np.arange(40).reshape(-1, 1) // 4, 8, 4)
    batches = RemainingBatches(sampler)
    batches.start(3, 0)
    whole = list(batches)
    batches.start(3, 2)
    assert list(batches) == whole[2:]
    assert len(batches) == len(whole) - 2
