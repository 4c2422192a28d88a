"""Ranks of each query's positives compiled for the CPU, in time about linear in the gallery.

Where positives are few, only they are sorted. Every item of the row, positive or not, is then dropped between them: its
bucket, a monotone map of its score, tells the place at once, unless a positive lies in the same bucket; then the scores
themselves are compared, so that ranks are exact whatever the rounding of the map. Where positives are many, the whole
row is sorted, by the digits of its scores. The items that are not in a query's gallery score -inf.
"""

import numpy as np
from torch import Tensor

from training.compiled import compiled
from training.gallery_levels import GalleryLevels
from training.threads import over_rows

FEW = 0.02  # share of positives up to which dropping the items between them takes less time than sorting all
BUCKETS_PER_POSITIVE = 64  # so that few items fall in a bucket with a positive, which costs a branch mispredicted
FEWEST_BUCKETS = 4096  # 16 KiB: they stay in the first level cache
DIGIT_BITS = 11  # three passes over 32 bits


def rank_positives(scores: Tensor, gallery: GalleryLevels, is_pessimistic: bool) -> tuple[np.ndarray, np.ndarray]:
    """Ranks and levels of the positives; arguments and returns as training.gallery_ranks.Ranker says."""
    table, ends = scores.numpy(), gallery.ends
    ranks, levels = np.empty(ends[-1], np.int32), np.empty(ends[-1], np.int8)
    key_type = np.empty(0, np.uint32 if table.itemsize == 4 else np.uint64)

    def rank_block(first: int, stop: int) -> None:
        ranges = (gallery.members, gallery.starts, gallery.stops, ends)
        rank_rows(table, ranges, key_type, is_pessimistic, first, stop, ranks, levels)

    over_rows(rank_block, len(table), work=table.size)
    return ranks, levels


@compiled
def rank_rows(
    scores: np.ndarray,
    ranges: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    key_type: np.ndarray,
    is_pessimistic: bool,
    first: int,
    stop: int,
    ranks: np.ndarray,
    levels: np.ndarray,
) -> None:
    """Rank the positives of the rows first..stop; key_type is an empty array, unsigned and as wide as scores."""
    members, starts, stops, ends = ranges
    size = scores.shape[1] + 1
    scratch = np.empty(size, scores.dtype), np.empty(size, key_type.dtype), np.empty(size, np.int8)
    for row in range(first, stop):
        query = scores[row], members, starts[row], stops[row]
        own_ranks, own_levels = ranks[ends[row] : ends[row + 1]], levels[ends[row] : ends[row + 1]]
        if 0 < len(own_ranks) <= FEW * scores.shape[1]:
            rank_few(query, is_pessimistic, scratch, own_ranks, own_levels)
        elif len(own_ranks):
            rank_all(query, is_pessimistic, scratch, own_ranks, own_levels)


@compiled
def rank_few(
    query: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    is_pessimistic: bool,
    scratch: tuple[np.ndarray, np.ndarray, np.ndarray],
    ranks: np.ndarray,
    levels: np.ndarray,
) -> None:
    """Ranks of a query's positives, by sorting them and dropping all items between them."""
    values, spare_keys, spare_levels = scratch
    own = values[: len(ranks)]
    gather(query, is_pessimistic, own, levels)
    sort_by_score(own, levels, spare_keys, spare_levels)
    write_ranks(own, drop(query[0], own, is_pessimistic), is_pessimistic, ranks)


@compiled
def rank_all(
    query: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    is_pessimistic: bool,
    scratch: tuple[np.ndarray, np.ndarray, np.ndarray],
    ranks: np.ndarray,
    levels: np.ndarray,
) -> None:
    """Ranks of a query's positives, by sorting the row; tied items keep the order in which they are laid out."""
    row, members, starts, stops = query
    values, spare_keys, spare_levels = scratch
    is_positive, item_levels = np.zeros(len(row), np.bool_), np.zeros(len(values), np.int8)
    for place in range(starts[0], stops[0]):
        is_positive[members[place]] = True
    zero = row.dtype.type(0)
    total = 0 if is_pessimistic else len(ranks)
    for item in range(len(row)):  # without a branch; the next item overwrites a positive
        values[total] = row[item] + zero
        total += not is_positive[item]
    begin = total if is_pessimistic else 0
    gather(query, is_pessimistic, values[begin : begin + len(ranks)], item_levels[begin : begin + len(ranks)])
    total = max(total, begin + len(ranks))
    sort_by_score(values[:total], item_levels[:total], spare_keys, spare_levels)
    place, found = 0, 0
    while found < len(ranks):
        ranks[found], levels[found] = place + 1, item_levels[place]
        found += item_levels[place] > 0
        place += 1


@compiled
def gather(
    query: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    is_pessimistic: bool,
    values: np.ndarray,
    levels: np.ndarray,
) -> None:
    """Scores and levels of a query's positives, in the order in which a stable sort shall leave tied ones."""
    row, members, starts, stops = query
    top = len(starts)
    count = 0
    for step in range(top):
        level = step + 1 if is_pessimistic else top - step
        begin = count
        inner_start = starts[level] if level < top else stops[level - 1]
        inner_stop = stops[level] if level < top else stops[level - 1]
        count = append(row, members[starts[level - 1] : inner_start], values, count)
        count = append(row, members[inner_stop : stops[level - 1]], values, count)
        levels[begin:count] = level


