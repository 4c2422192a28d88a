"""What the report says of the labels: counts of landmarks and images, by rule, along the hierarchy, and on the map.

Pure functions over the declared tables, for the stage report; nothing here knows HTML. Images are counted with their
landmark, so that every share has the same two sides: landmarks, and their images.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from pipeline.columns import LABEL_RULE

Json = dict[str, Any]
RULES = {
    "agreed": "all classes of the item that have a label vote for this one",
    "majority": "more classes of the item vote for this label than for any other",
    "steps": "votes are equal, and the anchor of this label is nearer",
    "information_content": "votes and steps are equal, and this label comes from the more specific class",
    "priority": "all of that is equal, and the taxonomy puts this label first",
    "text": "a classifier of the title, whose precision is measured",
    "visual": "a model that looks at the images",
    "decision": "a person decided",
    "no_item": "no label: no Wikidata item was found for the category",
    "no_class": "no label: the item is not an instance of any class",
    "unreached": "no label: no anchor lies above the classes of the item",
}
"""What each rule of landmark_labels means in words, in the order in which rules are tried."""
COUNTS = ("landmark_count", "image_count")


def counted(labels: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Landmarks and images of every combination of the keys that occurs, in the order of the keys; nulls are kept."""
    grouped = labels.groupby(list(keys), dropna=False, sort=True)
    counts = grouped.agg(landmark_count=("landmark_id", "size"), image_count=("image_count", "sum"))
    return counts.astype("int64").reset_index()


def headline(labels: pd.DataFrame, official: pd.DataFrame, taxonomy: pd.DataFrame) -> dict[str, int]:
    """The first numbers of the report, each by its name.

    Args:
        labels: landmark_labels.
        official: official_labels; what it says of other landmarks than ours is not counted.
        taxonomy: a row for each label there is.

    Returns:
        landmarks, images; the same with the prefix labelled_, official_ (labelled by the official release) and
        reviewed_ (decided by people); labels_used and labels_known.
    """
    known = official.loc[official["hierarchical_label"].notna(), ["split", "landmark_id"]]
    keys = pd.MultiIndex.from_frame(labels[["split", "landmark_id"]])
    parts = {
        "": pd.Series(True, index=labels.index),
        "labelled_": labels["hierarchical_label"].notna(),
        "official_": pd.Series(keys.isin(pd.MultiIndex.from_frame(known)), index=labels.index),
        "reviewed_": labels["reviewed"],
    }
    numbers: dict[str, int] = {}
    for prefix, part in parts.items():
        numbers[f"{prefix}landmarks"] = int(part.sum())
        numbers[f"{prefix}images"] = int(labels.loc[part, "image_count"].sum())
    used = labels["hierarchical_label"].nunique()
    return numbers | {"labels_used": int(used), "labels_known": len(taxonomy)}


def by_rule(labels: pd.DataFrame) -> list[Json]:
    """Rule, what it means, whether it gives a label, landmarks and images; rules that decided nothing are left out."""
    counts = counted(labels.assign(is_labelled=labels["hierarchical_label"].notna()), ["rule", "is_labelled"])
    order = counts["rule"].map({rule: place for place, rule in enumerate(LABEL_RULE.allowed)})
    counts = counts.assign(order=order).sort_values(["is_labelled", "order"], ascending=[False, True])
    rows = counts.drop(columns="order").to_dict("records")
    return [row | {"meaning": RULES[row["rule"]] + _withheld(row)} for row in rows]


def _withheld(row: Json) -> str:
    """What to add where a rule that gives labels gave none."""
    gives_none = RULES[row["rule"]].startswith("no label")
    return "" if row["is_labelled"] or gives_none else "; no label: a person rejected it, or it is not sure enough"


def along_hierarchy(labels: pd.DataFrame, levels: Sequence[str]) -> pd.DataFrame:
    """Labelled landmarks and images by every level from coarse to fine, then label, then supercategory (may be null).

    Args:
        labels: landmark_labels.
        levels: names of the levels above the label, from fine to coarse.
    """
    labelled = labels[labels["hierarchical_label"].notna()]
    return counted(labelled, [*reversed(levels), "hierarchical_label", "supercategory"])


def grouped_by(labels: pd.DataFrame, coarsest: str) -> pd.DataFrame:
    """Landmarks with their coarsest level as `group`; other levels, one of which may be called so, are left out."""
    columns = ["split", "landmark_id", "hierarchical_label", "class_qid", "image_count"]
    return labels[columns].assign(group=labels[coarsest])


def by_label(labels: pd.DataFrame, coarsest: str) -> pd.DataFrame:
    """hierarchical_label, group (name of the coarsest level), landmark_count, image_count; most landmarks first."""
    labelled = grouped_by(labels[labels["hierarchical_label"].notna()], coarsest)
    counts = counted(labelled, ["hierarchical_label", "group"])
    order = ["landmark_count", "image_count", "hierarchical_label"]
    return counts.sort_values(order, ascending=[False, False, True]).reset_index(drop=True)


def by_class(labels: pd.DataFrame, class_labels: pd.DataFrame, coarsest: str) -> pd.DataFrame:
    """Classes that gave labels: class_qid, class_label, hierarchical_label, group and counts; most landmarks first."""
    given = labels[labels["hierarchical_label"].notna() & labels["class_qid"].notna()]
    counts = counted(grouped_by(given, coarsest), ["class_qid", "hierarchical_label", "group"])
    names = class_labels.set_index("class_qid")["class_label"]
    counts.insert(1, "class_label", counts["class_qid"].map(names).fillna(counts["class_qid"]))
    order = ["landmark_count", "image_count", "class_qid", "hierarchical_label"]
    return counts.sort_values(order, ascending=[False, False, True, True]).reset_index(drop=True)


def places(labels: pd.DataFrame, items: pd.DataFrame, coarsest: str) -> pd.DataFrame:
    """latitude, longitude (degrees) and group (null: no label) of the landmarks whose item lies somewhere on Earth."""
    is_on_earth = items["latitude"].between(-90, 90) & items["longitude"].between(-180, 180)
    located = items.loc[is_on_earth, ["split", "landmark_id", "latitude", "longitude"]]
    joined = located.merge(grouped_by(labels, coarsest), on=["split", "landmark_id"], validate="1:1")
    return joined[["latitude", "longitude", "group"]]


def share(part: float, whole: float) -> float | None:
    """part / whole; None where there is nothing."""
    return part / whole if whole else None
