"""A source that asks a service once and remembers: what the store has is never asked again; for the wikidata stage."""

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import Any

from tqdm import tqdm

from pipeline.errors import InputError
from pipeline.wikimedia.source import EntitySource, Question, Service
from pipeline.wikimedia.store import Store

MAX_APPEND = 1000  # answers to one member of the store
_PHASES = {
    Question.ENTITY: "items and classes",
    Question.CATEGORY: "categories",
    Question.COMMONS_CATEGORY: "items by P373",
    Question.MAIN_CATEGORY: "items by P910",
    Question.REDIRECT: "redirects",
}


def utc_now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class RecordedSource(EntitySource):
    """An `EntitySource` that answers from a store, and asks a service for the rest, one batch an append."""

    def __init__(self, store: Store, service: Service | None, now: Callable[[], str | None] = utc_now) -> None:
        """Set up the source.

        Args:
            store: where answers are looked up and recorded.
            service: whom to ask; None means offline, and a key that the store lacks is an error.
            now: time of a request for the record; None where there is none.
        """
        self._store, self._service, self._now = store, service, now

    def ask(self, question: Question, keys: Collection[str]) -> Iterator[tuple[str, Any]]:
        """Answers with their keys.

        Raises:
            InputError: offline, and the store lacks a key; or the service failed for good.
        """
        unanswered = self._store.unanswered(question, keys)
        if unanswered and self._service is None:
            first = ", ".join(unanswered[:5])
            what = f"{len(unanswered)} {_PHASES[question]} were never asked for, the first are {first}"
            remedy = f"run without --offline, or set wikidata.snapshot_date to a date that {self._store.folder} holds"
            raise InputError(f"snapshot {self._store.snapshot}", what, remedy)
        if unanswered and self._service is not None:
            self._ask_service(self._service, question, unanswered)
        return self._store.answers(question, keys)

    def _ask_service(self, service: Service, question: Question, keys: list[str]) -> None:
        size = service.batch_size(question)
        with tqdm(total=len(keys), desc=_PHASES[question], unit="key", disable=None) as progress:
            for start in range(0, len(keys), size):
                progress.set_postfix(requests_left=-(-(len(keys) - start) // size))
                batch = keys[start : start + size]
                asked_at, endpoint = self._now(), service.endpoint(question)
                open_keys, answers = dict.fromkeys(batch), {}
                for key, answer in service.ask(question, batch):
                    del open_keys[key]
                    answers[key] = answer
                    if len(answers) == MAX_APPEND:  # a dump answers everything in one batch
                        self._store.append(question, answers, answers, endpoint, asked_at)
                        progress.update(len(answers))
                        answers = {}
                self._store.append(question, [*answers, *open_keys], answers, endpoint, asked_at)
                progress.update(len(answers) + len(open_keys))
