"""The visual vote with a tiny encoder: images come from the TARs, labels are given only where images agree."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipeline import curation, step1_download, step2_wikidata, step3_hierarchy, step4_label, tables
from pipeline.errors import InputError
from pipeline.files import read_table
from pipeline.params import Label
from pipeline.visual import OpenClipEncoder, visual_proposals

COLOURS = {"church": (255, 0, 0), "lake": (0, 0, 255)}


class ColourEncoder:
    """Images by their mean colour, label names by the colour that stands for them."""

    def images(self, batch: list[Image.Image]) -> NDArray[np.float32]:
        return np.array([np.asarray(image, dtype=np.float32).mean(axis=(0, 1)) for image in batch])

    def texts(self, batch: list[str]) -> NDArray[np.float32]:
        return np.array([COLOURS[text.rsplit(": ", 1)[-1]] for text in batch], dtype=np.float32)


def tar_of(path: Path, members: dict[str, bytes]) -> pd.DataFrame:
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(f"a/b/c/{name}.jpg")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("a/b/c/link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return pd.DataFrame({"path": [str(path)]})


def jpeg(colour: tuple[int, int, int]) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(held, "JPEG")
    return held.getvalue()


def test_images_that_agree_label_their_landmark(tmp_path: Path) -> None:
    red, blue = jpeg(COLOURS["church"]), jpeg(COLOURS["lake"])
    members = {"r1": red, "r2": red, "r3": red, "m1": red, "m2": blue, "m3": blue, "bad": b"no image", "other": red}
    manifest = tar_of(tmp_path / "images_000.tar", members)
    owner = {"r": 1, "m": 2, "b": 1, "l": 1, "o": 3}
    rows = [("train", name, owner[name[0]]) for name in [*members, "link"]]
    images = pd.DataFrame(rows, columns=["split", "image_id", "landmark_id"])
    categories = pd.DataFrame({"split": "train", "landmark_id": [1, 2], "category": ["Red", "Mixed"]})
    found = visual_proposals(categories, images, manifest, list(COLOURS), ColourEncoder()).set_index("category")
    assert found.loc["Red", ["hierarchical_label", "confidence", "image_count", "is_accepted"]].tolist() == [
        "church",
        1.0,
        3,
        True,
    ]
    assert found.loc["Mixed", ["hierarchical_label", "is_accepted"]].tolist() == ["lake", False]
    assert found.loc["Mixed", "confidence"] == pytest.approx(2 / 3, abs=1e-4)


def test_the_label_stage_takes_the_vote_for_what_is_open(project: Path) -> None:
    for step in (step1_download, step2_wikidata, step3_hierarchy):
        step.main()
    names = ("landmarks", "landmark_items", "statements", "class_labels", "official_labels", "images", "tar_manifest")
    found = {name: read_table(getattr(tables, name.upper())) for name in names}

    class OneLabel(ColourEncoder):
        def texts(self, batch: list[str]) -> NDArray[np.float32]:
            is_park = [text.endswith(": amusement park") for text in batch]
            return np.array([[1, 1, 1] if park else [-1, -1, -1] for park in is_park], dtype=np.float32)

    label = Label(min_confidence=0.0, text_precision=0.95, visual=True)
    curated = curation.read_for_landmarks(found["landmarks"])
    built, _ = step4_label.build(found, curated, ["natural_or_human_made"], label, OneLabel())
    by_rule = built.set_index("landmark_id").loc[[11355, 130850]]
    assert by_rule["rule"].tolist() == ["visual", "visual"]
    assert by_rule["hierarchical_label"].tolist() == ["amusement park"] * 2
    assert set(built.loc[built["rule"] == "visual", "supercategory"].isna()) == {True}
    without, _ = step4_label.build(found, curated, ["natural_or_human_made"], label)
    others = built["rule"] != "visual"
    assert built.loc[others, "hierarchical_label"].equals(without.loc[others, "hierarchical_label"])


def test_without_a_model_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "open_clip", None)
    with pytest.raises(InputError, match="extra `vision`"):
        OpenClipEncoder()
