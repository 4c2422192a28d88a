"""A benchmark from trained runs to numbers: all models on the test fold, once, and what their differences say."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from training.benchmark.course import Runs, best_on_val
from training.benchmark.evaluation import (
    Candidate,
    Tested,
    query_landmarks,
    score_models,
    trained,
    zero_shot,
)
from training.benchmark.protocol import query_rows
from training.benchmark.summary import compare, headline
from training.config import TrainConfig
from training.image_table import ImageTable
from training.images import Images


@dataclass(frozen=True)
class Benchmark:
    """What the models of a benchmark score.

    Attributes:
        losses: trained models.
        zero_shot: models that nothing has trained on the dataset.
        table: the images of the test fold that could be read.
        candidates: all these models, as they are loaded.
    """

    losses: list[Tested]
    zero_shot: list[Tested]
    table: ImageTable
    candidates: list[Candidate]

    @property
    def models(self) -> list[Tested]:
        """All of them."""
        return [*self.losses, *self.zero_shot]


def run_benchmark(
    runs: Runs, config: TrainConfig, table: ImageTable, images: Images, device: torch.device
) -> Benchmark:
    """Score the trained models, and models of the same settings that nothing has trained.

    Args:
        runs: of every loss, with the same seeds.
        config: settings, of which the backbone, its size and that of the images say what an untrained model is.
        table: the test fold.
        images: where its images are.
        device: where models run.

    Raises:
        RunError: a run without model.
        ImageError, ValueError: see score_models.
    """
    candidates = all_models(runs, config)
    tested, readable = score_models(candidates, table, images, device)
    return Benchmark(tested[: len(runs)], tested[len(runs) :], readable, candidates)


def all_models(runs: Runs, config: TrainConfig) -> list[Candidate]:
    """The best model of every run, and for each seed those that nothing has trained."""
    candidates = [trained(loss, seed, run) for loss, folders in runs.items() for seed, run in folders.items()]
    seeds = list(next(iter(runs.values())))
    candidates += [zero_shot("untrained", seed, config, pretrained=False) for seed in seeds]
    if has_weights(config):
        candidates += [zero_shot("pretrained", seed, config, pretrained=True) for seed in seeds]
    return candidates


def has_weights(config: TrainConfig) -> bool:
    """Whether pretrained weights of the backbone are at hand; says why not where there might be some."""
    if config.backbone == "small_resnet":
        return False
    try:
        zero_shot("pretrained", 0, config, pretrained=True).load(torch.device("cpu"))
    except (ValueError, ImportError) as error:
        print(f"no zero-shot row of the pretrained backbone: {error}")
        return False
    return True


def numbers(benchmark: Benchmark, runs: Runs) -> dict[str, Any]:
    """What metrics.json says of a benchmark: seeds, levels, test, losses, zero_shot, paired, headline."""
    table, landmarks = benchmark.table, query_landmarks(benchmark.table)
    found = compare(benchmark.losses, benchmark.zero_shot, landmarks)
    sizes = table.class_sizes()
    test = {"images": len(table), "queries": len(landmarks), "landmarks": int((sizes > 1).sum())}
    test["landmarks_that_never_ask"] = int((sizes == 1).sum())
    common = {"seeds": list(benchmark.losses[0].seeds), "levels": list(table.levels), "test": test}
    return common | found | {"headline": headline(found, best_on_val(runs))}


def per_query(benchmark: Benchmark) -> pd.DataFrame:
    """A row for each model, seed and query: model, seed, image_id, first_wrong_depth, and every metric.

    first_wrong_depth: see training.benchmark.protocol; a metric is nan where nothing agrees with the query.
    """
    image_ids = benchmark.table.image_ids[query_rows(benchmark.table)]
    parts = []
    for model in benchmark.models:
        for place, seed in enumerate(model.seeds):
            columns = {"model": model.name, "seed": seed, "image_id": image_ids}
            columns["first_wrong_depth"] = model.first_wrong[place].astype(np.int64)
            values = dict(zip(model.metrics, model.values[place].T, strict=True))
            parts.append(pd.DataFrame(columns | values))
    return pd.concat(parts, ignore_index=True)
