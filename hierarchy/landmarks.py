"""Landmark labels: the votes of each landmark's item, the reason where there is none, and decisions by people last.

Pure functions over tables, for the label stage.
"""

import pandas as pd

from hierarchy.confidence import calibrate, raw_scores

_KEY = ["split", "landmark_id"]
# Why a landmark has no label from Wikidata, where its title or its images may give one.
OPEN_RULES = ("no_item", "no_class")


def label_landmarks(
    landmarks: pd.DataFrame,
    landmark_items: pd.DataFrame,
    item_labels: pd.DataFrame,
    items_with_class: frozenset[str],
    official_labels: pd.DataFrame,
) -> pd.DataFrame:
    """One row a landmark: the label of its item with rule, status and confidence, or the reason why it has none.

    Args:
        landmarks: split, landmark_id, category, image_count.
        landmark_items: split, landmark_id, item_qid, link_status.
        item_labels: result of `hierarchy.votes.winners`.
        items_with_class: items with at least one best-rank P31 statement.
        official_labels: split, landmark_id, hierarchical_label; of this taxonomy; calibrates the confidence.
    """
    links = landmark_items[[*_KEY, "item_qid", "link_status"]]
    frame = landmarks.merge(links, on=_KEY, how="left", validate="1:1")
    frame = frame.merge(item_labels, on="item_qid", how="left", validate="m:1")
    frame["rule"] = frame["rule"].where(frame["rule"].notna(), _missing_rule(frame["item_qid"], items_with_class))
    frame["status"] = frame["status"].where(frame["status"].notna(), "unlabelled")
    is_labelled = frame["hierarchical_label"].notna()
    frame.loc[is_labelled & (frame["link_status"] == "doubtful"), "status"] = "contested"
    frame["confidence"] = 0.0
    frame.loc[is_labelled, "confidence"] = _confidence(frame[is_labelled], official_labels)
    for name in ("path_qids", "vote_labels", "vote_counts"):
        frame[name] = [value if isinstance(value, list) else [] for value in frame[name]]
    nothing = pd.Series(None, index=frame.index)
    return frame.assign(
        reviewed=False, proposed_label=nothing.astype("str"), proposed_confidence=nothing.astype("float64")
    )


def _confidence(labelled: pd.DataFrame, official_labels: pd.DataFrame) -> pd.Series:
    """Calibrated confidence of the rows; see `hierarchy.confidence`."""
    official = official_labels[[*_KEY, "hierarchical_label"]]
    joined = labelled[[*_KEY, "hierarchical_label"]].merge(
        official, on=_KEY, how="left", suffixes=("", "_official"), validate="1:1"
    )
    is_right = (joined["hierarchical_label"] == joined["hierarchical_label_official"]).astype(object)
    is_right = is_right.where(joined["hierarchical_label_official"].notna(), None)
    return calibrate(raw_scores(labelled), is_right.set_axis(labelled.index))


def apply_proposals(frame: pd.DataFrame, proposals: pd.DataFrame, rule: str) -> pd.DataFrame:
    """Give landmarks without an item or a class the label that is accepted for their category; keep other proposals.

    Args:
        frame: result of `label_landmarks`, or of an earlier call.
        proposals: category, hierarchical_label, confidence, is_accepted; one row a category.
        rule: name of what proposes, text or visual.

    Returns:
        The frame with proposed_label and proposed_confidence, null where nothing is proposed or it is accepted.
    """
    by_category = proposals.set_index("category")
    is_open = frame["rule"].isin(OPEN_RULES)
    label = frame["category"].map(by_category["hierarchical_label"]).where(is_open)
    confidence = frame["category"].map(by_category["confidence"]).astype("float64").where(is_open)
    has_label = label.notna()
    accepted = is_open & frame["category"].map(by_category["is_accepted"]).eq(True)
    return frame.assign(
        hierarchical_label=frame["hierarchical_label"].mask(accepted, label),
        rule=frame["rule"].mask(accepted, rule),
        status=frame["status"].mask(accepted, "resolved"),
        confidence=frame["confidence"].mask(accepted, confidence),
        proposed_label=frame["proposed_label"].mask(has_label, label).mask(accepted, None),
        proposed_confidence=frame["proposed_confidence"].mask(has_label, confidence).mask(accepted, None),
    )


def apply_decisions(frame: pd.DataFrame, decisions: pd.DataFrame) -> pd.DataFrame:
    """Lay the decisions of people over the labels, in both splits of a category.

    `assign` sets the label; supercategory, class and path stay where a vote for that very label gave them, else they
    are emptied. `reject` leaves the landmark without a label.

    Args:
        frame: landmark labels.
        decisions: category, decision (assign, reject or unsure), hierarchical_label; one row a category.
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


def withhold(frame: pd.DataFrame, min_confidence: float) -> pd.DataFrame:
    """Take labels below the threshold, unless a person decided them, and keep them as proposals."""
    is_open = frame["hierarchical_label"].notna() & ~frame["reviewed"]
    unsure = is_open & (frame["confidence"] < min_confidence)
    frame = frame.assign(
        proposed_label=frame["proposed_label"].mask(unsure, frame["hierarchical_label"]),
        proposed_confidence=frame["proposed_confidence"].mask(unsure, frame["confidence"]),
        confidence=frame["confidence"].mask(unsure, 0.0),
        status=frame["status"].mask(unsure, "withheld"),
        path_qids=[[] if is_unsure else path for is_unsure, path in zip(unsure, frame["path_qids"], strict=True)],
    )
    for name in ("hierarchical_label", "supercategory", "class_qid"):
        frame[name] = frame[name].mask(unsure, None)
    return frame


def add_levels(frame: pd.DataFrame, taxonomy: pd.DataFrame, levels: list[str]) -> pd.DataFrame:
    """Add the levels above the label, which are functions of it, as columns."""
    of_label = taxonomy.set_index("hierarchical_label")
    return frame.assign(**{level: frame["hierarchical_label"].map(of_label[level]) for level in levels})


def _missing_rule(item_qid: pd.Series, items_with_class: frozenset[str]) -> pd.Series:
    """Why an item gives no label: there is none, it has no class, or no anchor lies above its classes."""
    rule = pd.Series("unreached", index=item_qid.index)
    return rule.mask(~item_qid.isin(items_with_class), "no_class").mask(item_qid.isna(), "no_item")
