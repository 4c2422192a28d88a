"""The closure of the real subclass-of edges against the ground truth beside them."""

from pathlib import Path

import pandas as pd
import pytest

from hierarchy.graph import closure

WIKIDATA = Path(__file__).parents[3] / "shared" / "data" / "wikidata"
pytestmark = pytest.mark.skipif(not WIKIDATA.is_dir(), reason="the extracts folder (../shared/data) is not here")


def pairs(name: str, columns: list[str]) -> pd.DataFrame:
    return pd.read_csv(WIKIDATA / name, sep="\t", dtype=str, header=0, names=columns, keep_default_na=False)


def test_closure_of_the_real_edges_is_the_ground_truth() -> None:
    edges = pairs("p279.tsv.gz", ["child_qid", "parent_qid"])
    expected = pairs("p279_closure.tsv.gz", ["class_qid", "ancestor_qid"])
    assert (len(edges), len(expected)) == (22_053, 431_382)
    found = closure(edges)
    # The ground truth lists the classes that have a P279 or are somebody's P31. The others, at the top, reach only
    # themselves; the closure has a row for each of them too.
    used = set(edges["child_qid"]) | set(pairs("p31.tsv.gz", ["item_qid", "class_qid"])["class_qid"])
    is_listed = found["class_qid"].isin(used)
    in_order = expected.sort_values(["class_qid", "ancestor_qid"], ignore_index=True)
    pd.testing.assert_frame_equal(found[is_listed].reset_index(drop=True), in_order)
    rest = found[~is_listed]
    assert set(rest["class_qid"]) == set(edges["parent_qid"]) - used
    assert (rest["class_qid"] == rest["ancestor_qid"]).all()
