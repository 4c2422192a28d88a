"""The stages on the sample: every table as declared, every hard case as promised, the same bytes again."""

import itertools
import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from pipeline import release_tables, tables
from pipeline.files import conform, read_table
from pipeline.levels import with_levels
from pipeline.schema import Table

DECLARED = [*(value for value in vars(tables).values() if isinstance(value, Table)), *release_tables.RELEASE_TABLES]
SHARED_P373 = {
    ("train", 900078): ["Q581154", "Q1094917"],
    ("train", 900117): ["Q323387", "Q527132"],
    ("train", 900039): ["Q727", "Q9899"],
    ("train", 900044): ["Q278590", "Q329707"],
    ("train", 900090): ["Q220301", "Q4410358"],
    ("train", 900077): ["Q209638", "Q11342951"],
    ("index", 950041): ["Q1848950", "Q12055548"],
    ("train", 900119): ["Q12038363", "Q12038364"],
}
UNRESOLVED = {
    11355: "Antarctica: Empire of the Penguin",
    130850: "Men in Black: Alien Attack",
    46776: "Bay of Gdańsk",
    178385: 'Archeological park "Tombe della via Latina"',
    66552: "'Opaeka'a Falls",
}
KEY = ["split", "landmark_id"]


@pytest.fixture
def of(in_sample: Path) -> Callable[[Table], pd.DataFrame]:
    """Read a table of the built sample."""
    del in_sample
    return read_table


def row_of(frame: pd.DataFrame, landmark_id: int, split: str = "train") -> Any:
    """The one row of a landmark."""
    found = frame[(frame["split"] == split) & (frame["landmark_id"] == landmark_id)]
    assert len(found) == 1
    return found.iloc[0]


@pytest.mark.parametrize("table", DECLARED, ids=lambda table: table.path)
def test_every_declared_table_is_made_and_conforms(table: Table, of: Callable[[Table], pd.DataFrame]) -> None:
    found = of(table)
    pd.testing.assert_frame_equal(conform(found, table), found)
    assert len(found) > 0 or table is tables.PER_QUERY  # no model is trained here
    if table.path.endswith(".parquet"):
        written, declared = pq.read_schema(table.path), with_levels(table).arrow_schema()
        assert written.metadata == declared.metadata
        for ours, theirs in zip(written, declared, strict=True):
            assert (ours.name, ours.nullable, ours.metadata) == (theirs.name, theirs.nullable, theirs.metadata)
            # the file calls the elements of a list otherwise than Arrow does
            assert getattr(ours.type, "value_type", ours.type) == getattr(theirs.type, "value_type", theirs.type)


def test_nothing_else_is_made(in_sample: Path) -> None:
    made = {
        path.relative_to(in_sample).as_posix()
        for top in ("data", "release")
        for path in (in_sample / top).rglob("*")
        if path.is_file()
    }
    reports = {
        f"data/{name}" for name in ("4_labels/report.json", "4_labels/reliability.png", "6_validation/report.json")
    }
    reports |= {f"data/7_benchmark/{name}.json" for name in ("probe", "performance", "report")}
    reports |= {"data/8_report/report.html", "data/8_report/run.json"}
    documents = ("README.md", "croissant.json", "CHANGES.md", "provenance.json", "SHA256SUMS")
    more = {*reports, *(f"release/{name}" for name in documents)}
    declared = {table.path for table in DECLARED}
    assert declared | more <= made
    assert not [path for path in made if path.endswith(".part")]
    others = {path for path in made - declared - more if not path.startswith(("data/raw/", "release/"))}
    assert not others


def test_landmarks_are_those_of_the_metadata(of: Callable[[Table], pd.DataFrame], in_sample: Path) -> None:
    landmarks = of(tables.LANDMARKS)
    for split in ("train", "index"):
        source = pd.read_csv(in_sample / f"sample/gldv2/metadata/{split}_label_to_category.csv")
        ours = landmarks[landmarks["split"] == split].set_index("landmark_id")["category_url"]
        assert ours.to_dict() == source.set_index("landmark_id")["category"].to_dict()
    labels = of(tables.LANDMARK_LABELS)
    assert labels[KEY].to_numpy().tolist() == landmarks[KEY].to_numpy().tolist(), "no landmark is lost on the way"
    assert of(tables.LANDMARK_ITEMS)[KEY].to_numpy().tolist() == landmarks[KEY].to_numpy().tolist()


