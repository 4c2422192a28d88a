"""What a training step is spent on: seconds of the model, the loss, the augmentation and the optimiser.

`python -m benchmarks.training_step [--device cpu|cuda] [--batch 256] [--json OUT]`. Images are noise of the size that
training uses; labels are 4 images a class, 16 a middle class, and a two-valued coarsest level as natural / human-made.
"""

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import click
import pandas as pd
import torch

from training.augment import augment
from training.loss_table import LOSSES, build_loss
from training.models import build_model

STEPS = 5


def measure(loss_name: str, batch_size: int, image_size: int, dim: int, device: str) -> dict[str, object]:
    """Median seconds of each part of a step."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (batch_size, 3, image_size, image_size), dtype=torch.uint8, generator=generator)
    item = torch.arange(batch_size)
    labels = torch.stack([item // 4, item // 16, (item >= batch_size * 3 // 4).long()], 1).to(device)
    model = build_model("small_resnet", dim).to(device)
    loss = build_loss(loss_name, batch_size // 4, dim).to(device)
    optimizer = torch.optim.AdamW([*model.parameters(), *loss.parameters()])
    times: dict[str, list[float]] = {}

    def timed(part: str, work: Callable[[], torch.Tensor | None]) -> torch.Tensor:
        start = time.perf_counter()
        result = work()
        if device == "cuda":
            torch.cuda.synchronize()
        times.setdefault(part, []).append(time.perf_counter() - start)
        return torch.empty(0) if result is None else result

    for _ in range(STEPS + 1):
        inputs = timed("augment_s", lambda: augment(images.to(device), image_size, generator))
        embeddings = timed("model_forward_s", lambda x=inputs: model(x))  # type: ignore[misc]
        apart = embeddings.detach().requires_grad_()

        def lose(leaf: torch.Tensor = apart) -> None:
            loss(leaf, labels).backward()

        timed("loss_s", lose)
        timed("model_backward_s", lambda e=embeddings, g=apart.grad: e.backward(g))  # type: ignore[misc]
        timed("optimizer_s", lambda: optimizer.step())
        optimizer.zero_grad(set_to_none=True)
    medians = {part: statistics.median(seconds[1:]) for part, seconds in times.items()}
    step = sum(medians.values())
    return {
        "loss": loss_name,
        "batch": batch_size,
        **{part: round(seconds, 4) for part, seconds in medians.items()},
        "loss_share": round(medians["loss_s"] / step, 4),
        "images_per_s": round(batch_size / step),
    }


@click.command()
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--batch", "batch_size", type=int, default=256, show_default=True)
@click.option("--image-size", type=int, default=64, show_default=True)
@click.option("--loss", "names", type=click.Choice(list(LOSSES)), multiple=True, default=("happier", "smooth_ap"))
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here, too.")
def main(device: str, batch_size: int, image_size: int, names: tuple[str, ...], out: Path | None) -> None:
    """Measure a training step."""
    rows = [measure(name, batch_size, image_size, 64, device) for name in names]
    click.echo(pd.DataFrame(rows).to_string(index=False))
    if out:
        out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
