"""A crawl of real entities, through the API with and without faults and through a dump, gives the same tables."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.step2_wikidata import build
from pipeline.wikimedia.dump import DumpService, write_spool
from pipeline.wikimedia.facts import checked_entity
from pipeline.wikimedia.recorded import RecordedSource
from pipeline.wikimedia.replay import category_of, inverse_keys
from pipeline.wikimedia.source import Question
from pipeline.wikimedia.store import Store
from tests.crawling import DATE, FakeClock, assert_same_tables, crawl, in_key_order, landmarks_of, live_service
from tests.fault_plan import ALL, FaultPlan
from tests.local_wikimedia import LocalWikimedia

FILE = Path(__file__).parents[3] / "shared/data/wikidata/entities.jsonl.gz"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"no real entities at {FILE}")


@pytest.fixture(scope="module")
def entities() -> list[dict[str, Any]]:
    with gzip.open(FILE, "rt", encoding="utf-8") as opened:
        raw = [json.loads(line) for line in opened]
    return [entity for entity in raw if entity["type"] == "item"]


@pytest.fixture(scope="module")
def titles(entities: list[dict[str, Any]]) -> list[str]:
    found = set()
    for entity in entities:
        checked = checked_entity(entity, "test")
        found |= {category_of(checked), *inverse_keys(checked)[Question.COMMONS_CATEGORY]}
    return sorted(title for title in found if title and "|" not in title)


def test_faults_and_dumps_change_nothing(entities: list[dict[str, Any]], titles: list[str], tmp_path: Path) -> None:
    assert len(titles) > 400
    landmarks = landmarks_of(titles)
    clock = FakeClock()
    with LocalWikimedia(entities, clock=clock) as server:
        expected, ideal = crawl(landmarks, live_service(server, clock, read_timeout_s=30), tmp_path / "faultless")
    assert len(server.log) == ideal
    # Full entities take the server long; a stall would only be told from them by waiting longer still.
    with LocalWikimedia(
        entities, clock=clock, faults=FaultPlan(5, 0.3, [kind for kind in ALL if kind != "stall"])
    ) as server:
        found, ideal = crawl(landmarks, live_service(server, clock, read_timeout_s=30), tmp_path / "faults")
    struck = sum(request.fault is not None for request in server.log)
    assert struck > 10
    assert len(server.log) <= 1.15 * ideal + struck
    assert server.max_concurrent == 1
    assert_same_tables(found, expected)
    dump = tmp_path / "dump.json.gz"
    dump.write_bytes(gzip.compress(b"[\n" + b",\n".join(json.dumps(e).encode() for e in entities) + b"\n]\n", 1))
    write_spool(dump, tmp_path / "spool.gz", titles)
    source = RecordedSource(Store(tmp_path / "dump", DATE), DumpService(tmp_path / "spool.gz"), lambda: None)
    from_dump = in_key_order(build(landmarks, source))
    # The local server numbers revisions itself; these entities were collected without theirs.
    expected["entities"] = expected["entities"].assign(revision_id=None)
    assert_same_tables(from_dump, expected)
