"""The course of a training run: epochs, evaluation, rows of metrics, and checkpoints that a kill does not harm.

A run's folder holds last.pt (everything to go on from), best.pt (the model that did best on the val fold),
metrics.jsonl (a row for each epoch, the same whenever it is computed) and performance.jsonl (how fast it went).
"""

import shutil
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from training.config import TrainConfig
from training.dataset import FaultCount, ImageDataset, loader
from training.embedding import embed_images
from training.image_table import ImageTable
from training.images import Images
from training.learner import Learner
from training.metrics import evaluate_retrieval
from training.processes import Processes, peak_memory, same_everywhere
from training.runs import (
    RunError,
    append_row,
    file_digest,
    keep_rows,
    load_checkpoint,
    save_checkpoint,
    set_aside,
)
from training.samplers import ClassBatchSampler, HierarchicalSampler, MPerClassSampler
from training.schedule import RemainingBatches

LAST, BEST, METRICS, PERFORMANCE = "last.pt", "best.pt", "metrics.jsonl", "performance.jsonl"


@dataclass
class Progress:
    """Where a run is: batches done of an epoch, losses summed over them, and the best value so far."""

    epoch: int = 0
    batch: int = 0
    loss_sum: float = 0.0
    row_count: int = 0
    best: float = -1.0
    faults: list[int] = field(default_factory=lambda: [0, 0])


