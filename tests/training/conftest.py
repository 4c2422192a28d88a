"""Triton's kernels run under its interpreter where there is no GPU; it must be asked for before they are imported."""

import os

import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"
