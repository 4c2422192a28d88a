"""A vote of the images of a landmark that nothing else labels: zero-shot, by the names of the labels.

Pure functions over arrays, for the label stage with `label.visual: true`. As the paper labels landmarks that Wikidata
leaves open (arXiv 2309.08250): every image votes for the labels whose names lie nearest to it, the majority labels the
landmark, and the share of its images that agree is the confidence.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MIN_IMAGES = 3  # fewer images agree too easily
MIN_AGREEMENT = 0.8


def image_votes(images: NDArray[np.float32], labels: NDArray[np.float32], top_k: int) -> NDArray[np.int64]:
    """Numbers of the `top_k` labels nearest to each image by cosine, nearest first; ties go to the lower number.

    Args:
        images: (images, dimensions) embeddings.
        labels: (labels, dimensions) embeddings of the label names.
        top_k: labels an image may vote for, at least 1 and at most all.
    """
    similarity = _unit(images) @ _unit(labels).T  # (images, labels)
    order = np.argsort(-similarity, axis=1, kind="stable")
    return order[:, : min(top_k, len(labels))].astype(np.int64)


def landmark_votes(categories: list[str], votes: NDArray[np.int64], labels: list[str]) -> pd.DataFrame:
    """The majority of the images of each category.

    Args:
        categories: category of each image.
        votes: (images, top_k) result of `image_votes`.
        labels: names of the labels by number.

    Returns:
        category, hierarchical_label, confidence (share of its images that voted for the label), image_count,
        is_accepted; a tie goes to the label that is more often first, then to the first in `labels`.
    """
    rows = pd.DataFrame({"category": np.repeat(categories, votes.shape[1]), "number": votes.ravel()})
    rows["is_first"] = np.tile(np.arange(votes.shape[1]) == 0, len(categories))
    tally = rows.groupby(["category", "number"], as_index=False).agg(
        voters=("number", "size"), firsts=("is_first", "sum")
    )
    order = tally.sort_values(["category", "voters", "firsts", "number"], ascending=[True, False, False, True])
    won = order.drop_duplicates("category").copy()
    won["image_count"] = won["category"].map(pd.Series(categories).value_counts())
    won["confidence"] = (won["voters"] / won["image_count"]).round(4)
    won["hierarchical_label"] = [labels[number] for number in won["number"]]
    won["is_accepted"] = (won["image_count"] >= MIN_IMAGES) & (won["confidence"] >= MIN_AGREEMENT)
    names = ["category", "hierarchical_label", "confidence", "image_count", "is_accepted"]
    return won[names].reset_index(drop=True)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12), dtype=np.float32)
