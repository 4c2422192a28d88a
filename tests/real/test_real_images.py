"""The real photographs and characters: indexed, read and decoded whole, and labelled by our own functions."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.real_images import label_by_noun, omniglot, washington
from training.images import decode

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not (DATA / "images").is_dir(), reason="the images of ../shared/data are not here")


def test_washington_is_indexed_split_by_landmark_and_labelled(tmp_path: Path) -> None:
    dataset = washington(DATA, tmp_path)
    tables = dataset.tables()
    listed = pd.read_csv(DATA / "images/train.csv")
    assert sorted(listed["id"]) == dataset.images.image_ids
    assert dataset.levels == ("landmark_id", "hierarchical_label", "natural_or_human_made")
    assert len(tables["train"]) > 2000
    assert sum(map(len, tables.values())) > 4000
    landmark_of = listed.set_index("id")["landmark_id"]
    landmarks = [set(landmark_of[tables[fold].image_ids]) for fold in ("train", "val", "test")]
    assert len(set.union(*landmarks)) == sum(map(len, landmarks))
    for table in tables.values():
        coarser = pd.DataFrame(table.labels).groupby(0).nunique()
        assert (coarser == 1).all(axis=None)
    for image_id in tables["train"].image_ids[::300]:
        assert decode(dataset.images.read(image_id), 64, image_id).shape == (3, 64, 64)


def test_a_class_that_the_graph_lacks_is_labelled_by_its_noun() -> None:
    found = label_by_noun()
    assert found("wooden lighthouse") == "lighthouse"
    assert found("aviation museum") == "museum"
    assert found("fixed construction") is None


def test_omniglot_is_split_by_character_and_tested_on_new_alphabets(tmp_path: Path) -> None:
    dataset = omniglot(DATA, tmp_path)
    tables = dataset.tables()
    assert set(dataset.images.image_ids) >= {*dataset.frame["image_id"]}
    assert len(np.unique(tables["train"].labels[:, 1])) == 5
    assert (tables["train"].class_sizes() == 20).all()
    parts = dict(list(dataset.frame.groupby("fold")))
    assert not set(parts["test"]["alphabet"]) & set(parts["train"]["alphabet"])
    assert not set(parts["val"]["character"]) & set(parts["train"]["character"])
    first = tables["val"].image_ids[0]
    assert decode(dataset.images.read(first), 32, first).shape == (3, 32, 32)
