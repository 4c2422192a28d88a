"""The promises about a release, one small function each, named as the promise; for the validate stage.

Each yields its failures in words that name the file and the row.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from annotations import store
from pipeline import release_tables
from pipeline.checksums import broken_sums
from pipeline.levels import level_names
from pipeline.official import official_schema
from pipeline.wikimedia.contact import known_contact

FOLDER = Path("release")
MAX_FAILURES = 20


@dataclass(frozen=True)
class Release:
    """A release as read, with what it is checked against."""

    frames: dict[str, pd.DataFrame]
    landmark_labels: pd.DataFrame
    landmarks: pd.DataFrame
    curated: dict[str, pd.DataFrame]

    @property
    def labels(self) -> pd.DataFrame:
        """Labels of both splits."""
        return pd.concat([self.frames[table.path] for table in release_tables.LABELS.values()], ignore_index=True)


def every_landmark_is_there(release: Release) -> Iterator[str]:
    """The release holds exactly the landmarks that the label stage had, in the split's own file."""
    for split, table in release_tables.LABELS.items():
        labels = release.frames[table.path]
        yield from _named(labels[labels["split"] != split], f"{table.path}: of another split")
        of_split = release.landmark_labels["split"] == split
        expected = set(release.landmark_labels.loc[of_split, "landmark_id"])
        for landmark_id in sorted(expected ^ set(labels["landmark_id"]))[:MAX_FAILURES]:
            yield f"{table.path}: landmark {landmark_id} is {'lost' if landmark_id in expected else 'unknown'}"


def labels_are_in_the_taxonomy(release: Release) -> Iterator[str]:
    """Every label is one of taxonomy.csv."""
    known = release.curated["taxonomy"]["hierarchical_label"]
    labelled = release.labels[release.labels["hierarchical_label"].notna()]
    yield from _named(labelled[~labelled["hierarchical_label"].isin(known)], "label not in the taxonomy")


def levels_follow_from_the_label(release: Release) -> Iterator[str]:
    """Every level above the label is the one that the taxonomy gives the label, and null without a label."""
    of_label = release.curated["taxonomy"].set_index("hierarchical_label")
    labels = release.labels
    for level in level_names():
        expected = labels["hierarchical_label"].map(of_label[level]).fillna("")
        yield from _named(labels[labels[level].fillna("") != expected], f"{level} not that of its label")


def one_category_has_one_label(release: Release) -> Iterator[str]:
    """The same category has the same label in train and index."""
    distinct = release.labels.fillna({"hierarchical_label": ""}).groupby("category")["hierarchical_label"].nunique()
    for category in distinct[distinct > 1].index[:MAX_FAILURES]:
        yield f"category {category!r} has several labels"


def decisions_are_honoured(release: Release) -> Iterator[str]:
    """Every settled landmark decision stands in the release, in both splits."""
    settled = store.settle(release.curated["landmark_decisions"], ["category"])
    labels = release.labels
    for row in settled[settled["decision"] != "unsure"].to_dict("records"):
        of_category = labels[labels["category"] == row["category"]]
        if of_category.empty:
            yield f"{row['where']}: no landmark of category {row['category']!r} is left"
        for found in of_category.itertuples():
            label = found.hierarchical_label if pd.notna(found.hierarchical_label) else ""
            if label != row["hierarchical_label"] or not found.reviewed:
                yield f"{row['where']}: {found.split} {found.landmark_id} ({row['category']}) is labelled {label!r}"


def images_belong_to_landmarks(release: Release) -> Iterator[str]:
    """Every image's landmark is in the same split, and image_count is the number of its images."""
    for split, table in release_tables.IMAGES.items():
        counted = release.frames[table.path].groupby("landmark_id").size()
        labels = release.frames[release_tables.LABELS[split].path].set_index("landmark_id")
        for landmark_id in sorted(set(counted.index) - set(labels.index))[:MAX_FAILURES]:
            yield f"{table.path}: landmark {landmark_id} is not in the labels"
        expected = counted.reindex(labels.index, fill_value=0)
        yield from _named(
            labels[labels["image_count"] != expected].reset_index(), "image_count is not that of its images"
        )


def paths_are_edges(release: Release) -> Iterator[str]:
    """Every step of a class's path to its anchor is an edge of class_edges.parquet that is in use."""
    edges = release.frames[release_tables.CLASS_EDGES.path]
    edges = edges[~edges["is_removed"]]
    known = set(zip(edges["child_qid"], edges["parent_qid"], strict=True))
    for row in release.frames[release_tables.CLASSES.path].itertuples():
        for step in zip(row.path_qids, row.path_qids[1:], strict=False):
            if step not in known:
                yield f"class {row.class_qid} ({row.class_label}): {step[0]} -> {step[1]} is not an edge in use"


