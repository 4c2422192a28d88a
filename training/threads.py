"""Threads for the compiled CPU kernels, which release the GIL.

numba's own threading layers are neither safe to enter from two Python threads nor after a fork; rows given to plain
threads are, and one setting, torch.set_num_threads, rules BLAS and kernels alike.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

WORTH_A_THREAD = 200_000
"""Inner-loop steps below which starting threads costs more than it saves."""
BLOCKS_PER_THREAD = 4
"""Rows differ in work (number of positives), so that each thread gets several blocks, as it becomes free."""


def over_rows(function: Callable[[int, int], object], row_count: int, *, work: int) -> None:
    """Call function(start, stop) for blocks that cover range(row_count), in torch.get_num_threads() threads.

    Args:
        function: writes its rows of an output array; must release the GIL to run in parallel.
        row_count: number of rows.
        work: rough number of inner-loop steps of all rows, to tell whether threads pay.
    """
    thread_count = min(torch.get_num_threads(), row_count)
    if thread_count <= 1 or work < WORTH_A_THREAD:
        function(0, row_count)
        return
    block_count = min(row_count, thread_count * BLOCKS_PER_THREAD)
    edges = [row_count * block // block_count for block in range(block_count + 1)]
    with ThreadPoolExecutor(thread_count) as threads:
        list(threads.map(function, edges[:-1], edges[1:]))
