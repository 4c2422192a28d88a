"""The papers' combinations are the sums they claim, and the flat baselines take our arguments."""

import pytest
import torch

from tests.training.test_losses import hard_batch
from training.levels import path_ids
from training.losses import CalibrationLoss, ClusterLoss, SupAPLoss, SupHAPLoss, SupNDCGLoss
from training.metric_learning import PAIR_LOSSES, PROXY_LOSSES, MetricLearningLoss
from training.recipes import happier, roadmap, sup_ndcg


def test_recipes_are_weighted_sums() -> None:
    embeddings, labels = (table if table.dtype == torch.int64 else table.float() for table in hard_batch())
    for recipe, first, second, weights in (
        (happier(9, 8, alpha=2.0), SupHAPLoss(alpha=2.0), None, (0.9, 0.1)),
        (roadmap(), SupAPLoss(), CalibrationLoss(), (0.9, 0.1)),
        (roadmap(ClusterLoss(9, 8)), SupAPLoss(), None, (0.9, 0.1)),
        (sup_ndcg(9, 8), SupNDCGLoss(), None, (0.5, 0.5)),
    ):
        second = second or list(recipe.losses.children())[1]
        expected = weights[0] * first(embeddings, labels) + weights[1] * second(embeddings, labels)
        assert recipe(embeddings, labels).item() == pytest.approx(expected.item())
        refs = (embeddings.repeat(2, 1), labels.repeat(2, 1))
        expected = weights[0] * first(embeddings, labels, *refs) + weights[1] * second(embeddings, labels, *refs)
        assert recipe(embeddings, labels, *refs).item() == pytest.approx(expected.item())


def test_class_vectors_are_parameters_that_an_optimiser_finds() -> None:
    assert [tuple(p.shape) for p in happier(9, 8).parameters()] == [(9, 8)]
    assert list(roadmap().parameters()) == []
    assert "losses.cluster.weight" in happier(9, 8).state_dict()


def test_parts_are_reported_without_their_weights() -> None:
    embeddings, labels = hard_batch()
    parts = roadmap().parts(embeddings, labels)
    assert set(parts) == {"sup_ap", "anchor"}
    assert parts["sup_ap"].item() == SupAPLoss()(embeddings, labels).item()


@pytest.mark.parametrize("name", sorted(PAIR_LOSSES | PROXY_LOSSES))
def test_flat_losses_are_the_library_s(name: str) -> None:
    library = pytest.importorskip("pytorch_metric_learning.losses")
    embeddings, labels = hard_batch()
    embeddings = embeddings.float()
    torch.manual_seed(0)
    if name in PROXY_LOSSES:
        classes = labels[:, 0]
        theirs = getattr(library, PROXY_LOSSES[name])(num_classes=9, embedding_size=8)
        torch.manual_seed(0)
        ours = MetricLearningLoss(name, 9, 8)
        assert len(list(ours.parameters())) == 1
    else:
        classes = torch.from_numpy(path_ids(labels.numpy())[0][:, 0])
        theirs, ours = getattr(library, PAIR_LOSSES[name])(), MetricLearningLoss(name)
    assert ours(embeddings, labels).item() == theirs(embeddings, classes).item()


def test_flat_losses_do_not_take_reused_labels_for_agreement() -> None:
    pytest.importorskip("pytorch_metric_learning.losses")
    embeddings, _ = hard_batch(4)
    reused = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
    assert MetricLearningLoss("triplet")(embeddings, reused).item() == 0  # no two of one class


def test_references_reach_the_library() -> None:
    pytest.importorskip("pytorch_metric_learning.losses")
    embeddings, labels = hard_batch()
    loss = MetricLearningLoss("multi_similarity")
    assert loss(embeddings, labels, *hard_batch(30, seed=0)).item() != loss(embeddings, labels).item()


@pytest.mark.parametrize("name", sorted(PAIR_LOSSES | PROXY_LOSSES))
def test_flat_losses_are_in_full_precision_under_autocast(name: str) -> None:
    pytest.importorskip("pytorch_metric_learning")
    embeddings, labels = hard_batch()
    loss = MetricLearningLoss(name, 9, 8)
    value = loss(embeddings.float(), labels.int()).item()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert loss(embeddings.float(), labels.int()).item() == value


def test_what_a_flat_loss_cannot_take_is_told() -> None:
    pytest.importorskip("pytorch_metric_learning")
    embeddings, labels = hard_batch()
    with pytest.raises(ValueError, match=r"label 8 in column 0 .* knows 0\.\.3"):
        MetricLearningLoss("proxy_nca", 4, 8)(embeddings.float(), labels)
    with pytest.raises(ValueError, match="fast_ap ranks a batch within itself"):
        MetricLearningLoss("fast_ap")(embeddings, labels, embeddings, labels)


def test_wrong_names_are_told() -> None:
    with pytest.raises(ValueError, match="loss 'arcfase' is unknown; known: arcface, fast_ap"):
        MetricLearningLoss("arcfase")
    with pytest.raises(ValueError, match="needs class_count and dim"):
        MetricLearningLoss("arcface")


def test_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pytorch_metric_learning.losses", None)
    with pytest.raises(ImportError, match=r"pip install 'hgldv2\[losses\]'"):
        MetricLearningLoss("triplet")
