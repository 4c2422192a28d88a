"""The laws of the curated tables: one small function each, named as the law; all failures are collected.

For the stages, which refuse to build on broken tables, and for curators. Every message names file:line, id and label,
what is wrong, and the likely remedy.
"""

import datetime
import itertools
import re
from collections.abc import Callable, Iterator

import pandas as pd

from annotations.store import ADJUDICATOR, TABLES, differing_verdicts, levels, sort_value

Tables = dict[str, pd.DataFrame]
_HUMAN_NAMES = {"class_qid": "class_label", "child_qid": "child_label", "landmark_id": "category"}


def rows_are_sorted_and_unique(curated: Tables) -> Iterator[str]:
    """Rows stand in key order, and no key stands twice."""
    for name, frame in curated.items():
        key = TABLES[name].key
        previous: list[tuple[int, str]] = []
        for row in frame.to_dict("records"):
            current = [sort_value(column, row[column]) for column in key]
            if current == previous:
                yield f"{_row(name, row)}: stands twice. Remedy: keep one of the two rows"
            elif current < previous:
                yield f"{_row(name, row)}: out of order. Remedy: sort the rows by {', '.join(key)}"
            previous = current


def ids_are_wikidata_ids(curated: Tables) -> Iterator[str]:
    """Every class id is Q and a number."""
    for name, frame in curated.items():
        for column in TABLES[name].qids:
            for row in frame[~frame[column].str.fullmatch(r"Q[1-9]\d*")].to_dict("records"):
                yield f"{_row(name, row)}: {column} {row[column]!r} is not a Wikidata id. Remedy: write Q and a number"


def priorities_and_levels_are_set(curated: Tables) -> Iterator[str]:
    """The taxonomy gives each label a whole-number priority of its own, and every level above it, nested."""
    taxonomy = curated["taxonomy"]
    for row in taxonomy.to_dict("records"):
        if not re.fullmatch(r"[1-9]\d*", row["priority"]):
            yield f"{_row('taxonomy', row)}: priority {row['priority']!r} is not a number from 1. Remedy: give it one"
        for level in levels(taxonomy):
            if not row[level].strip():
                yield f"{_row('taxonomy', row)}: no {level}. Remedy: name the {level} of this label"
            elif row[level] != row[level].strip():
                yield f"{_row('taxonomy', row)}: {level} {row[level]!r} has spaces at its ends. Remedy: trim it"
        if not row["hierarchical_label"]:
            yield f"{_row('taxonomy', row)}: an empty label. Remedy: name it"
        if row["hierarchical_label"] != row["hierarchical_label"].strip():
            yield f"{_row('taxonomy', row)}: the label has spaces at its ends. Remedy: trim it"
    for fine, coarse in itertools.pairwise(levels(taxonomy)):
        first = taxonomy.drop_duplicates(fine).set_index(fine)[coarse]
        for row in taxonomy[taxonomy[coarse] != taxonomy[fine].map(first)].to_dict("records"):
            what = f"{fine} {row[fine]!r} lies under {first[row[fine]]!r} elsewhere, here under {row[coarse]!r}"
            yield f"{_row('taxonomy', row)}: {what}. Remedy: give it one {coarse}"
    for row in taxonomy[taxonomy.duplicated("priority")].to_dict("records"):
        yield f"{_row('taxonomy', row)}: priority {row['priority']} is taken. Remedy: give each label its own"


def labels_are_in_the_taxonomy(curated: Tables) -> Iterator[str]:
    """Every label that an anchor or decision names is in the taxonomy."""
    known = set(curated["taxonomy"]["hierarchical_label"])
    for name in ("anchors", "class_decisions", "landmark_decisions"):
        frame = curated.get(name, pd.DataFrame(columns=["hierarchical_label"]))
        for row in frame[~frame["hierarchical_label"].isin(known | {""})].to_dict("records"):
            label = row["hierarchical_label"]
            yield f"{_row(name, row)}: label {label!r} is not in taxonomy.csv. Remedy: use one of its labels, trimmed"


def decisions_are_allowed(curated: Tables) -> Iterator[str]:
    """A decision is one of its table's, and has a label exactly when it assigns one."""
    for name, frame in curated.items():
        allowed = TABLES[name].decisions
        for row in frame.to_dict("records") if allowed else ():
            if row["decision"] not in allowed:
                yield f"{_row(name, row)}: decision {row['decision']!r}. Remedy: use one of {', '.join(allowed)}"
            elif "hierarchical_label" in row and (row["decision"] == "assign") != bool(row["hierarchical_label"]):
                what = f"{row['decision']} and label {row['hierarchical_label']!r} do not go together"
                yield f"{_row(name, row)}: {what}. Remedy: assign, and only assign, takes a label"
            if not row["reason"].strip():
                yield f"{_row(name, row)}: no reason. Remedy: say in a few words why"
    for row in curated["anchors"].to_dict("records"):
        if not row["hierarchical_label"]:
            yield f"{_row('anchors', row)}: no label. Remedy: name one of the taxonomy"


def reviewers_are_known(curated: Tables) -> Iterator[str]:
    """Every reviewer of a decision is in reviewers.csv, and the date is a date."""
    known = set(curated["reviewers"]["reviewer"])
    for name, frame in curated.items():
        for row in frame.to_dict("records") if TABLES[name].decisions else ():
            if row["reviewer"] not in known:
                yield f"{_row(name, row)}: reviewer {row['reviewer']!r} is unknown. Remedy: add them to reviewers.csv"
            if not _is_day(row["reviewed_on"]):
                yield f"{_row(name, row)}: reviewed_on {row['reviewed_on']!r}. Remedy: write the date as 2026-01-31"


def verdicts_do_not_conflict(curated: Tables) -> Iterator[str]:
    """Reviewers agree, or a row of `adjudicated` settles it; `unsure` never conflicts."""
    for name, frame in curated.items():
        if not TABLES[name].decisions:
            continue
        for _, rows in differing_verdicts(frame, TABLES[name]).groupby(TABLES[name].subject_columns):
            final = rows[rows["reviewer"] == ADJUDICATOR] if ADJUDICATOR in set(rows["reviewer"]) else rows
            verdicts = final["verdict"].unique()
            if len(verdicts) > 1:
                row, said = final.iloc[1].to_dict(), " / ".join(verdicts)
                yield f"{_row(name, row)}: conflict ({said}). Remedy: agree, or add a row of reviewer {ADJUDICATOR}"


LAWS: list[Callable[[Tables], Iterator[str]]] = [
    rows_are_sorted_and_unique,
    ids_are_wikidata_ids,
    priorities_and_levels_are_set,
    labels_are_in_the_taxonomy,
    decisions_are_allowed,
    reviewers_are_known,
    verdicts_do_not_conflict,
]


def broken_laws(curated: Tables) -> list[str]:
    """Every failure of every law, in order of law and row."""
    return [problem for law in LAWS for problem in law(curated)]


def _is_day(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _row(name: str, row: dict[str, str]) -> str:
    """Where a row is and what it is about: file:line: id (label)."""
    ids = [row[column] for column in TABLES[name].id_columns]
    names = [row[_HUMAN_NAMES[column]] for column in TABLES[name].id_columns if column in _HUMAN_NAMES]
    return f"{row['where']}: {' '.join(ids)}" + (f" ({names[0]})" if names else "")
