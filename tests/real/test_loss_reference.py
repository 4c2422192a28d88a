"""Losses and gradients of the published code, on inputs where it is right, reproduced by every backend."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.backends import BACKENDS
from training.losses import CalibrationLoss, SmoothAPLoss, SupAPLoss, SupHAPLoss, SupNDCGLoss, SupRecallLoss

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="the numbers of ../shared/reference are not here")

LOSSES = {
    "sup_ap": SupAPLoss,
    "smooth_ap": SmoothAPLoss,
    "sup_hap": SupHAPLoss,
    "sup_ndcg": SupNDCGLoss,
    "sup_recall": SupRecallLoss,
}


def relative_error(loss: torch.nn.Module, numbers: dict[str, np.ndarray], name: str) -> tuple[float, float]:
    """Error of the value, and largest error of the gradient over its largest entry."""
    embeddings = torch.from_numpy(numbers["embeddings"]).requires_grad_()
    value = loss(embeddings, torch.from_numpy(numbers["labels"]))
    value.backward()
    gradient = numbers[f"{name}_grad"]
    assert embeddings.grad is not None
    error = np.abs(embeddings.grad.numpy() - gradient).max() / np.abs(gradient).max()
    return abs(value.item() / float(numbers[f"{name}_loss"]) - 1), float(error)


@pytest.mark.parametrize("batch", ["losses_b96", "losses_b192"])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", LOSSES)
def test_rank_losses(name: str, backend: str, batch: str) -> None:
    if backend == "triton" and batch == "losses_b192" and not torch.cuda.is_available():
        pytest.skip("the larger batch is too slow for Triton's interpreter")
    with np.load(REFERENCE / f"{batch}.npz") as numbers:
        value, gradient = relative_error(LOSSES[name](backend=backend), numbers, name)
    assert value <= 2e-5
    assert gradient <= 2e-5


@pytest.mark.parametrize("batch", ["losses_b96", "losses_b192"])
def test_calibration_loss(batch: str) -> None:
    with np.load(REFERENCE / f"{batch}.npz") as numbers:
        value, gradient = relative_error(CalibrationLoss(), numbers, "calibration")
    assert value <= 2e-5
    assert gradient <= 2e-5
