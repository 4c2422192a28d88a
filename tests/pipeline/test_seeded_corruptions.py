"""Corruptions of a release, planted one by one where a seed says: validation names the promise and what breaks it."""

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from pipeline import release_tables
from pipeline.checksums import write_sums
from pipeline.files import read_table, write_tables
from pipeline.release_checks import CHECKS
from pipeline.release_file_checks import DOCUMENT_CHECKS, FILE_CHECKS
from pipeline.release_graph_checks import GRAPH_CHECKS
from pipeline.schema import Table
from tests.publishing import publish_anew

RELEASE = Path("release")
LABELS, IMAGES = release_tables.LABELS["train"], release_tables.IMAGES["train"]
INDEX_IMAGES, FOLDS = release_tables.IMAGES["index"], release_tables.FOLDS
CLASSES, EDGES = release_tables.CLASSES, release_tables.CLASS_EDGES
OFFICIAL, ITEM_CLASSES = release_tables.OFFICIAL_SCHEMA["index"], release_tables.ITEM_CLASSES
Choose = Callable[[pd.DataFrame], pd.Series]


def rewrite(table: Table, frame: pd.DataFrame) -> None:
    """Put a table in the place of the release's, and make documents and checksums fit it."""
    write_tables([(table, frame)])
    publish_anew()


def victim(table: Table, rng: random.Random, where: Choose | None = None) -> tuple[pd.DataFrame, Any]:
    """A table, and the place of a row drawn from it or from those that `where` holds for."""
    frame = read_table(table)
    places = frame.index[where(frame)] if where else frame.index
    return frame, rng.choice(list(places))


def cell(table: Table, column: str, value: Any, tell: str, rng: random.Random, where: Choose | None = None) -> str:
    """Set a cell of a row that the seed draws; `tell` is the column whose value, then, a failure must name."""
    frame, place = victim(table, rng, where)
    frame.loc[place, column] = value(frame.loc[place]) if callable(value) else value
    rewrite(table, frame)
    return str(frame.loc[place, tell])


def lost(table: Table, tell: str, rng: random.Random, where: Choose | None = None) -> str:
    """Drop a row that the seed draws."""
    frame, place = victim(table, rng, where)
    told = str(frame.loc[place, tell])
    rewrite(table, frame.drop(index=place))
    return told


def is_labelled(frame: pd.DataFrame) -> pd.Series:
    return frame["hierarchical_label"].notna()


def has_class(frame: pd.DataFrame) -> pd.Series:
    return frame["class_qid"].notna()


def has_long_path(frame: pd.DataFrame) -> pd.Series:
    return frame["path_qids"].map(len) > 1


def unknown_rule(rng: random.Random) -> str:
    frame, place = victim(LABELS, rng)
    frame.loc[place, "rule"] = "magic"
    frame.to_parquet(LABELS.path)
    write_sums(RELEASE)
    return "magic"


def image_in_both_splits(rng: random.Random) -> str:
    frame, place = victim(IMAGES, rng)
    index = read_table(INDEX_IMAGES)
    index.loc[rng.randrange(len(index)), "image_id"] = frame.loc[place, "image_id"]
    rewrite(INDEX_IMAGES, index)
    return str(frame.loc[place, "image_id"])


def removed_edge_of_a_path(rng: random.Random) -> str:
    classes, place = victim(CLASSES, rng, has_long_path)
    child, parent = classes.loc[place, "path_qids"][:2]
    edges = read_table(EDGES)
    edges.loc[(edges["child_qid"] == child) & (edges["parent_qid"] == parent), "is_removed"] = True
    rewrite(EDGES, edges)
    return f"{child} -> {parent}"


def undone_class_decision(rng: random.Random) -> str:
    return cell(CLASSES, "status", "unreached", "class_qid", rng, lambda frame: frame["status"] == "ignored")


def undone_edge_decision(rng: random.Random) -> str:
    return cell(EDGES, "is_removed", False, "child_qid", rng, lambda frame: frame["is_removed"])


def category_in_two_folds(rng: random.Random) -> str:
    del rng  # one category alone is in both splits of the sample
    folds = read_table(FOLDS)
    place = folds.index[folds["landmark_id"] == 68864][0]
    folds.loc[place, "fold"] = "val" if folds.loc[place, "fold"] != "val" else "test"
    rewrite(FOLDS, folds)
    return "Musée d'Orsay"


def category_of_two_labels(rng: random.Random) -> str:
    labels = read_table(LABELS)
    labels.loc[labels["landmark_id"] == 68864, "hierarchical_label"] = rng.choice(["house", "theatre", "zoo"])
    rewrite(LABELS, labels)
    return "Musée d'Orsay"


