"""What the anchors do on the graph at hand: what each one catches, which never fire, and which ones are missing.

Pure functions over tables, for `hgld anchors` and for curators who tune annotations/anchors.csv on evidence.
"""

from typing import Any

import pandas as pd

from hierarchy.graph import ancestors_or_self, digraph


def anchor_report(
    graph: pd.DataFrame,
    class_labels: pd.DataFrame,
    class_items: pd.DataFrame,
    anchors: pd.DataFrame,
    evidence: pd.DataFrame,
) -> dict[str, Any]:
    """Evidence for and against the anchors.

    Args:
        graph: see class_graph in pipeline/tables.py.
        class_labels: see class_labels there.
        class_items: result of `hierarchy.doubt.items_of_classes`.
        anchors: class_qid, class_label, hierarchical_label.
        evidence: item_qid, hierarchical_label; what is known of items, by whatever way.

    Returns:
        anchors (what each catches, most images first), silent (anchors without a landmark; `is_known` tells those whose
        class occurs), open (contested and unreached classes with landmarks), proposals (see `candidate_anchors`).
    """
    counts = class_items.groupby("class_qid", as_index=False)[["landmark_count", "image_count"]].sum()
    counted = class_labels.merge(counts, on="class_qid", how="left", validate="1:1")
    counted[["landmark_count", "image_count"]] = counted[["landmark_count", "image_count"]].fillna(0).astype("int64")
    caught = counted.groupby("anchor_qid", as_index=False).agg(
        class_count=("class_qid", "size"), landmark_count=("landmark_count", "sum"), image_count=("image_count", "sum")
    )
    listed = anchors[["class_qid", "class_label", "hierarchical_label"]].merge(
        caught, left_on="class_qid", right_on="anchor_qid", how="left", validate="1:1"
    )
    for name in ("class_count", "landmark_count", "image_count"):
        listed[name] = listed[name].fillna(0).astype("int64")
    listed["is_known"] = listed["class_qid"].isin(class_labels["class_qid"])
    names = [
        "class_qid",
        "class_label",
        "hierarchical_label",
        "class_count",
        "landmark_count",
        "image_count",
        "is_known",
    ]
    listed = listed[names].sort_values(["image_count", "class_qid"], ascending=[False, True])
    doubtful = counted[counted["status"].isin(["contested", "unreached"]) & (counted["landmark_count"] > 0)]
    doubtful = doubtful.sort_values(["image_count", "class_qid"], ascending=[False, True])
    open_names = ["class_qid", "class_label", "status", "candidate_labels", "landmark_count", "image_count"]
    return {
        "anchors": _records(listed[listed["landmark_count"] > 0]),
        "silent": _records(listed[listed["landmark_count"] == 0].sort_values("class_qid")),
        "open": _records(doubtful[open_names]),
        "proposals": _records(candidate_anchors(graph, class_labels, class_items, evidence)),
    }


def candidate_anchors(
    graph: pd.DataFrame, class_labels: pd.DataFrame, class_items: pd.DataFrame, evidence: pd.DataFrame
) -> pd.DataFrame:
    """The most general unreached classes at or below which every landmark that is known has one label.

    Returns:
        class_qid, class_label, hierarchical_label, known_count (items with that label), gained_count (items without any
        label that the anchor would reach), image_count (of those); best supported first.
    """
    unreached = frozenset(class_labels.loc[class_labels["status"] == "unreached", "class_qid"])
    ancestors = ancestors_or_self(digraph(graph))
    pairs = [
        (qid, above)
        for qid in sorted(set(class_items["class_qid"]) & unreached)
        for above in ancestors.get(qid, frozenset({qid})) & unreached
    ]
    below = pd.DataFrame(pairs, columns=["class_qid", "above_qid"], dtype=str).astype({"above_qid": "category"})
    own = class_items.loc[class_items["class_qid"].isin(unreached), ["class_qid", "item_qid", "image_count"]]
    own = own.merge(evidence, on="item_qid", how="left", validate="m:1")
    numbered = own.astype({"item_qid": "category", "hierarchical_label": "category"})  # items are many, above classes
    items = below.merge(numbered, on="class_qid").drop_duplicates(["above_qid", "item_qid"])
    items["gained_images"] = items["image_count"].where(items["hierarchical_label"].isna(), 0)
    found = items.groupby("above_qid", observed=True).agg(
        label_count=("hierarchical_label", "nunique"),
        hierarchical_label=("hierarchical_label", "first"),
        known_count=("hierarchical_label", "count"),
        item_count=("item_qid", "size"),
        image_count=("gained_images", "sum"),
    )
    found["gained_count"] = found["item_count"] - found["known_count"]
    found = found[(found["label_count"] == 1) & (found["gained_count"] > 0)]
    agreeing = frozenset(found.index)
    # A class that is on a cycle with an agreeing one is not more general than it.
    is_general = [
        not any(above in agreeing and qid not in ancestors[above] for above in ancestors.get(qid, frozenset()) - {qid})
        for qid in found.index
    ]
    found = found[is_general].rename_axis("class_qid").reset_index().astype({"class_qid": "str"})
    found["class_label"] = found["class_qid"].map(class_labels.set_index("class_qid")["class_label"])
    names = ["class_qid", "class_label", "hierarchical_label", "known_count", "gained_count", "image_count"]
    return found[names].sort_values(["known_count", "image_count", "class_qid"], ascending=[False, False, True])


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = frame.to_dict("records")
    return records
