"""The tables of release/, declared like all the others; for researchers and for the stages that write them."""

from pipeline import tables
from pipeline.schema import Column, Table

_LABELS = (
    tables.SPLIT,
    tables.LANDMARK_ID,
    tables.CATEGORY,
    tables.SUPERCATEGORY,
    tables.LABEL,
    tables.LEVELS,
    tables.ITEM,
    tables.CLASS,
    tables.LABEL_RULE,
    tables.CONFIDENCE,
    tables.LABEL_STATUS,
    tables.REVIEWED,
    tables.IMAGE_COUNT,
)
_OFFICIAL = (
    tables.LANDMARK_ID,
    Column("category", "string", "the category's address, exactly as GLDv2 has it"),
    Column("supercategory", "string", "as in labels; the label where it did not come from a class", "no label"),
    tables.LABEL,
    tables.LEVELS,
)
SPLITS = ("train", "index")
LABELS = {
    split: Table("export", f"release/labels/{split}.parquet", f"a {split} landmark", ("split", "landmark_id"), _LABELS)
    for split in SPLITS
}
IMAGES = {
    split: Table(
        "export",
        f"release/images/{split}.parquet",
        f"a {split} image",
        ("image_id",),
        (tables.IMAGE_ID, tables.LANDMARK_ID),
    )
    for split in SPLITS
}
OFFICIAL_SCHEMA = {
    split: Table(
        "export",
        f"release/{split}_label_to_hierarchical.csv",
        f"a {split} landmark in the schema of the official release",
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
        tables.SPLIT,
        tables.LANDMARK_ID,
        Column(
            "fold",
            "string",
            "part of an experiment; one category is always in one fold",
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
        Column("class_qid", "string", "Wikidata class"),
        Column("class_label", "string", "English label; else `mul`, else the first language there is, else the id"),
        tables.LABEL,
        tables.ANCHOR,
        tables.STEPS,
        tables.CLASS_RULE,
        tables.CLASS_STATUS,
        tables.PATH,
        Column("landmark_count", "int64", "landmarks of both splits that are instances of it"),
        Column("image_count", "int64", "their images"),
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
    (Column("item_qid", "string", "Wikidata item"), Column("class_qid", "string", "the class; it may vote")),
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
