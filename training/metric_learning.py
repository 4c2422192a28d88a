"""The flat losses of pytorch-metric-learning called like ours, as baselines; needs the extra `losses`."""

import importlib
from typing import Any, cast

import torch
from torch import Tensor, nn

from training.levels import path_ids
from training.similarity import checked_batch, checked_classes

PAIR_LOSSES = {"triplet": "TripletMarginLoss", "fast_ap": "FastAPLoss", "multi_similarity": "MultiSimilarityLoss"}
PROXY_LOSSES = {"arcface": "ArcFaceLoss", "proxy_nca": "ProxyNCALoss"}


class MetricLearningLoss(nn.Module):
    """A loss of pytorch-metric-learning at the finest level.

    Args:
        name: triplet, fast_ap or multi_similarity; arcface or proxy_nca, which hold class vectors as parameters.
        class_count: number of finest classes, for arcface and proxy_nca; their ids in column 0 are 0..class_count - 1.
        dim: dimension D of the embeddings, for arcface and proxy_nca.
        options: further arguments of the library's class.

    Raises:
        ValueError: an unknown name, or a proxy loss without class_count and dim.
        ImportError: the library is not installed.
    """

    def __init__(self, name: str, class_count: int | None = None, dim: int | None = None, **options: Any) -> None:
        super().__init__()
        if name not in PAIR_LOSSES | PROXY_LOSSES:
            raise ValueError(f"loss {name!r} is unknown; known: {', '.join(sorted(PAIR_LOSSES | PROXY_LOSSES))}")
        self.name, self.class_count = name, class_count if name in PROXY_LOSSES else None
        if name in PROXY_LOSSES:
            if class_count is None or dim is None:
                raise ValueError(f"loss {name} holds a vector for each class: it needs class_count and dim")
            options |= {"num_classes": class_count, "embedding_size": dim}
        self.loss = getattr(library_losses(), (PAIR_LOSSES | PROXY_LOSSES)[name])(**options)

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        ref_embeddings: Tensor | None = None,
        ref_labels: Tensor | None = None,
    ) -> Tensor:
        """Scalar loss; arguments as for training.losses.RankLoss. Proxy losses do not look at references.

        Raises:
            ValueError: references for fast_ap, which cannot take them; a class that a proxy loss does not know.
        """
        if self.name == "fast_ap" and ref_embeddings is not None:
            raise ValueError("fast_ap ranks a batch within itself; call it without references (memory 0)")
        embeddings, own, refs, others = checked_batch(embeddings, labels, ref_embeddings, ref_labels)
        with torch.autocast(embeddings.device.type, enabled=False):
            if self.class_count is not None:
                return cast(Tensor, self.loss(embeddings, checked_classes(own, self.class_count)))
            tables = path_ids(own.cpu().numpy(), others.cpu().numpy())
            classes, ref_classes = (torch.from_numpy(table[:, 0]).to(embeddings.device).long() for table in tables)
            if ref_embeddings is None:
                return cast(Tensor, self.loss(embeddings, classes))
            return cast(Tensor, self.loss(embeddings, classes, ref_emb=refs, ref_labels=ref_classes))


def library_losses() -> Any:
    """pytorch_metric_learning.losses.

    Raises:
        ImportError: it is not installed, or breaks on import; with the remedy.
    """
    try:
        return importlib.import_module("pytorch_metric_learning.losses")
    except (ImportError, RuntimeError, OSError) as error:
        raise ImportError(f"pytorch-metric-learning does not import ({error}); pip install 'hgldv2[losses]'") from error
