"""The committed sample: its composition, its hard cases, its formats, and that drawing it again changes nothing."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import tarfile
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import networkx as nx
import pytest
from PIL import Image
from qwikidata.entity import WikidataItem

from sample import draw, extract

SAMPLE = Path(draw.__file__).parent
GLDV2 = SAMPLE / "gldv2"
CYCLE = {"Q4989906", "Q179700", "Q860861", "Q1746392"}  # monument, statue, sculpture, small monument
UNRESOLVED = {"11355", "46776", "66552", "130850", "178385"}


def table(path: str) -> list[dict[str, str]]:
    with (SAMPLE / path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def landmarks() -> dict[tuple[str, str], dict[str, str]]:
    return {(row["split"], row["landmark_id"]): row for row in table("landmarks.csv")}


@cache
def entities() -> dict[str, dict[str, Any]]:
    lines = (SAMPLE / "wikidata/entities.jsonl").read_text(encoding="utf-8").splitlines()
    records: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return {record["id"]: record for record in records}


def statements(item: str, property_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = entities()[item]["claims"].get(property_id, [])
    return found


def values(item: str, property_id: str) -> list[str]:
    found = [claim["mainsnak"]["datavalue"]["value"] for claim in statements(item, property_id)]
    return [value["id"] if isinstance(value, dict) else value for value in found]


def landmark_of(category: str, split: str = "train") -> dict[str, str]:
    return next(row for row in landmarks().values() if (row["category"], row["split"]) == (category, split))


def items_of(category: str) -> set[str]:
    """What the category resolves to by the first rules of the design: sitelink (or its topics), else P373."""
    sitelinked = {
        item
        for item, record in entities().items()
        if record["sitelinks"].get("commonswiki", {}).get("title") == f"Category:{category}"
    }
    topics = {topic for item in sitelinked for topic in values(item, "P301")}
    return topics or sitelinked or {item for item in entities() if category in values(item, "P373")}


def class_graph() -> nx.DiGraph:
    return nx.DiGraph((item, parent) for item in entities() for parent in values(item, "P279"))


def test_composition() -> None:
    splits = Counter(split for split, _ in landmarks())
    origins = Counter(row["origin"] for row in landmarks().values())
    assert 230 <= splits["train"] <= 260
    assert 55 <= splits["index"] <= 65
    assert origins["gldv2"] == 83
    labels = Counter(row["drawn_label"] for row in landmarks().values())
    assert len(labels) >= 45
    assert min(labels.values()) >= 2
    assert all(label == label.strip() for label in labels)


def test_landmarks_are_sorted_and_ids_are_unique() -> None:
    keys = [(row["split"], int(row["landmark_id"])) for row in table("landmarks.csv")]
    assert keys == sorted(set(keys))
    own = [number for (_, number), row in zip(keys, table("landmarks.csv"), strict=True) if row["origin"] == "extracts"]
    assert len(own) == len(set(own))
    assert min(own) >= 900_000
    assert all(number >= 950_000 for split, number in keys if split == "index")


def test_titles_agree_with_urls() -> None:
    for row in landmarks().values():
        prefix, _, title = row["category_url"].partition("/wiki/Category:")
        assert prefix == "http://commons.wikimedia.org"
        assert unquote(title).replace("_", " ") == row["category"], row


def test_ten_index_landmarks_share_their_category_with_train() -> None:
    train = {row["category"]: row for (split, _), row in landmarks().items() if split == "train"}
    shared = [
        (row, train[row["category"]])
        for (split, _), row in landmarks().items()
        if split == "index" and row["category"] in train
    ]
    assert len(shared) == 10
    assert all((a["item_qid"], a["drawn_label"]) == (b["item_qid"], b["drawn_label"]) for a, b in shared)


def test_every_category_resolves_to_the_item_named() -> None:
    for row in landmarks().values():
        expected = {row["item_qid"]} if row["item_qid"] else set()
        assert expected <= items_of(row["category"]), row
        if not expected:
            assert row["landmark_id"] in UNRESOLVED
            assert not items_of(row["category"])


def test_official_labels_are_gldv2s_only() -> None:
    rows = table("gldv2/metadata/train_label_to_hierarchical.csv")
    assert len(rows) == 80
    for row in rows:
        landmark = landmarks()["train", row["landmark_id"]]
        assert landmark["origin"] == "gldv2"
        assert landmark["category_url"] == row["category"]
        assert landmark["drawn_label"] == row["hierarchical_label"].strip()
    assert [row["landmark_id"] for row in rows if row["hierarchical_label"] == "ocean area "] == ["46776"]
    assert table("gldv2/metadata/index_label_to_hierarchical.csv") == []
    assert {row["supercategory"] for row in rows} == {"", "public research university"}


@pytest.mark.parametrize(
    ("category_item", "topic", "category"),
    [
        ("Q8707649", "Q34217", "Oxford"),
        ("Q41501723", "Q209714", "Oxford Street"),
        ("Q9062062", "Q983822", "Oxford, Mississippi"),
        ("Q9062066", "Q132478", "Oxford Brookes University"),
    ],
)
def test_category_item_with_topic(category_item: str, topic: str, category: str) -> None:
    assert values(category_item, "P301") == [topic]
    assert "Q4167836" in values(category_item, "P31")
    assert entities()[category_item]["sitelinks"]["commonswiki"]["title"] == f"Category:{category}"
    assert landmark_of(category)["item_qid"] == topic
    assert values(topic, "P31")


@pytest.mark.parametrize(
    ("category", "items"),
    [
        ("La Digue", {"Q581154", "Q1094917"}),
        ("Eisbach (Munich)", {"Q323387", "Q527132"}),
        ("Amsterdam", {"Q727", "Q9899"}),
        ("Bogenhausen", {"Q278590", "Q329707"}),
        ("Abbaye de Cluny", {"Q220301", "Q4410358"}),
        ("Yap", {"Q209638", "Q11342951"}),
    ],
)
def test_p373_shared_by_two_items(category: str, items: set[str]) -> None:
    assert landmark_of(category)
    assert items_of(category) == items


def test_category_sitelinks() -> None:
    sitelinks = {item: record["sitelinks"].get("commonswiki", {}).get("title") for item, record in entities().items()}
    linked = [row for row in landmarks().values() if sitelinks.get(row["item_qid"]) == f"Category:{row['category']}"]
    assert len(linked) >= 15
    assert any(not values(row["item_qid"], "P373") for row in linked)


def test_titles_that_are_hard_to_read() -> None:
    urls = [row["category_url"].partition("/wiki/Category:")[2] for row in landmarks().values()]
    assert sum("%C3" in url for url in urls) >= 10
    for mark in (":", ",", "'", "%22", "("):
        assert any(mark in url for url in urls), mark
    assert ":" in landmark_of("T2 3-D: Battle Across Time (Universal Studios Florida)")["category"]


def test_ranks_and_end_dates() -> None:
    assert [claim["rank"] for claim in statements("Q11703", "P31")].count("preferred") == 1
    assert {claim["rank"] for claim in statements("Q15221242", "P279")} >= {"deprecated"}
    assert values(landmark_of("Oxford, Wisconsin")["item_qid"], "P31") == ["Q15221242"]
    for category in ("Gera", "Vitry-lès-Cluny", "Amsterdam"):
        claims = statements(landmark_of(category)["item_qid"], "P31")
        assert any("P582" in claim.get("qualifiers", {}) for claim in claims), category


def test_cycle_is_reached() -> None:
    graph = class_graph()
    components = list(nx.strongly_connected_components(graph))
    assert any(component >= CYCLE for component in components)
    for category in ("Bishop John Carroll statue", "Meuse-Argonne American Memorial", "Four Corners Monument"):
        reached = {
            above
            for item in values(landmark_of(category)["item_qid"], "P31")
            if item in graph
            for above in nx.descendants(graph, item)
        }
        assert reached >= CYCLE, category


@pytest.mark.parametrize(
    ("item", "above", "not_above"),
    [
        ("Q11982370", {"Q33506", "Q3947"}, set()),  # artist's-home museum: museum and house
        ("Q5456378", {"Q12280", "Q44377"}, set()),  # bridge-tunnel: bridge and tunnel
        ("Q12493", set(), {"Q41176", "Q33506", "Q16970"}),
        ("Q44497", set(), {"Q41176", "Q820477"}),
    ],
)  # dome, mining
def test_classes_under_two_labels_and_under_none(item: str, above: set[str], not_above: set[str]) -> None:
    assert any(item in values(row["item_qid"], "P31") for row in landmarks().values() if row["item_qid"])
    reached = nx.descendants(class_graph(), item)
    assert reached >= above
    assert not reached & not_above


def test_items_without_classes_labels_or_images() -> None:
    for category in ("Château de Cerisy", "Marinarium, Concarneau", "Queens Plaza (plaza)"):
        assert statements(landmark_of(category)["item_qid"], "P31") == []
    assert entities()[landmark_of("Fabra i Coats")["item_qid"]]["labels"] == {}
    assert sum(row["image_count"] == "0" for row in landmarks().values()) == 2
    classes = [values(row["item_qid"], "P31") for row in landmarks().values() if row["item_qid"]]
    for marker in ("Q570116", "Q8346700", "Q2065736"):  # tourist attraction, heritage designations: beside a real class
        assert any(marker in found and len(found) > 1 for found in classes)


def test_image_tables_agree() -> None:
    train = Counter(row["landmark_id"] for row in table("gldv2/metadata/train.csv"))
    index_rows = table("gldv2/metadata/index_image_to_landmark.csv")
    index = Counter(row["landmark_id"] for row in index_rows)
    for (split, landmark_id), row in landmarks().items():
        assert (train if split == "train" else index)[landmark_id] == int(row["image_count"])
    assert [row["id"] for row in table("gldv2/metadata/index.csv")] == [row["id"] for row in index_rows]
    owner = {row["id"]: row["landmark_id"] for row in table("gldv2/metadata/train.csv")}
    for row in table("gldv2/metadata/train_clean.csv"):
        assert {owner[image] for image in row["images"].split()} == {row["landmark_id"]}
        assert len(row["images"].split()) == int(landmarks()["train", row["landmark_id"]]["clean_image_count"])
    assert 900 <= sum(train.values()) + sum(index.values()) + 24 <= 1000
    for split in ("train", "index"):
        rows = table(f"gldv2/metadata/{split}_label_to_category.csv")
        assert [(split, row["landmark_id"]) for row in rows] == [key for key in landmarks() if key[0] == split]
        assert all(landmarks()[split, row["landmark_id"]]["category_url"] == row["category"] for row in rows)


def test_retrieval_solution() -> None:
    rows = table("gldv2/ground_truth/retrieval_solution_v2.1.csv")
    owner = {row["id"]: row["landmark_id"] for row in table("gldv2/metadata/index_image_to_landmark.csv")}
    assert Counter(row["Usage"] for row in rows).keys() == {"Public", "Private", "Ignored"}
    assert len(rows) == 24
    for row in rows:
        if row["Usage"] == "Ignored":
            assert row["images"] == "None"
        else:
            assert len({owner[image] for image in row["images"].split()}) == 1


@pytest.mark.parametrize(
    ("split", "listing"),
    [
        ("train", "metadata/train.csv"),
        ("index", "metadata/index.csv"),
        ("test", "ground_truth/retrieval_solution_v2.1.csv"),
    ],
)
def test_tars_hold_the_listed_images(split: str, listing: str) -> None:
    path = GLDV2 / split / "images_000.tar"
    digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    listed = (GLDV2 / "md5sum" / split / "md5.images_000.txt").read_text(encoding="utf-8")
    assert listed == f"{digest}  images_000.tar\n"
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        assert all((member.mtime, member.uid, member.gid) == (0, 0, 0) for member in members)
        found = [re.fullmatch(r"(.)/(.)/(.)/((\1\2\3)[0-9a-f]{13})\.jpg", member.name) for member in members]
        assert sorted(match[4] for match in found if match) == sorted(row["id"] for row in table(f"gldv2/{listing}"))
        first = archive.extractfile(members[0])
        assert first is not None
        with Image.open(first) as image:
            assert (image.format, image.size) == ("JPEG", (64, 64))


def test_sizes() -> None:
    assert sum(path.stat().st_size for path in GLDV2.glob("*/*.tar")) < 3_000_000
    assert (SAMPLE / "wikidata/entities.jsonl").stat().st_size < 1_500_000


def test_drawing_again_gives_the_same_bytes(tmp_path: Path) -> None:
    draw.draw(tmp_path)
    drawn = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert len(drawn) == 6
    assert [path for path in drawn if (tmp_path / path).read_bytes() != (GLDV2 / path).read_bytes()] == []


def test_every_label_has_its_own_look() -> None:
    looks = draw.looks(row["drawn_label"] for row in landmarks().values())
    assert len(set(looks.values())) == len(looks)
    assert len(draw.NATURAL) == 18
    official = table("gldv2/metadata/train_label_to_hierarchical.csv")
    assert all(
        (row["hierarchical_label"].strip() in draw.NATURAL) == (row["natural_or_human_made"] == "natural")
        for row in official
    )


def test_entities_parse_and_are_sorted() -> None:
    lines = (SAMPLE / "wikidata/entities.jsonl").read_text(encoding="utf-8").splitlines()
    order = [extract.id_order(json.loads(line)["id"]) for line in lines]
    assert order == sorted(set(order))
    for record in entities().values():
        assert list(record)[:7] == ["type", "id", "labels", "descriptions", "aliases", "claims", "sitelinks"]
        assert WikidataItem(record).entity_id == record["id"]
    assert not [line for line in lines if '"references":' in line]


def test_closure_is_complete() -> None:
    pointed = {target for item in entities() for name in ("P31", "P279") for target in values(item, name)}
    assert pointed <= set(entities())
    assert {row["item_qid"] for row in landmarks().values() if row["item_qid"]} <= set(entities())


def test_decisions_never_touch_officially_labelled_landmarks() -> None:
    rows = table("annotations/landmark_decisions.csv")
    assert rows
    for row in rows:
        assert int(row["landmark_id"]) >= 900_000
        assert landmarks()[row["split"], row["landmark_id"]]["category"] == row["category"]


def test_readme_names_what_exists() -> None:
    text = (SAMPLE / "README.md").read_text(encoding="utf-8")
    cited = re.findall(r"([^;|]+) \((train|index) (\d+)[,)]", text)
    assert len(cited) > 40
    for title, split, landmark_id in cited:
        assert title.endswith(landmarks()[split, landmark_id]["category"])
    splits = Counter(split for split, _ in landmarks())
    labels = {row["drawn_label"] for row in landmarks().values()}
    images = sum(int(row["image_count"]) for row in landmarks().values()) + 24
    assert f"{splits['train']} train and {splits['index']} index landmarks" in text
    assert f"{len(labels)} of the 78 labels, {images} drawn images" in text