class Run:
    """A run: what it learns from, what learns, and its folder."""

    def __init__(
        self,
        config: TrainConfig,
        tables: dict[str, ImageTable],
        images: Images,
        folder: Path,
        processes: Processes,
    ) -> None:
        self.config, self.tables, self.images, self.folder, self.processes = config, tables, images, folder, processes
        train = tables["train"]
        self.batches = RemainingBatches(batch_sampler(config, train, processes))
        self.per_epoch = len(self.batches)
        self.steps_per_epoch = -(-self.per_epoch // config.accumulate)
        class_count, level_count = len(train.class_sizes()), train.labels.shape[1]
        self.learner = Learner(config, class_count, level_count, config.epochs * self.steps_per_epoch, processes)
        dataset = ImageDataset(images, train.image_ids.tolist(), train.labels, config.image_size)
        self.loader = loader(dataset, self.batches, config.workers)
        self.progress = Progress()
        self.digests = {
            "settings": config.digest(),
            "train images or labels": train.digest(),
            "val images or labels": tables["val"].digest(),
            "code": file_digest(sorted(Path(__file__).parent.glob("*.py"))),
        }

    def start(self, resume: Path | None) -> None:
        """Take up the last checkpoint, where there is one that fits."""
        same_everywhere("settings, images or code", " ".join(self.digests.values()))
        path = self.folder / LAST if resume is None else resume / LAST if resume.is_dir() else resume
        if resume is None and not path.exists():
            self.leave_folder("holds no checkpoint")
            return
        saved = load_checkpoint(path, self.processes.device)
        if not {"digests", "learner", "progress"} <= saved.keys():
            raise RunError(f"{path} holds a model alone, or something else; resume from a run's {LAST}")
        other = [name for name, digest in self.digests.items() if saved["digests"].get(name) != digest]
        if other and resume is not None:
            raise RunError(f"{path} is of other {', '.join(other)}; resume a run with what it was begun with")
        self.processes.wait()  # until all have read it
        if other:
            self.leave_folder(f"is of other {', '.join(other)}")
            return
        if path.parent.resolve() != self.folder.resolve():
            self.leave_folder("is another run")
            self.take_over(path)
        self.learner.load_state(saved["learner"])
        self.progress = Progress(**saved["progress"])
        if self.processes.is_main:
            keep_rows(self.folder / METRICS, self.progress.row_count)
            if self.progress.epoch == self.config.epochs:
                print(f"{self.folder} is complete")

    def leave_folder(self, why: str) -> None:
        """Move what is in the run's folder aside, if anything is, and say so."""
        if self.processes.is_main and self.folder.exists() and any(self.folder.iterdir()):
            print(f"{self.folder} {why}; moved to {set_aside(self.folder)}, begun anew")
        self.processes.wait()

    def take_over(self, path: Path) -> None:
        """Copy what belongs to a checkpoint of another folder into the run's own."""
        if self.processes.is_main:
            self.folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, self.folder / LAST)
            for name in (BEST, METRICS, PERFORMANCE):
                if (path.parent / name).exists():
                    shutil.copyfile(path.parent / name, self.folder / name)
        self.processes.wait()

    def finish(self) -> None:
        """Train what is left of the epochs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        while self.progress.epoch < self.config.epochs:
            self.train_epoch()

    def train_epoch(self) -> None:
        """Train what is left of an epoch, evaluate, write its row and a checkpoint."""
        progress, config = self.progress, self.config
        begun, image_count, first = time.perf_counter(), 0, progress.batch
        self.batches.start(progress.epoch, progress.batch)
        faults = FaultCount(config.fault_share, *progress.faults)
        bar = tqdm(self.loader, f"epoch {progress.epoch + 1}/{config.epochs}", disable=None, leave=False)
        for batch in bar:
            faults.add(batch)
            value = self.learner.learn(batch, progress.epoch, progress.batch)
            progress.batch += 1
            progress.loss_sum += value
            progress.faults = [faults.asked, faults.faulty]
            image_count += len(batch.images)
            bar.set_postfix(loss=f"{value:.4f}", images_per_second=round(image_count / (time.perf_counter() - begun)))
            if progress.batch % config.accumulate == 0 or progress.batch == self.per_epoch:
                place = (progress.batch - 1) // config.accumulate
                self.learner.update(progress.epoch * self.steps_per_epoch + place)
                if progress.batch % (config.checkpoint_every * config.accumulate) == 0:
                    self.save()
        self.close_epoch(time.perf_counter() - begun, image_count, progress.batch - first)

    def close_epoch(self, seconds: float, image_count: int, batch_count: int) -> None:
        """Evaluate, write the epoch's row, and a checkpoint that begins the next."""
        progress = self.progress
        self.save()  # evaluation may fail for reasons of its own
        row: dict[str, Any] = {"epoch": progress.epoch + 1, "loss": progress.loss_sum / self.per_epoch}
        if (progress.epoch + 1) % self.config.evaluate_every == 0 or progress.epoch + 1 == self.config.epochs:
            row |= self.evaluate()
        if row.get("val_h_ap") is not None and row["val_h_ap"] > progress.best:
            progress.best = row["val_h_ap"]
            self.write(BEST, {"epoch": row["epoch"], "model": self.learner.model.state_dict()})
        if self.processes.is_main:
            append_row(self.folder / METRICS, row)
            speed = {"epoch": row["epoch"], "seconds": round(seconds, 3), "images": image_count, "batches": batch_count}
            where = {"device": str(self.processes.device), "peak_memory": peak_memory(self.processes.device)}
            append_row(self.folder / PERFORMANCE, speed | where)
            left = (self.config.epochs - row["epoch"]) * seconds
            val = f", val H-AP {row['val_h_ap']:.4f}" if row.get("val_h_ap") is not None else ""
            print(
                f"epoch {row['epoch']}/{self.config.epochs}: loss {row['loss']:.4f}{val},"
                f" {image_count / seconds:.0f} images/s, {left:.0f} s left",
                flush=True,
            )
        self.progress = Progress(progress.epoch + 1, 0, 0.0, progress.row_count + 1, progress.best, progress.faults)
        self.save()

    def evaluate(self) -> dict[str, float | None]:
        """Metrics on the val fold, every image a query against all others; without val images, none."""
        table = self.tables["val"]
        if not self.processes.is_main or not len(table):
            return {}
        device = self.processes.device
        embeddings, kept = embed_images(self.learner.model, self.config, table, self.images, device)
        if not len(kept):
            print("val: no image can be read, so that nothing is evaluated")
            return {}
        labels, ids = table.labels[kept], table.image_ids[kept]
        per_level = [f"{name}_level{n}" for n in range(labels.shape[1]) for name in ("ap", "map_at_r")]
        metrics = ["h_ap", "ndcg", "asi", *per_level]
        means = evaluate_retrieval(
            embeddings, labels, embeddings, labels, query_ids=ids, gallery_ids=ids, metrics=metrics
        ).means
        return {f"val_{key}": None if np.isnan(value) else value for key, value in means.items()}

    def save(self) -> None:
        """Write the checkpoint to go on from."""
        self.write(LAST, {"learner": self.learner.state(), "progress": asdict(self.progress)})

    def write(self, name: str, state: dict[str, Any]) -> None:
        """Write a checkpoint, in the main process."""
        if self.processes.is_main:
            held = {"digests": self.digests, "config": asdict(self.config)}
            save_checkpoint(self.folder / name, held | state)


def batch_sampler(config: TrainConfig, table: ImageTable, processes: Processes) -> ClassBatchSampler:
    """The sampler of the settings."""
    shares = {"seed": config.seed, "rank": processes.rank, "world_size": processes.world_size}
    if config.supers_per_batch:
        sizes = (config.batch_size, config.m_per_class, config.supers_per_batch)
        return HierarchicalSampler(table.labels, *sizes, **shares)
    return MPerClassSampler(table.labels, config.batch_size, config.m_per_class, **shares)
