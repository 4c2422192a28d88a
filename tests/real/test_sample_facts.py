"""The sample against the extracts it restates: nothing invented, nothing that joins left out."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from sample import extract

DATA = Path(__file__).parents[3] / "shared" / "data"
SAMPLE = Path(extract.__file__).parent
pytestmark = pytest.mark.skipif(
    not (DATA / "wikidata").is_dir(), reason="the extracts folder (../shared/data) is not here"
)


@cache
def extracts() -> extract.Extracts:
    return extract.read_extracts(DATA / "wikidata")


@cache
def sample_entities() -> list[dict[str, Any]]:
    lines = (SAMPLE / "wikidata" / "entities.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def facts(record: dict[str, Any], property_id: str) -> set[tuple[str, str]]:
    """(value, rank) of each statement."""
    found = set()
    for claim in record["claims"].get(property_id, []):
        value = claim["mainsnak"].get("datavalue", {}).get("value")
        found.add((value["id"] if isinstance(value, dict) else str(value), claim["rank"]))
    return found


@pytest.mark.parametrize("property_id", ["P31", "P279", "P373", "P301", "P910"])
def test_every_statement_is_in_the_extracts(property_id: str) -> None:
    for record in sample_entities():
        source = extracts().entities.get(record["id"])
        known = (
            facts(source, property_id)
            if source
            else {(value, "normal") for value in extracts().links.get(property_id, {}).get(record["id"], [])}
        )
        assert facts(record, property_id) == known, record["id"]


def test_every_label_is_in_the_extracts() -> None:
    for record in sample_entities():
        source = extracts().entities.get(record["id"])
        for language, label in record["labels"].items():
            if source:
                assert source["labels"][language] == label
            else:
                assert (language, label["value"]) == ("en", extracts().labels[record["id"]])


def test_statement_ids_and_qualifiers_are_not_invented() -> None:
    for record in sample_entities():
        source = extracts().entities.get(record["id"], {"claims": {}})
        known = {claim["id"]: claim for claims in source["claims"].values() for claim in claims}
        for claim in (claim for claims in record["claims"].values() for claim in claims):
            if "id" in claim:
                assert claim == extract.trimmed(known[claim["id"]])
            else:
                assert not known
                assert "qualifiers" not in claim


def test_sitelinks_are_in_the_extracts() -> None:
    for record in sample_entities():
        if record["sitelinks"]:
            source = extracts().entities[record["id"]]["sitelinks"]
            assert record["sitelinks"] == {"commonswiki": source["commonswiki"]}


def test_every_landmark_that_joins_is_included() -> None:
    names = {name for found in extracts().links["P373"].values() for name in found}
    names |= {name for record in extracts().entities.values() for name, _ in facts(record, "P373")}
    chosen = {row["landmark_id"]: row for row in extract.read_landmarks() if row["origin"] == "gldv2"}
    joined = 0
    for table in ("train_landmark_labels.csv", "train_landmarks_unlabelled.csv"):
        for landmark_id, url, *_ in extract.read_rows(DATA / "gldv2" / table):
            title = unquote(url.partition("/wiki/Category:")[2]).replace("_", " ")
            if title in names:
                joined += 1
                assert chosen[landmark_id]["category_url"] == url
    assert joined == 78


def test_unresolved_landmarks_have_no_item_in_the_extracts() -> None:
    items = {row[0] for row in extract.read_rows(DATA / "gldv2" / "landmark_items.csv")}
    for row in extract.read_landmarks():
        if row["origin"] == "gldv2" and not row["item_qid"]:
            assert not extract.items_of_categories({row["category"]}, extracts())
            assert row["landmark_id"] not in items


def test_own_landmark_ids_are_not_gldv2s() -> None:
    names = ("train_landmark_labels.csv", "train_landmarks_unlabelled.csv", "index_label_to_hierarchical.csv")
    official = {row[0] for name in names for row in extract.read_rows(DATA / "gldv2" / name)}
    assert not official & {row["landmark_id"] for row in extract.read_landmarks() if row["origin"] == "extracts"}


def test_drawn_labels_are_official_labels() -> None:
    labels = {row[0] for row in extract.read_rows(DATA / "gldv2" / "hierarchical_labels.csv")}
    assert {row["drawn_label"] for row in extract.read_landmarks()} <= labels


def test_extracting_again_gives_the_same_bytes(tmp_path: Path) -> None:
    landmarks = extract.read_landmarks()
    extract.write_gldv2(landmarks, DATA / "gldv2", tmp_path / "gldv2")
    extract.write_entities(extract.entity_records(landmarks, extracts()), tmp_path / "wikidata" / "entities.jsonl")
    written = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 10
    assert [path for path in written if (tmp_path / path).read_bytes() != (SAMPLE / path).read_bytes()] == []
