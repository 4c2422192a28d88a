"""The losses that a training run can name, built from the number of finest classes and the dimension of embeddings."""

from collections.abc import Callable
from functools import partial

from torch import nn

from training.losses import (
    ClusterLoss,
    SmoothAPLoss,
    SupAPLoss,
    SupHAPLoss,
    SupNDCGLoss,
    SupRecallLoss,
)
from training.metric_learning import PAIR_LOSSES, PROXY_LOSSES, MetricLearningLoss
from training.recipes import happier, roadmap, sup_ndcg

LOSSES: dict[str, Callable[[int, int], nn.Module]] = {
    "happier": happier,
    "roadmap": lambda class_count, dim: roadmap(),
    "sup_ndcg": sup_ndcg,
    "sup_hap": lambda class_count, dim: SupHAPLoss(),
    "sup_ndcg_alone": lambda class_count, dim: SupNDCGLoss(),
    "sup_ap": lambda class_count, dim: SupAPLoss(),
    "sup_recall": lambda class_count, dim: SupRecallLoss(),
    "smooth_ap": lambda class_count, dim: SmoothAPLoss(),
    "cluster": ClusterLoss,
    **{name: partial(MetricLearningLoss, name) for name in (*PAIR_LOSSES, *PROXY_LOSSES)},
}

HIERARCHICAL = ("happier", "sup_ndcg", "sup_hap", "sup_ndcg_alone")
"""Losses that see all levels of the labels; the others are flat, and see the finest alone."""


def build_loss(name: str, class_count: int, dim: int) -> nn.Module:
    """The loss of that name.

    Raises:
        ValueError: an unknown name; lists the known ones.
        ImportError: a loss of pytorch-metric-learning where that is not installed.
    """
    if name not in LOSSES:
        raise ValueError(f"loss {name!r} is unknown; known: {', '.join(LOSSES)}")
    return LOSSES[name](class_count, dim)
