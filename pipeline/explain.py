"""`hgld explain`: a landmark's whole chain, or a class's, as data and as lines; nothing here changes anything.

For anyone who asks why a label was given.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from annotations import store
from pipeline import tables
from pipeline.curation import landmark_decisions_path
from pipeline.errors import InputError
from pipeline.files import read_table
from pipeline.garbage import uncollected
from pipeline.levels import level_names
from pipeline.params import read_params
from pipeline.titles import PREFIX, canonical_title, title_of_url


@dataclass(frozen=True)
class Found:
    """What the stages found, as far as an explanation needs it."""

    landmark_labels: pd.DataFrame
    landmark_items: pd.DataFrame
    statements: pd.DataFrame
    official_labels: pd.DataFrame
    class_labels: pd.DataFrame
    landmark_decisions: pd.DataFrame
    names: dict[str, str]


@uncollected()
def read_found() -> Found:
    """Read the tables of the stages.

    Raises:
        InputError: one is missing; `dvc repro` makes it.
    """
    return Found(
        read_table(tables.LANDMARK_LABELS, without=("vote_labels", "vote_counts")),
        read_table(tables.LANDMARK_ITEMS, without=("latitude", "longitude")),
        read_table(tables.STATEMENTS),
        read_table(tables.OFFICIAL_LABELS),
        read_table(tables.CLASS_LABELS).set_index("class_qid", drop=False),
        store.read("landmark_decisions", landmark_decisions_path(read_params().source)),
        _names(),
    )


def _names() -> dict[str, str]:
    """English label of every class and item, by id."""
    entities = read_table(tables.ENTITIES, without=("label_language", "is_class", "revision_id"))
    return dict(zip(entities["qid"].tolist(), entities["label"].tolist(), strict=True))


def find_landmarks(found: Found, query: str, split: str | None) -> pd.DataFrame:
    """Rows of landmark_labels for a landmark id, an item id or a category title (or its address); empty if none.

    Raises:
        InputError: the query is none of these.
    """
    labels = found.landmark_labels
    if split:
        labels = labels[labels["split"] == split]
    if query.isdecimal():
        return labels[labels["landmark_id"] == int(query)]
    if query[:1] == "Q" and query[1:].isdecimal():
        return labels[labels["item_qid"] == query]
    try:
        title = title_of_url(query) if "://" in query else canonical_title(query.removeprefix(PREFIX))
    except ValueError as error:
        raise InputError(query, str(error), "give a landmark id, an item id (Q...) or a category title") from error
    return labels[labels["category"] == title]


def explain_landmark(found: Found, row: dict[str, Any]) -> dict[str, Any]:
    """The chain of one landmark: category, item, statements, votes with their paths, decision, label."""
    name = found.names.get
    key = {"split": row["split"], "landmark_id": row["landmark_id"]}
    item = _rows(found.landmark_items, key)[0]
    statements = found.statements[found.statements["item_qid"] == item["item_qid"]]
    voters = dict.fromkeys(statements.loc[statements["is_best"], "class_qid"])
    official = _rows(found.official_labels, key)
    return {
        **key,
        "category": row["category"],
        "item": {
            "qid": _plain(item["item_qid"]),
            "label": name(_plain(item["item_qid"]) or ""),
            "rule": item["link_rule"],
            "status": item["link_status"],
            "candidates": [{"qid": qid, "label": name(qid)} for qid in item["candidate_qids"]],
            "redirected_category": _plain(item["redirected_category"]),
        },
        "statements": [
            {
                "class_qid": statement.class_qid,
                "class_label": name(statement.class_qid),
                "rank": statement.rank,
                "ended": statement.is_ended,
                "ended_on": _plain(statement.ended_on),
                "votes": statement.is_best,
            }
            for statement in statements.itertuples()
        ],
        "votes": [explain_class(found, qid) for qid in voters if qid in found.class_labels.index],
        "decision": _decision(found, row["category"]),
        **{level: _plain(row[level]) for level in ("hierarchical_label", *level_names(), "supercategory")},
        **{key: row[key] for key in ("rule", "status", "confidence", "reviewed", "image_count")},
        "official_label": official[0]["hierarchical_label"] if official else None,
    }


def explain_class(found: Found, qid: str) -> dict[str, Any]:
    """The label of a class: rule, steps, path up to the anchor, and every candidate."""
    name = found.names.get
    row = found.class_labels.loc[qid]
    candidates = zip(row["candidate_labels"], row["candidate_qids"], row["candidate_steps"], strict=True)
    return {
        "class_qid": qid,
        "class_label": row["class_label"],
        "label": _plain(row["hierarchical_label"]),
        "status": row["status"],
        "rule": row["rule"],
        "steps": int(row["steps"]) if pd.notna(row["steps"]) else None,
        "path": [{"class_qid": step, "class_label": name(step)} for step in row["path_qids"]],
        "candidates": [
            {"label": label, "anchor_qid": anchor, "anchor_label": name(anchor), "steps": steps}
            for label, anchor, steps in candidates
        ],
    }


def landmark_lines(chain: dict[str, Any]) -> list[str]:
    """The chain of `explain_landmark` as lines for a person."""
    item = chain["item"]
    lines = [f"{chain['split']} landmark {chain['landmark_id']}: {chain['category']} ({chain['image_count']} images)"]
    if item["redirected_category"]:
        lines.append(f"  redirect    to {item['redirected_category']}")
    lines.append(f"  item        {item['qid'] or 'none'} {item['label'] or ''} (rule {item['rule']}, {item['status']})")
    if len(item["candidates"]) > 1:
        lines.append("  candidates  " + ", ".join(f"{c['qid']} {c['label']}" for c in item["candidates"]))
    for statement in chain["statements"]:
        ended = f"ended {statement['ended_on'] or ''}".strip()
        notes = [statement["rank"], *[ended][: statement["ended"]], *["no vote"][: not statement["votes"]]]
        lines.append(f"  instance of {statement['class_qid']} {statement['class_label']} ({', '.join(notes)})")
    for vote in chain["votes"]:
        lines += [f"  {line}" for line in class_lines(vote)]
    if chain["decision"]:
        decision = chain["decision"]
        verdict = f"{decision['decision']} {decision['hierarchical_label']}".strip()
        lines.append(
            f"  decision    {verdict} by {decision['reviewer']} on {decision['reviewed_on']}: {decision['reason']}"
        )
    label = chain["hierarchical_label"] or "none"
    lines.append(f"  label       {label} (rule {chain['rule']}, {chain['status']}, confidence {chain['confidence']})")
    if chain["hierarchical_label"]:
        levels = [chain["supercategory"] or label, label, *(chain[level] for level in level_names())]
        lines.append(f"  levels      {' -> '.join(levels)}")
    lines.append(f"  official    {chain['official_label'] or 'none'}")
    return lines


def class_lines(vote: dict[str, Any]) -> list[str]:
    """The label of a class as lines for a person."""
    head = f"class {vote['class_qid']} {vote['class_label']}: "
    if not vote["label"]:
        return [head + vote["status"]]
    path = " -> ".join(f"{step['class_label']}" for step in vote["path"])
    lines = [head + f"{vote['label']} ({vote['status']}, rule {vote['rule']}, {vote['steps']} steps)", f"  path {path}"]
    if len(vote["candidates"]) > 1:
        words = (f"{c['label']} by {c['anchor_qid']} {c['anchor_label']} at {c['steps']}" for c in vote["candidates"])
        lines.append(f"  candidates {'; '.join(words)}")
    return lines


def _decision(found: Found, category: str) -> dict[str, str] | None:
    of_category = found.landmark_decisions[found.landmark_decisions["category"] == category]
    settled = store.settle(of_category, ["category"]).to_dict("records")
    return settled[0] if settled else None


def _rows(frame: pd.DataFrame, key: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = frame[(frame[list(key)] == list(key.values())).all(axis=1)].to_dict("records")
    return rows


def _plain(value: Any) -> Any:
    return None if value is None or pd.isna(value) else value
