"""Where a run stands: the learning rate at a step, the random numbers of a step, and the batches still to come."""

from collections.abc import Iterator
from itertools import islice
from math import cos, pi

import numpy as np
import torch
from torch.utils.data import Sampler

from training.samplers import ClassBatchSampler


def learning_rate_share(step: int, step_count: int, warmup_share: float) -> float:
    """Share of the highest learning rate at a step 0..step_count - 1: a linear rise, then a cosine to 0."""
    warmup = warmup_share * step_count
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + cos(pi * (step - warmup) / max(1.0, step_count - warmup)))


def seed_batch(seed: int, epoch: int, batch: int, rank: int) -> torch.Generator:
    """Seed torch for a batch, each process by itself, and return a generator that is the same in all of them.

    Every batch has random numbers of its own, so that a resumed run draws what the undisturbed one would have drawn.
    """
    own = np.random.SeedSequence([seed, epoch, batch, rank]).generate_state(1, np.uint64)
    torch.manual_seed(int(own[0]))
    shared = np.random.SeedSequence([seed, epoch, batch]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(shared[0] >> 1))


class RemainingBatches(Sampler[list[int]]):
    """A sampler without the first batches of its epoch, which a resumed run has behind it.

    Args:
        sampler: whose batches these are.
    """

    def __init__(self, sampler: ClassBatchSampler) -> None:
        super().__init__()
        self.sampler, self.done = sampler, 0

    def start(self, epoch: int, done: int) -> None:
        """Choose the epoch, and how many of its batches are done."""
        self.sampler.set_epoch(epoch)
        self.done = done

    def __iter__(self) -> Iterator[list[int]]:
        return islice(iter(self.sampler), self.done, None)

    def __len__(self) -> int:
        """Batches still to come."""
        return len(self.sampler) - self.done
