"""The promises about the classes and edges of a release, one small function each; for the validate stage."""

from collections.abc import Callable, Iterator

import pandas as pd

from hierarchy.graph import on_cycles
from pipeline import curation, release_tables
from pipeline.release_as_read import Release, named


def paths_are_edges(release: Release) -> Iterator[str]:
    """Every step of a class's path to its anchor is an edge of class_edges.parquet that is in use."""
    edges = release.edges
    edges = edges[~edges["is_removed"]]
    known = set(zip(edges["child_qid"], edges["parent_qid"], strict=True))
    for row in release.classes.itertuples():
        for step in zip(row.path_qids, row.path_qids[1:], strict=False):
            if step not in known:
                yield f"class {row.class_qid} ({row.class_label}): {step[0]} -> {step[1]} is not an edge in use"


def class_labels_are_in_the_taxonomy(release: Release) -> Iterator[str]:
    """Every label of a class is one of taxonomy.csv."""
    labels = release.classes["hierarchical_label"]
    known = release.curated["taxonomy"]["hierarchical_label"]
    for row in release.classes[labels.notna() & ~labels.isin(known)].itertuples():
        yield f"class {row.class_qid} ({row.class_label}): label {row.hierarchical_label!r} is not in the taxonomy"


def paths_lead_to_the_anchor(release: Release) -> Iterator[str]:
    """A class's path leads from it to its anchor, in as many steps as it says, and the anchor has the same label."""
    label_of = release.classes.set_index("class_qid")["hierarchical_label"]
    for row in release.classes[release.classes["anchor_qid"].notna()].itertuples():
        path = row.path_qids
        is_path = path[:1] == [row.class_qid] and path[-1] == row.anchor_qid and len(path) == row.steps + 1
        if not is_path or label_of.get(row.anchor_qid) != row.hierarchical_label:
            yield f"class {row.class_qid} ({row.class_label}): its path does not lead to the anchor of its label"


def edges_join_known_classes(release: Release) -> Iterator[str]:
    """Both ends of every edge are in classes.parquet."""
    known = set(release.classes["class_qid"])
    for name in ("child_qid", "parent_qid"):
        for qid in sorted(set(release.edges[name]) - known):
            yield f"class {qid} is the {name.removesuffix('_qid')} of an edge, but not in classes.parquet"


def cycles_are_marked(release: Release) -> Iterator[str]:
    """An edge says that it lies on a cycle exactly when it does."""
    edges = release.edges
    for row in edges[edges["in_cycle"] != on_cycles(edges)].itertuples():
        yield f"{row.child_qid} -> {row.parent_qid}: in_cycle is {row.in_cycle}"


def classes_agree_with_labels(release: Release) -> Iterator[str]:
    """The class of a landmark is in classes.parquet under the landmark's label, and its label is the supercategory."""
    classes = release.classes.set_index("class_qid")
    with_class = release.labels[release.labels["class_qid"].notna()]
    unknown = ~with_class["class_qid"].isin(classes.index)
    yield from named(with_class[unknown], "class not in classes.parquet")
    known = with_class[~unknown]
    of_class = classes.loc[known["class_qid"]]
    is_other = (of_class["hierarchical_label"].to_numpy() != known["hierarchical_label"].to_numpy()) | (
        of_class["class_label"].to_numpy() != known["supercategory"].to_numpy()
    )
    yield from named(known[is_other], "label or supercategory not that of its class")


def landmarks_are_instances_of_their_class(release: Release) -> Iterator[str]:
    """The class of a landmark is one of those that item_classes.parquet gives its item."""
    known = pd.MultiIndex.from_frame(release.frames[release_tables.ITEM_CLASSES.path][["item_qid", "class_qid"]])
    with_class = release.labels[release.labels["class_qid"].notna()]
    is_known = pd.MultiIndex.from_frame(with_class[["item_qid", "class_qid"]]).isin(known)
    yield from named(with_class[~is_known], "its item is not an instance of its class")


def class_counts_are_true(release: Release) -> Iterator[str]:
    """The counts of a class are those of the landmarks whose items are instances of it."""
    instances = release.frames[release_tables.ITEM_CLASSES.path]
    counted = release.labels.merge(instances, on="item_qid", suffixes=("", "_of_item"), validate="m:m")
    sums = counted.groupby("class_qid_of_item").agg(
        landmark_count=("landmark_id", "size"), image_count=("image_count", "sum")
    )
    classes = release.classes.set_index("class_qid")
    expected = sums.reindex(classes.index, fill_value=0)
    is_other = (classes[["landmark_count", "image_count"]] != expected).any(axis=1)
    for row in classes[is_other].itertuples():
        yield f"class {row.Index} ({row.class_label}): other counts than those of its landmarks"


def class_decisions_are_honoured(release: Release) -> Iterator[str]:
    """Every settled class decision stands: the label that was assigned, or no vote where the class was ignored."""
    classes = release.classes.set_index("class_qid")
    for row in _settled(release)["class_decisions"].to_dict("records"):
        if row["class_qid"] not in classes.index or row["decision"] == "unsure":
            continue
        found = classes.loc[row["class_qid"]]
        is_assigned = found["rule"] == "decision" and found["hierarchical_label"] == row["hierarchical_label"]
        if not (is_assigned if row["decision"] == "assign" else found["status"] == "ignored"):
            yield f"{row['where']}: {row['class_qid']} ({row['class_label']}) is not as decided"


def edge_decisions_are_honoured(release: Release) -> Iterator[str]:
    """Every settled edge decision stands: an added edge is in use, a removed one is not, and a kept one is."""
    removed = release.edges.set_index(["child_qid", "parent_qid"])["is_removed"].to_dict()
    for row in _settled(release)["edge_decisions"].to_dict("records"):
        state = removed.get((row["child_qid"], row["parent_qid"]))  # None: there is no such edge, as in the sample
        broken = {"add": state is not False, "remove": state is False, "keep": state is True}
        if broken.get(row["decision"]):
            yield f"{row['where']}: {row['child_qid']} -> {row['parent_qid']} is not as decided ({row['decision']})"


def _settled(release: Release) -> dict[str, pd.DataFrame]:
    """Decisions one a key, less those about what the sample does not hold."""
    return curation.settled(release.curated, frozenset(release.classes["class_qid"]))


GRAPH_CHECKS: list[Callable[[Release], Iterator[str]]] = [
    class_labels_are_in_the_taxonomy,
    paths_are_edges,
    paths_lead_to_the_anchor,
    edges_join_known_classes,
    cycles_are_marked,
    classes_agree_with_labels,
    landmarks_are_instances_of_their_class,
    class_counts_are_true,
    class_decisions_are_honoured,
    edge_decisions_are_honoured,
]
