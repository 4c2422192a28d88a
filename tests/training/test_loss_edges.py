"""Rank losses at the edges: odd batches, half precision, laws, wrong input, and what published code got wrong."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from tests.training.backends import BACKENDS, FAST_BACKENDS
from tests.training.test_losses import RANK_LOSSES, hard_batch, value_and_gradient
from training import ranks, ranks_torch
from training.levels import agreement_depths, depth_counts, path_ids
from training.losses import CalibrationLoss, ClusterLoss, SmoothAPLoss, SupAPLoss, SupHAPLoss, SupRecallLoss
from training.objectives import Objective, Surrogate
from training.ranks import rank_loss
from training.relevance import relevance_table

ALL_LOSSES: dict[str, Callable[[], nn.Module]] = {
    **{name: build for name, (build, _) in RANK_LOSSES.items()},
    "calibration": CalibrationLoss,
    "cluster": lambda: ClusterLoss(9, 8).double(),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", RANK_LOSSES)
def test_one_item_ranks_itself_first(name: str, backend: str) -> None:
    value, gradient = value_and_gradient(
        RANK_LOSSES[name][0](backend=backend), torch.ones(1, 4).double(), torch.zeros(1, 3, dtype=torch.long)
    )
    if not name.startswith("sup_recall"):
        assert value == 0
    assert (gradient == 0).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", RANK_LOSSES)
def test_queries_without_positives_are_left_out_of_the_mean(name: str, backend: str) -> None:
    embeddings, labels = hard_batch()
    refs, ref_labels = hard_batch(30, seed=0)
    loss = RANK_LOSSES[name][0](backend=backend)
    few, slope = value_and_gradient(loss, embeddings, labels, refs, ref_labels)
    strangers = labels[:5] + 1000
    more, slopes = value_and_gradient(
        loss, torch.cat([embeddings, embeddings[:5]]), torch.cat([labels, strangers]), refs, ref_labels
    )
    assert few > 0.01
    assert more == pytest.approx(few, rel=1e-12)
    torch.testing.assert_close(slopes, torch.cat([slope, torch.zeros(5, 8)]).double(), rtol=1e-9, atol=0)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", RANK_LOSSES)
@pytest.mark.parametrize("ref_count", [0, 3])
def test_no_query_with_positives_gives_zero_and_zero_gradient(name: str, backend: str, ref_count: int) -> None:
    embeddings, labels = hard_batch()
    strangers = torch.full((ref_count, 3), 99)
    loss = RANK_LOSSES[name][0](backend=backend)
    value, gradient = value_and_gradient(loss, embeddings, labels, torch.ones(ref_count, 8).double(), strangers)
    assert value == 0
    assert (gradient == 0).all()


@pytest.mark.parametrize("name", RANK_LOSSES)
def test_all_singletons_have_nothing_to_learn_at_the_finest_level(name: str) -> None:
    embeddings, _ = hard_batch()
    labels = torch.stack([torch.arange(24), torch.arange(24) // 4, torch.zeros(24).long()], 1)
    value, gradient = value_and_gradient(RANK_LOSSES[name][0](exclude_self=True), embeddings, labels)
    if "ndcg" in name or "hap" in name:
        assert value > 0
        assert gradient.abs().max() > 0
    else:
        assert value == 0
        assert (gradient == 0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ALL_LOSSES)
def test_half_precision_is_taken_to_float32(name: str, dtype: torch.dtype) -> None:
    embeddings, labels = hard_batch()
    halves = embeddings.to(dtype)
    loss = ALL_LOSSES[name]().float()
    value, gradient = value_and_gradient(loss, halves, labels)
    expected, slope = value_and_gradient(loss, halves.float(), labels)
    assert value == pytest.approx(expected, rel=1e-6)
    torch.testing.assert_close(gradient, slope.to(dtype), rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize("name", ALL_LOSSES)
def test_autocast_changes_nothing(name: str) -> None:
    embeddings, labels = hard_batch()
    loss = ALL_LOSSES[name]().float()
    value, gradient = value_and_gradient(loss, embeddings.float(), labels)
    moved = embeddings.float().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        same = loss(moved, labels)
    same.backward()
    assert same.item() == value
    assert torch.equal(moved.grad, gradient)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", RANK_LOSSES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scores_far_wider_than_tau_do_not_overflow(name: str, backend: str, dtype: torch.dtype) -> None:
    """Embeddings that are not of unit length: sums of exponentials of thousands must not turn into NaN."""
    embeddings, labels = hard_batch()
    value, gradient = value_and_gradient(RANK_LOSSES[name][0](backend=backend), 40 * embeddings.to(dtype), labels)
    expected, slope = value_and_gradient(RANK_LOSSES[name][0](backend="torch"), 40 * embeddings.to(dtype), labels)
    assert math.isfinite(value)
    assert value == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(gradient, slope, rtol=1e-4, atol=max(1e-5 * float(slope.abs().max()), 1e-30))


@pytest.mark.parametrize("backend", FAST_BACKENDS)
@pytest.mark.parametrize("name", RANK_LOSSES)
@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(12)))
def test_order_of_the_batch_does_not_matter(name: str, backend: str, order: list[int]) -> None:
    embeddings, labels = hard_batch(12)
    loss = RANK_LOSSES[name][0](backend=backend)
    value, gradient = value_and_gradient(loss, embeddings, labels)
    moved, slope = value_and_gradient(loss, embeddings[order], labels[order])
    assert moved == pytest.approx(value, rel=1e-12)
    torch.testing.assert_close(slope, gradient[order], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ALL_LOSSES)
def test_the_batch_as_its_own_reference_is_the_batch_alone(name: str) -> None:
    embeddings, labels = hard_batch()
    loss = ALL_LOSSES[name]()
    value, slope = value_and_gradient(loss, embeddings, labels)
    queries, refs = embeddings.clone().requires_grad_(), embeddings.clone().requires_grad_()
    apart = loss(queries, labels, refs, labels)
    apart.backward()
    assert apart.item() == pytest.approx(value, rel=1e-12)
    gradient = queries.grad + (0 if refs.grad is None else refs.grad)  # a cluster loss does not look at references
    torch.testing.assert_close(gradient, slope, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_loss_can_be_had_in_inference_mode(backend: str) -> None:
    embeddings, labels = hard_batch()
    loss = SupHAPLoss(backend=backend)
    with torch.inference_mode():
        inferred = loss(embeddings.clone(), labels.clone())
    assert inferred.item() == pytest.approx(loss(embeddings, labels).item())


@pytest.mark.parametrize("name", ALL_LOSSES)
def test_an_empty_batch_has_no_loss(name: str) -> None:
    value, gradient = value_and_gradient(ALL_LOSSES[name](), torch.empty(0, 8).double(), torch.empty(0, 3).long())
    assert value == 0
    assert gradient.shape == (0, 8)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_sup_rank_is_never_better_than_the_true_rank(seed: int) -> None:
    """Hence 1 - SupAP bounds 1 - AP from above, away from ties and for the default parameters."""
    embeddings, labels = hard_batch(16, seed=seed)
    scores = embeddings @ embeddings.T
    matches = agreement_depths(labels, labels) == 3
    true_losses = []
    for row, match in zip(scores, matches, strict=True):
        hits = match[row.argsort(descending=True)].double()
        true_losses.append(1 - (hits * hits.cumsum(0) / torch.arange(1, 17)).sum() / hits.sum())
    assert SupAPLoss()(embeddings, labels) >= torch.stack(true_losses).mean() - 1e-12


@pytest.mark.parametrize("name", RANK_LOSSES)
def test_well_separated_batch_has_a_loss_near_zero(name: str) -> None:
    """Depths far apart and no ties: only the soft cut-off of recall leaves a rest."""
    fine = torch.arange(8) // 2
    labels = torch.stack([fine, fine // 2, fine * 0], 1)
    scores = agreement_depths(labels, labels).double() / 3 - torch.arange(8) / 1000
    embeddings, refs = torch.eye(8).double(), scores.T
    loss = RANK_LOSSES[name][0]()(embeddings, labels, refs, labels).item()
    assert 0 <= loss < (0.7 if "recall" in name else 0.02)


def test_smooth_ap_sees_no_slope_far_from_the_decision_where_sup_ap_does() -> None:
    """Why the surrogate is linear beyond delta: a positive far below a negative still gets a push."""
    query, refs = torch.tensor([[1.0, 0.0]]).double(), torch.tensor([[0.1, 1.0], [1.0, 0.3]]).double()
    labels = torch.tensor([[0]]), functional.normalize(refs, dim=1), torch.tensor([[0], [1]])
    smooth = value_and_gradient(SmoothAPLoss(), query, *labels)[1].abs().max()
    supported = value_and_gradient(SupAPLoss(), query, *labels)[1].abs().max()
    assert supported > 1e-3
    assert smooth < 1e-12


def test_torch_backend_in_many_blocks_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings, labels = hard_batch()
    whole = value_and_gradient(SupHAPLoss(backend="torch"), embeddings, labels)
    monkeypatch.setattr(ranks_torch, "BLOCK_PAIRS", 1)
    blocks = value_and_gradient(SupHAPLoss(backend="torch"), embeddings, labels)
    assert blocks[0] == pytest.approx(whole[0], rel=1e-12)
    torch.testing.assert_close(blocks[1], whole[1])


def test_numba_backend_in_many_threads_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings, labels = hard_batch(96)
    alone = value_and_gradient(SupHAPLoss(backend="numba"), embeddings, labels)
    monkeypatch.setattr("training.threads.WORTH_A_THREAD", 0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    threads = value_and_gradient(SupHAPLoss(backend="numba"), embeddings, labels)
    assert threads[0] == alone[0]
    assert torch.equal(threads[1], alone[1])


@pytest.mark.parametrize("name", RANK_LOSSES)
def test_same_bytes_every_time(name: str) -> None:
    """Wherever its buffers lie in memory: a resumed run continues bit for bit."""
    embeddings, labels = hard_batch()
    loss = RANK_LOSSES[name][0](backend="numba")
    held, gradients = [], set()
    for size in range(100):
        held.append(torch.empty(7 * size + 1))
        gradients.add(value_and_gradient(loss, embeddings.float(), labels)[1].numpy().tobytes())
    assert len(gradients) == 1


def test_only_one_matrix_is_kept_for_the_backward_pass() -> None:
    embeddings, labels = hard_batch()
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: (kept.append(tensor), tensor)[1], lambda tensor: tensor
    ):
        SupHAPLoss()(embeddings.requires_grad_(), labels)
    assert sum(tensor.shape == (24, 24) for tensor in kept) == 1


# ---------------------------------------------------------------------------------------- defects of the published code
def test_defect_query_loop_loss_was_nan() -> None:
    """The published loop over queries gave NaN where a query had no positive."""
    embeddings, labels = hard_batch()
    loss = SupHAPLoss(exclude_self=True)
    labels = torch.cat([labels, labels[:1] + 500])
    value, gradient = value_and_gradient(loss, torch.cat([embeddings, embeddings[:1]]), labels)
    assert math.isfinite(value)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("backend", FAST_BACKENDS)
def test_defect_labels_reused_across_parents_counted_as_agreement(backend: str) -> None:
    embeddings, _ = hard_batch(4)
    reused = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])  # fine ids 0 and 1 under both parents
    own = torch.tensor([[0, 0], [2, 1], [1, 0], [3, 1]])
    for loss in (SupAPLoss(backend=backend), SupHAPLoss(backend=backend), SmoothAPLoss(backend=backend)):
        assert loss(embeddings, reused).item() == loss(embeddings, own).item()


@pytest.mark.parametrize("backend", FAST_BACKENDS)
def test_defect_sup_recall_needed_equal_numbers_of_positives(backend: str) -> None:
    embeddings, _ = hard_batch(7)
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 2]).unsqueeze(1)
    loss = SupRecallLoss(backend=backend)
    parts = [loss(embeddings[[q]], labels[[q]], embeddings, labels).item() for q in range(7)]
    assert loss(embeddings, labels).item() == pytest.approx(sum(parts) / 7)


def test_defect_levels_were_matched_by_float_equality_of_relevance() -> None:
    """Two levels may have the same relevance: one coarse positive and two mid ones weigh 1/3 each."""
    labels = torch.tensor([[0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 1, 0], [4, 2, 1]])
    table = relevance_table("population", depth_counts(labels, labels).double(), 1.0)
    assert table[0].tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1])
    perfect = torch.tensor([[5.0, 3.0, 3.5, 1.0, 0.0]]).double()
    depths = agreement_depths(labels[:1], labels)
    normaliser = (table[:1] * depth_counts(labels[:1], labels)).sum(1)
    hard = Objective("ap", Surrogate(tau=1e-4))
    assert rank_loss(perfect, depths, table[:1], normaliser, hard).item() == pytest.approx(0, abs=1e-12)


# ---------------------------------------------------------------------------------------------------------- wrong input
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.ones(3, 2), torch.zeros(2, 1).long()), "3 embeddings with 2 labels"),
        ((torch.ones(3, 2), torch.zeros(3).long()), r"labels are torch.int64 of shape \(3,\).*unsqueeze"),
        ((torch.ones(3, 2), torch.zeros(3, 1)), "must be integers"),
        ((torch.ones(3, 2), torch.zeros(3, 1).bool()), "must be integers"),
        ((torch.ones(3, 2), torch.zeros(3, 63).long()), "L at most 62"),
        ((torch.ones(3, 2), torch.zeros(3, 1).long(), torch.ones(3, 2)), "come together"),
        ((torch.ones(3, 2), torch.zeros(3, 1).long(), torch.ones(4, 3), torch.zeros(4, 1).long()), "and .4, 3."),
        ((torch.ones(3, 2), torch.zeros(3, 1).long(), torch.ones(4, 2), torch.zeros(4, 2).long()), "1 levels"),
    ],
)
def test_wrong_batch_is_told(arguments: tuple[Tensor, ...], message: str) -> None:
    for loss in (SupHAPLoss(), CalibrationLoss()):
        with pytest.raises(ValueError, match=message):
            loss(*arguments)


def test_wrong_parameters_are_told() -> None:
    embeddings, labels = hard_batch()
    with pytest.raises(ValueError, match="tau must be above 0"):
        SupAPLoss(tau=0)
    with pytest.raises(ValueError, match="relevance 'popular' is unknown; known: population, weighted"):
        SupHAPLoss("popular")
    for alpha in (-1, math.nan):
        with pytest.raises(ValueError, match=f"alpha is {alpha}"):
            SupHAPLoss(alpha=alpha)
    for ks, temperature in (((), 1.0), ((0, 1), 1.0), ((1,), 0.0), ((1,), math.nan)):
        with pytest.raises(ValueError, match="recall needs ks of at least 1 and a temperature above 0"):
            SupRecallLoss(ks, temperature)
    with pytest.raises(ValueError, match="backend 'cuda' is unknown; known: auto, torch, numba, triton"):
        SupAPLoss(backend="cuda")
    with pytest.raises(ValueError, match="needs self_columns"):
        SupAPLoss(exclude_self=True)(embeddings, labels, embeddings, labels)
    with pytest.raises(ValueError, match=r"label 8 in column 0 .* knows 0\.\.3"):
        ClusterLoss(4, 8).double()(embeddings, labels)
    with pytest.raises(ValueError, match="computes on the CPU"):
        ranks.find_backend("numba", torch.device("cuda"))
    with pytest.raises(ValueError, match="must be float32 or float64"):
        rank_loss(
            torch.ones(2, 2).half(), torch.ones(2, 2).to(torch.int8), torch.ones(2, 2), torch.ones(2), Objective("ap")
        )


def test_ids_that_numpy_would_round_are_refused() -> None:
    big = np.array([[2**60], [2**60 + 2]])
    assert [table.tolist() for table in path_ids(big, big + 2)] == [[[0], [1]], [[1], [2]]]
    with pytest.raises(ValueError, match="labels are uint64, int64; give all as int64"):
        path_ids(big.astype(np.uint64), big)


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=1, max_size=8),
    refs=st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=1, max_size=8),
)
def test_path_ids_and_counts_are_the_agreement(labels: list[list[int]], refs: list[list[int]]) -> None:
    depths = agreement_depths(torch.tensor(labels), torch.tensor(refs))
    for q, label in enumerate(labels):
        for j, ref in enumerate(refs):
            agreed = [label[column:] == ref[column:] for column in range(3)]
            assert depths[q, j] == sum(agreed)
    ids, ref_ids = path_ids(torch.tensor(labels).numpy(), torch.tensor(refs).numpy())
    assert ((ids[:, None] == ref_ids[None]).sum(2) == depths.numpy()).all()
    counts = depth_counts(torch.tensor(labels), torch.tensor(refs))
    assert counts.tolist() == [[int((row == depth).sum()) for depth in range(4)] for row in depths]
