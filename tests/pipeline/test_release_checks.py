"""Every promise about a release can be broken, and validation then names it; one planted corruption each."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from annotations import store
from pipeline import release_tables
from pipeline.checksums import write_sums
from pipeline.files import read_table, write_tables
from pipeline.params import read_params
from pipeline.release_as_read import Release
from pipeline.release_checks import CHECKS, PUBLISHED, counts_are_those_of_gldv2
from pipeline.release_file_checks import DOCUMENT_CHECKS, FILE_CHECKS
from pipeline.release_graph_checks import GRAPH_CHECKS, class_decisions_are_honoured
from pipeline.schema import Table
from tests.publishing import publish_anew

Cli = Callable[..., Result]
RELEASE = Path("release")
TRAIN, INDEX = release_tables.LABELS["train"], release_tables.LABELS["index"]
SHARED_CATEGORY = ("Musée d'Orsay", 68864, 950031)  # in train and in index
DECIDED = 900026
ALL_CHECKS: list[Callable[..., Any]] = [*CHECKS, *GRAPH_CHECKS, *DOCUMENT_CHECKS, *FILE_CHECKS]


@pytest.fixture
def broken(workspace: Path, made_before: None, cli: Cli) -> Callable[[], dict[str, list[str]]]:
    """Validate the release; return the failures by check. It must fail politely, and say so in the report."""
    del workspace, made_before

    def validate() -> dict[str, list[str]]:
        result = cli("validate")
        assert result.exit_code == 1, result.output
        assert re.search(r"Error: .*Remedy: ", result.stderr)
        report = json.loads(Path("data/6_validation/report.json").read_text(encoding="utf-8"))
        assert report["ok"] is False
        assert set(report["counts"]) == {"landmarks", "labelled", "images", "labelled_images"}
        failures = {check["name"]: check["failures"] for check in report["checks"] if not check["ok"]}
        assert failures
        # What was changed is not what the stages make, either; test_seeded_corruptions.py looks at that.
        failures.pop("files_are_those_that_the_stages_make", None)
        for name, texts in failures.items():
            assert texts, name
            assert f"BROKEN {name.replace('_', ' ')}" in result.stdout
            assert all(text in result.stdout for text in texts)
        return failures

    return validate


Broken = Callable[[], dict[str, list[str]]]


def plant(table: Table, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Change a table of the release and make its documents anew, as somebody who edits a release would."""
    before = Path(table.path).read_bytes()
    write_tables([(table, change(read_table(table)))])
    assert Path(table.path).read_bytes() != before
    publish_anew()


