"""Folds by landmark, drawn once for everybody: stratified over labels, the same category always in one fold.

Pure functions over tables, for the export stage.
"""

import hashlib

import pandas as pd

# Multiples of the golden ratio fill [0, 1) evenly, so that any run of neighbours is split close to the shares.
_GOLDEN_RATIO = 0.6180339887498949


def draw_folds(labels: pd.DataFrame, val_share: float, test_share: float, seed: int) -> pd.DataFrame:
    """Fold of every labelled landmark.

    The categories are put in an order drawn from the seed within each label, and every category takes its fold from
    its place in that order; each label is thus split close to the shares, however few landmarks it has.

    Args:
        labels: split, landmark_id, category, hierarchical_label (null: left out).
        val_share: share of the categories for tuning.
        test_share: share of the categories for the final test.
        seed: another seed draws other folds.

    Returns:
        split, landmark_id, fold (train, val or test).
    """
    labelled = labels[labels["hierarchical_label"].notna()]
    categories = labelled[["category", "hierarchical_label"]].drop_duplicates("category").copy()
    categories["draw"] = [hashlib.sha256(f"{seed}:{title}".encode()).hexdigest() for title in categories["category"]]
    categories = categories.sort_values(["hierarchical_label", "draw"])
    place = pd.Series(range(len(categories)), index=categories.index) * _GOLDEN_RATIO % 1
    categories["fold"] = "train"
    categories.loc[place < val_share + test_share, "fold"] = "val"
    categories.loc[place < test_share, "fold"] = "test"
    folds = labelled[["split", "landmark_id", "category"]].merge(
        categories[["category", "fold"]], on="category", validate="m:1"
    )
    return folds[["split", "landmark_id", "fold"]]
