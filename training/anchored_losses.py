"""Losses that anchor scores: calibration to common thresholds, and clusters around class vectors.

Rank losses fix the order of the items of a query; these fix their scores, the second term of every recipe. They are
called as the losses in training.losses, which names them too.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.levels import agreement_depths
from training.similarity import checked_batch, checked_classes, inner_products


class CalibrationLoss(nn.Module):
    """Keeps scores of positives above one threshold and of negatives below another, the same for every query.

    The decomposability loss of ROADMAP (arXiv 2110.01445, section 3.3): mean over non-zero of relu(positive - s+) plus
    mean over non-zero of relu(s- - negative), at the finest level. As published, it compares by cosine: the gradient
    passes through the normalisation.

    Args:
        positive: what the cosine of a pair of the same class should reach.
        negative: what the cosine of another pair should not exceed.
    """

    def __init__(self, positive: float = 0.9, negative: float = 0.6) -> None:
        super().__init__()
        self.positive, self.negative = positive, negative

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        ref_embeddings: Tensor | None = None,
        ref_labels: Tensor | None = None,
    ) -> Tensor:
        """Scalar loss; arguments as for RankLoss."""
        embeddings, labels, refs, ref_labels = checked_batch(embeddings, labels, ref_embeddings, ref_labels)
        units = functional.normalize(embeddings)
        scores = inner_products(units, units if refs is embeddings else functional.normalize(refs))
        is_match = agreement_depths(labels, ref_labels) == labels.shape[1]
        short = functional.relu(self.positive - scores[is_match])
        over = functional.relu(scores - self.negative).masked_fill(is_match, 0)
        return mean_over_nonzero(short) + mean_over_nonzero(over)


def mean_over_nonzero(hinges: Tensor) -> Tensor:
    """Mean of the hinges that are not zero; 0 without any."""
    return hinges.sum() / torch.count_nonzero(hinges).clamp(min=1)


class ClusterLoss(nn.Module):
    """Cross-entropy of <e, w_c / ||w_c||> / temperature over the finest classes (NormSoftmax, arXiv 1811.12649).

    The class vectors w are parameters: give them to an optimiser of their own, with a larger step than the model's.

    Args:
        class_count: number of finest classes; their ids in column 0 are 0..class_count - 1, whatever the parent.
        dim: dimension D of the embeddings.
        temperature: divides the cosines.
    """

    def __init__(self, class_count: int, dim: int, temperature: float = 0.05) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(class_count, dim))
        nn.init.normal_(self.weight, std=dim**-0.5)
        self.temperature = temperature

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        ref_embeddings: Tensor | None = None,
        ref_labels: Tensor | None = None,
    ) -> Tensor:
        """Scalar loss; arguments as for RankLoss, references are not looked at.

        Raises:
            ValueError: a class id outside 0..class_count - 1.
        """
        embeddings, labels, *_ = checked_batch(embeddings, labels, None, None)
        classes = checked_classes(labels, len(self.weight))
        logits = inner_products(embeddings, functional.normalize(self.weight).to(embeddings)) / self.temperature
        return functional.cross_entropy(logits, classes, reduction="sum") / max(1, len(classes))