def test_images_are_counted_by_landmark(of: Callable[[Table], pd.DataFrame]) -> None:
    images, landmarks = of(tables.IMAGES), of(tables.LANDMARKS)
    counted = images.groupby(KEY).size()
    expected = landmarks.set_index(KEY)["image_count"]
    assert counted.reindex(expected.index, fill_value=0).to_dict() == expected.to_dict()
    assert not images.loc[images["split"] == "index", "is_clean"].any()
    assert images.loc[images["split"] == "index", "url"].isna().all()
    assert images.loc[images["split"] == "train", "is_clean"].any()


@pytest.mark.parametrize("landmark_id", [900001, 900152])
def test_a_landmark_without_images_stays_and_is_not_queued(
    landmark_id: int, of: Callable[[Table], pd.DataFrame]
) -> None:
    labelled = row_of(of(tables.LANDMARK_LABELS), landmark_id)
    assert labelled["image_count"] == 0
    assert labelled["hierarchical_label"]
    assert landmark_id not in set(of(tables.QUEUE_LANDMARKS)["landmark_id"])
    assert row_of(of(release_tables.LABELS["train"]), landmark_id)["image_count"] == 0


def test_official_labels_are_trimmed_and_only_those_that_exist(of: Callable[[Table], pd.DataFrame]) -> None:
    official = of(tables.OFFICIAL_LABELS)
    assert row_of(official, 46776)["hierarchical_label"] == "ocean area"
    for name in ("supercategory", "hierarchical_label", "natural_or_human_made"):
        known = official[name].dropna()
        assert (known == known.str.strip()).all()
        assert (known != "").all()
    assert 190510 not in set(official["landmark_id"])
    assert official["landmark_id"].max() < 900000


def test_queries_know_their_positive_images(of: Callable[[Table], pd.DataFrame]) -> None:
    solution = of(tables.RETRIEVAL_SOLUTION)
    ignored = solution["usage"] == "Ignored"
    assert ignored.any()
    assert (solution.loc[ignored, "positive_image_ids"].map(len) == 0).all()
    index_images = set(of(tables.IMAGES).loc[lambda images: images["split"] == "index", "image_id"])
    for positives in solution.loc[~ignored, "positive_image_ids"]:
        assert positives
        assert set(positives) <= index_images


def test_tars_are_listed_with_their_checksums(of: Callable[[Table], pd.DataFrame], in_sample: Path) -> None:
    manifest = of(tables.TAR_MANIFEST)
    assert manifest["split"].tolist() == ["index", "test", "train"]
    for row in manifest.itertuples():
        published = (in_sample / f"sample/gldv2/md5sum/{row.split}/md5.images_000.txt").read_text(encoding="utf-8")
        assert published.split()[0] == row.md5
        assert (in_sample / row.path).stat().st_size == row.size_bytes


@pytest.mark.parametrize(
    ("landmark_id", "qid"), [(900042, "Q34217"), (900120, "Q209714"), (900045, "Q983822"), (900127, "Q132478")]
)
def test_a_category_item_leads_to_its_topic(landmark_id: int, qid: str, of: Callable[[Table], pd.DataFrame]) -> None:
    found = row_of(of(tables.LANDMARK_ITEMS), landmark_id)
    assert (found["link_rule"], found["link_status"], found["item_qid"]) == ("topic", "resolved", qid)


@pytest.mark.parametrize(
    ("landmark_id", "qid"),
    [(900011, "Q2669368"), (900141, "Q207109"), (900087, "Q92085839"), (900134, "Q13194602"), (900158, "Q1625078")],
)
def test_a_sitelink_on_the_item_itself_is_followed(
    landmark_id: int, qid: str, of: Callable[[Table], pd.DataFrame]
) -> None:
    found = row_of(of(tables.LANDMARK_ITEMS), landmark_id)
    assert (found["link_rule"], found["link_status"], found["item_qid"]) == ("sitelink", "resolved", qid)


