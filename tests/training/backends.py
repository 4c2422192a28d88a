"""The backends of the rank losses that run on this machine, for tests that try each."""

import importlib.util

import pytest
import torch

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")

numba = pytest.param("numba", marks=pytest.mark.skipif(DEVICE.type == "cuda", reason="numba computes on the CPU"))
triton = pytest.param(
    "triton",
    marks=[
        pytest.mark.skipif(not importlib.util.find_spec("triton"), reason="not installed: triton"),
        pytest.mark.filterwarnings("ignore:overflow encountered in exp:RuntimeWarning"),  # its interpreter is numpy
    ],
)
FAST_BACKENDS = ["torch", numba]
BACKENDS = [*FAST_BACKENDS, triton]