def at(table: Table, landmark: int, **values: Any) -> None:
    """Set cells of one landmark."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        row = frame.index[frame["landmark_id"] == landmark]
        assert len(row) == 1
        for name, value in values.items():
            frame.loc[row, name] = value
        return frame

    plant(table, change)


def without(landmark_id: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame[frame["landmark_id"] != landmark_id]


def test_a_good_release_passes_every_check(workspace: Path, cli: Cli) -> None:
    result = cli("validate")
    assert result.exit_code == 0
    assert "BROKEN" not in result.stdout
    for check in ALL_CHECKS:
        assert f"ok     {check.__name__.replace('_', ' ')}" in result.stdout


def test_every_check_is_documented() -> None:
    assert len({check.__name__ for check in ALL_CHECKS}) == len(ALL_CHECKS)
    assert all(check.__doc__ for check in ALL_CHECKS)


def test_a_lost_landmark(broken: Broken) -> None:
    plant(TRAIN, without(900033))
    found = broken()
    assert f"{TRAIN.path}: landmark 900033 is lost" in found["every_landmark_is_there"]
    assert any("900033" in text for text in found["images_belong_to_landmarks"])


def test_a_lost_landmark_that_a_person_decided(broken: Broken) -> None:
    plant(TRAIN, without(DECIDED))
    found = broken()
    assert f"{TRAIN.path}: landmark {DECIDED} is lost" in found["every_landmark_is_there"]


def test_an_unknown_landmark(broken: Broken) -> None:
    at(TRAIN, 900033, landmark_id=777)
    found = broken()
    assert f"{TRAIN.path}: landmark 777 is unknown" in found["every_landmark_is_there"]


def test_a_landmark_in_the_file_of_the_other_split(broken: Broken) -> None:
    row = read_table(TRAIN).query("landmark_id == 900033")
    plant(INDEX, lambda frame: pd.concat([frame, row], ignore_index=True))
    assert any("of another split" in text and "900033" in text for text in broken()["every_landmark_is_there"])


def test_a_label_outside_the_taxonomy(broken: Broken) -> None:
    at(TRAIN, 900033, hierarchical_label="spaceship")
    found = broken()
    assert any("900033" in text for text in found["labels_are_in_the_taxonomy"])


def test_another_nature(broken: Broken) -> None:
    at(TRAIN, 900033, natural_or_human_made="natural")
    found = broken()
    assert any("900033" in text for text in found["levels_follow_from_the_label"])
    assert "labels_are_in_the_taxonomy" not in found


def test_a_nature_without_a_label(broken: Broken) -> None:
    at(TRAIN, 46776, natural_or_human_made="natural")
    assert any("46776" in text for text in broken()["levels_follow_from_the_label"])


def test_a_category_with_two_labels(broken: Broken) -> None:
    category, _, landmark_id = SHARED_CATEGORY
    at(INDEX, landmark_id, hierarchical_label="house")
    found = broken()
    assert any(category in text for text in found["one_category_has_one_label"])
    assert "levels_follow_from_the_label" not in found


def test_a_category_that_is_labelled_in_one_split_only(broken: Broken) -> None:
    category, _, landmark_id = SHARED_CATEGORY
    at(INDEX, landmark_id, hierarchical_label=None, natural_or_human_made=None, supercategory=None, class_qid=None)
    assert any(category in text for text in broken()["one_category_has_one_label"])


@pytest.mark.parametrize("values", [{"hierarchical_label": "house"}, {"reviewed": False}])
def test_an_undone_decision(values: dict[str, Any], broken: Broken) -> None:
    at(TRAIN, DECIDED, **values)
    (failure,) = broken()["landmark_decisions_are_honoured"]
    assert "sample/annotations/landmark_decisions.csv:2: " in failure
    assert str(DECIDED) in failure


def test_a_lost_image(broken: Broken) -> None:
    images = release_tables.IMAGES["train"]
    lost = read_table(images).iloc[7]
    plant(images, lambda frame: frame[frame["image_id"] != lost["image_id"]])
    found = broken()
    assert list(found) == ["images_belong_to_landmarks"]
    assert any(f"landmark {lost['landmark_id']} " in text for text in found["images_belong_to_landmarks"])


def test_an_image_of_an_unknown_landmark(broken: Broken) -> None:
    images = release_tables.IMAGES["index"]
    plant(images, lambda frame: frame.assign(landmark_id=frame["landmark_id"].replace(950031, 777)))
    found = broken()
    assert list(found) == ["images_belong_to_landmarks"]
    assert f"{images.path}: landmark 777 is not in the labels" in found["images_belong_to_landmarks"]


def test_another_image_count(broken: Broken) -> None:
    at(INDEX, 950031, image_count=99)
    found = broken()
    assert list(found) == ["images_belong_to_landmarks", "class_counts_are_true"]
    assert any("950031" in text for text in found["images_belong_to_landmarks"])


def test_a_path_over_an_edge_that_is_not_there(broken: Broken) -> None:
    edges = release_tables.CLASS_EDGES
    child, parent = "Q56242250", "Q58079064"
    plant(edges, lambda frame: frame[(frame["child_qid"] != child) | (frame["parent_qid"] != parent)])
    found = broken()
    assert list(found) == ["paths_are_edges"]
    assert any(child in text and parent in text for text in found["paths_are_edges"])


def test_a_path_over_an_edge_that_a_decision_removed(broken: Broken) -> None:
    edges = release_tables.CLASS_EDGES
    child, parent = "Q56242250", "Q58079064"

    def remove(frame: pd.DataFrame) -> pd.DataFrame:
        is_it = (frame["child_qid"] == child) & (frame["parent_qid"] == parent)
        return frame.assign(is_removed=frame["is_removed"] | is_it)

    plant(edges, remove)
    found = broken()
    assert list(found) == ["paths_are_edges"]
    assert any(f"{child} -> {parent} is not an edge in use" in text for text in found["paths_are_edges"])


def test_a_landmark_of_a_class_that_its_item_is_no_instance_of(broken: Broken) -> None:
    table = release_tables.ITEM_CLASSES
    plant(table, lambda frame: frame[(frame["item_qid"] != "Q5933") | (frame["class_qid"] != "Q56242250")])
    found = broken()
    assert list(found) == ["landmarks_are_instances_of_their_class", "class_counts_are_true"]
    assert any("900033" in text for text in found["landmarks_are_instances_of_their_class"])


def test_another_supercategory(broken: Broken) -> None:
    at(TRAIN, 900033, supercategory="cathedral")
    found = broken()
    assert any("900033" in text for text in found["classes_agree_with_labels"])


def test_a_class_that_is_not_among_the_classes(broken: Broken) -> None:
    classes = release_tables.CLASSES
    plant(classes, lambda frame: frame[frame["class_qid"] != "Q56242250"])
    assert any("900033" in text for text in broken()["classes_agree_with_labels"])


def test_a_class_with_another_label(broken: Broken) -> None:
    classes = release_tables.CLASSES

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[frame["class_qid"] == "Q56242250", "hierarchical_label"] = "museum"
        return frame

    plant(classes, change)
    assert any("900033" in text for text in broken()["classes_agree_with_labels"])


def test_a_landmark_in_no_fold(broken: Broken) -> None:
    plant(release_tables.FOLDS, without(900033))
    found = broken()
    assert list(found) == ["folds_cover_the_labelled_once"]
    assert any("900033" in text for text in found["folds_cover_the_labelled_once"])


def test_a_fold_of_a_landmark_without_a_label(broken: Broken) -> None:
    extra = pd.DataFrame({"split": ["train"], "landmark_id": [46776], "fold": ["test"]})
    plant(release_tables.FOLDS, lambda frame: pd.concat([frame, extra], ignore_index=True))
    found = broken()
    assert list(found) == ["folds_cover_the_labelled_once"]
    assert any("46776" in text for text in found["folds_cover_the_labelled_once"])


def test_a_category_in_two_folds(broken: Broken) -> None:
    category, train_id, _ = SHARED_CATEGORY
    folds = read_table(release_tables.FOLDS).set_index("landmark_id")["fold"]
    at(release_tables.FOLDS, train_id, fold="val" if folds[train_id] != "val" else "test")
    found = broken()
    assert list(found) == ["folds_cover_the_labelled_once"]
    assert any(category in text for text in found["folds_cover_the_labelled_once"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hierarchical_label", "museum"),
        ("natural_or_human_made", "natural"),
        ("supercategory", "cathedral"),
        ("category", "http://commons.wikimedia.org/wiki/Category:Yap"),
    ],
)
def test_a_csv_that_says_something_else(name: str, value: str, broken: Broken) -> None:
    at(release_tables.OFFICIAL_SCHEMA["train"], 900033, **{name: value})
    found = broken()
    assert list(found) == ["official_schema_repeats_the_labels"]
    assert any("900033" in text for text in found["official_schema_repeats_the_labels"])


def test_a_csv_that_lacks_a_landmark(broken: Broken) -> None:
    plant(release_tables.OFFICIAL_SCHEMA["index"], without(950031))
    assert list(broken()) == ["official_schema_repeats_the_labels"]


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x01
    path.write_bytes(bytes(content))


FLIPPED = [
    "labels/index.parquet",
    "splits.parquet",
    "classes.parquet",
    "index_label_to_hierarchical.csv",
    "provenance.json",
]


@pytest.mark.parametrize("name", FLIPPED)
def test_a_bit_that_flipped(name: str, broken: Broken) -> None:
    """Whether the file can still be read or not, validation says which one it is."""
    path = RELEASE / name
    flip(path, path.stat().st_size // 2)
    texts = [text for failures in broken().values() for text in failures]
    assert any(name in text for text in texts)


def test_a_digit_that_changed(broken: Broken) -> None:
    path = RELEASE / "provenance.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"0.1.0"', '"0.1.1"'), encoding="utf-8")
    found = broken()
    assert set(found) == {"checksums_hold", "provenance_is_true"}
    assert found["checksums_hold"] == ["provenance.json is not the file that SHA256SUMS lists"]


def test_a_file_that_is_gone_or_new(broken: Broken) -> None:
    (RELEASE / "provenance.json").unlink()
    (RELEASE / "notes.txt").write_text("my notes\n", encoding="utf-8")
    found = broken()
    assert set(found) == {"checksums_hold", "files_are_those_promised", "provenance_is_true"}
    assert found["provenance_is_true"][0].startswith("could not be checked (FileNotFoundError")
    assert found["files_are_those_promised"] == [
        "release/provenance.json is absent",
        "release/notes.txt is no file of a release",
    ]
    assert len(found["checksums_hold"]) == 2
    assert "notes.txt is not listed" in " ".join(found["checksums_hold"])
    assert "provenance.json is listed in SHA256SUMS but absent" in found["checksums_hold"]


def test_absent_checksums(broken: Broken) -> None:
    (RELEASE / "SHA256SUMS").unlink()
    assert "checksums_hold" in broken()


def test_a_file_that_is_no_text(broken: Broken) -> None:
    (RELEASE / "cover.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    assert set(broken()) == {"checksums_hold", "files_are_those_promised"}


def test_the_operator_contact_inside(broken: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HGLD_CONTACT", "operator@hgldv2.org")
    path = RELEASE / "provenance.json"
    text = path.read_text(encoding="utf-8").replace('"sample"', '"sample by operator@hgldv2.org"', 1)
    path.write_text(text, encoding="utf-8")
    write_sums(RELEASE)
    found = broken()
    assert set(found) == {"nothing_private_is_inside", "provenance_is_true"}
    (failure,) = found["nothing_private_is_inside"]
    assert "provenance.json" in failure
    assert "operator@hgldv2.org" not in failure, "the report must not repeat the secret"


def test_a_path_of_this_machine_inside(workspace: Path, broken: Broken) -> None:
    path = RELEASE / "provenance.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"sample"', f'"{workspace}/sample"', 1), encoding="utf-8")
    write_sums(RELEASE)
    assert set(broken()) == {"nothing_private_is_inside", "provenance_is_true"}


def test_a_table_that_is_gone(broken: Broken) -> None:
    Path(release_tables.CLASSES.path).unlink()
    found = broken()
    assert any(release_tables.CLASSES.path in text for text in found["tables_are_as_declared"])


@pytest.mark.parametrize("table", [TRAIN, release_tables.OFFICIAL_SCHEMA["train"]], ids=["parquet", "csv"])
def test_a_table_that_was_cut(table: Table, broken: Broken) -> None:
    path = Path(table.path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert any(table.path in text for failures in broken().values() for text in failures)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("landmark_id", "x"),
        ("image_count", None),
        ("category", None),
        ("rule", "magic"),
        ("status", "fine"),
        ("confidence", "high"),
        ("landmark_id", 900034),
    ],
)
def test_a_table_with_another_content(name: str, value: Any, broken: Broken) -> None:
    """Another type, a null, a value that is not allowed, a key that stands twice."""
    frame = read_table(TRAIN)
    column = frame[name].astype(object)
    column[frame["landmark_id"] == 900033] = value
    frame[name] = column.astype(str) if isinstance(value, str) else column.convert_dtypes()
    pq.write_table(pyarrow.Table.from_pandas(frame, preserve_index=False), TRAIN.path)
    write_sums(RELEASE)
    assert any(TRAIN.path in text for text in broken()["tables_are_as_declared"])


def test_several_corruptions_are_all_named(broken: Broken) -> None:
    at(TRAIN, 900033, natural_or_human_made="natural")
    at(INDEX, 950031, image_count=99)
    plant(release_tables.FOLDS, without(900094))
    assert {
        "levels_follow_from_the_label",
        "images_belong_to_landmarks",
        "folds_cover_the_labelled_once",
    } <= set(broken())


@pytest.mark.parametrize(
    ("rule", "label", "is_broken"), [("decision", "zoo", False), ("decision", "museum", True), ("agreed", "zoo", True)]
)
def test_a_class_that_people_gave_a_label(rule: str, label: str, is_broken: bool) -> None:
    """The sample's decisions about classes only ignore."""
    classes = pd.DataFrame(
        {"class_qid": ["Q1"], "rule": [rule], "status": ["resolved"], "hierarchical_label": [label]}, dtype="str"
    )
    columns = [*store.TABLES["class_decisions"].columns, "where"]
    decided = pd.DataFrame(columns=columns, dtype="str")
    decided.loc[0] = ["Q1", "menagerie", "assign", "zoo", "ada", "2026-01-01", "", "Has animals.", "x.csv:2"]
    edges = pd.DataFrame(columns=[*store.TABLES["edge_decisions"].columns, "where"], dtype="str")
    curated = {"class_decisions": decided, "edge_decisions": edges}
    release = Release({release_tables.CLASSES.path: classes}, {}, curated, read_params())
    failures = list(class_decisions_are_honoured(release))
    assert failures == (["x.csv:2: Q1 (menagerie) is not as decided"] if is_broken else [])


@pytest.mark.parametrize("source", ["sample", "wikimedia", "dump"])
def test_the_full_set_has_as_many_landmarks_and_images_as_gldv2_publishes(source: str) -> None:
    assert PUBLISHED == {("train", "landmarks"): 203_094, ("train", "images"): 4_132_914, ("index", "images"): 761_757}
    params = replace(read_params(), source=source)
    sizes = {TRAIN: 203_094, release_tables.IMAGES["train"]: 4_132_914, release_tables.IMAGES["index"]: 761_756}
    frames = {table.path: pd.DataFrame(index=range(size)) for table, size in sizes.items()}
    failures = list(counts_are_those_of_gldv2(Release(frames, {}, {}, params)))
    lost = ["release/images/index.parquet: 761,756 images, and GLDv2 has 761,757"]
    assert failures == ([] if source == "sample" else lost)
    for address in ("file:elsewhere", "http://127.0.0.1:8000/bucket"):
        rehearsal = replace(params, gldv2=replace(params.gldv2, address=address))
        assert not list(counts_are_those_of_gldv2(Release(frames, {}, {}, rehearsal)))
