"""Every generated table, declared once: where it lies, what one row is, its key, and what each column and null means.

For everyone who reads a table; `pipeline.files.write_table` validates against these on writing.
"""

from pipeline.columns import (
    ANCHOR,
    CATEGORIES,
    CATEGORY,
    CLASS,
    CLASS_RULE,
    CLASS_STATUS,
    CONFIDENCE,
    EVIDENCE_HASH,
    IMAGE_COUNT,
    IMAGE_ID,
    ITEM,
    LABEL,
    LABEL_RULE,
    LABEL_STATUS,
    LANDMARK_ID,
    LEVELS,
    METADATA,
    OFFICIAL,
    PATH,
    REVIEWED,
    SPLIT,
    STEPS,
    SUPERCATEGORY,
)
from pipeline.schema import Column, Table

LANDMARKS = Table(
    "download",
    "data/1_gldv2/landmarks.parquet",
    "a GLDv2 landmark",
    ("split", "landmark_id"),
    (
        SPLIT,
        LANDMARK_ID,
        CATEGORY,
        Column("category_url", "string", "the category's address, exactly as GLDv2 has it", source=CATEGORIES),
        IMAGE_COUNT,
    ),
)
IMAGES = Table(
    "download",
    "data/1_gldv2/images.parquet",
    "a GLDv2 image of a landmark",
    ("image_id",),
    (
        SPLIT,
        IMAGE_ID,
        LANDMARK_ID,
        Column(
            "is_clean", "bool", "train image that GLDv2 lists in train_clean.csv", source=f"{METADATA}: train_clean.csv"
        ),
        Column(
            "url",
            "string",
            "address of the original photograph",
            "GLDv2 gives none (index images)",
            source=f"{METADATA}: train.csv",
        ),
    ),
)
OFFICIAL_LABELS = Table(
    "download",
    "data/1_gldv2/official_labels.parquet",
    "a landmark that the official release labels",
    ("split", "landmark_id"),
    (
        SPLIT,
        LANDMARK_ID,
        Column("supercategory", "string", "official supercategory", "not given", source=OFFICIAL),
        Column("hierarchical_label", "string", "official label, spaces at its ends trimmed", source=OFFICIAL),
        Column("natural_or_human_made", "string", "official natural / human-made", "not given", source=OFFICIAL),
    ),
)
RETRIEVAL_SOLUTION = Table(
    "download",
    "data/1_gldv2/retrieval_solution.parquet",
    "a GLDv2 test query",
    ("image_id",),
    (
        IMAGE_ID,
        Column(
            "usage",
            "string",
            "part of the benchmark",
            allowed=("Public", "Private", "Ignored"),
            source=f"{METADATA}: retrieval_solution_v2.1.csv",
        ),
        Column(
            "positive_image_ids",
            "list<string>",
            "index images of the query's landmark, as GLDv2 lists them",
            source=f"{METADATA}: retrieval_solution_v2.1.csv",
        ),
    ),
)
TAR_MANIFEST = Table(
    "download",
    "data/1_gldv2/tar_manifest.csv",
    "an image TAR that was fetched and verified",
    ("split", "shard"),
    (
        Column("split", "string", "GLDv2 split", allowed=("train", "index", "test")),
        Column("shard", "int64", "number of the shard"),
        Column("path", "string", "where the TAR lies, from the project folder"),
        Column("md5", "string", "its MD5, equal to the published one", source="GLDv2: published checksums"),
        Column("size_bytes", "int64", "its size"),
    ),
)
TAR_INDEX = Table(
    "index",
    "data/1_gldv2/tar_index.parquet",
    "an image in a TAR of the manifest",
    ("split", "image_id"),
    (
        Column("split", "string", "GLDv2 split", allowed=("train", "index", "test")),
        IMAGE_ID,
        Column("tar", "string", "TAR that holds it, from the project folder"),
        Column("offset", "int64", "where its bytes begin in the TAR"),
        Column("size", "int64", "number of its bytes"),
    ),
)
LANDMARK_ITEMS = Table(
    "wikidata",
    "data/2_wikidata/landmark_items.parquet",
    "a landmark with the Wikidata item of its category",
    ("split", "landmark_id"),
    (
        SPLIT,
        LANDMARK_ID,
        CATEGORY,
        ITEM,
        Column(
            "link_rule",
            "string",
            "rule that found the item",
            allowed=("sitelink", "topic", "commons_category", "main_category", "unresolved"),
        ),
        Column(
            "link_status",
            "string",
            "doubtful when several items claim the category",
            allowed=("resolved", "doubtful", "unresolved"),
        ),
        Column("candidate_qids", "list<string>", "every item that the deciding rule found, the chosen one first"),
        Column("redirected_category", "string", "category at the end of the soft redirects", "no redirect followed"),
        Column("latitude", "float64", "degrees north (P625)", "the item has no coordinates", source="Wikidata: P625"),
        Column("longitude", "float64", "degrees east (P625)", "the item has no coordinates", source="Wikidata: P625"),
    ),
)
STATEMENTS = Table(
    "wikidata",
    "data/2_wikidata/statements.parquet",
    "an instance-of statement (P31) of a landmark's item",
    ("item_qid", "statement_number"),
    (
        Column("item_qid", "string", "Wikidata item", source="Wikidata"),
        Column("statement_number", "int64", "place of the statement in the item, from 0", source="Wikidata: P31"),
        Column("class_qid", "string", "the class", source="Wikidata: P31"),
        Column(
            "rank", "string", "Wikidata rank", allowed=("preferred", "normal", "deprecated"), source="Wikidata: P31"
        ),
        Column(
            "is_best",
            "bool",
            "of the item's best rank: preferred if any is, else normal; never deprecated",
            source="Wikidata: P31",
        ),
        Column("is_ended", "bool", "carries an end time (P582)", source="Wikidata: P582"),
        Column(
            "ended_on",
            "string",
            "that end time: a day, month or year",
            "not ended, or it is not known when",
            source="Wikidata: P582",
        ),
    ),
)
CLASS_EDGES = Table(
    "wikidata",
    "data/2_wikidata/class_edges.parquet",
    "a best-rank subclass-of statement (P279)",
    ("child_qid", "parent_qid"),
    (
        Column("child_qid", "string", "the subclass", source="Wikidata: P279"),
        Column("parent_qid", "string", "the class above it", source="Wikidata: P279"),
        Column("is_ended", "bool", "carries an end time (P582)", source="Wikidata: P582"),
    ),
)
ENTITIES = Table(
    "wikidata",
    "data/2_wikidata/entities.parquet",
    "a Wikidata entity that the pipeline met",
    ("qid",),
    (
        Column("qid", "string", "Wikidata id", source="Wikidata"),
        Column(
            "label",
            "string",
            "English label; else `mul`, else the first language there is, else the id",
            source="Wikidata",
        ),
        Column(
            "label_language",
            "string",
            "language of the label",
            "the entity has no label, so its id stands there",
            source="Wikidata",
        ),
        Column(
            "is_class",
            "bool",
            "somebody's class: the value of a P31 or either end of a P279",
            source="Wikidata: P31, P279",
        ),
        Column("revision_id", "int64", "Wikidata revision that was read", "the source does not say", source="Wikidata"),
    ),
)
CLASS_GRAPH = Table(
    "hierarchy",
    "data/3_hierarchy/class_graph.parquet",
    "a subclass-of edge, those removed by a decision included",
    ("child_qid", "parent_qid"),
    (
        Column("child_qid", "string", "the subclass", source="Wikidata: P279; annotations/edge_decisions.csv"),
        Column("parent_qid", "string", "the class above it", source="Wikidata: P279; annotations/edge_decisions.csv"),
        Column(
            "source",
            "string",
            "who says so",
            allowed=("wikidata", "decision"),
            source="Wikidata: P279; annotations/edge_decisions.csv",
        ),
        Column(
            "is_removed", "bool", "a decision removed it; labels do not use it", source="annotations/edge_decisions.csv"
        ),
        Column(
            "in_cycle", "bool", "both ends lie on one cycle of edges that are in use", source="hgldv2, stage hierarchy"
        ),
    ),
)
CLASS_LABELS = Table(
    "hierarchy",
    "data/3_hierarchy/class_labels.parquet",
    "a Wikidata class with the label that its anchors give it",
    ("class_qid",),
    (
        Column("class_qid", "string", "the class"),
        Column("class_label", "string", "its label, see entities"),
        Column("hierarchical_label", "string", "proposed label", "no anchor above it, or ignored"),
        ANCHOR,
        STEPS,
        Column("information_content", "float64", "0 (everything is below it) to 1 (nothing is), from descendants"),
        Column("anchor_information_content", "float64", "the same, of the anchor", "no label"),
        CLASS_RULE,
        CLASS_STATUS,
        PATH,
        Column("candidate_labels", "list<string>", "labels of the nearest anchors, the proposed one first"),
        Column("candidate_qids", "list<string>", "those anchors"),
        Column("candidate_steps", "list<int64>", "P279 edges to each of them"),
        EVIDENCE_HASH,
    ),
)
LANDMARK_LABELS = Table(
    "label",
    "data/4_labels/landmark_labels.parquet",
    "a landmark with its label, or the reason why it has none",
    ("split", "landmark_id"),
    (
        SPLIT,
        LANDMARK_ID,
        CATEGORY,
        SUPERCATEGORY,
        LABEL,
        LEVELS,
        ITEM,
        CLASS,
        LABEL_RULE,
        CONFIDENCE,
        LABEL_STATUS,
        REVIEWED,
        IMAGE_COUNT,
        Column("link_status", "string", "see landmark_items", allowed=("resolved", "doubtful", "unresolved")),
        Column("path_qids", "list<string>", "classes from class_qid up to the anchor"),
        Column("vote_labels", "list<string>", "labels voted for, the winner first"),
        Column("vote_counts", "list<int64>", "votes of each of them"),
        Column("proposed_label", "string", "label that was not sure enough to be given", "no proposal"),
        Column("proposed_confidence", "float64", "how sure", "no proposal"),
    ),
)
_QUEUE = (
    Column("doubt", "string", "rule that raised the doubt"),
    Column("why", "string", "the doubt in words"),
    Column("candidates", "string", "what to choose from, with scores, the proposed one first", "none"),
    Column("path", "string", "classes from the proposed label's class up to its anchor", "none"),
    Column("examples", "string", "landmarks with most images, or the items that a landmark may have", "none"),
    Column("wikidata_url", "string", "page of the class or item", "no item"),
    Column("commons_url", "string", "page of the landmark, or of the first example", "no example"),
    Column("image_count", "int64", "images whose label the decision may touch"),
    Column("landmark_count", "int64", "landmarks whose label the decision may touch"),
    Column("uncertainty", "float64", "0 to 1, 4 decimals"),
    EVIDENCE_HASH,
)
QUEUE_CLASSES = Table(
    "queue",
    "data/5_queue/classes.csv",
    "a class that a person should decide, most useful first",
    ("class_qid",),
    (Column("class_qid", "string", "the class"), Column("class_label", "string", "its label"), *_QUEUE),
    is_sorted_by_key=False,
)
QUEUE_EDGES = Table(
    "queue",
    "data/5_queue/edges.csv",
    "a subclass-of edge that a person should decide, most useful first",
    ("child_qid", "parent_qid"),
    (
        Column("child_qid", "string", "the subclass"),
        Column("child_label", "string", "its label"),
        Column("parent_qid", "string", "the class above it"),
        Column("parent_label", "string", "its label"),
        *_QUEUE,
    ),
    is_sorted_by_key=False,
)
QUEUE_LANDMARKS = Table(
    "queue",
    "data/5_queue/landmarks.csv",
    "a landmark that a person should decide, most useful first",
    ("split", "landmark_id"),
    (SPLIT, LANDMARK_ID, CATEGORY, *_QUEUE),
    is_sorted_by_key=False,
)


def with_metrics(table: Table, keys: tuple[str, ...]) -> Table:
    """A table of queries with a column for each metric, of which there are more the more levels labels have."""
    null = "no image of the gallery agrees with the query at the level of the metric"
    columns = [Column(key, "float64", "0 to 1, see training/metrics.py", null) for key in keys]
    return table.with_columns((*table.columns, *columns))


PER_QUERY = Table(
    "benchmark",
    "data/7_benchmark/per_query.parquet",
    "a query image of the test fold, ranked for by a model",
    ("model", "seed", "image_id"),
    (
        Column("model", "string", "loss that trained the model, or untrained or pretrained"),
        Column("seed", "int64", "seed of the run"),
        IMAGE_ID,
        LANDMARK_ID,
        Column(
            "first_wrong_depth",
            "int64",
            "levels, the coarsest first, that the best-ranked image of another landmark shares with the query; -1 is"
            " that there is none",
        ),
    ),
)
