"""The card and the Croissant file of a release, as they follow from its tables; for the stages export and validate."""

from pathlib import Path

import pandas as pd

from annotations import store
from pipeline import release_tables
from pipeline.documents import card, croissant
from pipeline.documents.datasheet import answers
from pipeline.documents.facts import release_facts
from pipeline.documents.files import release_files
from pipeline.files import json_text
from pipeline.levels import level_names
from pipeline.params import Params


def documents(
    frames: dict[str, pd.DataFrame],
    landmark_items: pd.DataFrame,
    official_labels: pd.DataFrame,
    folder: Path,
    params: Params,
) -> dict[str, str]:
    """Text of README.md and croissant.json by name.

    Args:
        frames: the tables of the release by their declared path.
        landmark_items: with the coordinates.
        official_labels: what the labels are compared with.
        folder: where the release's tables lie.
        params: of the project.
    """
    found = {
        "labels": pd.concat([frames[table.path] for table in release_tables.LABELS.values()], ignore_index=True),
        "taxonomy": store.read("taxonomy"),
        "landmark_items": landmark_items,
        "official_labels": official_labels,
        "splits": frames[release_tables.FOLDS.path],
        "classes": frames[release_tables.CLASSES.path],
        "class_edges": frames[release_tables.CLASS_EDGES.path],
    }
    levels = level_names()
    facts = release_facts(found, levels)
    snapshot_date = params.wikidata.snapshot_date
    said = answers(facts, params.source, snapshot_date)
    files = release_files({path: len(frame) for path, frame in frames.items()})
    described = croissant.croissant(said, files, folder, params.release, snapshot_date)
    return {
        card.NAME: card.dataset_card(facts, said, files, levels, params.release),
        croissant.NAME: json_text(described),
    }
