"""The committed anchors and decisions on the real class graph, against Google's own labels."""

import re
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from annotations import store
from hierarchy.anchors import label_classes
from hierarchy.graph import class_graph
from hierarchy.votes import votes_of_items, winners
from pipeline.titles import canonical_title, title_of_url

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not (DATA / "wikidata").is_dir(), reason="the extracts folder (../shared/data) is not here"
)


def extract(name: str, columns: list[str]) -> pd.DataFrame:
    """A table of the Wikidata extracts, whose fields are never quoted."""
    path = DATA / "wikidata" / f"{name}.tsv.gz"
    return pd.read_csv(path, sep="\t", dtype=str, header=0, names=columns, quoting=3, keep_default_na=False)


def official(name: str) -> pd.DataFrame:
    return pd.read_csv(DATA / "gldv2" / f"{name}.csv", dtype=str, keep_default_na=False)


def curated(name: str) -> pd.DataFrame:
    frame = store.read(name, ROOT / "annotations" / f"{name}.csv")
    return store.settle(frame, store.TABLES[name].id_columns) if store.TABLES[name].decisions else frame


@cache
def taxonomy() -> pd.DataFrame:
    return curated("taxonomy").astype({"priority": "int64"})


@cache
def statements() -> pd.DataFrame:
    """Instance-of statements; the extracts keep no ranks, so all are normal, and so the best."""
    return extract("p31", ["item_qid", "class_qid"]).assign(is_best=True)


@cache
def class_labels() -> pd.DataFrame:
    """Labels of every class of the extracts."""
    edges = pd.concat([extract(name, ["child_qid", "parent_qid"]) for name in ("p279", "p279_extra")])
    graph = class_graph(edges, curated("edge_decisions"))
    names = pd.concat([extract(name, ["qid", "label"]) for name in ("labels_en", "labels_en_extra")])
    names = names.drop_duplicates("qid").set_index("qid")["label"]
    qids = sorted({*graph["child_qid"], *graph["parent_qid"], *statements()["class_qid"]})
    classes = pd.DataFrame({"class_qid": qids, "class_label": [names.get(qid, qid) for qid in qids]})
    return label_classes(graph, classes, taxonomy(), curated("anchors"), curated("class_decisions"))


def test_the_taxonomy_is_googles() -> None:
    names = ["hierarchical_label", "natural_or_human_made"]
    expected = official("hierarchical_labels").apply(lambda column: column.str.strip())
    found = taxonomy()[names]
    assert sorted(found.itertuples(index=False, name=None)) == sorted(expected.itertuples(index=False, name=None))


def test_official_supercategories_that_name_a_class_reach_their_label() -> None:
    by_name = class_labels().assign(name=class_labels()["class_label"].str.casefold()).groupby("name")
    reached = by_name["hierarchical_label"].agg(set).to_dict()
    count, wrong = 0, []
    for pair in official("supercategory_pairs").to_dict("records"):
        # "minor basilica (1874–)", "synagogue (1899": since when it is one.
        name = re.sub(r"\s*\(–?\d{3,4}[^)]*\)?$", "", pair["supercategory"]).strip().casefold()
        if name in reached:
            count += 1
            if reached[name] != {pair["hierarchical_label"].strip()}:
                wrong.append((pair["supercategory"], pair["hierarchical_label"], reached[name]))
    assert count >= 50
    assert 1 - len(wrong) / count >= 0.97, wrong


def test_official_landmarks_that_join_an_item_get_their_label() -> None:
    items = extract("p373", ["item_qid", "category"])
    items["category"] = items["category"].map(canonical_title)
    # Of several items that claim a category, the oldest, as in the link rules.
    items = items.sort_values("item_qid", key=lambda qids: qids.str[1:].astype("int64")).drop_duplicates("category")
    landmarks = official("train_landmark_labels")
    landmarks["category"] = landmarks["category"].map(title_of_url)
    joined = landmarks.merge(items, on="category", validate="m:1")
    found = winners(votes_of_items(statements(), class_labels(), taxonomy())).set_index("item_qid")
    joined["found"] = joined["item_qid"].map(found["hierarchical_label"])
    labelled = joined[joined["found"].notna()]
    wrong = labelled[labelled["found"] != labelled["hierarchical_label"].str.strip()]
    assert len(joined) >= 70
    assert len(labelled) / len(joined) >= 0.95
    assert 1 - len(wrong) / len(labelled) >= 0.95, wrong[["category", "hierarchical_label", "found"]]
