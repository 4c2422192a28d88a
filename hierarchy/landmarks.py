"""Landmark labels: the votes of each landmark's item, the reason where there is none, and decisions by people last.

Pure functions over tables, for the label stage.
"""

import pandas as pd

_KEY = ["split", "landmark_id"]

DOUBTFUL_LINK_FACTOR = 0.5  # confidence kept when several items claim the category


def label_landmarks(
    landmarks: pd.DataFrame,
    landmark_items: pd.DataFrame,
    item_labels: pd.DataFrame,
    items_with_class: frozenset[str],
    decisions: pd.DataFrame,
    taxonomy: pd.DataFrame,
) -> pd.DataFrame:
    """One row a landmark: its label with rule, status and confidence, or the reason why it has none.

    Args:
        landmarks: split, landmark_id, category, image_count.
        landmark_items: split, landmark_id, item_qid, link_status.
        item_labels: result of `hierarchy.votes.winners`.
        items_with_class: items with at least one best-rank P31 statement.
        decisions: category, decision (assign or reject), hierarchical_label; one row a category.
        taxonomy: hierarchical_label, natural_or_human_made.
    """
    links = landmark_items[[*_KEY, "item_qid", "link_status"]]
    frame = landmarks.merge(links, on=_KEY, how="left", validate="1:1")
    frame = frame.merge(item_labels, on="item_qid", how="left", validate="m:1")
    frame["rule"] = frame["rule"].where(frame["rule"].notna(), _missing_rule(frame["item_qid"], items_with_class))
    frame["status"] = frame["status"].where(frame["status"].notna(), "unlabelled")
    doubtful = (frame["link_status"] == "doubtful") & frame["hierarchical_label"].notna()
    frame.loc[doubtful, "status"] = "contested"
    frame["confidence"] = frame["confidence"].fillna(0.0).mask(doubtful, frame["confidence"] * DOUBTFUL_LINK_FACTOR)
    for name in ("path_qids", "vote_labels", "vote_counts"):
        frame[name] = [value if isinstance(value, list) else [] for value in frame[name]]
    frame = apply_decisions(frame, decisions)
    nature = taxonomy.set_index("hierarchical_label")["natural_or_human_made"]
    frame["natural_or_human_made"] = frame["hierarchical_label"].map(nature)
    return frame.assign(confidence=frame["confidence"].round(4))


def apply_decisions(frame: pd.DataFrame, decisions: pd.DataFrame) -> pd.DataFrame:
    """Lay the decisions of people over the labels, in both splits of a category.

    `assign` sets the label; supercategory, class and path stay where a vote for that very label gave them, else they
    are emptied. `reject` leaves the landmark without a label.
    """
    by_category = decisions.set_index("category")
    decision = frame["category"].map(by_category["decision"])
    label = frame["category"].map(by_category["hierarchical_label"]).where(decision == "assign")
    assigned, rejected = decision == "assign", decision == "reject"
    decided = assigned | rejected
    other = rejected | (assigned & (frame["hierarchical_label"] != label))
    frame = frame.copy()
    for name in ("supercategory", "class_qid"):
        frame[name] = frame[name].mask(other, None)
    frame["path_qids"] = [[] if is_other else path for is_other, path in zip(other, frame["path_qids"], strict=True)]
    frame["hierarchical_label"] = frame["hierarchical_label"].where(~decided, label)
    frame["rule"] = frame["rule"].mask(decided, "decision")
    frame["status"] = frame["status"].mask(assigned, "resolved").mask(rejected, "rejected")
    frame["confidence"] = frame["confidence"].mask(decided, 1.0).mask(rejected, 0.0)
    return frame.assign(reviewed=decided)


def _missing_rule(item_qid: pd.Series, items_with_class: frozenset[str]) -> pd.Series:
    """Why an item gives no label: there is none, it has no class, or no anchor lies above its classes."""
    rule = pd.Series("unreached", index=item_qid.index)
    return rule.mask(~item_qid.isin(items_with_class), "no_class").mask(item_qid.isna(), "no_item")