def undescribed_field(rng: random.Random) -> str:
    table = rng.choice([table for table in release_tables.RELEASE_TABLES if table.path.endswith(".parquet")])
    read = pq.read_table(table.path)
    place = rng.randrange(read.num_columns)
    name = read.schema.names[place]
    pq.write_table(read.cast(read.schema.set(place, read.schema.field(place).remove_metadata())), table.path)
    publish_anew()
    return f"{table.path}: {name} "


def flipped_byte(rng: random.Random) -> str:
    path = rng.choice(sorted(path for path in RELEASE.rglob("*.md")))
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 0x01
    path.write_bytes(bytes(content))
    return path.name


def edited_document(name: str, rng: random.Random) -> str:
    path = RELEASE / name
    digits = [place for place, letter in enumerate(path.read_text(encoding="utf-8")) if letter.isdigit()]
    text, place = path.read_text(encoding="utf-8"), rng.choice(digits)
    path.write_text(f"{text[:place]}{(int(text[place]) + 1) % 10}{text[place + 1 :]}", encoding="utf-8")
    write_sums(RELEASE)
    return name


def another_version(rng: random.Random) -> str:
    path = RELEASE / "provenance.json"
    stated = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(stated | {"version": f"9.{rng.randrange(9)}.0"}), encoding="utf-8")
    write_sums(RELEASE)
    return "version"


def extra_key(rng: random.Random) -> str:
    path = RELEASE / "provenance.json"
    stated = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(stated | {f"note {rng.randrange(9)}": "mine"}, indent=2) + "\n", encoding="utf-8")
    write_sums(RELEASE)
    return "note"


def not_an_object(rng: random.Random) -> str:
    (RELEASE / "provenance.json").write_text(rng.choice(["null", "[]", "[" * 100_000]), encoding="utf-8")
    write_sums(RELEASE)
    return "could not be checked" if "[[" in (RELEASE / "provenance.json").read_text(encoding="utf-8") else "no object"


def parquet_of_another_kind(change: Callable[[pyarrow.Table], pyarrow.Table], rng: random.Random) -> str:
    table = rng.choice([LABELS, FOLDS])
    pq.write_table(change(pq.read_table(table.path)), table.path)
    publish_anew()
    return table.path


def int32(read: pyarrow.Table) -> pyarrow.Table:
    place = read.schema.get_field_index("landmark_id")
    return read.cast(read.schema.set(place, read.schema.field(place).with_type(pyarrow.int32())))


def nullable(read: pyarrow.Table) -> pyarrow.Table:
    return read.cast(pyarrow.schema([field.with_nullable(True) for field in read.schema], read.schema.metadata))


def other_version(read: pyarrow.Table) -> pyarrow.Table:
    return read.replace_schema_metadata(read.schema.metadata | {b"schema_version": b"0.9.0"})


def snappy(rng: random.Random) -> str:
    table = rng.choice([LABELS, FOLDS, CLASSES, EDGES])
    pq.write_table(pq.read_table(table.path), table.path, compression="snappy")
    publish_anew()
    return table.path


def csv_of_another_kind(rng: random.Random) -> str:
    path = Path(OFFICIAL.path)
    text = path.read_text(encoding="utf-8")
    other = rng.choice([text.replace("\n", "\r\n"), f"\ufeff{text}", text + "\n"])
    path.write_text(other, encoding="utf-8", newline="")
    publish_anew()
    return str(path)


def swapped_folds(rng: random.Random) -> str:
    del rng
    folds = read_table(FOLDS)
    rewrite(FOLDS, folds.assign(fold=folds["fold"].replace({"train": "test", "test": "train"})))
    return FOLDS.path


def swapped_images(rng: random.Random) -> str:
    images = read_table(IMAGES)
    images["image_id"] = rng.sample(list(images["image_id"]), len(images))
    rewrite(IMAGES, images)
    return IMAGES.path


def path_from_elsewhere(rng: random.Random) -> str:
    return cell(CLASSES, "path_qids", lambda row: row["path_qids"][1:], "class_qid", rng, has_long_path)


def path_of_two_ends(rng: random.Random) -> str:
    return cell(CLASSES, "anchor_qid", lambda row: row["class_qid"], "class_qid", rng, has_long_path)


def anchor_of_another_label(rng: random.Random) -> str:
    frame = read_table(CLASSES)
    place = rng.choice(list(frame.index[has_long_path(frame)]))
    frame.loc[frame["class_qid"] == frame.loc[place, "anchor_qid"], "hierarchical_label"] = "zoo"
    rewrite(CLASSES, frame)
    return str(frame.loc[place, "class_qid"])


