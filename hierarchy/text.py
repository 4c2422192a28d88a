"""The text fallback: a label proposed from the category title alone, with a confidence, or an abstention that says why.

Pure functions over tables, for the label stage: landmarks without an item or a class. A linear support vector machine
over the features of hierarchy.text_features is learnt from landmarks labelled otherwise; its scores are calibrated
out of fold, and proposals are accepted only where the one-sided 95% lower bound of out-of-fold precision reaches the
target. Nothing is stored; the same rows in any order give the same result.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.svm import LinearSVC

from hierarchy.text_calibration import (
    MIN_ACCEPTED,
    Calibration,
    Evidence,
    Floats,
    Ints,
    choose_threshold,
    cross_fitted,
    group_folds,
    honest_outcome,
    precision_lower_bound,
    reliability,
)
from hierarchy.text_features import HeadNouns, TitleFeatures, title_group

FOLDS = 5
MIN_GROUPS = 2 * FOLDS  # fewer different names cannot be learnt from and judged
MAX_ROWS = 20_000  # labelled rows that are learnt from; a minute for 200,000 labelled and 40,000 other titles
_REGULARISATION = 0.2  # C of the support vector machine
_TOLERANCE = 0.01  # ten times looser than usual: the same precision and coverage in two thirds of the time
_SHARPNESS = 6.0  # softmax of 6 x score: support vector scores lie about -1 to 1
_BLOCK = 20_000  # rows scored at once, to bound memory


@dataclass(frozen=True)
class TextProposals:
    """Proposals and how good they are.

    Attributes:
        frame: category, hierarchical_label (null: nothing could be learnt), confidence (calibrated, 4 decimals),
            is_accepted; one row a title, in the order given.
        report: rows, used_rows, labels, folds, threshold (null: abstained), accepted (rows out of fold), precision,
            lower_bound, coverage, honest_coverage, honest_precision, reliability, abstained, why.
        out_of_fold: category, official (the label given), hierarchical_label, confidence, weight, fold.
    """

    frame: pd.DataFrame
    report: dict[str, Any]
    out_of_fold: pd.DataFrame


def propose(
    labelled: pd.DataFrame,
    titles: list[str],
    head_nouns: pd.DataFrame,
    *,
    target_precision: float = 0.95,
    weights: dict[str, float] | None = None,
    seed: int = 0,
    max_rows: int = MAX_ROWS,
    folds: int = FOLDS,
) -> TextProposals:
    """Propose a label for every title.

    Args:
        labelled: category (canonical title), hierarchical_label; rows without a label are left out, and a category
            counts once.
        titles: canonical titles to label.
        head_nouns: language, head_noun, hierarchical_label; labels that `labelled` does not have are left out.
        target_precision: what the lower bound of precision must reach, 0 to 1.
        weights: weight of a row by its label, 1 where a label is absent; they carry the rows to the distribution of
            the landmarks that are to be labelled.
        seed: of folds and sampling.
        max_rows: labelled rows to learn from; frequent labels are sampled, and weighted up, beyond it.
        folds: parts of cross-fitting, 2 or more.
    """
    rows = _clean(labelled)
    used = _sample(rows, max_rows, seed)
    used["weight"] *= used["hierarchical_label"].map(weights or {}).fillna(1.0).astype(float)
    used = used[used["weight"] > 0].reset_index(drop=True)
    groups = [title_group(title) for title in used["category"]]
    labels = np.array(sorted(set(used["hierarchical_label"])), dtype=object)
    if len(labels) < 2 or len(set(groups)) < MIN_GROUPS:
        why = f"{len(set(groups))} names with {len(labels)} labels are too few to learn from"
        return _nothing(titles, len(rows), len(used), len(labels), why)
    fold_of = group_folds(groups, used["hierarchical_label"].tolist(), folds, seed)
    features = TitleFeatures(HeadNouns(head_nouns, frozenset(labels)))
    matrix = features.fit_transform(used["category"].tolist())
    number = np.searchsorted(labels.astype(str), used["hierarchical_label"].to_numpy(dtype=str))
    weight = (used["weight"] / used["weight"].mean()).to_numpy(dtype=np.float64)
    evidence = _out_of_fold_evidence(matrix, number, weight, fold_of, len(labels), seed)
    is_correct = evidence.label == number
    confidence = cross_fitted(evidence, is_correct, weight, fold_of).round(4)
    report = {"rows": len(rows), "used_rows": len(used), "labels": len(labels), "folds": folds}
    report |= _judged(confidence, is_correct, weight, fold_of, target_precision)
    final, calibration = _learn(matrix, number, weight, seed), Calibration(evidence, is_correct, weight)
    frame = _proposals(titles, features, final, calibration, labels, report["threshold"])
    judged = {"official": used["hierarchical_label"], "hierarchical_label": labels[evidence.label]}
    judged |= {"confidence": confidence, "weight": weight, "fold": fold_of}
    return TextProposals(frame, report, used[["category"]].assign(**judged))


def precision_where_known(frame: pd.DataFrame, known: pd.DataFrame) -> dict[str, Any]:
    """Precision of accepted proposals on titles whose label is known otherwise, such as official labels.

    For landmarks without an item, which differ from those that the fallback learnt from.

    Args:
        frame: of TextProposals.
        known: category, hierarchical_label; one row a category.

    Returns:
        rows (proposals with a known label), accepted (of those), precision and its one-sided 95% lower bound
        (null without accepted rows).
    """
    both = frame.merge(known.rename(columns={"hierarchical_label": "known"}), on="category", validate="m:1")
    accepted = both[both["is_accepted"]]
    right = int((accepted["hierarchical_label"] == accepted["known"]).sum())
    share = round(right / len(accepted), 4) if len(accepted) else None
    bound = round(precision_lower_bound(right, len(accepted)), 4) if len(accepted) else None
    return {"rows": len(both), "accepted": len(accepted), "precision": share, "lower_bound": bound}


def _clean(labelled: pd.DataFrame) -> pd.DataFrame:
    """Rows with category and label, sorted; of a category with several labels the most frequent one, then by name."""
    rows = labelled[["category", "hierarchical_label"]].dropna()
    rows = rows[(rows["category"] != "") & (rows["hierarchical_label"] != "")]
    counts = rows.groupby(["category", "hierarchical_label"], as_index=False).size()
    counts = counts.sort_values(["category", "size", "hierarchical_label"], ascending=[True, False, True])
    return counts.drop_duplicates("category")[["category", "hierarchical_label"]].reset_index(drop=True)


def _sample(rows: pd.DataFrame, max_rows: int, seed: int) -> pd.DataFrame:
    """At most `max_rows` rows: the most frequent labels are cut to one size, drawn from the seed, and weighted up."""
    counts = rows["hierarchical_label"].value_counts().sort_values().to_numpy()
    left, cap = max_rows, len(rows)
    for place, count in enumerate(counts):  # fill small labels first; what is left is shared by the larger ones
        cap = left // (len(counts) - place)
        if count > cap:
            break
        left, cap = left - int(count), len(rows)
    drawn = [hashlib.sha256(f"{seed}:{title}".encode()).hexdigest() for title in rows["category"]]
    order = rows.assign(draw=drawn).sort_values(["hierarchical_label", "draw"])
    by_label = order.groupby("hierarchical_label")
    kept = order[by_label.cumcount() < max(cap, 1)].sort_values("category")
    size = by_label.size()
    weight = kept["hierarchical_label"].map(size / size.clip(upper=max(cap, 1)))
    return kept.drop(columns="draw").assign(weight=weight.astype(float)).reset_index(drop=True)


def _learn(matrix: csr_matrix, number: Ints, weight: Floats, seed: int) -> LinearSVC:
    return LinearSVC(C=_REGULARISATION, tol=_TOLERANCE, random_state=seed).fit(matrix, number, sample_weight=weight)


def _evidence(model: LinearSVC, matrix: csr_matrix) -> Evidence:
    """Best label of each row of (rows, features), with its score, margin and softmax share."""
    blocks = []
    for start in range(0, max(matrix.shape[0], 1), _BLOCK):
        scores = model.decision_function(matrix[start : start + _BLOCK])
        scores = np.column_stack([-scores, scores]) if scores.ndim == 1 else scores  # (rows, labels)
        two_best = -np.sort(-scores, axis=1)[:, :2]
        share = 1 / np.exp(_SHARPNESS * (scores - two_best[:, :1])).sum(axis=1)
        label = model.classes_[scores.argmax(axis=1)].astype(np.int64)
        blocks.append((two_best[:, 0], two_best[:, 0] - two_best[:, 1], share, label))
    return Evidence(*(np.concatenate(columns) for columns in zip(*blocks, strict=True)))


def _out_of_fold_evidence(
    matrix: csr_matrix, number: Ints, weight: Floats, fold_of: Ints, label_count: int, seed: int
) -> Evidence:
    """Evidence of each row by a model that did not see its fold."""
    size = len(number)
    best, margin, share, label = np.zeros(size), np.zeros(size), np.full(size, 1 / label_count), np.zeros(size, int)
    for fold in np.unique(fold_of):
        out = fold_of == fold
        if len(np.unique(number[~out])) < 2:  # one label left to learn from: its scores say nothing
            label[out] = number[~out][0] if (~out).any() else 0
            continue
        found = _evidence(_learn(matrix[~out], number[~out], weight[~out], seed), matrix[out])
        best[out], margin[out], share[out], label[out] = found.best, found.margin, found.share, found.label
    return Evidence(best, margin, share, label)


def _judged(
    confidence: Floats, is_correct: NDArray[np.bool_], weight: Floats, fold_of: Ints, target: float
) -> dict[str, Any]:
    """Threshold and out-of-fold figures of a report."""
    chosen = choose_threshold(confidence, is_correct, weight, target)
    coverage, precision = honest_outcome(confidence, is_correct, weight, fold_of, target)
    why = None
    if chosen.value is None:
        few = f"fewer than {MIN_ACCEPTED} rows out of fold" if len(confidence) < MIN_ACCEPTED else None
        why = few or f"no threshold that accepts {MIN_ACCEPTED} rows has a lower bound of precision of {target}"
    return {
        "threshold": chosen.value,
        "accepted": chosen.accepted if chosen.value is not None else 0,
        "precision": round(chosen.precision, 4),
        "lower_bound": round(chosen.lower_bound, 4),
        "coverage": round(chosen.coverage, 4) if chosen.value is not None else 0.0,
        "honest_coverage": round(coverage, 4),
        "honest_precision": round(precision, 4),
        "reliability": reliability(confidence, is_correct, weight),
        "abstained": chosen.value is None,
        "why": why,
    }


def _proposals(
    titles: list[str],
    features: TitleFeatures,
    model: LinearSVC,
    calibration: Calibration,
    labels: NDArray[np.object_],
    threshold: float | None,
) -> pd.DataFrame:
    """The frame of TextProposals."""
    if not titles:
        return _frame([], [], np.zeros(0), np.zeros(0, dtype=bool))
    evidence = _evidence(model, features.transform(titles))
    confidence = calibration.probability(evidence).round(4)
    is_accepted = confidence >= threshold if threshold is not None else np.zeros(len(titles), dtype=bool)
    return _frame(titles, labels[evidence.label].tolist(), confidence, is_accepted)


def _frame(
    titles: list[str], labels: list[str] | list[None], confidence: Floats, is_accepted: NDArray[np.bool_]
) -> pd.DataFrame:
    columns = {"category": pd.Series(titles, dtype="str"), "hierarchical_label": pd.Series(labels, dtype="str")}
    return pd.DataFrame(columns | {"confidence": confidence, "is_accepted": is_accepted})


def _nothing(titles: list[str], rows: int, used_rows: int, labels: int, why: str) -> TextProposals:
    """No proposal for any title, and why."""
    size = len(titles)
    frame = _frame(titles, [None] * size, np.zeros(size), np.zeros(size, dtype=bool))
    report: dict[str, Any] = {"rows": rows, "used_rows": used_rows, "labels": labels, "folds": 0, "threshold": None}
    report |= dict.fromkeys(("accepted", "precision", "lower_bound", "coverage"), 0)
    report |= {"honest_coverage": 0, "honest_precision": 0, "reliability": [], "abstained": True, "why": why}
    columns = ["category", "official", "hierarchical_label", "confidence", "weight", "fold"]
    return TextProposals(frame, report, pd.DataFrame(columns=columns))
