"""One calibrated number a landmark: how often a label of this kind agrees with the official one, where that is known.

Pure functions over tables, for the label stage. The raw score of a label comes from its rule, margin, depth and votes;
the official labels tell how often such a score is right. Where few are known, the raw score itself is believed.
"""

import numpy as np
import pandas as pd
from sklearn.isotonic import IsotonicRegression

# What a label is believed to be worth before anything is known: by the rule that decided it.
RULE_SCORES = {
    "agreed": 0.97,
    "majority": 0.85,
    "steps": 0.8,
    "information_content": 0.65,
    "priority": 0.55,
}
CONTESTED_CLASS_FACTOR = 0.85  # its nearest anchors have several labels
DOUBTFUL_LINK_FACTOR = 0.7  # several items claim the category
STEP_FACTOR = 0.995  # each P279 edge between class and anchor may be one too many
PRIOR_COUNT = 20.0  # landmarks that the raw score weighs as much as
BINS = 10


def raw_scores(frame: pd.DataFrame) -> pd.Series:
    """Score of each labelled row, 0 to 1.

    Args:
        frame: rule, link_status, steps, candidate_label_count, vote_share; one row a label that came from votes.
    """
    score = frame["rule"].map(RULE_SCORES).astype("float64")
    # The margin: a winner with all votes keeps its score, one with half of them loses a quarter of the way to a coin.
    score = 0.5 + (score - 0.5) * (0.5 + 0.5 * frame["vote_share"])
    score = score * STEP_FACTOR ** frame["steps"]
    score = score.where(frame["candidate_label_count"] < 2, score * CONTESTED_CLASS_FACTOR)
    return score.where(frame["link_status"] != "doubtful", score * DOUBTFUL_LINK_FACTOR)


def calibrate(scores: pd.Series, is_right: pd.Series) -> pd.Series:
    """Turn raw scores into confidences by the agreement observed, monotone in the score.

    An isotonic fit on the observed rows and, for each tenth of the scores, on rows in which the score itself is right;
    these weigh `PRIOR_COUNT` together, so that a handful of observations moves nothing far.

    Args:
        scores: raw score of every row.
        is_right: True or False where the official label is known, null elsewhere.
    """
    if scores.empty:
        return scores
    known = is_right.notna()
    grid = np.quantile(scores, np.linspace(0, 1, BINS))
    x = np.concatenate([scores[known], grid])
    y = np.concatenate([is_right[known].astype("float64"), grid])
    weight = np.concatenate([np.ones(known.sum()), np.full(BINS, PRIOR_COUNT / BINS)])
    fit = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(x, y, sample_weight=weight)
    return pd.Series(fit.predict(scores.to_numpy()), index=scores.index).round(4)


def reliability(confidence: pd.Series, is_right: pd.Series, bins: int = BINS) -> pd.DataFrame:
    """Observed agreement beside mean confidence, in bins of equal width; only rows whose truth is known.

    Returns:
        low, high (bounds of the bin), count, mean_confidence, agreement; empty bins are left out.
    """
    known = is_right.notna()
    number = np.minimum((confidence[known] * bins).astype(int), bins - 1)
    rows = pd.DataFrame({"bin": number, "confidence": confidence[known], "right": is_right[known].astype("float64")})
    table = rows.groupby("bin").agg(
        count=("right", "size"), mean_confidence=("confidence", "mean"), agreement=("right", "mean")
    )
    table = table.rename_axis("bin").reset_index()
    table.insert(0, "low", table["bin"] / bins)
    table.insert(1, "high", (table["bin"] + 1) / bins)
    return table.drop(columns="bin").round(4)
