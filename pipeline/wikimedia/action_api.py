"""Wikimedia's Action API: entities by id and by Commons category (Wikidata), soft redirects (Commons), 50 a request."""

import re
from collections.abc import Collection, Iterator
from typing import Any

import requests

from pipeline.errors import InputError
from pipeline.titles import PREFIX, canonical_title
from pipeline.wikimedia.client import MIN_WAIT_S, Client, NotNowError, wait_asked_for
from pipeline.wikimedia.facts import checked_entity, trimmed_entity
from pipeline.wikimedia.replay import category_of

MAX_KEYS = 50
# Answered with HTTP 200: wait and ask again.
_WAIT_CODES = frozenset({"maxlag", "ratelimited", "readonly"})
# {{Category redirect|Name}} and its aliases, with or without `1=` and the namespace, further parameters ignored.
_REDIRECT = re.compile(
    r"\{\{\s*(?:category[ _]?redirect|cat[ _]redirect|seecat)\s*\|\s*(?:1\s*=\s*)?(?::?\s*category\s*:)?"
    r"\s*([^|{}]+?)\s*(?:\|[^{}]*)?\}\}",
    re.IGNORECASE,
)


def read_json(response: requests.Response) -> dict[str, Any]:
    """The JSON object of an Action API response.

    Raises:
        NotNowError: the API asks to wait, had an inner error, or the body is not whole JSON.
        InputError: the API refuses the request.
    """
    try:
        found = response.json()
    except ValueError as error:
        raise NotNowError(f"the body is not JSON ({response.text[:60]!r})") from error
    if not isinstance(found, dict):
        raise NotNowError("the body is not a JSON object")
    error_code = str(found.get("error", {}).get("code", ""))
    if error_code in _WAIT_CODES:
        raise NotNowError(error_code, wait_asked_for(response) or MIN_WAIT_S)
    if error_code.startswith("internal_api_error"):
        raise NotNowError(error_code)
    if error_code:
        info = found["error"].get("info", "")
        raise InputError(response.url.split("?")[0], f"{error_code}: {info}", "report this; the request is at fault")
    return found


class EntityApi:
    """Entities of Wikidata through wbgetentities."""

    def __init__(self, client: Client, endpoint: str) -> None:
        self._client, self.endpoint = client, endpoint

    def by_id(self, qids: Collection[str]) -> Iterator[tuple[str, Any]]:
        """Entities by the id that was asked for, whatever id they have now; deleted ones are absent."""
        # A merged entity comes under the id that was asked for or under its present one, and names the former.
        by_id: dict[str, dict[str, Any]] = {}
        for key, entity in self._get({"ids": "|".join(qids)}).items():
            former = entity.get("redirects", {}).get("from", key)
            by_id |= dict.fromkeys((key, former), entity)
        for qid in qids:
            if qid in by_id:
                yield qid, _kept(by_id[qid], self.endpoint)

    def by_category(self, titles: Collection[str]) -> Iterator[tuple[str, Any]]:
        """Entities by the category that their sitelink to Commons names."""
        pages = "|".join(f"{PREFIX}{title}" for title in titles)
        for entity in self._get({"sites": "commonswiki", "titles": pages}).values():
            kept = _kept(entity, self.endpoint)
            if title := category_of(kept):
                yield title, kept

    def _get(self, keys: dict[str, str]) -> dict[str, dict[str, Any]]:
        """Entities of one request by the key they came under, misses left out.

        All languages are asked for: a label in any language is better than none, and a second request is dearer.
        """
        form = {
            "action": "wbgetentities",
            "format": "json",
            "maxlag": "5",
            "props": "labels|claims|sitelinks|info",
            "redirects": "yes",
            **keys,
        }
        found = self._client.call(self.endpoint, form, read_json).get("entities", {})
        return {key: entity for key, entity in found.items() if "missing" not in entity}


class RedirectApi:
    """Soft redirects of Commons categories, read out of the wikitext of their pages."""

    def __init__(self, client: Client, endpoint: str) -> None:
        self._client, self.endpoint = client, endpoint

    def targets(self, titles: Collection[str]) -> Iterator[tuple[str, Any]]:
        """Canonical title that each category redirects to; categories that do not are absent."""
        form = {
            "action": "query",
            "format": "json",
            "maxlag": "5",
            "prop": "revisions",
            "rvprop": "content",
            "rvslots": "main",
            "titles": "|".join(f"{PREFIX}{title}" for title in titles),
        }
        more: dict[str, str] | None = {}
        while more is not None:  # long pages come in several parts
            found = self._client.call(self.endpoint, form | more, read_json)
            for page in found.get("query", {}).get("pages", {}).values():
                for revision in page.get("revisions", []):
                    if target := redirect_target(revision["slots"]["main"].get("*", "")):
                        yield canonical_title(page["title"].removeprefix(PREFIX)), target
            more = found.get("continue")


def redirect_target(wikitext: str) -> str | None:
    """Canonical title that a `{{Category redirect|...}}` template, under any of its names, points to."""
    match = _REDIRECT.search(wikitext)
    return canonical_title(match[1]) if match and match[1].strip() else None


def _kept(entity: dict[str, Any], where: str) -> dict[str, Any]:
    return trimmed_entity(checked_entity(entity, where))
