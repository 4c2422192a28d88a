"""What a person should look at: doubtful classes and landmarks, most useful first, less what has a verdict.

Pure functions over tables, for the queue stage. Order is images affected x uncertainty. `evidence_hash` changes when
the facts behind a doubt change, so that an `unsure` verdict keeps a row away only while nothing new is known.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import pandas as pd


def evidence_hash(*parts: object) -> str:
    """First 12 hexadecimal characters of the SHA-256 of the parts; lists count element by element."""
    flat = ("\x1e".join(map(str, part)) if isinstance(part, list | tuple) else str(part) for part in parts)
    return hashlib.sha256("\x1f".join(flat).encode()).hexdigest()[:12]


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
    """Items of every class with their landmarks and images: class_qid, item_qid, landmark_count, image_count."""
    items = landmark_labels.groupby("item_qid", as_index=False).agg(
        landmark_count=("landmark_id", "size"), image_count=("image_count", "sum")
    )
    best = statements.loc[statements["is_best"], ["item_qid", "class_qid"]].drop_duplicates()
    return best.merge(items, on="item_qid", validate="m:1")


def doubtful_classes(class_labels: pd.DataFrame, class_items: pd.DataFrame) -> pd.DataFrame:
    """Contested and unreached classes that landmarks with images are instances of."""
    counts = class_items.groupby("class_qid", as_index=False)[["landmark_count", "image_count"]].sum()
    doubtful = class_labels[class_labels["status"].isin(["contested", "unreached"])]
    queue = doubtful.merge(counts, on="class_qid", validate="1:1")
    queue = queue[queue["image_count"] > 0].copy()
    examples = class_items.sort_values(["class_qid", "image_count", "item_qid"], ascending=[True, False, True])
    top = examples.groupby("class_qid")["item_qid"].agg(lambda qids: " ".join(qids.head(3)))
    label_counts = queue["candidate_labels"].map(lambda labels: len(set(labels)))
    queue["reason"] = queue["status"] + "_class"
    queue["why"] = [_why_class(labels) for labels in queue["candidate_labels"]]
    queue["uncertainty"] = (1 - 1 / label_counts.clip(lower=1)).mask(label_counts == 0, 1.0).round(4)
    queue["candidates"] = [_candidate_words(row) for row in queue.to_dict("records")]
    queue["evidence"] = [f"items {top[qid]}" for qid in queue["class_qid"]]
    queue["evidence_hash"] = [
        evidence_hash(row["class_qid"], row["candidate_labels"], row["candidate_qids"], row["candidate_steps"])
        for row in queue.to_dict("records")
    ]
    return queue


def doubtful_landmarks(landmark_labels: pd.DataFrame, landmark_items: pd.DataFrame) -> pd.DataFrame:
    """Landmarks with images that have no label, a contested one, or a doubtful link to their item."""
    links = landmark_items[["split", "landmark_id", "link_rule", "candidate_qids"]]
    doubtful = landmark_labels["status"].isin(["contested", "unlabelled", "withheld"]) & (
        landmark_labels["image_count"] > 0
    )
    queue = landmark_labels[doubtful].merge(links, on=["split", "landmark_id"], validate="1:1")
    # The first of these that holds: withheld, several items, no label, a contested class, classes that disagree.
    by_rule = queue["rule"].where(queue["rule"] != "agreed", "contested_class")
    reason = by_rule.where((queue["status"] == "unlabelled") | (by_rule == "contested_class"), "disagreeing_classes")
    reason = reason.mask(queue["link_status"] == "doubtful", "doubtful_link")
    queue["reason"] = reason.mask(queue["status"] == "withheld", "low_confidence")
    queue["why"] = queue["reason"].map(_LANDMARK_WORDS)
    sureness = queue["confidence"].where(queue["status"] != "withheld", queue["proposed_confidence"])
    queue["uncertainty"] = (1 - sureness.astype("float64")).round(4)
    votes = [queue[name] for name in ("vote_labels", "vote_counts", "proposed_label", "proposed_confidence")]
    queue["candidates"] = [_landmark_candidates(*row) for row in zip(*votes, strict=True)]
    queue["evidence"] = [f"items {' '.join(qids)}" if len(qids) else None for qids in queue["candidate_qids"]]
    queue["landmark_count"] = 1
    facts = [queue[name] for name in ("category", "reason", "candidate_qids", "vote_labels", "vote_counts")]
    queue["evidence_hash"] = [evidence_hash(*row) for row in zip(*facts, strict=True)]
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
    candidates = [f"{label} ({count})" for label, count in zip(labels, counts, strict=True)]
    if isinstance(proposed, str):
        candidates.insert(0, f"{proposed} (confidence {confidence})")
    return "; ".join(candidates) or None


def _why_class(labels: list[str]) -> str:
    distinct = list(dict.fromkeys(labels))
    return f"its nearest anchors say {', '.join(distinct)}" if distinct else "no anchor lies above it"


def _candidate_words(row: dict[str, Any]) -> str | None:
    triples = zip(row["candidate_labels"], row["candidate_qids"], row["candidate_steps"], strict=True)
    return "; ".join(f"{label} ({qid}, {steps} steps)" for label, qid, steps in triples) or None
