"""Small drawn images with labels at three levels, in a folder, for tests that train on them."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from training.config import TrainConfig
from training.image_table import ImageTable, image_tables
from training.images import FolderImages

LEVELS = ("landmark", "kind", "realm")
QUICK = {"image_size": 16, "dim": 8, "epochs": 2, "batch_size": 16, "m_per_class": 4, "checkpoint_every": 1}


def draw_images(folder: Path, landmark_count: int = 12, per_landmark: int = 6, seed: int = 0) -> pd.DataFrame:
    """Draw images whose colour says the landmark, its channel the kind; returns the frame of training.image_table."""
    draw = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for landmark in range(landmark_count):
        color = np.zeros(3)
        color[landmark % 3] = 100 + 100 * landmark / landmark_count
        for number in range(per_landmark):
            pixels = np.clip(color + draw.normal(0, 20, (20, 20, 3)), 0, 255).astype(np.uint8)
            image_id = f"{landmark:02}{number:02}"
            Image.fromarray(pixels).save(folder / f"{image_id}.png")
            fold = "train" if landmark < landmark_count * 2 // 3 else "val"
            rows.append((image_id, fold, f"landmark {landmark}", f"kind {landmark % 3}", f"realm {landmark % 3 > 1}"))
    return pd.DataFrame(rows, columns=["image_id", "fold", *LEVELS])


def small_world(folder: Path) -> tuple[dict[str, ImageTable], FolderImages]:
    """Tables and images drawn in a folder."""
    frame = draw_images(folder / "images")
    return image_tables(frame, LEVELS, "drawn"), FolderImages(folder / "images")


def quick(loss: str = "happier", **settings: object) -> TrainConfig:
    """Settings of a run that takes a second."""
    return TrainConfig(loss=loss, **{**QUICK, **settings})  # type: ignore[arg-type]