@pytest.mark.parametrize(
    ("landmark_id", "qid"), [(900128, "Q2537765"), (900015, "Q478362"), (900004, "Q728267"), (900026, "Q2945016")]
)
def test_the_item_is_found_whatever_else_names_a_category(
    landmark_id: int, qid: str, of: Callable[[Table], pd.DataFrame]
) -> None:
    found = row_of(of(tables.LANDMARK_ITEMS), landmark_id)
    assert (found["link_status"], found["item_qid"]) == ("resolved", qid)


@pytest.mark.parametrize("key", SHARED_P373, ids=lambda key: str(key[1]))
def test_a_category_of_two_items_is_doubtful_all_the_way(
    key: tuple[str, int], of: Callable[[Table], pd.DataFrame]
) -> None:
    split, landmark_id = key
    found = row_of(of(tables.LANDMARK_ITEMS), landmark_id, split)
    assert (found["link_rule"], found["link_status"]) == ("commons_category", "doubtful")
    assert found["candidate_qids"] == SHARED_P373[key]
    assert found["item_qid"] == SHARED_P373[key][0]
    labelled = row_of(of(tables.LANDMARK_LABELS), landmark_id, split)
    assert labelled["link_status"] == "doubtful"
    assert labelled["status"] == "contested"
    labels = of(tables.LANDMARK_LABELS)
    assert labelled["confidence"] < labels.loc[labels["status"] == "resolved", "confidence"].max()
    queued = row_of(of(tables.QUEUE_LANDMARKS), landmark_id, split)
    assert queued["doubt"] == "doubtful_link"
    assert SHARED_P373[key][1] in queued["examples"]


@pytest.mark.parametrize("landmark_id", UNRESOLVED)
def test_an_unresolved_title_is_kept_and_queued(landmark_id: int, of: Callable[[Table], pd.DataFrame]) -> None:
    found = row_of(of(tables.LANDMARK_ITEMS), landmark_id)
    assert found["category"] == UNRESOLVED[landmark_id]
    assert (found["link_rule"], found["link_status"]) == ("unresolved", "unresolved")
    assert found["candidate_qids"] == []
    labelled = row_of(of(tables.LANDMARK_LABELS), landmark_id)
    assert pd.isna(labelled["hierarchical_label"])
    assert (labelled["rule"], labelled["status"], labelled["confidence"]) == ("no_item", "unlabelled", 0.0)
    assert row_of(of(tables.QUEUE_LANDMARKS), landmark_id)["doubt"] == "no_item"
    released = row_of(of(release_tables.LABELS["train"]), landmark_id)
    assert pd.isna(released["hierarchical_label"])
    assert pd.isna(released["natural_or_human_made"])


def test_titles_are_decoded(of: Callable[[Table], pd.DataFrame]) -> None:
    landmarks = of(tables.LANDMARKS)
    assert row_of(landmarks, 900158)["category"] == "Vitry-lès-Cluny"
    assert row_of(landmarks, 900119)["category"] == "Mlýnský potok (Morava distributary)"
    assert "%" in row_of(landmarks, 900158)["category_url"], "the address stays as GLDv2 has it"


def test_a_preferred_class_is_the_only_one_that_votes(of: Callable[[Table], pd.DataFrame]) -> None:
    found = of(tables.STATEMENTS).query("item_qid == 'Q11703'")
    assert found.loc[found["is_best"], "class_qid"].tolist() == ["Q783733"]
    assert found.loc[found["is_best"], "rank"].tolist() == ["preferred"]
    assert len(found) == 5


@pytest.mark.parametrize(
    ("item_qid", "class_qid"),
    [("Q3750", "Q1549591"), ("Q7033", "Q57318"), ("Q7033", "Q707813"), ("Q1625078", "Q484170")],
)
def test_an_ended_class_is_kept_and_flagged(item_qid: str, class_qid: str, of: Callable[[Table], pd.DataFrame]) -> None:
    found = of(tables.STATEMENTS).query("item_qid == @item_qid and class_qid == @class_qid")
    assert found["is_ended"].tolist() == [True]


