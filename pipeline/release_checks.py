"""The promises about the landmarks of a release, one small function each, named as the promise; for the validate stage.

Each yields its failures in words that name the file and the row.
"""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pandas as pd

from annotations import store
from pipeline import release_tables
from pipeline.levels import level_names
from pipeline.official import official_schema
from pipeline.release_as_read import Release, named

HOSTS_OF_REHEARSALS = (None, "127.0.0.1", "localhost")  # file: has no host
# GLDv2's published totals (Weyand et al., 2020); its index has about 101,000 landmarks, a number that is not published.
PUBLISHED = {("train", "landmarks"): 203_094, ("train", "images"): 4_132_914, ("index", "images"): 761_757}
LABELLED = ("resolved", "contested")


def every_landmark_is_there(release: Release) -> Iterator[str]:
    """The release holds exactly the landmarks that the label stage had, in the split's own file."""
    for split, table in release_tables.LABELS.items():
        labels = release.frames[table.path]
        yield from named(labels[labels["split"] != split], f"{table.path}: of another split")
        of_split = release.found["landmark_labels"]["split"] == split
        expected = set(release.found["landmark_labels"].loc[of_split, "landmark_id"])
        for landmark_id in sorted(expected ^ set(labels["landmark_id"])):
            yield f"{table.path}: landmark {landmark_id} is {'lost' if landmark_id in expected else 'unknown'}"


def counts_are_those_of_gldv2(release: Release) -> Iterator[str]:
    """Landmarks and images are as many as GLDv2 publishes; not for the sample, nor for a rehearsal on this machine."""
    host = urlsplit(release.params.gldv2.address).hostname
    if release.params.source == "sample" or host in HOSTS_OF_REHEARSALS:
        return
    of_kind = {"landmarks": release_tables.LABELS, "images": release_tables.IMAGES}
    for (split, kind), expected in PUBLISHED.items():
        count = len(release.frames[of_kind[kind][split].path])
        if count != expected:
            yield f"{of_kind[kind][split].path}: {count:,} {kind}, and GLDv2 has {expected:,}"


def ids_are_well_formed(release: Release) -> Iterator[str]:
    """Image ids are 16 hexadecimal digits, and ids of items and classes are Q and a number."""
    for path, frame in release.frames.items():
        patterns = {name: r"Q[1-9]\d*" for name in frame.columns if name.endswith("_qid")}
        patterns |= {"image_id": r"[0-9a-f]{16}"} if "image_id" in frame else {}
        for name, pattern in patterns.items():
            ids = frame[name].dropna()
            for value in ids[~ids.str.fullmatch(pattern)]:
                yield f"{path}: {name} is {value!r}"


def labels_are_in_the_taxonomy(release: Release) -> Iterator[str]:
    """Every label is one of taxonomy.csv."""
    known = release.curated["taxonomy"]["hierarchical_label"]
    labelled = release.labels[release.labels["hierarchical_label"].notna()]
    yield from named(labelled[~labelled["hierarchical_label"].isin(known)], "label not in the taxonomy")


def levels_follow_from_the_label(release: Release) -> Iterator[str]:
    """Every level above the label is the one that the taxonomy gives the label, and null without a label."""
    of_label = release.curated["taxonomy"].set_index("hierarchical_label")
    labels = release.labels
    for level in level_names():
        expected = labels["hierarchical_label"].map(of_label[level]).fillna("")
        yield from named(labels[labels[level].fillna("") != expected], f"{level} not that of its label")


def status_fits_the_label(release: Release) -> Iterator[str]:
    """A label is there exactly when the status says so, and its confidence is above 0 and at most 1."""
    labels = release.labels
    is_labelled, confidence = labels["hierarchical_label"].notna(), labels["confidence"]
    yield from named(labels[is_labelled != labels["status"].isin(LABELLED)], "status not that of its label")
    is_sure = confidence.between(0, 1) & ((confidence > 0) == is_labelled) & (confidence.round(4) == confidence)
    yield from named(labels[~is_sure], "confidence not that of its label")
    is_decided = labels["rule"] == "decision"
    yield from named(labels[is_decided & is_labelled & (confidence != 1)], "decided, but not with confidence 1")
    yield from named(labels[labels["reviewed"] != is_decided], "reviewed without a decision")


