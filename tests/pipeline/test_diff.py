"""`hgld diff` on the built sample: a round of decisions is told as what it did, and other folders are refused."""

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from annotations import store
from annotations.worksheet import unguard
from pipeline import release_tables

Cli = Callable[..., Result]
Key = tuple[str, int]
LATER = ("hgldv2", "2026-11-24", "", "a test")
# What the round of decisions below does, by landmark: change, old and new label, kind and reason.
REMOVED_EDGE = "edge Q1415133 (film museum) -> Q207694 (art museum) removed by decision"
TOWER = "class Q12518 (tower) assigned memorial by decision"
DONE: dict[Key, tuple[str, str | None, str | None, str, str]] = {
    ("train", 900167): ("moved", "museum", "library", "decision", REMOVED_EDGE),
    ("train", 900149): ("moved", "tower", "memorial", "decision", TOWER),
    ("index", 950027): ("moved", "tower", "memorial", "decision", TOWER),
    ("index", 950012): (
        "removed",
        "cemetery",
        None,
        "decision",
        "class Q2972684 (Parisian cemetery) ignored by decision",
    ),
    ("train", 66552): ("added", None, "waterfall", "decision", "decision on the landmark"),
}


def decide(table: str, *cells: str, path: str = "") -> None:
    """Put a row into a curated table where its key belongs."""
    file = Path(path or f"annotations/{table}.csv")
    with file.open(encoding="utf-8", newline="") as opened:
        header, *rows = csv.reader(opened)
    key = [header.index(name) for name in store.TABLES[table].key]
    rows.append([*cells, *LATER])
    rows.sort(key=lambda row: [store.sort_value(header[place], row[place]) for place in key])
    with file.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened, lineterminator="\n").writerows([header, *rows])


@pytest.fixture(scope="module")
def decided(built_sample: Path, tmp_path_factory: pytest.TempPathFactory, build_here: Callable[..., None]) -> Path:
    """A folder with the release `before` and the `release` after a round of decisions. Read only."""
    folder = tmp_path_factory.mktemp("decided") / "hgldv2"
    shutil.copytree(built_sample, folder)
    shutil.copytree(folder / "release", folder / "before")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("HGLD_CONTACT", raising=False)
        decide("edge_decisions", "Q1415133", "film museum", "Q207694", "art museum", "remove")
        decide("class_decisions", "Q12518", "tower", "assign", "memorial")
        decide("class_decisions", "Q2972684", "Parisian cemetery", "ignore", "")
        falls = ("train", "66552", "'Opaeka'a Falls", "assign", "waterfall")
        decide("landmark_decisions", *falls, path="sample/annotations/landmark_decisions.csv")
        build_here("hierarchy", "label", "export", "validate")
    return folder


