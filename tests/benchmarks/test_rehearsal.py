"""The rehearsal's world: the same bytes every time, its promised shares, and forms that the pipeline reads."""

import csv
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.rehearsal.entity_json import STEPS, Filler, size_of
from benchmarks.rehearsal.ingredients import Ingredients, read_ingredients
from benchmarks.rehearsal.metadata import image_counts, write_metadata
from benchmarks.rehearsal.subjects import SHARES, Kind, Subjects, draw_subjects
from benchmarks.rehearsal.world import CATEGORY_ITEMS, ITEMS, SECONDS, RehearsalWorld
from pipeline.csv_input import read_csv
from pipeline.step1_download import METADATA, SOLUTION, SOLUTION_COLUMNS, build
from pipeline.wikimedia.action_api import redirect_target
from pipeline.wikimedia.facts import checked_entity, read_facts, trimmed_entity
from tests.local_services import CommonsApi, World

SHARE = 0.01
NOWHERE = Path("no/such/folder")  # the sample's titles and classes: these are here wherever the test runs


@pytest.fixture(scope="module")
def found() -> Ingredients:
    return read_ingredients(NOWHERE)


@pytest.fixture(scope="module")
def subjects(found: Ingredients) -> Subjects:
    return draw_subjects(found, SHARE)


@pytest.fixture(scope="module")
def world(found: Ingredients, subjects: Subjects) -> RehearsalWorld:
    return RehearsalWorld(found, subjects)


@pytest.fixture(scope="module")
def metadata(found: Ingredients, subjects: Subjects, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gldv2")
    write_metadata(folder, found, subjects, SHARE)
    return folder


def test_the_same_bytes_every_time(found: Ingredients, metadata: Path, tmp_path: Path) -> None:
    write_metadata(tmp_path, found, draw_subjects(found, SHARE), SHARE)
    names = [path.relative_to(metadata) for path in sorted(metadata.rglob("*.csv"))]
    assert len(names) == 8
    for name in names:
        assert (metadata / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_the_download_stage_reads_the_metadata(metadata: Path) -> None:
    raw = {name: read_csv(metadata / "metadata" / name, columns, key) for name, (columns, key) in METADATA.items()}
    built = build(raw, read_csv(metadata / SOLUTION, SOLUTION_COLUMNS, ("id",)))
    landmarks, images = built["landmarks"], built["images"]
    assert landmarks["split"].value_counts().to_dict() == {"train": 2031, "index": 1010}
    assert images["split"].value_counts().to_dict() == {"train": 41_329, "index": 7_618}
    assert landmarks["image_count"].max() > 50 * landmarks["image_count"].median()
    assert images["is_clean"].sum() == pytest.approx(15_805, rel=0.1)
    assert set(built["retrieval_solution"]["usage"]) == {"Public", "Private", "Ignored"}
    official = built["official_labels"].merge(landmarks, on=["split", "landmark_id"], validate="1:1")
    official = official[official["split"] == "train"]
    assert official["image_count"].sum() / 41_329 == pytest.approx(0.58, abs=0.1)
    is_shared = landmarks.duplicated("category", keep=False)
    assert 0 < is_shared.sum() < 0.05 * len(landmarks)


def test_official_labels_have_their_trailing_space(metadata: Path) -> None:
    with (metadata / "metadata/train_label_to_hierarchical.csv").open(encoding="utf-8", newline="") as opened:
        labels = {row["hierarchical_label"] for row in csv.DictReader(opened)}
    assert "ocean area " in labels
    assert "ocean area" not in labels


def test_images_have_a_long_tail_that_adds_up() -> None:
    counts = image_counts(20_309, 413_291, 1.95)
    assert counts.sum() == 413_291
    assert counts.min() == 1
    assert counts.max() > 5_000


def test_kinds_of_links_have_their_shares(subjects: Subjects) -> None:
    counts = Counter(subjects.kinds.tolist())
    assert {kind: counts[kind] / len(subjects.kinds) for kind in SHARES} == pytest.approx(SHARES, abs=0.03)
    assert len(set(subjects.titles)) == len(subjects.titles)
    assert sum(not classes for classes in subjects.class_sets) / len(subjects.titles) == pytest.approx(0.05, abs=0.03)


def test_every_kind_of_entity_is_read(found: Ingredients, subjects: Subjects, world: RehearsalWorld) -> None:
    assert isinstance(world, World)
    numbers = {kind: next(n for n, k in enumerate(subjects.kinds) if k == kind) for kind in Kind}
    qids = [f"Q{ITEMS + numbers[kind]}" for kind in Kind if kind < Kind.NO_ITEM]
    qids += [f"Q{SECONDS + numbers[Kind.TWO_P373]}", f"Q{CATEGORY_ITEMS + numbers[Kind.TOPIC]}"]
    qids += [f"Q{CATEGORY_ITEMS + numbers[Kind.MAIN_CATEGORY]}", next(iter(found.parents)), "Q4167836"]
    for qid in qids[:-1]:
        entity = world.entity(qid)
        assert entity, qid
        assert read_facts(trimmed_entity(checked_entity(entity, qid))).qid == qid
    assert world.entity(f"Q{ITEMS + numbers[Kind.NO_ITEM]}") is None


def test_every_kind_of_category_leads_where_it_should(subjects: Subjects, world: RehearsalWorld) -> None:
    for number, kind in list(enumerate(subjects.kinds.tolist()))[:500]:
        title, item = subjects.titles[number], f"Q{ITEMS + number}"
        linked, named = world.qid_of_category(title), list(world.items_of_p373(title))
        if kind == Kind.SITELINK:
            assert linked == item
        elif kind in (Kind.TOPIC, Kind.MERGED_TOPIC):
            topics = read_facts(world.entity(str(linked)) or {}).topics
            assert [world.merged.get(qid, qid) for qid in topics] == [item]
        elif kind == Kind.MAIN_CATEGORY:
            assert world.items_of_p910(str(linked)) == [item]
        elif kind == Kind.REDIRECT:
            target = redirect_target(CommonsApi(world.redirects, frozenset()).wikitext(title))
            assert world.qid_of_category(str(target)) == item
        else:
            assert (linked, len(named)) == (None, {Kind.P373: 1, Kind.TWO_P373: 2}.get(kind, 0))  # type: ignore[call-overload]


def test_ranks_ends_and_places_are_there(subjects: Subjects, world: RehearsalWorld) -> None:
    entities = [world.entity(f"Q{ITEMS + number}") for number in range(1000)]
    items = [read_facts(entity) for entity in entities if entity]
    statements = pd.DataFrame([statement for item in items for statement in item.instance_of])
    assert set(statements["rank"]) == {"normal", "preferred", "deprecated"}
    assert statements["ended_on"].notna().sum() > 5
    assert sum(item.coordinates is not None for item in items) / len(items) == pytest.approx(0.85, abs=0.05)


def test_entities_are_as_large_as_real_ones() -> None:
    sizes = pd.Series([size_of(step) for step in range(STEPS)])
    assert sizes.median() == pytest.approx(11_220, rel=0.1)
    assert sizes.mean() == pytest.approx(29_000, rel=0.15)
    parts = Filler().parts(100, "Ely Cathedral")
    assert 8_000 < len(str(parts)) < 15_000