def test_a_class_both_current_and_ended_votes_once(of: Callable[[Table], pd.DataFrame]) -> None:
    found = of(tables.STATEMENTS).query("item_qid == 'Q727'")
    assert found.loc[found["class_qid"] == "Q5119", "is_ended"].tolist() == [False, True]
    labelled = row_of(of(tables.LANDMARK_LABELS), 900039)
    votes = found.loc[found["is_best"], "class_qid"].nunique()
    assert sum(labelled["vote_counts"]) <= votes


def test_a_deprecated_parent_is_no_edge(of: Callable[[Table], pd.DataFrame]) -> None:
    for table in (tables.CLASS_EDGES, tables.CLASS_GRAPH):
        parents = of(table).query("child_qid == 'Q15221242'")["parent_qid"].tolist()
        assert parents == ["Q7225124", "Q751708"]


def test_the_cycle_is_kept_as_wikidata_has_it_and_labels_still_come_out(of: Callable[[Table], pd.DataFrame]) -> None:
    cycle = ["Q4989906", "Q179700", "Q860861", "Q1746392", "Q4989906"]
    steps = set(itertools.pairwise(cycle))
    edges = of(tables.CLASS_EDGES)
    assert steps <= set(zip(edges["child_qid"], edges["parent_qid"], strict=True))
    graph = of(tables.CLASS_GRAPH).set_index(["child_qid", "parent_qid"])
    kept = graph.loc[sorted(steps)]
    assert kept["in_cycle"].all() != kept["is_removed"].any(), "a cycle until a decision cuts it"
    labels = of(tables.CLASS_LABELS).set_index("class_qid")
    assert labels.loc[cycle, "hierarchical_label"].notna().all()
    for landmark_id in (900131, 900084, 900085):
        assert row_of(of(tables.LANDMARK_LABELS), landmark_id)["hierarchical_label"]


def test_cycles_are_marked(of: Callable[[Table], pd.DataFrame]) -> None:
    graph = of(tables.CLASS_GRAPH)
    marked = graph[graph["in_cycle"]]
    assert len(marked) > 0
    assert set(marked["child_qid"]) == set(marked["parent_qid"]), "every class of a cycle has an edge in and one out"
    assert not marked["is_removed"].any()


@pytest.mark.parametrize(("landmark_id", "labels"), [(900068, {"museum", "house"}), (900017, {"bridge", "tunnel"})])
def test_a_class_under_two_labels_gives_one_of_them(
    landmark_id: int, labels: set[str], of: Callable[[Table], pd.DataFrame]
) -> None:
    assert row_of(of(tables.LANDMARK_LABELS), landmark_id)["hierarchical_label"] in labels


@pytest.mark.parametrize(("landmark_id", "class_qid"), [(900058, "Q7328910"), (900088, "Q44497")])
def test_a_class_under_no_label_is_unreached_and_its_landmark_queued(
    landmark_id: int, class_qid: str, of: Callable[[Table], pd.DataFrame]
) -> None:
    classes = of(tables.CLASS_LABELS).set_index("class_qid")
    assert classes.loc[class_qid, "status"] == "unreached"
    assert class_qid in set(of(tables.QUEUE_CLASSES)["class_qid"])
    labelled = row_of(of(tables.LANDMARK_LABELS), landmark_id)
    assert (labelled["rule"], labelled["status"]) == ("unreached", "unlabelled")
    assert row_of(of(tables.QUEUE_LANDMARKS), landmark_id)["doubt"] == "unreached"


@pytest.mark.parametrize("landmark_id", [900098, 900144, 900129])
def test_an_item_without_p31_has_no_class_and_is_queued(landmark_id: int, of: Callable[[Table], pd.DataFrame]) -> None:
    item_qid = row_of(of(tables.LANDMARK_ITEMS), landmark_id)["item_qid"]
    assert item_qid not in set(of(tables.STATEMENTS)["item_qid"])
    labelled = row_of(of(tables.LANDMARK_LABELS), landmark_id)
    assert (labelled["rule"], labelled["status"]) == ("no_class", "unlabelled")
    assert row_of(of(tables.QUEUE_LANDMARKS), landmark_id)["doubt"] == "no_class"


