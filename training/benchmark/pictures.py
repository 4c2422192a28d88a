"""All pictures of a benchmark, as PNG and SVG in one folder; for the report and for whoever looks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from training.benchmark.benchmark import Benchmark
from training.benchmark.course import Runs, learning_curves
from training.benchmark.paper_table import OVERALL
from training.benchmark.protocol import query_rows
from training.images import Images, decode
from training.loss_table import HIERARCHICAL
from training.plots.embedding_map import LEAST_MAPPED, draw_embedding_map
from training.plots.label_h_ap import draw_label_h_ap
from training.plots.learning_curves import draw_learning_curves
from training.plots.metric_bars import draw_metric_bars
from training.plots.probe_bars import draw_probe
from training.plots.retrieval_sheet import chosen_queries, draw_retrieval_sheet
from training.plots.severity import draw_severity
from training.plots.style import save

THUMBNAIL = 128
"""Pixels of an image of the retrieval sheet."""


def draw_pictures(
    benchmark: Benchmark,
    found: Mapping[str, Any],
    runs: Runs,
    names: pd.DataFrame,
    images: Images,
    probe: Sequence[Mapping[str, Any]],
    folder: Path,
) -> None:
    """Draw learning curves, metrics, H-AP by label, severity of mistakes, retrieval sheets, maps, and the probe.

    Args:
        benchmark: what models score.
        found: its numbers, as training.benchmark.benchmark.numbers gives them.
        runs: of its losses.
        names: a row for each image of the test fold, image_id and the levels by name.
        images: where images are.
        probe: rows of training.benchmark.probe; none draws no picture of it.
        folder: where files go.

    Raises:
        RunError: a file cannot be written.
    """
    pictures = {
        "learning_curves": draw_learning_curves(learning_curves(runs), HIERARCHICAL),
        "metrics": metric_bars(found),
        **of_models(benchmark, names),
        **of_images(benchmark, names, images),
    }
    if probe:
        pictures["probe"] = draw_probe(probe, titles(found["levels"]))
    for name, figure in pictures.items():
        save(figure, folder, name)


def titles(levels: Sequence[str]) -> dict[str, str]:
    """Metric -> its name for people."""
    kinds = {"ap": "AP", "map_at_r": "mAP@R", "recall_at_1": "recall@1", "ap_others": "AP among others"}
    of_levels = {f"{key}_level{n}": f"{kind}, {level}" for n, level in enumerate(levels) for key, kind in kinds.items()}
    return OVERALL | of_levels


def metric_bars(found: Mapping[str, Any]) -> Figure:
    """The bars of all models: metrics over all levels, and mAP@R of each."""
    levels = found["levels"]
    shown = [*OVERALL, *(f"map_at_r_level{level}" for level in range(len(levels)))]
    return draw_metric_bars(found["losses"] | found["zero_shot"], shown, titles(levels), HIERARCHICAL)


def of_models(benchmark: Benchmark, names: pd.DataFrame) -> dict[str, Figure]:
    """What compares models query by query: H-AP by label, and how severe first mistakes are."""
    table = benchmark.table
    levels = list(table.levels)
    label = levels[min(1, len(levels) - 1)]
    labels = named(names, table.image_ids[query_rows(table)], label)
    h_ap = {one.name: one.of("h_ap") for one in benchmark.models}
    return {
        "h_ap_by_label": draw_label_h_ap(h_ap, labels, HIERARCHICAL),
        "severity": draw_severity({one.name: one.first_wrong for one in benchmark.models}, levels, HIERARCHICAL),
    }


def of_images(benchmark: Benchmark, names: pd.DataFrame, images: Images) -> dict[str, Figure]:
    """For each loss, by the model of the first seed: queries with what is found for them, and a map of all images."""
    table = benchmark.table
    levels = list(table.levels)
    labels = named(names, table.image_ids, levels[min(1, len(levels) - 1)])
    groups = named(names, table.image_ids, levels[-1])

    def pixels(image_id: str) -> np.ndarray:
        decoded = decode(images.read(image_id), THUMBNAIL, image_id)
        return np.asarray(decoded).transpose(1, 2, 0)

    rows = chosen_queries(table)
    figures = {}
    for one in benchmark.losses:
        sheet = f"Queries and the images that {one.name} ranks first for them"
        figures[f"retrieval_{one.name}"] = draw_retrieval_sheet(
            one.embeddings, table, pixels, labels.tolist(), rows, sheet
        )
        if min(one.embeddings.shape) >= LEAST_MAPPED:
            title = f"Map of the test images by {one.name}: near points have similar embeddings"
            figures[f"map_{one.name}"] = draw_embedding_map(one.embeddings, labels.tolist(), groups.tolist(), title)
    return figures


def named(names: pd.DataFrame, image_ids: np.ndarray, level: str) -> np.ndarray:
    """Names (N,) of a level of these images."""
    found: np.ndarray = names.set_index("image_id")[level].astype(str).loc[image_ids].to_numpy()
    return found
