"""Losses on embeddings with hierarchical labels, for researchers: rank losses, calibration and cluster losses.

Every loss is called as loss(embeddings, labels, ref_embeddings=None, ref_labels=None), with embeddings (B, D), integer
labels (B, L), column 0 finest, and optionally (M, D) and (M, L) of other items to rank: a memory, or what other
processes gathered. Without them the batch ranks itself. Definitions, and how the published code differs, are in
training/README.md; the papers are arXiv 2309.08250 (SupRank), 2207.04873 (HAPPIER), 2110.01445 (ROADMAP).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.anchored_losses import CalibrationLoss, ClusterLoss
from training.levels import agreement_depths, depth_counts
from training.objectives import Objective, Surrogate
from training.ranks import check_backend, rank_loss
from training.relevance import check_relevance, relevance_table
from training.similarity import checked_batch, inner_products

__all__ = [
    "CalibrationLoss",
    "ClusterLoss",
    "SmoothAPLoss",
    "SupAPLoss",
    "SupHAPLoss",
    "SupNDCGLoss",
    "SupRecallLoss",
]


class RankLoss(nn.Module):
    """What the rank losses share: scores, depths of agreement, and the fused operation.

    Embeddings are compared by inner product and are expected to have unit length: tau and delta are in units of cosine.

    Args:
        objective: what is maximised.
        backend: auto, torch, numba or triton (training.ranks).
        exclude_self: leave each query out of its own list. The published losses keep it in, as its own best match.
    """

    finest_only = True
    """Whether only agreement at the finest level counts, or every depth of agreement."""

    def __init__(self, objective: Objective, backend: str, exclude_self: bool) -> None:
        super().__init__()
        check_backend(backend)
        self.objective, self.backend, self.exclude_self = objective, backend, exclude_self

    def extra_repr(self) -> str:
        """Parameters, for print(loss)."""
        return f"{self.objective}, backend={self.backend}, exclude_self={self.exclude_self}"

    def gains(self, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Gain by depth (B, L + 1) and normaliser (B,), from the numbers of items at exactly each depth (B, L + 1).

        Where only the finest level counts, the depths are 0 and 1: a positive gains 1, and their number normalises.
        """
        gain = torch.tensor([0.0, 1.0], dtype=torch.float64, device=counts.device)
        return gain.expand(counts.shape), counts[:, 1]

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        ref_embeddings: Tensor | None = None,
        ref_labels: Tensor | None = None,
        *,
        self_columns: Tensor | None = None,
    ) -> Tensor:
        """Mean loss over the queries that have positives; 0, with a zero gradient, where none has any.

        Args:
            embeddings: float (B, D), unit length. Half precision is taken to float32.
            labels: integer (B, L), column 0 finest.
            ref_embeddings: float (M, D), items to rank instead of the batch.
            ref_labels: integer (M, L).
            self_columns: integer (B,), the row of ref_embeddings that is the query itself; needed to exclude it there.

        Returns:
            Scalar, float32 or float64.

        Raises:
            ValueError: shapes that do not fit, or exclude_self with references but without self_columns.
        """
        if self.exclude_self and self_columns is None:
            if ref_embeddings is not None:
                raise ValueError("exclude_self with ref_embeddings needs self_columns, the queries' rows among them")
            self_columns = torch.arange(len(embeddings))
        embeddings, labels, refs, ref_labels = checked_batch(embeddings, labels, ref_embeddings, ref_labels)
        depths, counts = agreement_depths(labels, ref_labels), depth_counts(labels, ref_labels)
        if self.exclude_self and self_columns is not None:
            own = self_columns.to(embeddings.device).unsqueeze(1)
            counts.scatter_add_(1, depths.gather(1, own).long(), counts.new_full(own.shape, -1))
            depths.scatter_(1, own, -1)
        if self.finest_only:
            finest = labels.shape[1]
            depths = torch.where(depths < 0, depths, (depths == finest).to(depths.dtype))
            counts = torch.stack([counts[:, :finest].sum(1), counts[:, finest]], 1)
        gains, normaliser = self.gains(counts)
        return rank_loss(inner_products(embeddings, refs), depths, gains, normaliser, self.objective, self.backend)


