"""Stage export: the release, made from the labelled landmarks alone; the same inputs give the same bytes."""

from pathlib import Path

import pandas as pd

from hierarchy.doubt import items_of_classes
from hierarchy.folds import draw_folds
from pipeline import release_tables, tables
from pipeline.checksums import write_sums
from pipeline.documents import changes
from pipeline.documents import provenance as origin
from pipeline.documents.made import documents
from pipeline.errors import stage_command
from pipeline.files import conform, read_table, replaced_folder, write_json, write_tables, write_text
from pipeline.official import official_schema
from pipeline.params import Folds, read_params
from pipeline.schema import Table

FOLDER = Path("release")


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


def main() -> None:
    """Write the release: labels, images, folds, classes, edges, official-schema CSVs, documents and checksums."""
    names = ("landmarks", "images", "landmark_labels", "statements", "class_labels", "class_graph")
    found = {name: read_table(getattr(tables, name.upper())) for name in names}
    others = read_table(tables.LANDMARK_ITEMS), read_table(tables.OFFICIAL_LABELS)
    params = read_params()
    built = [(table, conform(frame, table)) for table, frame in build(found, params.folds)]
    frames = {table.path: frame for table, frame in built}
    made_from = origin.provenance(read_table(tables.ENTITIES), params)
    with replaced_folder(FOLDER) as root:  # a release is whole or as it was before
        folder = root / FOLDER
        write_tables(built, root)
        write_json(made_from, folder / origin.NAME)
        told = documents(frames, *others, folder, params) | {changes.NAME: changes.changes(folder, params)}
        for name, text in told.items():
            write_text(text, folder / name)
        write_sums(folder)


if __name__ == "__main__":
    stage_command(main)()
