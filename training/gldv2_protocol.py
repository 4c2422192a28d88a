"""The retrieval task of Google Landmarks v2 (arXiv 2004.01804): its solution file and its metric, mAP@100.

Queries and their positives come from retrieval_solution_v2.1.csv, not from labels: `read_retrieval_solution`, then
`evaluate_gldv2`.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.gallery_levels import GalleryLevels
from training.gallery_scores import check_embeddings, embedding_table, score_chunks
from training.metric_names import Metric
from training.metrics import measure

SCORED_USAGES = ("Public", "Private")
USAGES = (*SCORED_USAGES, "Ignored")
COLUMNS = ("id", "images", "Usage")
NO_IMAGES = ("", "None")


class SolvedQuery(NamedTuple):
    """A query image of the solution: its usage, one of USAGES, and the index images that show its landmark."""

    usage: str
    images: tuple[str, ...]


@dataclass(frozen=True)
class Gldv2Report:
    """mAP@k of the public and the private queries.

    Attributes:
        query_ids: (Q,), the scored queries in the order of the solution.
        usages: (Q,), Public or Private.
        average_precisions: float64 (Q,), average precision at k of each.
        means: mAP@k of the queries that are Public, Private, and of all; nan where there is none.
        n_ignored: queries of the solution that are left out as Ignored.
        n_absent: positives of the scored queries that the index lacks; they count as never found.
    """

    query_ids: np.ndarray
    usages: np.ndarray
    average_precisions: np.ndarray
    means: dict[str, float]
    n_ignored: int
    n_absent: int


def read_retrieval_solution(path: Path | str) -> dict[str, SolvedQuery]:
    """The queries of a solution file with the columns id, images (index image ids, or None) and Usage.

    Raises:
        ValueError: a column that is missing, an unknown Usage, a query or one of its images listed twice, a scored
            query without images; with file and line.
    """
    solution: dict[str, SolvedQuery] = {}
    with Path(path).open(encoding="utf-8", newline="") as opened:
        rows = csv.DictReader(opened)
        missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            raise ValueError(f"{path}:1: no column {', '.join(missing)}; a retrieval solution has {', '.join(COLUMNS)}")
        for row in rows:
            query_id, images, usage = (row[column] or "" for column in COLUMNS)
            query = SolvedQuery(usage, () if images.strip() in NO_IMAGES else tuple(images.split()))
            fault = "is listed twice" if query_id in solution else fault_of(query)
            if fault:
                raise ValueError(f"{path}:{rows.line_num}: query {query_id!r} {fault}")
            solution[query_id] = query
    return solution


def fault_of(query: SolvedQuery) -> str:
    """What is wrong with a query of the solution; empty if nothing is."""
    if query.usage not in USAGES:
        return f"has Usage {query.usage!r}; known: {', '.join(USAGES)}"
    if len(set(query.images)) < len(query.images):
        return "names an image twice; name it once"
    if query.usage in SCORED_USAGES and not query.images:
        return f"is {query.usage} but names no images; a query without images is Ignored"
    return ""


def evaluate_gldv2(
    query_embeddings: np.ndarray | Tensor,
    query_ids: Sequence[str],
    index_embeddings: np.ndarray | Tensor,
    index_ids: Sequence[str],
    solution: dict[str, SolvedQuery],
    *,
    k: int = 100,
    ties: str = "pessimistic",
    device: str | torch.device | None = None,
    chunk: int | None = None,
) -> Gldv2Report:
    """Rank the index for the queries of a solution by inner product; mAP@k as Google's metric code computes it.

    AP@k = 1/min(R, k) x sum over the hits at ranks r <= k of the precision at r. R counts every image that the solution
    names, also one that the index lacks: figures stay comparable when an image could not be embedded. Ignored queries
    are left out, whether embedded or not.

    Args:
        query_embeddings: floats (Q, D).
        query_ids: image ids (Q,).
        index_embeddings: floats (G, D).
        index_ids: image ids (G,).
        solution: see `read_retrieval_solution`.
        k: how many images of each ranking count.
        ties: pessimistic or optimistic, see `training.metrics.evaluate_retrieval`.
        device: where scores are computed; by default that of query_embeddings.
        chunk: queries at a time.

    Raises:
        ValueError: a scored query of the solution without embedding, a query that the solution does not know, an id
            listed twice, and what `evaluate_retrieval` raises for embeddings, ties and chunk.
    """
    if k < 1:
        raise ValueError(f"k is {k}; at least one image of each ranking must count")
    queries = embedding_table("query_embeddings", query_embeddings)
    index = embedding_table("index_embeddings", index_embeddings)
    query_rows, index_rows = row_of("query", query_ids, queries), row_of("index", index_ids, index)
    scored = {one: query for one, query in solution.items() if query.usage in SCORED_USAGES}
    check_queries(solution, scored, query_rows)
    levels = levels_from_solution(list(scored.values()), index_rows)
    totals = np.array([len(query.images) for query in scored.values()], np.int64).reshape(-1, 1)
    counts = np.concatenate([levels.counts[:, :1], totals], axis=1)
    check_embeddings(query_embeddings=queries, index_embeddings=index)
    rows = np.array([query_rows[one] for one in scored], np.int64)
    chunks = score_chunks(queries, index, rows, torch.device(device or queries.device), chunk)
    metric = Metric(f"map_at_{k}", "map", k, 1)
    values = measure([metric], chunks, levels, counts, np.zeros(counts.shape), ties)[:, 0]
    usages = np.array([query.usage for query in scored.values()], np.str_)
    means = {usage: mean(values[usages == usage]) for usage in SCORED_USAGES} | {"all": mean(values)}
    absent = int(totals.sum() - levels.counts[:, 1].sum())
    return Gldv2Report(np.array(list(scored)), usages, values, means, len(solution) - len(scored), absent)


def levels_from_solution(queries: Sequence[SolvedQuery], index_rows: dict[str, int]) -> GalleryLevels:
    """Level 1 for the images of each query that are in the index, level 0 for the others."""
    found = [[index_rows[image] for image in query.images if image in index_rows] for query in queries]
    sizes = np.array([len(rows) for rows in found], np.int64).reshape(-1, 1)
    members = np.array([row for rows in found for row in rows], np.int32)
    stops = np.cumsum(sizes, axis=0)
    counts = np.concatenate([len(index_rows) - sizes, sizes], axis=1)
    return GalleryLevels(members, stops - sizes, stops, np.empty((0, 2), np.int64), counts)


def row_of(name: str, ids: Sequence[str], embeddings: Tensor) -> dict[str, int]:
    """Id -> row of its embedding."""
    rows = {str(one): row for row, one in enumerate(ids)}
    if len(ids) != len(embeddings):
        raise ValueError(f"{len(ids)} {name}_ids for {len(embeddings)} embeddings; give one each")
    if len(rows) < len(ids):
        twice = next(str(one) for row, one in enumerate(ids) if rows[str(one)] != row)
        raise ValueError(f"{name}_ids list {twice!r} twice; give one embedding for each image")
    return rows


def check_queries(solution: dict[str, SolvedQuery], scored: dict[str, SolvedQuery], query_rows: dict[str, int]) -> None:
    """Raise a ValueError unless the embedded queries are the scored ones, and possibly ignored ones."""
    lacking = [one for one in scored if one not in query_rows]
    if lacking:
        raise ValueError(
            f"{len(lacking)} scored queries have no embedding, first {lacking[0]!r}; embed every query image"
        )
    unknown = [one for one in query_rows if one not in solution]
    if unknown:
        raise ValueError(f"{len(unknown)} query_ids are not in the solution, first {unknown[0]!r}; leave them out")


def mean(values: np.ndarray) -> float:
    """Mean, nan of nothing."""
    return float(values.mean()) if len(values) else nan
