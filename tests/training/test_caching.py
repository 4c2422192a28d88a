"""Gradients by chunks against those of the whole batch, and how much of the graph they keep."""

import copy
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, distributed, multiprocessing, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from training.caching import backward_in_chunks
from training.recipes import happier

LABELS = torch.arange(24).unsqueeze(1) // torch.tensor([3, 6, 12])


def build_model(dropout: float = 0.0) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 8))


def build_inputs(count: int = 24) -> Tensor:
    return torch.randn(count, 5, generator=torch.Generator().manual_seed(1))


def build_loss() -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    """A loss with parameters of its own, and the function of the embeddings alone."""
    torch.manual_seed(2)
    loss = happier(8, 8)
    return loss, lambda embeddings: loss(functional.normalize(embeddings), LABELS[: len(embeddings)])


def gradients(*modules: nn.Module) -> list[Tensor]:
    """Gradients of all parameters."""
    return [parameter.grad for module in modules for parameter in module.parameters() if parameter.grad is not None]


@settings(max_examples=25, deadline=None)
@given(count=st.integers(1, 24), chunk=st.integers(1, 30))
def test_gradients_are_those_of_the_whole_batch(count: int, chunk: int) -> None:
    for dtype, tolerance in ((torch.float32, 1e-6), (torch.float64, 1e-12)):
        model, inputs = build_model().to(dtype), build_inputs(count).to(dtype)
        loss, loss_of = build_loss()
        whole_model, whole_loss = copy.deepcopy((model, loss.to(dtype)))
        expected = whole_loss(functional.normalize(whole_model(inputs)), LABELS[:count])
        expected.backward()
        value = backward_in_chunks(model, inputs, loss_of, chunk)
        assert not value.requires_grad
        assert value.item() == pytest.approx(expected.item(), rel=10 * tolerance, abs=tolerance)
        ours, theirs = gradients(model, loss), gradients(whole_model, whole_loss)
        assert len(ours) == len(theirs) == 5
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=tolerance * max(1.0, other.abs().max().item()))


def test_gradients_are_added_as_by_backward() -> None:
    model, inputs = build_model().double(), build_inputs().double()
    backward_in_chunks(model, inputs, lambda embeddings: embeddings.square().mean(), 7)
    once = [gradient.clone() for gradient in gradients(model)]
    backward_in_chunks(model, inputs, lambda embeddings: embeddings.square().mean(), 7)
    for one, twice in zip(once, gradients(model), strict=True):
        torch.testing.assert_close(2 * one, twice)


def test_dropout_of_one_chunk_is_that_of_the_plain_loop() -> None:
    model, inputs = build_model(dropout=0.5), build_inputs()
    plain = copy.deepcopy(model)
    torch.manual_seed(3)
    noise = torch.rand(())  # the loss may draw, too
    expected = (plain(inputs) * torch.rand(8)).square().sum()
    expected.backward()
    after = torch.rand(())
    torch.manual_seed(3)
    assert torch.rand(()) == noise
    value = backward_in_chunks(model, inputs, lambda embeddings: (embeddings * torch.rand(8)).square().sum(), 24)
    assert torch.equal(torch.rand(()), after)
    assert torch.equal(value, expected.detach())
    for one, other in zip(gradients(model), gradients(plain), strict=True):
        assert torch.equal(one, other)


def test_dropout_masks_are_the_same_in_both_passes() -> None:
    class Recorder(nn.Module):
        """Keeps what passes."""

        def __init__(self) -> None:
            super().__init__()
            self.passed: list[Tensor] = []

        def forward(self, hidden: Tensor) -> Tensor:
            """The same."""
            self.passed.append(hidden.detach().clone())
            return hidden

    recorder = Recorder()
    model = nn.Sequential(build_model(), nn.Dropout(0.5), recorder)
    backward_in_chunks(model, build_inputs(), lambda embeddings: embeddings.square().sum() + torch.rand(()), 7)
    first, second = recorder.passed[:4], recorder.passed[4:]
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(first[0] == 0, first[1] == 0)


@pytest.mark.parametrize("chunk", [24, 7])
def test_autocast_around_it_acts_as_around_a_plain_loop(chunk: int) -> None:
    model, inputs = build_model(), build_inputs()
    loss, loss_of = build_loss()
    whole_model, whole_loss = copy.deepcopy((model, loss))
    with torch.autocast("cpu", torch.bfloat16):
        expected = whole_loss(functional.normalize(whole_model(inputs)), LABELS)
    expected.backward()
    with torch.autocast("cpu", torch.bfloat16):
        value = backward_in_chunks(model, inputs, loss_of, chunk)
        assert torch.is_autocast_enabled("cpu")
    assert value.item() == pytest.approx(expected.item(), rel=0 if chunk == 24 else 0.01)
    for one, other in zip(gradients(model, loss), gradients(whole_model, whole_loss), strict=True):
        # bfloat16 sums of other chunks are rounded elsewhere
        torch.testing.assert_close(one, other, rtol=0, atol=0 if chunk == 24 else 0.02 * other.abs().max().item())


