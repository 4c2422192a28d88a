"""Making a release from the tables of the stages; export writes it, and validate makes it again and compares."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from hierarchy.doubt import items_of_classes
from hierarchy.folds import draw_folds
from pipeline import release_tables, tables
from pipeline.checksums import write_sums
from pipeline.documents import changes
from pipeline.documents import provenance as origin
from pipeline.documents.made import documents
from pipeline.files import read_table, write_json, write_tables, write_text
from pipeline.official import official_schema
from pipeline.params import Folds, Params
from pipeline.schema import Table

FOLDER = Path("release")
FOUND = (
    *("landmarks", "images", "official_labels", "landmark_items", "statements", "entities"),
    *("class_labels", "class_graph", "landmark_labels"),
)
"""Names of the tables that a release is made from."""


def read_found(names: Iterable[str] = FOUND) -> dict[str, pd.DataFrame]:
    """The named tables of the stages.

    Raises:
        InputError: one is absent or not as declared.
    """
    # Addresses of images are half of all bytes, and a release holds none.
    without = {"images": ("url",)}
    return {name: read_table(getattr(tables, name.upper()), without.get(name, ())) for name in names}


def classes_table(class_labels: pd.DataFrame, statements: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Classes with the landmarks and images that are instances of them."""
    counts = items_of_classes(statements, labels).groupby("class_qid", as_index=False)[
        ["landmark_count", "image_count"]
    ]
    classes = class_labels.merge(counts.sum(), on="class_qid", how="left", validate="1:1")
    for name in ("landmark_count", "image_count"):
        classes[name] = classes[name].fillna(0).astype("int64")
    return classes


def build(found: dict[str, pd.DataFrame], folds: Folds) -> list[tuple[Table, pd.DataFrame]]:
    """Every table of the release from landmarks, images, landmark_labels, statements, class_labels and class_graph."""
    labels, images, statements = found["landmark_labels"], found["images"], found["statements"]
    built = [
        (release_tables.FOLDS, draw_folds(labels, folds.val_share, folds.test_share, folds.seed)),
        (release_tables.CLASSES, classes_table(found["class_labels"], statements, labels)),
        (release_tables.CLASS_EDGES, found["class_graph"]),
        (release_tables.ITEM_CLASSES, items_of_classes(statements, labels)),
    ]
    for split in release_tables.SPLITS:
        of_split = labels[labels["split"] == split]
        built += [
            (release_tables.LABELS[split], of_split),
            (release_tables.IMAGES[split], images[images["split"] == split]),
            (release_tables.OFFICIAL_SCHEMA[split], official_schema(of_split, found["landmarks"])),
        ]
    return built


def write_release(found: dict[str, pd.DataFrame], params: Params, root: Path) -> None:
    """Write the release below `root`: tables, documents and checksums.

    Args:
        found: the tables of FOUND.
        params: of the project.
        root: the release goes to `root / release`.

    Raises:
        InputError: a table breaks its declaration, or the release before cannot be read or followed.
    """
    made_from = origin.provenance(found["entities"], params)
    frames = write_tables(build(found, params.folds), root)
    folder = root / FOLDER
    write_json(made_from, folder / origin.NAME)
    told = documents(frames, found["landmark_items"], found["official_labels"], folder, params)
    for name, text in (told | {changes.NAME: changes.changes(folder, params)}).items():
        write_text(text, folder / name)
    write_sums(folder)
