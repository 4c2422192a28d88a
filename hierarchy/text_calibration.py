"""How far a proposed label can be trusted: folds, cross-fitted calibration, and the threshold that keeps a promise.

Pure functions over arrays, for the text fallback (hierarchy.text) and the benchmarks. Everything that is judged here
was predicted out of fold: by a model that saw neither the row nor another row of its group.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta
from sklearn.linear_model import LogisticRegression

MIN_ACCEPTED = 200  # fewer accepted rows out of fold prove nothing: abstain
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def group_folds(groups: Sequence[str], labels: Sequence[str], folds: int, seed: int) -> Ints:
    """Fold (0 to folds - 1) of every row, shape (rows,): a group is never split, labels are spread evenly.

    Groups go round the folds in an order drawn from the seed within each label; the order of the rows does not count.
    """
    label_of: dict[str, str] = {}
    for group, label in zip(groups, labels, strict=True):
        label_of[group] = min(label, label_of.get(group, label))
    drawn = sorted(
        (label, hashlib.sha256(f"{seed}:{group}".encode()).hexdigest(), group) for group, label in label_of.items()
    )
    fold_of = {group: place % folds for place, (_, _, group) in enumerate(drawn)}
    return np.array([fold_of[group] for group in groups], dtype=np.int64)


def precision_lower_bound(correct: float, trials: float, level: float = 0.95) -> float:
    """One-sided Clopper-Pearson lower bound of a proportion; 0 without trials or successes.

    Weighted rows are given as effective numbers, which need not be whole.
    Source: C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits" (Biometrika, 1934).
    """
    if trials <= 0 or correct <= 0:
        return 0.0
    return float(beta.ppf(1 - level, correct, max(trials - correct, 0.0) + 1))


@dataclass(frozen=True)
class Evidence:
    """Scores of the best label of each row, shapes (rows,): what calibration looks at."""

    best: Floats  # score of the best label
    margin: Floats  # how far the second is below it
    share: Floats  # softmax share of the best label, 0 to 1
    label: Ints  # number of the best label

    def take(self, rows: NDArray[np.bool_]) -> "Evidence":
        """The rows of a mask."""
        return Evidence(self.best[rows], self.margin[rows], self.share[rows], self.label[rows])


class Calibration:
    """Probability that the best label is right: logistic regression (Platt) on the evidence and the label's record.

    Rising in best, margin and share alike in practice; two constants when every row was right, or every one wrong.
    """

    def __init__(self, evidence: Evidence, is_correct: NDArray[np.bool_], weights: Floats) -> None:
        self._mean = float(np.average(is_correct, weights=weights)) if len(is_correct) else 0.0
        size = int(evidence.label.max(initial=-1)) + 1
        right = np.bincount(evidence.label, weights * is_correct, size)
        # Ten rows of the average record are added, so that a rare label neither shines nor sinks by luck.
        self._record = (right + 10 * self._mean) / (np.bincount(evidence.label, weights, size) + 10)
        self._model = None
        if 0 < is_correct.sum() < len(is_correct):
            self._model = LogisticRegression(C=10.0, max_iter=1000)
            self._model.fit(self._columns(evidence), is_correct, sample_weight=weights)

    def probability(self, evidence: Evidence) -> Floats:
        """Calibrated probability of each row, shape (rows,)."""
        if self._model is None or not len(evidence.best):
            return np.full(len(evidence.best), self._mean)
        return np.asarray(self._model.predict_proba(self._columns(evidence))[:, 1], dtype=np.float64)

    def _columns(self, evidence: Evidence) -> Floats:
        known = evidence.label < len(self._record)
        record = np.where(known, self._record[np.where(known, evidence.label, 0)], self._mean)
        columns = [_logit(evidence.share), evidence.best, evidence.margin, _logit(record)]
        return np.column_stack(columns)  # (rows, 4)


def cross_fitted(evidence: Evidence, is_correct: NDArray[np.bool_], weights: Floats, folds: Ints) -> Floats:
    """Calibrated probability of each row by a calibration that did not see its fold, shape (rows,)."""
    result = np.zeros(len(is_correct))
    for fold in np.unique(folds):
        out = folds == fold
        calibration = Calibration(evidence.take(~out), is_correct[~out], weights[~out])
        result[out] = calibration.probability(evidence.take(out))
    return result


@dataclass(frozen=True)
class Threshold:
    """The lowest confidence that is accepted, with what was accepted out of fold; `value` is None: none keeps it."""

    value: float | None
    accepted: int
    precision: float
    lower_bound: float
    coverage: float


def choose_threshold(confidence: Floats, is_correct: NDArray[np.bool_], weights: Floats, target: float) -> Threshold:
    """The lowest threshold at which the one-sided 95% lower bound of precision is at least `target`.

    Only thresholds that accept MIN_ACCEPTED rows count. With weights w, n is (sum w)^2 / (sum w^2), Kish's
    effective number. Without such a threshold the figures are those of the best bound met.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked, w = confidence[order], weights[order]
    total, right = np.cumsum(w), np.cumsum(w * is_correct[order])
    effective = total**2 / np.cumsum(w**2)
    last_of_tie = np.append(ranked[1:] != ranked[:-1], True) if len(ranked) else np.zeros(0, dtype=bool)
    places = np.flatnonzero(last_of_tie & (np.arange(1, len(ranked) + 1) >= MIN_ACCEPTED))
    bounds = {int(i): precision_lower_bound(effective[i] * right[i] / total[i], effective[i]) for i in places}
    reached = [i for i, bound in bounds.items() if bound >= target]
    if not bounds:
        return Threshold(None, 0, 0.0, 0.0, 0.0)
    place = max(reached) if reached else max(bounds, key=lambda i: (bounds[i], i))
    figures = (float(right[place] / total[place]), bounds[place], float(total[place] / total[-1]))
    return Threshold(float(ranked[place]) if reached else None, place + 1, *figures)


def honest_outcome(
    confidence: Floats, is_correct: NDArray[np.bool_], weights: Floats, folds: Ints, target: float
) -> tuple[float, float]:
    """Coverage and precision when each fold is accepted by the threshold chosen on the other folds.

    Unlike the figures of `choose_threshold`, these do not profit from having chosen the threshold on the same rows.
    """
    accepted = np.zeros(len(confidence), dtype=bool)
    for fold in np.unique(folds):
        out = folds == fold
        chosen = choose_threshold(confidence[~out], is_correct[~out], weights[~out], target).value
        if chosen is not None:
            accepted |= out & (confidence >= chosen)
    if not accepted.any():
        return 0.0, 0.0
    kept = weights[accepted]
    return float(kept.sum() / weights.sum()), float(np.average(is_correct[accepted], weights=kept))


def reliability(
    confidence: Floats, is_correct: NDArray[np.bool_], weights: Floats, bins: int = 10
) -> list[dict[str, float]]:
    """Reliability diagram: one entry for each tenth of confidence that has rows."""
    tenth = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    diagram = []
    for number in np.unique(tenth):
        rows = tenth == number
        diagram.append(
            {
                "from": round(float(number) / bins, 4),
                "to": round((float(number) + 1) / bins, 4),
                "rows": int(rows.sum()),
                "share": round(float(weights[rows].sum() / weights.sum()), 4),
                "confidence": round(float(np.average(confidence[rows], weights=weights[rows])), 4),
                "precision": round(float(np.average(is_correct[rows], weights=weights[rows])), 4),
            }
        )
    return diagram


def _logit(share: Floats) -> Floats:
    clipped = np.clip(share, 1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped))
