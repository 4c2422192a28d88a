"""Inverse look-ups by SPARQL: which items name this Commons category (P373), or this main category item (P910).

Any SPARQL 1.1 endpoint over Wikidata serves. A query that ran out of time is asked again in halves.
"""

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

import requests

from pipeline.errors import InputError
from pipeline.wikimedia.client import Client, NotNowError
from pipeline.wikimedia.facts import COMMONS_CATEGORY, MAIN_CATEGORY

MAX_KEYS = 200
_ENTITY = "http://www.wikidata.org/entity/"
_TIMEOUT_SIGNS = ("TimeoutException", "Query deadline is expired")
_PREFIXES = f"PREFIX wd: <{_ENTITY}>\nPREFIX wdt: <http://www.wikidata.org/prop/direct/>\n"
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


class QueryTimeoutError(Exception):
    """The endpoint ran out of time; fewer keys may do."""


def literal(text: str) -> str:
    """A SPARQL string literal; the only way by which a title gets into a query.

    Source: SPARQL 1.1, section 19.7, string escape sequences.
    """
    return '"' + "".join(_ESCAPES.get(letter, letter) for letter in text) + '"'


def read_bindings(response: requests.Response) -> list[dict[str, Any]]:
    """Rows of a SPARQL JSON result.

    Raises:
        QueryTimeoutError: the body is cut by, or consists of, the trace of a time-out, which comes with HTTP 200.
        NotNowError: the body is not whole JSON for another reason.
    """
    try:
        rows: list[dict[str, Any]] = json.loads(response.content)["results"]["bindings"]
    except (ValueError, KeyError, TypeError) as error:
        if any(sign in response.text for sign in _TIMEOUT_SIGNS):
            raise QueryTimeoutError from error
        raise NotNowError(f"the body is not a SPARQL result ({response.text[:60]!r})") from error
    return rows


class InverseLookup:
    """Asks which items have a value for P373 or P910."""

    def __init__(self, client: Client, endpoint: str) -> None:
        self._client, self.endpoint = client, endpoint

    def by_commons_category(self, titles: Collection[str]) -> Iterator[tuple[str, list[str]]]:
        """Item ids by the title that their P373 names."""
        return self._items(COMMONS_CATEGORY, {title: literal(title) for title in titles})

    def by_main_category(self, qids: Collection[str]) -> Iterator[tuple[str, list[str]]]:
        """Item ids by the category item that their P910 names."""
        return self._items(MAIN_CATEGORY, {qid: f"wd:{qid}" for qid in qids if re.fullmatch(r"Q\d+", qid)})

    def _items(self, property_id: str, terms: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
        query = (
            f"{_PREFIXES}SELECT ?key ?item WHERE {{ VALUES ?key {{ {' '.join(terms.values())} }} "
            f"?item wdt:{property_id} ?key . }}"
        )
        try:
            form = {"query": query, "format": "json"}
            rows = self._client.call(self.endpoint, form, read_bindings, post=True) if terms else []
        except QueryTimeoutError as error:
            keys = list(terms)
            if len(keys) == 1:
                what = f"the query for {keys[0]} alone runs out of time"
                raise InputError(self.endpoint, what, "run again later, or use another SPARQL endpoint") from error
            for half in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
                yield from self._items(property_id, {key: terms[key] for key in half})
            return
        items: dict[str, list[str]] = {}
        for row in rows:
            items.setdefault(row["key"]["value"].removeprefix(_ENTITY), []).append(
                row["item"]["value"].removeprefix(_ENTITY)
            )
        for key, qids in items.items():
            yield key, sorted(set(qids), key=lambda qid: int(qid[1:]))
