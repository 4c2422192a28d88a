"""What Wikidata's API, its query service and Commons' API answer, over any set of entities, without any HTTP.

For the local server of the tests and benchmarks; every look-up is by key, so a world may be huge.
"""

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable
from zlib import crc32

from tests.fault_plan import (
    HTML,
    Reply,
    api_error,
)

Entity = dict[str, Any]
Params = dict[str, str]

MOST_VALUES = 50  # ids or titles in a request, for clients without the bot right
CATEGORY = "Category:"
ENTITY_ID = re.compile(r"[QP][1-9]\d{0,8}", re.IGNORECASE)
ENTITY_IRI, DIRECT_IRI = "http://www.wikidata.org/entity/", "http://www.wikidata.org/prop/direct/"
ALL_PROPS = "info|sitelinks|aliases|labels|descriptions|claims|datatype"

REDIRECT_NAMES = ("Category redirect", "Categoryredirect", "Cat redirect", "Seecat")
REDIRECT_FORMS = (  # five forms and four names: in turn they meet in all twenty ways
    "{{%s|%s}}",
    "{{%s|Category:%s}}",
    "{{%s|1=%s}}",
    "<!-- moved, see the talk page -->\n{{%s|1=Category:%s|reason=[[COM:CAT|renamed]]}}\n[[Category:Redirects|*]]\n",
    "{{Uncategorized|date=2020}}\n{{ %s | %s }}\n\nKept for old links.\n",
)
ORDINARY_TEXT = "{{Wikidata Infobox}}\n{{en|1=Pictures of %s.}}\n\n[[Category:Landmarks]]\n"


@runtime_checkable
class World(Protocol):
    """What the services know. `EntityWorld` is built from entities; a benchmark may make its own on the fly."""

    def entity(self, qid: str) -> Entity | None:
        """The entity in full Wikibase JSON."""

    def qid_of_category(self, title: str) -> str | None:
        """Id of the item whose `commonswiki` sitelink is `Category:<title>`."""

    def items_of_p373(self, title: str) -> Sequence[str]:
        """Ids of the items whose best-rank P373 is the title."""

    def items_of_p910(self, qid: str) -> Sequence[str]:
        """Ids of the items whose best-rank P910 is the category item."""


class EntityWorld:
    """The world of a set of entities that is held in memory."""

    def __init__(self, entities: Iterable[Entity]) -> None:
        self._entities = {entity["id"]: entity for entity in entities}
        self._by_category: dict[str, str] = {}
        self._by_value: dict[tuple[str, str], list[str]] = defaultdict(list)
        for qid, entity in self._entities.items():
            title = (entity.get("sitelinks") or {}).get("commonswiki", {}).get("title", "")
            if title.startswith(CATEGORY):
                self._by_category[title.removeprefix(CATEGORY)] = qid
            for property_id in ("P373", "P910"):
                for value in truthy(entity, property_id):
                    self._by_value[property_id, value].append(qid)

    def entity(self, qid: str) -> Entity | None:
        return self._entities.get(qid)

    def qid_of_category(self, title: str) -> str | None:
        return self._by_category.get(title)

    def items_of_p373(self, title: str) -> Sequence[str]:
        return self._by_value.get(("P373", title), ())

    def items_of_p910(self, qid: str) -> Sequence[str]:
        return self._by_value.get(("P910", qid), ())


def truthy(entity: Entity, property_id: str) -> list[str]:
    """Texts or item ids of a property's best-rank statements, without repeats."""
    statements = (entity.get("claims") or {}).get(property_id, [])
    best = [s for s in statements if s["rank"] == "preferred"] or [s for s in statements if s["rank"] == "normal"]
    values = [s["mainsnak"]["datavalue"]["value"] for s in best if s["mainsnak"].get("datavalue")]
    return list(dict.fromkeys(value if isinstance(value, str) else value["id"] for value in values))


def json_reply(answer: Any) -> Reply:
    return Reply(200, json.dumps(answer, separators=(",", ":")).encode())


def values_of(params: Params, name: str) -> list[str]:
    """Values of a parameter that takes several, split as MediaWiki does."""
    text = params.get(name, "")
    return text[1:].split("\x1f") if text.startswith("\x1f") else text.split("|") if text else []


def refusal_of(params: Params, action: str, multiple: Sequence[str]) -> Reply | None:
    """What MediaWiki says of any request before it is looked into."""
    if params.get("format") != "json":
        return Reply(200, b"<!DOCTYPE html>\n<title>MediaWiki API result</title>\n", HTML)
    if params.get("action") != action or params.get("formatversion", "1") != "1":
        name = "formatversion" if params.get("action") == action else "action"
        return api_error("badvalue", f'Unrecognized value for parameter "{name}": {params.get(name, "")}.')
    for name in multiple:
        if len(values_of(params, name)) > MOST_VALUES:
            info = f'Too many values supplied for parameter "{name}". The limit is {MOST_VALUES}.'
            limits = {"limit": MOST_VALUES, "lowlimit": MOST_VALUES, "highlimit": 500}
            return api_error("toomanyvalues", info, {"parameter": name, **limits})
    return None


