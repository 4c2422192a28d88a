"""Models on the test fold: each is loaded, embeds the images and is scored; for the stage benchmark and scripts."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from training.benchmark.protocol import Scores, query_rows, score
from training.config import TrainConfig
from training.embedding import embed_images
from training.gldv2_protocol import SCORED_USAGES, SolvedQuery, evaluate_gldv2
from training.image_table import ImageTable, unlabelled
from training.images import Images
from training.learner import model_of
from training.train import with_images
from training.trained import read_model

LoadedModel = tuple[nn.Module, TrainConfig]


@dataclass(frozen=True)
class Candidate:
    """A model to test: the name it is compared by, its seed, and how it is loaded onto a device."""

    name: str
    seed: int
    load: Callable[[torch.device], LoadedModel]


@dataclass(frozen=True)
class Tested:
    """What the models of one name, one for each of S seeds, score on the Q queries of the test fold.

    Attributes:
        name: of the loss, or of what stands in for it.
        seeds: S of them.
        metrics: K keys of training.metrics.
        values: float64 (S, Q, K).
        first_wrong: int8 (S, Q), see training.benchmark.protocol.
        embeddings: float32 (N, D) of all images of the fold, by the first seed; for pictures.
    """

    name: str
    seeds: tuple[int, ...]
    metrics: tuple[str, ...]
    values: np.ndarray
    first_wrong: np.ndarray
    embeddings: Tensor

    def of(self, metric: str) -> np.ndarray:
        """Values (S, Q) of one metric."""
        return self.values[:, :, self.metrics.index(metric)]


@dataclass(frozen=True)
class Gldv2Test:
    """Average precision at 100 of GLDv2's queries by the models of one name.

    Attributes:
        usages: (Q,), Public or Private.
        values: float64 (S, Q).
        n_ignored: queries left out as Ignored.
        n_absent: positives that the index images at hand lack; they count as never found.
        n_unreadable: queries left out because their image cannot be read.
    """

    usages: np.ndarray
    values: np.ndarray
    n_ignored: int
    n_absent: int
    n_unreadable: int


def trained(name: str, seed: int, run: Path) -> Candidate:
    """The best model of a run."""
    return Candidate(name, seed, lambda device: read_model(run, device))


def zero_shot(name: str, seed: int, config: TrainConfig, *, pretrained: bool) -> Candidate:
    """The model of the settings as it is before training; of a pretrained backbone, its features without projection.

    A projection that nothing has trained would only blur the features of a pretrained backbone.
    """

    def load(device: torch.device) -> LoadedModel:
        torch.manual_seed(seed)
        model = model_of(config, pretrained=pretrained)
        if pretrained:
            model.projection = nn.Identity()
        return model.to(device).eval(), config

    return Candidate(name, seed, load)


def score_models(
    candidates: Iterable[Candidate], table: ImageTable, images: Images, device: torch.device
) -> tuple[list[Tested], ImageTable]:
    """Score models; those of one name are taken together, in the order of their seeds.

    Args:
        candidates: the models.
        table: the test fold; images that are not there are left out, which is said.
        images: where its images are.
        device: where models run.

    Returns:
        what each name scores, in the order of first appearance, and the table of the images that could be read.

    Raises:
        ImageError: more unreadable images than the settings put up with.
        RunError: a run without model.
        ValueError: nobody asks; images that can be read for one model and not for another.
    """
    scores: dict[str, list[Scores]] = {}
    seeds: dict[str, list[int]] = {}
    first: dict[str, Tensor] = {}
    table, readable = with_images("test", table, images), None
    for one in candidates:
        model, config = one.load(device)
        embeddings, kept = embed_images(model, config, table, images, device)
        if readable is not None and not np.array_equal(kept, readable):
            raise ValueError("images can be read for one model and not for another; are the image files changing?")
        readable = kept
        scores.setdefault(one.name, []).append(score(embeddings, table.of(kept), device))
        seeds.setdefault(one.name, []).append(one.seed)
        first.setdefault(one.name, embeddings)
    if readable is None:
        raise ValueError("there is no model to test")
    tested = [
        Tested(
            name,
            tuple(seeds[name]),
            parts[0].metrics,
            np.stack([part.values for part in parts]),
            np.stack([part.first_wrong for part in parts]),
            first[name],
        )
        for name, parts in scores.items()
    ]
    return tested, table.of(readable)


def score_on_gldv2(
    candidates: Sequence[Candidate],
    solution: dict[str, SolvedQuery],
    queries: Images,
    index: Images,
    device: torch.device,
) -> dict[str, Gldv2Test]:
    """mAP@100 by GLDv2's own protocol (arXiv 2004.01804), of each name.

    Args:
        candidates: the models.
        solution: queries with their usage and positives.
        queries: images of the split test.
        index: images of the split index, the gallery.
        device: where models run.

    Raises:
        ValueError: an image of a scored query is not there.
        ImageError, RunError: as score_models.
    """
    asked = unlabelled([one for one in queries.image_ids if one in solution])
    gallery = unlabelled(index.image_ids)
    results: dict[str, list[Gldv2Test]] = {}
    for one in candidates:
        model, config = one.load(device)
        query_embeddings, kept = embed_images(model, config, asked, queries, device)
        index_embeddings, held = embed_images(model, config, gallery, index, device)
        ids = asked.image_ids[kept].tolist()
        unreadable = set(asked.image_ids) - set(ids)
        left = {query: solved for query, solved in solution.items() if query not in unreadable}
        index_ids = gallery.image_ids[held].tolist()
        report = evaluate_gldv2(query_embeddings, ids, index_embeddings, index_ids, left, device=device)
        test = Gldv2Test(
            report.usages, report.average_precisions[None], report.n_ignored, report.n_absent, len(unreadable)
        )
        results.setdefault(one.name, []).append(test)
    return {
        name: dataclasses.replace(tests[0], values=np.concatenate([test.values for test in tests]))
        for name, tests in results.items()
    }


def missing_queries(solution: dict[str, SolvedQuery], queries: Images) -> list[str]:
    """Scored queries whose image is not there."""
    there = set(queries.image_ids)
    return [one for one, query in solution.items() if query.usage in SCORED_USAGES and one not in there]


def query_landmarks(table: ImageTable) -> np.ndarray:
    """Finest class (Q,) of each query, by which queries vary together."""
    landmarks: np.ndarray = table.labels[query_rows(table), 0]
    return landmarks
