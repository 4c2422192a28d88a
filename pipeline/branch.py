"""`hgld show`: the branch of classes below a label, with counts, as an indented tree."""

from typing import Any

import pandas as pd

from pipeline.errors import InputError
from pipeline.explain import Found

INDENT = "  "


def branch_lines(found: Found, label: str) -> list[str]:
    """The classes below a label that landmarks are instances of, as an indented tree with counts."""
    classes, landmarks = found.class_labels, found.landmark_labels
    known = sorted({*classes["hierarchical_label"].dropna(), *landmarks["hierarchical_label"].dropna()})
    if label not in known:
        raise InputError(f"label {label!r}", "nothing here has it", f"labels here: {', '.join(known)}")
    own = landmarks[landmarks["hierarchical_label"] == label]
    counts = own.groupby("class_qid")[["image_count"]].agg(["size", "sum"])["image_count"]
    paths = classes["path_qids"]
    tree: dict[str, Any] = {}
    for qid in counts.index:
        branch = tree
        for step in reversed(paths[qid]):
            branch = branch.setdefault(step, {})
    without = own["class_qid"].isna()
    lines = [
        f"{label}: {len(own)} landmarks, {own['image_count'].sum()} images",
        *_tree_lines(found.names, tree, counts, 1),
    ]
    if without.any():
        lines.append(f"  by decision: {without.sum()} landmarks, {own.loc[without, 'image_count'].sum()} images")
    return lines


def _tree_lines(names: dict[str, str], tree: dict[str, Any], counts: pd.DataFrame, depth: int) -> list[str]:
    lines = []
    for qid in sorted(tree, key=lambda qid: (names.get(qid, qid), qid)):
        own = f": {counts.loc[qid, 'size']} landmarks, {counts.loc[qid, 'sum']} images" if qid in counts.index else ""
        lines.append(f"{INDENT * depth}{names.get(qid, qid)} ({qid}){own}")
        lines += _tree_lines(names, tree[qid], counts, depth + 1)
    return lines
