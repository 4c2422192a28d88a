"""Columns that several generated tables share, and where their values come from.

For the declarations in pipeline/tables.py and pipeline/release_tables.py.
"""

from pipeline.schema import Column

# Sources that many columns share; a column without one is computed in the stage of its table.
METADATA = "GLDv2 metadata"
CATEGORIES = f"{METADATA}: <split>_label_to_category.csv"
IMAGE_LISTS = f"{METADATA}: train.csv, index_image_to_landmark.csv"
OFFICIAL = f"{METADATA}: <split>_label_to_hierarchical.csv"
BY_VOTE = "hgldv2, stage label: vote of the item's classes, title, images, or a person"
BY_ANCHORS = "hgldv2, stage hierarchy: annotations/anchors.csv, class_decisions.csv and edge_decisions.csv"
TAXONOMY = "annotations/taxonomy.csv"
NO_LABEL = "no label: none was found, or it is withheld or rejected, see status"

SPLIT = Column(
    "split",
    "string",
    "GLDv2 split; train and index ids are separate number ranges",
    allowed=("train", "index"),
    source=METADATA,
)
LANDMARK_ID = Column("landmark_id", "int64", "GLDv2 landmark id, unique within its split", source=METADATA)
CATEGORY = Column(
    "category",
    "string",
    "Wikimedia Commons category title in canonical form, without the namespace",
    source=CATEGORIES,
)
IMAGE_ID = Column("image_id", "string", "GLDv2 image id, 16 hexadecimal characters", source=METADATA)
IMAGE_COUNT = Column("image_count", "int64", "images of this landmark in its split", source=IMAGE_LISTS)
LABEL = Column("hierarchical_label", "string", "one of the labels that README.md lists", NO_LABEL, source=BY_VOTE)
LEVELS = Column(
    "levels",
    "string",
    "a level above the label, a function of it",
    NO_LABEL,
    is_level=True,
    source=f"{TAXONOMY}, from the label",
)
SUPERCATEGORY = Column(
    "supercategory",
    "string",
    "English label of the most specific Wikidata class that voted for the label",
    "no label, or the label did not come from a class",
    source="Wikidata: English label of the class",
)
ITEM = Column(
    "item_qid",
    "string",
    "Wikidata item of the category",
    "the category has no item",
    source="Wikidata: sitelink, P301, P373 or P910",
)
CLASS = Column(
    "class_qid",
    "string",
    "Wikidata class whose label is the supercategory",
    "the label has no class",
    source="Wikidata: P31 of the item",
)
LABEL_RULE = Column(
    "rule",
    "string",
    "rule that decided the label",
    allowed=(
        "agreed",
        "majority",
        "steps",
        "information_content",
        "priority",
        "text",
        "visual",
        "decision",
        "no_item",
        "no_class",
        "unreached",
    ),
    source=BY_VOTE,
)
LABEL_STATUS = Column(
    "status",
    "string",
    "how far the label can be trusted",
    allowed=("resolved", "contested", "withheld", "rejected", "unlabelled"),
    source=BY_VOTE,
)
CONFIDENCE = Column(
    "confidence", "float64", "0 to 1, 4 decimals; 1 is a decision by a person, 0 is no label", source=BY_VOTE
)
REVIEWED = Column("reviewed", "bool", "a person decided this landmark", source=BY_VOTE)
ANCHOR = Column("anchor_qid", "string", "anchor that gave the label", "no label", source=BY_ANCHORS)
STEPS = Column("steps", "int64", "P279 edges from the class to that anchor", "no label", source=BY_ANCHORS)
CLASS_RULE = Column(
    "rule",
    "string",
    "rule that chose among the candidates",
    allowed=("anchor", "agreed", "steps", "information_content", "priority", "decision", "ignored", "unreached"),
    source=BY_ANCHORS,
)
CLASS_STATUS = Column(
    "status",
    "string",
    "contested when its nearest anchors have several labels",
    allowed=("resolved", "contested", "unreached", "ignored"),
    source=BY_ANCHORS,
)
PATH = Column(
    "path_qids",
    "list<string>",
    "classes from this one up to the anchor, both included; empty without a label",
    source=BY_ANCHORS,
)
EVIDENCE_HASH = Column("evidence_hash", "string", "12 letters; other ones when the facts behind the doubt change")
