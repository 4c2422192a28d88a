"""The label probe: how other labels are made, and what training with them is compared by."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.small_images import LEVELS, draw_images, quick
from training.benchmark.probe import Probe, against_official, against_shuffled, differing
from training.benchmark.probe_labels import shared_with, shuffled_labels
from training.config import TrainConfig
from training.image_table import ImageTable, image_tables
from training.images import FolderImages
from training.train import train

FOLDS = ("train", "val", "test")
COARSER = list(LEVELS[1:])
Train = Callable[[TrainConfig, dict[str, ImageTable], Path], None]


def frame_of(seed: int, landmark_count: int) -> pd.DataFrame:
    """Images of landmarks in random folds, with one to four images each, of nested labels; rows in no order."""
    draw = np.random.default_rng(seed)
    rows = []
    for landmark in range(landmark_count):
        kind, fold = int(draw.integers(6)), str(draw.choice(FOLDS))
        for number in range(draw.integers(1, 5)):
            rows.append((f"{landmark}-{number}", fold, landmark, f"kind {kind}", f"realm {kind % 2}"))
    frame = pd.DataFrame(rows, columns=["image_id", "fold", *LEVELS])
    return frame.iloc[draw.permutation(len(frame))].reset_index(drop=True)


def label_counts(frame: pd.DataFrame, fold: str) -> dict[tuple[str, ...], int]:
    """How many landmarks of a fold have each path of coarser labels."""
    part = frame[frame["fold"] == fold].drop_duplicates("landmark")
    counts: dict[tuple[str, ...], int] = part.groupby(COARSER).size().to_dict()
    return counts


frames = st.builds(frame_of, st.integers(0, 2**16), st.integers(1, 40))


@given(frames, st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_each_label_keeps_its_number_of_landmarks_in_each_fold(frame: pd.DataFrame, seed: int) -> None:
    """Counted by the whole path, so that what lies above a label stays above it too."""
    shuffled = shuffled_labels(frame, LEVELS, seed)
    for fold in FOLDS:
        assert label_counts(shuffled, fold) == label_counts(frame, fold)


@given(frames, st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_a_landmark_keeps_its_images_and_its_fold_and_has_one_label(frame: pd.DataFrame, seed: int) -> None:
    shuffled = shuffled_labels(frame, LEVELS, seed)
    kept = ["image_id", "fold", "landmark"]
    assert list(shuffled.columns) == list(frame.columns)
    pd.testing.assert_frame_equal(shuffled[kept], frame[kept].sort_values("image_id", ignore_index=True))
    assert (shuffled.groupby("landmark")[COARSER].nunique() == 1).all(axis=None)


@given(frames, st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_the_test_fold_keeps_its_labels(frame: pd.DataFrame, seed: int) -> None:
    shuffled = shuffled_labels(frame, LEVELS, seed)
    test, before = (part[part["fold"] == "test"].reset_index(drop=True) for part in (shuffled, frame))
    pd.testing.assert_frame_equal(test, before.sort_values("image_id", ignore_index=True))


@given(frames, st.integers(0, 2**16))
@settings(max_examples=30, deadline=None)
def test_the_same_seed_gives_the_same_labels_whatever_the_order_of_images(frame: pd.DataFrame, seed: int) -> None:
    before = frame.copy()
    one = shuffled_labels(frame, LEVELS, seed)
    pd.testing.assert_frame_equal(one, shuffled_labels(frame.iloc[::-1], LEVELS, seed))
    pd.testing.assert_frame_equal(frame, before)


def test_other_seeds_give_other_labels() -> None:
    frame = frame_of(0, 60)
    found = [shuffled_labels(frame, LEVELS, seed)["kind"].tolist() for seed in range(5)]
    assert len(set(map(tuple, found))) == 5


def test_labels_do_not_cross_folds() -> None:
    rows = [(f"{n}", "train" if n < 20 else "val", n, "tower" if n < 20 else "lake", "any") for n in range(40)]
    frame = pd.DataFrame(rows, columns=["image_id", "fold", *LEVELS])
    shuffled = shuffled_labels(frame, LEVELS, 0)
    assert shuffled.groupby("fold")["kind"].unique().map(list).to_dict() == {"train": ["tower"], "val": ["lake"]}


def test_every_landmark_is_as_likely_to_get_each_label() -> None:
    """Four landmarks, one of them a lake: over many draws, each has the lake as often."""
    rows = [(f"{n}", "train", n, "lake" if n == 0 else "tower", "any") for n in range(4)]
    frame = pd.DataFrame(rows, columns=["image_id", "fold", *LEVELS])
    counts = sum((shuffled_labels(frame, LEVELS, seed)["kind"] == "lake").to_numpy().astype(int) for seed in range(200))
    assert counts.sum() == 200
    assert (counts > 30).all()


def test_with_the_finest_level_alone_there_is_nothing_to_deal_out() -> None:
    frame = frame_of(1, 12)[["image_id", "fold", "landmark"]]
    shuffled = shuffled_labels(frame, ["landmark"], 0)
    pd.testing.assert_frame_equal(shuffled, frame.sort_values("image_id", ignore_index=True))


@given(frames, st.integers(0, 2**16))
@settings(max_examples=40, deadline=None)
def test_landmarks_that_both_label_are_shared(frame: pd.DataFrame, seed: int) -> None:
    draw = np.random.default_rng(seed)
    landmarks = sorted(set(frame["landmark"]) | {1000})
    other = pd.DataFrame({"landmark": landmarks, "kind": "old kind", "realm": "old realm", "extra": 1})
    other = other[draw.random(len(other)) < 0.7].reset_index(drop=True)
    other.loc[draw.random(len(other)) < 0.3, "realm"] = None
    ours, theirs = shared_with(frame, other, LEVELS)
    known = other.loc[other["realm"].notna(), "landmark"].tolist()
    expected = frame[frame["landmark"].isin(known)].reset_index(drop=True)
    pd.testing.assert_frame_equal(ours, expected)
    kept = ["image_id", "fold", "landmark"]
    assert list(theirs.columns) == list(frame.columns)
    pd.testing.assert_frame_equal(theirs[kept], ours[kept])
    assert (theirs[COARSER] == ["old kind", "old realm"]).all(axis=None)


def test_labels_of_another_set_go_to_their_landmarks() -> None:
    frame = frame_of(2, 30)
    other = pd.DataFrame({"landmark": range(0, 30, 2)})
    other["kind"], other["realm"] = other["landmark"].map("old {}".format), "old"
    _, theirs = shared_with(frame, other, LEVELS)
    assert len(theirs) == (frame["landmark"] % 2 == 0).sum()
    assert (theirs["kind"] == theirs["landmark"].map("old {}".format)).all()


def test_a_landmark_that_another_set_labels_twice_is_refused() -> None:
    other = pd.DataFrame({"landmark": [0, 0], "kind": ["a", "b"], "realm": ["c", "c"]})
    with pytest.raises(ValueError, match="many-to-one"):
        shared_with(frame_of(3, 5), other, LEVELS)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, FolderImages]:
    """Images whose look comes from the label, in three folds; the last landmark of the test fold has one image."""
    folder = tmp_path_factory.mktemp("drawn") / "images"
    frame = draw_images(folder, landmark_count=21, per_landmark=4)
    number = frame["landmark"].str.split().str[1].astype(int)
    frame.loc[number >= 16, "fold"] = "test"
    frame = frame[(number < 20) | ~frame["landmark"].duplicated()].reset_index(drop=True)
    return frame, FolderImages(folder)


def probe_of(
    drawn: tuple[pd.DataFrame, FolderImages], folder: Path, seeds: list[int], learn: Train | None = None
) -> Probe:
    frame, images = drawn

    def as_usual(config: TrainConfig, tables: dict[str, ImageTable], run: Path) -> None:
        train(config, tables, images, run)

    configs = [quick(seed=seed, epochs=1) for seed in seeds]
    return Probe(configs, frame, LEVELS, images, folder, learn or as_usual, torch.device("cpu"))


@pytest.fixture(scope="module")
def runs(drawn: tuple[pd.DataFrame, FolderImages], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Runs of two seeds with the released labels."""
    frame, images = drawn
    folders = [tmp_path_factory.mktemp("runs") / f"seed{seed}" for seed in (0, 1)]
    for seed, folder in enumerate(folders):
        train(quick(seed=seed, epochs=1), image_tables(frame, LEVELS, "drawn"), images, folder)
    return folders


