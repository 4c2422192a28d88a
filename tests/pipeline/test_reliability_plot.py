"""The reliability diagram is a picture, the same for the same bins, and another for others."""

from pathlib import Path

from PIL import Image

from pipeline.reliability_plot import draw_reliability

BINS = [
    {"low": 0.5, "high": 0.6, "count": 4, "mean_confidence": 0.55, "agreement": 0.5},
    {"low": 0.9, "high": 1.0, "count": 71, "mean_confidence": 0.99, "agreement": 1.0},
]


def test_the_same_bins_give_the_same_picture(tmp_path: Path) -> None:
    for name, bins in (("a.png", BINS), ("b.png", BINS), ("c.png", BINS[:1]), ("none.png", [])):
        draw_reliability(bins, tmp_path / name)
    pictures = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert pictures["a.png"] == pictures["b.png"]
    assert len(set(pictures.values())) == 3
    with Image.open(tmp_path / "a.png") as image:
        assert min(image.size) >= 400
