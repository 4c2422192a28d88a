"""One process, or many under torchrun that act as one: for training with the loss of a batch that all of them share."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, cast

import torch
from torch import Tensor, distributed

LONGEST_WAIT = timedelta(hours=2)
"""For another process. Those that do not evaluate wait for the one that does, longer than torch's 10 to 30 minutes."""


@dataclass(frozen=True)
class Processes:
    """This process among those of a run.

    Attributes:
        rank: number of this process, 0..world_size - 1.
        world_size: number of processes.
        device: where this process computes.
    """

    rank: int
    world_size: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes files."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until all processes have come here."""
        if self.world_size > 1:
            distributed.barrier()


@contextmanager
def connect(device: str) -> Iterator[Processes]:
    """Meet the processes that torchrun started, if it did, and part from them at the end. Within itself, it stays met.

    Args:
        device: auto (CUDA where there is a GPU), cpu or cuda. Under torchrun, each process takes a GPU of its own.

    Raises:
        ValueError: another device; cuda without a GPU; more processes of this machine than GPUs.
    """
    rank, world_size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    place = device_of(device, int(os.environ.get("LOCAL_RANK", 0)))
    if place.type == "cuda":
        torch.cuda.set_device(place)
    if world_size == 1:
        yield Processes(0, 1, place)
        return
    if distributed.is_initialized():  # by who carries out several runs, one after the other
        yield Processes(rank, world_size, place)
        return
    distributed.init_process_group(
        "nccl" if place.type == "cuda" else "gloo", rank=rank, world_size=world_size, timeout=LONGEST_WAIT
    )
    try:
        yield Processes(rank, world_size, place)
    finally:
        distributed.destroy_process_group()


def device_of(device: str, local_rank: int) -> torch.device:
    """Device of the process with this number on its machine; errors as for connect."""
    gpu_count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device {device!r} is unknown; known: auto, cpu, cuda")
    if device == "cpu" or (device == "auto" and not gpu_count):
        return torch.device("cpu")
    if not gpu_count:
        raise ValueError("device is cuda, but torch finds no GPU; take device auto or cpu, or install torch for CUDA")
    if local_rank >= gpu_count:
        raise ValueError(
            f"process {local_rank} of this machine has no GPU of its own, there are {gpu_count}; lower"
            f" --nproc-per-node of torchrun to at most {gpu_count}, or take device cpu"
        )
    return torch.device("cuda", local_rank)


def is_alone() -> bool:
    """Whether there are no other processes to gather from."""
    return not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size() == 1


def gather_rows(rows: Tensor) -> Tensor:
    """Rows of all processes in the order of rank, without gradient; one process gets its own tensor back.

    All processes must call it, with the same type and shape of a row; the number of rows may differ, and be 0.

    Args:
        rows: (b, ...).

    Returns:
        (B, ...), B the sum of all b.
    """
    return rows if is_alone() else gather(rows, row_counts(rows))


def row_counts(rows: Tensor) -> list[int]:
    """Number of rows of each process."""
    own = torch.tensor([len(rows)], device=rows.device)
    counts = [torch.empty_like(own) for _ in range(distributed.get_world_size())]
    distributed.all_gather(counts, own)
    return [int(count) for count in counts]


def gather(rows: Tensor, counts: list[int]) -> Tensor:
    """Rows of all processes, of which there are `counts`; they travel filled up to the same number."""
    filled = rows.new_zeros(max(counts), *rows.shape[1:])  # (largest b, ...)
    filled[: len(rows)] = rows.detach()
    parts = [torch.empty_like(filled) for _ in counts]
    distributed.all_gather(parts, filled)
    return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])


class GatheredEmbeddings(torch.autograd.Function):
    """Gathering with the gradient described at gather_embeddings."""

    @staticmethod
    def forward(context: Any, embeddings: Tensor) -> Tensor:
        """(b, D) to (B, D)."""
        counts = row_counts(embeddings)
        context.first, context.count = sum(counts[: distributed.get_rank()]), len(embeddings)
        return gather(embeddings, counts)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        """(B, D) to (b, D)."""
        own = gradients[0].narrow(0, context.first, context.count)
        return own * distributed.get_world_size()


def gather_embeddings(embeddings: Tensor) -> Tensor:
    """Embeddings of all processes in the order of rank, for a loss of the whole batch that each of them computes.

    The gradient of a process's rows is the loss's TIMES world_size: DistributedDataParallel takes the mean over
    processes of the model's gradients, where the sum of what each process's rows add is the gradient of the batch.
    Parameters of the loss itself, such as class vectors, get the whole gradient in every process, the same in all;
    leave them out of DistributedDataParallel. One process gets its own tensor back.

    Args:
        embeddings: (b, D), called by all processes; b may differ, and be 0.

    Returns:
        (B, D), B the sum of all b.
    """
    return embeddings if is_alone() else cast(Tensor, GatheredEmbeddings.apply(embeddings))  # type: ignore[no-untyped-call]


def peak_memory(device: torch.device) -> int:
    """Most bytes that this process has held so far, earlier runs in it included: of its GPU, else of main memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def same_everywhere(what: str, text: str) -> None:
    """Compare a text between processes, such as the digest of settings.

    Args:
        what: name of what is compared, for the message.
        text: this process's.

    Raises:
        ValueError: in every process, where one has another text than the first.
    """
    device = "cuda" if not is_alone() and distributed.get_backend() == "nccl" else "cpu"
    digests = gather_rows(torch.tensor([list(sha256(text.encode()).digest())], dtype=torch.uint8, device=device))
    others = (digests != digests[0]).any(1).nonzero().flatten().tolist()
    if others:
        ranks = ", ".join(map(str, others))
        raise ValueError(
            f"{what}: rank {ranks} has another than rank 0; start all processes with the same settings and files"
        )