def one_category_has_one_label(release: Release) -> Iterator[str]:
    """The same category has the same label in train and index."""
    distinct = release.labels.fillna({"hierarchical_label": ""}).groupby("category")["hierarchical_label"].nunique()
    for category in distinct[distinct > 1].index:
        yield f"category {category!r} has several labels"


def landmark_decisions_are_honoured(release: Release) -> Iterator[str]:
    """Every settled landmark decision stands in the release, in both splits."""
    settled = store.settle(release.curated["landmark_decisions"], ["category"])
    settled = settled[settled["decision"] != "unsure"]
    found = release.labels[["split", "landmark_id", "category", "hierarchical_label", "reviewed"]]
    joined = settled.merge(found, on="category", how="left", suffixes=("_decided", ""), validate="1:m")
    for row in joined.to_dict("records"):
        if pd.isna(row["split"]):
            yield f"{row['where']}: no landmark of category {row['category']!r} is left"
            continue
        label = row["hierarchical_label"] if pd.notna(row["hierarchical_label"]) else ""
        if label != row["hierarchical_label_decided"] or not row["reviewed"]:
            about = f"{row['split']} {row['landmark_id']} ({row['category']})"
            yield f"{row['where']}: {about} is labelled {label!r}"


def images_belong_to_landmarks(release: Release) -> Iterator[str]:
    """Every image's landmark is in the same split, and image_count is the number of its images."""
    for split, table in release_tables.IMAGES.items():
        counted = release.frames[table.path].groupby("landmark_id").size()
        labels = release.frames[release_tables.LABELS[split].path].set_index("landmark_id")
        for landmark_id in sorted(set(counted.index) - set(labels.index)):
            yield f"{table.path}: landmark {landmark_id} is not in the labels"
        expected = counted.reindex(labels.index, fill_value=0)
        yield from named(
            labels[labels["image_count"] != expected].reset_index(), "image_count is not that of its images"
        )


def no_image_is_in_two_splits(release: Release) -> Iterator[str]:
    """No image is both a train and an index image."""
    train, index = (release.frames[table.path]["image_id"] for table in release_tables.IMAGES.values())
    for image_id in sorted(pd.Index(train).intersection(pd.Index(index))):
        yield f"image {image_id} is in both splits"


def folds_cover_the_labelled_once(release: Release) -> Iterator[str]:
    """Every labelled landmark is in one fold, no other one is, and a category is never in two."""
    folds = release.frames[release_tables.FOLDS.path]
    joined = release.labels.merge(folds, on=["split", "landmark_id"], how="outer", validate="1:1")
    uneven = joined["hierarchical_label"].notna() != joined["fold"].notna()
    yield from named(joined[uneven], "labelled without a fold, or with a fold but no label")
    several = joined.groupby("category")["fold"].nunique()
    for category in several[several > 1].index:
        yield f"category {category!r} is in several folds"


def official_schema_repeats_the_labels(release: Release) -> Iterator[str]:
    """The CSVs in the official schema say what the Parquet says, under the addresses that GLDv2 has."""
    for split, table in release_tables.OFFICIAL_SCHEMA.items():
        official = release.frames[table.path].fillna("")
        expected = official_schema(release.frames[release_tables.LABELS[split].path], release.found["landmarks"])
        expected = expected[list(official.columns)].fillna("").reset_index(drop=True)
        if list(official["landmark_id"]) != list(expected["landmark_id"]):
            yield f"{table.path}: other landmarks than labels/{split}.parquet"
        else:
            yield from named(official[(official != expected).any(axis=1)], f"{table.path}: not as in labels")


CHECKS: list[Callable[[Release], Iterator[str]]] = [
    every_landmark_is_there,
    counts_are_those_of_gldv2,
    ids_are_well_formed,
    labels_are_in_the_taxonomy,
    levels_follow_from_the_label,
    status_fits_the_label,
    one_category_has_one_label,
    landmark_decisions_are_honoured,
    images_belong_to_landmarks,
    no_image_is_in_two_splits,
    folds_cover_the_labelled_once,
    official_schema_repeats_the_labels,
]
