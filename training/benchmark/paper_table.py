"""The table of a paper from the numbers of a benchmark, as Markdown or LaTeX."""

from collections.abc import Callable
from typing import Any

from training.loss_table import HIERARCHICAL

Json = dict[str, Any]
OVERALL = {"h_ap": "H-AP", "ndcg": "NDCG", "asi": "ASI"}
NAMES = {
    "happier": "HAPPIER",
    "sup_ndcg": "Sup-NDCG",
    "sup_hap": "SupHAP",
    "sup_ndcg_alone": "SupNDCG",
    "roadmap": "ROADMAP",
    "sup_ap": "SupAP",
    "sup_recall": "SupR@k",
    "smooth_ap": "Smooth-AP",
    "cluster": "NormSoftmax",
    "triplet": "Triplet",
    "fast_ap": "FastAP",
    "multi_similarity": "Multi-similarity",
    "arcface": "ArcFace",
    "proxy_nca": "Proxy-NCA",
}
"""Names of losses as papers write them."""


def paper_table(metrics: Json, form: str) -> str:
    """The table in a form of FORMS: a row for each model, percentages with 95% intervals, the best of a column bold.

    Below it, what pairing seeds and queries makes of the best hierarchical loss against the best flat one.

    Args:
        metrics: what metrics.json holds of a benchmark that was not skipped.
        form: markdown or latex.
    """
    columns = OVERALL | {f"map_at_r_level{level}": f"mAP@R {name}" for level, name in enumerate(metrics["levels"])}
    losses = metrics["losses"]
    groups = {
        "zero-shot": metrics["zero_shot"],
        "flat": {name: row for name, row in losses.items() if name not in HIERARCHICAL},
        "hierarchical": {name: row for name, row in losses.items() if name in HIERARCHICAL},
    }
    values = [row for group in groups.values() for row in group.values()]
    best = {key: max((row[key]["mean"] or 0 for row in values), default=0) for key in columns}
    bold, write = FORMS[form]
    cells = [["", "model", *columns.values()]]
    for kind, group in groups.items():
        for name, row in group.items():
            cells.append([kind, NAMES.get(name, name), *(cell(row[key], best[key], bold) for key in columns)])
    return write(cells, caption(metrics))


def cell(value: Json, best: float, bold: str) -> str:
    """A percentage with its interval, where that is known; bold where it is the best."""
    if value["mean"] is None:
        return "-"
    mean = f"{100 * value['mean']:.1f}"
    shown = bold.format(mean) if value["mean"] == best else mean
    return shown if value["low"] is None else f"{shown} ({100 * value['low']:.1f} to {100 * value['high']:.1f})"


def caption(metrics: Json) -> str:
    """What the numbers are, in sentences."""
    test = metrics["test"]
    text = (
        f"Percent, with 95% intervals over {len(metrics['seeds'])} seeds and the {test['landmarks']} landmarks of the"
        f" {test['queries']} test queries; dataset {metrics['dataset']}, gallery of {test['images']} images."
    )
    text = f"{text} {metrics['note']}" if "note" in metrics else text
    best = metrics["headline"]
    if best is None:
        return text
    names = [NAMES.get(best[kind], best[kind]) for kind in ("hierarchical", "flat")]
    shown = {"h_ap": "H-AP", "map_at_r_level0": f"mAP@R of {metrics['levels'][0]}"}
    parts = [f"{signed(best['metrics'][key])} points of {name}" for key, name in shown.items()]
    return f"{text} {names[0]} less {names[1]}, the best of each kind on the val fold, paired: {' and '.join(parts)}."


def signed(row: Json) -> str:
    """A difference in points with its sign and interval; `an unknown number` where there is none."""
    if row["low"] is None:
        return "an unknown number"
    return f"{100 * row['difference']:+.1f} ({100 * row['low']:+.1f} to {100 * row['high']:+.1f})"


def as_markdown(cells: list[list[str]], text: str) -> str:
    """A table of GitHub's Markdown."""
    lines = [f"| {' | '.join(row)} |" for row in cells]
    lines.insert(1, "|---" * len(cells[0]) + "|")
    return "\n".join([*lines, "", text])


def as_latex(cells: list[list[str]], text: str) -> str:
    """A table for a LaTeX paper with the package booktabs; a rule where the kind of model changes."""
    rows = [[escaped(value) for value in row] for row in cells]
    lines = [f"{' & '.join(rows[0])} \\\\", "\\midrule"]
    for before, row in zip([rows[1], *rows[1:]], rows[1:], strict=False):
        if row[0] != before[0]:
            lines.append("\\midrule")
        lines.append(f"{' & '.join(row)} \\\\")
    begin = "\\begin{tabular}{ll" + "r" * (len(cells[0]) - 2) + "}"
    body = [begin, "\\toprule", *lines, "\\bottomrule", "\\end{tabular}"]
    return "\n".join(["\\begin{table}", *body, f"\\caption{{{escaped(text)}}}", "\\end{table}"])


def escaped(text: str) -> str:
    """Text with what LaTeX would take for commands made plain."""
    for character in "_%&#":
        text = text.replace(character, f"\\{character}")
    return text


FORMS: dict[str, tuple[str, Callable[[list[list[str]], str], str]]] = {
    "markdown": ("**{}**", as_markdown),
    "latex": ("\\textbf{{{}}}", as_latex),
}
