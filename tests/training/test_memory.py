"""The memory against a plain queue; what it gives as references, and how it resumes."""

from collections import deque

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from training.losses import SupAPLoss
from training.memory import CrossBatchMemory


def batch_of(image_ids: list[int], step: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Embeddings that tell image and step, labels that tell the image, and the ids."""
    ids = torch.tensor(image_ids, dtype=torch.long)
    embeddings = torch.stack([ids.float(), torch.full_like(ids, step).float()], dim=1)
    return embeddings, torch.stack([ids, ids // 2, ids // 4], dim=1), ids


def stored_ids(memory: CrossBatchMemory) -> list[int]:
    """Images of the stored rows, as a batch of no image is given them."""
    embeddings, _ = memory.references(*batch_of([]))
    return sorted(embeddings[:, 0].int().tolist())


@settings(max_examples=150, deadline=None)
@given(
    size=st.integers(1, 8),
    batches=st.lists(st.lists(st.integers(0, 9), max_size=11), min_size=1, max_size=8),
)
def test_memory_is_a_queue_without_the_images_of_the_batch(size: int, batches: list[list[int]]) -> None:
    memory, queue = CrossBatchMemory(size, 2, 3), deque[tuple[list[float], list[int], int]](maxlen=size)
    for step, image_ids in enumerate(batches):
        embeddings, labels, ids = batch_of(image_ids, step)
        ref_embeddings, ref_labels = memory(embeddings, labels, ids)
        rows = [*zip(embeddings.tolist(), labels.tolist(), image_ids, strict=True)]
        count = len(rows)
        assert torch.equal(ref_embeddings[:count], embeddings)
        assert torch.equal(ref_labels[:count], labels)
        others = sorted((embedding, label) for embedding, label, image in queue if image not in image_ids)
        assert sorted(zip(ref_embeddings[count:].tolist(), ref_labels[count:].tolist(), strict=True)) == others
        queue.extend(rows)


def test_oldest_rows_are_overwritten_first() -> None:
    """The published queue overwrites the newest batch first."""
    memory = CrossBatchMemory(6, 2, 3)
    for image_ids in ([0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]):
        memory.enqueue(*batch_of(image_ids))
    assert stored_ids(memory) == [6, 7, 8, 9, 10, 11]


def test_a_batch_larger_than_the_ring_leaves_its_last_rows() -> None:
    memory = CrossBatchMemory(3, 2, 3)
    memory.enqueue(*batch_of([9]))
    memory.enqueue(*batch_of([0, 1, 2, 3, 4]))
    assert stored_ids(memory) == [2, 3, 4]
    memory.enqueue(*batch_of([5]))
    assert stored_ids(memory) == [3, 4, 5]


def test_no_stored_view_of_an_image_of_the_batch_is_a_reference() -> None:
    memory = CrossBatchMemory(8, 2, 3)
    memory.enqueue(*batch_of([1, 2, 3, 2]))
    embeddings, labels = memory.references(*batch_of([2, 5, 5], step=1))
    assert embeddings.tolist() == [[2, 1], [5, 1], [5, 1], [1, 0], [3, 0]]
    assert labels[:, 0].tolist() == [2, 5, 5, 1, 3]


def test_gradient_reaches_the_batch_alone_and_survives_its_storing() -> None:
    memory = CrossBatchMemory(4, 2, 3)
    memory(*batch_of([0, 1]))
    embeddings, labels, ids = batch_of([2, 3, 4])
    embeddings.requires_grad_()
    references, _ = memory(embeddings, labels, ids)
    assert not memory.embeddings.requires_grad
    (references * torch.arange(1.0, 6)[:, None]).sum().backward()
    assert embeddings.grad is not None
    assert embeddings.grad.tolist() == [[1, 1], [2, 2], [3, 3]]


def test_what_is_stored_does_not_follow_the_batch() -> None:
    memory = CrossBatchMemory(4, 2, 3)
    embeddings, labels, ids = batch_of([1])
    memory(embeddings, labels, ids)
    embeddings += 1
    assert stored_ids(memory) == [1]


def test_a_resumed_memory_goes_on_exactly() -> None:
    memory, resumed = CrossBatchMemory(5, 2, 3), CrossBatchMemory(5, 2, 3)
    for step in range(3):
        memory(*batch_of([3 * step, 3 * step + 1, 3 * step + 2], step))
    resumed.load_state_dict(memory.state_dict())
    for step in range(3, 6):
        batch = batch_of([3 * step, 3 * step - 1, 3 * step + 1], step)  # the second is stored
        for one, other in zip(memory(*batch), resumed(*batch), strict=True):
            assert torch.equal(one, other)


def test_eval_mode_stores_nothing() -> None:
    memory = CrossBatchMemory(4, 2, 3)
    memory(*batch_of([1, 2]))
    memory.eval()
    embeddings, _ = memory(*batch_of([3]))
    assert embeddings[:, 0].tolist() == [3, 1, 2]
    assert stored_ids(memory) == [1, 2]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_any_precision_is_stored_in_float32(dtype: torch.dtype) -> None:
    memory = CrossBatchMemory(4, 2, 3)
    embeddings, labels, ids = batch_of([1, 2])
    with torch.autocast("cpu", torch.bfloat16):
        first, _ = memory(embeddings.to(dtype), labels, ids)
        second, _ = memory(embeddings.to(dtype) + 2, labels + 2, ids + 2)
    wide = torch.promote_types(dtype, torch.float32)
    assert first.dtype == second.dtype == wide
    assert memory.embeddings.dtype == torch.float32
    assert second[:, 0].tolist() == [3, 4, 1, 2]


def test_losses_take_the_references() -> None:
    torch.manual_seed(0)
    memory, loss = CrossBatchMemory(64, 8, 2), SupAPLoss(exclude_self=True)
    for step in range(3):
        embeddings = torch.nn.functional.normalize(torch.randn(12, 8)).requires_grad_()
        labels = torch.arange(12).unsqueeze(1) // torch.tensor([3, 6])
        references, ref_labels = memory(embeddings, labels, torch.arange(12) + 12 * step)
        value = loss(embeddings, labels, references, ref_labels, self_columns=torch.arange(12))
        if step == 0:
            assert value.item() == pytest.approx(loss(embeddings, labels).item(), rel=1e-6)
        value.backward()
        assert embeddings.grad is not None
        assert embeddings.grad.abs().sum() > 0
    assert len(references) == 36


@pytest.mark.parametrize("name", ["size", "dim", "level_count"])
def test_sizes_below_one_are_told(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} of the memory is 0; it must be at least 1"):
        CrossBatchMemory(**{"size": 4, "dim": 2, "level_count": 3, name: 0})


@pytest.mark.parametrize("place", [0, 1, 2])
def test_shapes_that_do_not_fit_are_told(place: int) -> None:
    memory = CrossBatchMemory(4, 2, 3)
    wrong = [*batch_of([1, 2])]
    wrong[place] = wrong[place].repeat(2) if place == 2 else wrong[place].repeat(1, 2)
    for call in (memory.references, memory.enqueue, memory):
        with pytest.raises(ValueError, match=r"this memory takes \(B, 2\), \(B, 3\) and \(B,\), with one B"):
            call(*wrong)
    assert int(memory.enqueued_count) == 0
