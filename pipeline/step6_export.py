"""Stage export: the release, made from the labelled landmarks alone; the same inputs give the same bytes."""

import dataclasses
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
from pipeline.files import read_table, replaced_folder, write_json, write_tables
from pipeline.official import official_schema
from pipeline.params import Folds, Params, read_params
from pipeline.schema import Table

FOLDER = Path("release")
CODE = ("annotations", "hierarchy", "pipeline")
CURATED = ("taxonomy", "anchors", "class_decisions", "edge_decisions", "head_nouns")


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


def provenance(entities: pd.DataFrame, params: Params) -> dict[str, Any]:
    """What the release was made from, and nothing that changes between runs.

    Hashes of the code, the pinned versions, GLDv2's metadata, the facts of Wikidata and the curated tables; source,
    endpoint, date and range of revisions; and the parameters that a label or a fold depends on.
    """
    revisions = entities["revision_id"].dropna()
    facts = params.wikidata
    inputs = [
        *sorted(Path("data/raw/gldv2/metadata").glob("*.csv")),
        *sorted(Path("data/2_wikidata").glob("*.parquet")),
        *(Path("annotations") / f"{name}.csv" for name in CURATED),
        landmark_decisions_path(params.source),
    ]
    return {
        "version": params.release.version,
        "source": params.source,
        "endpoint": [facts.wikidata_api, facts.commons_api, facts.sparql] if params.source == "wikimedia" else None,
        "snapshot_date": facts.snapshot_date,
        "revision_range": [int(revisions.min()), int(revisions.max())] if len(revisions) else None,
        "params": {"folds": dataclasses.asdict(params.folds), "label": dataclasses.asdict(params.label)},
        "code_sha256": _sha256_of_tree(sorted(path for room in CODE for path in Path(room).rglob("*.py"))),
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
    params = read_params()
    built = build(found, params.folds)
    made_from = provenance(read_table(tables.ENTITIES), params)
    with replaced_folder(FOLDER) as root:  # a release is whole or as it was before
        write_tables(built, root)
        write_json(made_from, root / FOLDER / "provenance.json")
        write_sums(root / FOLDER)


if __name__ == "__main__":
    stage_command(main)()
