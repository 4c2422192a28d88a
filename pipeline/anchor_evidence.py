"""`hgld anchors`: the anchors on the graph at hand, as data and as lines; for curators who tune anchors.csv."""

from typing import Any

import pandas as pd

from annotations import store
from hierarchy.anchor_report import anchor_report
from hierarchy.doubt import items_of_classes
from pipeline import tables
from pipeline.files import read_table
from pipeline.garbage import uncollected

_TITLES = {
    "anchors": "anchors by the images they catch",
    "silent": "anchors without a landmark here",
    "open": "contested and unreached classes with landmarks",
    "proposals": "anchors that the evidence suggests: all landmarks below that are known have one label",
}


@uncollected()
def read_report() -> dict[str, Any]:
    """The report on the tables that the stages made; what is known of an item is its label, else the official one."""
    labels = read_table(tables.LANDMARK_LABELS, without=("path_qids", "vote_labels", "vote_counts"))
    official = read_table(tables.OFFICIAL_LABELS)[["split", "landmark_id", "hierarchical_label"]]
    joined = labels.merge(official, on=["split", "landmark_id"], how="left", suffixes=("", "_official"), validate="1:1")
    joined["hierarchical_label"] = joined["hierarchical_label"].fillna(joined["hierarchical_label_official"])
    evidence = joined.dropna(subset=["item_qid"]).drop_duplicates("item_qid")[["item_qid", "hierarchical_label"]]
    return anchor_report(
        read_table(tables.CLASS_GRAPH),
        read_table(tables.CLASS_LABELS),
        items_of_classes(read_table(tables.STATEMENTS), labels),
        store.read("anchors"),
        evidence,
    )


def report_lines(report: dict[str, Any], limit: int) -> list[str]:
    """The report for a person, at most `limit` rows a list."""
    lines = []
    for name, title in _TITLES.items():
        rows = report[name]
        lines += [f"{title}: {len(rows)}"]
        if rows:
            lines += [pd.DataFrame(rows[:limit]).to_string(index=False), ""]
    return lines
