"""Means and intervals of the benchmark: what they cover, what moves together, and what must not matter to them."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, t

from training.benchmark import statistics
from training.benchmark.statistics import Intervals, drawn_means, intervals

FEW_DRAWS = 400


def query_counts(draw: np.random.Generator, landmark_count: int = 40) -> np.ndarray:
    """Landmark of each query: 1 to 7 queries each."""
    return np.repeat(np.arange(landmark_count), draw.integers(1, 8, landmark_count))


def noisy_values(
    draw: np.random.Generator, landmarks: np.ndarray, of_seeds: float, of_landmarks: float, of_queries: float = 0.05
) -> np.ndarray:
    """Values (3, Q, 1) whose true mean is 0, with these standard deviations of what varies."""
    seeds = draw.normal(0, of_seeds, (3, 1))
    places = draw.normal(0, of_landmarks, landmarks.max() + 1)[landmarks]
    return (seeds + places + draw.normal(0, of_queries, (3, len(landmarks))))[:, :, None]


def plain_means(values: np.ndarray) -> list[float]:
    """Mean over seeds of the mean over the queries with a value."""
    found = []
    for metric in range(values.shape[2]):
        of_seeds = []
        for seed in range(values.shape[0]):
            held = [value for value in values[seed, :, metric].tolist() if value == value]
            of_seeds.append(sum(held) / len(held) if held else float("nan"))
        found.append(sum(of_seeds) / len(of_seeds))
    return found


def assert_close(one: Intervals, other: Intervals) -> None:
    for name in ("mean", "low", "high"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=0, atol=1e-12)


def test_identical_models_differ_by_exactly_nothing() -> None:
    draw = np.random.default_rng(0)
    landmarks = query_counts(draw)
    values = noisy_values(draw, landmarks, 0.1, 0.1)
    found = intervals(values - values, landmarks)
    assert (found.mean.tolist(), found.low.tolist(), found.high.tolist()) == ([0.0], [0.0], [0.0])


@pytest.mark.parametrize(
    ("of_seeds", "of_landmarks"), [(0.1, 0.02), (0.0, 0.2), (0.03, 0.2), (0.1, 0.6)], ids=lambda value: str(value)
)
def test_an_interval_covers_the_truth_about_95_times_of_100(of_seeds: float, of_landmarks: float) -> None:
    covered = []
    for world in range(200):
        draw = np.random.default_rng(world)
        landmarks = query_counts(draw)
        found = intervals(noisy_values(draw, landmarks, of_seeds, of_landmarks), landmarks, draws=FEW_DRAWS)
        covered.append(found.low[0] <= 0 <= found.high[0])
    assert 0.90 <= np.mean(covered) <= 0.99


def test_a_difference_larger_than_the_noise_is_found() -> None:
    for world in range(10):
        draw = np.random.default_rng(world)
        landmarks = query_counts(draw)
        found = intervals(0.15 + noisy_values(draw, landmarks, 0.01, 0.15), landmarks, draws=FEW_DRAWS)
        assert 0 < found.low[0] < found.mean[0] < found.high[0]


def test_a_difference_as_large_as_seeds_vary_is_not_believed() -> None:
    """Three seeds of which one disagrees: the landmarks are sure, the seeds are not."""
    landmarks = np.repeat(np.arange(40), 3)
    values = np.broadcast_to(np.array([0.1, 0.1, -0.05])[:, None, None], (3, 120, 1))
    found = intervals(values, landmarks)
    assert found.low[0] < 0 < found.mean[0]


def test_copies_of_queries_do_not_make_the_interval_narrower() -> None:
    draw = np.random.default_rng(3)
    landmarks = query_counts(draw)
    values = noisy_values(draw, landmarks, 0, 0.1)
    copied = intervals(np.repeat(values, 5, axis=1), np.repeat(landmarks, 5))
    assert_close(copied, intervals(values, landmarks))
    alone = intervals(np.repeat(values, 5, axis=1), np.arange(5 * len(landmarks)))  # what would be wrong
    assert alone.high[0] - alone.low[0] < copied.high[0] - copied.low[0]


def test_a_landmark_counts_by_its_queries() -> None:
    values = np.array([0.0, 0.0, 0.0, 1.0]).reshape(1, 4, 1)
    assert intervals(values, np.array([7, 7, 7, 9])).mean.tolist() == [0.25]


def test_the_order_of_queries_does_not_matter() -> None:
    draw = np.random.default_rng(4)
    landmarks = query_counts(draw)
    values = noisy_values(draw, landmarks, 0.05, 0.1)
    order = draw.permutation(len(landmarks))
    assert_close(intervals(values[:, order], landmarks[order]), intervals(values, landmarks))


def test_names_of_landmarks_do_not_matter() -> None:
    draw = np.random.default_rng(5)
    landmarks = query_counts(draw)
    values = noisy_values(draw, landmarks, 0.05, 0.1)
    numbered, found = intervals(values, landmarks), intervals(values, np.array([f"{n:03}" for n in landmarks]))
    assert_close(found, numbered)
    renamed = intervals(values, draw.permutation(1000)[landmarks])  # other names, in another order: other draws
    np.testing.assert_allclose(renamed.mean, numbered.mean)
    np.testing.assert_allclose(renamed.high - renamed.low, numbered.high - numbered.low, rtol=0.1)


def test_the_order_of_seeds_does_not_matter_to_the_mean() -> None:
    draw = np.random.default_rng(6)
    landmarks = query_counts(draw)
    values = noisy_values(draw, landmarks, 0.1, 0.05)
    one, other = intervals(values, landmarks), intervals(values[::-1], landmarks)
    np.testing.assert_allclose(one.mean, other.mean)
    np.testing.assert_allclose(one.high - one.low, other.high - other.low, rtol=0.1)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    draw = np.random.default_rng(7)
    landmarks = query_counts(draw)
    values = noisy_values(draw, landmarks, 0.05, 0.1)
    one, same = (intervals(values, landmarks, FEW_DRAWS, seed=3) for _ in range(2))
    other = intervals(values, landmarks, FEW_DRAWS, seed=4)
    assert (one.low.tolist(), one.high.tolist()) == (same.low.tolist(), same.high.tolist())
    assert (one.low.tolist(), one.high.tolist()) != (other.low.tolist(), other.high.tolist())
    assert one.mean.tolist() == other.mean.tolist()


def test_the_draws_do_not_touch_the_values_or_the_global_generator() -> None:
    values = np.array([[[0.5], [np.nan], [0.25]]])
    kept, state = values.copy(), np.random.get_state()[1].tolist()
    intervals(values, np.array([0, 0, 1]))
    np.testing.assert_array_equal(values, kept)
    assert np.random.get_state()[1].tolist() == state


def test_each_metric_has_the_interval_that_it_has_alone() -> None:
    draw = np.random.default_rng(8)
    landmarks = query_counts(draw)
    values = np.concatenate([noisy_values(draw, landmarks, 0.05, scale) for scale in (0.01, 0.1, 1)], axis=2)
    together = intervals(values, landmarks)
    for metric in range(3):
        alone = intervals(values[:, :, metric : metric + 1], landmarks)
        np.testing.assert_allclose([together.low[metric], together.high[metric]], [alone.low[0], alone.high[0]])


@pytest.mark.filterwarnings("error")
def test_one_seed_tells_of_landmarks_alone() -> None:
    draw = np.random.default_rng(9)
    landmarks = query_counts(draw)
    values = noisy_values(draw, landmarks, 0.1, 0.1)[:1]
    found = intervals(values, landmarks)
    per_landmark = np.array([values[0, landmarks == one, 0].mean() for one in range(40)])
    width = 4 * per_landmark.std(ddof=1) / np.sqrt(40)  # about, since landmarks have 1 to 7 queries
    assert found.low[0] < found.mean[0] < found.high[0]
    assert found.high[0] - found.low[0] == pytest.approx(width, rel=0.3)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed_count", [1, 2, 3])
def test_one_landmark_cannot_tell_how_landmarks_vary(seed_count: int) -> None:
    values = np.linspace(0.2, 0.4, seed_count).reshape(-1, 1, 1).repeat(4, axis=1)
    found = intervals(values, np.array(["tower"] * 4))
    assert found.mean[0] == pytest.approx(values.mean())
    assert np.isnan([found.low, found.high]).all()


@pytest.mark.filterwarnings("error")
def test_one_query_of_one_seed_is_its_own_mean() -> None:
    found = intervals(np.full((1, 1, 2), 0.5), np.array([3]))
    assert found.mean.tolist() == [0.5, 0.5]


def test_few_seeds_are_told_by_a_wider_interval() -> None:
    """Two seeds say less than ten that vary as much."""
    landmarks = np.arange(40)
    widths = []
    for seed_count in (2, 4, 10):
        values = np.resize([0.4, 0.6], seed_count).reshape(-1, 1, 1).repeat(40, axis=1)
        found = intervals(values, landmarks)
        widths.append(found.high[0] - found.low[0])
    assert all(wide > 1.5 * narrow for wide, narrow in pairwise(widths))


def test_seeds_alone_give_the_interval_of_student() -> None:
    """Where landmarks do not differ, the mean of five seeds has Student's interval with four degrees of freedom."""
    of_seeds = norm.ppf((np.arange(5) + 0.5) / 5)
    found = intervals(of_seeds.reshape(-1, 1, 1).repeat(20, axis=1), np.arange(20))
    width = 2 * t.ppf(0.975, 4) * of_seeds.std(ddof=1) / np.sqrt(5)
    assert found.high[0] - found.low[0] == pytest.approx(width, rel=0.05)


