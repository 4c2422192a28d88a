"""Label quality through Wikidata: our class labels beside official (supercategory, label) pairs, our landmark labels
beside the official ones.

For benchmarks/label_quality.py. Runs the committed annotations through the functions that the pipeline's stages use,
on the extracts in place of the crawled tables.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from annotations import store
from hierarchy.agreement import wilson_interval
from hierarchy.anchors import label_classes
from hierarchy.graph import class_graph
from hierarchy.votes import votes_of_items, winners
from pipeline.titles import canonical_title, title_of_url

_QUALIFIER = re.compile(r"\([^()]*\)")


@dataclass(frozen=True)
class Extracts:
    """The Wikidata extracts with our labels on them.

    Attributes:
        class_labels: of `hierarchy.anchors.label_classes`.
        statements: item_qid, class_qid, is_best (always true: the extract holds one rank).
        links: item_qid, category (canonical title, from P373).
        taxonomy: of annotations/taxonomy.csv.
    """

    class_labels: pd.DataFrame
    statements: pd.DataFrame
    links: pd.DataFrame
    taxonomy: pd.DataFrame


def read_extracts(folder: Path) -> Extracts:
    """Read the extracts (DATA/wikidata) and label every class with the committed annotations."""
    annotations_folder = Path(__file__).resolve().parents[1] / store.FOLDER
    edges = pd.concat([_read(folder, "p279"), _read(folder, "p279_extra")], ignore_index=True)
    edges = edges.set_axis(["child_qid", "parent_qid"], axis=1).drop_duplicates()
    names = pd.concat([_read(folder, "labels_en"), _read(folder, "labels_en_extra")], ignore_index=True)
    name_of = names.drop_duplicates("item").set_index("item")["label"]
    statements = _read(folder, "p31").set_axis(["item_qid", "class_qid"], axis=1).assign(is_best=True)
    names_of_tables = ("taxonomy", "anchors", "class_decisions", "edge_decisions")
    curated = {name: store.read(name, annotations_folder / f"{name}.csv") for name in names_of_tables}
    curated["taxonomy"]["priority"] = curated["taxonomy"]["priority"].astype("int64")
    for name in ("class_decisions", "edge_decisions"):
        curated[name] = store.settle(curated[name], store.TABLES[name].id_columns)
    graph = class_graph(edges, curated["edge_decisions"])
    qids = sorted({*graph["child_qid"], *graph["parent_qid"], *statements["class_qid"]})
    classes = pd.DataFrame({"class_qid": qids})
    classes["class_label"] = classes["class_qid"].map(name_of).fillna(classes["class_qid"])
    labels = label_classes(graph, classes, curated["taxonomy"], curated["anchors"], curated["class_decisions"])
    links = _read(folder, "p373").set_axis(["item_qid", "category"], axis=1)
    links = links[links["category"].str.strip(" _") != ""]
    links = links.assign(category=links["category"].map(canonical_title))
    return Extracts(labels, statements, links, curated["taxonomy"])


def measure_pairs(extracts: Extracts, pairs: pd.DataFrame) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Class level: of the pairs whose supercategory names a class, the share reached and the agreement where reached.

    Args:
        extracts: of `read_extracts`.
        pairs: supercategory, hierarchical_label.

    Returns:
        count (pairs that name a class), rows (all pairs), reached, agreed, reached_share, agreement, interval
        (Wilson, 95%); and the disagreements, unreached ones included.
    """
    used = extracts.statements["class_qid"].value_counts()
    classes = extracts.class_labels.assign(used=extracts.class_labels["class_qid"].map(used).fillna(0))
    classes["number"] = classes["class_qid"].str[1:].astype("int64")
    classes = classes.sort_values(["used", "number"], ascending=[False, True])
    exact = _first_by(classes, [name.casefold().strip() for name in classes["class_label"]])
    stripped = _first_by(classes, [_plain(name) for name in classes["class_label"]])
    named, reached, agreed, disagreements = 0, 0, 0, []
    for supercategory, official in pairs[["supercategory", "hierarchical_label"]].itertuples(index=False, name=None):
        found = exact.get(supercategory.casefold().strip()) or stripped.get(_plain(supercategory))
        if found is None:
            continue
        official, ours = official.strip(), found["hierarchical_label"]
        ours = ours if isinstance(ours, str) else None
        named, reached, agreed = named + 1, reached + (ours is not None), agreed + (ours == official)
        if ours != official:
            disagreements.append(_disagreement("pair", found["class_qid"], supercategory, official, ours, _why(found)))
    result = {"count": named, "rows": len(pairs), "reached": reached, "agreed": agreed}
    return result | {"reached_share": _share(reached, named)} | _agreement(agreed, reached), disagreements


