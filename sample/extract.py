"""Restate the facts of the sample from the extracts folder: GLDv2 metadata CSVs and Wikibase entity records.

For whoever maintains the sample: edit sample/landmarks.csv by hand, then run `python -m sample.extract --data DIR`,
where DIR is the extracts folder (it holds gldv2/ and wikidata/). The outputs are committed: nobody else needs DIR.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLE = Path(__file__).parent
CLASS_PROPERTIES = ("P31", "P279")
KEPT_PROPERTIES = ("P31", "P279", "P373", "P301", "P910", "P625")
IMAGE_URL = "https://hgldv2.invalid/sample/{}.jpg"  # a reserved top-level domain: these images have no address
QUERY_COUNT = 24
IGNORED_EVERY = 6  # each 6th query shows no index landmark, as distractors do in GLDv2's ground truth

Row = dict[str, str]
Record = dict[str, Any]


@dataclass(frozen=True)
class Extracts:
    """What the extracts folder says, keyed by item id."""

    entities: dict[str, Record]  # full records with ranks, qualifiers and sitelinks
    links: dict[str, dict[str, list[str]]]  # property -> item -> values: statements whose rank is not kept
    labels: dict[str, str]  # English labels


def read_rows(path: Path, delimiter: str = ",") -> Iterator[list[str]]:
    """The rows of a table without its header; fields of the extracts' .tsv.gz files are never quoted."""
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            next(lines)
            yield from (line.rstrip("\n").split(delimiter) for line in lines)
    else:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            next(reader)
            yield from reader


def read_landmarks(path: Path = SAMPLE / "landmarks.csv") -> list[Row]:
    """The choice table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_extracts(wikidata: Path) -> Extracts:
    """Everything under the wikidata/ folder of the extracts that the sample can use."""
    entities = {}
    with gzip.open(wikidata / "entities.jsonl.gz", "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            if record["type"] == "item":
                entities[record["id"]] = record
    links: dict[str, dict[str, list[str]]] = {}
    for property_id, names in {"P31": ["p31"], "P279": ["p279", "p279_extra"], "P373": ["p373"]}.items():
        values: dict[str, set[str]] = defaultdict(set)
        for name in names:
            for item, value in read_rows(wikidata / f"{name}.tsv.gz", "\t"):
                values[item].add(value)
        links[property_id] = {item: sorted(found, key=id_order) for item, found in values.items()}
    labels = {
        item: label.replace('\\"', '"')  # the extracts escape quotes as N-Triples does
        for name in ("labels_en_extra", "labels_en")
        for item, label in read_rows(wikidata / f"{name}.tsv.gz", "\t")
    }
    return Extracts(entities, links, labels)


def id_order(text: str) -> tuple[int, str]:
    """Sort item ids by number; anything else (category names) by text."""
    return (int(text[1:]) if text[1:].isdigit() else 0, text)


def statement(property_id: str, value: str) -> Record:
    """A Wikibase statement for a fact whose rank the extracts do not keep: `normal`, without an invented id."""
    datavalue: Record = {"value": value, "type": "string"}
    datatype = "string"
    if property_id != "P373":
        number = int(value[1:])
        datavalue = {"value": {"entity-type": "item", "numeric-id": number, "id": value}, "type": "wikibase-entityid"}
        datatype = "wikibase-item"
    mainsnak = {"snaktype": "value", "property": property_id, "datavalue": datavalue, "datatype": datatype}
    return {"mainsnak": mainsnak, "type": "statement", "rank": "normal"}


def trimmed(value: Any) -> Any:
    """A statement without references, which say nothing about the landmark and take most of the space."""
    if isinstance(value, dict):
        return {key: trimmed(part) for key, part in value.items() if key != "references"}
    return [trimmed(part) for part in value] if isinstance(value, list) else value


def kept_labels(labels: Record) -> Record:
    """English and `mul`; two others where neither exists, so that the label is never lost."""
    chosen = [language for language in ("en", "mul") if language in labels] or sorted(labels)[:2]
    return {language: labels[language] for language in chosen}


def entity_record(item: str, extracts: Extracts) -> Record:
    """One Wikibase entity: the extracts' own record when there is one, else its facts from the tables."""
    source = extracts.entities.get(item)
    if source is not None:
        labels = kept_labels(source["labels"])
        claims = {name: trimmed(source["claims"][name]) for name in KEPT_PROPERTIES if name in source["claims"]}
        commons = source["sitelinks"].get("commonswiki")
    else:
        label = extracts.labels.get(item)
        labels = {"en": {"language": "en", "value": label}} if label else {}
        claims = {
            name: [statement(name, value) for value in extracts.links[name][item]]
            for name in KEPT_PROPERTIES
            if item in extracts.links.get(name, {})
        }
        commons = None
    return {
        "type": "item",
        "id": item,
        "labels": labels,
        "descriptions": {},
        "aliases": {},
        "claims": claims,
        "sitelinks": {"commonswiki": commons} if commons else {},
    }


def targets(record: Record, properties: Iterable[str]) -> list[str]:
    """The items that a record's statements point to; a snak without a value points nowhere."""
    snaks = [claim["mainsnak"] for name in properties for claim in record["claims"].get(name, [])]
    return [snak["datavalue"]["value"]["id"] for snak in snaks if snak["snaktype"] == "value"]