@pytest.fixture
def in_decided(decided: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(decided)
    return decided


def as_json(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def told(found: dict[str, Any]) -> dict[Key, tuple[str, str | None, str | None, str, str]]:
    """What the JSON says, by landmark."""
    return {
        (row["split"], row["landmark_id"]): (change, row["old"], row["new"], row["reason_kind"], row["reason"])
        for change in ("added", "removed", "moved")
        for row in found[change]
    }


def labels_in(folder: str) -> dict[Key, tuple[str | None, int]]:
    """Label and images of every landmark of a release."""
    frames = [pd.read_parquet(f"{folder}/labels/{split}.parquet") for split in ("train", "index")]
    return {
        (row.split, row.landmark_id): (
            row.hierarchical_label if isinstance(row.hierarchical_label, str) else None,
            row.image_count,
        )
        for row in pd.concat(frames).itertuples()
    }


def test_every_decision_is_named_for_exactly_what_it_changed(in_decided: Path, cli: Cli) -> None:
    found = told(as_json(cli("diff", "before", "release", "--json")))
    old, new = labels_in("before"), labels_in("release")
    assert set(found) == {key for key in old if old[key][0] != new[key][0]}
    assert found == DONE


def test_a_decision_that_is_withdrawn_is_named_so(in_decided: Path, cli: Cli) -> None:
    found = told(as_json(cli("diff", "release", "before", "--json")))
    assert set(found) == set(DONE)
    for key, words in {
        ("train", 900167): "edge Q1415133 (film museum) -> Q207694 (art museum) back: decision to remove it withdrawn",
        ("index", 950027): "class Q12518 (tower): decision to assign it memorial withdrawn",
        ("index", 950012): "class Q2972684 (Parisian cemetery): decision to ignore it withdrawn",
        ("train", 66552): "decision on the landmark withdrawn",
    }.items():
        change, old, new, kind, _ = DONE[key]
        opposite = {"added": "removed", "removed": "added"}.get(change, change)
        assert found[key] == (opposite, new, old, kind, words)


def test_the_json_is_as_the_contract_says_and_its_counts_add_up(in_decided: Path, cli: Cli) -> None:
    found = as_json(cli("diff", "before", "release", "--json"))
    assert {"added", "removed", "moved", "counts"} == set(found)
    counts, labels = found["counts"], {"old": labels_in("before"), "new": labels_in("release")}
    for change in ("added", "removed", "moved"):
        for row in found[change]:
            assert {"split", "landmark_id", "old", "new", "reason"} <= set(row)
            assert row["image_count"] == labels["new"][row["split"], row["landmark_id"]][1]
        images = sum(row["image_count"] for row in found[change])
        assert counts[change] == {"landmark_count": len(found[change]), "image_count": images}
    for name, of_release in labels.items():
        labelled = [images for label, images in of_release.values() if label]
        assert counts[name] == {
            "landmark_count": len(of_release),
            "image_count": sum(images for _, images in of_release.values()),
            "labelled_landmark_count": len(labelled),
            "labelled_image_count": sum(labelled),
        }
    everything = {
        name: sum(counts[change][name] for change in ("added", "removed", "moved"))
        for name in ("landmark_count", "image_count")
    }
    for name in ("by_reason", "by_label"):
        assert {key: sum(row[key] for row in counts[name]) for key in everything} == everything
        assert [row["image_count"] for row in counts[name]] == sorted(
            (row["image_count"] for row in counts[name]), reverse=True
        )
    without_class = sum(row["class_qid"] is None for change in ("added", "moved") for row in found[change])
    assert sum(row["landmark_count"] for row in counts["by_class"]) == len(DONE) - without_class


def test_the_words_for_a_person(in_decided: Path, cli: Cli) -> None:
    text = cli("diff", "before", "release").stdout
    for words in (
        "old      311 landmarks",
        "new      311 landmarks",
        "added    1 landmarks",
        "removed  1 landmarks",
        "moved    3 landmarks",
        f"  decision: {REMOVED_EDGE}: 1 landmarks",
        f"  decision: {TOWER}: 2 landmarks",
        "  tower -> memorial: 2 landmarks",
        "  cemetery -> no label: 1 landmarks",
        "  Q2972684 (Parisian cemetery): 1 landmarks",
        f"  moved index 950027 (Naval monument (Brest)): tower -> memorial; {TOWER}",
    ):
        assert words in text
    few = cli("diff", "before", "release", "--limit", "1").stdout
    assert "... and 3 more" in few
    assert text.count("\n") > few.count("\n")


def test_the_csv_opens_in_a_spreadsheet_and_says_the_same(in_decided: Path, tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "changes.csv"
    assert cli("diff", "before", "release", "--csv", str(path)).exit_code == 0
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as opened:
        header, *rows = csv.reader(opened)
    assert header == [
        *("change", "split", "landmark_id", "category", "old", "new", "class_qid", "class_label"),
        *("reason_kind", "reason"),
    ]
    keys = [(row[0], row[1], int(row[2])) for row in rows]
    assert keys == sorted(keys)
    assert {(row[1], int(row[2])): (row[0], row[4] or None, row[5] or None, row[8], row[9]) for row in rows} == DONE
    (falls,) = (row[3] for row in rows if row[2] == "66552")
    assert (falls, unguard(falls)) == ("''Opaeka'a Falls", "'Opaeka'a Falls")
    assert [other.name for other in tmp_path.iterdir()] == ["changes.csv"]


def test_a_formula_in_a_title_stays_text(workspace: Path, cli: Cli) -> None:
    """Titles are untrusted: anybody can name a category on Commons."""
    shutil.copytree("release", "before")
    path = Path(release_tables.LABELS["train"].path)
    frame = pq.read_table(path).to_pandas()
    is_it = frame["landmark_id"] == 900033
    frame.loc[is_it, "category"] = "=HYPERLINK(A1)"
    frame.loc[is_it, ["hierarchical_label", "reviewed"]] = ["@museum", True]
    write(frame, path)
    assert cli("diff", "before", "release", "--csv", "changes.csv").exit_code == 0
    (row,) = pd.read_csv("changes.csv", dtype=str).to_dict("records")
    assert (row["category"], row["old"], row["new"]) == ("'=HYPERLINK(A1)", "church", "'@museum")


def write(frame: pd.DataFrame, path: Path) -> None:
    frame.to_parquet(path, index=False)


def test_a_release_does_not_differ_from_itself(in_sample: Path, tmp_path: Path, cli: Cli) -> None:
    found = as_json(cli("diff", "release", "release", "--json"))
    assert told(found) == {}
    assert [found["counts"][name] for name in ("by_reason", "by_label", "by_class")] == [[], [], []]
    text = cli("diff", "release", "release", "--csv", str(tmp_path / "none.csv")).stdout
    assert "moved    0 landmarks, 0 images" in text
    assert "by reason" not in text
    assert (tmp_path / "none.csv").read_text(encoding="utf-8-sig").count("\n") == 1


def test_looking_changes_nothing(in_decided: Path, cli: Cli, outputs: Callable[[], dict[str, str]]) -> None:
    before = outputs()
    for option in ("--json", "--limit=3"):
        assert cli("diff", "before", "release", option).exit_code == 0
    assert outputs() == before


def test_the_levels_above_the_label_may_be_others(workspace: Path, cli: Cli) -> None:
    shutil.copytree("release", "before")
    for split in ("train", "index"):
        path = Path(f"before/labels/{split}.parquet")
        write(pq.read_table(path).to_pandas().rename(columns={"natural_or_human_made": "realm"}), path)
    assert told(as_json(cli("diff", "before", "release", "--json"))) == {}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["release"],
        ["release", "absent"],
        ["params.yaml", "release"],
        ["release", "release", "--limit", "-1"],
        ["release", "release", "--csv", "release/changes.csv"],
        ["release", "release", "--csv", "release"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_2(arguments: list[str], in_sample: Path, cli: Cli) -> None:
    result = cli("diff", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: hgld diff")
    assert result.stdout == ""


def lose(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def repeat_a_row(path: Path) -> None:
    frame = pq.read_table(path).to_pandas()
    write(pd.concat([frame, frame.head(1)]), path)


def other_type(path: Path) -> None:
    frame = pq.read_table(path).to_pandas()
    write(frame.assign(**{frame.columns[-1]: "x"}), path)


def without(column: str) -> Callable[[Path], None]:
    def drop(path: Path) -> None:
        write(pq.read_table(path).to_pandas().drop(columns=column), path)

    return drop


@pytest.mark.parametrize(
    ("name", "harm", "words"),
    [
        ("labels/index.parquet", lose, "not found"),
        ("item_classes.parquet", lose, "not found"),  # a release of the time before `hgld diff`
        ("class_edges.parquet", without("is_removed"), "no column is_removed"),
        ("classes.parquet", without("rule"), "no column rule"),
        ("classes.parquet", cut, "not readable"),
        ("labels/train.parquet", repeat_a_row, "landmark_id"),
        ("labels/train.parquet", other_type, "image_count"),
        ("class_edges.parquet", other_type, "in_cycle"),
    ],
)
def test_a_folder_that_is_no_whole_release_is_refused(
    name: str, harm: Callable[[Path], None], words: str, workspace: Path, cli: Cli
) -> None:
    shutil.copytree("release", "before")
    harm(Path("before") / name)
    for arguments in (["before", "release"], ["release", "before"]):
        result = cli("diff", *arguments)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert re.fullmatch(rf"Error: before/{name}: .*{words}.*Remedy: .+\.\n", result.stderr)


def test_an_empty_folder_is_no_release(in_sample: Path, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "empty").mkdir()
    result = cli("diff", str(tmp_path / "empty"), "release", "--csv", str(tmp_path / "changes.csv"))
    assert result.exit_code == 1
    assert "this is no release" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["empty"], "and nothing is written"


def test_help_says_what_old_and_new_are(cli: Cli) -> None:
    text = cli("diff", "--help").stdout
    assert "Usage: hgld diff [OPTIONS] OLD NEW" in text
    assert "copy" in text
    assert "\n  diff " in cli("--help").stdout
