"""`python -m benchmarks.rehearsal.plot JSON... OUT.png`: seconds of each stage over the size of the world."""

import json
from pathlib import Path

import click
import matplotlib.pyplot as plt

from benchmarks.rehearsal.subjects import INDEX_LANDMARKS, TRAIN_LANDMARKS
from training.plots.style import COLOURS, DPI, MARKERS, QUIET, STYLE

LEAST_S = 1.0  # a stage that is never slower is not drawn: its time is that of starting Python
Points = dict[str, list[tuple[int, float]]]


def points_of(files: tuple[Path, ...]) -> Points:
    """Landmarks and seconds of every stage, by stage; of several runs of one size the last counts."""
    found: dict[str, dict[int, float]] = {}
    for path in files:
        for run in json.loads(path.read_text(encoding="utf-8")):
            landmarks = run["train_landmarks"] + run["index_landmarks"]
            for row in run["stages"]:
                found.setdefault(row["stage"], {})[landmarks] = row["own_s"]
    return {name: sorted(seconds.items()) for name, seconds in found.items() if max(seconds.values()) > LEAST_S}


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def main(files: tuple[Path, ...], out: Path) -> None:
    """Draw the figures of rehearsals."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7, 4.4), layout="constrained")
        for number, (name, points) in enumerate(points_of(files).items()):
            sizes, seconds = zip(*points, strict=True)
            (line,) = axes.plot(sizes, seconds, label=name, linewidth=1.4, markersize=4.5)
            line.set(color=COLOURS[number % len(COLOURS)], marker=MARKERS[number % len(MARKERS)])
        axes.axvline(TRAIN_LANDMARKS + INDEX_LANDMARKS, color=QUIET, linewidth=0.8, linestyle=":")
        axes.set(xscale="log", yscale="log", xlabel="landmarks (dotted: full GLDv2)", ylabel="seconds of the stage")
        for axis in (axes.xaxis, axes.yaxis):  # the style shows dollar signs, so no powers in mathematical type
            axis.set_major_formatter(lambda value, _: f"{value:,.10g}")
        axes.set_title("How long each stage takes as the world grows")
        axes.grid(True, which="major")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        figure.savefig(out, dpi=DPI, metadata={"Software": None})
        plt.close(figure)


if __name__ == "__main__":
    main()
