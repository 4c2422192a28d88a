"""Stage export: the release, made from the labelled landmarks alone; the same inputs give the same bytes."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd

from hierarchy.doubt import items_of_classes
from hierarchy.folds import draw_folds
from pipeline import release_tables, tables
from pipeline.checksums import sha256_of, write_sums
from pipeline.curation import landmark_decisions_path
from pipeline.errors import stage_command
from pipeline.files import read_table, write_json, write_table
from pipeline.params import Folds, read_params
from pipeline.schema import Table

RELEASE = Path("release")
CODE = ("annotations", "hierarchy", "pipeline")
CURATED = ("taxonomy", "anchors", "class_decisions", "edge_decisions")


def official_schema(labels: pd.DataFrame, landmarks: pd.DataFrame) -> pd.DataFrame:
    """The labels of one split in the schema of the official release: address as category, label where class is null."""
    addresses = landmarks[["split", "landmark_id", "category_url"]]
    frame = labels.merge(addresses, on=["split", "landmark_id"], validate="1:1")
    frame["category"] = frame["category_url"]
    frame["supercategory"] = frame["supercategory"].fillna(frame["hierarchical_label"])
    return frame


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
    labels, images, graph = found["landmark_labels"], found["images"], found["class_graph"]
    built = [
        (release_tables.FOLDS, draw_folds(labels, folds.val_share, folds.test_share, folds.seed)),
        (release_tables.CLASSES, classes_table(found["class_labels"], found["statements"], labels)),
        (release_tables.CLASS_EDGES, graph[~graph["is_removed"]]),
    ]
    for split in release_tables.SPLITS:
        of_split = labels[labels["split"] == split]
        built += [
            (release_tables.LABELS[split], of_split),
            (release_tables.IMAGES[split], images[images["split"] == split]),
            (release_tables.OFFICIAL_SCHEMA[split], official_schema(of_split, found["landmarks"])),
        ]
    return built


def provenance(entities: pd.DataFrame) -> dict[str, Any]:
    """What the release was made from: hashes of code, inputs and curated tables, source, date and revisions."""
    params = read_params()
    revisions = entities["revision_id"].dropna()
    code = sorted(path for folder in CODE for path in Path(folder).rglob("*.py"))
    raw = sorted(Path("data/raw/gldv2/metadata").glob("*.csv"))
    curated = [Path("annotations") / f"{name}.csv" for name in CURATED]
    inputs = [Path("params.yaml"), *curated, landmark_decisions_path(params.source), *raw]
    return {
        "version": params.release.version,
        "source": params.source,
        "snapshot_date": params.wikidata.snapshot_date,
        "revision_range": [int(revisions.min()), int(revisions.max())] if len(revisions) else None,
        "code_sha256": _sha256_of_tree(code),
        "constraints_sha256": sha256_of(Path("constraints.txt")),
        "inputs": {path.as_posix(): sha256_of(path) for path in inputs},
        "licences": {"labels": "CC BY 4.0, attribution to Google Landmarks v2", "wikidata": "CC0 1.0"},
    }


def _sha256_of_tree(paths: list[Path]) -> str:
    listing = {path.as_posix(): sha256_of(path) for path in paths}
    return hashlib.sha256(json.dumps(listing, sort_keys=True).encode()).hexdigest()


def main() -> None:
    """Write the release: labels, images, folds, classes, edges, official-schema CSVs, provenance and checksums."""
    names = ("landmarks", "images", "landmark_labels", "statements", "class_labels", "class_graph")
    found = {name: read_table(getattr(tables, name.upper())) for name in names}
    for table, frame in build(found, read_params().folds):
        write_table(frame, table)
    write_json(provenance(read_table(tables.ENTITIES)), RELEASE / "provenance.json")
    write_sums(RELEASE)


if __name__ == "__main__":
    stage_command(main)()
