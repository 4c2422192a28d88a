"""Each rule of the vote on real landmarks, on the facts of GLDv2 and Wikidata that the sample restates."""

from pathlib import Path

import pytest

from pipeline import tables
from pipeline.files import read_table


@pytest.mark.parametrize(
    ("landmark_id", "rule", "labels"),
    [
        (16993, "agreed", ["school"]),  # Universidad Nacional de Colombia
        (52020, "majority", ["mountain", "parks"]),  # Brandberg: mountain range, massif, and a reserve
        (61561, "majority", ["library", "museum"]),  # National Library of Wales
        (50505, "steps", ["cemetery", "city"]),  # Hollywood Forever: a cemetery itself, a district by two steps
        (21542, "steps", ["hotel", "city"]),  # The Greenbrier
        (135798, "information_content", ["palace", "museum"]),  # Het Loo: museum is the more general class
        (163900, "information_content", ["zoo", "parks"]),  # Budapest Zoo
        (900166, "steps", ["museum", "garden"]),  # Louisiana: its class sculpture garden is contested
        (900138, "priority", ["government building", "skyscraper"]),  # Los Angeles City Hall
        (900026, "decision", []),  # Château de Cerisy: no class, a person decided
        (900098, "no_class", []),  # Marinarium, Concarneau
        (11355, "no_item", []),  # Antarctica: Empire of the Penguin
        (900088, "unreached", []),  # Kongensgruve: mining is no kind of place
    ],
)
def test_the_rule_that_decides(landmark_id: int, rule: str, labels: list[str], in_sample: Path) -> None:
    del in_sample
    frame = read_table(tables.LANDMARK_LABELS)
    row = frame[(frame["split"] == "train") & (frame["landmark_id"] == landmark_id)].iloc[0]
    assert (row["rule"], list(row["vote_labels"])) == (rule, labels)
    if labels:
        assert row["hierarchical_label"] == labels[0]
