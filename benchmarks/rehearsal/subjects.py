"""The subjects of a rehearsal: what each category is about, drawn once from a fixed seed and held as small arrays.

Train landmarks come first, then the index landmarks that share no category with a train landmark. Metadata and world
are both made from this, so they agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from benchmarks.rehearsal.ingredients import NO_LABEL, Ingredients
from pipeline.titles import title_of_url
from pipeline.wikimedia.links import CATEGORY_CLASS, REJECTED_CLASSES

SEED = 20_261_124
TRAIN_LANDMARKS, INDEX_LANDMARKS = 203_094, 101_000
SHARED_CATEGORIES = 0.02  # of the index landmarks: a train landmark has the same category
RARE_CLASS, WITHOUT_CLASS = 0.4, 0.05
NO_LANDMARK = frozenset({CATEGORY_CLASS, *REJECTED_CLASSES})  # an item of these classes is not linked
ADDRESS = "http://commons.wikimedia.org/wiki/Category:"
Ints = npt.NDArray[np.int64]


class Kind(IntEnum):
    """How a category leads to its item."""

    SITELINK = 0
    TOPIC = 1  # a category item with P301
    MERGED_TOPIC = 2  # the same, whose P301 names an id that was merged into the item's
    MAIN_CATEGORY = 3  # a category item without P301; the item names it in P910
    P373 = 4
    TWO_P373 = 5  # two items name the category: doubtful
    REDIRECT = 6  # a soft redirect on Commons to a category that an item links to
    NO_ITEM = 7
    NO_PAGE = 8  # not even a page on Commons


SHARES = {
    Kind.SITELINK: 0.50,
    Kind.TOPIC: 0.225,
    Kind.MERGED_TOPIC: 0.005,
    Kind.MAIN_CATEGORY: 0.01,
    Kind.P373: 0.13,
    Kind.TWO_P373: 0.02,
    Kind.REDIRECT: 0.01,
    Kind.NO_ITEM: 0.08,
    Kind.NO_PAGE: 0.02,
}


@dataclass(frozen=True)
class Subjects:
    """Columns over the subjects; `chance` is a number of each for whatever else about it is drawn."""

    train_count: int
    index_subjects: Ints  # subject of every index landmark
    pages: list[str]
    titles: list[str]
    labels: list[str]
    kinds: npt.NDArray[np.int8]
    class_sets: list[tuple[str, ...]]
    chance: npt.NDArray[np.uint32]


def scaled(count: int, share: float) -> int:
    """A count of the full set at this share of it; never nothing."""
    return max(1, round(count * share))


def draw_subjects(found: Ingredients, share: float) -> Subjects:
    """Draw the subjects of a world of this share of the full size."""
    draw = np.random.default_rng(SEED)
    train_count, index_count = scaled(TRAIN_LANDMARKS, share), scaled(INDEX_LANDMARKS, share)
    twins = int(index_count * SHARED_CATEGORIES)
    count = train_count + index_count - twins
    of_index = np.concatenate([draw.choice(train_count, twins, replace=False), np.arange(train_count, count)])
    names = list(found.label_shares)
    chances = np.array(list(found.label_shares.values()))
    labels = [names[n] for n in draw.choice(len(names), count, p=chances / chances.sum())]
    pages, titles = _draw_pages(found, labels, draw)
    kinds = draw.choice(np.array(list(SHARES), dtype=np.int8), count, p=list(SHARES.values()))
    return Subjects(
        train_count=train_count,
        index_subjects=draw.permutation(of_index),
        pages=pages,
        titles=titles,
        labels=labels,
        kinds=kinds,
        class_sets=_draw_classes(found, labels, kinds, draw),
        chance=draw.integers(0, 2**32, count, dtype=np.uint32),
    )


def _draw_pages(found: Ingredients, labels: Sequence[str], draw: np.random.Generator) -> tuple[list[str], list[str]]:
    """A page and its canonical title for each; a real title that is used up is told apart by another's word."""
    pools = {label: [pages[n] for n in draw.permutation(len(pages))] for label, pages in sorted(found.pages.items())}
    words = sorted({word for pool in pools.values() for page in pool for word in page.split("_") if word.isalpha()})
    picks = draw.integers(0, len(words), len(labels))
    used, seen = dict.fromkeys(pools, 0), set[str]()
    pages, titles = [], []
    for number, label in enumerate(labels):
        name = label if label in pools else max(pools, key=lambda pool: len(pools[pool]))
        turn, at = divmod(used[name], len(pools[name]))
        used[name] += 1
        page = pools[name][at] if turn == 0 else f"{pools[name][at]}_({words[picks[number]]})"
        title = title_of_url(ADDRESS + page)
        if title in seen:
            page = f"{page}_{number}"
            title = title_of_url(ADDRESS + page)
        seen.add(title)
        pages.append(page)
        titles.append(title)
    return pages, titles


def _draw_classes(
    found: Ingredients, labels: Sequence[str], kinds: npt.NDArray[np.int8], draw: np.random.Generator
) -> list[tuple[str, ...]]:
    """Classes of each item: those of a real item with its label, or any class with it; none for one in twenty.

    Every class that a decision names has an item, else the build would stop: it knows the full set's classes. Those
    whose items are no landmarks are left to the world, which states them as deprecated.
    """
    chances, picks = draw.random(len(labels)), draw.integers(0, 2**31, len(labels))
    sets: list[tuple[str, ...]] = []
    for label, chance, pick in zip(labels, chances.tolist(), picks.tolist(), strict=True):
        together, single = found.class_sets.get(label, []), found.classes.get(label, [])
        if chance < WITHOUT_CLASS or not (together or single):
            sets.append(())
        elif together and (label == NO_LABEL or not single or chance > WITHOUT_CLASS + RARE_CLASS):
            sets.append(together[pick % len(together)])
        else:
            sets.append((single[pick % len(single)],))
    linked = np.flatnonzero(kinds == Kind.SITELINK).tolist()
    for number, qid in enumerate(found.needed_classes):
        if qid in NO_LANDMARK:
            continue
        subject = linked[number % len(linked)]
        sets[subject] = (*(one for one in sets[subject] if one != qid), qid)
    return sets
