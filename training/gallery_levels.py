"""At which level each gallery item agrees with each query, kept as ranges instead of a table queries x gallery.

Put in the order of their paths, the gallery items that agree with a query to some depth are neighbours, and those that
agree more deeply are neighbours among them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from training.levels import path_ids


@dataclass(frozen=True)
class GalleryLevels:
    """Level, 0..L, of each gallery item for each query, and the items that a query does not rank.

    Attributes:
        members: int32, gallery items.
        starts, stops: int64 (Q, L); members[starts[q, l]:stops[q, l]] agree with query q to depth l + 1 or more. Each
            range lies within the one of a smaller depth.
        excluded: int64 (E, 2), pairs of a query, rising, and a gallery item that is not in its gallery.
        counts: int64 (Q, L + 1), items of each query's gallery at exactly level 0..L.
    """

    members: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    excluded: np.ndarray
    counts: np.ndarray

    @cached_property
    def ends(self) -> np.ndarray:
        """int64 (Q + 1,): the positives of query q are entries ends[q]..ends[q + 1] of a list of all positives."""
        return np.concatenate([[0], np.cumsum(self.counts[:, 1:].sum(1))])

    def of(self, queries: np.ndarray) -> "GalleryLevels":
        """The levels for these queries (positions, rising), which are then numbered from 0."""
        kept = self.excluded[np.isin(self.excluded[:, 0], queries)]
        renumbered = np.stack([np.searchsorted(queries, kept[:, 0]), kept[:, 1]], axis=1)
        return GalleryLevels(self.members, self.starts[queries], self.stops[queries], renumbered, self.counts[queries])


def levels_from_labels(query_labels: np.ndarray, gallery_labels: np.ndarray, excluded: np.ndarray) -> GalleryLevels:
    """Levels as the depth of agreement of the labels.

    Args:
        query_labels: integers (Q, L), column 0 finest.
        gallery_labels: integers (G, L).
        excluded: see `GalleryLevels`.

    Raises:
        ValueError: labels that are not integers of shape (N, L), or differ in L.
    """
    query_paths, gallery_paths = path_ids(query_labels, gallery_labels)
    order = np.argsort(gallery_paths[:, 0], kind="stable")  # path ids rise with those of the coarser columns
    starts, stops = (np.empty(query_paths.shape, np.int64) for _ in range(2))
    for column in range(query_paths.shape[1]):
        sorted_paths = gallery_paths[order, column]
        starts[:, -1 - column] = np.searchsorted(sorted_paths, query_paths[:, column], side="left")
        stops[:, -1 - column] = np.searchsorted(sorted_paths, query_paths[:, column], side="right")
    agreeing = np.concatenate([np.full((len(starts), 1), len(order)), stops - starts], axis=1)
    counts = -np.diff(agreeing, axis=1, append=0)
    depths = (query_paths[excluded[:, 0]] == gallery_paths[excluded[:, 1]]).sum(1)
    np.subtract.at(counts, (excluded[:, 0], depths), 1)
    return GalleryLevels(order.astype(np.int32), starts, stops, excluded, counts)


def kind_of(one: object) -> str:
    """The type of an id, whether Python's or numpy's."""
    return "str" if isinstance(one, str) else "int" if isinstance(one, int | np.integer) else type(one).__name__


def same_id_pairs(query_ids: Sequence[object], gallery_ids: Sequence[object]) -> np.ndarray:
    """Pairs (query, gallery item) of equal ids, int64 (E, 2), the queries rising.

    Raises:
        ValueError: ids that are not all integers or all strings; an integer would never equal a string.
    """
    kinds = {kind_of(one) for ids in (query_ids, gallery_ids) for one in ids}
    if kinds not in ({"int"}, {"str"}):
        raise ValueError(f"query_ids and gallery_ids hold {', '.join(sorted(kinds))}; they must be all int or all str")
    queries_of: dict[object, list[int]] = {}
    for query, one in enumerate(query_ids):
        queries_of.setdefault(one, []).append(query)
    pairs = [(query, item) for item, one in enumerate(gallery_ids) for query in queries_of.get(one, ())]
    return np.array(sorted(pairs), np.int64).reshape(-1, 2)