def test_a_decision_labels_what_has_no_class_and_closes_the_case(of: Callable[[Table], pd.DataFrame]) -> None:
    labelled = row_of(of(tables.LANDMARK_LABELS), 900026)
    assert labelled["hierarchical_label"] == "castle / fort"
    assert (labelled["rule"], labelled["status"], labelled["confidence"]) == ("decision", "resolved", 1.0)
    assert labelled["reviewed"]
    assert pd.isna(labelled["supercategory"]), "the label did not come from a class"
    assert 900026 not in set(of(tables.QUEUE_LANDMARKS)["landmark_id"])
    official = of(release_tables.OFFICIAL_SCHEMA["train"]).set_index("landmark_id").loc[900026]
    assert official["supercategory"] == "castle / fort", "the official schema repeats the label"


def test_an_item_without_any_label_goes_by_its_id(of: Callable[[Table], pd.DataFrame]) -> None:
    entity = of(tables.ENTITIES).set_index("qid").loc["Q104392918"]
    assert entity["label"] == "Q104392918"
    assert pd.isna(entity["label_language"])
    assert (of(tables.ENTITIES)["label"] != "").all()


@pytest.mark.parametrize(
    ("class_qid", "landmark_ids"),
    [("Q570116", [900033, 900094]), ("Q8346700", [900025, 900100]), ("Q2065736", [900125, 900105])],
)
def test_ignored_classes_cast_no_vote(
    class_qid: str, landmark_ids: list[int], of: Callable[[Table], pd.DataFrame]
) -> None:
    ignored = of(tables.CLASS_LABELS).set_index("class_qid").loc[class_qid]
    assert (ignored["status"], ignored["rule"]) == ("ignored", "ignored")
    assert pd.isna(ignored["hierarchical_label"])
    paths = of(tables.CLASS_LABELS)["path_qids"]
    assert not paths.map(lambda path: class_qid in path).any(), "and no path leads through them"
    assert class_qid not in set(of(tables.QUEUE_CLASSES)["class_qid"])
    for landmark_id in landmark_ids:
        labelled = row_of(of(tables.LANDMARK_LABELS), landmark_id)
        assert labelled["hierarchical_label"]
        assert labelled["class_qid"] != class_qid


def test_what_each_landmark_is_labelled_follows_from_its_row(of: Callable[[Table], pd.DataFrame]) -> None:
    labels = of(tables.LANDMARK_LABELS)
    classes = of(tables.CLASS_LABELS).set_index("class_qid")
    taxonomy = pd.read_csv("annotations/taxonomy.csv").set_index("hierarchical_label")["natural_or_human_made"]
    for row in labels.itertuples():
        is_labelled = isinstance(row.hierarchical_label, str)
        assert is_labelled == (row.status in ("resolved", "contested"))
        if not is_labelled:
            assert row.status in ("unlabelled", "rejected", "withheld")
            continue
        assert 0 < row.confidence <= 1
        assert row.natural_or_human_made == taxonomy[row.hierarchical_label]
        if row.rule not in ("decision", "text"):
            assert row.vote_labels[0] == row.hierarchical_label
            assert len(set(row.vote_labels)) == len(row.vote_labels) == len(row.vote_counts)
            assert row.vote_counts[0] == max(row.vote_counts)
            chosen = classes.loc[row.class_qid]
            assert chosen["hierarchical_label"] == row.hierarchical_label
            assert chosen["class_label"] == row.supercategory
            assert chosen["path_qids"] == row.path_qids
            assert row.path_qids[0] == row.class_qid
            assert row.path_qids[-1] == chosen["anchor_qid"]


def test_the_same_category_has_one_label_and_one_fold_in_both_splits(of: Callable[[Table], pd.DataFrame]) -> None:
    labels = of(tables.LANDMARK_LABELS)
    both = labels.groupby("category")["split"].nunique()
    shared = set(both.index[both == 2])
    assert len(shared) == 10
    assert row_of(labels, 950031, "index")["category"] == row_of(labels, 68864)["category"] == "Musée d'Orsay"
    released = pd.concat([of(table) for table in release_tables.LABELS.values()])
    joined = released.merge(of(release_tables.FOLDS), on=KEY)
    for name in ("hierarchical_label", "fold"):
        assert (joined[joined["category"].isin(shared)].groupby("category")[name].nunique() == 1).all()


