"""What the tests of a crawl share: a clock that does not wait, a source over a local server, and the ideal cost."""

import math
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import tables
from pipeline.step2_wikidata import build
from pipeline.wikimedia.client import Client
from pipeline.wikimedia.live import LiveService
from pipeline.wikimedia.recorded import RecordedSource
from pipeline.wikimedia.source import Question, Service
from pipeline.wikimedia.store import Store
from tests.local_wikimedia import LocalWikimedia

DATE = "2026-11-23"
AGENT = "hgldv2/0.1.0 (curator@hgldv2-tests.net) requests/2.34"


class FakeClock:
    """Seconds that pass only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds


def live_service(
    server: LocalWikimedia, clock: FakeClock, per_minute: float = 150, read_timeout_s: float = 1.0
) -> LiveService:
    client = Client(AGENT, per_minute, (2.0, read_timeout_s), clock, clock.sleep)
    return LiveService(client, server.api, server.commons, server.sparql)


class IdealSource(RecordedSource):
    """Counts what a perfect crawl costs: one request for each full batch of what was never asked, phase by phase."""

    requests = 0

    def ask(self, question: Question, keys: Any) -> Any:
        assert self._service is not None
        open_keys = self._store.unanswered(question, keys)
        self.requests += math.ceil(len(open_keys) / self._service.batch_size(question))
        return super().ask(question, keys)


def landmarks_of(titles: list[str]) -> pd.DataFrame:
    """A landmarks table with these categories."""
    return pd.DataFrame({"split": "train", "landmark_id": range(len(titles)), "category": titles})


def crawl(landmarks: pd.DataFrame, service: Service, folder: Path) -> tuple[dict[str, pd.DataFrame], int]:
    """Tables of a crawl into a store, in key order, and the ideal number of requests for what the store lacked."""
    source = IdealSource(Store(folder, DATE), service, lambda: "2026-11-23T00:00:00+00:00")
    return in_key_order(build(landmarks, source)), source.requests


def in_key_order(built: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {
        name: frame.sort_values(list(getattr(tables, name.upper()).key), ignore_index=True)
        for name, frame in built.items()
    }


def assert_same_tables(found: dict[str, pd.DataFrame], expected: dict[str, pd.DataFrame]) -> None:
    """Equal, revisions aside where what is expected was made from facts without revisions."""
    assert list(found) == list(expected)
    for name, table in expected.items():
        is_known = [column for column in table if column != "revision_id" or table[column].notna().any()]
        pd.testing.assert_frame_equal(found[name][is_known], table[is_known])
