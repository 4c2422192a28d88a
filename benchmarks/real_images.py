"""The benchmark on real images: GLDv2 photographs of Washington State, labelled by our own functions, and Omniglot.

`python -m benchmarks.real_images washington|omniglot [--loss NAME ...] [--seeds N] [--data DIR] [--out FOLDER]`

Washington: photographs in folds by landmark; the first "instance of" of each landmark's Commons page names a Wikidata
class, which the committed anchors label, or else the committed head nouns. Omniglot: handwritten characters below
alphabets; trained on images_background_small1, some of whose characters are for tuning, tested on those alphabets of
images_background_small2 that it lacks. Every loss gets the same number of trials on the val fold, then a run for each
seed, and the test once; docs/BENCHMARK.md shows what comes out. A killed run goes on. Images stay where they are.
"""

import dataclasses
import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import torch

from annotations import store
from benchmarks.label_quality_graph import read_extracts
from training.benchmark.benchmark import numbers, run_benchmark
from training.benchmark.course import Runs, performance
from training.benchmark.paper_table import paper_table
from training.benchmark.pictures import draw_pictures
from training.benchmark.probe import Probe, against_shuffled
from training.benchmark.tuning import tune
from training.config import TrainConfig
from training.image_index import build_index
from training.image_table import ImageTable, image_tables
from training.images import FolderImages, Images, TarImages
from training.loss_table import LOSSES
from training.processes import connect
from training.train import train

