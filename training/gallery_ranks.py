"""Where the positives of each query rank in the gallery: what every retrieval metric is made of.

A positive is a gallery item of a level above 0. Items are ranked by falling score; of items with the same score, the
one of the lower level ranks before (pessimistic) or after (optimistic). Two rankers compute the same: `torch` (any
device, the readable definition) and `numba` (CPU).
"""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from training import gallery_ranks_numba
from training.gallery_levels import GalleryLevels


class Ranker(Protocol):
    """Ranks and levels of the positives of a few queries.

    Args:
        scores: float32 or float64 (Q, G), finite; -inf where an item is not in the query's gallery.
        gallery: the levels of the items for these Q queries.
        is_pessimistic: which of two items with the same score ranks before.

    Returns:
        ranks, int32 from 1, and levels, int8, of the positives of each query in the order of their ranks, one query
        after the other as gallery.ends says.
    """

    def __call__(
        self, scores: Tensor, gallery: GalleryLevels, is_pessimistic: bool
    ) -> tuple[np.ndarray, np.ndarray]: ...


def find_ranker(device: torch.device) -> Ranker:
    """The fastest ranker for scores on that device."""
    return gallery_ranks_numba.rank_positives if device.type == "cpu" else rank_by_sorting


def rank_by_sorting(scores: Tensor, gallery: GalleryLevels, is_pessimistic: bool) -> tuple[np.ndarray, np.ndarray]:
    """Ranks and levels of the positives from one sort of all scores; arguments and returns as `Ranker` says."""
    values, levels = sorted_positives(scores, gallery, is_pessimistic)
    at_least = count_before(scores.sort(dim=1).values, values, is_pessimistic)
    positives_at_least = count_before(values.flip(1), values, is_pessimistic)
    place = torch.arange(values.shape[1], device=values.device)
    ranks = 1 + place + at_least - positives_at_least
    is_positive = values > -torch.inf
    return ranks[is_positive].int().cpu().numpy(), levels[is_positive].cpu().numpy()


def sorted_positives(scores: Tensor, gallery: GalleryLevels, is_pessimistic: bool) -> tuple[Tensor, Tensor]:
    """Scores and levels of the positives (Q, P) in the order of their ranks; the rest of a row is -inf."""
    starts, stops = (torch.as_tensor(edges, device=scores.device) for edges in (gallery.starts, gallery.stops))
    members = torch.as_tensor(gallery.members, device=scores.device)
    sizes = stops[:, :1] - starts[:, :1]
    slot = torch.arange(int(sizes.max()), device=scores.device)
    place = (starts[:, :1] + slot).clamp(max=len(members) - 1)  # (Q, P)
    levels = ((place.unsqueeze(2) >= starts.unsqueeze(1)) & (place.unsqueeze(2) < stops.unsqueeze(1))).sum(2)
    values = torch.where(slot < sizes, scores.gather(1, members[place].long()) + 0.0, -torch.inf)  # no -0.0
    levels, order = levels.to(torch.int8).sort(dim=1, stable=True, descending=not is_pessimistic)
    values, by_score = values.gather(1, order).sort(dim=1, stable=True, descending=True)
    return values, levels.gather(1, by_score)


def count_before(rising: Tensor, values: Tensor, is_pessimistic: bool) -> Tensor:
    """How many entries of each rising row are above each value, or at least as high if pessimistic."""
    return rising.shape[1] - torch.searchsorted(rising, values, right=not is_pessimistic)