def classes_agree_with_labels(release: Release) -> Iterator[str]:
    """The class of a landmark is in classes.parquet under the landmark's label, and its label is the supercategory."""
    classes = release.frames[release_tables.CLASSES.path].set_index("class_qid")
    with_class = release.labels[release.labels["class_qid"].notna()]
    unknown = ~with_class["class_qid"].isin(classes.index)
    yield from _named(with_class[unknown], "class not in classes.parquet")
    known = with_class[~unknown]
    of_class = classes.loc[known["class_qid"]]
    is_other = (of_class["hierarchical_label"].to_numpy() != known["hierarchical_label"].to_numpy()) | (
        of_class["class_label"].to_numpy() != known["supercategory"].to_numpy()
    )
    yield from _named(known[is_other], "label or supercategory not that of its class")


def landmarks_are_instances_of_their_class(release: Release) -> Iterator[str]:
    """The class of a landmark is one of those that item_classes.parquet gives its item."""
    known = pd.MultiIndex.from_frame(release.frames[release_tables.ITEM_CLASSES.path][["item_qid", "class_qid"]])
    with_class = release.labels[release.labels["class_qid"].notna()]
    is_known = pd.MultiIndex.from_frame(with_class[["item_qid", "class_qid"]]).isin(known)
    yield from _named(with_class[~is_known], "its item is not an instance of its class")


def folds_cover_the_labelled_once(release: Release) -> Iterator[str]:
    """Every labelled landmark is in one fold, no other one is, and a category is never in two."""
    folds = release.frames[release_tables.FOLDS.path]
    joined = release.labels.merge(folds, on=["split", "landmark_id"], how="outer", validate="1:1")
    uneven = joined["hierarchical_label"].notna() != joined["fold"].notna()
    yield from _named(joined[uneven], "labelled without a fold, or with a fold but no label")
    several = joined.groupby("category")["fold"].nunique()
    for category in several[several > 1].index[:MAX_FAILURES]:
        yield f"category {category!r} is in several folds"


def official_schema_repeats_the_labels(release: Release) -> Iterator[str]:
    """The CSVs in the official schema say what the Parquet says, under the addresses that GLDv2 has."""
    for split, table in release_tables.OFFICIAL_SCHEMA.items():
        official = release.frames[table.path].fillna("")
        expected = official_schema(release.frames[release_tables.LABELS[split].path], release.landmarks)
        expected = expected[list(official.columns)].fillna("").reset_index(drop=True)
        if list(official["landmark_id"]) != list(expected["landmark_id"]):
            yield f"{table.path}: other landmarks than labels/{split}.parquet"
        else:
            yield from _named(official[(official != expected).any(axis=1)], f"{table.path}: not as in labels")


def checksums_hold() -> Iterator[str]:
    """SHA256SUMS lists every file with its digest."""
    yield from broken_sums(FOLDER)


def nothing_private_is_inside() -> Iterator[str]:
    """No text file holds the operator's contact or a path of the machine that built it."""
    private = {"the operator contact": known_contact(), "a local path": f"{Path.cwd()}/"}
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file() and path.suffix != ".parquet":
            content = path.read_bytes()
            yield from (
                f"{path}: holds {what}" for what, secret in private.items() if secret and secret.encode() in content
            )


CHECKS: list[Callable[[Release], Iterator[str]]] = [
    every_landmark_is_there,
    labels_are_in_the_taxonomy,
    levels_follow_from_the_label,
    one_category_has_one_label,
    decisions_are_honoured,
    images_belong_to_landmarks,
    paths_are_edges,
    classes_agree_with_labels,
    landmarks_are_instances_of_their_class,
    folds_cover_the_labelled_once,
    official_schema_repeats_the_labels,
]
# These read the files as they are, so they can be made whatever state the tables are in.
FILE_CHECKS: list[Callable[[], Iterator[str]]] = [checksums_hold, nothing_private_is_inside]


def _named(rows: pd.DataFrame, what: str) -> Iterator[str]:
    """Name the first few landmarks of the rows."""
    for row in rows.head(MAX_FAILURES).to_dict("records"):
        yield f"{what}: {row.get('split', '')} landmark {row['landmark_id']} ({row.get('category', '')})"
