"""`hgld show`: the branch of classes below a label with counts, as data and as an indented tree."""

from typing import Any

from pipeline.errors import InputError
from pipeline.explain import Found

INDENT = "  "


def branch_of(found: Found, label: str) -> dict[str, Any]:
    """Classes that landmarks of the label take it from.

    Returns:
        hierarchical_label, landmark_count, image_count, classes (class_qid, class_label, path from the anchor down,
        landmark_count, image_count) and without_class, the counts of those whose label came from no class.

    Raises:
        InputError: nothing has the label.
    """
    classes, landmarks = found.class_labels, found.landmark_labels
    known = sorted({*classes["hierarchical_label"].dropna(), *landmarks["hierarchical_label"].dropna()})
    if label not in known:
        raise InputError(f"label {label!r}", "nothing here has it", f"labels here: {', '.join(known)}")
    own = landmarks[landmarks["hierarchical_label"] == label]
    counts = own.groupby("class_qid").agg(landmark_count=("landmark_id", "size"), image_count=("image_count", "sum"))
    without = own[own["class_qid"].isna()]
    return {
        "hierarchical_label": label,
        "landmark_count": len(own),
        "image_count": int(own["image_count"].sum()),
        "classes": [
            {
                "class_qid": qid,
                "class_label": found.names.get(qid, qid),
                "path": classes.loc[qid, "path_qids"][::-1],
                "landmark_count": int(landmark_count),
                "image_count": int(image_count),
            }
            for qid, landmark_count, image_count in counts.itertuples()
        ],
        "without_class": {"landmark_count": len(without), "image_count": int(without["image_count"].sum())},
    }


def branch_lines(found: Found, branch: dict[str, Any]) -> list[str]:
    """The branch for a person."""
    tree: dict[str, Any] = {}
    for found_class in branch["classes"]:
        node = tree
        for step in found_class["path"]:
            node = node.setdefault(step, {})
    counts = {found_class["class_qid"]: _counts(found_class) for found_class in branch["classes"]}
    lines = [f"{branch['hierarchical_label']}: {_counts(branch)}", *_tree_lines(found.names, tree, counts, 1)]
    if branch["without_class"]["landmark_count"]:
        lines.append(f"{INDENT}without a class: {_counts(branch['without_class'])}")
    return lines


def _tree_lines(names: dict[str, str], tree: dict[str, Any], counts: dict[str, str], depth: int) -> list[str]:
    lines = []
    for qid in sorted(tree, key=lambda qid: (names.get(qid, qid), qid)):
        own = f": {counts[qid]}" if qid in counts else ""
        lines.append(f"{INDENT * depth}{names.get(qid, qid)} ({qid}){own}")
        lines += _tree_lines(names, tree[qid], counts, depth + 1)
    return lines


def _counts(counted: dict[str, Any]) -> str:
    return f"{counted['landmark_count']} landmarks, {counted['image_count']} images"
