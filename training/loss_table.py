"""The losses that a training run can name, built from what a run knows of them."""

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


def _of_the_library(name: str, class_count: int, dim: int, alpha: float) -> nn.Module:
    return MetricLearningLoss(name, class_count, dim)


LOSSES: dict[str, Callable[[int, int, float], nn.Module]] = {
    "happier": lambda class_count, dim, alpha: happier(class_count, dim, alpha=alpha),
    "roadmap": lambda class_count, dim, alpha: roadmap(),
    "sup_ndcg": lambda class_count, dim, alpha: sup_ndcg(class_count, dim),
    "sup_hap": lambda class_count, dim, alpha: SupHAPLoss(alpha=alpha),
    "sup_ndcg_alone": lambda class_count, dim, alpha: SupNDCGLoss(),
    "sup_ap": lambda class_count, dim, alpha: SupAPLoss(),
    "sup_recall": lambda class_count, dim, alpha: SupRecallLoss(),
    "smooth_ap": lambda class_count, dim, alpha: SmoothAPLoss(),
    "cluster": lambda class_count, dim, alpha: ClusterLoss(class_count, dim),
    **{name: partial(_of_the_library, name) for name in (*PAIR_LOSSES, *PROXY_LOSSES)},
}
"""Name -> builder from the number of finest classes, the dimension of embeddings, and alpha of `build_loss`."""
HIERARCHICAL = ("happier", "sup_ndcg", "sup_hap", "sup_ndcg_alone")
"""Losses that see all levels of the labels; the others are flat, and see the finest alone."""


def build_loss(name: str, class_count: int, dim: int, alpha: float = 1.0) -> nn.Module:
    """The loss of that name.

    Args:
        name: of LOSSES.
        class_count: number of finest classes, for losses with class vectors.
        dim: dimension of embeddings, for the same.
        alpha: how much more a finer level weighs, for losses that have relevances: happier and sup_hap.

    Raises:
        ValueError: an unknown name; lists the known ones.
        ImportError: a loss of pytorch-metric-learning where that is not installed.
    """
    if name not in LOSSES:
        raise ValueError(f"loss {name!r} is unknown; known: {', '.join(LOSSES)}")
    return LOSSES[name](class_count, dim, alpha)