def undone_added_edge(rng: random.Random) -> str:
    return lost(EDGES, "child_qid", rng, lambda frame: frame["source"] == "decision")


def sums_of_another_kind(rng: random.Random) -> str:
    path = RELEASE / "SHA256SUMS"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    wrong = f"{'0' * 64}  README.md\n"
    other = rng.choice([lines[::-1], [line.replace("\n", "\r\n") for line in lines], [wrong, *lines]])
    path.write_text("".join(other), encoding="utf-8", newline="")
    return "SHA256SUMS"


def link_out_of_the_release(rng: random.Random) -> str:
    name = rng.choice(["splits.parquet", "README.md"])
    (RELEASE / name).rename(name)
    (RELEASE / name).symlink_to(Path(name).resolve())
    return f"{name} is a link"


def empty_folder(rng: random.Random) -> str:
    (RELEASE / f"more{rng.randrange(9)}").mkdir()
    return "release/more"


def hidden(secret: str, what: str, rng: random.Random) -> str:
    """Put a secret where a search of the bytes does not see it: packed, or written otherwise."""
    read = pq.read_table(CLASSES.path)
    about = read.schema.metadata | {b"note": secret.encode()}
    names = read.column("class_label").to_pylist()
    paths = read.column("path_qids").to_pylist()
    names[rng.randrange(len(names))] = secret
    paths[rng.randrange(len(paths))] = [secret]
    ways = [
        read.replace_schema_metadata(about),
        read.set_column(1, read.schema.field(1), pyarrow.array(names, pyarrow.string())),
        read.set_column(7, read.schema.field(7), pyarrow.array(paths, read.schema.field(7).type)),
    ]
    pq.write_table(rng.choice(ways), CLASSES.path)
    write_sums(RELEASE)
    return f"{CLASSES.path}: holds {what}"


def contact_in_a_cell(rng: random.Random) -> str:
    cell(CLASSES, "class_label", "asked operator@hgldv2.org", "class_qid", rng)
    return "holds the operator contact"


def local_path_in_a_table(rng: random.Random) -> str:
    cell(LABELS, "supercategory", f"{Path.cwd()}/x", "landmark_id", rng, is_labelled)
    return "holds a local path"


def extra_file(rng: random.Random) -> str:
    name = f"notes{rng.randrange(100)}.txt"
    (RELEASE / name).write_text("mine", encoding="utf-8")
    write_sums(RELEASE)
    return name


