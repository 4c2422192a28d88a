"""The live client against a local server that answers as the services do, faults included."""

import itertools
import json
import os
import random
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pandas as pd
import pytest

from pipeline.errors import InputError
from pipeline.step2_wikidata import build
from pipeline.titles import title_of_url
from pipeline.wikimedia.client import Client
from pipeline.wikimedia.replay import ReplaySource, read_entities
from tests.crawling import FakeClock, assert_same_tables, crawl, in_key_order, landmarks_of, live_service
from tests.fault_plan import FaultPlan
from tests.local_wikimedia import LocalWikimedia

ROOT = Path(__file__).parents[2]
ENTITIES = read_entities(ROOT / "sample/wikidata/entities.jsonl")
KILLS = 20


@pytest.fixture(scope="module")
def landmarks() -> pd.DataFrame:
    addresses = pd.concat(
        pd.read_csv(ROOT / f"sample/gldv2/metadata/{split}_label_to_category.csv")["category"]
        for split in ("train", "index")
    )
    titles = sorted({title_of_url(address) for address in addresses})
    # Two soft redirects, one of them through another, and one that runs in a circle.
    return landmarks_of([*titles, "Old name of Orsay", "Older name of Orsay", "Round", "And round"])


REDIRECTS = {
    "Old name of Orsay": "Musée d'Orsay",
    "Older name of Orsay": "Old name of Orsay",
    "Round": "And round",
    "And round": "Round",
}


