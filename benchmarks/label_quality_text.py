"""Label quality of the text fallback: cross-validated on one file of titles, or learnt on one and scored on another.

For benchmarks/label_quality.py. The files are samples, so rows are weighted to the natural distribution of labels: the
weight of a row is the natural share of its label over the label's share in the file.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from hierarchy.text import propose
from hierarchy.text_calibration import reliability
from pipeline.titles import title_of_url

TARGET = 0.95
FOLDS = 10
SHOWN = 60  # most confident disagreements that are listed


def natural_weights(labels: pd.Series, natural: pd.Series) -> dict[str, float]:
    """Weight by label: its share in `natural` over its share in `labels`; 0 for a label that never occurs there."""
    shares = natural.value_counts(normalize=True)
    return {
        label: float(shares.get(label, 0.0) / share) for label, share in labels.value_counts(normalize=True).items()
    }


def titles_of(landmarks: pd.DataFrame) -> pd.DataFrame:
    """category (canonical title) and hierarchical_label (trimmed) of rows with a Commons address."""
    titles = [title_of_url(url) for url in landmarks["category"]]
    return pd.DataFrame({"category": titles, "hierarchical_label": landmarks["hierarchical_label"].str.strip()})


def coverage_at_precision(
    confidence: NDArray[np.float64], is_correct: NDArray[np.bool_], weights: NDArray[np.float64], target: float = TARGET
) -> float:
    """Largest weighted share of the rows, by falling confidence, whose weighted precision is at least `target`.

    Rows of equal confidence are taken together. The threshold is chosen on the rows it is judged on, so this is what
    the ranking allows, not what can be promised.
    """
    order = np.argsort(-confidence, kind="stable")
    total, right = np.cumsum(weights[order]), np.cumsum((weights * is_correct)[order])
    ends = np.append(np.diff(confidence[order]) != 0, True) if len(order) else np.zeros(0, dtype=bool)
    good = np.flatnonzero(ends & (right >= target * total))
    return float(total[good[-1]] / total[-1]) if len(good) else 0.0


def measure_text(
    train: pd.DataFrame, test: pd.DataFrame | None, natural: pd.Series, head_nouns: pd.DataFrame, folds: int = FOLDS
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Quality of the text fallback.

    Args:
        train: category, hierarchical_label (see `titles_of`).
        test: the same, other rows; None: the out-of-fold predictions of `train` are scored.
        natural: labels of landmarks as they naturally occur.
        head_nouns: annotations/head_nouns.csv.
        folds: of cross-validation, and of the calibration.

    Returns:
        rows, trained_on, top1_weighted, top1, coverage_at_95_precision, macro_f1 (weighted rows), honest_coverage and
        honest_precision (threshold chosen on other rows), threshold, reliability, report; and the most confident
        disagreements.
    """
    weight_of = natural_weights(train["hierarchical_label"], natural)
    titles = [] if test is None else test["category"].tolist()
    made = propose(train, titles, head_nouns, target_precision=TARGET, weights=weight_of, folds=folds)
    scored = made.out_of_fold if test is None else _on_test(made.frame, test, natural)
    predicted, official = scored["hierarchical_label"].fillna("").to_numpy(str), scored["official"].to_numpy(str)
    weights, confidence = scored["weight"].to_numpy(float), scored["confidence"].to_numpy(float)
    is_correct = predicted == official
    result: dict[str, Any] = {"rows": len(scored), "trained_on": made.report["used_rows"]}
    if not len(scored) or not weights.sum():
        return result | {"report": made.report}, []
    result |= {
        "top1_weighted": round(float(np.average(is_correct, weights=weights)), 4),
        "top1": round(float(is_correct.mean()), 4),
        "coverage_at_95_precision": round(coverage_at_precision(confidence, is_correct, weights), 4),
        "macro_f1": round(float(f1_score(official, predicted, average="macro", sample_weight=weights)), 4),
        "threshold": made.report["threshold"],
        "reliability": reliability(confidence, is_correct, weights),
    }
    if test is None:
        honest = made.report["honest_coverage"], made.report["honest_precision"]
    else:
        accepted = made.frame["is_accepted"].to_numpy(bool)
        honest = _accepted_outcome(accepted, is_correct, weights)
    result |= {"honest_coverage": honest[0], "honest_precision": honest[1], "report": made.report}
    return result, _disagreements(scored[~is_correct])


def _on_test(frame: pd.DataFrame, test: pd.DataFrame, natural: pd.Series) -> pd.DataFrame:
    weight = test["hierarchical_label"].map(natural_weights(test["hierarchical_label"], natural))
    official = test["hierarchical_label"].reset_index(drop=True)
    return frame.assign(official=official, weight=weight.astype(float).to_numpy())


def _accepted_outcome(
    accepted: NDArray[np.bool_], is_correct: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[float, float | None]:
    kept = weights[accepted]
    precision = round(float(np.average(is_correct[accepted], weights=kept)), 4) if kept.sum() else None
    return round(float(kept.sum() / weights.sum()), 4), precision


def _disagreements(wrong: pd.DataFrame) -> list[dict[str, Any]]:
    """The most confident wrong proposals, for people to judge whose label is right."""
    first = wrong.sort_values(["confidence", "category"], ascending=[False, True]).head(SHOWN)
    return [
        {
            "kind": "text",
            "id": row["category"],
            "title": row["category"],
            "official": row["official"],
            "ours": row["hierarchical_label"],
            "why": f"confidence {row['confidence']:.4f} from the title alone",
        }
        for row in first.to_dict("records")
    ]
