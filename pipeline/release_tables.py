"""The tables of release/, declared like all the others; for researchers and for the stages that write them."""

from dataclasses import replace

from pipeline import columns, tables
from pipeline.schema import Column, Table

_LABELS = (
    columns.SPLIT,
    columns.LANDMARK_ID,
    columns.CATEGORY,
    columns.SUPERCATEGORY,
    columns.LABEL,
    columns.LEVELS,
    columns.ITEM,
    columns.CLASS,
    columns.LABEL_RULE,
    columns.CONFIDENCE,
    columns.LABEL_STATUS,
    columns.REVIEWED,
    columns.IMAGE_COUNT,
)
_OFFICIAL = (
    columns.LANDMARK_ID,
    Column("category", "string", "the category's address, exactly as GLDv2 has it", source=columns.CATEGORIES),
    Column(
        "supercategory",
        "string",
        "as in labels; the label where it did not come from a class",
        "no label",
        source=columns.BY_VOTE,
    ),
    columns.LABEL,
    columns.LEVELS,
)
_INSTANCES = "Wikidata: P31, counted over GLDv2"
SPLITS = ("train", "index")
_A = {"train": "a train", "index": "an index"}
LABELS = {
    split: Table(
        "export", f"release/labels/{split}.parquet", f"{_A[split]} landmark", ("split", "landmark_id"), _LABELS
    )
    for split in SPLITS
}
IMAGES = {
    split: Table(
        "export",
        f"release/images/{split}.parquet",
        f"{_A[split]} image",
        ("image_id",),
        (columns.IMAGE_ID, columns.LANDMARK_ID),
    )
    for split in SPLITS
}
OFFICIAL_SCHEMA = {
    split: Table(
        "export",
        f"release/{split}_label_to_hierarchical.csv",
        f"{_A[split]} landmark in the schema of the official release",
        ("landmark_id",),
        _OFFICIAL,
    )
    for split in SPLITS
}
FOLDS = Table(
    "export",
    "release/splits.parquet",
    "a labelled landmark with its fold",
    ("split", "landmark_id"),
    (
        columns.SPLIT,
        columns.LANDMARK_ID,
        Column(
            "fold",
            "string",
            "part of an experiment; one category is always in one fold",
            source="hgldv2, stage export: drawn from folds.seed",
            allowed=("train", "val", "test"),
        ),
    ),
)
CLASSES = Table(
    "export",
    "release/classes.parquet",
    "a Wikidata class that the hierarchy uses",
    ("class_qid",),
    (
        Column("class_qid", "string", "Wikidata class", source="Wikidata: P31, P279"),
        Column(
            "class_label",
            "string",
            "English label; else `mul`, else the first language there is, else the id",
            source="Wikidata",
        ),
        replace(columns.LABEL, null="no anchor above it, or ignored", source=columns.BY_ANCHORS),
        columns.ANCHOR,
        columns.STEPS,
        columns.CLASS_RULE,
        columns.CLASS_STATUS,
        columns.PATH,
        Column(
            "landmark_count",
            "int64",
            "landmarks of both splits whose item is an instance of this very class",
            source=_INSTANCES,
        ),
        Column("image_count", "int64", "their images", source=_INSTANCES),
    ),
)
CLASS_EDGES = Table(
    "export", "release/class_edges.parquet", tables.CLASS_GRAPH.row, tables.CLASS_GRAPH.key, tables.CLASS_GRAPH.columns
)
ITEM_CLASSES = Table(
    "export",
    "release/item_classes.parquet",
    "a class that a landmark's item is an instance of (P31, best rank)",
    ("item_qid", "class_qid"),
    (
        Column("item_qid", "string", "Wikidata item", source="Wikidata"),
        Column("class_qid", "string", "the class; it may vote", source="Wikidata: P31"),
    ),
)
RELEASE_TABLES = (
    *LABELS.values(),
    *IMAGES.values(),
    *OFFICIAL_SCHEMA.values(),
    FOLDS,
    CLASSES,
    CLASS_EDGES,
    ITEM_CLASSES,
)
