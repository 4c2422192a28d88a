"""Layers of a directed graph: which node stands in which, in which order, and how far from the left.

For the drawing of the review page. The steps are those of Sugiyama, Tagawa and Toda ("Methods for Visual Understanding
of Hierarchical System Structures", 1981): turn the edges that close a cycle, put every node above those below it, give
an edge a place in each layer that it passes, order the layers by the mean of the neighbours, and move the places apart.
Nodes and places are numbers; a graph is small, some dozens of nodes. Same input, same layout.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SWEEPS = 8
Edge = tuple[int, int]  # lower node, upper node


@dataclass(frozen=True)
class Layers:
    """Places by layer, the lowest layer first, and for each edge the places that it runs over, upward.

    Places below the number of nodes are the nodes; the others are where an edge passes a layer.
    """

    places: list[list[int]]
    chains: list[list[int]]

    def links(self, level: int) -> list[Edge]:
        """Parts of edges between this layer and the next, as positions in the two layers."""
        lower, upper = ({place: at for at, place in enumerate(self.places[n])} for n in (level, level + 1))
        steps = itertools.chain.from_iterable(map(itertools.pairwise, self.chains))
        return [(lower[low], upper[high]) for low, high in steps if low in lower and high in upper]


def without_cycles(count: int, edges: Iterable[Edge], starts: Sequence[int]) -> set[Edge]:
    """The edges that close a cycle when the graph is walked upward, depth first, from the starts and then the rest."""
    above: dict[int, list[int]] = {node: [] for node in range(count)}
    for low, high in edges:
        above[low].append(high)
    has_children = {high for _, high in edges}
    order = [*starts, *(node for node in above if node not in has_children), *above]
    closing: set[Edge] = set()
    walked: set[int] = set()
    for start in order:
        if start in walked:
            continue
        stack = [(start, iter(above[start]))]
        path = {start}
        while stack:
            node, rest = stack[-1]
            step = next(rest, None)
            if step is None:
                path.discard(node)
                walked.add(node)
                stack.pop()
            elif step in path:
                closing.add((node, step))
            elif step not in walked:
                path.add(step)
                stack.append((step, iter(above[step])))
    return closing


def layered(count: int, edges: Sequence[Edge]) -> Layers:
    """Put each node one layer above the highest below it, and order the layers so that few lines cross.

    Args:
        count: nodes are 0 to count - 1.
        edges: without cycles; two may join the same nodes.
    """
    level = _levels(count, edges)
    places: list[list[int]] = [[] for _ in range(max(level, default=0) + 1)]
    for node in range(count):
        places[level[node]].append(node)
    chains = []
    number = itertools.count(count)
    for low, high in edges:
        passed = [next(number) for _ in range(level[low] + 1, level[high])]
        for above, place in enumerate(passed, level[low] + 1):
            places[above].append(place)
        chains.append([low, *passed, high])
    return _untangled(Layers(places, chains))


def spread(layers: Layers, widths: dict[int, float], gap: float) -> dict[int, float]:
    """Centre of each place from the left: near its neighbours' mean, and never closer than the gap to the next."""
    centres: dict[int, float] = {}
    for layer in layers.places:
        centres |= dict(zip(layer, _apart([0.0] * len(layer), layer, widths, gap), strict=True))
    near = _neighbours(layers)
    for sweep in range(SWEEPS):
        for layer in layers.places if sweep % 2 == 0 else reversed(layers.places):
            wanted = [
                sum(centres[other] for other in near[place]) / len(near[place]) if near[place] else centres[place]
                for place in layer
            ]
            centres |= dict(zip(layer, _apart(wanted, layer, widths, gap), strict=True))
    left = min(centre - widths[place] / 2 for place, centre in centres.items())
    return {place: centre - left for place, centre in centres.items()}


def _levels(count: int, edges: Iterable[Edge]) -> list[int]:
    """Edges of the longest way up to each node."""
    level = [0] * count
    for _ in range(count):
        changed = [(high, level[low] + 1) for low, high in edges if level[high] <= level[low]]
        if not changed:
            break
        for high, least in changed:
            level[high] = max(level[high], least)
    return level


def _untangled(layers: Layers) -> Layers:
    """The order with the fewest crossings among those that sweeps over the layers give."""
    best = layers
    for sweep in range(SWEEPS):
        layers = _swept(layers, upward=sweep % 2 == 0)
        if _crossings(layers) < _crossings(best):
            best = layers
    return best


def _swept(layers: Layers, upward: bool) -> Layers:
    """Each layer ordered by the mean position of its neighbours in the layer before."""
    places = [list(layer) for layer in layers.places]
    current = Layers(places, layers.chains)
    levels = range(1, len(places)) if upward else range(len(places) - 2, -1, -1)
    for level in levels:
        links = current.links(level - 1 if upward else level)
        beside: dict[int, list[int]] = {}
        for low, high in links:
            beside.setdefault(high if upward else low, []).append(low if upward else high)
        mean = {at: sum(others) / len(others) for at, others in beside.items()}
        order = sorted(range(len(places[level])), key=lambda at, mean=mean: (mean.get(at, float(at)), at))  # type: ignore[misc]
        places[level] = [places[level][at] for at in order]
    return current


def _crossings(layers: Layers) -> int:
    """Pairs of lines that cross between two layers."""
    count = 0
    for level in range(len(layers.places) - 1):
        for one, other in itertools.combinations(layers.links(level), 2):
            count += (one[0] - other[0]) * (one[1] - other[1]) < 0
    return count


def _neighbours(layers: Layers) -> dict[int, list[int]]:
    """Places that lines join, below and above."""
    near: dict[int, list[int]] = {place: [] for layer in layers.places for place in layer}
    for chain in layers.chains:
        for low, high in itertools.pairwise(chain):
            near[low].append(high)
            near[high].append(low)
    return near


def _apart(wanted: list[float], layer: list[int], widths: dict[int, float], gap: float) -> list[float]:
    """Centres nearest to the wanted ones, by least squares, that keep order and gap (pool adjacent violators)."""
    offsets = [0.0]
    for left, right in itertools.pairwise(layer):
        offsets.append(offsets[-1] + (widths[left] + widths[right]) / 2 + gap)
    pools: list[tuple[float, int]] = []  # mean, size
    for want, offset in zip(wanted, offsets, strict=True):
        mean, size = want - offset, 1
        while pools and pools[-1][0] > mean:
            last, more = pools.pop()
            mean, size = (last * more + mean * size) / (more + size), more + size
        pools.append((mean, size))
    means = itertools.chain.from_iterable([mean] * size for mean, size in pools)
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]
