"""The source that params.yaml names, with its store and lock; the one place that knows every kind."""

import contextlib
import math
import shutil
from collections.abc import Collection, Iterator
from importlib.metadata import version
from pathlib import Path

import click

from pipeline.errors import InputError
from pipeline.locks import exclusive
from pipeline.params import Params
from pipeline.wikimedia.client import Client
from pipeline.wikimedia.contact import read_contact, user_agent
from pipeline.wikimedia.dump import DumpService, write_spool
from pipeline.wikimedia.live import LiveService
from pipeline.wikimedia.recorded import RecordedSource, utc_now
from pipeline.wikimedia.replay import ReplaySource, read_entities
from pipeline.wikimedia.source import EntitySource, Question, Service
from pipeline.wikimedia.store import Store

SAMPLE_ENTITIES = Path("sample/wikidata/entities.jsonl")
RAW = Path("data/raw/wikidata")
LOCK = Path("data/raw/wikidata.lock")
# What a full crawl of GLDv2 asks for beyond its categories, as shares of them, to announce the cost before it starts.
EXPECTED_SHARES = {
    Question.ENTITY: 0.45,  # topics of category items, items found by P373, classes
    Question.COMMONS_CATEGORY: 0.2,
    Question.MAIN_CATEGORY: 0.02,
    Question.REDIRECT: 0.1,
}


@contextlib.contextmanager
def open_source(params: Params, titles: Collection[str], offline: bool = False) -> Iterator[EntitySource]:
    """Open the source for the categories `titles`, recording what it answers below data/raw/wikidata.

    Raises:
        InputError: the source is not there, or another process writes to its store.
        click.UsageError: the live services are asked for, and there is no contact.
    """
    with exclusive(LOCK):
        folder = RAW / params.source
        if params.source == "sample":
            # The sample is its own record: what an edit of it changed must not be answered from an older copy.
            shutil.rmtree(folder, ignore_errors=True)
        service = None if offline and params.source != "sample" else _service(params, titles)
        store = Store(folder, params.wikidata.snapshot_date)
        if isinstance(service, LiveService):
            announce(service, store, titles, params.wikidata.requests_per_minute)
        now = utc_now if isinstance(service, LiveService) else lambda: None
        yield RecordedSource(store, service, now)


def _service(params: Params, titles: Collection[str]) -> Service:
    facts = params.wikidata
    if params.source == "sample":
        return ReplaySource(read_entities(SAMPLE_ENTITIES))
    if params.source == "dump":
        if facts.dump is None:
            raise InputError("params.yaml: wikidata.dump", "source: dump needs the path of a dump", "name it there")
        spool = Path(f"data/raw/wikidata_dump_{facts.snapshot_date}.tsv.gz")
        if not spool.exists():
            write_spool(Path(facts.dump), spool, titles)
        return DumpService(spool)
    agent = user_agent(read_contact(), version("hgldv2"))
    client = Client(agent, facts.requests_per_minute)
    return LiveService(client, facts.wikidata_api, facts.commons_api, facts.sparql)


def announce(service: Service, store: Store, titles: Collection[str], per_minute: float) -> None:
    """Print the plan: requests and minutes, exact for the categories and estimated for what follows from them."""
    left = len(store.unanswered(Question.CATEGORY, titles))
    exact = math.ceil(left / service.batch_size(Question.CATEGORY))
    follow = sum(math.ceil(left * share / service.batch_size(q)) for q, share in EXPECTED_SHARES.items())
    click.echo(
        f"plan: {left} of {len(titles)} categories to ask for in {exact} requests, then about {follow} more for items "
        f"and classes; about {(exact + follow) / per_minute:.0f} minutes at {per_minute:g} requests a minute"
    )