def measure_landmarks(extracts: Extracts, landmarks: pd.DataFrame) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Landmark level: our labels of the landmarks whose category is somebody's P373, beside the official ones.

    Where several items claim a category, the labelled one with the lowest id stands for it.

    Args:
        extracts: of `read_extracts`.
        landmarks: landmark_id, category (Commons address), hierarchical_label.

    Returns:
        count (landmarks joined), labelled, agreed, reached_share, agreement (of the labelled), interval (Wilson,
        95%); and the disagreements, unlabelled ones included.
    """
    rows = landmarks.assign(title=landmarks["category"].map(title_of_url))
    labelled = winners(votes_of_items(extracts.statements, extracts.class_labels, extracts.taxonomy))
    items = extracts.links.merge(labelled, on="item_qid", how="left", validate="m:1")
    items = items.assign(is_unlabelled=items["hierarchical_label"].isna(), number=items["item_qid"].str[1:].astype(int))
    items = items.sort_values(["is_unlabelled", "number"]).drop_duplicates("category")
    joined = rows.merge(items, left_on="title", right_on="category", suffixes=("_official", ""), validate="m:1")
    classes_of = extracts.statements.groupby("item_qid")["class_qid"].agg(list).to_dict()
    of_class = extracts.class_labels.set_index("class_qid")[["class_label", "hierarchical_label"]].to_dict("index")
    agreed, disagreements = 0, []
    for row in joined.to_dict("records"):
        official = row["hierarchical_label_official"].strip()
        ours = None if row["is_unlabelled"] else row["hierarchical_label"]
        agreed += ours == official
        if ours != official:
            votes = [of_class[qid] for qid in classes_of.get(row["item_qid"], [])]
            said = "; ".join(f"{vote['class_label']} -> {vote['hierarchical_label']}" for vote in votes)
            why = f"{row['item_qid']}: {said or 'no class'}" + ("" if row["is_unlabelled"] else f" ({row['rule']})")
            disagreements.append(_disagreement("landmark", str(row["landmark_id"]), row["title"], official, ours, why))
    count, known = len(joined), int((~joined["is_unlabelled"]).sum())
    result = {"count": count, "labelled": known, "agreed": agreed}
    return result | {"reached_share": _share(known, count)} | _agreement(agreed, known), disagreements


def _read(folder: Path, name: str) -> pd.DataFrame:
    # Labels may hold quotes and the word NA: nothing is special in these files but the tab.
    return pd.read_csv(folder / f"{name}.tsv.gz", sep="\t", dtype=str, keep_default_na=False, quoting=3)


def _plain(name: str) -> str:
    """Casefolded, without years and qualifiers in parentheses."""
    return " ".join(_QUALIFIER.sub(" ", name.casefold()).split())


def _first_by(classes: pd.DataFrame, names: list[str]) -> dict[str, dict[str, Any]]:
    """The first class of each name, as a record."""
    return {str(row["name"]): row for row in classes.assign(name=names).drop_duplicates("name").to_dict("records")}


def _why(row: dict[str, Any]) -> str:
    candidates = ", ".join(dict.fromkeys(row["candidate_labels"])) or "no anchor above it"
    return f"{row['class_label']}: {row['rule']}, {' < '.join(row['path_qids'])} [{candidates}]"


def _disagreement(kind: str, key: str, title: str, official: str, ours: str | None, why: str) -> dict[str, Any]:
    return {"kind": kind, "id": key, "title": title, "official": official, "ours": ours, "why": why}


def _agreement(agreed: int, trials: int) -> dict[str, Any]:
    interval = [round(bound, 4) for bound in wilson_interval(agreed, trials)]
    return {"agreement": _share(agreed, trials), "interval": interval}


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
