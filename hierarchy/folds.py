"""Folds by landmark, drawn once for everybody: stratified over labels, the same category always in one fold.

Pure functions over tables, for the export stage.
"""

import hashlib

import pandas as pd


def draw_folds(labels: pd.DataFrame, val_share: float, test_share: float, seed: int) -> pd.DataFrame:
    """Fold of every labelled landmark.

    Within each label the categories are put in an order drawn from the seed, and the quotas of the folds are dealt out
    along it, so that each label is split as its shares say, however few categories it has. What happens in one label
    moves no fold in another.

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
    categories["draw"] = [_draw(seed, title) for title in categories["category"]]
    categories = categories.sort_values(["hierarchical_label", "draw"])
    # Each label begins at a place of its own, so that labels of one category do not all fall into one fold.
    offset = (
        categories["hierarchical_label"]
        .map({label: _draw(seed, label) for label in set(categories["hierarchical_label"])})
        .astype("float64")
    )  # of no label at all it would be text
    place = (categories.groupby("hierarchical_label").cumcount() * _GOLDEN_RATIO + offset) % 1
    categories["fold"] = "train"
    categories.loc[place < val_share + test_share, "fold"] = "val"
    categories.loc[place < test_share, "fold"] = "test"
    folds = labelled[["split", "landmark_id", "category"]].merge(
        categories[["category", "fold"]], on="category", validate="m:1"
    )
    return folds[["split", "landmark_id", "fold"]]


# Multiples of the golden ratio fill [0, 1) evenly, so that any run of neighbours is split close to the shares.
_GOLDEN_RATIO = 0.6180339887498949


def _draw(seed: int, text: str) -> float:
    """A number in [0, 1) that depends on nothing but the seed and the text."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{text}".encode()).digest()[:6], "big") / 2**48
