"""Which classes feed which labels, as ribbons; for curators who ask where a label's landmarks come from."""

from typing import Any

import pandas as pd
from markupsafe import Markup

from pipeline.report.groups import group_class, group_legend, group_of
from pipeline.report.svg import (
    clean,
    counted,
    drawing,
    element,
    isolated,
    legend,
    number,
    sentence,
    shortened,
    text,
)

_WIDTH, _TOP, _RIBBONS = 900, 44, 640  # the last: sum of all ribbons, in units of the drawing
_LEFT, _RIGHT, _BAR = 330, 590, 8  # outer edges of the ribbons; width of the bars that hold them
_SLOT, _GAP = 19, 7  # least height of a name; room between labels


def flows(counts: pd.DataFrame, limit: int = 40, groups: dict[str, int] | None = None) -> Markup:
    """The chart: classes on the left, the label that their landmarks got on the right.

    Args:
        counts: one row per class and label: class_qid, class_label, hierarchical_label (null: none), group (name of the
            coarsest level, null: none), landmark_count, image_count.
        limit: rows that are drawn on their own, the largest; the others are one ribbon a label, and labels that have
            only such a ribbon are one label a group.
        groups: colour of each group, for the same colours in all charts; see `pipeline.report.groups.group_of`. Without
            it the groups that occur here.

    Returns:
        An SVG, or a sentence where no class has landmarks.
    """
    rows = folded(counts, limit)
    if rows.empty:
        return sentence("No class has landmarks to show.")
    total = int(rows["landmark_count"].sum())
    groups = groups or group_of(rows["group"])
    rows["css"] = [group_class(name, groups) for name in rows["group"]]
    head, y = legend(group_legend(rows["group"], groups), 0, 10, _WIDTH)
    drawn, y = [head], y + _TOP - 10
    for label, part in rows.groupby("label", sort=False):
        ribbons, y = _label(str(label), part, y, _RIBBONS / total)
        drawn.append(ribbons)
    said = (
        f"{counted(total, 'landmark')} by the class that decided and the label it led to; a ribbon is as thick as its "
        f"landmarks are many. The {limit:,} largest stand alone, the others are folded."
    )
    return drawing("flows", (_WIDTH, y), "From classes to labels", said, *drawn)


def folded(counts: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Rows to draw, in order: labels by landmarks, in each its classes by landmarks, the folded ones last.

    Returns:
        label, name (of the class), qid (empty for folded rows), group, landmark_count, image_count, is_rest.
    """
    rows = counts[counts["landmark_count"] > 0]
    rows = rows.assign(
        label=[_name(label, "no label") for label in rows["hierarchical_label"]],
        qid=[_name(qid, "no class") for qid in rows["class_qid"]],
    )
    rows["name"] = [_name(label, qid) for label, qid in zip(rows["class_label"], rows["qid"], strict=True)]
    rows = rows.sort_values(["landmark_count", "qid", "label"], ascending=[False, True, True], ignore_index=True)
    rows["is_rest"] = rows.index >= limit
    rows = _folded_labels(rows)
    folded_count = rows.groupby("label")["is_rest"].transform("sum")
    rows["is_rest"] &= folded_count > 1  # one alone keeps its name
    rows["name"] = rows["name"].mask(rows["is_rest"], folded_count.map("{:,} other classes".format))
    rows["qid"] = rows["qid"].mask(rows["is_rest"], "")
    sums = {"group": "first", "landmark_count": "sum", "image_count": "sum"}
    rows = rows.groupby(["is_rest_label", "label", "qid", "name", "is_rest"], as_index=False).agg(sums)
    rows["label_size"] = rows.groupby("label")["landmark_count"].transform("sum")
    order = ["is_rest_label", "label_size", "label", "is_rest", "landmark_count", "name", "qid"]
    ascending = [True, False, True, True, False, True, True]
    return rows.sort_values(order, ascending=ascending, ignore_index=True)


def _folded_labels(rows: pd.DataFrame) -> pd.DataFrame:
    """Labels without a class that stands alone are one label of their group, if they are several."""
    is_rest_label = rows.groupby("label")["is_rest"].transform("all") & rows["group"].notna()
    label_count = rows["label"].where(is_rest_label).groupby(rows["group"]).transform("nunique")
    is_rest_label &= label_count > 1
    names = [f"{n:,.0f} other {clean(group)} labels" for n, group in zip(label_count, rows["group"], strict=True)]
    return rows.assign(
        label=rows["label"].mask(is_rest_label, pd.Series(names, rows.index)), is_rest_label=is_rest_label
    )


def _name(name: object, otherwise: str) -> str:
    return (not pd.isna(name) and clean(name)) or otherwise


def _label(label: str, part: pd.DataFrame, top: float, scale: float) -> tuple[Markup, float]:
    """A label with its classes, and where the next one begins.

    Each name has its slot; as ribbons are no thicker than their slots, no two labels overlap and no ribbons cross.
    """
    heights = [max(1.0, scale * count) for count in part["landmark_count"]]
    slots = [max(float(_SLOT), height) for height in heights]
    centre, height = top + sum(slots) / 2, sum(heights)
    css, drawn, y, right = part["css"].iloc[0], [], top, centre - height / 2
    for row, thick, slot in zip(part.to_dict("records"), heights, slots, strict=True):
        drawn.append(_class(row, y + slot / 2 - thick / 2, right, thick))
        y, right = y + slot, right + thick
    landmarks = int(part["landmark_count"].sum())
    said = element("title", _said(label, landmarks, int(part["image_count"].sum())))
    bar = element("rect", said, x=_RIGHT, y=centre - height / 2, width=_BAR, height=height, class_=css)
    words = isolated(shortened(label, _WIDTH - _RIGHT - 90))
    size = element("tspan", f"{landmarks:,}", class_="quiet", dx=8.0)
    return element("g", *drawn, bar, text(words, size, said, x=_RIGHT + _BAR + 8, y=centre)), y + _GAP


def _class(row: dict[str, Any], left: float, right: float, thick: float) -> Markup:
    """A class, its bar and its ribbon; left and right are where the ribbon's upper edge begins and ends."""
    name = row["name"] + (f" ({row['qid']})" if row["qid"] not in ("", row["name"]) else "")
    words = _said(name, int(row["landmark_count"]), int(row["image_count"]))
    said = element("title", f"{words}, labelled {isolated(row['label'])}")
    ends = [number(edge) for edge in (left, right, right + thick, left + thick)]
    middle = (_LEFT + _RIGHT) // 2
    outline = (
        f"M{_LEFT} {ends[0]}C{middle} {ends[0]} {middle} {ends[1]} {_RIGHT} {ends[1]}"
        f"V{ends[2]}C{middle} {ends[2]} {middle} {ends[3]} {_LEFT} {ends[3]}Z"
    )
    css = "quiet" if row["is_rest"] else None
    shown = isolated(shortened(row["name"], _LEFT - _BAR - 8))
    return element(
        "g",
        element("path", said, d=outline, class_=f"{row['css']} ribbon"),
        element("rect", x=_LEFT - _BAR, y=left, width=_BAR, height=thick, class_=row["css"]),
        text(shown, said, x=_LEFT - _BAR - 8, y=left + thick / 2, text_anchor="end", class_=css),
    )


def _said(name: str, landmarks: int, images: int) -> str:
    return f"{isolated(name)}: {counted(landmarks, 'landmark')}, {counted(images, 'image')}"
