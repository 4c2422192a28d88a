"""One training step: a batch of images becomes a change of the model; for training.train and for tests of it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from training.augment import DRAWS, augment_as_drawn
from training.caching import backward_in_chunks
from training.config import TrainConfig
from training.dataset import Batch
from training.loss_table import build_loss
from training.memory import CrossBatchMemory
from training.models import build_model
from training.processes import Processes, gather_embeddings, gather_rows
from training.runs import RunError
from training.schedule import learning_rate_share, seed_batch


def model_of(config: TrainConfig, *, pretrained: bool) -> nn.Module:
    """The model of the settings, with weights of its own or timm's."""
    return build_model(
        config.backbone,
        config.dim,
        pooling=config.pooling,
        pretrained=pretrained,
        frozen_norm=config.frozen_norm,
    )


class Learner:
    """Model, loss, memory and optimisers of a run; everything that learns, and all of it that a checkpoint holds.

    Args:
        config: the run's settings.
        class_count: number of finest classes.
        level_count: number of label columns L.
        step_count: optimiser steps of the whole run, for the schedule.
        processes: this process among others.
    """

    def __init__(
        self, config: TrainConfig, class_count: int, level_count: int, step_count: int, processes: Processes
    ) -> None:
        torch.manual_seed(config.seed)
        self.config, self.step_count, self.processes = config, step_count, processes
        device = processes.device
        self.model = model_of(config, pretrained=config.pretrained).to(device)
        self.loss = build_loss(config.loss, class_count, config.dim, config.alpha).to(device)
        self.memory = CrossBatchMemory(config.memory, config.dim, level_count).to(device) if config.memory else None
        self.wrapped: nn.Module = self.model
        if processes.world_size > 1:
            self.wrapped = DistributedDataParallel(self.model)
        self.optimizers = [
            torch.optim.AdamW(self.model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
        ]
        if list(self.loss.parameters()):
            self.optimizers.append(
                torch.optim.AdamW(self.loss.parameters(), lr=config.loss_learning_rate, weight_decay=0.0)
            )
        self.highest_rates = [config.learning_rate, config.loss_learning_rate]

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds of it; the learning rate follows from the step."""
        return {
            "model": self.model.state_dict(),
            "loss": self.loss.state_dict(),
            "memory": self.memory.state_dict() if self.memory else {},
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.model.load_state_dict(state["model"])
        self.loss.load_state_dict(state["loss"])
        if self.memory:
            self.memory.load_state_dict(state["memory"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)

    def autocast(self) -> AbstractContextManager[Any]:
        """The precision of the model's passes."""
        is_half = self.config.precision == "bfloat16"
        return torch.autocast(self.processes.device.type, torch.bfloat16, enabled=is_half)

    def learn(self, batch: Batch, epoch: int, number: int) -> float:
        """Learn from a batch, the number-th of its epoch; returns its loss.

        Raises:
            RunError: a loss that is not finite, or a GPU without room; says which setting to change.
        """
        config = self.config
        generator = seed_batch(config.seed, epoch, number, self.processes.rank)
        draws = torch.rand(config.batch_size, DRAWS, generator=generator)  # of the batch of all processes together
        first = config.batch_size // self.processes.world_size * self.processes.rank
        own_draws = draws[first + batch.places]  # an image that cannot be read takes its draws with it
        images = batch.images.to(self.processes.device)
        images = augment_as_drawn(images, config.image_size, own_draws.to(images.device), flip=config.flip)
        labels = gather_rows(batch.labels.to(images.device))
        positions = gather_rows(batch.positions.to(images.device))
        if not len(labels):
            return 0.0  # no image of the batch can be read

        def batch_loss(embeddings: Tensor) -> Tensor:
            everyone = gather_embeddings(embeddings)
            refs = self.memory(everyone, labels, positions) if self.memory else ()
            return cast(Tensor, self.loss(everyone, labels, *refs)) / config.accumulate

        with explained_memory(config), self.autocast():
            value = self.backward(images, batch_loss) * config.accumulate
        if not torch.isfinite(value):
            raise RunError(
                f"the loss is {float(value)} in epoch {epoch + 1}, batch {number + 1}; lower learning_rate (now"
                f" {config.learning_rate}) or take precision float32; the run then begins anew"
            )
        return float(value)

    def backward(self, images: Tensor, batch_loss: Callable[[Tensor], Tensor]) -> Tensor:
        """Add the gradients of a batch; its graph is held whole, or chunk by chunk."""
        if 0 < self.config.chunk < len(images):
            return backward_in_chunks(self.wrapped, images, batch_loss, self.config.chunk)
        value = batch_loss(self.wrapped(images))
        with torch.autocast(images.device.type, enabled=False):
            value.backward()  # type: ignore[no-untyped-call]
        return value.detach()

    def update(self, step: int) -> None:
        """Take a step with the gradients added since the last one."""
        share = learning_rate_share(step, self.step_count, self.config.warmup_share)
        for optimizer, rate in zip(self.optimizers, self.highest_rates, strict=False):
            for group in optimizer.param_groups:
                group["lr"] = rate * share
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)


@contextmanager
def explained_memory(config: TrainConfig) -> Iterator[None]:
    """Turns the GPU's out-of-memory error into one that names the setting to lower."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        chunk = config.chunk or config.batch_size
        raise RunError(
            f"the GPU is out of memory; set train.chunk to {max(1, chunk // 2)} (the gradient stays the same), or"
            f" lower train.image_size (now {config.image_size})"
        ) from error
