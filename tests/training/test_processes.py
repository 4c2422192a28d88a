"""Several processes compute what one computes with the same batch: real ones, under gloo, as torchrun starts them."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, distributed, multiprocessing, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from training.caching import backward_in_chunks
from training.processes import Processes, connect, device_of, gather_embeddings, gather_rows, same_everywhere
from training.recipes import happier

BATCH, CLASS_COUNT, DIM = 24, 6, 5
LONGEST_SECONDS = 120

SHARES = {
    2: {"equal": [12, 12], "unequal": [7, 17], "one empty": [24, 0]},
    3: {"equal": [8, 8, 8], "unequal": [1, 13, 10], "one empty": [9, 0, 15]},
}
CASES = [(world_size, name) for world_size, cases in SHARES.items() for name in cases]


class Embedder(nn.Module):
    """A model of one layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, DIM)

    def forward(self, images: Tensor) -> Tensor:
        return functional.normalize(self.layer(images), dim=1)


def build() -> tuple[nn.Module, nn.Module, Tensor, Tensor]:
    """Model, loss, images (24, 8) and labels (24, 2), the same in every process."""
    torch.manual_seed(0)
    labels = torch.arange(BATCH) % CLASS_COUNT
    images = torch.randn(BATCH, 8, dtype=torch.float64) + functional.one_hot(labels, 8)
    return Embedder().double(), happier(CLASS_COUNT, DIM).double(), images, torch.stack([labels, labels // 2], 1)


def gradients(module: nn.Module) -> list[Tensor]:
    return [parameter.grad for parameter in module.parameters() if parameter.grad is not None]


def learn(rank: int, counts: list[int], chunk_count: int) -> dict[str, Any]:
    """Loss and gradients of a process with its share of the batch, at once or in chunks."""
    model, loss, images, labels = build()
    first = sum(counts[:rank])
    own = slice(first, first + counts[rank])
    everyones_labels = gather_rows(labels[own])
    wrapped = DistributedDataParallel(model)

    def batch_loss(embeddings: Tensor) -> Tensor:
        value: Tensor = loss(gather_embeddings(embeddings), everyones_labels)
        return value

    if chunk_count == 1:
        value = batch_loss(wrapped(images[own]))
        value.backward()
    else:
        value = backward_in_chunks(wrapped, images[own], batch_loss, -(-counts[rank] // chunk_count))
    return {"value": value.detach(), "model": gradients(model), "loss": gradients(loss)}


def gathered(rank: int) -> dict[str, Tensor]:
    """Rows of several types and shapes, rank + 1 or rank of them."""
    count = rank + 1
    return {
        "numbers": gather_rows(torch.full((count, 2), rank)),
        "bytes": gather_rows(torch.full((rank,), rank, dtype=torch.uint8)),
        "flags": gather_rows(torch.full((count, 1, 2), rank == 1)),
        "half": gather_rows(torch.full((count, 2), rank / 2, dtype=torch.bfloat16)),
        "strided": gather_rows(torch.arange(6).reshape(2, 3).T + 10 * rank),
        "nothing": gather_rows(torch.empty(0, 4)),
        "with gradient": gather_rows(torch.full((count, 2), float(rank), requires_grad=True) * 2),
    }


def disagreement(text: str) -> str:
    """What same_everywhere says of a text."""
    try:
        same_everywhere("settings", text)
    except ValueError as error:
        return str(error)
    return ""


def act(rank: int, world_size: int, port: int, folder: str) -> None:
    """One process of several: everything that the tests look at goes into a file."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_USE_AGENT_STORE": True}
    rank_names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world_size}
    os.environ.update({name: str(value) for name, value in (place | rank_names).items()})
    torch.set_num_threads(1)
    result: dict[str, Any] = {}
    with connect("cpu") as processes:
        result["processes"] = (processes.rank, processes.world_size, str(processes.device), processes.is_main)
        if processes.is_main:
            Path(folder, "written").touch()
        processes.wait()
        result["is written"] = Path(folder, "written").exists()
        result["learnt"] = {name: learn(rank, counts, 1) for name, counts in SHARES[world_size].items()}
        result["in chunks"] = learn(rank, SHARES[world_size]["unequal"], min(SHARES[world_size]["unequal"]))
        result["gathered"] = gathered(rank)
        result["agreed"] = [disagreement("one"), disagreement(f"rank {min(rank, 1)}")]
    result["is running"] = distributed.is_initialized()
    torch.save(result, f"{folder}/{rank}.pt")


def results(world_size: int, folder: Path) -> list[dict[str, Any]]:
    """What each of several processes found; none is left behind."""
    store = distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)  # torchrun's part
    multiprocessing.get_context("forkserver").set_forkserver_preload(["torch._dynamo", "training.recipes"])  # once
    arguments = (world_size, store.port, str(folder))
    context = multiprocessing.start_processes(act, arguments, world_size, join=False, start_method="forkserver")
    try:
        end = time.monotonic() + LONGEST_SECONDS
        while not context.join(timeout=max(0, end - time.monotonic())):
            assert time.monotonic() < end, f"{world_size} processes are not done after {LONGEST_SECONDS} seconds"
    finally:
        for process in context.processes:
            process.kill()
    return [torch.load(folder / f"{rank}.pt") for rank in range(world_size)]


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[dict[str, Any]]]:
    """What two and what three processes found."""
    return {size: results(size, tmp_path_factory.mktemp("processes")) for size in SHARES}


@pytest.fixture(scope="module")
def alone() -> dict[str, Any]:
    """Loss and gradients of one process with the whole batch."""
    model, loss, images, labels = build()
    value = loss(model(images), labels)
    value.backward()
    return {"value": value.detach(), "model": gradients(model), "loss": gradients(loss)}


def assert_close(ours: dict[str, Any], expected: dict[str, Any]) -> None:
    assert len(expected["model"]) == 2
    assert len(expected["loss"]) == 1
    for key in ("value", "model", "loss"):
        torch.testing.assert_close(ours[key], expected[key], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("world_size", "shares"), CASES)
def test_loss_and_gradients_are_those_of_one_process(
    together: dict[int, list[dict[str, Any]]], alone: dict[str, Any], world_size: int, shares: str
) -> None:
    for result in together[world_size]:
        assert_close(result["learnt"][shares], alone)


@pytest.mark.parametrize("world_size", SHARES)
def test_gradients_in_chunks_are_those_of_one_process(
    together: dict[int, list[dict[str, Any]]], alone: dict[str, Any], world_size: int
) -> None:
    for result in together[world_size]:
        assert_close(result["in chunks"], alone)


@pytest.mark.parametrize(("world_size", "shares"), CASES)
def test_class_vectors_stay_the_same_in_all_processes(
    together: dict[int, list[dict[str, Any]]], world_size: int, shares: str
) -> None:
    """Bit for bit: nothing else keeps them together."""
    first, *others = (result["learnt"][shares]["loss"][0] for result in together[world_size])
    for other in others:
        assert torch.equal(first, other)


@pytest.mark.parametrize("world_size", SHARES)
def test_rows_come_in_the_order_of_rank(together: dict[int, list[dict[str, Any]]], world_size: int) -> None:
    ranks = torch.arange(world_size)
    by_rank = ranks.repeat_interleave(ranks + 1)
    expected = {
        "numbers": by_rank.unsqueeze(1).expand(-1, 2),
        "bytes": ranks.repeat_interleave(ranks).byte(),
        "flags": (by_rank == 1)[:, None, None].expand(-1, 1, 2),
        "half": (by_rank / 2).bfloat16().unsqueeze(1).expand(-1, 2),
        "strided": torch.cat([torch.tensor([[0, 3], [1, 4], [2, 5]]) + 10 * rank for rank in range(world_size)]),
        "nothing": torch.empty(0, 4),
        "with gradient": 2.0 * by_rank.unsqueeze(1).expand(-1, 2),
    }
    for result in together[world_size]:
        assert result["gathered"].keys() == expected.keys()
        for name, rows in result["gathered"].items():
            torch.testing.assert_close(
                rows, expected[name], rtol=0, atol=0, msg=lambda text, name=name: f"{name}: {text}"
            )
            assert not rows.requires_grad


@pytest.mark.parametrize("world_size", SHARES)
def test_each_process_knows_its_place(together: dict[int, list[dict[str, Any]]], world_size: int) -> None:
    for rank, result in enumerate(together[world_size]):
        assert result["processes"] == (rank, world_size, "cpu", rank == 0)
        assert result["is written"]
        assert not result["is running"]


@pytest.mark.parametrize("world_size", SHARES)
def test_a_disagreement_is_told_by_all(together: dict[int, list[dict[str, Any]]], world_size: int) -> None:
    ranks = ", ".join(map(str, range(1, world_size)))
    told = f"settings: rank {ranks} has another than rank 0; start all processes with the same settings and files"
    for result in together[world_size]:
        assert result["agreed"] == ["", told]


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Sets how many GPUs torch finds."""

    def find(count: int) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)

    return find


@pytest.mark.parametrize("environment", [{}, {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}])
def test_one_process_needs_no_others(monkeypatch: pytest.MonkeyPatch, gpus: Any, environment: dict[str, str]) -> None:
    gpus(0)
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with connect("auto") as processes:
        assert processes == Processes(0, 1, torch.device("cpu"))
        assert processes.is_main
        assert not distributed.is_initialized()
        processes.wait()
        rows = torch.ones(3, 2, requires_grad=True)
        assert gather_rows(rows) is rows
        assert gather_embeddings(rows) is rows
        same_everywhere("settings", "any")


def test_devices(gpus: Any) -> None:
    gpus(0)
    assert device_of("auto", 3) == device_of("cpu", 3) == torch.device("cpu")
    with pytest.raises(ValueError, match="device is cuda, but torch finds no GPU; take device auto or cpu"):
        device_of("cuda", 0)
    with pytest.raises(ValueError, match="device 'gpu' is unknown; known: auto, cpu, cuda"):
        device_of("gpu", 0)
    gpus(2)
    assert device_of("cpu", 1) == torch.device("cpu")
    assert device_of("auto", 1) == device_of("cuda", 1) == torch.device("cuda", 1)
    with pytest.raises(ValueError, match="process 2 of this machine has no GPU of its own, there are 2; lower --nproc"):
        device_of("auto", 2)
