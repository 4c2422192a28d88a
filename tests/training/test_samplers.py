"""What every batch of the samplers holds, how often each image and class comes, and how processes share batches."""

from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import chain, combinations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import distributed
from torch.utils.data import DataLoader

from training.samplers import ClassBatchSampler, HierarchicalSampler, MPerClassSampler, draw


@st.composite
def label_tables(draw_value: st.DrawFn, min_levels: int = 1) -> np.ndarray:
    """Labels (N, L) with classes of very unequal sizes, and ids used again under other parents."""
    level_count = draw_value(st.integers(min_levels, 3))
    row = st.tuples(*[st.integers(0, highest) for highest in (5, 2, 3)[:level_count]])
    return np.array(draw_value(st.lists(row, min_size=1, max_size=50)))


def paths(labels: np.ndarray, column: int) -> list[tuple[int, ...]]:
    """Class of each image at a column, by its labels there and in all coarser columns."""
    return [tuple(row[column:]) for row in labels.tolist()]


def assert_evenly_used(drawn: list[Any], available: set[Any]) -> None:
    """All of the available ones differ by at most one in how often they were drawn, and nothing else was."""
    counts = Counter(drawn)
    assert set(drawn) <= available
    assert max(counts.values()) - min(counts[one] for one in available) <= 1


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    visit_seeds=st.lists(st.integers(0, 5), min_size=1, max_size=30),
    take=st.integers(1, 5),
    seed=st.integers(0, 9),
)
def test_draw_goes_through_each_group_without_replacement(
    sizes: list[int], visit_seeds: list[int], take: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    parents = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    visits = np.array(visit_seeds) % len(sizes)
    drawn = draw(parents, visits, take, rng)
    assert drawn.shape == (len(visits), take)
    of_group = defaultdict(list)
    for group, members in zip(visits.tolist(), drawn.tolist(), strict=True):
        assert_evenly_used(members, set(np.flatnonzero(parents == group).tolist()))
        assert members == sorted(members, key=members.index)  # repeats side by side
        of_group[group].append(members)
    for group, rows in of_group.items():
        visits_per_pass = max(1, sizes[group] // take)
        for start in range(0, len(rows), visits_per_pass):
            of_pass = list(chain(*rows[start : start + visits_per_pass]))
            assert len(set(of_pass)) == min(len(of_pass), sizes[group])


def test_draw_shuffles_each_pass_anew_all_orders_alike() -> None:
    drawn = draw(np.zeros(3, int), np.zeros(18_000, int), 1, np.random.default_rng(0))
    orders = Counter(map(tuple, drawn.reshape(-1, 3).tolist()))
    assert len(orders) == 6
    assert all(abs(count - 1000) < 150 for count in orders.values())  # five standard deviations


@pytest.mark.parametrize(("size", "take"), [(5, 4), (7, 3), (3, 4), (2, 5), (4, 2)])
def test_draw_is_fair_in_the_long_run(size: int, take: int) -> None:
    visit_count = 4000
    drawn = draw(np.zeros(size, int), np.zeros(visit_count, int), take, np.random.default_rng(0))
    counts = np.bincount(drawn.ravel(), minlength=size)
    expected = visit_count * take / size
    assert np.abs(counts - expected).max() < 5 * visit_count**0.5
    if size % take == 0:
        assert (counts == expected).all()


@settings(max_examples=100, deadline=None)
@given(data=st.data(), labels=label_tables(), m_per_class=st.integers(1, 4), seed=st.integers(0, 9))
def test_m_per_class_batches(data: st.DataObject, labels: np.ndarray, m_per_class: int, seed: int) -> None:
    classes = paths(labels, 0)
    classes_per_batch = data.draw(st.integers(1, len(set(classes))))
    sampler = MPerClassSampler(labels, classes_per_batch * m_per_class, m_per_class, batch_count=5, seed=seed)
    batches = list(sampler)
    assert len(batches) == len(sampler) == 5
    for batch in batches:
        assert len(batch) == classes_per_batch * m_per_class
        blocks = [batch[start : start + m_per_class] for start in range(0, len(batch), m_per_class)]
        assert len({classes[block[0]] for block in blocks}) == classes_per_batch
        for block in blocks:
            assert_evenly_used(block, {image for image, one in enumerate(classes) if one == classes[block[0]]})


@settings(max_examples=150, deadline=None)
@given(
    data=st.data(),
    labels=label_tables(min_levels=2),
    m_per_class=st.integers(1, 3),
    classes_per_super=st.integers(1, 5),
    seed=st.integers(0, 9),
)
def test_hierarchical_batches(
    data: st.DataObject, labels: np.ndarray, m_per_class: int, classes_per_super: int, seed: int
) -> None:
    column = data.draw(st.integers(1, labels.shape[1] - 1))
    classes, supers = paths(labels, 0), paths(labels, column)
    supers_per_batch = data.draw(st.integers(1, len(set(supers))))
    batch_size = supers_per_batch * classes_per_super * m_per_class
    super_column = data.draw(st.sampled_from([column, column - labels.shape[1]]))
    sampler = HierarchicalSampler(
        labels, batch_size, m_per_class, supers_per_batch, super_column, batch_count=4, seed=seed
    )
    for batch in sampler:
        assert len(batch) == batch_size
        assert Counter(supers[image] for image in batch) == dict.fromkeys(
            {supers[image] for image in batch}, classes_per_super * m_per_class
        )
        assert len({supers[image] for image in batch}) == supers_per_batch
        for one in {supers[image] for image in batch}:
            of_super = [classes[image] for image in batch if supers[image] == one]
            available = {own for own, parent in zip(classes, supers, strict=True) if parent == one}
            blocks = of_super[::m_per_class]
            assert of_super == [own for own in blocks for _ in range(m_per_class)]
            assert_evenly_used(blocks, available)
        for own in {classes[image] for image in batch}:
            drawn = [image for image in batch if classes[image] == own]
            assert_evenly_used(drawn, {image for image, other in enumerate(classes) if other == own})


def small_table() -> np.ndarray:
    """300 images of 40 classes in 8 super-classes."""
    rng = np.random.default_rng(0)
    classes = np.concatenate([np.arange(40), rng.integers(0, 40, 260)])
    return np.stack([classes, classes % 8], axis=1)


BUILDERS: dict[str, Callable[..., ClassBatchSampler]] = {
    "m_per_class": lambda **settings: MPerClassSampler(small_table(), 32, **settings),
    "hierarchical": lambda **settings: HierarchicalSampler(small_table(), 32, **settings),
}


@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
def test_seed_and_epoch_decide_the_batches(build: Callable[..., ClassBatchSampler]) -> None:
    sampler, same, other_seed = build(seed=3), build(seed=3), build(seed=4)
    first = list(sampler)
    assert first == list(sampler) == list(same) != list(other_seed)
    sampler.set_epoch(1)
    second = list(sampler)
    assert second != first
    same.set_epoch(1)
    assert second == list(same)
    sampler.set_epoch(0)
    assert first == list(sampler)


@pytest.mark.parametrize("world_size", [2, 4])
@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
def test_processes_share_the_batches_of_one(build: Callable[..., ClassBatchSampler], world_size: int) -> None:
    whole = list(build())
    shares = [list(build(rank=rank, world_size=world_size)) for rank in range(world_size)]
    assert [list(chain(*parts)) for parts in zip(*shares, strict=True)] == whole
    classes = small_table()[:, 0]
    for parts in zip(*shares, strict=True):
        assert len({len(part) for part in parts}) == 1
        for one, other in combinations(parts, 2):
            assert not set(classes[one]) & set(classes[other])


def test_each_process_sees_all_super_classes_of_a_batch() -> None:
    for share in HierarchicalSampler(small_table(), 32, rank=1, world_size=2):
        assert len(set(small_table()[share, 1])) == 2


@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
def test_running_torch_distributed_gives_the_share(
    build: Callable[..., ClassBatchSampler], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list(build(rank=1, world_size=2))
    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(distributed, "get_world_size", lambda: 2)
    assert list(build()) == asked
    assert list(build(rank=0, world_size=1)) != asked


def test_all_classes_come_equally_often() -> None:
    classes = small_table()[:, 0]
    drawn = np.array(list(MPerClassSampler(small_table(), 32, batch_count=50)))
    assert set(Counter(classes[drawn[:, ::4].ravel()]).values()) == {10}
    drawn = np.array(list(HierarchicalSampler(small_table(), 32, batch_count=40)))
    assert set(Counter(classes[drawn].ravel() % 8).values()) == {160}


def test_all_images_of_a_class_come_equally_often() -> None:
    labels = np.repeat(np.arange(4), (8, 4, 2, 1)).reshape(-1, 1)
    counts = Counter(np.array(list(MPerClassSampler(labels, 16, batch_count=50))).ravel().tolist())
    assert [counts[image] for image in range(15)] == [25] * 8 + [50] * 4 + [100] * 2 + [200]


def test_batches_are_full_when_every_class_is_small() -> None:
    """The published sampler then yields none."""
    labels = np.stack([np.arange(64), np.arange(64) % 4], axis=1)
    for sampler in (MPerClassSampler(labels, 32), HierarchicalSampler(labels, 32)):
        batches = list(sampler)
        assert [len(batch) for batch in batches] == [32, 32]
        assert all(set(Counter(batch).values()) == {4} for batch in batches)


def test_one_class() -> None:
    labels = np.zeros((6, 2), int)
    (batch,) = MPerClassSampler(labels, 4)
    assert len(set(batch)) == 4
    (batch,) = HierarchicalSampler(labels, 6, 2, 1)
    assert sorted(batch) == [0, 1, 2, 3, 4, 5]  # one class three times, with other images


def test_ids_used_again_under_other_parents_are_other_classes() -> None:
    labels = np.array([[0, 0], [0, 0], [0, 1], [0, 1]])
    (batch,) = MPerClassSampler(labels, 4, 2)
    assert sorted(batch) == [0, 1, 2, 3]


def test_an_epoch_has_as_many_batches_as_fill_with_all_images() -> None:
    assert len(MPerClassSampler(small_table(), 32)) == 300 // 32
    assert len(MPerClassSampler(small_table()[:40], 160)) == 1  # larger than the set
    assert len(MPerClassSampler(small_table(), 32, batch_count=7)) == 7


@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
def test_data_loader_takes_them(build: Callable[..., ClassBatchSampler]) -> None:
    loader = DataLoader(torch.from_numpy(small_table()), batch_sampler=build(seed=1))
    assert len(loader) == 9
    expected = [small_table()[batch].tolist() for batch in build(seed=1)]
    assert [labels.tolist() for labels in loader] == expected


def test_tensors_are_taken_for_labels() -> None:
    assert list(MPerClassSampler(torch.from_numpy(small_table()), 32)) == list(MPerClassSampler(small_table(), 32))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: MPerClassSampler(small_table(), 30), r"batch_size 30 is not a multiple of 4, .*; take 28 or 32"),
        (lambda: MPerClassSampler(small_table(), 2), "not a multiple of 4, .*; take 4$"),
        (lambda: MPerClassSampler(small_table(), 36, rank=0, world_size=2), "multiple of 8, .*; take 32 or 40"),
        (lambda: HierarchicalSampler(small_table(), 36, 4, 3, world_size=2), "multiple of 24, .*; take 24 or 48"),
        (lambda: MPerClassSampler(small_table(), 200), "40 classes, a batch needs 50: lower batch_size to at most 160"),
        (lambda: HierarchicalSampler(small_table(), 36, 4, 9), "8 super-classes .* supers_per_batch 9: lower it"),
        (lambda: HierarchicalSampler(small_table(), 32, super_column=0), "super_column is 0, labels have 2 columns"),
        (lambda: HierarchicalSampler(small_table(), 32, super_column=-2), "super_column is -2"),
        (lambda: HierarchicalSampler(small_table(), 32, super_column=2), "super_column is 2"),
        (lambda: HierarchicalSampler(small_table(), 32, super_column=-3), "super_column is -3"),
        (lambda: HierarchicalSampler(small_table()[:, :1], 32), "for labels of one level, take MPerClassSampler"),
        (lambda: MPerClassSampler(small_table()[:, 0], 32), r"shape \(300,\)"),
        (lambda: MPerClassSampler(small_table()[:0], 32), "labels have no rows"),
        (lambda: MPerClassSampler(small_table(), 0), "batch_size is 0; it must be at least 1"),
        (lambda: MPerClassSampler(small_table(), 32, 0), "m_per_class is 0"),
        (lambda: HierarchicalSampler(small_table(), 32, 4, 0), "supers_per_batch is 0"),
        (lambda: MPerClassSampler(small_table(), 32, batch_count=0), "batch_count is 0"),
        (lambda: MPerClassSampler(small_table(), 32, seed=-1), "seed is -1; it must be at least 0"),
        (lambda: MPerClassSampler(small_table(), 32, world_size=0), "world_size is 0"),
        (lambda: MPerClassSampler(small_table(), 32, rank=2, world_size=2), r"rank is 2; of world_size 2 it is 0\.\.1"),
    ],
)
def test_what_does_not_fit_is_told(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
