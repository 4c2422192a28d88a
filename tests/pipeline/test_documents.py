"""The documents of a release: true numbers, answers that follow from them, changes, and a version that may follow."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

from pipeline.documents import regions
from pipeline.documents.card import cell
from pipeline.documents.changes import require_version
from pipeline.documents.datasheet import answers
from pipeline.documents.facts import release_facts
from pipeline.errors import InputError

Cli = Callable[..., Result]
PLACES = {
    (48.86, 2.33): "Europe",
    (64.1, -21.9): "Europe",
    (41.0, 28.98): "Europe",
    (37.74, -25.67): "Europe",
    (78.22, 15.63): "Europe",
    (48.71, 44.51): "Europe",
    (55.79, 49.12): "Europe",
    (36.89, -2.46): "Europe",
    (35.34, 25.14): "Europe",
    (39.93, 32.86): "Northern Africa and Western Asia",
    (37.94, 27.34): "Northern Africa and Western Asia",
    (38.64, 34.83): "Northern Africa and Western Asia",
    (36.81, 10.18): "Northern Africa and Western Asia",
    (36.75, 3.06): "Northern Africa and Western Asia",
    (36.2, 37.16): "Northern Africa and Western Asia",
    (39.65, 66.96): "Central Asia",
    (41.3, 69.24): "Central Asia",
    (64.18, -51.72): "Northern America and the Caribbean",
    (21.03, 105.85): "South-eastern Asia",
    (21.17, 94.86): "South-eastern Asia",
    (-27.12, -109.35): "Oceania",
    (27.99, -115.0): "Northern America and the Caribbean",
    (30.04, 31.24): "Northern Africa and Western Asia",
    (33.57, -7.59): "Northern Africa and Western Asia",
    (35.69, 51.39): "Northern Africa and Western Asia",
    (-1.29, 36.82): "Africa south of the Sahara",
    (-20.16, 57.5): "Africa south of the Sahara",
    (28.61, 77.21): "Southern Asia",
    (35.68, 139.69): "Eastern Asia",
    (39.9, 116.4): "Eastern Asia",
    (13.75, 100.5): "South-eastern Asia",
    (55.03, 82.92): "Northern Asia",
    (-33.87, 151.21): "Oceania",
    (21.31, -157.86): "Oceania",
    (40.71, -74.01): "Northern America and the Caribbean",
    (19.43, -99.13): "Northern America and the Caribbean",
    (-22.91, -43.17): "Central and South America",
    (9.93, -84.08): "Central and South America",
    (-77.85, 166.67): regions.ELSEWHERE,
}
COUNTS = {"added": 0, "removed": 0, "moved": 0, "new": 0, "gone": 0, "refolded": 0}


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_well_known_places_are_in_their_region(place: tuple[float, float]) -> None:
    found = regions.region_of(pd.Series([place[0]]), pd.Series([place[1]]))
    assert found.tolist() == [PLACES[place]]


@given(st.lists(st.tuples(st.floats(-90, 90) | st.none(), st.floats(-180, 180) | st.none()), min_size=1))
def test_every_place_has_one_region(places: list[tuple[float | None, float | None]]) -> None:
    frame = pd.DataFrame(places, columns=["latitude", "longitude"], dtype="float64")
    found = regions.region_of(frame["latitude"], frame["longitude"])
    assert set(found) <= {*regions.NAMES, regions.ELSEWHERE, regions.UNKNOWN}
    unknown = frame.isna().any(axis=1)
    assert (found[unknown] == regions.UNKNOWN).all()
    assert (found[~unknown] != regions.UNKNOWN).all()


def world() -> dict[str, pd.DataFrame]:
    """Five landmarks in two splits, three of them labelled, one place known."""
    labels = pd.DataFrame(
        {
            "split": ["train", "train", "train", "index", "index"],
            "landmark_id": [1, 2, 3, 1, 2],
            "hierarchical_label": ["church", "church", None, "lake", None],
            "natural_or_human_made": ["human-made", "human-made", None, "natural", None],
            "rule": ["agreed", "decision", "no_item", "agreed", "steps"],
            "status": ["resolved", "resolved", "unlabelled", "resolved", "withheld"],
            "reviewed": [False, True, False, False, False],
            "image_count": [5, 1, 2, 4, 0],
        }
    )
    items = labels[["split", "landmark_id"]].assign(latitude=[48.9, None, None, None, 0.0], longitude=2.3)
    official = pd.DataFrame(
        {
            "split": ["train", "train", "index"],
            "landmark_id": [1, 2, 2],
            "hierarchical_label": ["church", "castle / fort", "lake"],
            "natural_or_human_made": ["human-made", "human-made", "natural"],
        }
    )
    return {
        "labels": labels,
        "taxonomy": pd.DataFrame(
            {
                "hierarchical_label": ["castle / fort", "church", "lake"],
                "natural_or_human_made": ["human-made", "human-made", "natural"],
                "description": ["Forts, too.", "", "Ponds."],
            }
        ),
        "landmark_items": items,
        "official_labels": official,
        "splits": pd.DataFrame({"fold": ["train", "train", "test"]}),
        "classes": pd.DataFrame({"class_qid": ["Q1", "Q2"]}),
        "class_edges": pd.DataFrame({"child_qid": ["Q1"]}),
    }


def test_facts_are_counted_right() -> None:
    facts = release_facts(world(), ["natural_or_human_made"])
    assert facts["total"] == {
        "landmark_count": 5,
        "labelled_count": 3,
        "labelled_share": 0.6,
        "image_count": 12,
        "labelled_image_count": 10,
        "labelled_image_share": 0.8333,
    }
    assert facts["splits"]["index"]["labelled_share"] == 0.5
    assert [(row["name"], row["landmark_count"], row["image_count"]) for row in facts["labels"]] == [
        ("church", 2, 6),
        ("lake", 1, 4),
        ("castle / fort", 0, 0),
    ]
    assert facts["labels"][1]["coarser"] == ["natural"]
    assert facts["coarsest"] == ["human-made", "natural"]
    assert facts["rare_labels"] == ["church", "lake"]
    assert [(row["name"], row["landmark_count"]) for row in facts["unlabelled"]] == [("no_item", 1), ("withheld", 1)]
    assert [(row["name"], row["landmark_count"], row["labelled_share"]) for row in facts["regions"]] == [
        ("Europe", 1, 1.0),
        ("Africa south of the Sahara", 1, 0.0),
        (regions.UNKNOWN, 3, 0.6667),
    ]
    assert facts["folds"] == {"train": 2, "val": 0, "test": 1}
    assert facts["official"]["train"]["agreement"] == {"hierarchical_label": 0.5, "natural_or_human_made": 1.0}
    assert facts["official"]["index"]["both"] == 0
    assert facts["reviewed_count"] == 1


def test_answers_say_the_numbers_and_warn_of_the_sample() -> None:
    facts = release_facts(world(), ["natural_or_human_made"])
    said = answers(facts, "sample", "2026-01-31")
    assert "5 landmarks" in said["summary"]
    assert "do not train on it" in said["summary"]
    assert "do not train on it" not in answers(facts, "wikimedia", "2026-01-31")["summary"]
    assert said["missing"].startswith(
        "Landmarks without a label: 2. Of these, 1 have no Wikidata item, 1 have a label that is not sure enough"
    )
    assert "of the sample" in said["summary"]
    assert "human-made or natural" in said["summary"]
    assert "church 66.7%" in said["label_bias"]
    assert "1 of 3 have none" in said["label_bias"]
    assert "Europe 50.0%" in said["region_bias"]
    assert "2026-01-31" in answers(facts, "wikimedia", "2026-01-31")["collection"]
    assert "2026-01-31" not in said["collection"], "the sample's facts are of several years"


@pytest.mark.parametrize(("count", "is_rare"), [(9, True), (10, False)])
def test_a_label_with_fewer_than_ten_landmarks_is_rare(count: int, is_rare: bool) -> None:
    found = world()
    first = found["labels"].iloc[:1]
    more = pd.concat([first.assign(landmark_id=number) for number in range(count)], ignore_index=True)
    found |= {"labels": more, "landmark_items": more[["split", "landmark_id"]].assign(latitude=0.0, longitude=0.0)}
    assert release_facts(found, ["natural_or_human_made"])["rare_labels"] == (["church"] if is_rare else [])


def test_answers_of_a_release_without_labels_or_places() -> None:
    found = world()
    found["labels"][["hierarchical_label", "natural_or_human_made"]] = None
    found["landmark_items"]["latitude"] = None
    found["splits"] = found["splits"].head(0)
    said = answers(release_facts(found, ["natural_or_human_made"]), "dump", "2026-01-31")
    assert said["label_bias"] == "No landmark is labelled."
    assert said["region_bias"].startswith("No landmark has coordinates")


@given(st.text())
def test_a_cell_of_a_table_cannot_leave_it(text: str) -> None:
    told = cell(text)
    assert "\n" not in told
    plain = told
    for letter in "\\|`*_[]<>#&":
        plain = plain.replace(f"\\{letter}", "")
    assert not set(plain) & set("|`<>[]")


@pytest.mark.parametrize(
    ("before", "version", "changed", "complaint"),
    [
        ("1.2.3", "1.2.4", {}, None),
        ("1.2.3", "1.3.0", {"added": 4}, None),
        ("1.2.3", "2.0.0", {"moved": 1, "added": 2}, None),
        ("1.2.3", "2.0.0", {"removed": 1}, None),
        ("0.1.0", "0.1.1", {"moved": 5, "removed": 2}, None),
        ("0.9.0", "1.0.0", {"moved": 5}, None),
        ("1.9.0", "1.10.0", {"added": 1}, None),
        ("1.2.3", "1.2.3", {}, "is not later than 1.2.3"),
        ("1.2.3", "1.2.2", {}, "is not later than 1.2.3"),
        ("1.10.0", "1.9.0", {}, "is not later than 1.10.0"),
        ("1.2.3", "1.2.4", {"added": 1}, "landmarks were added"),
        ("1.2.3", "1.2.4", {"new": 1}, "landmarks were added"),
        ("1.2.3", "1.3.0", {"moved": 1}, "labels or folds moved, or landmarks went"),
        ("1.2.3", "1.3.0", {"removed": 1}, "labels or folds moved, or landmarks went"),
        ("1.2.3", "1.3.0", {"gone": 1}, "labels or folds moved, or landmarks went"),
        ("1.2.3", "1.3.0", {"refolded": 1}, "labels or folds moved, or landmarks went"),
        ("1.2.x", "1.3.0", {}, "is not major.minor.patch"),
        (" 0.0.-1 ", "1.3.0", {}, "is not major.minor.patch"),
    ],
)
def test_a_version_follows_from_what_changed(
    before: str, version: str, changed: dict[str, int], complaint: str | None
) -> None:
    counts = {name: {"landmark_count": count} for name, count in (COUNTS | changed).items()}
    if complaint is None:
        require_version(before, version, counts)
    else:
        with pytest.raises(InputError, match=complaint):
            require_version(before, version, counts)


def edit_params(**values: str) -> None:
    """Set keys of the section `release` in params.yaml."""
    path = Path("params.yaml")
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    params["release"] |= values
    path.write_text(yaml.safe_dump(params), encoding="utf-8")


def test_changes_since_the_release_before(workspace: Path, cli: Cli) -> None:
    shutil.copytree("release", workspace.parent / "published")
    decisions = Path("sample/annotations/landmark_decisions.csv")
    row = 'train,11355,Antarctica: Empire of the Penguin,assign,amusement park,hgldv2,2026-11-24,,"A ride | <b>"\n'
    decisions.write_text(decisions.read_text(encoding="utf-8") + row, encoding="utf-8")
    lines = decisions.read_text(encoding="utf-8").splitlines(keepends=True)
    decisions.write_text("".join([lines[0], *sorted(lines[1:])]), encoding="utf-8")
    edit_params(previous=str(workspace.parent / "published"), version="0.2.0", date="2026-12-01")
    assert cli("label").exit_code == 0
    assert cli("export").exit_code == 0
    told = Path("release/CHANGES.md").read_text(encoding="utf-8")
    assert told.startswith("# Changes of hgldv2 0.2.0 (2026-12-01)\n\nSince 0.1.0")
    assert "| added (got a label) | 1 |" in told
    assert "| new landmarks | 0 |" in told
    assert "| labelled before | 299 |" in told
    assert "| labelled now | 300 |" in told
    assert "| train 11355 Antarctica: Empire of the Penguin | no label -\\> amusement park |" in told
    stated = json.loads(Path("release/provenance.json").read_text(encoding="utf-8"))
    assert stated["previous"]["version"] == "0.1.0"
    assert cli("validate").exit_code == 0, cli("validate").output
    everything = b"".join(path.read_bytes() for path in Path("release").rglob("*.*") if path.suffix != ".parquet")
    assert str(workspace.parent).encode() not in everything


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"version": "1.0"}, "'1.0' is not major.minor.patch"),
        ({"version": "1.0.0-beta"}, "is not major.minor.patch"),
        ({"version": "01.0.0"}, "is not major.minor.patch"),
        ({"date": "24.11.2026"}, "'24.11.2026' is not a date"),
        ({"date": "2026-02-30"}, "'2026-02-30' is not a date"),
        ({"url": "hgldv2"}, "'hgldv2' is no address"),
        ({"url": "https://me:secret@hgldv2.org"}, "is no address"),
        ({"url": "https://hgldv2.org/')<b>"}, "is no address"),
        ({"previous": "release"}, "lies in release/"),
        ({"previous": "release/labels"}, "lies in release/"),
        ({"previous": "nowhere"}, "nowhere is no release"),
        ({"previous": "sample"}, "sample is no release"),
    ],
)
def test_wrong_settings_of_the_release_stop_export_and_leave_it_alone(
    values: dict[str, Any], complaint: str, workspace: Path, cli: Cli
) -> None:
    before = {path: path.read_bytes() for path in Path("release").rglob("*") if path.is_file()}
    edit_params(**values)
    result = cli("export")
    assert result.exit_code == 1
    assert complaint in result.stderr
    assert "Remedy: " in result.stderr
    assert {path: path.read_bytes() for path in Path("release").rglob("*") if path.is_file()} == before


def test_a_release_cannot_follow_itself(workspace: Path, cli: Cli) -> None:
    shutil.copytree("release", workspace.parent / "published")
    edit_params(previous="../published")
    result = cli("export")
    assert result.exit_code == 1
    assert "0.1.0 is not later than 0.1.0" in result.stderr
    assert not list(Path().glob(".release*")), "nothing half-written is left"


def test_a_release_that_was_harmed_is_not_followed(workspace: Path, cli: Cli) -> None:
    shutil.copytree("release", workspace.parent / "published")
    (workspace.parent / "published/README.md").write_text("mine", encoding="utf-8")
    edit_params(previous="../published", version="0.2.0")
    result = cli("export")
    assert result.exit_code == 1
    assert "README.md is not the file that SHA256SUMS lists" in result.stderr


def test_other_folds_are_told_and_ask_for_a_major_version(workspace: Path, cli: Cli) -> None:
    edit_params(version="1.0.0")
    assert cli("export").exit_code == 0
    shutil.copytree("release", workspace.parent / "published")
    edit_params(previous="../published", version="1.1.0")
    text = Path("params.yaml").read_text(encoding="utf-8")
    Path("params.yaml").write_text(text.replace("seed: 0", "seed: 7"), encoding="utf-8")
    result = cli("export")
    assert result.exit_code == 1
    assert "labels or folds moved" in result.stderr
    edit_params(version="2.0.0")
    assert cli("export").exit_code == 0
    told = Path("release/CHANGES.md").read_text(encoding="utf-8")
    before, now = (
        pd.read_parquet(folder / "splits.parquet").set_index(["split", "landmark_id"])["fold"]
        for folder in (workspace.parent / "published", Path("release"))
    )
    assert f"| in another fold than before | {(before != now).sum()} |" in told


def test_a_release_without_any_label_can_be_made(workspace: Path, cli: Cli) -> None:
    for table in (Path("annotations/anchors.csv"), Path("sample/annotations/landmark_decisions.csv")):
        table.write_text(table.read_text(encoding="utf-8").splitlines(keepends=True)[0], encoding="utf-8")
    for stage in ("hierarchy", "label", "export", "validate"):
        result = cli(stage)
        assert result.exit_code == 0, result.output
    assert "No landmark is labelled." in Path("release/README.md").read_text(encoding="utf-8")
    header = yaml.safe_load(Path("release/README.md").read_text(encoding="utf-8").split("---\n")[1])
    assert "splits" not in {config["config_name"] for config in header["configs"]}, "datasets loads no empty table"