def test_folds_are_close_to_the_shares_asked_for(of: Callable[[Table], pd.DataFrame]) -> None:
    share = of(release_tables.FOLDS)["fold"].value_counts(normalize=True)
    assert share["test"] == pytest.approx(0.2, abs=0.03)
    assert share["val"] == pytest.approx(0.1, abs=0.03)


def test_queues_are_sorted_by_usefulness_and_about_doubt_only(of: Callable[[Table], pd.DataFrame]) -> None:
    for table in (tables.QUEUE_CLASSES, tables.QUEUE_EDGES, tables.QUEUE_LANDMARKS):
        queue = of(table)
        worth = queue["image_count"] * queue["uncertainty"]
        assert worth.is_monotonic_decreasing, table.path
        assert queue["uncertainty"].between(0, 1).all()
        assert queue["evidence_hash"].str.fullmatch(r"[a-p]{12}").all()
    labels = of(tables.LANDMARK_LABELS)
    doubtful = labels[labels["status"].isin(["contested", "unlabelled"]) & (labels["image_count"] > 0)]
    queued = of(tables.QUEUE_LANDMARKS)
    assert set(zip(queued["split"], queued["landmark_id"], strict=True)) == set(
        zip(doubtful["split"], doubtful["landmark_id"], strict=True)
    )


def test_the_official_schema_is_the_official_one(in_sample: Path) -> None:
    for split in ("train", "index"):
        header = "landmark_id,category,supercategory,hierarchical_label,natural_or_human_made\n"
        ours = (in_sample / f"release/{split}_label_to_hierarchical.csv").read_text(encoding="utf-8")
        theirs = (in_sample / f"sample/gldv2/metadata/{split}_label_to_hierarchical.csv").read_text(encoding="utf-8")
        assert ours.startswith(header)
        assert theirs.startswith(header)
        frame = pd.read_csv(in_sample / f"release/{split}_label_to_hierarchical.csv")
        addresses = pd.read_csv(in_sample / f"sample/gldv2/metadata/{split}_label_to_category.csv")
        assert dict(zip(frame["landmark_id"], frame["category"], strict=True)) == dict(
            zip(addresses["landmark_id"], addresses["category"], strict=True)
        )
        assert (frame["supercategory"].notna() == frame["hierarchical_label"].notna()).all()


def test_the_report_is_as_the_contract_says(in_sample: Path) -> None:
    report = json.loads((in_sample / "data/6_validation/report.json").read_text(encoding="utf-8"))
    assert report["ok"] is True
    assert len(report["checks"]) >= 12
    for check in report["checks"]:
        assert {"name", "ok", "failures"} <= set(check)
        assert check["ok"] is True
        assert check["failures"] == []
    labels = pd.concat([read_table(table) for table in release_tables.LABELS.values()])
    labelled = labels[labels["hierarchical_label"].notna()]
    assert report["counts"] == {
        "landmarks": len(labels),
        "labelled": len(labelled),
        "images": labels["image_count"].sum(),
        "labelled_images": labelled["image_count"].sum(),
    }


def test_decisions_outside_the_sample_are_listed_with_file_and_line(in_sample: Path) -> None:
    report = json.loads((in_sample / "data/6_validation/report.json").read_text(encoding="utf-8"))
    known = set(read_table(tables.ENTITIES)["qid"])
    decided = pd.read_csv(in_sample / "annotations/class_decisions.csv")
    outside = decided[~decided["class_qid"].isin(known)]
    for row in outside.itertuples():
        expected = f"annotations/class_decisions.csv:{row.Index + 2}: {row.class_qid} ("
        assert any(note.startswith(expected) for note in report["out_of_sample"])


def test_provenance_hashes_every_input(in_sample: Path) -> None:
    provenance = json.loads((in_sample / "release/provenance.json").read_text(encoding="utf-8"))
    inputs = set(provenance["inputs"])
    assert {
        f"annotations/{name}.csv" for name in ("taxonomy", "anchors", "class_decisions", "edge_decisions")
    } <= inputs
    assert "sample/annotations/landmark_decisions.csv" in inputs
    raw = {path.relative_to(in_sample).as_posix() for path in (in_sample / "data/raw/gldv2/metadata").glob("*.csv")}
    assert raw <= inputs
    assert any("wikidata" in name for name in inputs), "the facts of Wikidata are an input too"