COMPARED = ("cluster", "triplet", "smooth_ap", "sup_ap", "sup_hap", "happier", "sup_ndcg")
HELD_OUT = {"val": 0.15, "test": 0.3}
"""Shares of the landmarks of Washington State in these folds."""
VAL_SHARE = 0.2
"""Share of the characters of each alphabet that is for tuning."""
COMMON = TrainConfig(
    "happier", epochs=24, batch_size=256, learning_rate=0.002, alpha=2.0, warmup_share=0.3, evaluate_every=3
)
SETTINGS = {"washington": COMMON, "omniglot": dataclasses.replace(COMMON, image_size=32, flip=False)}
RATES = {"learning_rate": [0.001, 0.002]}
GRIDS = {loss: {"alpha": [1.0, 2.0]} for loss in ("sup_hap", "happier")}
"""What losses try that do not try RATES: the same number of trials for all."""


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Images with a fold and labels by name, as training.image_table.image_tables takes them, and where they are."""

    name: str
    frame: pd.DataFrame
    levels: tuple[str, ...]
    images: Images

    def tables(self) -> dict[str, ImageTable]:
        """The images of each fold with numbered labels."""
        return image_tables(self.frame, self.levels, self.name)


def washington(data: Path, scratch: Path) -> Dataset:
    """Photographs with landmark, hierarchical label and natural / human-made."""
    extracts = read_extracts(data / "wikidata")
    classes = extracts.class_labels[extracts.class_labels["hierarchical_label"].notna()]
    label_of = classes.drop_duplicates("class_label").set_index("class_label")["hierarchical_label"]
    realm_of = extracts.taxonomy.set_index("hierarchical_label")["natural_or_human_made"]
    landmarks = pd.read_csv(data / "gldv2/washington_landmarks.csv").drop_duplicates("landmark_id")
    landmarks["hierarchical_label"] = landmarks["supercategory"].map(label_of)
    without = landmarks["hierarchical_label"].isna()
    landmarks.loc[without, "hierarchical_label"] = landmarks.loc[without, "supercategory"].map(label_by_noun())
    landmarks["natural_or_human_made"] = landmarks["hierarchical_label"].map(realm_of)
    images = pd.read_csv(data / "images/train.csv").rename(columns={"id": "image_id"})
    levels = ("landmark_id", "hierarchical_label", "natural_or_human_made")
    frame = images.merge(landmarks, on="landmark_id", validate="m:1").dropna(subset=levels)
    drawn = np.random.default_rng(0).permutation(np.sort(frame["landmark_id"].unique()))
    ends = [round(len(drawn) * share) for share in np.cumsum(list(HELD_OUT.values()))]
    frame["fold"] = "train"
    for fold, part in zip(HELD_OUT, np.split(drawn, ends), strict=False):
        frame.loc[frame["landmark_id"].isin(part), "fold"] = fold
    index = build_index(sorted((data / "images").glob("images_*.tar")))
    return Dataset("washington", frame.reset_index(drop=True), levels, TarImages(index, Path()))


def label_by_noun() -> Callable[[str], str | None]:
    """Finds the label of a class by the longest English head noun at the end of its name; None where there is none."""
    nouns = store.read("head_nouns", Path(store.FOLDER) / "head_nouns.csv")
    nouns = nouns[nouns["language"] == "en"].drop_duplicates("head_noun", keep=False)
    label_of = nouns.set_index("head_noun")["hierarchical_label"].to_dict()

    def found(name: str) -> str | None:
        words = str(name).lower().split()
        ends = (" ".join(words[first:]) for first in range(len(words)))
        return next((label_of[end] for end in ends if end in label_of), None)

    return found


def omniglot(data: Path, scratch: Path) -> Dataset:
    """Characters with their alphabet; the images of the two small background sets are unpacked into scratch."""
    rows = []
    for name, fold in (("images_background_small1", "train"), ("images_background_small2", "test")):
        with zipfile.ZipFile(data / "omniglot" / f"{name}.zip") as archive:
            for member in archive.namelist():
                _, _, path = member.partition(f"{name}/")
                if path.endswith(".png") and path.count("/") == 2:
                    alphabet, character, file = path.split("/")
                    (scratch / file).write_bytes(archive.read(member))
                    rows.append((Path(file).stem, fold, f"{alphabet}/{character}", alphabet))
    frame = pd.DataFrame(rows, columns=["image_id", "fold", "character", "alphabet"])
    frame = frame.drop_duplicates("image_id")  # an alphabet in both sets is trained on
    draw = np.random.default_rng(0)
    for _, characters in frame[frame["fold"] == "train"].groupby("alphabet")["character"]:
        known = np.sort(characters.unique())
        held_out = draw.permutation(known)[: round(VAL_SHARE * len(known))]
        frame.loc[frame["character"].isin(held_out), "fold"] = "val"
    return Dataset("omniglot", frame.reset_index(drop=True), ("character", "alphabet"), FolderImages(scratch))


DATASETS = {"washington": washington, "omniglot": omniglot}


def train_all(dataset: Dataset, losses: tuple[str, ...], seed_count: int, out: Path) -> tuple[Runs, dict[str, Any]]:
    """Tune each loss, and train it with every seed; returns the runs, and what tuning found."""
    tables = dataset.tables()
    runs: dict[str, dict[int, Path]] = {}
    found = {}
    for loss in losses:
        config = dataclasses.replace(SETTINGS[dataset.name], loss=loss)
        found[loss] = tune(
            config, GRIDS.get(loss, RATES), out / loss, lambda one, place: train(one, tables, dataset.images, place)
        )
        click.echo(f"{loss}: {found[loss]}")
        runs[loss] = {}
        for seed in range(seed_count):
            runs[loss][seed] = out / loss / f"seed{seed}"
            train(configured(dataset, loss, seed, found), tables, dataset.images, runs[loss][seed])
    return runs, found


def configured(dataset: Dataset, loss: str, seed: int, found: dict[str, Any]) -> TrainConfig:
    """The settings of a run after tuning."""
    return dataclasses.replace(SETTINGS[dataset.name], loss=loss, seed=seed, **found[loss]["chosen"])


def shuffled_probe(
    dataset: Dataset, loss: str, seeds: list[int], runs: Runs, found: dict[str, Any], out: Path, device: torch.device
) -> dict[str, Any]:
    """The label probe of one loss, against labels dealt out at random."""
    probe = Probe(
        [configured(dataset, loss, seed, found) for seed in seeds],
        dataset.frame,
        dataset.levels,
        dataset.images,
        out / "probe",
        lambda config, tables, folder: train(config, tables, dataset.images, folder),
        device,
    )
    return {"loss": loss, "rows": against_shuffled(probe, list(runs[loss].values()))}


def describe(dataset: Dataset) -> None:
    """Print how many images and classes each fold has."""
    for fold, table in dataset.tables().items():
        sizes = [len(np.unique(table.labels[:, level])) for level in range(len(table.levels))]
        named = ", ".join(f"{size} {name}" for size, name in zip(sizes, table.levels, strict=True))
        click.echo(f"{fold}: {len(table)} images, {named}")


@click.command()
@click.argument("name", type=click.Choice(list(DATASETS)))
@click.option("--loss", "losses", multiple=True, type=click.Choice(list(LOSSES)), default=COMPARED, show_default=True)
@click.option("--seeds", "seed_count", type=click.IntRange(1), default=3, show_default=True)
@click.option("--data", default=Path("../shared/data"), type=click.Path(path_type=Path), show_default=True)
@click.option("--out", default=Path("runs/real_images"), type=click.Path(path_type=Path), show_default=True)
def main(name: str, losses: tuple[str, ...], seed_count: int, data: Path, out: Path) -> None:
    """Tune, train and test losses on a dataset; write metrics.json and pictures below the folder, print the table."""
    out = out / name
    with tempfile.TemporaryDirectory() as scratch, connect("auto") as processes:
        dataset = DATASETS[name](data, Path(scratch))
        describe(dataset)
        runs, found = train_all(dataset, losses, seed_count, out)
        device = processes.device
        first = configured(dataset, losses[0], 0, found)
        benchmark = run_benchmark(runs, first, dataset.tables()["test"], dataset.images, device)
        metrics = {"dataset": name, "device": device.type, "tuning": found} | numbers(benchmark, runs)
        metrics["probe"] = {"rows": []}
        if metrics["headline"]:
            best = metrics["headline"]["hierarchical"]
            metrics["probe"] = shuffled_probe(dataset, best, list(range(seed_count)), runs, found, out, device)
        rows = metrics["probe"]["rows"]
        draw_pictures(benchmark, metrics, runs, dataset.frame, dataset.images, rows, out / "plots")
    for file, content in (("metrics", metrics), ("performance", performance(runs))):
        (out / f"{file}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    click.echo(paper_table(metrics, "markdown"))


if __name__ == "__main__":
    main()
