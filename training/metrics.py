"""Hierarchical retrieval metrics, for researchers who rank a gallery for queries: `evaluate_retrieval`.

Symbols, for one query: the gallery is ranked by falling score, r is a rank from 1, lev_r the level of the item there,
the depth 0..L to which its labels agree with the query's. Positives are the items with lev > 0; for a key that names
level n of the labels (0 finest), those that agree down to column n, lev >= L - n. R is their number, hit_r is
1 for a positive, P(r) the share of positives among the first r, c_l(r) the number of items of level l among them.

| key | value |
|---|---|
| h_ap | 1 / sum rel x sum over positives of [sum over j <= r of min(rel_r, rel_j)] / r (arXiv 2207.04873) |
| ndcg, ndcg_at_<k> | DCG / ideal DCG, both of the first k; DCG = sum (2^lev_r - 1) / log2(1 + r) |
| asi | 1/R x sum over r <= R of [sum over l > 0 of min(c_l(r), c*_l(r))] / r, c* of the order by level (2207.04873) |
| ap_level<n> | 1/R x sum hit_r P(r) |
| map_at_r_level<n> | 1/R x sum over r <= R of hit_r P(r) (arXiv 2003.08505) |
| map_at_<k>_level<n> | 1/min(R, k) x sum over r <= k of hit_r P(r) (GLDv2, arXiv 2004.01804) |
| precision_at_<k>_level<n> | positives among the first k / k |
| recall_at_<k>_level<n> | 1 where any of the first k is a positive |
| true_recall_at_<k>_level<n> | positives among the first k / R |

The ideal order of NDCG is that of the whole gallery. rel is a table of `training.relevance`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
import torch
from torch import Tensor

from training.gallery_levels import GalleryLevels, levels_from_labels, same_id_pairs
from training.gallery_ranks import find_ranker
from training.gallery_scores import check_embeddings, embedding_table, score_chunks
from training.metric_kernels import metric_values
from training.metric_names import Metric, parse_metrics
from training.relevance import relevance_table

Ids = Sequence[object] | np.ndarray | Tensor
TIES = ("pessimistic", "optimistic")


@dataclass(frozen=True)
class RetrievalReport:
    """Metrics of an evaluation.

    Attributes:
        per_query: key -> float64 (Q,), one value for each query of query_ids; nan where the query has no positive at
            the level of the metric.
        means: key -> mean over the queries for which the metric is defined; nan where there is none.
        defined: key -> number of those queries.
        n_skipped: queries left out because nothing in their gallery agrees with them at any level.
        query_ids: (Q,), the queries that were not left out: their ids, or their positions where no ids were given.
    """

    per_query: dict[str, np.ndarray]
    means: dict[str, float]
    defined: dict[str, int]
    n_skipped: int
    query_ids: np.ndarray


def evaluate_retrieval(
    query_embeddings: np.ndarray | Tensor,
    query_labels: np.ndarray | Tensor,
    gallery_embeddings: np.ndarray | Tensor,
    gallery_labels: np.ndarray | Tensor,
    *,
    query_ids: Ids | None = None,
    gallery_ids: Ids | None = None,
    metrics: Iterable[str] | None = None,
    relevance: str = "population",
    alpha: float = 1.0,
    ties: str = "pessimistic",
    device: str | torch.device | None = None,
    chunk: int | None = None,
) -> RetrievalReport:
    """Rank the gallery for every query by inner product, and score the rankings.

    Args:
        query_embeddings: floats (Q, D); normalised ones are compared by their cosine. Half precision is computed in
            float32, float64 stays float64.
        query_labels: integers (Q, L), column 0 finest. An id used again under another parent is another class.
        gallery_embeddings: floats (G, D).
        gallery_labels: integers (G, L).
        query_ids: integers or strings (Q,). Gallery items of the same id are not in the query's gallery. Without ids,
            nothing is taken out.
        gallery_ids: the same for the gallery (G,); given together with query_ids.
        metrics: keys, see the module; by default every form at every level with k in 1, 5, 10, 100.
        relevance: population or weighted, see training.relevance; for h_ap.
        alpha: how much more a finer level weighs in h_ap.
        ties: of items with the same score, the one of the lower level ranks before (pessimistic) or after (optimistic).
        device: where scores are computed; by default that of query_embeddings.
        chunk: queries at a time; by default such that their scores take 256 MiB or less.

    Raises:
        ValueError: shapes or types that do not fit, nan or inf in embeddings, an unknown key, level, relevance or
            ties, a negative alpha, a chunk below 1, only one of the two ids.
    """
    queries = embedding_table("query_embeddings", query_embeddings)
    gallery = embedding_table("gallery_embeddings", gallery_embeddings)
    labels = label_table("query", query_labels, queries), label_table("gallery", gallery_labels, gallery)
    if (query_ids is None) != (gallery_ids is None):
        raise ValueError("query_ids and gallery_ids come together: give both, or neither to rank every item")
    ids = id_list("query", query_ids, queries), id_list("gallery", gallery_ids, gallery)
    excluded = same_id_pairs(*ids) if query_ids is not None else np.empty((0, 2), np.int64)
    levels = levels_from_labels(*labels, excluded)
    scored = np.flatnonzero(levels.counts[:, 1:].any(axis=1))
    levels = levels.of(scored)
    wanted = parse_metrics(metrics, levels.starts.shape[1])
    relevances = relevance_table(relevance, levels.counts.astype(np.float64), alpha).numpy()
    check_embeddings(query_embeddings=queries, gallery_embeddings=gallery)
    chunks = score_chunks(queries, gallery, scored, torch.device(device or queries.device), chunk)
    values = measure(wanted, chunks, levels, levels.counts, relevances, ties)
    return report(wanted, values, len(queries) - len(scored), np.asarray(ids[0])[scored])


def measure(
    metrics: Sequence[Metric],
    score_chunks: Iterable[tuple[int, Tensor]],
    levels: GalleryLevels,
    counts: np.ndarray,
    relevances: np.ndarray,
    ties: str,
) -> np.ndarray:
    """Values (Q, K) of the metrics for every query of levels.

    Args:
        metrics: K of them.
        score_chunks: see training.gallery_scores.
        levels: which items are the positives of the Q queries.
        counts: int64 (Q, L + 1), items of each level that a ranking could hold.
        relevances: float64 (Q, L + 1), relevance of each level.
        ties: one of TIES.

    Raises:
        ValueError: unknown ties.
    """
    if ties not in TIES:
        raise ValueError(f"ties {ties!r} are unknown; known: {', '.join(TIES)}")
    specs = np.array([metric.spec for metric in metrics], np.int64).reshape(-1, 3)
    values = np.empty((len(counts), len(metrics)))
    for first, scores in score_chunks:
        rows = np.arange(first, first + len(scores))
        own = levels.of(rows)
        queries, items = torch.from_numpy(own.excluded).to(scores.device).T
        scores[queries, items] = -torch.inf
        ranks, item_levels = find_ranker(scores.device)(scores, own, ties == "pessimistic")
        values[rows] = metric_values(specs, ranks, item_levels, own.ends, counts[rows], relevances[rows])
    return values


def report(metrics: Sequence[Metric], values: np.ndarray, n_skipped: int, query_ids: np.ndarray) -> RetrievalReport:
    """The report of these values (Q, K)."""
    per_query = {metric.key: values[:, column].copy() for column, metric in enumerate(metrics)}
    defined = {key: int(np.count_nonzero(~np.isnan(column))) for key, column in per_query.items()}
    means = {key: float(np.nansum(per_query[key]) / count) if count else nan for key, count in defined.items()}
    return RetrievalReport(per_query, means, defined, n_skipped, query_ids)


def label_table(name: str, labels: np.ndarray | Tensor, embeddings: Tensor) -> np.ndarray:
    """Labels as an array, one row for each embedding."""
    table = labels.cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    if table.shape[:1] != embeddings.shape[:1]:
        raise ValueError(f"{name}_labels are of shape {table.shape} for {len(embeddings)} embeddings; give a row each")
    return table


def id_list(name: str, ids: Ids | None, embeddings: Tensor) -> list[object]:
    """Ids as a list, one for each embedding; positions where there are none."""
    if ids is None:
        return list(range(len(embeddings)))
    listed: list[object] = ids.tolist() if isinstance(ids, np.ndarray | Tensor) else list(ids)
    if len(listed) != len(embeddings):
        raise ValueError(f"{len(listed)} {name}_ids for {len(embeddings)} embeddings; give one each")
    return listed
