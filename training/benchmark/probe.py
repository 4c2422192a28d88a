"""Do the labels carry signal? The same training with other labels, scored on the true labels of unseen landmarks.

- shuffled: labels are dealt out at random among the landmarks that a run sees, which teaches nothing of them and may
  harm the finest level. What only the labels can give is that other landmarks with the same label are found.
- official: the labels of an earlier release, where it has any, beside ours on the same landmarks. Both are scored on
  our labels of the test fold, and on the others' where they are known, since neither judge is neutral.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from training.benchmark.evaluation import Candidate, query_landmarks, score_models, trained
from training.benchmark.probe_labels import shared_with, shuffled_labels
from training.benchmark.summary import means, paired
from training.config import TrainConfig
from training.image_table import ImageTable, image_tables
from training.images import Images

Rows = list[dict[str, Any]]
Train = Callable[[TrainConfig, dict[str, ImageTable], Path], None]


@dataclass(frozen=True)
class Probe:
    """What all trainings of a probe share.

    Attributes:
        configs: settings of the run of each seed, as of the runs that were trained with the released labels.
        frame: image_id, fold and the levels, all labelled, as training.image_table.image_tables takes it.
        levels: the finest, which tells landmarks apart, first.
        images: where the images are.
        folder: of the runs, <labels>/seed<seed>.
        train: trains a run in a folder, or finds it there complete.
        device: where models are tested.
    """

    configs: Sequence[TrainConfig]
    frame: pd.DataFrame
    levels: Sequence[str]
    images: Images
    folder: Path
    train: Train
    device: torch.device

    def candidates(self, labels: str, frames: Sequence[pd.DataFrame]) -> list[Candidate]:
        """Train with other labels, a frame for each seed; the models are named after the labels."""
        found = []
        for config, frame in zip(self.configs, frames, strict=True):
            run = self.folder / labels / f"seed{config.seed}"
            self.train(config, image_tables(frame, self.levels, f"labels {labels}"), run)
            found.append(trained(labels, config.seed, run))
        return found

    def rows(self, against: str, scored_on: str, judge: pd.DataFrame, candidates: Sequence[Candidate]) -> Rows:
        """Test the models, ours first, on the test fold with the labels of a judge; a row for each metric."""
        test = image_tables(judge, self.levels, f"labels {scored_on}")["test"]
        (ours, other), table = score_models(candidates, test, self.images, self.device)
        landmarks = query_landmarks(table)
        common = {"against": against, "scored_on": scored_on, "landmarks": len(set(landmarks.tolist()))}
        sides = {"ours": means(ours, landmarks), "other": means(other, landmarks)}
        rows = [row for row in paired(ours, other, landmarks) if is_shown(row["metric"])]
        return [
            common
            | {"metric": row["metric"]}
            | {side: values[row["metric"]] for side, values in sides.items()}
            | {key: row[key] for key in ("difference", "low", "high")}
            for row in rows
        ]


def is_shown(metric: str) -> bool:
    """Whether a metric is one of the probe's: H-AP, and AP at each level."""
    return metric == "h_ap" or metric.startswith("ap_")


def against_shuffled(probe: Probe, runs: Sequence[Path]) -> Rows:
    """The released labels against shuffled ones.

    Args:
        probe: what trainings share.
        runs: those trained with the released labels, one for each seed.

    Returns:
        a row for each metric: against, scored_on, landmarks (of the queries), metric, ours and other as
        {mean, low, high}, and the paired difference of ours less other with its interval: difference, low, high.
    """
    frames = [shuffled_labels(probe.frame, probe.levels, config.seed) for config in probe.configs]
    ours = [trained("ours", config.seed, run) for config, run in zip(probe.configs, runs, strict=True)]
    return probe.rows("shuffled", "ours", probe.frame, [*ours, *probe.candidates("shuffled", frames)])


def against_official(probe: Probe, official: pd.DataFrame) -> Rows:
    """The released labels against the official ones, trained on the landmarks that have both.

    Args:
        probe: what trainings share.
        official: as `other` of training.benchmark.probe_labels.shared_with.

    Returns:
        rows as of against_shuffled; none where the official labels differ from ours for no landmark, or leave nothing
        to train on or nobody to ask.
    """
    if not differing(probe, official)[1]:
        return []
    ours, theirs = shared_with(probe.frame, official, probe.levels)
    sizes = ours.groupby("fold")[probe.levels[0]].value_counts()
    if not all(fold in sizes and sizes[fold].max() > 1 for fold in ("train", "test")):
        return []
    seeds = len(probe.configs)
    candidates = probe.candidates("ours_where_official", [ours] * seeds)
    candidates += probe.candidates("official", [theirs] * seeds)
    return [
        *probe.rows("official", "ours", probe.frame, candidates),
        *probe.rows("official", "official", theirs, candidates),
    ]


def differing(probe: Probe, official: pd.DataFrame) -> tuple[int, int]:
    """Number of landmarks that have both labels, and of those whose labels differ at any level."""
    ours, theirs = shared_with(probe.frame, official, probe.levels)
    finest, *coarser = probe.levels
    landmarks = [labels.drop_duplicates(finest).sort_values(finest)[coarser].to_numpy() for labels in (ours, theirs)]
    return len(landmarks[0]), int((landmarks[0] != landmarks[1]).any(axis=1).sum())
