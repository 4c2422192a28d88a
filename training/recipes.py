"""The published combinations of losses, as weighted sums; for whoever wants a paper's objective in one line."""

from collections.abc import Mapping
from typing import cast

from torch import Tensor, nn

from training.losses import CalibrationLoss, ClusterLoss, SupAPLoss, SupHAPLoss, SupNDCGLoss


class WeightedSum(nn.Module):
    """Weighted sum of losses that share their arguments; a query is in its own list, as published.

    Args:
        terms: weight and loss by name.
    """

    def __init__(self, terms: Mapping[str, tuple[float, nn.Module]]) -> None:
        super().__init__()
        self.losses = nn.ModuleDict({name: loss for name, (_, loss) in terms.items()})
        self.weights = {name: weight for name, (weight, _) in terms.items()}

    def parts(
        self,
        embeddings: Tensor,
        labels: Tensor,
        ref_embeddings: Tensor | None = None,
        ref_labels: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Each loss by name, without its weight; arguments as for training.losses.RankLoss."""
        return {
            name: cast(Tensor, loss(embeddings, labels, ref_embeddings, ref_labels))
            for name, loss in self.losses.items()
        }

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        ref_embeddings: Tensor | None = None,
        ref_labels: Tensor | None = None,
    ) -> Tensor:
        """Scalar sum; arguments as for training.losses.RankLoss."""
        parts = self.parts(embeddings, labels, ref_embeddings, ref_labels)
        return cast(Tensor, sum(self.weights[name] * part for name, part in parts.items()))


def happier(class_count: int, dim: int, *, relevance: str = "population", alpha: float = 1.0) -> WeightedSum:
    """0.9 SupHAP + 0.1 cluster loss (HAPPIER, arXiv 2207.04873); class vectors are its parameters."""
    return WeightedSum(
        {"sup_hap": (0.9, SupHAPLoss(relevance, alpha)), "cluster": (0.1, ClusterLoss(class_count, dim))}
    )


def roadmap(anchor: nn.Module | None = None) -> WeightedSum:
    """0.9 SupAP + 0.1 calibration loss, or another second term such as a ClusterLoss (ROADMAP, arXiv 2110.01445)."""
    return WeightedSum({"sup_ap": (0.9, SupAPLoss()), "anchor": (0.1, CalibrationLoss() if anchor is None else anchor)})


def sup_ndcg(class_count: int, dim: int) -> WeightedSum:
    """0.5 SupNDCG + 0.5 cluster loss (arXiv 2309.08250); class vectors are its parameters."""
    return WeightedSum({"sup_ndcg": (0.5, SupNDCGLoss()), "cluster": (0.5, ClusterLoss(class_count, dim))})
