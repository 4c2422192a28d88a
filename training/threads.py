"""Threads for the compiled CPU kernels, which release the GIL.

numba's own threading layers are neither safe to enter from two Python threads nor after a fork; plain threads are, and
one setting, torch.set_num_threads, rules BLAS and kernels alike.
"""

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

WORTH_A_THREAD = 200_000
"""Inner-loop steps below which handing rows to other threads costs more than it saves."""
BLOCKS_PER_THREAD = 4
"""Rows differ in work (number of positives), so that each thread gets several blocks, as it becomes free."""

HELPERS: dict[int, ThreadPoolExecutor] = {}
"""Helper threads by their number, kept from call to call: starting one costs as much as a small batch."""
os.register_at_fork(after_in_child=HELPERS.clear)  # a fork has none of its parent's threads


def over_rows(function: Callable[[int, int], object], row_count: int, *, work: int) -> None:
    """Call function(start, stop) for blocks that cover range(row_count), in torch.get_num_threads() threads.

    Args:
        function: writes its rows of an output array; must release the GIL to run in parallel.
        row_count: number of rows.
        work: rough number of inner-loop steps of all rows, to tell whether threads pay.
    """
    helper_count = min(torch.get_num_threads(), row_count) - 1
    if helper_count < 1 or work < WORTH_A_THREAD:
        function(0, row_count)
        return
    block_count = min(row_count, (helper_count + 1) * BLOCKS_PER_THREAD)
    edges = [row_count * block // block_count for block in range(block_count + 1)]
    blocks = iter(list(itertools.pairwise(edges)))  # next() of a list's iterator is atomic

    def take_blocks() -> None:
        for start, stop in blocks:
            function(start, stop)

    if helper_count not in HELPERS:
        HELPERS[helper_count] = ThreadPoolExecutor(helper_count, thread_name_prefix="rows")
    helpers = [HELPERS[helper_count].submit(take_blocks) for _ in range(helper_count)]
    try:
        take_blocks()
    finally:
        started = [helper for helper in helpers if not helper.cancel()]
        for helper in started:
            helper.result()
