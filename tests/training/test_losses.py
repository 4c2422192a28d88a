"""Every loss equals its plain definition on every backend, for any labels and scores; and its gradient is right."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from tests.training import plain_losses as plain
from tests.training.backends import BACKENDS, FAST_BACKENDS
from training.losses import (
    CalibrationLoss,
    ClusterLoss,
    SmoothAPLoss,
    SupAPLoss,
    SupHAPLoss,
    SupNDCGLoss,
    SupRecallLoss,
)

LEVELS = 3
INATURALIST = {"start": 0.0, "offset": 1.0}

Plain = Callable[[list[plain.Query]], float]
RANK_LOSSES: dict[str, tuple[Callable[..., torch.nn.Module], Plain]] = {
    "smooth_ap": (SmoothAPLoss, lambda queries: plain.smooth_ap(queries, LEVELS)),
    "sup_ap": (SupAPLoss, lambda queries: plain.sup_ap(queries, LEVELS)),
    "sup_ap_inaturalist": (
        lambda **options: SupAPLoss(**INATURALIST, **options),
        lambda queries: plain.sup_ap(queries, LEVELS, plain.SURROGATE | INATURALIST),
    ),
    "sup_recall": (SupRecallLoss, lambda queries: plain.sup_recall(queries, LEVELS)),
    "sup_recall_soft": (
        lambda **options: SupRecallLoss((1, 3), temperature=2.5, **options),
        lambda queries: plain.sup_recall(queries, LEVELS, (1, 3), 2.5),
    ),
    "sup_hap": (SupHAPLoss, lambda queries: plain.sup_hap(queries, LEVELS, "population", 1.0)),
    "sup_hap_weighted": (
        lambda **options: SupHAPLoss("weighted", 2.0, **options),
        lambda queries: plain.sup_hap(queries, LEVELS, "weighted", 2.0),
    ),
    "sup_ndcg": (SupNDCGLoss, plain.sup_ndcg),
}


@st.composite
def batches(draw: st.DrawFn, max_size: int = 12) -> dict[str, Tensor]:
    """Embeddings on a grid, so that scores are exact and ties are common, with labels that repeat across parents."""
    batch_size, ref_size = draw(st.integers(1, max_size)), draw(st.integers(0, max_size))
    scale = draw(st.sampled_from([1 / 256, 1 / 32, 1.0]))  # scores within tau, around delta, and far beyond
    numbers = st.lists(st.integers(-4, 4), min_size=3, max_size=3)
    names = st.lists(st.integers(0, 1), min_size=LEVELS, max_size=LEVELS)

    def rows(row: st.SearchStrategy[list[int]], count: int) -> list[list[int]]:
        return draw(st.lists(row, min_size=count, max_size=count))

    batch = {
        "embeddings": torch.tensor(rows(numbers, batch_size), dtype=torch.float64) * scale,
        "labels": torch.tensor(rows(names, batch_size)),
    }
    if ref_size:
        batch["ref_embeddings"] = torch.tensor(rows(numbers, ref_size), dtype=torch.float64)
        batch["ref_labels"] = torch.tensor(rows(names, ref_size))
    return batch


def plain_loss(definition: Plain, batch: dict[str, Tensor], own: list[int] | None = None) -> float:
    refs = batch.get("ref_embeddings", batch["embeddings"]).tolist()
    ref_labels = batch.get("ref_labels", batch["labels"]).tolist()
    scores = [[plain.dot(row, ref) for ref in refs] for row in batch["embeddings"].tolist()]
    return definition(plain.queries_of(scores, batch["labels"].tolist(), ref_labels, own))


def hard_batch(size: int = 24, dim: int = 8, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Unit embeddings near their class with as much noise, so that no loss is near 0; classes of unequal size."""
    draw = torch.Generator().manual_seed(seed)
    fine = torch.randint(0, size // 3 + 1, (size,), generator=draw)
    labels = torch.stack([fine, fine // 2, fine // 6], 1)
    centers = torch.randn(size, dim, generator=draw, dtype=torch.float64)
    noise = torch.randn(size, dim, generator=draw, dtype=torch.float64)
    return functional.normalize(centers[labels[:, 1]] + noise, dim=1), labels


def value_and_gradient(loss: torch.nn.Module, embeddings: Tensor, *others: Tensor) -> tuple[float, Tensor]:
    leaf = embeddings.clone().requires_grad_()
    value = loss(leaf, *others)
    value.backward()
    assert leaf.grad is not None
    return value.item(), leaf.grad


@pytest.mark.parametrize("backend", FAST_BACKENDS)
@pytest.mark.parametrize("name", RANK_LOSSES)
@settings(max_examples=40, deadline=None)
@given(batch=batches())
def test_loss_is_its_definition(name: str, backend: str, batch: dict[str, Tensor]) -> None:
    build, definition = RANK_LOSSES[name]
    expected = plain_loss(definition, batch)
    assert build(backend=backend)(**batch).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("backend", FAST_BACKENDS)
@pytest.mark.parametrize("name", RANK_LOSSES)
@settings(max_examples=20, deadline=None)
@given(batch=batches(), data=st.data())
def test_excluded_query_leaves_its_own_list(
    name: str, backend: str, batch: dict[str, Tensor], data: st.DataObject
) -> None:
    build, definition = RANK_LOSSES[name]
    count = len(batch["labels"])
    if "ref_labels" in batch:
        place = st.integers(0, len(batch["ref_labels"]) - 1)
        own = data.draw(st.lists(place, min_size=count, max_size=count))
        found = build(backend=backend, exclude_self=True)(**batch, self_columns=torch.tensor(own))
    else:
        own = list(range(count))
        found = build(backend=backend, exclude_self=True)(**batch)
    assert found.item() == pytest.approx(plain_loss(definition, batch, own), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", RANK_LOSSES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_backends_agree_on_value_and_gradient(name: str, backend: str, dtype: torch.dtype) -> None:
    refs, ref_labels = hard_batch(300, seed=1)  # more than one tile of items
    batch = (refs[:24].to(dtype), ref_labels[:24], refs.to(dtype), ref_labels)
    value, gradient = value_and_gradient(RANK_LOSSES[name][0](backend=backend), *batch)
    expected, slope = value_and_gradient(RANK_LOSSES[name][0](backend="torch"), *batch)
    tolerance = 1e-9 if dtype == torch.float64 else 2e-5
    assert value == pytest.approx(expected, rel=tolerance)
    assert (gradient - slope).abs().max() <= tolerance * slope.abs().max()
    assert slope.abs().max() > 1e-4


@pytest.mark.parametrize("backend", FAST_BACKENDS)
@pytest.mark.parametrize("name", RANK_LOSSES)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(2, 8))
def test_gradient_is_the_slope_of_the_smooth_ranks(name: str, backend: str, seed: int, size: int) -> None:
    """Steps in rank and rank+ have no gradient: the loss is differentiated with every step held at its value.

    Away from jumps the finite differences of the loss itself hold the steps at their value, too.
    """
    embeddings, labels = hard_batch(size, seed=seed)
    scores = embeddings @ embeddings.T
    gaps = (scores.unsqueeze(1) - scores.unsqueeze(2)).abs()
    distance = torch.minimum(gaps, (gaps - 0.05).abs())[gaps > 1e-12]
    if len(distance) and distance.min() < 1e-4:
        return  # a jump is near
    loss = RANK_LOSSES[name][0](backend=backend)
    others = embeddings.clone()  # the gallery stays, so that an item never moves against itself
    torch.autograd.gradcheck(
        lambda moved: loss(moved, labels, others, labels), embeddings.clone().requires_grad_(), eps=1e-6, atol=1e-5
    )


@pytest.mark.parametrize("name", RANK_LOSSES)
def test_gradcheck_of_the_batch_against_itself(name: str) -> None:
    embeddings, labels = hard_batch(10, seed=4)
    loss = RANK_LOSSES[name][0]()
    assert torch.autograd.gradcheck(lambda moved: loss(moved, labels), embeddings.requires_grad_(), eps=1e-7, atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(batch=batches())
def test_calibration_is_its_definition(batch: dict[str, Tensor]) -> None:
    units = functional.normalize(batch["embeddings"], dim=1)
    refs = functional.normalize(batch.get("ref_embeddings", batch["embeddings"]), dim=1)
    labels, ref_labels = batch["labels"].tolist(), batch.get("ref_labels", batch["labels"]).tolist()
    expected = plain.calibration((units @ refs.T).tolist(), labels, ref_labels)
    assert CalibrationLoss()(**batch).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_calibration_gradcheck() -> None:
    embeddings, labels = hard_batch(12)
    loss = CalibrationLoss()
    assert torch.autograd.gradcheck(lambda moved: loss(moved, labels), embeddings.requires_grad_())


@settings(max_examples=40, deadline=None)
@given(batch=batches(), seed=st.integers(0, 99))
def test_cluster_loss_is_its_definition(batch: dict[str, Tensor], seed: int) -> None:
    torch.manual_seed(seed)
    loss = ClusterLoss(2, 3).double()
    expected = plain.cluster(batch["embeddings"].tolist(), batch["labels"][:, 0].tolist(), loss.weight.tolist())
    assert loss(**batch).item() == pytest.approx(expected, rel=1e-9)


def test_cluster_loss_moves_its_class_vectors() -> None:
    loss: Any = ClusterLoss(9, 8).double()
    embeddings, labels = hard_batch()
    loss(embeddings, labels).backward()
    assert loss.weight.grad.abs().sum() > 0
    assert (loss.weight.grad * loss.weight).sum(1).abs().max() < 1e-12  # their length does not matter
