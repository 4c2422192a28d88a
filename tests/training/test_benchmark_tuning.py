"""Choosing settings: all combinations are tried alike, the best on the val fold wins, and bad grids train nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.small_images import quick
from training.benchmark.tuning import best_value, trials, tune
from training.config import TrainConfig
from training.run import METRICS
from training.runs import append_row

Train = Callable[[TrainConfig, Path], None]


def write_rows(folder: Path, *values: float | None) -> None:
    """The rows of a run's epochs with these values of H-AP on the val fold."""
    folder.mkdir(parents=True)
    for number, value in enumerate(values, 1):
        append_row(folder / METRICS, {"epoch": number, "loss": 1.0} | ({} if value is None else {"val_h_ap": value}))


def trainer(value: Callable[[TrainConfig], float | None]) -> tuple[Train, list[tuple[TrainConfig, Path]]]:
    """A stand-in for training whose H-AP the settings tell, and the runs that it was asked for."""
    asked: list[tuple[TrainConfig, Path]] = []

    def train(config: TrainConfig, folder: Path) -> None:
        asked.append((config, folder))
        write_rows(folder, value(config))

    return train, asked


def refused(config: TrainConfig, folder: Path) -> None:
    pytest.fail(f"{folder} is trained, though the grid is refused")


@given(st.dictionaries(st.sampled_from("abcd"), st.lists(st.integers(0, 9), max_size=4, unique=True), max_size=4))
def test_trials_are_all_combinations_once(grid: dict[str, list[int]]) -> None:
    found = trials(grid)
    count = 1
    for values in grid.values():
        count *= len(values)
    assert len(found) == count
    assert len({tuple(one.items()) for one in found}) == count
    assert all(list(one) == list(grid) and all(one[name] in grid[name] for name in grid) for one in found)


def test_the_last_setting_varies_fastest() -> None:
    assert trials({"dim": [8, 4], "epochs": [1, 2]}) == [
        {"dim": 8, "epochs": 1},
        {"dim": 8, "epochs": 2},
        {"dim": 4, "epochs": 1},
        {"dim": 4, "epochs": 2},
    ]
    assert trials({}) == [{}]


def test_the_best_on_the_val_fold_wins(tmp_path: Path) -> None:
    train, asked = trainer(lambda config: {0.1: 0.3, 0.2: 0.7, 0.3: 0.5}[config.learning_rate])
    found = tune(quick(), {"learning_rate": [0.1, 0.2, 0.3]}, tmp_path, train)
    assert found["chosen"] == {"learning_rate": 0.2}
    assert found["trials"] == [
        {"settings": {"learning_rate": rate}, "val_h_ap": value} for rate, value in ((0.1, 0.3), (0.2, 0.7), (0.3, 0.5))
    ]
    assert [folder for _, folder in asked] == [tmp_path / f"trial{number}" for number in range(3)]
    assert [config for config, _ in asked] == [quick(learning_rate=rate) for rate in (0.1, 0.2, 0.3)]


@pytest.mark.parametrize("rates", [[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]])
def test_of_equals_the_first_wins(rates: list[float], tmp_path: Path) -> None:
    train, _ = trainer(lambda config: 0.4 if config.learning_rate == 0.2 else 0.6)
    assert tune(quick(), {"learning_rate": rates}, tmp_path, train)["chosen"] == {"learning_rate": rates[0]}


def test_the_best_epoch_of_a_trial_counts(tmp_path: Path) -> None:
    def train(config: TrainConfig, folder: Path) -> None:
        write_rows(folder, *((0.1, 0.9, 0.2) if config.dim == 4 else (0.5, None, 0.6)))

    found = tune(quick(), {"dim": [8, 4]}, tmp_path, train)
    assert [trial["val_h_ap"] for trial in found["trials"]] == [0.6, 0.9]
    assert found["chosen"] == {"dim": 4}


def test_every_loss_tries_the_same(tmp_path: Path) -> None:
    train, asked = trainer(lambda config: 0.5)
    grid = {"dim": [4, 8], "learning_rate": [0.1, 0.2, 0.3]}
    for loss in ("happier", "smooth_ap", "roadmap"):
        tune(quick(loss), grid, tmp_path / loss, train)
    tried: dict[str, list[Any]] = {}
    for config, _ in asked:
        tried.setdefault(config.loss, []).append((config.dim, config.learning_rate))
    assert [len(of_loss) for of_loss in tried.values()] == [6, 6, 6]
    assert tried["happier"] == tried["smooth_ap"] == tried["roadmap"]


@pytest.mark.parametrize("grid", [{}, {"dim": [4]}, {"dim": [4], "epochs": [3]}])
def test_one_combination_is_chosen_without_training(grid: dict[str, list[int]], tmp_path: Path) -> None:
    found = tune(quick(), grid, tmp_path, refused)
    assert found == {"chosen": {name: values[0] for name, values in grid.items()}, "trials": []}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"learning_rat": [0.1, 0.2]}, "'learning_rat' is not a setting"),
        ({"loss": ["happier", "smooth_ap"]}, "'loss' is not a setting of a run that can be tuned"),
        ({"seed": [0, 1]}, "'seed' is not a setting of a run that can be tuned"),
        ({"digest": [1, 2]}, "'digest' is not a setting"),
        ({"dim": []}, "lists no value"),
        ({"dim": [4, 8], "epochs": []}, "lists no value"),
        ({"dim": [8, 0]}, "dim is 0; it must be at least 1"),
        ({"learning_rate": [0.1, -0.1]}, "learning_rate is -0.1"),
        ({"learning_rate": ["fast", 0.1]}, "learning_rate is 'fast'; it must be a float"),
        ({"precision": ["float32", "float8"]}, "'float8' is unknown"),
        ({"epochs": [0]}, "epochs is 0"),
        ({"dim": [8.0, 4]}, "dim is 8.0; it must be a int"),
    ],
)
def test_a_grid_that_cannot_be_tried_trains_nothing(grid: dict[str, list[Any]], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        tune(quick(), grid, tmp_path, refused)
    assert not list(tmp_path.iterdir())


def test_a_trial_without_a_val_fold_is_told(tmp_path: Path) -> None:
    train, _ = trainer(lambda config: None)
    with pytest.raises(ValueError, match=r"trial0: no H-AP on the val fold.*leave a share for val"):
        tune(quick(), {"dim": [4, 8]}, tmp_path, train)
    with pytest.raises(ValueError, match="no H-AP on the val fold"):
        best_value(tmp_path / "absent")


def test_trials_that_differ_in_the_fifth_decimal_are_not_equals(tmp_path: Path) -> None:
    train, _ = trainer(lambda config: 0.60004 if config.dim == 4 else 0.60001)
    assert tune(quick(), {"dim": [8, 4]}, tmp_path, train)["chosen"] == {"dim": 4}
