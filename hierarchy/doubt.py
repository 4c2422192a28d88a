"""What a person should look at: doubtful classes and landmarks, most useful first, less what has a verdict.

Pure functions over tables, for the queue stage and the review page. Order is images affected x uncertainty.
`evidence_hash` changes when the facts behind a doubt change, so that an `unsure` verdict keeps a row away only while
nothing new is known.
"""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from hierarchy.evidence import commons_url, examples_of, landmark_evidence, path_words, wikidata_url


def without_verdicts(
    queue: pd.DataFrame, decisions: pd.DataFrame, key: list[str], settled: Iterable[str]
) -> pd.DataFrame:
    """Leave out rows with a settled decision, and rows that somebody was unsure of on the same evidence."""
    is_settled = decisions["decision"].isin(list(settled))
    done = pd.MultiIndex.from_frame(decisions.loc[is_settled, key])
    unsure = pd.MultiIndex.from_frame(decisions.loc[decisions["decision"] == "unsure", [*key, "evidence_hash"]])
    keep = ~pd.MultiIndex.from_frame(queue[key]).isin(done)
    return queue[keep & ~pd.MultiIndex.from_frame(queue[[*key, "evidence_hash"]]).isin(unsure)]


def by_usefulness(queue: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Sort by images affected x uncertainty, then by key."""
    worth = queue["image_count"] * queue["uncertainty"]
    order = queue.assign(worth=worth).sort_values(["worth", *key], ascending=[False, *[True] * len(key)])
    return order.drop(columns="worth").reset_index(drop=True)


def items_of_classes(statements: pd.DataFrame, landmark_labels: pd.DataFrame) -> pd.DataFrame:
    """Items of every class with their landmarks and images.

    Returns:
        class_qid, item_qid, category (of the item's landmark with most images), landmark_count, image_count.
    """
    names = ["item_qid", "category", "landmark_id", "image_count"]
    known = landmark_labels[names].dropna(subset="item_qid")
    # Most items have one landmark, and need no order.
    is_shared = known.duplicated("item_qid", keep=False)
    order = known[is_shared].sort_values(["image_count", "category"], ascending=[False, True])
    items = (
        pd.concat([known[~is_shared], order])
        .groupby("item_qid", as_index=False, sort=False)
        .agg(category=("category", "first"), landmark_count=("landmark_id", "size"), image_count=("image_count", "sum"))
    )
    best = statements.loc[statements["is_best"], ["item_qid", "class_qid"]].drop_duplicates()
    return best.merge(items, on="item_qid", validate="m:1")


def doubtful_classes(class_labels: pd.DataFrame, class_items: pd.DataFrame) -> pd.DataFrame:
    """Contested and unreached classes that landmarks with images are instances of."""
    doubtful = class_labels["status"].isin(["contested", "unreached"])
    names = class_labels.set_index("class_qid")["class_label"].to_dict()
    return describe_classes(class_labels[doubtful], class_items, names)


def describe_classes(classes: pd.DataFrame, class_items: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Rows of the queue for the classes that landmarks with images are instances of.

    Args:
        classes: rows of class_labels.
        class_items: result of `items_of_classes`.
        names: label of every class.
    """
    own = class_items[class_items["class_qid"].isin(classes["class_qid"])]
    counts = own.groupby("class_qid", as_index=False)[["landmark_count", "image_count"]].sum()
    queue = classes.merge(counts, on="class_qid", validate="1:1")
    queue = queue[queue["image_count"] > 0].merge(examples_of(own, "class_qid"), on="class_qid", validate="1:1")
    label_counts = queue["candidate_labels"].map(lambda labels: len(set(labels)))
    queue["doubt"] = queue["status"] + "_class"
    queue["why"] = [_why_class(labels) for labels in queue["candidate_labels"]]
    queue["uncertainty"] = (1 - 1 / label_counts.clip(lower=1)).mask(label_counts == 0, 1.0).round(4)
    queue["candidates"] = [_candidate_words(row, names) for row in queue.to_dict("records")]
    queue["path"] = [path_words(path, names) for path in queue["path_qids"]]
    queue["wikidata_url"] = queue["class_qid"].map(wikidata_url)
    return queue


def doubtful_landmarks(
    landmark_labels: pd.DataFrame, landmark_items: pd.DataFrame, statements: pd.DataFrame, names: dict[str, str]
) -> pd.DataFrame:
    """Landmarks with images that have no label, a contested one, or a doubtful link to their item."""
    is_open = landmark_labels["status"].isin(["contested", "unlabelled", "withheld"])
    doubtful = landmark_labels[is_open & (landmark_labels["image_count"] > 0)]
    return describe_landmarks(doubtful, landmark_items, statements, names)


def describe_landmarks(
    landmarks: pd.DataFrame, landmark_items: pd.DataFrame, statements: pd.DataFrame, names: dict[str, str]
) -> pd.DataFrame:
    """Rows of the queue for the landmarks.

    Args:
        landmarks: rows of landmark_labels.
        landmark_items: see pipeline/tables.py.
        statements: see pipeline/tables.py.
        names: label of every class.
    """
    links = landmark_items[["split", "landmark_id", "link_rule", "candidate_qids"]]
    queue = landmarks.merge(links, on=["split", "landmark_id"], validate="1:1")
    # The first of these that holds: withheld, several items, no label, a contested class, classes that disagree.
    by_rule = queue["rule"].where(queue["rule"] != "agreed", "contested_class")
    doubt = by_rule.where((queue["status"] == "unlabelled") | (by_rule == "contested_class"), "disagreeing_classes")
    doubt = doubt.mask(queue["link_status"] == "doubtful", "doubtful_link")
    queue["doubt"] = doubt.mask(queue["status"] == "withheld", "low_confidence")
    queue["why"] = queue["doubt"].map(_LANDMARK_WORDS)
    sureness = queue["confidence"].where(queue["status"] != "withheld", queue["proposed_confidence"])
    queue["uncertainty"] = (1 - sureness.astype("float64")).round(4)
    votes = [queue[name] for name in ("vote_labels", "vote_counts", "proposed_label", "proposed_confidence")]
    queue["candidates"] = [_landmark_candidates(*row) for row in zip(*votes, strict=True)]
    queue["path"] = [path_words(path, names) for path in queue["path_qids"]]
    queue["examples"] = ["; ".join(wikidata_url(qid) or "" for qid in qids) or None for qids in queue["candidate_qids"]]
    queue["wikidata_url"] = queue["item_qid"].map(wikidata_url)
    queue["commons_url"] = queue["category"].map(commons_url)
    queue["landmark_count"] = 1
    queue["evidence_hash"] = landmark_evidence(queue, statements)
    return queue


_LANDMARK_WORDS = {
    "doubtful_link": "several Wikidata items claim this category",
    "low_confidence": "its label is less sure than the release asks for",
    "no_item": "no Wikidata item was found for this category",
    "no_class": "its Wikidata item is not an instance of any class",
    "unreached": "no anchor lies above its classes",
    "disagreeing_classes": "its classes vote for different labels",
    "contested_class": "the class that gave its label lies under several labels",
}


def _landmark_candidates(labels: list[str], counts: list[int], proposed: Any, confidence: float) -> str | None:
    """Labels voted for with their votes, after the label that was proposed with its confidence."""
    candidates = [
        f"{label} ({count} {'vote' if count == 1 else 'votes'})" for label, count in zip(labels, counts, strict=True)
    ]
    if isinstance(proposed, str):
        candidates.insert(0, f"{proposed} (confidence {confidence})")
    return "; ".join(candidates) or None


def _why_class(labels: list[str]) -> str:
    distinct = list(dict.fromkeys(labels))
    return f"its nearest anchors say {', '.join(distinct)}" if distinct else "no anchor lies above it"


def _candidate_words(row: dict[str, Any], names: dict[str, str]) -> str | None:
    """Each candidate label with its score: steps to the anchor, fewest first."""
    triples = zip(row["candidate_labels"], row["candidate_qids"], row["candidate_steps"], strict=True)
    words = (
        f"{label} ({steps} {'step' if steps == 1 else 'steps'} up to {names.get(qid, qid)} {qid})"
        for label, qid, steps in triples
    )
    return "; ".join(words) or None
