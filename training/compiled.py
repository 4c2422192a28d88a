"""How the CPU kernels of this room are compiled: on first use, kept on disk, and without holding the GIL."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(kernel: Kernel) -> Kernel:
    """The kernel compiled with the arithmetic as written: exact comparisons, sums in order, -0.0 + 0.0 = 0.0."""
    return cast(Kernel, numba.njit(nogil=True, cache=True, error_model="numpy")(kernel))


def compiled_for_speed(kernel: Kernel) -> Kernel:
    """The kernel compiled with sums in any order, so that they vectorise; infinities and nan stay what they are.

    The order is the same in every process. For that, a kernel is made part of the one that calls it. Called by its
    name, it would be the copy compiled by itself in the process that compiles, and in those that read the caller from
    disk the caller's own copy, whose sums LLVM may have put in another order.
    """
    sums_in_any_order = {"reassoc", "nsz", "contract"}
    compiler = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=sums_in_any_order, forceinline=True)
    return cast(Kernel, compiler(kernel))
