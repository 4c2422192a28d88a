"""What a release holds, in numbers, as its documents state them. Pure functions over tables."""

from typing import Any

import pandas as pd

from hierarchy.agreement import compare_labels
from pipeline.documents import regions
from pipeline.release_tables import SPLITS

Facts = dict[str, Any]
FEW = 10  # landmarks, below which a label is called rare
FOLDS = ("train", "val", "test")
KEY = ["split", "landmark_id"]


def release_facts(found: dict[str, pd.DataFrame], levels: list[str]) -> Facts:
    """Numbers about a release.

    Args:
        found: labels (both splits), taxonomy, landmark_items (for coordinates), official_labels, splits (folds),
            classes, class_edges.
        levels: names of the levels above the label, fine to coarse.

    Returns:
        splits: counts of each; total: of both; rules, unlabelled (by reason) and regions: rows with name,
        landmark_count, image_count, and labelled_share of regions; labels: the same for every label of the taxonomy,
        with coarser (its levels) and description; coarsest: names of the coarsest level; rare_labels; folds;
        official: agreement of each split; reviewed_count; class_count, edge_count.
    """
    labels = found["labels"]
    labelled = labels[labels["hierarchical_label"].notna()]
    places = labels.merge(found["landmark_items"][[*KEY, "latitude", "longitude"]], on=KEY, how="left", validate="1:1")
    without = labels[labels["hierarchical_label"].isna()]
    by_label = _labels(labelled, found["taxonomy"], levels)
    folds = found["splits"]["fold"].value_counts()
    return {
        "splits": {split: _size(labels[labels["split"] == split]) for split in SPLITS},
        "total": _size(labels),
        "rules": _counted(labels, labels["rule"]),
        "regions": _by_region(places),
        "labels": by_label,
        "unlabelled": _counted(without, without["rule"].where(without["status"] == "unlabelled", without["status"])),
        "coarsest": sorted(found["taxonomy"][levels[-1]].unique()),
        "rare_labels": [row["name"] for row in by_label if 0 < row["landmark_count"] < FEW],
        "folds": {name: int(folds.get(name, 0)) for name in FOLDS},
        "official": _agreement(labels, found["official_labels"], ["hierarchical_label", *levels]),
        "reviewed_count": int(labels["reviewed"].sum()),
        "class_count": len(found["classes"]),
        "edge_count": len(found["class_edges"]),
    }


def _size(labels: pd.DataFrame) -> Facts:
    labelled = labels[labels["hierarchical_label"].notna()]
    images, labelled_images = int(labels["image_count"].sum()), int(labelled["image_count"].sum())
    return {
        "landmark_count": len(labels),
        "labelled_count": len(labelled),
        "labelled_share": _share(len(labelled), len(labels)),
        "image_count": images,
        "labelled_image_count": labelled_images,
        "labelled_image_share": _share(labelled_images, images),
    }


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def _counted(labels: pd.DataFrame, by: pd.Series) -> list[Facts]:
    """Landmarks and images of each value, most images first."""
    groups = labels.groupby(by.rename("name")).agg(
        landmark_count=("landmark_id", "size"), image_count=("image_count", "sum")
    )
    order = groups.reset_index().sort_values(
        ["image_count", "landmark_count", "name"], ascending=[False, False, True], kind="stable"
    )
    rows: list[Facts] = order.to_dict("records")
    return rows


def _labels(labelled: pd.DataFrame, taxonomy: pd.DataFrame, levels: list[str]) -> list[Facts]:
    """Every label of the taxonomy, most images first."""
    counted = {row["name"]: row for row in _counted(labelled, labelled["hierarchical_label"])}
    none = {"landmark_count": 0, "image_count": 0}
    rows = [
        none
        | {"name": row["hierarchical_label"], "coarser": [row[level] for level in levels]}
        | {"description": row["description"]}
        | counted.get(row["hierarchical_label"], {})
        for row in taxonomy.to_dict("records")
    ]
    return sorted(rows, key=lambda row: (-row["image_count"], -row["landmark_count"], row["name"]))


def _by_region(places: pd.DataFrame) -> list[Facts]:
    """Regions in the order of their table, then what lies elsewhere, then what has no coordinates."""
    region = regions.region_of(places["latitude"], places["longitude"])
    is_labelled = places["hierarchical_label"].notna()
    counted = {row["name"]: row for row in _counted(places, region)}
    labelled = is_labelled.groupby(region).sum()
    return [
        counted[name] | {"labelled_share": _share(int(labelled[name]), counted[name]["landmark_count"])}
        for name in (*regions.NAMES, regions.ELSEWHERE, regions.UNKNOWN)
        if name in counted
    ]


def _agreement(labels: pd.DataFrame, official: pd.DataFrame, levels: list[str]) -> Facts:
    """Of each split, how far the labels are those of the official release; see `hgld compare`."""
    for level in levels:
        official = official if level in official else official.assign(**{level: pd.Series(dtype="str")})
    compared = {}
    for split in SPLITS:
        theirs = official.loc[official["split"] == split, ["landmark_id", *levels]]
        result = compare_labels(labels[labels["split"] == split], theirs, levels)
        compared[split] = {name: result[name] for name in ("official", "both", "agreement", "agreement_interval")}
    return compared
