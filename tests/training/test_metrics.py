"""Every metric equals its plain definition, whatever the labels, ties, ids and settings; and bad input is refused."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training import plain_metrics as plain
from training import gallery_scores
from training import metrics as metrics_module
from training.gallery_ranks import rank_by_sorting
from training.metric_names import default_keys, parse_metrics
from training.metrics import RetrievalReport, evaluate_retrieval

LEVELS = 3
KEYS = [*default_keys(LEVELS), "ndcg_at_3", "map_at_2_level1", "precision_at_7_level2", "true_recall_at_2_level1"]
World = dict[str, Any]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Arguments of an evaluation: scores are small whole numbers, so that ties are many, and labels repeat."""
    numbers = st.lists(st.integers(-2, 2), min_size=2, max_size=2)
    names = st.lists(st.integers(0, 2), min_size=LEVELS, max_size=LEVELS)
    sizes = {"query": draw(st.integers(1, 5)), "gallery": draw(st.integers(1, 20))}
    world: World = {}
    for name, size in sizes.items():
        world[f"{name}_embeddings"] = np.array(draw(st.lists(numbers, min_size=size, max_size=size)), np.float32)
        world[f"{name}_labels"] = np.array(draw(st.lists(names, min_size=size, max_size=size)), np.int64)
    if draw(st.booleans()):
        for name, size in sizes.items():
            world[f"{name}_ids"] = draw(st.lists(st.sampled_from("abcdefgh"), min_size=size, max_size=size))
    world["ties"] = draw(st.sampled_from(["pessimistic", "optimistic"]))
    world["relevance"] = draw(st.sampled_from(["population", "weighted"]))
    world["alpha"] = draw(st.sampled_from([0.0, 0.5, 1.0, 2.0]))
    world["chunk"] = draw(st.sampled_from([None, 1, 2, 3]))
    return world


def plain_rankings(world: World) -> list[plain.Ranking]:
    query_count, gallery_count = len(world["query_labels"]), len(world["gallery_labels"])
    return plain.rankings(
        world["query_embeddings"].tolist(),
        world["query_labels"].tolist(),
        world["gallery_embeddings"].tolist(),
        world["gallery_labels"].tolist(),
        world.get("query_ids", [f"query {row}" for row in range(query_count)]),
        world.get("gallery_ids", [f"item {row}" for row in range(gallery_count)]),
        world["ties"],
    )


def assert_same(report: RetrievalReport, expected: RetrievalReport) -> None:
    assert report.per_query.keys() == expected.per_query.keys()
    for key, values in report.per_query.items():
        np.testing.assert_array_equal(values, expected.per_query[key], err_msg=key)
    assert report.n_skipped == expected.n_skipped
    assert report.defined == expected.defined
    assert report.query_ids.tolist() == expected.query_ids.tolist()


@settings(max_examples=150, deadline=None)
@given(world=worlds())
def test_every_metric_is_its_definition(world: World) -> None:
    report = evaluate_retrieval(**world, metrics=KEYS)
    scored = {row: ranking for row, ranking in enumerate(plain_rankings(world)) if any(ranking)}
    ids = world.get("query_ids", range(len(world["query_labels"])))
    assert report.query_ids.tolist() == [ids[row] for row in scored]
    assert report.n_skipped == len(world["query_labels"]) - len(scored)
    for key in KEYS:
        expected = np.array(
            [plain.value(key, ranking, LEVELS, world["relevance"], world["alpha"]) for ranking in scored.values()]
        )
        np.testing.assert_allclose(report.per_query[key], expected.reshape(-1), rtol=0, atol=1e-12, err_msg=key)
        known = expected[~np.isnan(expected)]
        assert report.defined[key] == len(known)
        mean = known.mean() if len(known) else np.nan
        np.testing.assert_allclose(report.means[key], mean, rtol=0, atol=1e-12, equal_nan=True)


