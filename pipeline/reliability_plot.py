"""The reliability diagram of the label stage: observed agreement over confidence; for curators and the report."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from pipeline.files import atomic

SIZE_INCHES = (5.0, 5.0)


def draw_reliability(bins: list[dict[str, Any]], path: Path) -> None:
    """Write the diagram as PNG; the same bins give the same bytes.

    Args:
        bins: low, high, count, mean_confidence, agreement; see `hierarchy.confidence.reliability`.
        path: where to.
    """
    figure = Figure(SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot(
        xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share that agrees with the official label"
    )
    axes.set_aspect("equal")
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", label="perfectly calibrated")
    widths = [row["high"] - row["low"] for row in bins]
    axes.bar(
        [row["low"] for row in bins],
        [row["agreement"] for row in bins],
        widths,
        align="edge",
        color="#7aa6c2",
        edgecolor="white",
    )
    axes.plot(
        [row["mean_confidence"] for row in bins],
        [row["agreement"] for row in bins],
        "o",
        color="#1f4e6b",
        clip_on=False,
    )
    for row in bins:
        middle = (row["low"] + row["high"]) / 2
        axes.annotate(f"n = {row['count']}", (middle, 0.02), rotation=90, fontsize=8, ha="center", va="bottom")
    known = sum(row["count"] for row in bins)
    axes.set_title(f"Reliability on {known} landmarks with an official label", fontsize=10)
    axes.legend(loc="upper left", frameon=False, fontsize=8)
    with atomic(path) as partial, partial.open("wb") as opened:
        figure.savefig(opened, format="png", metadata={"Software": None})
