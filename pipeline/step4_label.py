"""Stage label: every landmark's label from the votes of its classes, with people's decisions last."""

import pandas as pd

from hierarchy.landmarks import label_landmarks
from hierarchy.votes import votes_of_items, winners
from pipeline import curation, tables
from pipeline.errors import stage_command
from pipeline.files import read_table, write_table


def build(
    landmarks: pd.DataFrame,
    landmark_items: pd.DataFrame,
    statements: pd.DataFrame,
    class_labels: pd.DataFrame,
    curated: dict[str, pd.DataFrame],
) -> pd.DataFrame:
    """Landmark labels; the tables are those of pipeline/tables.py, `curated` holds taxonomy and landmark_decisions."""
    item_labels = winners(votes_of_items(statements, class_labels, curated["taxonomy"]))
    items_with_class = frozenset(statements.loc[statements["is_best"], "item_qid"])
    return label_landmarks(
        landmarks, landmark_items, item_labels, items_with_class, curated["landmark_decisions"], curated["taxonomy"]
    )


def main() -> None:
    """Label every landmark and write data/4_labels."""
    landmarks = read_table(tables.LANDMARKS)
    built = build(
        landmarks,
        read_table(tables.LANDMARK_ITEMS),
        read_table(tables.STATEMENTS),
        read_table(tables.CLASS_LABELS),
        curation.read_for_landmarks(landmarks),
    )
    write_table(built, tables.LANDMARK_LABELS)


if __name__ == "__main__":
    stage_command(main)()