@settings(max_examples=60, deadline=None)
@given(world=worlds())
def test_type_device_chunk_and_ranker_change_nothing(world: World) -> None:
    expected = evaluate_retrieval(**world)
    embeddings = {key: table for key, table in world.items() if key.endswith("_embeddings")}
    labels = {key: torch.from_numpy(table) for key, table in world.items() if key.endswith("_labels")}
    for real in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        tensors = {key: torch.from_numpy(table).to(real) for key, table in embeddings.items()}
        assert_same(evaluate_retrieval(**world | tensors | labels | {"chunk": 2, "device": "cpu"}), expected)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics_module, "find_ranker", lambda device: rank_by_sorting)
        assert_same(evaluate_retrieval(**world), expected)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gallery_scores, "CHUNK_BYTES", 2 * 4 * len(world["gallery_labels"]))
        patch.setattr(gallery_scores, "TILE_BYTES", 30)
        assert_same(evaluate_retrieval(**world | {"chunk": None}), expected)
    if torch.cuda.is_available():
        assert_same(evaluate_retrieval(**world, device="cuda"), expected)


@settings(max_examples=60, deadline=None)
@given(world=worlds(), shuffle=st.randoms(use_true_random=False))
def test_order_of_queries_and_gallery_changes_nothing(world: World, shuffle: Any) -> None:
    world |= {"query_ids": world.get("query_ids", [f"query {row}" for row in range(len(world["query_labels"]))])}
    world |= {"gallery_ids": world.get("gallery_ids", [f"item {row}" for row in range(len(world["gallery_labels"]))])}
    orders = {name: list(range(len(world[f"{name}_labels"]))) for name in ("query", "gallery")}
    for order in orders.values():
        shuffle.shuffle(order)
    shuffled = dict(world)
    for name, order in orders.items():
        for kind in ("embeddings", "labels"):
            shuffled[f"{name}_{kind}"] = world[f"{name}_{kind}"][order]
        shuffled[f"{name}_ids"] = [world[f"{name}_ids"][row] for row in order]
    expected, report = evaluate_retrieval(**world), evaluate_retrieval(**shuffled)
    assert report.n_skipped == expected.n_skipped
    position = {row: place for place, row in enumerate(orders["query"])}
    kept = [row for row, ranking in enumerate(plain_rankings(world)) if any(ranking)]
    moved = np.argsort(np.argsort([position[row] for row in kept]))
    for key, values in expected.per_query.items():
        np.testing.assert_array_equal(report.per_query[key][moved], values, err_msg=key)


@settings(max_examples=60, deadline=None)
@given(world=worlds())
def test_pessimistic_ties_never_score_more_than_optimistic_ones(world: World) -> None:
    low = evaluate_retrieval(**world | {"ties": "pessimistic"})
    high = evaluate_retrieval(**world | {"ties": "optimistic"})
    for key in KEYS:
        if key.startswith(("ap_", "map_", "ndcg", "precision_", "recall_", "true_")) and key in low.per_query:
            assert not (low.per_query[key] > high.per_query[key] + 1e-12).any(), key


@settings(max_examples=60, deadline=None)
@given(world=worlds())
def test_every_value_is_between_zero_and_one(world: World) -> None:
    for key, values in evaluate_retrieval(**world).per_query.items():
        assert not ((values < 0) | (values > 1 + 1e-12)).any(), key