def test_backward_pass_is_outside_autocast() -> None:
    def loss_in_full_precision(embeddings: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return (embeddings.float() @ embeddings.float().T).exp().mean()

    model, inputs = build_model(), build_inputs()
    plain = copy.deepcopy(model)
    with torch.autocast("cpu", torch.bfloat16):
        expected = loss_in_full_precision(plain(inputs))
    expected.backward()
    with torch.autocast("cpu", torch.bfloat16):
        backward_in_chunks(model, inputs, loss_in_full_precision, 24)
    for one, other in zip(gradients(model), gradients(plain), strict=True):
        assert torch.equal(one, other)


def test_a_loss_scaled_inside_trains_as_with_a_scaler_around() -> None:
    model, inputs = build_model(), build_inputs()
    _, loss_of = build_loss()
    plain = copy.deepcopy(model)
    parameters = []
    for one in (model, plain):
        optimizer, scaler = torch.optim.SGD(one.parameters(), 0.1), torch.amp.GradScaler("cpu", init_scale=1024.0)
        if one is model:
            value = backward_in_chunks(model, inputs, lambda e, scaler=scaler: scaler.scale(loss_of(e)), 7)
        else:
            scaler.scale(loss_of(plain(inputs))).backward()
        scaler.step(optimizer)
        scaler.update()
        parameters.append(list(one.parameters()))
    assert value.item() / 1024 == pytest.approx(loss_of(build_model()(inputs)).item(), rel=1e-5)
    assert not torch.equal(parameters[0][0], build_model()[0].weight)
    for one, other in zip(*parameters, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_positions_stand_for_inputs_of_several_tensors() -> None:
    images, weights, model = build_inputs().double(), torch.rand(24, 1).double(), build_model().double()
    backward_in_chunks(lambda rows: model(images[rows] * weights[rows]), torch.arange(24), lambda e: e.exp().sum(), 7)
    ours = [gradient.clone() for gradient in gradients(model)]
    model.zero_grad()
    model(images * weights).exp().sum().backward()
    for one, other in zip(ours, gradients(model), strict=True):
        torch.testing.assert_close(one, other)


def peak_of_saved_values(run: Callable[[], object]) -> int:
    """Most numbers that graphs hold at once for their backward passes."""
    held = peak = 0

    class Saved:
        """A tensor that a graph keeps."""

        def __init__(self, tensor: Tensor) -> None:
            self.tensor = tensor

    def release(count: int) -> None:
        nonlocal held
        held -= count

    def pack(tensor: Tensor) -> Saved:
        nonlocal held, peak
        saved = Saved(tensor)
        held += tensor.numel()
        peak = max(peak, held)
        weakref.finalize(saved, release, tensor.numel())
        return saved

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved.tensor):
        run()
    assert held == 0
    return peak


def test_graph_is_that_of_one_chunk() -> None:
    model = nn.Sequential(*[nn.Sequential(nn.Linear(5, 5), nn.Tanh()) for _ in range(10)])

    def step(count: int, chunk: int) -> object:
        return backward_in_chunks(model, build_inputs(count), lambda embeddings: embeddings.sum(), chunk)

    one_chunk = peak_of_saved_values(lambda: step(8, 8))
    assert peak_of_saved_values(lambda: step(800, 8)) == one_chunk
    assert peak_of_saved_values(lambda: step(800, 800)) > 50 * one_chunk


def train_one_process(rank: int, folder: str) -> None:
    """One of two processes, with half of the batch; the first counts exchanges and keeps the gradients."""
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    model, exchanges = DistributedDataParallel(build_model().double()), []

    def average(_: object, bucket: distributed.GradBucket) -> torch.futures.Future[Tensor]:
        exchanges.append(rank)
        reduced = distributed.all_reduce(bucket.buffer().div_(2), async_op=True).get_future()
        return reduced.then(lambda done: done.value()[0])

    model.register_comm_hook(None, average)
    own = build_inputs().double()[rank::2]
    backward_in_chunks(model, own, lambda embeddings: embeddings.exp().mean(), 5)
    if rank == 0:
        torch.save((gradients(model), len(exchanges)), f"{folder}/gradients.pt")
    distributed.destroy_process_group()


def test_processes_exchange_gradients_once(tmp_path: Path) -> None:
    multiprocessing.spawn(train_one_process, (str(tmp_path),), nprocs=2)
    ours, exchange_count = torch.load(tmp_path / "gradients.pt")
    model = build_model().double()
    model(build_inputs().double()).exp().mean().backward()
    for one, other in zip(ours, gradients(model), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    assert exchange_count == 1


def test_what_cannot_be_done_is_told() -> None:
    model, inputs = build_model(), build_inputs()
    with pytest.raises(ValueError, match="cannot embed 24 inputs in chunks of 0; both must be at least 1"):
        backward_in_chunks(model, inputs, torch.sum, 0)
    with pytest.raises(ValueError, match="cannot embed 0 inputs in chunks of 4"):
        backward_in_chunks(model, inputs[:0], torch.sum, 4)
    with pytest.raises(ValueError, match="it must be a scalar with a gradient"):
        backward_in_chunks(model, inputs, lambda embeddings: embeddings.sum(1), 4)
    with pytest.raises(ValueError, match="it must be a scalar with a gradient"):
        backward_in_chunks(model, inputs, lambda embeddings: embeddings.detach().sum(), 4)
    proxies = torch.ones(3, requires_grad=True)
    with pytest.raises(ValueError, match="does not depend on the embeddings"):
        backward_in_chunks(model, inputs, lambda embeddings: proxies.sum(), 4)
