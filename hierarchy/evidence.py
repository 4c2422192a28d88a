"""The evidence behind a doubt: a fingerprint of the facts, and words and addresses that show them to a person.

Pure functions over tables, for the hierarchy and queue stages. A fingerprint is of the facts alone (Wikidata's
statements and the anchors), before any decision about classes and edges: one decision never makes another one stale.
"""

import hashlib
from collections.abc import Iterable, Mapping
from urllib.parse import quote

import pandas as pd

# Letters, since a spreadsheet reads hexadecimal digits as numbers: 1234567890e5 would come back as another one.
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
EXAMPLES = 3


def evidence_hash(*parts: object) -> str:
    """Twelve letters a to p: the first 48 bits of the SHA-256 of the parts; lists count element by element."""
    flat = ("\x1e".join(map(str, part)) if isinstance(part, list | tuple) else str(part) for part in parts)
    return hashlib.sha256("\x1f".join(flat).encode()).hexdigest()[:12].translate(_LETTERS)


def class_evidence(undecided: pd.DataFrame) -> pd.Series:
    """Fingerprint of every class: its candidates before any decision.

    Args:
        undecided: class_labels as they are without decisions about classes and edges.
    """
    names = ["class_qid", "candidate_labels", "candidate_qids", "candidate_steps"]
    rows = undecided[names].itertuples(index=False, name=None)
    return pd.Series([evidence_hash(*row) for row in rows], index=undecided["class_qid"], dtype="str")


def edge_evidence(edges: pd.DataFrame, graph: pd.DataFrame, evidence_of_class: pd.Series) -> list[str]:
    """Fingerprint of each edge: its ends' fingerprints, and the parents that Wikidata gives the child.

    Args:
        edges: child_qid, parent_qid.
        graph: see class_graph in pipeline/tables.py.
        evidence_of_class: fingerprint by class.
    """
    of_child = graph[(graph["source"] == "wikidata") & graph["child_qid"].isin(edges["child_qid"])]
    parents = of_child.sort_values("parent_qid").groupby("child_qid")["parent_qid"].agg(list).to_dict()
    prints = evidence_of_class.to_dict()
    return [
        edge_fingerprint(child, parent, parents.get(child, []), prints)
        for child, parent in zip(edges["child_qid"], edges["parent_qid"], strict=True)
    ]


def edge_fingerprint(child: str, parent: str, parents: list[str], evidence_of_class: Mapping[str, str]) -> str:
    """Fingerprint of one edge, there or not; `parents` are those that Wikidata gives the child, sorted."""
    ends = (evidence_of_class.get(child, ""), evidence_of_class.get(parent, ""))
    return evidence_hash(child, parent, parents, *ends)


def landmark_evidence(landmarks: pd.DataFrame, statements: pd.DataFrame) -> list[str]:
    """Fingerprint of each landmark: its category, the items that may be its own, and the classes of the chosen one.

    Args:
        landmarks: category, item_qid, candidate_qids; rows of landmark_items.
        statements: see pipeline/tables.py.
    """
    best = statements[statements["is_best"] & statements["item_qid"].isin(landmarks["item_qid"])]
    classes = best.sort_values("class_qid").groupby("item_qid")["class_qid"].agg(lambda qids: list(dict.fromkeys(qids)))
    names = ["category", "candidate_qids", "item_qid"]
    return [
        evidence_hash(category, candidates, classes.get(item_qid, []))
        for category, candidates, item_qid in landmarks[names].itertuples(index=False, name=None)
    ]


def wikidata_url(qid: str | None) -> str | None:
    """Address of a Wikidata item; None without one."""
    return f"https://www.wikidata.org/wiki/{qid}" if isinstance(qid, str) else None


def commons_url(category: str) -> str:
    """Address of a Wikimedia Commons category, as Commons itself spells it."""
    return "https://commons.wikimedia.org/wiki/Category:" + quote(category.replace(" ", "_"), safe="/:,()'!*;@~$")


def examples_of(items: pd.DataFrame, key: str) -> pd.DataFrame:
    """The landmarks with most images below each class.

    Args:
        items: the key column, item_qid, category, image_count.
        key: name of the column of classes.

    Returns:
        The key, examples (categories, most images first), commons_url of the first.
    """
    order = items.sort_values([key, "image_count", "item_qid"], ascending=[True, False, True])
    top = order.groupby(key)["category"].agg(lambda categories: list(categories.head(EXAMPLES)))
    found = top.rename("examples").reset_index()
    found["commons_url"] = [commons_url(categories[0]) for categories in found["examples"]]
    found["examples"] = found["examples"].map("; ".join)
    return found.astype({"examples": "str", "commons_url": "str"})


def path_words(path_qids: Iterable[str], names: dict[str, str]) -> str | None:
    """A path in words, from the class up; None for an empty one."""
    return " -> ".join(f"{names.get(qid, qid)} ({qid})" for qid in path_qids) or None
