"""What a rehearsal's world is mixed from: real titles, classes, class edges and label frequencies.

Read from ../shared/data where it is; else from the sample, which has fewer of each (`is_real` says which).
"""

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from benchmarks.scale import curated_tables, read_pairs
from pipeline import step3_hierarchy
from pipeline.wikimedia.facts import read_facts
from pipeline.wikimedia.links import CATEGORY_CLASS, REJECTED_CLASSES

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
NO_LABEL = ""
# Share of the landmarks that the official release labels, and the share of those left that have a label all the same.
OFFICIAL_SHARE, LABELLED_BESIDE_SHARE = 0.58, 0.5
PAGE = re.compile(r".*/wiki/Category:")
URL = re.compile(r"https?://upload\.wikimedia\.org/wikipedia/commons/(?:./../)?(.+)(\.\w+)")


@dataclass(frozen=True)
class Ingredients:
    """Lists to draw from. A label that is `NO_LABEL` stands for landmarks that no anchor reaches.

    Attributes:
        is_real: False when they come from the sample.
        label_shares: share of the landmarks by label.
        pages: names of category pages as addresses write them, by label.
        class_sets: classes that an item has together, by label.
        classes: every class by label, for the rare ones.
        parents: superclasses of every class.
        class_names: English labels, where there is one.
        needed_classes: classes that decisions name, which therefore must be met.
        supercategories: official supercategories by label, as often as they are met.
        natural_of: natural or human-made, by label.
        image_names: stem and ending of image files.
    """

    is_real: bool
    label_shares: dict[str, float]
    pages: dict[str, list[str]]
    class_sets: dict[str, list[tuple[str, ...]]]
    classes: dict[str, list[str]]
    parents: dict[str, list[str]]
    class_names: dict[str, str]
    needed_classes: list[str]
    supercategories: dict[str, list[str]]
    natural_of: dict[str, str]
    image_names: list[tuple[str, str]]


@dataclass(frozen=True)
class _Facts:
    """The same facts as they are read, from either source."""

    edges: pd.DataFrame  # child_qid, parent_qid
    names: dict[str, str]
    instances: pd.DataFrame  # item_qid, class_qid
    titles: pd.DataFrame  # page, label or None, item_qid or None
    official_labels: list[str]
    supercategories: dict[str, list[str]]
    image_urls: list[str]


def read_ingredients(shared: Path = SHARED) -> Ingredients:
    """Mix from the folder `shared`, or from the sample when there is no such folder."""
    is_real = (shared / "wikidata").is_dir()
    facts = _read_shared(shared) if is_real else _read_sample(ROOT / "sample")
    curated = curated_tables()
    edges, needed, decided_names = _with_decided(facts.edges, curated)
    names = decided_names | facts.names
    label_of = _labels_of_classes(edges, facts.instances["class_qid"], names, curated)
    rejected = REJECTED_CLASSES | {CATEGORY_CLASS, "Q5"}
    kept = facts.instances[~facts.instances["class_qid"].isin(rejected)]
    class_sets = {str(q): tuple(dict.fromkeys(c)) for q, c in kept.groupby("item_qid")["class_qid"]}
    titled = facts.titles.dropna(subset="item_qid")
    with_title = frozenset(titled["item_qid"])
    label_of_item = {qid: _label_of_set(found, label_of) for qid, found in class_sets.items()}
    sets_by_label: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for qid, label in label_of_item.items():
        if label or qid in with_title:  # what has no title on Commons is no landmark
            sets_by_label[label].append(class_sets[qid])
    classes: dict[str, list[str]] = defaultdict(list)
    for qid, label in label_of.items():
        classes[label].append(qid)
    taxonomy = curated["taxonomy"]
    shares = pd.Series(facts.official_labels).value_counts(normalize=True)
    labelled = OFFICIAL_SHARE + (1 - OFFICIAL_SHARE) * LABELLED_BESIDE_SHARE
    return Ingredients(
        is_real=is_real,
        label_shares={NO_LABEL: 1 - labelled} | {str(name): labelled * share for name, share in shares.items()},
        pages=_pages_by_label(facts.titles, label_of_item),
        class_sets=dict(sets_by_label),
        classes=dict(classes),
        parents={str(child): list(found) for child, found in edges.groupby("child_qid")["parent_qid"]},
        class_names=names,
        needed_classes=needed,
        supercategories=facts.supercategories,
        natural_of=dict(zip(taxonomy["hierarchical_label"], taxonomy["natural_or_human_made"], strict=True)),
        image_names=[match.groups() for url in facts.image_urls if (match := URL.fullmatch(url))] or [("A", ".jpg")],  # type: ignore[misc]
    )


def _with_decided(
    edges: pd.DataFrame, curated: dict[str, pd.DataFrame]
) -> tuple[pd.DataFrame, list[str], dict[str, str]]:
    """Edges with those that decisions are about, the classes that decisions name, and their names."""
    classes, links = curated["class_decisions"], curated["edge_decisions"]
    names = dict(zip(classes["class_qid"], classes["class_label"], strict=True))
    for end in ("child", "parent"):
        names |= dict(zip(links[f"{end}_qid"], links[f"{end}_label"], strict=True))
    stated = links.loc[~links["decision"].isin(["add", "unsure"]), ["child_qid", "parent_qid"]]
    return pd.concat([edges, stated], ignore_index=True).drop_duplicates(), sorted(names), names


