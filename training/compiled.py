"""How the CPU kernels of this room are compiled: on first use, kept on disk, and without holding the GIL."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(kernel: Kernel) -> Kernel:
    """The kernel compiled with the arithmetic as written: exact comparisons, sums in order, -0.0 + 0.0 = 0.0."""
    return cast(Kernel, numba.njit(nogil=True, cache=True, error_model="numpy")(kernel))


def compiled_for_speed(kernel: Kernel) -> Kernel:
    """The kernel compiled with sums in any order, so that they vectorise; infinities and nan stay what they are."""
    compiler = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "nsz", "contract"})
    return cast(Kernel, compiler(kernel))
