"""Images and landmarks of every label on a logarithmic axis; for readers who ask how long the tail is."""

import math
from typing import Any

import pandas as pd
from markupsafe import Markup

from pipeline.report.groups import group_class, group_legend, group_of
from pipeline.report.svg import clean, counted, drawing, element, isolated, legend, sentence, shortened, text

_WIDTH, _ROW = 760, 19
_LEFT, _RIGHT = 220, 620  # where the axis begins and ends
_START = 0.4  # decades before 1, so that a single image is a visible bar


def label_bars(counts: pd.DataFrame, groups: dict[str, int] | None = None) -> Markup:
    """The chart: a bar for images, a dot for landmarks, the label with the most images first.

    Args:
        counts: hierarchical_label (null: none), group (name of the coarsest level, null: none), landmark_count,
            image_count; zeros are rows without bar or dot.
        groups: colour of each group, for the same colours in all charts; see `pipeline.report.groups.group_of`. Without
            it the groups that occur here.

    Returns:
        An SVG, or a sentence where there are no rows.
    """
    if counts.empty:
        return sentence("There are no labels to show.")
    names = ["no label" if pd.isna(name) else clean(name) for name in counts["hierarchical_label"]]
    groups = groups or group_of(counts["group"])
    rows = counts.assign(name=names, css=[group_class(name, groups) for name in counts["group"]])
    order = ["image_count", "landmark_count", "name"]
    rows = rows.sort_values(order, ascending=[False, False, True], ignore_index=True)
    most = int(rows[["image_count", "landmark_count"]].max().max())
    decades = math.log10(max(most, 10))
    marks = [("dot", "landmarks (in brackets)")]
    head, y = legend([*group_legend(counts["group"], groups), *marks], 0, 10, _WIDTH)
    top, height = y + 52, _ROW * len(rows)
    drawn = [_row(row, top + _ROW * (place + 0.5), decades) for place, row in enumerate(rows.to_dict("records"))]
    said = (
        f"{counted(len(rows), 'row')}, sorted by images. Bars are images, dots are landmarks; the axis is logarithmic, "
        "so a step is a tenfold."
    )
    size = (_WIDTH, top + height + 4)
    return drawing("label-bars", size, "Images by label", said, head, _axis(top, height, decades), *drawn)


def _x(count: int, decades: float) -> float:
    """Where a count lies on the axis; zero at its start."""
    share = (math.log10(count) + _START) / (decades + _START) if count else 0.0
    return _LEFT + (_RIGHT - _LEFT) * share


def _axis(top: float, height: float, decades: float) -> Markup:
    drawn = [text("images (logarithmic axis)", x=_LEFT, y=top - 27, class_="quiet")]
    for power in range(int(decades) + 1):
        x = _x(10**power, decades)
        drawn += [
            element("line", x1=x, x2=x, y1=top - 2, y2=top + height, class_="grid"),
            text(_power_text(power), x=x, y=top - 10, text_anchor="middle", class_="quiet"),
        ]
    return element("g", *drawn)


def _power_text(power: int) -> str:
    """A power of ten as short as the axis needs it: 100, 1k, 10M."""
    return f"{10 ** (power % 3)}{('', 'k', 'M', 'G')[min(power // 3, 3)]}"


def _row(row: dict[str, Any], y: float, decades: float) -> Markup:
    """Name, bar, dot and numbers of a label; y is the middle of the row."""
    images, landmarks = int(row["image_count"]), int(row["landmark_count"])
    said = element("title", f"{isolated(row['name'])}: {counted(images, 'image')}, {counted(landmarks, 'landmark')}")
    end, dot = _x(images, decades), _x(landmarks, decades)
    drawn = [text(isolated(shortened(row["name"], _LEFT - 10)), said, x=_LEFT - 8, y=y, text_anchor="end")]
    if images:
        drawn += [element("rect", said, x=_LEFT, y=y - 6, width=end - _LEFT, height=12, rx=1, class_=row["css"])]
    if landmarks:
        drawn += [element("circle", said, cx=dot, cy=y, r=3.5, class_="dot")]
    brackets = element("tspan", f"({landmarks:,})", class_="quiet", dx=6.0)
    return element("g", *drawn, text(f"{images:,}", brackets, x=max(end, dot) + 8, y=y, class_="over-grid"))