def test_provenance_says_what_the_contract_lists(in_sample: Path) -> None:
    provenance = json.loads((in_sample / "release/provenance.json").read_text(encoding="utf-8"))
    assert {"inputs", "code_sha256", "constraints_sha256", "snapshot_date", "revision_range"} <= set(provenance)
    assert {"endpoint", "params"} <= set(provenance)
    assert provenance["params"]["folds"] == {"val_share": 0.1, "test_share": 0.2, "seed": 0}


def test_checksums_verify_with_the_usual_tool(in_sample: Path) -> None:
    if not shutil.which("sha256sum"):
        pytest.skip("sha256sum is not installed")
    run = subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=in_sample / "release", capture_output=True)
    assert run.returncode == 0, run.stdout
    listed = {line.split("  ", 1)[1] for line in (in_sample / "release/SHA256SUMS").read_text().splitlines()}
    files = {p.relative_to(in_sample / "release").as_posix() for p in (in_sample / "release").rglob("*") if p.is_file()}
    assert listed == files - {"SHA256SUMS"}


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def shuffle_lines(path: Path, keep: int, seed: int) -> None:
    """Shuffle the lines of a file below the first `keep` lines."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    rest = lines[keep:]
    random.Random(seed).shuffle(rest)
    path.write_text("".join(lines[:keep] + rest), encoding="utf-8")


def test_order_folder_and_time_make_no_difference(
    project: Path, built_sample: Path, build_here: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows and entities in another order, in another folder and time zone, with other file times."""
    monkeypatch.setenv("TZ", "Pacific/Chatham")
    for number, path in enumerate(sorted((project / "sample/gldv2").glob("*/*.csv"))):
        shuffle_lines(path, 1, number)
    shuffle_lines(project / "sample/wikidata/entities.jsonl", 0, 1)
    for path in project.rglob("*"):
        os.utime(path, (0, 0))
    build_here()
    ours, theirs = bytes_of(project / "release"), bytes_of(built_sample / "release")
    for name in ("provenance.json", "SHA256SUMS"):  # these state the hashes of the inputs
        assert ours.pop(name) != theirs.pop(name)
    assert ours == theirs
    for name in ("5_queue", "4_labels", "3_hierarchy", "2_wikidata"):
        assert bytes_of(project / "data" / name) == bytes_of(built_sample / "data" / name)


def test_the_same_inputs_in_another_folder_give_the_same_bytes(
    project: Path, built_sample: Path, build_here: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/St_Johns")
    build_here()
    for name in ("release", "data/1_gldv2", "data/6_validation"):
        assert bytes_of(project / name) == bytes_of(built_sample / name)


def test_a_seed_moves_folds_and_nothing_else(
    workspace: Path, built_sample: Path, build_here: Callable[..., None]
) -> None:
    text = (workspace / "params.yaml").read_text(encoding="utf-8").replace("  seed: 0", "  seed: 1")
    (workspace / "params.yaml").write_text(text, encoding="utf-8")
    build_here("export", "validate")
    ours, theirs = bytes_of(workspace / "release"), bytes_of(built_sample / "release")
    changed = {name for name in ours if ours[name] != theirs[name]}
    assert changed - {"README.md"} == {"splits.parquet", "croissant.json", "provenance.json", "SHA256SUMS"}


def test_params_that_export_does_not_declare_leave_the_release_alone(
    workspace: Path, built_sample: Path, build_here: Callable[..., None], root: Path
) -> None:
    """DVC reruns export for the params that dvc.yaml declares; nothing else in params.yaml may change its bytes."""
    export = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["export"]
    text = "# my notes\n" + (workspace / "params.yaml").read_text(encoding="utf-8")
    if "gldv2" not in export["params"]:
        text = text.replace('test_shards: "0"', "test_shards: null")
    (workspace / "params.yaml").write_text(text, encoding="utf-8")
    build_here("export")
    assert bytes_of(workspace / "release") == bytes_of(built_sample / "release")