def canonical_page(title: str) -> str:
    """A page title as MediaWiki spells it: namespace, spaces, first letter."""
    title = " ".join(unicodedata.normalize("NFC", title).replace("_", " ").split())
    prefix, colon, name = title.partition(":")
    namespace = CATEGORY if colon and prefix.strip().lower() == "category" else ""
    name = name.strip() if namespace else title
    first = name[:1].upper()
    return namespace + (first if len(first) == 1 else name[:1]) + name[1:]


@dataclass(frozen=True)
class WikidataApi:
    """`action=wbgetentities`."""

    world: World
    merged: Mapping[str, str]
    missing: frozenset[str]

    def reply(self, params: Params) -> Reply:
        if refusal := refusal_of(params, "wbgetentities", ("ids", "titles")) or self._refusal(params):
            return refusal
        answer: Entity = {"entities": {}, "success": 1}
        asked = [qid.upper() for qid in values_of(params, "ids")]
        for title in values_of(params, "titles"):
            qid = self._qid_of_page(unicodedata.normalize("NFC", title).strip())
            if qid is None and "normalize" in params and (page := canonical_page(title)) != title:
                answer["normalized"] = {"n": {"from": title, "to": page}}
                qid = self._qid_of_page(page)
            if qid is not None:
                asked.append(qid)
            else:
                # Only misses are in the answer yet: the real service lists them first too.
                miss = {"site": "commonswiki", "title": title, "missing": ""}
                answer["entities"][f"-{len(answer['entities']) + 1}"] = miss
        for qid in dict.fromkeys(asked):
            key, record = self._record(qid, params, asked)
            answer["entities"][key if key not in answer["entities"] else qid] = record
        return json_reply(answer)

    def _refusal(self, params: Params) -> Reply | None:
        ids, sites, titles = (values_of(params, name) for name in ("ids", "sites", "titles"))
        if not ids and not (sites and titles):
            info = 'Either provide the item "ids" or pairs of "sites" and "titles" for corresponding pages'
            return api_error("param-missing", info)
        if sites and sites != ["commonswiki"]:
            return api_error("badvalue", f'Unrecognized value for parameter "sites": {sites[0]}.')
        if "normalize" in params and len(titles) > 1:
            info = "Normalize is only allowed if exactly one site and one page have been given"
            return api_error("params-illegal", info)
        for qid in ids:
            if not ENTITY_ID.fullmatch(qid):
                return api_error("no-such-entity", f'Could not find an entity with the ID "{qid}".', {"id": qid})
        return None

    def _qid_of_page(self, page: str) -> str | None:
        title = page.removeprefix(CATEGORY)
        if title == page or title in self.missing:
            return None
        qid = self.world.qid_of_category(title)
        return None if qid in self.missing else qid

    def _record(self, qid: str, params: Params, asked: Collection[str]) -> tuple[str, Entity]:
        """Key and value of one entity in the answer."""
        target = self.merged.get(qid, qid)
        hidden = {qid, target} & self.missing or (target != qid and params.get("redirects") == "no")
        entity = None if hidden else self.world.entity(target)
        if entity is None:
            return qid, {"id": qid, "missing": ""}
        record = trimmed(entity, params)
        if target == qid:
            return qid, record
        # Both keys are met in the wild. An id that is asked for itself keeps its own key.
        key = qid if int(qid[1:]) % 2 or target in asked else target
        return key, record | {"redirects": {"from": qid, "to": target}}


def trimmed(entity: Entity, params: Params) -> Entity:
    """The parts of an entity that were asked for; PHP writes an empty map as an empty list."""
    props = set((params.get("props", ALL_PROPS)).split("|"))
    languages = set(values_of(params, "languages"))
    number, is_item = int(entity["id"][1:]), entity["id"].startswith("Q")
    record: Entity = {}
    if "info" in props:
        title = entity["id"] if is_item else f"Property:{entity['id']}"
        made_up = {"pageid": number + 1000, "ns": 0 if is_item else 120, "title": title}
        made_up |= {"lastrevid": number + 2_000_000_000, "modified": "2026-11-01T00:00:00Z"}
        record = {key: entity.get(key, value) for key, value in made_up.items()}
    record |= {"type": entity.get("type", "item"), "id": entity["id"]}
    if "datatype" in props and "datatype" in entity:
        record["datatype"] = entity["datatype"]
    for part in ("labels", "descriptions", "aliases"):
        if part in props:
            terms = entity.get(part) or {}
            record[part] = {code: terms[code] for code in terms if not languages or code in languages} or []
    for part in ("claims", "sitelinks") if is_item else ("claims",):
        if part in props:
            record[part] = entity.get(part) or []
    return record


