"""The real photographs and characters: indexed, read and decoded whole, and labelled by our own functions."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.real_images import omniglot, washington
from training.images import decode

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not (DATA / "images").is_dir(), reason="the images of ../shared/data are not here")


def test_washington_is_indexed_split_by_landmark_and_labelled(tmp_path: Path) -> None:
    tables, images = washington(DATA, tmp_path)
    listed = pd.read_csv(DATA / "images/train.csv")
    assert sorted(listed["id"]) == images.image_ids
    assert tables["train"].levels == ("landmark_id", "hierarchical_label", "natural_or_human_made")
    assert len(tables["train"]) > 2000
    assert len(tables["val"]) > 800
    landmark_of = listed.set_index("id")["landmark_id"]
    landmarks = [set(landmark_of[tables[fold].image_ids]) for fold in ("train", "val")]
    assert not landmarks[0] & landmarks[1]
    for table in tables.values():
        coarser = pd.DataFrame(table.labels).groupby(0).nunique()
        assert len(table) == 0 or (coarser == 1).all(axis=None)
    for image_id in tables["train"].image_ids[::300]:
        assert decode(images.read(image_id), 64, image_id).shape == (3, 64, 64)


def test_omniglot_is_split_by_alphabet(tmp_path: Path) -> None:
    tables, images = omniglot(DATA, tmp_path)
    assert set(images.image_ids) == {*tables["train"].image_ids, *tables["val"].image_ids}
    assert len(np.unique(tables["train"].labels[:, 1])) == 5
    assert (tables["train"].class_sizes() == 20).all()
    first = tables["val"].image_ids[0]
    assert decode(images.read(first), 32, first).shape == (3, 32, 32)