METRICS = ["h_ap", "ap_level0", "ap_level1", "ap_level2", "ap_others_level1", "ap_others_level2"]


def test_shuffled_labels_are_compared_on_true_labels_of_unseen_landmarks(
    drawn: tuple[pd.DataFrame, FolderImages], runs: list[Path], tmp_path: Path
) -> None:
    frame, images = drawn
    taught: list[tuple[Path, dict[str, ImageTable]]] = []

    def learn(config: TrainConfig, tables: dict[str, ImageTable], run: Path) -> None:
        taught.append((run, tables))
        train(config, tables, images, run)

    rows = against_shuffled(probe_of(drawn, tmp_path, [0, 1], learn), runs)
    assert [row["metric"] for row in rows] == METRICS
    for row in rows:
        common = ("against", "scored_on", "landmarks", "metric", "ours", "other", "difference", "low", "high")
        assert tuple(row) == common
        assert (row["against"], row["scored_on"], row["landmarks"]) == ("shuffled", "ours", 4)
        for side in (row["ours"], row["other"]):
            assert 0 <= side["low"] <= side["mean"] <= side["high"] <= 1
        assert row["difference"] == pytest.approx(row["ours"]["mean"] - row["other"]["mean"], abs=1.01e-4)
        assert row["low"] <= row["difference"] <= row["high"]
    assert [run for run, _ in taught] == [tmp_path / "shuffled" / f"seed{seed}" for seed in (0, 1)]
    true = image_tables(frame, LEVELS, "drawn")
    for _, tables in taught:
        assert {fold: table.image_ids.tolist() for fold, table in tables.items()} == {
            fold: table.image_ids.tolist() for fold, table in true.items()
        }
        assert tables["train"].digest() != true["train"].digest()
    assert taught[0][1]["train"].digest() != taught[1][1]["train"].digest()