def items_of_categories(titles: set[str], extracts: Extracts) -> set[str]:
    """Every item that a Commons category can mean: by sitelink (and its P301 topics), by P373, by P910."""
    found = {
        item for item, names in extracts.links["P373"].items() if titles & set(names) and item not in extracts.entities
    }
    by_sitelink = set()
    for item, record in extracts.entities.items():
        commons = record["sitelinks"].get("commonswiki", {}).get("title", "")
        names = {claim["mainsnak"]["datavalue"]["value"] for claim in record["claims"].get("P373", [])}
        if commons.removeprefix("Category:") in titles and commons.startswith("Category:"):
            by_sitelink.add(item)
        if titles & names:
            found.add(item)
    topics = {topic for item in by_sitelink for topic in targets(extracts.entities[item], ["P301"])}
    pages = {item for item, record in extracts.entities.items() if by_sitelink & set(targets(record, ["P910"]))}
    return found | by_sitelink | topics | pages


def entity_records(landmarks: Sequence[Row], extracts: Extracts) -> list[Record]:
    """The items of the landmarks and, upward over P31 and P279, every class they reach."""
    frontier = items_of_categories({row["category"] for row in landmarks}, extracts)
    frontier |= {row["item_qid"] for row in landmarks if row["item_qid"]}
    records: dict[str, Record] = {}
    while frontier:
        reached = {item: entity_record(item, extracts) for item in frontier}
        records |= reached
        pointed = {target for record in reached.values() for target in targets(record, CLASS_PROPERTIES)}
        frontier = pointed - set(records)
    return [records[item] for item in sorted(records, key=id_order)]


def image_id(split: str, landmark_id: str, number: int) -> str:
    """16 hex digits as GLDv2 has them; the ids are the sample's own."""
    return hashlib.sha256(f"{split}/{landmark_id}/{number}".encode()).hexdigest()[:16]


def image_ids(row: Row) -> list[str]:
    """The ids of a landmark's images."""
    return [image_id(row["split"], row["landmark_id"], number) for number in range(int(row["image_count"]))]


def queries(index: Sequence[Row]) -> list[list[str]]:
    """Test queries in GLDv2's retrieval_solution format: each shows one index landmark, or none (Ignored)."""
    shown = sorted(index, key=lambda row: image_id("query", row["landmark_id"], 0))
    rows = []
    for number in range(QUERY_COUNT):
        landmark = shown[number]
        if number % IGNORED_EVERY == IGNORED_EVERY - 1:
            rows.append([image_id("test", "none", number), "None", "Ignored"])
        else:
            usage = "Public" if number % 3 == 0 else "Private"
            rows.append([image_id("test", landmark["landmark_id"], 0), " ".join(sorted(image_ids(landmark))), usage])
    return sorted(rows)


def official_rows(landmarks: Sequence[Row], gldv2: Path) -> list[list[str]]:
    """The official labels of the GLDv2 landmarks, letter for letter (`ocean area ` ends with a space there)."""
    examples = {row[3]: row[0] for row in read_rows(gldv2 / "supercategory_pairs.csv")}
    labelled = {row[0]: row[2:] for row in read_rows(gldv2 / "train_landmark_labels.csv")}
    ours = {row["landmark_id"]: row["category_url"] for row in landmarks if row["origin"] == "gldv2"}
    return [
        [landmark_id, url, examples.get(landmark_id, ""), *labelled[landmark_id]]
        for landmark_id, url in ours.items()
        if landmark_id in labelled
    ]


def write_csv(path: Path, header: str, rows: Iterable[Sequence[str]]) -> None:
    """A CSV file as GLDv2 writes it: minimal quotes, LF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


def write_gldv2(landmarks: Sequence[Row], gldv2: Path, out: Path) -> None:
    """The metadata and ground-truth tables."""
    train = [row for row in landmarks if row["split"] == "train"]
    index = [row for row in landmarks if row["split"] == "index"]
    metadata = out / "metadata"
    hierarchical = "landmark_id,category,supercategory,hierarchical_label,natural_or_human_made"
    write_csv(
        metadata / "train.csv",
        "id,url,landmark_id",
        sorted([image, IMAGE_URL.format(image), row["landmark_id"]] for row in train for image in image_ids(row)),
    )
    write_csv(
        metadata / "train_clean.csv",
        "landmark_id,images",
        [
            [row["landmark_id"], " ".join(sorted(image_ids(row)[: int(row["clean_image_count"])]))]
            for row in train
            if int(row["clean_image_count"])
        ],
    )
    write_csv(metadata / "train_label_to_hierarchical.csv", hierarchical, official_rows(train, gldv2))
    write_csv(metadata / "index.csv", "id", sorted([image] for row in index for image in image_ids(row)))
    write_csv(
        metadata / "index_image_to_landmark.csv",
        "id,landmark_id",
        sorted([image, row["landmark_id"]] for row in index for image in image_ids(row)),
    )
    write_csv(metadata / "index_label_to_hierarchical.csv", hierarchical, [])
    for split, rows in (("train", train), ("index", index)):
        write_csv(
            metadata / f"{split}_label_to_category.csv",
            "landmark_id,category",
            [[row["landmark_id"], row["category_url"]] for row in rows],
        )
    write_csv(out / "ground_truth" / "retrieval_solution_v2.1.csv", "id,images,Usage", queries(index))


def write_entities(records: Iterable[Record], path: Path) -> None:
    """One entity a line, as in a Wikibase JSON dump without its brackets."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records]
    path.write_text("".join(lines), encoding="utf-8", newline="\n")


def main() -> None:
    """Run as a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the extracts folder (holds gldv2/ and wikidata/)")
    parser.add_argument("--out", type=Path, default=SAMPLE, help="where to write (default: sample/)")
    arguments = parser.parse_args()
    landmarks = read_landmarks()
    write_gldv2(landmarks, arguments.data / "gldv2", arguments.out / "gldv2")
    extracts = read_extracts(arguments.data / "wikidata")
    write_entities(entity_records(landmarks, extracts), arguments.out / "wikidata" / "entities.jsonl")


if __name__ == "__main__":
    main()
