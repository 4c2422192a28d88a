"""Pictures within their budget, however many there are; each with words, the same bytes every time."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.errors import InputError
from pipeline.report import pictures


def noise(path: Path, width: int, height: int, seed: int, mode: str = "RGB") -> None:
    """A picture that no format makes small."""
    values = np.random.default_rng(seed).integers(0, 256, (height, width, len(mode)), dtype=np.uint8)
    Image.fromarray(values, mode).save(path)


@pytest.mark.parametrize(("count", "budget"), [(1, 200_000), (3, 100_000), (5, 50_000), (3, 6_000)])
def test_all_pictures_together_keep_to_the_budget(tmp_path: Path, count: int, budget: int) -> None:
    for number in range(count):
        noise(tmp_path / f"retrieval_loss{number:02}.png", 900, 60, number)
    found, left_out = pictures.inlined(tmp_path, budget)
    assert sum(len(picture.address) for picture in found) <= budget
    names = [picture.name for picture in found]
    assert sorted([*names, *left_out]) == [f"retrieval_loss{number:02}" for number in range(count)]
    assert not left_out or {picture.width for picture in found} <= {pictures.NARROWEST}
    assert left_out == sorted(left_out)
    assert (found, left_out) == pictures.inlined(tmp_path, budget)


def test_pictures_are_told_their_size_and_never_grow(tmp_path: Path) -> None:
    Image.new("RGBA", (60, 40), (0, 0, 0, 0)).save(tmp_path / "severity.png")
    noise(tmp_path / "wide.png", 3000, 30, 0, "RGBA")
    small, wide = pictures.inlined(tmp_path)[0]
    assert (small.width, small.height, wide.width, wide.height) == (60, 40, pictures.WIDEST, 14)
    with Image.open(io.BytesIO(base64.b64decode(small.address.partition(",")[2]))) as opened:
        assert opened.size == (60, 40)
        assert opened.convert("RGB").getpixel((5, 5)) == (255, 255, 255)  # what is transparent lies on white


def test_a_drawing_of_few_colours_stays_sharp_and_a_photograph_becomes_jpeg(tmp_path: Path) -> None:
    drawing = Image.new("RGB", (400, 300), "white")
    drawing.paste("navy", (50, 50, 200, 200))
    drawing.save(tmp_path / "metrics.png")
    noise(tmp_path / "retrieval_a.png", 400, 300, 1)
    found = {picture.name: picture.address for picture in pictures.inlined(tmp_path)[0]}
    assert found["metrics"].startswith("data:image/png;base64,")
    assert found["retrieval_a"].startswith("data:image/jpeg;base64,")


def test_pictures_of_all_models_come_before_those_of_one_loss(tmp_path: Path) -> None:
    for name in ("map_a", "unknown", "probe", "retrieval_a", "metrics"):
        Image.new("RGB", (4, 4)).save(tmp_path / f"{name}.png")
    assert [one.name for one in pictures.inlined(tmp_path)[0]] == [
        "metrics",
        "probe",
        "map_a",
        "retrieval_a",
        "unknown",
    ]


def test_pictures_of_all_models_stay_wide_while_those_of_losses_share_the_rest(tmp_path: Path) -> None:
    Image.new("RGB", (1000, 200), "navy").save(tmp_path / "metrics.png")
    for number in range(3):
        noise(tmp_path / f"map_{number}.png", 1000, 60, number)
    first, *others = pictures.inlined(tmp_path, 60_000)[0]
    assert (first.name, first.width) == ("metrics", 1000)
    assert len(others) == 3
    assert max(picture.width for picture in others) < 1000


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"metrics\.png: not readable as a picture"):
        pictures.inlined(tmp_path)


def test_a_picture_too_large_to_open_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("1", (300, 200)).save(tmp_path / "metrics.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20_000)
    with pytest.raises(InputError, match=r"metrics\.png: not readable as a picture"):
        pictures.inlined(tmp_path)


def test_an_empty_or_absent_folder_has_no_pictures(tmp_path: Path) -> None:
    assert pictures.inlined(tmp_path) == pictures.inlined(tmp_path / "absent") == ([], [])


@given(st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True))
def test_every_picture_has_words(name: str) -> None:
    title, alternative = pictures.words_of(name)
    assert title
    assert alternative.endswith(".")
    assert "{}" not in title + alternative


def test_words_name_the_loss_as_papers_do() -> None:
    assert pictures.words_of("retrieval_smooth_ap")[0] == "What Smooth-AP finds"
