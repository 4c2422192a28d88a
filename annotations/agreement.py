"""How far reviewers agree: Cohen's kappa of each pair, Krippendorff's alpha of all, and every conflict.

For `hgld agreement`. Pure functions over a decision table as annotations.store.read gives it, lawful or not: conflicts
that nobody has settled yet are what people look for here.
"""

import itertools
import math
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import cohen_kappa_score

from annotations.store import ADJUDICATOR, Curated, differing_verdicts, sure_verdicts


def agreement_of(decisions: pd.DataFrame, table: Curated) -> dict[str, Any]:
    """Agreement of the reviewers in one decision table.

    A verdict is decision and label ("assign museum") about a subject: a class, an edge, or a category, since a category
    has one label in both splits. Rows of `adjudicated` are no reviewer's; `unsure` is no judgement.

    Returns:
        decided, doubly_decided: subjects with a sure verdict of one reviewer or more, of two or more;
        unsure: times that a reviewer was unsure of a subject;
        pairs: `compare_pair` of every two reviewers;
        kappa: mean of the pairs' kappas weighted by their counts, None where no pair has one;
        alpha: `krippendorff_alpha` over all reviewers;
        conflicts: `conflicts_of` the table.
    """
    of_reviewers = decisions[decisions["reviewer"] != ADJUDICATOR]
    sure = sure_verdicts(of_reviewers)
    reviewer_counts = sure.groupby(table.subject_columns)["reviewer"].nunique()
    is_unsure = of_reviewers["decision"] == "unsure"
    unsure = of_reviewers[is_unsure].drop_duplicates([*table.subject_columns, "reviewer"])
    judged = judgements(sure, table.subject_columns)
    units = [[verdict for verdict in row if pd.notna(verdict)] for row in judged.itertuples(index=False)]
    pairs = [compare_pair(judged, first, second) for first, second in itertools.combinations(judged.columns, 2)]
    return {
        "decided": len(reviewer_counts),
        "doubly_decided": int((reviewer_counts > 1).sum()),
        "unsure": len(unsure),
        "pairs": pairs,
        "kappa": mean_kappa(pairs),
        "alpha": krippendorff_alpha(units),
        "conflicts": conflicts_of(decisions, table),
    }


def judgements(sure: pd.DataFrame, subject: list[str]) -> pd.DataFrame:
    """Verdicts by subject (rows) and reviewer (columns, sorted), missing where the reviewer gave none.

    Who gives the two landmarks of a category different verdicts has given none on the category; the conflict is listed.
    """
    said = sure.drop_duplicates([*subject, "reviewer", "verdict"])
    said = said[~said.duplicated([*subject, "reviewer"], keep=False)]
    return said.pivot(index=subject, columns="reviewer", values="verdict")


def compare_pair(judged: pd.DataFrame, first: str, second: str) -> dict[str, Any]:
    """Two reviewers on what both have judged.

    Args:
        judged: as `judgements` gives it.
        first: a column of it.
        second: another column.

    Returns:
        reviewers; count, the subjects that both judged; agreed, those with the same verdict; and kappa, Cohen's:
        (p_o - p_e) / (1 - p_e), where p_o is the share agreed and p_e that expected of two who judge independently,
        each with their own shares of the verdicts. None without a common subject, or where all verdicts are the same.
    """
    both = judged[[first, second]].dropna()
    has_variation = len(set(both[first]) | set(both[second])) > 1
    return {
        "reviewers": [first, second],
        "count": len(both),
        "agreed": int((both[first] == both[second]).sum()),
        "kappa": float(cohen_kappa_score(both[first], both[second])) if has_variation else None,
    }


def mean_kappa(pairs: list[dict[str, Any]]) -> float | None:
    """Mean of the pairs' kappas weighted by their counts; None where no pair has one."""
    known = [pair for pair in pairs if pair["kappa"] is not None]
    if not known:
        return None
    return float(np.average([pair["kappa"] for pair in known], weights=[pair["count"] for pair in known]))


def krippendorff_alpha(units: Iterable[Collection[str]]) -> float | None:
    """Krippendorff's alpha for nominal values: 1 is perfect agreement, 0 is that of chance; below 0, less than chance.

    alpha = 1 - D_o / D_e, where values count when their unit has m_u >= 2 of them, n_uc of these being c, and
    n = sum of m_u, n_c = sum over units of n_uc:
    D_o = 1/n * sum over units of (unequal ordered pairs in the unit, m_u^2 - sum over c of n_uc^2) / (m_u - 1),
    D_e = 1/n * (unequal ordered pairs in all, n^2 - sum over c of n_c^2) / (n - 1).
    Unlike kappa it takes any number of reviewers, any of whom may have left out a unit.

    Args:
        units: for each unit the values given to it, one for each reviewer who judged it.

    Returns:
        The coefficient, or None where it is undefined: no unit has two values, or all values are the same.

    Source: K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), sections A to C.
    """
    paired = [Counter(values) for values in units if len(values) > 1]
    totals: Counter[str] = Counter()
    for counts in paired:
        totals.update(counts)
    expected = _unequal_pairs(totals)
    if not expected:
        return None
    # fsum rounds once, so that the order of the units does not show in the last digit.
    observed = math.fsum(_unequal_pairs(counts) / (counts.total() - 1) for counts in paired)
    return 1 - observed * (totals.total() - 1) / expected


def conflicts_of(decisions: pd.DataFrame, table: Curated) -> list[dict[str, Any]]:
    """Every subject on which reviewers differ, or the rows of `adjudicated` do, in the order of the subjects.

    Returns:
        For each: the subject's columns with its human label; verdicts, every sure row in table order with its verdict
        in words and its file:line (for landmarks with split and landmark_id); and settled, whether `adjudicated` has
        given exactly one verdict. What is not settled stops the build (annotations.laws).
    """
    subject, end = table.subject_columns, table.columns.index("decision")
    heading = [name for name in table.columns[:end] if name in subject or name not in table.id_columns]
    row_columns = [name for name in (*table.columns, "verdict", "where") if name not in (*heading, "evidence_hash")]
    found = []
    records = differing_verdicts(decisions, table).sort_values(subject, kind="stable").to_dict("records")
    for _, group in itertools.groupby(records, key=lambda row: [row[name] for name in subject]):
        rows = list(group)
        adjudicated = {row["verdict"] for row in rows if row["reviewer"] == ADJUDICATOR}
        reviewed = {row["verdict"] for row in rows if row["reviewer"] != ADJUDICATOR}
        if max(len(adjudicated), len(reviewed)) > 1:
            verdicts = [{name: row[name] for name in row_columns} for row in rows]
            about = {name: rows[0][name] for name in heading}
            found.append({**about, "verdicts": verdicts, "settled": len(adjudicated) == 1})
    return found


def _unequal_pairs(counts: Counter[str]) -> int:
    """Ordered pairs of different values."""
    return counts.total() ** 2 - sum(count * count for count in counts.values())