class SmoothAPLoss(RankLoss):
    """1 - AP at the finest level with sigmoid(d / tau) in place of the step (Smooth-AP, arXiv 2007.12163)."""

    def __init__(self, tau: float = 0.01, *, backend: str = "auto", exclude_self: bool = False) -> None:
        super().__init__(Objective("smooth_ap", Surrogate(tau=tau)), backend, exclude_self)


class SupAPLoss(RankLoss):
    """1 - AP at the finest level under SupRank (ROADMAP, arXiv 2110.01445).

    Args:
        backend: see RankLoss.
        exclude_self: see RankLoss.
        surrogate: tau, rho, delta, start, offset of training.objectives.Surrogate where they are not the defaults.
    """

    def __init__(self, *, backend: str = "auto", exclude_self: bool = False, **surrogate: float) -> None:
        super().__init__(Objective("ap", Surrogate(**surrogate)), backend, exclude_self)


class SupRecallLoss(RankLoss):
    """1 - recall at the finest level under SupRank, mean over several k (arXiv 2309.08250, section 3.4).

    Args:
        ks: the cut-offs k.
        temperature: of sigmoid((k - rank) / temperature), in ranks.
        backend: see RankLoss.
        exclude_self: see RankLoss.
        surrogate: as for SupAPLoss.
    """

    def __init__(
        self,
        ks: tuple[int, ...] = (1, 2, 4, 8, 16),
        temperature: float = 1.0,
        *,
        backend: str = "auto",
        exclude_self: bool = False,
        **surrogate: float,
    ) -> None:
        super().__init__(Objective("recall", Surrogate(**surrogate), tuple(ks), temperature), backend, exclude_self)


class SupHAPLoss(RankLoss):
    """1 - H-AP under SupRank, the first term of HAPPIER (arXiv 2207.04873).

    Args:
        relevance: population or weighted (training.relevance); counted in the batch.
        alpha: how much more finer levels weigh.
        backend: see RankLoss.
        exclude_self: see RankLoss.
        surrogate: as for SupAPLoss.
    """

    finest_only = False

    def __init__(
        self,
        relevance: str = "population",
        alpha: float = 1.0,
        *,
        backend: str = "auto",
        exclude_self: bool = False,
        **surrogate: float,
    ) -> None:
        super().__init__(Objective("ap", Surrogate(**surrogate)), backend, exclude_self)
        check_relevance(relevance, alpha)
        self.relevance, self.alpha = relevance, alpha

    def gains(self, counts: Tensor) -> tuple[Tensor, Tensor]:
        """See RankLoss."""
        table = relevance_table(self.relevance, counts.double(), self.alpha)
        return table, (table * counts).sum(1)


class SupNDCGLoss(RankLoss):
    """1 - NDCG with gain 2^level - 1 under SupRank (arXiv 2309.08250, section 3.4); arguments as for SupAPLoss."""

    finest_only = False

    def __init__(self, *, backend: str = "auto", exclude_self: bool = False, **surrogate: float) -> None:
        super().__init__(Objective("ndcg", Surrogate(**surrogate)), backend, exclude_self)

    def gains(self, counts: Tensor) -> tuple[Tensor, Tensor]:
        """See RankLoss; the ideal order has the items by falling depth."""
        device = counts.device
        gain = 2.0 ** torch.arange(counts.shape[1], dtype=torch.float64, device=device) - 1
        places = torch.arange(int(counts.sum(1).max()) if len(counts) else 0, dtype=torch.float64, device=device)
        discounts = functional.pad((1 / torch.log2(places + 2)).cumsum(0), (1, 0))
        at_least = counts.flip(1).cumsum(1).flip(1)
        ideal = (gain * (discounts[at_least] - discounts[at_least - counts])).sum(1)
        return gain.expand(counts.shape), ideal
