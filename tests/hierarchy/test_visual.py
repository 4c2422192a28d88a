"""The vote of images: nearest labels, majority, agreement; against a plain reference."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hierarchy.visual import image_votes, landmark_votes

LABELS = ["church", "lake", "tower"]


def test_an_image_votes_for_the_nearest_labels_whatever_the_lengths() -> None:
    labels = np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float32)
    images = np.array([[9, 1], [0.1, 5], [2, 2]], dtype=np.float32)
    assert image_votes(images, labels, 1).ravel().tolist() == [0, 1, 2]
    assert image_votes(images, labels, 2).tolist() == [[0, 2], [1, 2], [2, 0]]
    assert image_votes(images, labels, 9).shape == (3, 3)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), min_size=1, max_size=30))
def test_the_majority_wins_and_its_share_is_the_confidence(votes: list[tuple[str, int]]) -> None:
    found = landmark_votes([c for c, _ in votes], np.array([[n] for _, n in votes]), LABELS).set_index("category")
    for category in {c for c, _ in votes}:
        counts = Counter(number for c, number in votes if c == category)
        best = min(counts, key=lambda number: (-counts[number], number))
        row = found.loc[category]
        assert row["hierarchical_label"] == LABELS[best]
        assert row["confidence"] == round(counts[best] / counts.total(), 4)
        assert row["is_accepted"] == (counts.total() >= 3 and row["confidence"] >= 0.8)


def test_a_tie_goes_to_the_label_that_is_more_often_first() -> None:
    votes = np.array([[1, 0], [1, 0], [0, 1]])
    assert landmark_votes(["a"] * 3, votes, LABELS)["hierarchical_label"].tolist() == ["lake"]
