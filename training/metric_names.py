"""The keys of the retrieval metrics, such as recall_at_5_level0, and what each asks the kernels for."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from training.metric_kernels import FORMULAS

FORMS = {
    "h_ap": "h_ap",
    "ndcg": "ndcg",
    "ndcg_at_<k>": "ndcg",
    "asi": "asi",
    "ap_level<n>": "map",
    "map_at_r_level<n>": "map_at_r",
    "map_at_<k>_level<n>": "map",
    "precision_at_<k>_level<n>": "precision",
    "recall_at_<k>_level<n>": "recall",
    "true_recall_at_<k>_level<n>": "true_recall",
}
"""Form of a key -> its formula; a form without <k> looks at the whole list."""

DEFAULT_KS = (1, 5, 10, 100)
WHOLE_LIST = 2**62  # a k that no gallery reaches


class Metric(NamedTuple):
    """One metric: its key, its formula, how far down the list it looks, and the depth from which an item is a hit."""

    key: str
    formula: str
    k: int
    depth: int

    @property
    def spec(self) -> tuple[int, int, int]:
        """The metric as training.metric_kernels reads it."""
        return FORMULAS.index(self.formula), self.k, self.depth


def default_keys(level_count: int) -> list[str]:
    """Every form of metric, at every level and every k of DEFAULT_KS."""
    filled = (
        form.replace("<k>", str(k)).replace("<n>", str(level))
        for form in FORMS
        for k in DEFAULT_KS
        for level in range(level_count)
    )
    return list(dict.fromkeys(filled))


def parse_metrics(keys: Iterable[str] | None, level_count: int) -> list[Metric]:
    """The metrics of these keys, each once; of all of `default_keys` where keys is None.

    Raises:
        ValueError: an unknown key, or a level that the labels do not have.
    """
    if isinstance(keys, str):
        raise ValueError(f"metrics is the string {keys!r}; give a list of keys: [{keys!r}]")
    wanted = default_keys(level_count) if keys is None else keys
    return [parse_metric(key, level_count) for key in dict.fromkeys(wanted)]


def parse_metric(key: str, level_count: int) -> Metric:
    """The metric of that key.

    Raises:
        ValueError: an unknown key, or a level that the labels do not have.
    """
    for form, formula in FORMS.items():
        pattern = form.replace("<k>", r"(?P<k>[1-9]\d{0,17})").replace("<n>", r"(?P<level>0|[1-9]\d*)")
        found = re.fullmatch(pattern, key, re.ASCII)
        if found is None:
            continue
        numbers = {name: int(number) for name, number in found.groupdict().items()}
        level = numbers.get("level", 0)
        if level >= level_count:
            raise ValueError(f"metric {key!r}: the labels have {level_count} levels, 0 (finest) to {level_count - 1}")
        return Metric(key, formula, numbers.get("k", WHOLE_LIST), level_count - level)
    raise ValueError(f"metric {key!r} is unknown; known, with k from 1 and n from 0 (finest): {', '.join(FORMS)}")