def official_of(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop_duplicates("landmark")[list(LEVELS)]


def test_official_labels_that_are_ours_train_nothing(drawn: tuple[pd.DataFrame, FolderImages], tmp_path: Path) -> None:
    probe, official = probe_of(drawn, tmp_path, [0, 1]), official_of(drawn[0])
    assert differing(probe, official) == (len(official), 0)
    assert against_official(probe, official) == []
    assert not list(tmp_path.iterdir())
    official.loc[official.index[0], "realm"] = "another"
    assert differing(probe, official) == (len(official), 1)


def test_both_are_scored_on_our_labels_of_the_test_fold_and_on_the_official_ones_where_they_are_known(
    drawn: tuple[pd.DataFrame, FolderImages], tmp_path: Path
) -> None:
    """Official labels of all but two landmarks of the test fold, which call everything by one kind."""
    official = official_of(drawn[0]).assign(kind="thing", realm="world")
    official.loc[official["landmark"].isin(["landmark 16", "landmark 17"]), "kind"] = None
    taught = {}

    def learn(config: TrainConfig, tables: dict[str, ImageTable], run: Path) -> None:
        taught[run.parent.name] = tables["train"]
        train(config, tables, drawn[1], run)

    rows = against_official(probe_of(drawn, tmp_path, [0], learn), official)
    ours, theirs = taught["ours_where_official"], taught["official"]
    assert ours.image_ids.tolist() == theirs.image_ids.tolist()
    assert [int(table.labels[:, 1].max()) + 1 for table in (ours, theirs)] == [3, 1]
    assert {(row["scored_on"], row["landmarks"]) for row in rows} == {("ours", 4), ("official", 2)}
    of_realm = {row["scored_on"]: row for row in rows if row["metric"] == "ap_level2"}
    assert of_realm["official"]["ours"]["mean"] == of_realm["official"]["other"]["mean"] == 1  # all are one realm
    assert of_realm["ours"]["ours"]["mean"] < 1


@pytest.mark.parametrize(
    "kept",
    [[], ["train"], ["val", "test"], ["train", "val"]],
    ids=lambda folds: " and ".join(folds) or "nobody",
)
def test_official_labels_that_leave_nobody_to_train_or_to_ask_give_no_rows(
    kept: list[str], drawn: tuple[pd.DataFrame, FolderImages], tmp_path: Path
) -> None:
    frame = drawn[0]
    official = official_of(frame[frame["fold"].isin(kept)]).assign(kind="thing")
    assert against_official(probe_of(drawn, tmp_path, [0]), official) == []
    assert not list(tmp_path.iterdir())


def test_official_labels_of_landmarks_that_never_ask_give_no_rows(
    drawn: tuple[pd.DataFrame, FolderImages], tmp_path: Path
) -> None:
    frame = drawn[0]
    official = official_of(frame[(frame["fold"] == "train") | (frame["landmark"] == "landmark 20")]).assign(
        kind="thing"
    )
    assert against_official(probe_of(drawn, tmp_path, [0]), official) == []


def test_official_labels_without_a_level_give_no_rows(drawn: tuple[pd.DataFrame, FolderImages], tmp_path: Path) -> None:
    assert against_official(probe_of(drawn, tmp_path, [0]), official_of(drawn[0]).assign(realm=None)) == []