class CommonsApi:
    """`action=query&prop=revisions`: every category exists, as a redirect or an ordinary page, unless `missing`."""

    def __init__(self, redirects: Mapping[str, str], missing: frozenset[str]) -> None:
        self._redirects, self._missing = redirects, missing
        self._turn = {title: turn for turn, title in enumerate(redirects)}

    def reply(self, params: Params) -> Reply:
        if refusal := refusal_of(params, "query", ("titles",)):
            return refusal
        pages: dict[str, Entity] = {}
        spelled = {title: canonical_page(title) for title in values_of(params, "titles")}
        for page in dict.fromkeys(spelled.values()):
            record = self._page(page, params)
            misses = sum(key.startswith("-") for key in pages)
            pages[str(record.get("pageid", -1 - misses))] = record
        normalized = [{"from": title, "to": page} for title, page in spelled.items() if title != page]
        query: Entity = {"normalized": normalized} if normalized else {}
        query["pages"] = dict(sorted(pages.items(), key=lambda item: int(item[0])))  # never in the order asked
        return json_reply({"batchcomplete": ""} | ({"query": query} if pages else {}))

    def _page(self, page: str, params: Params) -> Entity:
        if bad := re.search(r"[<>\[\]{}|#\x00-\x1f]|^$", page):
            reason = f'The requested page title contains invalid characters: "{bad[0]}".'
            return {"title": page, "invalidreason": reason, "invalid": ""}
        title = page.removeprefix(CATEGORY)
        record: Entity = {"ns": 14 if title != page else 0, "title": page}
        if title == page or not title or title in self._missing:
            return record | {"missing": ""}
        record = {"pageid": crc32(page.encode()) + 1, **record}
        if "revisions" in values_of(params, "prop"):
            text = {"contentmodel": "wikitext", "contentformat": "text/x-wiki", "*": self.wikitext(title)}
            revision = {"slots": {"main": text}} if params.get("rvslots") in ("main", "*") else text
            record["revisions"] = [revision if "content" in values_of(params, "rvprop") else {"parentid": 0}]
        return record

    def wikitext(self, title: str) -> str:
        """The page's text; redirects use the template's names and forms in turn."""
        if (target := self._redirects.get(title)) is None:
            return ORDINARY_TEXT % title
        turn = self._turn[title]
        form = REDIRECT_FORMS[turn % 5 if "=" not in target else 2]  # else the template would see a named parameter
        return form % (REDIRECT_NAMES[turn % 4], target)


# A text of SPARQL in any of its four quotations.
LONG_TEXT = r'"""(?:[^"\\]|\\.|"(?!""))*"""|' + r"'''(?:[^'\\]|\\.|'(?!''))*'''"
TEXT = LONG_TEXT + r'|"(?:[^"\\]|\\.)*"|' + r"'(?:[^'\\]|\\.)*'"
KEY = re.compile(rf"(?P<text>{TEXT})|[:/](?P<qid>Q\d+)\b", re.DOTALL)
VALUES = re.compile(rf"VALUES\s*(?:\([^)]*\)|[?$]\w+)\s*\{{((?:{TEXT}|[^{{}}\"'])*)\}}", re.DOTALL | re.IGNORECASE)
ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)


def unescaped(text: str) -> str:
    """What a quoted text of SPARQL says."""
    inside = text[3:-3] if text[:3] in ('"""', "'''") else text[1:-1]
    letters = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f"}
    return ESCAPE.sub(lambda m: letters.get(m[3], m[3]) if m[3] else chr(int(m[1] or m[2], 16)), inside)


def values_count(query: str) -> int:
    """Number of keys in the VALUES of a query."""
    return sum(1 for block in VALUES.findall(query) for _ in KEY.finditer(block))


@dataclass(frozen=True)
class QueryService:
    """SPARQL 1.1 by pyoxigraph, loaded for each query with the P373 and P910 facts about the keys that it names."""

    world: World
    missing: frozenset[str]
    timeout_above: int | None

    def reply(self, query: str, wants_json: bool) -> Reply:
        import pyoxigraph as ox  # only here: benchmarks run without the dev extra

        try:
            results: Any = self._facts(query).query(query)
            form = ox.QueryResultsFormat.JSON if wants_json else ox.QueryResultsFormat.XML
            body = results.serialize(format=form)
        except (SyntaxError, TypeError, ValueError) as error:
            text = f"SPARQL-QUERY: queryStr={query}\norg.openrdf.query.MalformedQueryException: {error}\n"
            return Reply(400, text.encode(), "text/plain; charset=utf-8")
        return Reply(200, body, form.media_type)

    def times_out(self, query: str) -> bool:
        return self.timeout_above is not None and values_count(query) > self.timeout_above

    def _facts(self, query: str) -> Any:
        import pyoxigraph as ox

        store = ox.Store()
        for key in KEY.finditer(query):
            if key["text"]:
                value: Any = ox.Literal(unescaped(key["text"]))
                property_id, qids = "P373", self.world.items_of_p373(value.value)
            else:
                value = ox.NamedNode(ENTITY_IRI + key["qid"])
                property_id, qids = "P910", self.world.items_of_p910(key["qid"])
            predicate = ox.NamedNode(DIRECT_IRI + property_id)
            items = [ox.NamedNode(ENTITY_IRI + qid) for qid in qids if qid not in self.missing]
            store.extend(ox.Quad(item, predicate, value) for item in items)
        return store
