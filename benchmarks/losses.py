"""Rank losses side by side: seconds of forward + backward, ratio to a matrix product, and peak memory.

`python -m benchmarks.losses [--json OUT] [--device cpu|cuda]`. Each row runs in a process of its own, so that its peak
memory is its own; every row also times the matrix product of its scores, so that rows on a busy machine can be
compared. Batches are 4 images a class, 16 a middle class and 64 a coarse one (`balanced`), or have a coarsest level of
two classes, three quarters and one quarter of the batch (`two-valued`), as natural / human-made is.

Columns: `s` the median; `products` the same in matrix products E E^T of the batch; `peak_mb` of the process.
"""

import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import click
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.side_by_side import print_rows
from training.losses import SmoothAPLoss, SupAPLoss, SupHAPLoss, SupNDCGLoss, SupRecallLoss
from training.metric_learning import library_losses

DIM = 512
BATCHES = (128, 256, 512, 1024, 2048, 4096)
LIBRARY_UP_TO = 512
"""pytorch-metric-learning's Smooth-AP keeps (B, B, B) tensors: 4 GB at 1024."""
SECONDS_PER_ROW = 4.0


def library_smooth_ap(backend: str) -> nn.Module:
    """The only rank loss of pytorch-metric-learning with a counterpart here; takes the finest labels."""
    loss = library_losses().SmoothAPLoss()

    class Flat(nn.Module):
        def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
            result: Tensor = loss(embeddings, labels[:, 0])
            return result

    return Flat()


LOSSES: dict[str, Callable[[str], nn.Module]] = {
    "SupHAP": lambda backend: SupHAPLoss(backend=backend),
    "SupNDCG": lambda backend: SupNDCGLoss(backend=backend),
    "SupAP": lambda backend: SupAPLoss(backend=backend),
    "SupR@k": lambda backend: SupRecallLoss(backend=backend),
    "SmoothAP": lambda backend: SmoothAPLoss(backend=backend),
    "SmoothAP (library)": library_smooth_ap,
}


def batch_of(size: int, kind: str, device: str) -> tuple[Tensor, Tensor]:
    """Unit embeddings (size, DIM), near those of their class but not separated from others, and labels (size, 3)."""
    draw = torch.Generator().manual_seed(0)
    item = torch.arange(size)
    coarse = item // 64 if kind == "balanced" else (item >= size * 3 // 4).long()
    labels = torch.stack([item // 4, item // 16, coarse], 1)
    centers = sum(torch.randn(size, DIM, generator=draw)[labels[:, level]] for level in range(3))
    embeddings = functional.normalize(centers + 2 * torch.randn(size, DIM, generator=draw), dim=1)
    return embeddings.to(device), labels.to(device)


def seconds(step: Callable[[], object], device: str) -> float:
    """Median time of a step, after one to warm up."""

    def timed() -> float:
        start = time.perf_counter()
        step()
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    timed()
    first = timed()
    repeats = max(1, min(50, int(SECONDS_PER_ROW / max(first, 1e-6))))
    return statistics.median(timed() for _ in range(repeats))


def measure(name: str, backend: str, size: int, kind: str, device: str) -> dict[str, object]:
    """One row of the table."""
    embeddings, labels = batch_of(size, kind, device)
    product_s = seconds(lambda: embeddings @ embeddings.T, device)
    loss = LOSSES[name](backend).to(device)
    moved = embeddings.clone().requires_grad_()

    def step() -> None:
        moved.grad = None
        loss(moved, labels).backward()

    loss_s = seconds(step, device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if device == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**20
    return {
        "loss": name,
        "backend": backend,
        "batch": size,
        "labels": kind,
        "s": float(f"{loss_s:.3g}"),
        "products": round(loss_s / product_s, 1),
        "product_s": float(f"{product_s:.3g}"),
        "peak_mb": round(peak),
    }


def rows_to_measure(device: str) -> list[tuple[str, str, int, str, str]]:
    """Name, backend, batch, kind of labels and device of every row."""
    fast = "numba" if device == "cpu" else "triton"
    rows = [("SupHAP", backend, size, "balanced", device) for backend in (fast, "torch") for size in BATCHES]
    rows = [row for row in rows if row[1] == fast or device == "cuda" or row[2] <= 2048]
    rows += [("SupHAP", fast, size, "two-valued", device) for size in (512, 1024, 4096)]
    rows += [(name, fast, 1024, "balanced", device) for name in ("SupNDCG", "SupAP", "SupR@k")]
    for size in BATCHES:
        if size <= LIBRARY_UP_TO:
            rows += [("SmoothAP", fast, size, "balanced", device)]
            rows += [("SmoothAP (library)", "library", size, "balanced", device)]
    return rows


@click.command()
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here, too.")
def main(device: str, out: Path | None) -> None:
    """Measure the losses."""
    print_rows(measure, rows_to_measure(device), f"dim {DIM}, float32", device, out)


if __name__ == "__main__":
    main()