@given(st.data(), st.integers(1, 3), st.integers(1, 12), st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_means_leave_out_what_is_not_defined(data: st.DataObject, seed_count: int, count: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    values = draw.random((seed_count, count, 2))
    missing = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    values[:, missing, 1] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tests with filterwarnings ask for none
        landmarks = draw.integers(0, 4, count)
        found = intervals(values, landmarks, draws=50)
    np.testing.assert_allclose(found.mean, plain_means(values))
    defined = set(landmarks[~np.array(missing)].tolist())
    assert np.isnan([found.low[1], found.high[1]]).tolist() == [len(defined) < 2] * 2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed_count", [1, 3])
def test_a_metric_that_is_never_defined_is_nan_without_a_warning(seed_count: int) -> None:
    draw = np.random.default_rng(10)
    values = draw.random((seed_count, 20, 2))
    values[:, :, 1] = np.nan
    landmarks = np.repeat(np.arange(5), 4)
    found = intervals(values, landmarks, draws=FEW_DRAWS)
    assert np.isnan([found.mean[1], found.low[1], found.high[1]]).all()
    alone = intervals(values[:, :, :1], landmarks, draws=FEW_DRAWS)
    assert (found.mean[0], found.low[0], found.high[0]) == (alone.mean[0], alone.low[0], alone.high[0])


@pytest.mark.filterwarnings("error")
def test_a_metric_that_one_landmark_of_many_defines_has_its_value() -> None:
    """Draws without that landmark define nothing, and are left out."""
    values = np.full((2, 20, 1), np.nan)
    values[:, :2] = 0.75
    found = intervals(values, np.repeat(np.arange(10), 2), draws=FEW_DRAWS)
    assert found.mean.tolist() == [0.75]
    assert np.isnan([found.low, found.high]).all()


def test_landmarks_that_do_not_define_a_metric_make_its_interval_no_narrower() -> None:
    values = np.full((1, 40, 1), np.nan)
    values[0, :4, 0] = [0.1, 0.2, 0.3, 0.4]
    among, alone = intervals(values, np.arange(40)), intervals(values[:, :4], np.arange(4))
    assert among.mean == pytest.approx(alone.mean)
    assert among.high[0] - among.low[0] > 0.9 * (alone.high[0] - alone.low[0])


def test_draws_are_means_over_the_queries_of_the_drawn_landmarks() -> None:
    """Against loops that lay the queries of drawn landmarks side by side."""
    draw = np.random.default_rng(11)
    landmarks = query_counts(draw, 6)
    values = draw.random((2, len(landmarks), 1))
    sums = np.stack([values[:, landmarks == one].sum(1) for one in range(6)])
    counts = np.stack([np.full((2, 1), (landmarks == one).sum(), np.float64) for one in range(6)])
    found = drawn_means(sums, counts, 5, np.random.default_rng(12))
    weights = np.random.default_rng(12).multinomial(6, [1 / 6] * 6, 5)
    assert (weights.sum(1) == 6).all()
    for number, times in enumerate(weights.tolist()):
        for seed in range(2):
            drawn = [value for one in range(6) for value in values[seed, landmarks == one, 0].tolist() * times[one]]
            assert found[number, seed, 0] == pytest.approx(sum(drawn) / len(drawn))


@pytest.mark.parametrize("at_a_time", [1, 40, 41, 40 * 7, 40 * FEW_DRAWS])
def test_draws_in_parts_are_the_draws_at_once(at_a_time: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(13)
    landmarks = query_counts(draw)
    values = noisy_values(draw, landmarks, 0.05, 0.1)
    whole = intervals(values, landmarks, FEW_DRAWS)
    monkeypatch.setattr(statistics, "WEIGHTS_AT_A_TIME", at_a_time)
    assert_close(intervals(values, landmarks, FEW_DRAWS), whole)


@pytest.mark.parametrize(
    ("shape", "landmark_count"), [((0, 4, 1), 4), ((2, 0, 1), 0), ((2, 4, 1), 3), ((2, 4, 1), 5), ((1, 1, 1), 0)]
)
def test_values_and_landmarks_that_do_not_fit_are_told(shape: tuple[int, ...], landmark_count: int) -> None:
    with pytest.raises(ValueError, match="give one for each query"):
        intervals(np.zeros(shape), np.arange(landmark_count))
