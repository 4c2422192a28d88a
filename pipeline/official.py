"""The labels in the schema of the official release, for readers of its files; for the stages export and validate."""

import pandas as pd


def official_schema(labels: pd.DataFrame, landmarks: pd.DataFrame) -> pd.DataFrame:
    """The labels of one split in the schema of the official release: address as category, label where class is null."""
    addresses = landmarks[["split", "landmark_id", "category_url"]]
    frame = labels.merge(addresses, on=["split", "landmark_id"], validate="1:1")
    frame["category"] = frame["category_url"]
    frame["supercategory"] = frame["supercategory"].fillna(frame["hierarchical_label"])
    return frame