def test_a_query_worked_by_hand() -> None:
    """Ranked levels 0, 2, 1, 0, 2 of L = 2: n_2 = 2, n_1 = 1, relevance 1/2 and 1/2."""
    report = evaluate_retrieval(
        np.ones((1, 1)),
        np.array([[5, 1]]),
        np.array([[5.0], [4.0], [3.0], [2.0], [1.0]]),
        np.array([[9, 3], [5, 1], [6, 1], [5, 2], [5, 1]]),  # the fourth repeats class 5 under another parent
    )
    expected = {
        "h_ap": (1 / 2 * 1 / 2 + 2 / 2 * 1 / 3 + 3 / 2 * 1 / 5) / (3 / 2),
        "ndcg": (3 / np.log2(3) + 1 / np.log2(4) + 3 / np.log2(6)) / (3 + 3 / np.log2(3) + 1 / np.log2(4)),
        "ndcg_at_1": 0.0,
        "asi": (0 / 1 + 1 / 2 + 2 / 3) / 3,
        "ap_level0": (1 / 2 + 2 / 5) / 2,
        "ap_level1": (1 / 2 + 2 / 3 + 3 / 5) / 3,
        "map_at_r_level0": (1 / 2) / 2,
        "map_at_r_level1": (1 / 2 + 2 / 3) / 3,
        "map_at_1_level0": 0.0,
        "map_at_5_level1": (1 / 2 + 2 / 3 + 3 / 5) / 3,
        "precision_at_5_level0": 2 / 5,
        "precision_at_10_level1": 3 / 10,
        "recall_at_1_level1": 0.0,
        "recall_at_5_level1": 1.0,
        "true_recall_at_1_level0": 0.0,
        "true_recall_at_5_level1": 1.0,
    }
    assert {key: report.means[key] for key in expected} == pytest.approx(expected)


def small_world(**changes: Any) -> World:
    draw = np.random.default_rng(0)
    world: World = {
        "query_embeddings": draw.normal(size=(4, 3)),
        "query_labels": np.array([[0, 0], [1, 0], [2, 1], [3, 1]]),
        "gallery_embeddings": draw.normal(size=(6, 3)),
        "gallery_labels": np.array([[0, 0], [1, 0], [2, 1], [3, 1], [3, 1], [0, 0]]),
    }
    return world | changes


def with_value(table: np.ndarray, row: int, value: float) -> np.ndarray:
    changed = table.copy()
    changed[row, 0] = value
    return changed


