"""Batches that hold positives at every level, for training with rank losses on images with hierarchical labels.

Both samplers go to a DataLoader as its batch_sampler. They draw without replacement: a group gives all its members, in
a shuffled order, before it gives one again (but for the few that do not fill a visit). A class of fewer than
m_per_class images repeats some of them: so every batch has the same geometry, which gathers across processes need, and
small classes are seen too; under random augmentation, a repeated image is another view.
"""

from collections.abc import Iterator
from math import lcm

import numpy as np
from torch import Tensor, distributed
from torch.utils.data import Sampler

from training.levels import path_ids


def draw(parents: np.ndarray, visits: np.ndarray, take: int, rng: np.random.Generator) -> np.ndarray:
    """Members that groups give when they are visited in turn, each visit for the next `take` of its group's members.

    A group of n >= take members shuffles them, gives them to n // take visits, and shuffles again; the remainder is
    left out of that pass. So no visit has a member twice, and in the long run all are drawn equally often. A group of
    n < take members shuffles them for each visit and gives each take // n times or once more, the same side by side.

    Args:
        parents: integer (N,), the group 0..G-1 of each member; no group is empty.
        visits: integer (V,), groups in the order of their visits.
        take: members of one visit.
        rng: the source of all chance.

    Returns:
        int64 (V, take), positions in `parents`.
    """
    sizes = np.bincount(parents)
    visit_counts = np.bincount(visits, minlength=len(sizes))
    visits_per_pass = np.maximum(sizes // take, 1)

    pass_counts = -(-visit_counts // visits_per_pass)  # rounded up
    pass_groups = np.repeat(np.arange(len(sizes)), pass_counts)  # passes are numbered group after group
    pass_sizes = sizes[pass_groups]
    places = np.repeat(run_starts(sizes)[pass_groups], pass_sizes) + run_steps(pass_sizes)
    members = np.argsort(parents, kind="stable")[places]  # those of the first pass, of the second, ...
    mixed = rng.permutation(len(members))
    pass_of = np.repeat(np.arange(len(pass_groups)), pass_sizes)
    shuffled = members[mixed[np.argsort(pass_of[mixed], kind="stable")]]  # within each pass

    earlier_visits = np.empty(len(visits), np.int64)  # to the same group
    earlier_visits[np.argsort(visits, kind="stable")] = run_steps(visit_counts)
    earlier_passes, turns = np.divmod(earlier_visits, visits_per_pass[visits])
    first = run_starts(pass_sizes)[run_starts(pass_counts)[visits] + earlier_passes] + turns * take
    steps = np.arange(take) * np.minimum(sizes[visits], take)[:, None] // take  # 0 1 2 3; of three members 0 0 1 2
    drawn: np.ndarray = shuffled[first[:, None] + steps]
    return drawn


def run_starts(lengths: np.ndarray) -> np.ndarray:
    """Where each run begins when runs of these lengths follow each other."""
    starts: np.ndarray = np.cumsum(lengths) - lengths
    return starts


def run_steps(lengths: np.ndarray) -> np.ndarray:
    """0, 1, ... within each run, for runs of these lengths that follow each other."""
    steps: np.ndarray = np.arange(lengths.sum()) - np.repeat(run_starts(lengths), lengths)
    return steps


def draw_images(classes: np.ndarray, visits: np.ndarray, m_per_class: int, rng: np.random.Generator) -> np.ndarray:
    """Images of class visits; a class that stands several times in a row of visits gives other images each time.

    Args:
        classes: integer (N,), the class of each image.
        visits: integer (R, C), classes, the same ones of a row side by side.
        m_per_class: images of one visit.
        rng: the source of all chance.

    Returns:
        int64 (R, C * m_per_class), images.
    """
    is_first = np.ones(visits.shape, bool)
    is_first[:, 1:] = visits[:, 1:] != visits[:, :-1]
    firsts = np.flatnonzero(is_first)
    repeats = np.diff(firsts, append=visits.size)
    images = np.empty((visits.size, m_per_class), np.int64)
    for repeat in np.unique(repeats):  # almost always 1 alone
        chosen = firsts[repeats == repeat]
        drawn = draw(classes, visits.ravel()[chosen], repeat * m_per_class, rng)
        images[chosen[:, None] + np.arange(repeat)] = drawn.reshape(-1, repeat, m_per_class)
    return images.reshape(len(visits), -1)


class ClassBatchSampler(Sampler[list[int]]):
    """What the samplers share: super-classes, classes within them, images of those; epochs; the share of a process.

    Args:
        classes: integer (N,), the class 0..C-1 of each image.
        supers: integer (N,), the super-class 0..S-1 of each image.
        supers_per_batch: different super-classes of a batch.
        batch_size: see MPerClassSampler, as for all others.
    """

    def __init__(
        self,
        classes: np.ndarray,
        supers: np.ndarray,
        supers_per_batch: int,
        batch_size: int,
        m_per_class: int,
        batch_count: int | None,
        seed: int,
        rank: int | None,
        world_size: int | None,
    ) -> None:
        super().__init__()
        if not len(classes):
            raise ValueError("labels have no rows; a sampler needs the labels of at least one image")
        is_running = distributed.is_available() and distributed.is_initialized()
        self.rank = rank if rank is not None else distributed.get_rank() if is_running else 0
        self.world_size = world_size if world_size is not None else distributed.get_world_size() if is_running else 1
        self.supers_per_batch, self.batch_size, self.m_per_class = supers_per_batch, batch_size, m_per_class
        self.batch_count = max(1, len(classes) // max(1, batch_size)) if batch_count is None else batch_count
        self.seed, self.epoch = seed, 0
        self.check_geometry()
        self.classes = classes
        self.class_supers = np.empty(classes.max() + 1, supers.dtype)
        self.class_supers[classes] = supers

    def check_geometry(self) -> None:
        """Raise the ValueError of a batch that cannot be made of equal parts."""
        sizes = ("batch_size", "m_per_class", "supers_per_batch", "batch_count", "world_size")
        for name, least in {**dict.fromkeys(sizes, 1), "seed": 0}.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        if not 0 <= self.rank < self.world_size:
            raise ValueError(f"rank is {self.rank}; of world_size {self.world_size} it is 0..{self.world_size - 1}")
        unit = self.m_per_class * lcm(self.supers_per_batch, self.world_size)
        if self.batch_size % unit:
            below = self.batch_size // unit * unit
            raise ValueError(
                f"batch_size {self.batch_size} is not a multiple of {unit}, with which each of supers_per_batch"
                f" {self.supers_per_batch} super-classes and of world_size {self.world_size} processes gets the same"
                f" number of whole classes of m_per_class {self.m_per_class} images; take"
                f" {f'{below} or ' if below else ''}{below + unit}"
            )

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0; without a call before each epoch, every one has the same batches."""
        self.epoch = epoch

    def schedule(self) -> np.ndarray:
        """Images of every batch of the epoch for all processes together, int64 (batch_count, batch_size)."""
        rng = np.random.default_rng([self.seed, self.epoch])
        classes_per_super = self.batch_size // self.m_per_class // self.supers_per_batch
        root = np.zeros(self.class_supers.max() + 1, np.int64)  # the one group of all super-classes
        supers = draw(root, np.zeros(self.batch_count, np.int64), self.supers_per_batch, rng)
        classes = draw(self.class_supers, supers.ravel(), classes_per_super, rng)
        images = draw_images(self.classes, classes, self.m_per_class, rng)
        parts = images.reshape(self.batch_count, self.supers_per_batch, classes_per_super, self.m_per_class)
        # Super-classes take turns, so that the share of each process has classes of all.
        return parts.swapaxes(1, 2).reshape(self.batch_count, self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        """Images of this process, batch by batch."""
        share = self.batch_size // self.world_size
        own = slice(self.rank * share, (self.rank + 1) * share)
        for batch in self.schedule():
            yield batch[own].tolist()

    def __len__(self) -> int:
        """Batches of an epoch."""
        return self.batch_count


class MPerClassSampler(ClassBatchSampler):
    """Batches of batch_size / m_per_class different classes, drawn from all, and m_per_class images of each.

    All classes are drawn equally often, whatever their numbers of images.

    Args:
        labels: integer (N, L), column 0 finest. Classes are those of column 0, told apart by all columns.
        batch_size: images of a batch over all processes together; each process gets the same number of whole classes.
        m_per_class: images of a class in a batch.
        batch_count: batches of an epoch; N // batch_size, at least 1, if None.
        seed: the same seed and epoch give the same batches, in every process.
        rank: which share of each batch to yield; if None, that of torch.distributed, or 0 where it does not run.
        world_size: number of shares; if None, that of torch.distributed, or 1.

    Raises:
        ValueError: a batch_size that does not split into whole classes for each process; fewer classes than a batch
            has; labels that are not integers of shape (N, L); numbers out of range.
    """

    def __init__(
        self,
        labels: np.ndarray | Tensor,
        batch_size: int,
        m_per_class: int = 4,
        *,
        batch_count: int | None = None,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        classes = path_ids(np.asarray(labels))[0][:, 0]
        everywhere = np.zeros_like(classes)  # one super-class, of all classes
        super().__init__(classes, everywhere, 1, batch_size, m_per_class, batch_count, seed, rank, world_size)
        if len(self.class_supers) < batch_size // m_per_class:
            raise ValueError(
                f"labels have {len(self.class_supers)} classes, a batch needs {batch_size // m_per_class}: lower"
                f" batch_size to at most {len(self.class_supers) * m_per_class}, or raise m_per_class"
            )


class HierarchicalSampler(ClassBatchSampler):
    """Batches of few super-classes, classes of each, and m_per_class images of each class (HAPPIER, arXiv 2207.04873).

    Most items of a batch then agree at some level, more than where classes are drawn from all. All super-classes are
    drawn equally often, and so are the classes of one. A super-class with fewer classes than its part of a batch fills
    it with more images of those it has, evenly; only then may a class be shared between processes.

    Args:
        labels: integer (N, L), column 0 finest, L >= 2. Classes are those of column 0, told apart by all columns.
        batch_size: images of a batch over all processes together; each process gets the same number of whole classes.
        m_per_class: images of a class in a batch.
        supers_per_batch: different super-classes of a batch.
        super_column: column of labels that holds the super-classes, -1 the coarsest.
        batch_count: see MPerClassSampler.
        seed: see MPerClassSampler.
        rank: see MPerClassSampler.
        world_size: see MPerClassSampler.

    Raises:
        ValueError: as MPerClassSampler, for super-classes in place of classes; a super_column that is none of 1..L-1.
    """

    def __init__(
        self,
        labels: np.ndarray | Tensor,
        batch_size: int,
        m_per_class: int = 4,
        supers_per_batch: int = 2,
        super_column: int = -1,
        *,
        batch_count: int | None = None,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        paths = path_ids(np.asarray(labels))[0]
        level_count = paths.shape[1]
        if not 1 <= (super_column + level_count if super_column < 0 else super_column) < level_count:
            raise ValueError(
                f"super_column is {super_column}, labels have {level_count} columns; super-classes are those of a"
                " column coarser than 0 (for labels of one level, take MPerClassSampler)"
            )
        classes, supers = paths[:, 0], paths[:, super_column]
        super().__init__(
            classes, supers, supers_per_batch, batch_size, m_per_class, batch_count, seed, rank, world_size
        )
        super_count = self.class_supers.max() + 1
        if super_count < supers_per_batch:
            raise ValueError(
                f"labels have {super_count} super-classes in column {super_column}, a batch needs supers_per_batch"
                f" {supers_per_batch}: lower it, or take a finer super_column"
            )
