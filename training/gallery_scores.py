"""Scores of queries against a gallery, a few queries at a time, so that memory does not grow with their number.

Equal rows of a gallery get equal scores, to the last bit: a tie is a tie, wherever in the gallery its items are.
"""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.dlpack import from_dlpack

CHUNK_BYTES = 2**28
# A matrix product rounds the rows and columns at its edge otherwise than those inside, and a narrow one otherwise than
# a wide one. 48 holds a whole number of the blocks of registers (4, 6, 8, 12, 16, 24, 48) that make up the inside.
BLOCK = 48
MOST_QUERIES = 6 * BLOCK  # of a chunk: more make the product no faster, and leave the processor's cache
TILE_BYTES = 2**23
ARRAY_TYPES = (np.float16, np.float32, np.float64)


def embedding_table(name: str, embeddings: np.ndarray | Tensor) -> Tensor:
    """Embeddings as a tensor (N, D), which shares the memory of a tensor or a contiguous array.

    Raises:
        ValueError: embeddings that are not floats of shape (N, D), or none.
    """
    table = embeddings if isinstance(embeddings, Tensor) else np.ascontiguousarray(embeddings)
    is_float = table.is_floating_point() if isinstance(table, Tensor) else table.dtype in ARRAY_TYPES
    if table.ndim != 2 or not is_float or 0 in table.shape:
        raise ValueError(f"{name} are {table.dtype} of shape {tuple(table.shape)}; they must be floats (N, D), N >= 1")
    # from_dlpack takes arrays that may not be written to, such as memory maps, without a warning.
    return table.detach() if isinstance(table, Tensor) else from_dlpack(table)


def check_embeddings(**tables: Tensor) -> None:
    """Raise a ValueError, which names table and row, unless every score between these tables will be a number."""
    if len({table.shape[1] for table in tables.values()}) > 1:
        shapes = " and ".join(f"{name} {tuple(table.shape)}" for name, table in tables.items())
        raise ValueError(f"embeddings are of shape {shapes}; they must agree in D")
    real = score_type(*tables.values())
    longest = torch.finfo(real).max ** 0.5 / 2  # a score is at most the product of two norms
    for name, table in tables.items():
        for first, tile in tiles(table, table.device, real):
            unfit = torch.nonzero(~(torch.linalg.vector_norm(tile, dim=1) <= longest))
            if len(unfit):
                raise ValueError(
                    f"{name}[{first + int(unfit[0])}] holds nan or inf, or numbers so large that scores may overflow"
                    f" {real}; mend the row or leave it out"
                )


def score_type(query_embeddings: Tensor, gallery_embeddings: Tensor) -> torch.dtype:
    """float64 where either is float64, else float32."""
    return torch.promote_types(torch.promote_types(query_embeddings.dtype, gallery_embeddings.dtype), torch.float32)


def score_chunks(
    query_embeddings: Tensor, gallery_embeddings: Tensor, queries: np.ndarray, device: torch.device, chunk: int | None
) -> Iterator[tuple[int, Tensor]]:
    """Inner products of queries and gallery, chunk by chunk.

    Args:
        query_embeddings: floats (Q, D).
        gallery_embeddings: floats (G, D); tiles of it are converted one after the other, the whole never.
        queries: int64, the queries wanted.
        device: where scores are computed.
        chunk: number of queries at a time; by default such that their scores take CHUNK_BYTES or less.

    Yields:
        Place in queries of the chunk's first, and scores (chunk, G), which are valid until the next chunk takes their
        memory.

    Raises:
        ValueError: a chunk below 1.
    """
    real = score_type(query_embeddings, gallery_embeddings)
    item_count = len(gallery_embeddings)
    if chunk is None:
        fitting = min(MOST_QUERIES, max(1, CHUNK_BYTES // (item_count * real.itemsize)))
        chunk = fitting // BLOCK * BLOCK or fitting
    if chunk < 1:
        raise ValueError(f"chunk is {chunk}; at least one query at a time, or None to leave it to the gallery's size")
    buffer = torch.empty(min(chunk, len(queries)), item_count, dtype=real, device=device)
    width = tile_size(gallery_embeddings, real)
    for first in range(0, len(queries), chunk):
        rows = torch.from_numpy(queries[first : first + chunk]).to(query_embeddings.device)
        filler = whole_blocks(len(rows)) - len(rows)
        wanted = F.pad(query_embeddings[rows].to(device, real), (0, 0, 0, filler))
        for start, tile in tiles(gallery_embeddings, device, real):
            multiply(wanted, tile, width, buffer[: len(wanted), start : start + len(tile)])
        yield first, buffer[: len(rows)]


def multiply(rows: Tensor, tile: Tensor, width: int, scores: Tensor) -> None:
    """Write the inner products of rows (N, D) and tile (M, D) to scores (n, M), for the first n of the rows.

    N is whole blocks, and the tile is filled up with zeros to its width: no score is at the edge of a product, and all
    products of these rows are of one shape.
    """
    if scores.shape == (len(rows), width):
        torch.mm(rows, tile.T, out=scores)
    else:
        filled = F.pad(tile, (0, 0, 0, width - len(tile)))
        product = rows.new_empty(len(rows), width)
        torch.mm(rows, filled.T, out=product)  # without out, autocast would halve the precision
        scores.copy_(product[: len(scores), : len(tile)])


def whole_blocks(count: int) -> int:
    """The lowest multiple of BLOCK that is not below count."""
    return -(-count // BLOCK) * BLOCK


def tile_size(embeddings: Tensor, real: torch.dtype) -> int:
    """Rows of a tile, a multiple of BLOCK: with its scores it takes some TILE_BYTES, and the last is near full."""
    most = max(BLOCK, TILE_BYTES // ((embeddings.shape[1] + MOST_QUERIES) * real.itemsize))
    tile_count = -(-len(embeddings) // most)
    return whole_blocks(-(-len(embeddings) // tile_count))


def tiles(embeddings: Tensor, device: torch.device, real: torch.dtype) -> Iterator[tuple[int, Tensor]]:
    """Consecutive rows, tile_size at a time, on the device and of the type, with the place of the first."""
    size = tile_size(embeddings, real)
    for first in range(0, len(embeddings), size):
        yield first, embeddings[first : first + size].to(device, real)