WORLD = small_world()
REFUSED: list[tuple[World, str]] = [
    ({"metrics": ["mrr"]}, r"metric 'mrr' is unknown; known, with .*h_ap, ndcg, .*true_recall_at_<k>_level<n>"),
    ({"metrics": ["recall_at_0_level0"]}, "unknown"),
    ({"metrics": ["recall_at_5"]}, "unknown"),
    ({"metrics": ["ap_level2"]}, r"'ap_level2': the labels have 2 levels, 0 \(finest\) to 1"),
    ({"metrics": "h_ap"}, r"give a list of keys: \['h_ap'\]"),
    ({"ties": "fair"}, "ties 'fair' are unknown; known: pessimistic, optimistic"),
    ({"relevance": "uniform"}, "relevance 'uniform' is unknown"),
    ({"alpha": -1.0}, "alpha is -1.0"),
    ({"chunk": 0}, "chunk is 0; at least one query"),
    ({"query_ids": [1, 2, 3, 4]}, "query_ids and gallery_ids come together"),
    ({"gallery_ids": list("abcdef")}, "query_ids and gallery_ids come together"),
    ({"query_ids": [1, 2, 3], "gallery_ids": range(6)}, "3 query_ids for 4 embeddings"),
    ({"query_ids": list("abcd"), "gallery_ids": range(6)}, "hold int, str; they must be all int or all str"),
    ({"query_embeddings": np.zeros((4, 2))}, "must agree in D"),
    ({"query_embeddings": np.zeros((0, 3)), "query_labels": np.zeros((0, 2), int)}, "floats"),
    ({"query_embeddings": np.zeros((4, 3), int)}, r"query_embeddings are int64 of shape \(4, 3\); they must be floats"),
    ({"gallery_embeddings": torch.zeros(6)}, r"gallery_embeddings are torch.float32 of shape \(6,\)"),
    ({"gallery_embeddings": with_value(WORLD["gallery_embeddings"], 4, np.nan)}, r"gallery_embeddings\[4\] holds nan"),
    (
        {"query_embeddings": with_value(WORLD["query_embeddings"], 2, -np.inf)},
        r"query_embeddings\[2\] holds nan or inf",
    ),
    ({"query_embeddings": np.full((4, 3), 1e200)}, r"query_embeddings\[0\] .* overflow torch.float64"),
    ({"query_embeddings": np.full((4, 3), 1e19, np.float32), "gallery_embeddings": np.ones((6, 3), np.float32)}, "32"),
    ({"query_labels": np.zeros((3, 2), int)}, r"query_labels are of shape \(3, 2\) for 4 embeddings"),
    ({"gallery_labels": np.zeros((6, 3), int)}, r"differ in their number of levels: \[2, 3\]"),
    ({"query_labels": np.zeros((4, 2))}, "must be integers"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_bad_input_is_refused(changes: World, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_retrieval(**small_world(**changes))


def test_ids_may_be_numbers_of_any_kind() -> None:
    expected = evaluate_retrieval(**WORLD, query_ids=[0, 1, 2, 3], gallery_ids=range(6))
    assert evaluate_retrieval(**WORLD).means["ap_level0"] != expected.means["ap_level0"]
    ids = np.arange(6, dtype=np.int32)
    assert_same(evaluate_retrieval(**WORLD, query_ids=torch.arange(4), gallery_ids=ids), expected)
    assert_same(evaluate_retrieval(**WORLD, query_ids=list(ids[:4]), gallery_ids=ids.tolist()), expected)


def test_arrays_that_may_not_be_written_to_or_run_backwards_are_read() -> None:
    expected = evaluate_retrieval(**WORLD)
    frozen = {key: table.copy() for key, table in WORLD.items()}
    for table in frozen.values():
        table.flags.writeable = False
    assert_same(evaluate_retrieval(**frozen), expected)
    backwards = {key: table[::-1].copy()[::-1] for key, table in WORLD.items()}
    assert_same(evaluate_retrieval(**backwards), expected)


def test_embeddings_that_are_trained_on_stay_as_they_are() -> None:
    tensors = {key: torch.tensor(table) for key, table in WORLD.items()}
    tensors["query_embeddings"].requires_grad_()
    copies = {key: table.detach().clone() for key, table in tensors.items()}
    assert_same(
        evaluate_retrieval(**tensors, query_ids=range(4), gallery_ids=range(6)),
        evaluate_retrieval(**WORLD, query_ids=range(4), gallery_ids=range(6)),
    )
    assert all(torch.equal(copies[key], table) for key, table in tensors.items())


def test_metrics_are_all_forms_by_default_each_once() -> None:
    keys = [metric.key for metric in parse_metrics(None, 2)]
    assert len(keys) == len(set(keys)) == 3 + 4 + 2 * (2 + 4 * 4)
    assert list(evaluate_retrieval(**WORLD).means) == keys
    assert list(evaluate_retrieval(**WORLD, metrics=["asi", "h_ap", "asi"]).means) == ["asi", "h_ap"]
    assert evaluate_retrieval(**WORLD, metrics=[]).means == {}


def test_half_precision_is_compared_in_single() -> None:
    """2049 and 2048 are the same in half precision, so that scores in it would tie."""
    queries, gallery = torch.tensor([[1.0, 1.0]]), torch.tensor([[2048.0, 1.0], [2048.0, 0.0]])
    labels = torch.tensor([[0], [1]])
    for real in (torch.float16, torch.bfloat16):
        report = evaluate_retrieval(queries.to(real), labels[:1], gallery.to(real), labels, metrics=["ap_level0"])
        assert report.means == {"ap_level0": 1.0}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        report = evaluate_retrieval(queries, labels[:1], gallery, labels, metrics=["ap_level0"])
    assert report.means == {"ap_level0": 1.0}


def test_double_precision_is_not_lost() -> None:
    gallery = np.array([[1.0 + 1e-12], [1.0]])
    for queries in (np.ones((1, 1)), np.ones((1, 1), np.float32)):
        report = evaluate_retrieval(queries, np.array([[0]]), gallery, np.array([[0], [1]]), metrics=["ap_level0"])
        assert report.means == {"ap_level0": 1.0}
