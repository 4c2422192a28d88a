"""The numbers of a benchmark as JSON, with 4 decimals: what metrics.json holds, for researchers who quote them."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from training.benchmark.evaluation import Gldv2Test, Tested
from training.benchmark.statistics import Intervals, intervals
from training.loss_table import HIERARCHICAL

Json = dict[str, Any]
DECIMALS = 4


def compare(losses: Sequence[Tested], zero_shot: Sequence[Tested], landmarks: np.ndarray) -> Json:
    """Means with intervals of each name, and paired differences between every two losses and to each zero-shot model.

    Args:
        losses: trained models, of the same seeds.
        zero_shot: models that nothing has trained on the release.
        landmarks: (Q,), of each query.

    Returns:
        losses and zero_shot: name -> metric -> {mean, low, high}; paired: [{a, b, metric, difference, low, high}],
        difference of a less b.
    """
    pairs = [*combinations(losses, 2), *((loss, other) for loss in losses for other in zero_shot)]
    return {
        "losses": {one.name: means(one, landmarks) for one in losses},
        "zero_shot": {one.name: means(one, landmarks) for one in zero_shot},
        "paired": [row for a, b in pairs for row in paired(a, b, landmarks)],
    }


def headline(found: Json, val_h_ap: Mapping[str, float]) -> Json | None:
    """The best hierarchical loss against the best flat one, both chosen by H-AP on the val fold, not by the test.

    Args:
        found: of `compare`.
        val_h_ap: of each trained loss.

    Returns:
        hierarchical, flat, and for each metric difference, low, high; None unless both kinds were trained.
    """
    ordered = sorted(val_h_ap, key=lambda name: (-val_h_ap[name], name))
    hierarchical = next((name for name in ordered if name in HIERARCHICAL), None)
    flat = next((name for name in ordered if name not in HIERARCHICAL), None)
    if hierarchical is None or flat is None:
        return None
    differences = {}
    for row in found["paired"]:
        if (row["a"], row["b"]) == (hierarchical, flat):
            differences[row["metric"]] = {key: row[key] for key in ("difference", "low", "high")}
        elif (row["a"], row["b"]) == (flat, hierarchical):
            differences[row["metric"]] = {"difference": negated(row["difference"])} | {
                "low": negated(row["high"]),
                "high": negated(row["low"]),
            }
    return {"hierarchical": hierarchical, "flat": flat, "metrics": differences}


def negated(value: float | None) -> float | None:
    """The same difference seen from the other side, without a negative zero."""
    return None if value is None else 0.0 - value


def means(tested: Tested, landmarks: np.ndarray) -> Json:
    """Metric -> {mean, low, high}."""
    return dict(zip(tested.metrics, as_rows(intervals(tested.values, landmarks), "mean", least=0), strict=True))


def paired(a: Tested, b: Tested, landmarks: np.ndarray) -> list[Json]:
    """The differences of a less b, query by query and seed by seed, a row for each metric.

    Raises:
        ValueError: they were trained with different seeds, so that nothing pairs their models.
    """
    if a.seeds != b.seeds:
        raise ValueError(f"{a.name} has seeds {a.seeds}, {b.name} {b.seeds}; a paired difference needs the same")
    rows = as_rows(intervals(a.values - b.values, landmarks), "difference", least=-1)
    return [{"a": a.name, "b": b.name, "metric": key} | row for key, row in zip(a.metrics, rows, strict=True)]


def gldv2_means(tests: dict[str, Gldv2Test]) -> Json:
    """Name -> usage -> {mean, low, high} of mAP@100; queries vary one by one, since their landmarks are not told."""
    named: Json = {}
    for name, test in tests.items():
        usages = {"all": np.ones(len(test.usages), bool)}
        usages |= {usage: test.usages == usage for usage in np.unique(test.usages).tolist()}
        named[name] = {
            usage: as_rows(intervals(test.values[:, chosen, None], np.flatnonzero(chosen)), "mean", least=0)[0]
            for usage, chosen in usages.items()
            if chosen.any()
        }
    return named


def as_rows(found: Intervals, mean_name: str, least: int) -> list[Json]:
    """A row {mean, low, high} for each metric; null where nothing is defined.

    Ends are cut at what a metric (0 to 1) or a difference (-1 to 1) can be, which few seeds that differ much exceed.
    """
    columns = zip(found.mean, np.clip(found.low, least, 1), np.clip(found.high, least, 1), strict=True)
    return [{mean_name: rounded(mean), "low": rounded(low), "high": rounded(high)} for mean, low, high in columns]


def rounded(value: float) -> float | None:
    """Rounded, without a negative zero; None of what is not finite."""
    return round(float(value), DECIMALS) + 0.0 if np.isfinite(value) else None
