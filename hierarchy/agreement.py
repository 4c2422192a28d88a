"""Our labels beside somebody else's: coverage, agreement per level, and the pairs that are confused most.

Pure functions over tables, for `hgld compare` and the benchmarks.
"""

import math
from typing import Any

import pandas as pd


def wilson_interval(successes: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson score interval of a proportion; (0, 1) when there are no trials.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (1927).
    """
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    centre = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def compare_labels(ours: pd.DataFrame, official: pd.DataFrame, levels: list[str]) -> dict[str, Any]:
    """Compare the labels of one split.

    Args:
        ours: landmark_id, hierarchical_label (null: unlabelled), and the other levels.
        official: the same columns; labels are trimmed before they are compared.
        levels: columns to compare, hierarchical_label first.

    Returns:
        count (our landmarks), ours and official (labelled ones among them), both, coverage (ours / count),
        agreement per level with its 95% Wilson interval, and confusions (official, ours, count), most frequent first.
    """
    official = official.assign(**{level: official[level].str.strip().replace("", None) for level in levels})
    joined = ours.merge(official, on="landmark_id", how="left", suffixes=("", "_official"), validate="1:1")
    both = joined[joined["hierarchical_label"].notna() & joined["hierarchical_label_official"].notna()]
    result: dict[str, Any] = {
        "count": len(joined),
        "ours": int(joined["hierarchical_label"].notna().sum()),
        "official": int(joined["hierarchical_label_official"].notna().sum()),
        "both": len(both),
    }
    result["coverage"] = round(result["ours"] / result["count"], 4) if result["count"] else 0.0
    result["agreement"], result["agreement_interval"] = {}, {}
    for level in levels:
        known = both[both[f"{level}_official"].notna()]
        agreed = int((known[level] == known[f"{level}_official"]).sum())
        result["agreement"][level] = round(agreed / len(known), 4) if len(known) else None
        result["agreement_interval"][level] = [round(bound, 4) for bound in wilson_interval(agreed, len(known))]
    other = both[both["hierarchical_label"] != both["hierarchical_label_official"]]
    pairs = other.groupby(["hierarchical_label_official", "hierarchical_label"]).agg(
        count=("landmark_id", "size"), landmark_ids=("landmark_id", lambda ids: ids.head(5).tolist())
    )
    pairs = pairs.reset_index().sort_values("count", ascending=False, kind="stable")
    names = {"hierarchical_label_official": "official", "hierarchical_label": "ours"}
    result["confusions"] = pairs.rename(columns=names).to_dict("records")
    return result