@compiled
def append(row: np.ndarray, items: np.ndarray, values: np.ndarray, count: int) -> int:
    """Append to the first count values the scores of these items that are in the gallery; returns the new count."""
    zero = row.dtype.type(0)
    for item in items:
        if row[item] > -np.inf:
            values[count] = row[item] + zero  # turns -0.0 into 0.0, whose bits differ
            count += 1
    return count


@compiled
def sort_by_score(values: np.ndarray, levels: np.ndarray, spare_keys: np.ndarray, spare_levels: np.ndarray) -> None:
    """Sort values, the highest first, and levels along with them; tied ones keep their order."""
    keys = values.view(spare_keys.dtype)
    flip(keys)
    sort_digits(keys, levels, spare_keys[: len(keys)], spare_levels[: len(keys)])
    flip(keys)


@compiled
def flip(keys: np.ndarray) -> None:
    """Turn bits of floats into unsigned keys that rise as the float falls; twice gives the bits back."""
    one = keys.dtype.type(1)
    sign_at = keys.dtype.type(8 * keys.itemsize - 1)
    others = keys.dtype.type((one << sign_at) - one)
    for place in range(len(keys)):
        if not keys[place] >> sign_at:
            keys[place] = keys[place] ^ others


@compiled
def sort_digits(keys: np.ndarray, levels: np.ndarray, spare_keys: np.ndarray, spare_levels: np.ndarray) -> None:
    """Stable sort of keys by one digit after the other, the lowest first, levels along with them."""
    starts = np.empty((1 << DIGIT_BITS) + 1, np.int64)
    source, source_levels, target, target_levels = keys, levels, spare_keys, spare_levels
    is_spare = False
    for low_bit in range(0, 8 * keys.itemsize, DIGIT_BITS):
        if scatter(source, source_levels, low_bit, starts, target, target_levels):
            source, source_levels, target, target_levels = target, target_levels, source, source_levels
            is_spare = not is_spare
    if is_spare:
        keys[:] = spare_keys
        levels[:] = spare_levels


@compiled
def scatter(
    keys: np.ndarray,
    levels: np.ndarray,
    low_bit: int,
    starts: np.ndarray,
    target_keys: np.ndarray,
    target_levels: np.ndarray,
) -> bool:
    """Copy to the targets in order of the digit from low_bit on; False, and no copy, where all have the same digit."""
    shift, mask = keys.dtype.type(low_bit), keys.dtype.type(len(starts) - 2)
    starts[:] = 0
    for key in keys:
        starts[((key >> shift) & mask) + 1] += 1
    if starts[((keys[0] >> shift) & mask) + 1] == len(keys):
        return False
    for digit in range(1, len(starts)):
        starts[digit] += starts[digit - 1]
    for place in range(len(keys)):
        digit = (keys[place] >> shift) & mask
        target_keys[starts[digit]] = keys[place]
        target_levels[starts[digit]] = levels[place]
        starts[digit] += 1
    return True


@compiled
def drop(row: np.ndarray, values: np.ndarray, is_pessimistic: bool) -> np.ndarray:
    """For each positive, the number of items that rank before it, and not before the positive ahead of it.

    Args:
        row: scores of all items, positives too.
        values: scores of the positives, falling.
        is_pessimistic: whether an item ranks before a positive of the same score.

    Returns:
        One number more than there are positives: the last is of the items after all of them.
    """
    real = row.dtype.type
    bucket_count = max(BUCKETS_PER_POSITIVE * len(values), FEWEST_BUCKETS)
    # Buckets 1 .. bucket_count span the positives; 0 and bucket_count + 1 are those beside.
    top, zero, one, last = values[0], real(0), real(1), real(bucket_count + 1)
    spread = values[0] - values[-1]
    scale = real((bucket_count - 1) / spread) if 0 < spread < np.inf else one
    if scale == np.inf:
        scale = one
    places = np.zeros(bucket_count + 3, np.int32)  # of the first positive in a bucket or after it
    for value in values:
        places[int(min((top - value) * scale + one, last)) + 1] += 1
    for bucket in range(1, len(places)):
        places[bucket] += places[bucket - 1]
    counts = np.zeros(len(values) + 1, np.int32)
    for score in row:
        bucket = int(min(max((top - score) * scale + one, zero), last))
        place, stop = places[bucket], places[bucket + 1]
        while place < stop:
            middle = (place + stop) >> 1
            if values[middle] > score or (values[middle] == score and not is_pessimistic):
                place = middle + 1
            else:
                stop = middle
        counts[place] += 1
    return counts


@compiled
def write_ranks(values: np.ndarray, counts: np.ndarray, is_pessimistic: bool, ranks: np.ndarray) -> None:
    """Ranks from 1 of the positives, in the order of values; tied ones follow each other."""
    before = 0  # items that rank before the tied positives place..stop, positives among them
    place = 0
    while place < len(values):
        stop = place + 1
        while stop < len(values) and values[stop] == values[place]:
            stop += 1
        before += counts[place]
        negatives = before - (stop if is_pessimistic else place)
        for tied in range(place, stop):
            ranks[tied] = tied + 1 + negatives
        place = stop
