"""Stage label: every landmark's label from the votes of its classes, with people's decisions last."""

import pandas as pd

from hierarchy.landmarks import add_levels, apply_decisions, apply_text, label_landmarks, withhold
from hierarchy.votes import votes_of_items, winners
from pipeline import curation, tables
from pipeline.errors import stage_command
from pipeline.files import read_table, write_tables
from pipeline.levels import level_names
from pipeline.params import read_params


def build(
    found: dict[str, pd.DataFrame], curated: dict[str, pd.DataFrame], levels: list[str], min_confidence: float
) -> pd.DataFrame:
    """Landmark labels.

    Args:
        found: landmarks, landmark_items, statements, class_labels, official_labels as in pipeline/tables.py.
        curated: taxonomy and landmark_decisions, checked and settled.
        levels: names of the levels above the label.
        min_confidence: labels less sure than this are withheld.
    """
    taxonomy, statements = curated["taxonomy"], found["statements"]
    item_labels = winners(votes_of_items(statements, found["class_labels"], taxonomy))
    official = found["official_labels"]
    labelled = label_landmarks(
        found["landmarks"],
        found["landmark_items"],
        item_labels,
        frozenset(statements.loc[statements["is_best"], "item_qid"]),
        official[official["hierarchical_label"].isin(taxonomy["hierarchical_label"])],
    )
    labelled = apply_decisions(apply_text(labelled, NO_PROPOSALS), curated["landmark_decisions"])
    return add_levels(withhold(labelled, min_confidence), taxonomy, levels)


NO_PROPOSALS = pd.DataFrame(columns=["category", "hierarchical_label", "confidence", "is_accepted"])


def main() -> None:
    """Label every landmark and write data/4_labels."""
    names = ("landmarks", "landmark_items", "statements", "class_labels", "official_labels")
    found = {name: read_table(getattr(tables, name.upper())) for name in names}
    built = build(
        found, curation.read_for_landmarks(found["landmarks"]), level_names(), read_params().label.min_confidence
    )
    write_tables([(tables.LANDMARK_LABELS, built)])


if __name__ == "__main__":
    stage_command(main)()
