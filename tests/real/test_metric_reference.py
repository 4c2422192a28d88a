"""The metrics of 60 queries and 2000 gallery items that published code computed where it is correct."""

from pathlib import Path

import numpy as np
import pytest

from training.metrics import evaluate_retrieval

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "metrics_q60_g2000.npz"
INPUTS = ("query", "query_labels", "gallery", "gallery_labels")
pytestmark = pytest.mark.skipif(
    not REFERENCE.is_file(), reason="the reference folder (../shared/reference) is not here"
)


def test_every_metric_of_the_reference_is_reproduced() -> None:
    """Relevance is population, nothing is taken out, and recall_at_<k> is any hit."""
    reference = np.load(REFERENCE)
    keys = [key for key in reference if key not in INPUTS]
    assert len(keys) == 3 + 3 * 6
    report = evaluate_retrieval(*(reference[name] for name in INPUTS), metrics=keys)
    assert report.n_skipped == 0
    for key in keys:
        np.testing.assert_allclose(report.per_query[key], reference[key], rtol=0, atol=1e-6, err_msg=key)
