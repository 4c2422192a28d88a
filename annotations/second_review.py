"""Ids for a blind second review: what somebody else has decided, drawn by hash; for `hgld worksheet --blind-for`."""

import hashlib
import json

import pandas as pd

from annotations.store import ADJUDICATOR, Curated, sort_value, sure_verdicts


def second_review_sample(decisions: pd.DataFrame, table: Curated, reviewer: str, limit: int | None) -> pd.DataFrame:
    """Ids that the reviewer may judge without knowing the first verdict.

    Drawn is what has a sure verdict of somebody else, no row of this reviewer, and no sure verdict of `adjudicated`.
    Landmarks are drawn by category, which has one label in both splits: of its decided landmarks, the first by key.

    The order is that of the SHA-256 of the subject: random, so that whoever stops early has judged a random sample,
    yet the same on every run, for every reviewer and in any row order. A larger limit, or a table that has grown, adds
    ids and never reorders those that stay.

    Args:
        decisions: a decision table as annotations.store.read gives it, lawful or not.
        table: its declaration.
        reviewer: who is to review.
        limit: at most so many; None for all.

    Returns:
        The id columns alone, so that nobody sees a verdict, in the order of the draw.
    """
    subject = table.subject_columns
    sure = sure_verdicts(decisions)
    seen = pd.concat([decisions[decisions["reviewer"] == reviewer], sure[sure["reviewer"] == ADJUDICATOR]])
    seen_subjects = set(seen[subject].itertuples(index=False, name=None))
    open_ids: dict[tuple[str, ...], tuple[str, ...]] = {}
    for row in sorted(sure.to_dict("records"), key=lambda row: [sort_value(name, row[name]) for name in table.key]):
        about = tuple(row[name] for name in subject)
        if about not in seen_subjects:
            open_ids.setdefault(about, tuple(row[name] for name in table.id_columns))
    drawn = [open_ids[about] for about in sorted(open_ids, key=_draw_order)[:limit]]
    return pd.DataFrame(drawn, columns=table.id_columns, dtype="str")


def _draw_order(subject: tuple[str, ...]) -> str:
    return hashlib.sha256(json.dumps(subject).encode()).hexdigest()
