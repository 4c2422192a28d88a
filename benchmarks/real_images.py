"""Training on real images: GLDv2 photographs of Washington State, labelled by our own functions, and Omniglot.

`python -m benchmarks.real_images washington|omniglot [--loss NAME] [--epochs N] [--data DIR] [--out FOLDER]`

Washington: 4,618 photographs of 295 landmarks, split by landmark; the first "instance of" of each landmark's Commons
page names a Wikidata class, which the committed annotations label. Omniglot: handwritten characters, character below
alphabet; trained on images_background_small1, evaluated on images_background_small2. Images stay where they are.
"""

import dataclasses
import tempfile
import zipfile
from pathlib import Path

import click
import numpy as np
import pandas as pd

from benchmarks.label_quality_graph import read_extracts
from training.config import TrainConfig
from training.image_index import build_index
from training.image_table import ImageTable, image_tables
from training.images import FolderImages, TarImages
from training.loss_table import LOSSES
from training.train import train

Dataset = tuple[dict[str, ImageTable], TarImages | FolderImages]
VAL_SHARE = 0.3


def washington(data: Path, scratch: Path) -> Dataset:
    """Photographs with landmark, hierarchical label and natural / human-made; 30% of the landmarks are the val fold."""
    extracts = read_extracts(data / "wikidata")
    classes = extracts.class_labels[extracts.class_labels["hierarchical_label"].notna()]
    label_of = classes.drop_duplicates("class_label").set_index("class_label")["hierarchical_label"]
    realm_of = extracts.taxonomy.set_index("hierarchical_label")["natural_or_human_made"]
    landmarks = pd.read_csv(data / "gldv2/washington_landmarks.csv").drop_duplicates("landmark_id")
    landmarks["hierarchical_label"] = landmarks["supercategory"].map(label_of)
    landmarks["natural_or_human_made"] = landmarks["hierarchical_label"].map(realm_of)
    images = pd.read_csv(data / "images/train.csv").rename(columns={"id": "image_id"})
    frame = images.merge(landmarks, on="landmark_id", validate="m:1")
    chosen = np.sort(frame["landmark_id"].unique())
    held_out = np.random.default_rng(0).permutation(chosen)[: int(VAL_SHARE * len(chosen))]
    frame["fold"] = np.where(frame["landmark_id"].isin(held_out), "val", "train")
    levels = ["landmark_id", "hierarchical_label", "natural_or_human_made"]
    index = build_index(sorted((data / "images").glob("images_*.tar")))
    return image_tables(frame, levels, "washington"), TarImages(index, Path())


def omniglot(data: Path, scratch: Path) -> Dataset:
    """Characters with their alphabet; the ten alphabets of the two small background sets, five to train on."""
    rows = []
    for name, fold in (("images_background_small1", "train"), ("images_background_small2", "val")):
        with zipfile.ZipFile(data / "omniglot" / f"{name}.zip") as archive:
            for member in archive.namelist():
                _, _, path = member.partition(f"{name}/")
                if path.endswith(".png") and path.count("/") == 2:
                    alphabet, character, file = path.split("/")
                    (scratch / file).write_bytes(archive.read(member))
                    rows.append((Path(file).stem, fold, f"{alphabet}/{character}", alphabet))
    frame = pd.DataFrame(rows, columns=["image_id", "fold", "character", "alphabet"])
    frame = frame.drop_duplicates("image_id")  # an alphabet in both sets is trained on
    return image_tables(frame, ["character", "alphabet"], "omniglot"), FolderImages(scratch)


DATASETS = {"washington": washington, "omniglot": omniglot}
SETTINGS = {
    "washington": TrainConfig("happier", epochs=10, batch_size=128, evaluate_every=2),
    "omniglot": TrainConfig("happier", epochs=10, batch_size=128, evaluate_every=2, image_size=32, flip=False),
}


@click.command()
@click.argument("dataset", type=click.Choice(list(DATASETS)))
@click.option("--loss", type=click.Choice(list(LOSSES)), default="happier", show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--epochs", type=int, help="Instead of the dataset's own.")
@click.option("--data", default=Path("../shared/data"), type=click.Path(path_type=Path), show_default=True)
@click.option("--out", default=Path("runs/real_images"), type=click.Path(path_type=Path), show_default=True)
def main(dataset: str, loss: str, seed: int, epochs: int | None, data: Path, out: Path) -> None:
    """Train one loss on one dataset."""
    settings = SETTINGS[dataset]
    config = dataclasses.replace(settings, loss=loss, seed=seed, epochs=epochs or settings.epochs)
    with tempfile.TemporaryDirectory() as scratch:
        tables, images = DATASETS[dataset](data, Path(scratch))
        for fold in ("train", "val"):
            sizes = [len(np.unique(tables[fold].labels[:, level])) for level in range(len(tables[fold].levels))]
            named = ", ".join(f"{size} {name}" for size, name in zip(sizes, tables[fold].levels, strict=True))
            click.echo(f"{fold}: {len(tables[fold])} images, {named}")
        train(config, tables, images, out / dataset / loss / f"seed{seed}")


if __name__ == "__main__":
    main()
