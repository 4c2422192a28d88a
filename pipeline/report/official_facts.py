"""What the report says of agreement with the official release, split by split and level by level."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from hierarchy.agreement import compare_labels

Json = dict[str, Any]
MOST_CONFUSIONS = 15


def agreement(labels: pd.DataFrame, official: pd.DataFrame, levels: Sequence[str]) -> Json:
    """Our labels beside the official ones.

    Args:
        labels: landmark_labels.
        official: official_labels; levels that it does not have are not compared.
        levels: names of the levels above the label, from fine to coarse.

    Returns:
        splits: rows of split, landmarks, labelled, official, both and coverage;
        levels: rows of split, level, compared, agreement (None: nothing to compare) and low, high of its 95% interval;
        confusions: rows of split, official, ours, landmark_count and examples (id and category), most frequent first;
        confusion_count: how many pairs there are in all.
    """
    compared = ["hierarchical_label", *(level for level in levels if level in official)]
    found: Json = {"splits": [], "levels": [], "confusions": []}
    for split, ours in labels.groupby("split", sort=True):
        theirs = official[official["split"] == split]
        result = compare_labels(ours, theirs, compared)
        counts = {"landmarks": result["count"], "labelled": result["ours"]}
        counts |= {key: result[key] for key in ("official", "both", "coverage")}
        found["splits"].append({"split": split} | counts)
        found["levels"] += [{"split": split} | row for row in _levels(result, compared)]
        found["confusions"] += [{"split": split} | row for row in _confusions(result, ours)]
    found["confusions"].sort(key=lambda row: (-row["landmark_count"], row["split"], row["official"], row["ours"]))
    found["confusion_count"] = len(found["confusions"])
    found["confusions"] = found["confusions"][:MOST_CONFUSIONS]
    return found


def _levels(result: Json, compared: Sequence[str]) -> list[Json]:
    rows = []
    for level in compared:
        low, high = result["agreement_interval"][level]
        is_known = result["agreement"][level] is not None
        rows.append(
            {"level": level, "agreement": result["agreement"][level]}
            | {"low": low if is_known else None, "high": high if is_known else None, "both": result["both"]}
        )
    return rows


def _confusions(result: Json, ours: pd.DataFrame) -> list[Json]:
    names = ours.set_index("landmark_id")["category"]
    return [
        {
            "official": row["official"],
            "ours": row["ours"],
            "landmark_count": int(row["count"]),
            "examples": "; ".join(f"{number} {names[number]}" for number in row["landmark_ids"]),
        }
        for row in result["confusions"][:MOST_CONFUSIONS]
    ]