@pytest.fixture(scope="module")
def expected(landmarks: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return in_key_order(build(landmarks, ReplaySource(ENTITIES, REDIRECTS)))


def test_a_faultless_crawl_costs_the_ideal_and_gives_the_same_tables(
    landmarks: pd.DataFrame, expected: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    clock = FakeClock()
    with LocalWikimedia(ENTITIES, redirects=REDIRECTS, clock=clock) as server:
        found, ideal = crawl(landmarks, live_service(server, clock), tmp_path)
        assert_same_tables(found, expected)
        assert len(server.log) == ideal
        # Again: nothing is asked.
        again, _ = crawl(landmarks, live_service(server, clock), tmp_path)
        assert_same_tables(again, expected)
        assert len(server.log) == ideal
    redirected = found["landmark_items"].set_index("category").loc["Older name of Orsay"]
    assert (redirected["item_qid"], redirected["redirected_category"]) == ("Q23402", "Musée d'Orsay")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_faults_change_nothing_but_the_time(
    seed: int, landmarks: pd.DataFrame, expected: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    clock = FakeClock()
    faults = FaultPlan(seed, 0.3)
    with LocalWikimedia(ENTITIES, redirects=REDIRECTS, faults=faults, clock=clock) as server:
        found, ideal = crawl(landmarks, live_service(server, clock, per_minute=120), tmp_path)
    assert_same_tables(found, expected)
    struck = sum(request.fault is not None for request in server.log)
    assert struck > 5
    assert len(server.log) <= 1.15 * ideal + struck
    assert server.max_concurrent == 1
    times = [request.time for request in server.log]
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= 60 / 120 - 1e-9


def test_sparql_time_outs_are_halved(
    landmarks: pd.DataFrame, expected: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    clock = FakeClock()
    with LocalWikimedia(ENTITIES, redirects=REDIRECTS, timeout_above=30, clock=clock) as server:
        found, _ = crawl(landmarks, live_service(server, clock), tmp_path)
    assert_same_tables(found, expected)
    assert max(request.keys for request in server.log if request.kind == "sparql") > 30


def test_merged_items_and_classes_go_by_their_present_id(tmp_path: Path) -> None:
    thing = next(entity for entity in ENTITIES if entity["id"] == "Q23402")
    old = json.loads(json.dumps(thing).replace('"Q207694"', '"Q900000001"'))  # names its class by an id of before
    assert old != thing
    entities = [old if entity["id"] == "Q23402" else entity for entity in ENTITIES]
    landmarks = landmarks_of(["Musée d'Orsay"])
    for number, merged in enumerate([{"Q900000001": "Q207694"}, {"Q900000001": "Q207694", "Q23402": "Q23402"}]):
        clock = FakeClock()
        with LocalWikimedia(entities, merged={k: v for k, v in merged.items() if k != v}, clock=clock) as server:
            found, _ = crawl(landmarks, live_service(server, clock), tmp_path / str(number))
        assert "Q207694" in set(found["statements"]["class_qid"])
        assert "Q900000001" not in {*found["statements"]["class_qid"], *found["entities"]["qid"]}


def kill_at(line: int) -> Any:
    """A trace function that kills this process at the n-th line run in the wikimedia package."""
    left = line

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        if "pipeline/wikimedia" not in frame.f_code.co_filename:
            return None
        if event == "line":
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace


def crawl_in_child(landmarks: pd.DataFrame, server: LocalWikimedia, folder: Path, line: int) -> int:
    """Crawl in a child process that is killed at a line; return the signal that ended it, 0 when it was done before."""
    child = os.fork()
    if child == 0:
        clock = FakeClock()
        sys.settrace(kill_at(line))
        try:
            crawl(landmarks, live_service(server, clock), folder)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_killed_crawl_goes_on_where_it_stopped(
    landmarks: pd.DataFrame, expected: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    draw = random.Random(7)
    with LocalWikimedia(ENTITIES, redirects=REDIRECTS) as server:
        ends = [crawl_in_child(landmarks, server, tmp_path, draw.randint(1, 4000)) for _ in range(KILLS)]
        assert ends.count(-signal.SIGKILL) == KILLS
        found, _ = crawl(landmarks, live_service(server, FakeClock()), tmp_path)
        asked = len(server.log)
    assert_same_tables(found, expected)
    with LocalWikimedia(ENTITIES, redirects=REDIRECTS) as server:
        crawl(landmarks, live_service(server, FakeClock()), tmp_path / "undisturbed")
        assert asked <= len(server.log) + KILLS


@pytest.mark.parametrize(
    ("kind", "words"),
    [("forbidden", "HGLD_CONTACT"), ("banned", "go on after 2026-11-24T17:00:00.612Z")],
)
def test_a_refusal_stops_at_once_and_says_what_to_do(kind: str, words: str, tmp_path: Path) -> None:
    clock = FakeClock()
    with LocalWikimedia(ENTITIES, faults=FaultPlan(1, 1.0, [kind]), clock=clock) as server:
        with pytest.raises(InputError, match=words):
            crawl(landmarks_of(["Musée d'Orsay"]), live_service(server, clock), tmp_path)
        assert len(server.log) == 1


def test_patience_has_an_end(tmp_path: Path) -> None:
    clock = FakeClock()
    faults = FaultPlan(1, 1.0, ["server_error_500"], max_in_a_row=10**6)
    with LocalWikimedia(ENTITIES, faults=faults, clock=clock) as server:
        with pytest.raises(InputError, match=r"gave up after many tries.*HTTP 500.*is kept"):
            crawl(landmarks_of(["Musée d'Orsay"]), live_service(server, clock), tmp_path)
        assert len(server.log) == 13
    assert clock.now > 300


def test_lag_is_waited_for_as_long_as_asked(tmp_path: Path) -> None:
    clock = FakeClock()
    with LocalWikimedia(ENTITIES, faults=FaultPlan.script(*["maxlag"] * 30), clock=clock) as server:
        found, _ = crawl(landmarks_of(["Musée d'Orsay"]), live_service(server, clock), tmp_path)
    assert found["landmark_items"]["item_qid"].tolist() == ["Q23402"]
    assert clock.now >= 30 * 5


def test_no_policy_user_agent_is_refused_by_the_server(tmp_path: Path) -> None:
    from pipeline.wikimedia.live import LiveService

    with LocalWikimedia(ENTITIES) as server:
        service = LiveService(Client("python-requests/2.34"), server.api, server.commons, server.sparql)
        with pytest.raises(InputError, match="HTTP 403"):
            crawl(landmarks_of(["Musée d'Orsay"]), service, tmp_path)


def test_the_store_holds_no_contact(landmarks: pd.DataFrame, tmp_path: Path) -> None:
    import gzip

    clock = FakeClock()
    with LocalWikimedia(ENTITIES, redirects=REDIRECTS, clock=clock) as server:
        crawl(landmarks, live_service(server, clock), tmp_path)
    for path in tmp_path.iterdir():
        assert b"curator@" not in gzip.decompress(path.read_bytes())
