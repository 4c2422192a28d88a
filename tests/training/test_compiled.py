"""A kernel read from disk computes what it did when it was compiled: else a run that goes on would end otherwise."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOSS = """
import hashlib
import numpy as np
import torch
from training.losses import SmoothAPLoss

scores = torch.from_numpy(np.random.default_rng(3).uniform(-1, 1, (64, 48)).astype(np.float32))
embeddings = torch.nn.functional.normalize(scores, dim=1).requires_grad_()
loss = SmoothAPLoss()(embeddings, torch.arange(64)[:, None] // 4)
loss.backward()
print(hashlib.sha256(embeddings.grad.numpy().tobytes()).hexdigest(), loss.item())
"""


def test_a_process_that_compiles_and_one_that_does_not_compute_the_same(tmp_path: Path) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "OMP_NUM_THREADS": "1"}
    said = []
    for _ in range(2):
        said.append(subprocess.check_output([sys.executable, "-c", LOSS], cwd=ROOT, env=environment, text=True))
        assert list(tmp_path.rglob("rank_kernels.score_queries*.nbc"))
    assert said[0] == said[1]
