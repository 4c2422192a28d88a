"""Scores of a gallery: equal rows tie to the last bit, and neither chunk nor threads change one."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from training import gallery_scores
from training.metrics import evaluate_retrieval

CHUNKS = (1, 2, 7, 50, None)
WIDTHS = (3, 8, 64, 100, 128, 512)
SIZES = (1, 2, 47, 48, 49, 97, 997, 1001, 3001)
REALS = (torch.float32, torch.float64)
QUERY_COUNT = 60  # more than a block, and no whole number of them


@pytest.fixture(params=[1, 2], ids="{}-threads".format)
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run with this many threads in a product."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


def unit_rows(count: int, width: int, real: torch.dtype) -> Tensor:
    """Random real-valued rows of length 1."""
    rows = torch.randn(count, width, dtype=real, generator=torch.Generator().manual_seed(count * width))
    return torch.nn.functional.normalize(rows, dim=1)


def all_scores(queries: Tensor, gallery: Tensor, chunk: int | None) -> Tensor:
    """Scores (Q, G), copied chunk by chunk."""
    rows = np.arange(len(queries))
    chunks = gallery_scores.score_chunks(queries, gallery, rows, torch.device("cpu"), chunk)
    return torch.cat([scores.clone() for _, scores in chunks])


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("real", REALS, ids=str)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("distinct", [1, 5])
def test_equal_rows_have_equal_scores_in_every_chunk(distinct: int, width: int, real: torch.dtype) -> None:
    rows = unit_rows(distinct, width, real)
    queries = torch.cat([rows, unit_rows(QUERY_COUNT, width, real)])
    for size in SIZES:
        kinds = torch.arange(size) % distinct
        expected = all_scores(queries, rows[kinds], None)
        assert torch.equal(expected, expected[:, kinds]), f"{size} rows do not tie"
        torch.testing.assert_close(expected, queries @ rows[kinds].T)
        for chunk in CHUNKS:
            few = queries if chunk is None or chunk > 2 else queries[:5]
            assert torch.equal(all_scores(few, rows[kinds], chunk), expected[: len(few)]), f"{size} rows, chunk {chunk}"


@pytest.mark.parametrize("real", REALS, ids=str)
@pytest.mark.parametrize("width", [3, 100, 512])
def test_equal_rows_tie_across_tiles(width: int, real: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, kinds = unit_rows(5, width, real), torch.arange(1001) % 5
    queries = unit_rows(QUERY_COUNT, width, real)
    whole = all_scores(queries, rows[kinds], None)
    monkeypatch.setattr(gallery_scores, "TILE_BYTES", 300 * (width + gallery_scores.MOST_QUERIES) * real.itemsize)
    lengths = [len(tile) for _, tile in gallery_scores.tiles(rows[kinds], torch.device("cpu"), real)]
    assert lengths == [288, 288, 288, 137]
    tiled = all_scores(queries, rows[kinds], None)
    torch.testing.assert_close(tiled, whole)  # processors may round tiles of another width otherwise
    for scores in (whole, tiled):
        assert torch.equal(scores, scores[:, kinds])


def test_default_chunk_is_whole_blocks_where_they_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = unit_rows(100, 8, torch.float32)
    for fitting, expected in ((110, 96), (48, 48), (47, 47), (2, 2), (0, 1)):
        monkeypatch.setattr(gallery_scores, "CHUNK_BYTES", fitting * 400)
        chunks = gallery_scores.score_chunks(gallery, gallery, np.arange(100), torch.device("cpu"), None)
        _, scores = next(chunks)
        assert scores.shape == (expected, 100)
        assert scores.is_contiguous()


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(
    ("real", "width", "size", "query_count"),
    [(torch.float32, 64, 3001, 1), (torch.float32, 64, 1001, 40), (torch.float64, 512, 997, 40)],
)
@pytest.mark.parametrize("chunk", [1, 7, None])
def test_a_collapsed_model_ties_everywhere(
    real: torch.dtype, width: int, size: int, query_count: int, chunk: int | None
) -> None:
    embeddings = unit_rows(1, width, real).expand(size, -1).contiguous()
    labels = np.arange(size)[:, None] % 2
    for ties, expected in (("pessimistic", 0.0), ("optimistic", 1.0)):
        found = evaluate_retrieval(
            embeddings[:query_count],
            labels[:query_count],
            embeddings,
            labels,
            metrics=["recall_at_1_level0"],
            ties=ties,
            chunk=chunk,
        )
        assert found.per_query["recall_at_1_level0"].tolist() == [expected] * query_count


def test_average_precision_of_duplicates_does_not_depend_on_the_chunk() -> None:
    embeddings = unit_rows(5, 64, torch.float32)[torch.arange(1001) % 5]
    labels = np.arange(1001)[:, None] % 7
    first, *others = [
        evaluate_retrieval(embeddings[:40], labels[:40], embeddings, labels, metrics=["ap_level0"], chunk=chunk)
        for chunk in CHUNKS
    ]
    for other in others:
        np.testing.assert_array_equal(other.per_query["ap_level0"], first.per_query["ap_level0"])