Plant = Callable[[random.Random], str]
CORRUPTIONS: list[tuple[str, Plant]] = [
    ("tables_are_as_declared", unknown_rule),
    ("every_landmark_is_there", partial(lost, LABELS, "landmark_id")),
    ("every_landmark_is_there", partial(cell, LABELS, "landmark_id", 777, "landmark_id")),
    ("ids_are_well_formed", partial(cell, IMAGES, "image_id", lambda row: row["image_id"][:-1] + "X", "image_id")),
    ("ids_are_well_formed", partial(cell, EDGES, "parent_qid", "P279", "parent_qid")),
    ("labels_are_in_the_taxonomy", partial(cell, LABELS, "hierarchical_label", "spaceship", "landmark_id")),
    (
        "levels_follow_from_the_label",
        partial(cell, LABELS, "natural_or_human_made", "celestial", "landmark_id", where=is_labelled),
    ),
    ("status_fits_the_label", partial(cell, LABELS, "status", "unlabelled", "landmark_id", where=is_labelled)),
    ("status_fits_the_label", partial(cell, LABELS, "confidence", 1.5, "landmark_id")),
    ("status_fits_the_label", partial(cell, LABELS, "reviewed", lambda row: not row["reviewed"], "landmark_id")),
    ("one_category_has_one_label", category_of_two_labels),
    (
        "landmark_decisions_are_honoured",
        partial(
            cell, LABELS, "hierarchical_label", "zoo", "landmark_id", where=lambda frame: frame["rule"] == "decision"
        ),
    ),
    ("class_decisions_are_honoured", undone_class_decision),
    ("edge_decisions_are_honoured", undone_edge_decision),
    ("images_belong_to_landmarks", partial(lost, IMAGES, "landmark_id")),
    ("images_belong_to_landmarks", partial(cell, LABELS, "image_count", 99, "landmark_id")),
    ("no_image_is_in_two_splits", image_in_both_splits),
    ("folds_cover_the_labelled_once", partial(lost, FOLDS, "landmark_id")),
    ("folds_cover_the_labelled_once", category_in_two_folds),
    (
        "official_schema_repeats_the_labels",
        partial(cell, OFFICIAL, "supercategory", "cathedral", "landmark_id"),
    ),
    ("paths_are_edges", removed_edge_of_a_path),
    ("paths_lead_to_the_anchor", partial(cell, CLASSES, "steps", 17, "class_qid", where=has_long_path)),
    ("edges_join_known_classes", partial(cell, EDGES, "parent_qid", "Q999999999", "parent_qid")),
    ("cycles_are_marked", partial(cell, EDGES, "in_cycle", lambda row: not row["in_cycle"], "child_qid")),
    ("classes_agree_with_labels", partial(cell, LABELS, "supercategory", "thing", "landmark_id", where=has_class)),
    (
        "landmarks_are_instances_of_their_class",
        partial(cell, LABELS, "item_qid", "Q1", "landmark_id", where=has_class),
    ),
    ("class_counts_are_true", partial(cell, CLASSES, "landmark_count", 1_000, "class_qid")),
    ("class_counts_are_true", partial(lost, ITEM_CLASSES, "class_qid")),
    ("documents_follow_from_the_tables", partial(edited_document, "README.md")),
    ("documents_follow_from_the_tables", partial(edited_document, "croissant.json")),
    ("documents_follow_from_the_tables", partial(edited_document, "CHANGES.md")),
    ("provenance_is_true", another_version),
    ("fields_are_described", undescribed_field),
    ("files_are_those_promised", extra_file),
    ("checksums_hold", flipped_byte),
    ("checksums_hold", sums_of_another_kind),
    ("files_are_those_promised", link_out_of_the_release),
    ("files_are_those_promised", empty_folder),
    ("provenance_is_true", extra_key),
    ("provenance_is_true", not_an_object),
    ("fields_are_described", partial(parquet_of_another_kind, int32)),
    ("fields_are_described", partial(parquet_of_another_kind, nullable)),
    ("fields_are_described", partial(parquet_of_another_kind, other_version)),
    ("files_are_those_that_the_stages_make", snappy),
    ("files_are_those_that_the_stages_make", csv_of_another_kind),
    ("files_are_those_that_the_stages_make", swapped_folds),
    ("files_are_those_that_the_stages_make", swapped_images),
    ("class_labels_are_in_the_taxonomy", partial(cell, CLASSES, "hierarchical_label", "spaceship", "class_qid")),
    ("paths_lead_to_the_anchor", path_from_elsewhere),
    ("paths_lead_to_the_anchor", path_of_two_ends),
    ("paths_lead_to_the_anchor", anchor_of_another_label),
    ("edge_decisions_are_honoured", undone_added_edge),
    ("edges_join_known_classes", partial(cell, EDGES, "child_qid", "Q999999999", "child_qid")),
    ("ids_are_well_formed", partial(cell, LABELS, "item_qid", "q42", "item_qid")),
    ("status_fits_the_label", partial(cell, LABELS, "confidence", 0.0, "landmark_id", where=is_labelled)),
    ("status_fits_the_label", partial(cell, LABELS, "confidence", 0.123456, "landmark_id", where=is_labelled)),
    ("nothing_private_is_inside", partial(hidden, "Operator%40HGLDv2.org", "the operator contact")),
    ("nothing_private_is_inside", partial(hidden, "see /home/alice/gldv2/notes", "a local path")),
    ("nothing_private_is_inside", partial(hidden, f"file:{Path.home()}", "a local path")),
    ("nothing_private_is_inside", contact_in_a_cell),
    ("nothing_private_is_inside", local_path_in_a_table),
]


@pytest.mark.usefixtures("made_before")
@pytest.mark.parametrize("number", range(len(CORRUPTIONS)), ids=lambda number: f"{number}-{CORRUPTIONS[number][0]}")
def test_a_corruption_is_caught_by_the_right_check(
    number: int, workspace: Path, cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    del workspace
    monkeypatch.setenv("HGLD_CONTACT", "operator@hgldv2.org")
    check, plant = CORRUPTIONS[number]
    told = plant(random.Random(number))
    assert cli("validate").exit_code == 1
    report = json.loads(Path("data/6_validation/report.json").read_text(encoding="utf-8"))
    failures = {found["name"]: found["failures"] for found in report["checks"] if not found["ok"]}
    assert any(told in text for text in failures[check]), failures


def test_every_check_is_broken_once() -> None:
    """Other than the one that needs GLDv2's own bucket, which has a test of its own."""
    checks = {check.__name__ for check in (*CHECKS, *GRAPH_CHECKS, *DOCUMENT_CHECKS, *FILE_CHECKS)}
    assert {check for check, _ in CORRUPTIONS} == checks - {"counts_are_those_of_gldv2"} | {"tables_are_as_declared"}