def _labels_of_classes(
    edges: pd.DataFrame, used: Iterable[str], names: dict[str, str], curated: dict[str, pd.DataFrame]
) -> dict[str, str]:
    """The label that the hierarchy stage would give to every class."""
    qids = sorted({*edges["child_qid"], *edges["parent_qid"], *used})
    entities = pd.DataFrame({"qid": qids, "is_class": True, "label": [names.get(qid, qid) for qid in qids]})
    _, labels = step3_hierarchy.build(edges.assign(is_ended=False), entities, curated)
    found = labels["hierarchical_label"].astype(object)
    return dict(zip(labels["class_qid"], found.where(found.notna(), NO_LABEL), strict=True))


def _label_of_set(classes: Iterable[str], label_of: dict[str, str]) -> str:
    return next((label for qid in classes if (label := label_of.get(qid, NO_LABEL))), NO_LABEL)


def _pages_by_label(titles: pd.DataFrame, label_of_item: dict[str, str]) -> dict[str, list[str]]:
    pages: dict[str, dict[str, None]] = defaultdict(dict)
    for page, label, qid in titles.itertuples(index=False, name=None):
        known = label if isinstance(label, str) else label_of_item.get(qid)
        if known is not None and "|" not in page:
            pages[known][page] = None
    return {label: list(found) for label, found in pages.items()}


def page_of_title(number: int, title: str) -> str:
    """A title as an address writes it; one in five is percent-encoded, as in GLDv2, and `?`, `#`, `%` always are."""
    page = title.replace(" ", "_")
    return quote(page, safe="()',:/&") if number % 5 == 0 else re.sub("[?#%]", lambda found: quote(found[0]), page)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as opened:
        yield from csv.DictReader(opened)


def _titles(rows: Iterable[tuple[str, str | None, str | None]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["page", "label", "item_qid"]).astype(object)


def _read_shared(shared: Path) -> _Facts:
    ends, gldv2, wikidata = ["child_qid", "parent_qid"], shared / "gldv2", shared / "wikidata"
    edges = pd.concat([read_pairs(wikidata / f"p279{end}.tsv.gz", ends) for end in ("", "_extra")])
    names = pd.concat([read_pairs(wikidata / f"labels_en{end}.tsv.gz", ["qid", "label"]) for end in ("", "_extra")])
    of_items = read_pairs(wikidata / "p373.tsv.gz", ["item_qid", "title"])
    titles: list[tuple[str, str | None, str | None]] = [
        (PAGE.sub("", row["category"]), row["hierarchical_label"].strip(), None)
        for row in _rows(gldv2 / "train_landmark_labels.csv")
    ]
    for name in ("train_landmarks_unlabelled.csv", "washington_landmarks.csv"):
        titles += [(PAGE.sub("", row["category"]), NO_LABEL, None) for row in _rows(gldv2 / name)]
    pairs = of_items.itertuples(index=False, name=None)
    titles += [(page_of_title(number, title), None, qid) for number, (qid, title) in enumerate(pairs)]
    supercategories: dict[str, list[str]] = defaultdict(list)
    for row in _rows(gldv2 / "supercategory_pairs.csv"):
        supercategories[row["hierarchical_label"]] += [row["supercategory"]] * int(row["count"] or 1)
    return _Facts(
        edges.drop_duplicates(),
        dict(zip(names["qid"], names["label"], strict=True)),
        read_pairs(wikidata / "p31.tsv.gz", ["item_qid", "class_qid"]),
        _titles(titles),
        [row["hierarchical_label"].strip() for row in _rows(gldv2 / "index_label_to_hierarchical.csv")],
        dict(supercategories),
        [row["url"] for row in _rows(gldv2 / "train_rows_sample.csv")],
    )


def _read_sample(sample: Path) -> _Facts:
    with (sample / "wikidata/entities.jsonl").open(encoding="utf-8") as opened:
        raw = [json.loads(line) for line in opened]
    entities = [read_facts({"sitelinks": {}, "descriptions": {}, "aliases": {}} | entity) for entity in raw]
    edges = [(entity.qid, parent) for entity in entities for parent in entity.parents]
    instances = [(entity.qid, qid) for entity in entities for qid in entity.classes]
    official = list(_rows(sample / "gldv2/metadata/train_label_to_hierarchical.csv"))
    return _Facts(
        pd.DataFrame(edges, columns=["child_qid", "parent_qid"]).drop_duplicates(),
        {entity.qid: entity.label for entity in entities},
        pd.DataFrame(instances, columns=["item_qid", "class_qid"]),
        _titles((PAGE.sub("", row["category"]), row["hierarchical_label"].strip(), None) for row in official),
        [row["hierarchical_label"].strip() for row in official if row["hierarchical_label"].strip()],
        {},
        [],
    )
