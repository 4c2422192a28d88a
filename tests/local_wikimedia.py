"""A local server that answers as Wikidata's API, its query service and Commons' API do, over any set of entities.

For the tests of the Wikimedia client and for benchmarks: it keeps a log of what was asked, counts requests in
flight, and fails by a `FaultPlan`. Nothing in it sleeps; every look-up is by key, so it serves huge worlds too.
"""

import gzip
import json
import re
import select
import socket
import struct
import sys
import threading
import time
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Protocol, Self, runtime_checkable
from urllib.parse import parse_qsl, urlsplit
from zlib import crc32

from tests.fault_plan import (
    HTML,
    NO_USER_AGENT,
    Fault,
    FaultPlan,
    Reply,
    api_error,
    cut_mid_value,
    html_page,
    reply_of,
    timed_out,
)

Entity = dict[str, Any]
Params = dict[str, str]

MOST_VALUES = 50  # ids or titles in a request, for clients without the bot right
LONGEST_URL = 8192  # bytes
CATEGORY = "Category:"
PATHS = {"/wikidata/w/api.php": "api", "/commons/w/api.php": "commons", "/sparql": "sparql"}
CONTACT = re.compile(r"\([^()]*(@|://|User:)[^()]*\)")
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


@dataclass(slots=True)
class Request:
    """One request as it arrived, and how it was answered; `key` is the same for requests that ask the same."""

    kind: str
    method: str
    user_agent: str
    time: float
    keys: int = 0
    key: str = ""
    fault: str | None = None
    status: int | None = None
    sent_bytes: int = 0


class Server(ThreadingMixIn, TCPServer):
    """Threads over sockets; it knows its open connections, so that it can end them all."""

    request_queue_size = 64
    daemon_threads = False  # server_close waits for the threads, which end with their connections

    def __init__(self, wikimedia: "LocalWikimedia") -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.wikimedia = wikimedia
        self.connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if error and not isinstance(error, OSError):  # a client that went away is no news
            self.wikimedia.crashes.append(error)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        wikimedia: LocalWikimedia = self.server.wikimedia  # type: ignore[attr-defined]
        self.wikimedia, self.seen = wikimedia, wikimedia.arrive(self)
        try:
            self._answer()
        finally:
            wikimedia.leave(self.seen)

    do_POST = do_GET

    def _answer(self) -> None:
        params, seen = self._params(), self.seen
        query = params.get("query", "")
        names = ("ids", "titles")
        seen.keys = values_count(query) if seen.kind == "sparql" else sum(len(values_of(params, n)) for n in names)
        seen.key = blake2b(repr((seen.kind, sorted(params.items()))).encode(), digest_size=8).hexdigest()
        if refusal := self._refusal():
            return self._send(refusal)
        fault = self.wikimedia.draw(seen, params)
        seen.fault = fault.kind if fault else None
        if fault is None or fault.kind == "cut_json":
            return self._send_service(params, fault)
        if fault.kind in ("reset", "stall"):
            return self._reset() if fault.kind == "reset" else self._stall()
        return self._send(reply_of(fault, seen.kind))

    def _params(self) -> Params:
        """Parameters of the address and the form; of several with one name the last counts, as in PHP."""
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode("utf-8", "replace")
        if self.headers.get_content_type() == "application/sparql-query":
            return {"query": body}
        pairs = [*parse_qsl(urlsplit(self.path).query, True), *parse_qsl(body, True)]
        return dict(pairs)

    def _refusal(self) -> Reply | None:
        if len(self.path) > LONGEST_URL:
            return html_page(414, "URI Too Long")
        if self.seen.kind == "other":
            return html_page(404, "Not found")
        if self.seen.user_agent.startswith("python-requests/") or not CONTACT.search(self.seen.user_agent):
            return html_page(403, NO_USER_AGENT)
        return None

    def _send_service(self, params: Params, fault: Fault | None) -> None:
        reply = self.wikimedia.reply(self.seen.kind, params, self.headers["Accept"] or "")
        query = params.get("query", "")
        if fault is None and self.seen.kind == "sparql" and self.wikimedia.query_service.times_out(query):
            self.seen.fault = "timeout_above"
        if self.seen.kind == "sparql" and self.seen.fault:
            reply = reply._replace(status=200, body=timed_out(reply.body, query))
        elif fault and fault.variant % 2:
            reply = reply._replace(body=cut_mid_value(reply.body))
        elif fault:
            return self._send(reply, is_broken_off=True)
        return self._send(reply)

    def _send(self, reply: Reply, is_broken_off: bool = False) -> None:
        body, seen = reply.body, self.seen
        self.send_response(reply.status, reply.reason)
        if reply.status == 200 and "gzip" in (self.headers["Accept-Encoding"] or ""):
            body = gzip.compress(body, compresslevel=1, mtime=0)
            self.send_header("Content-Encoding", "gzip")
        for name, value in {"Content-Type": reply.content_type, **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if is_broken_off:
            body, self.close_connection = body[: len(body) // 2], True
        seen.status, seen.sent_bytes = reply.status, len(body)
        # The request is in flight until its last byte goes out: then the client may send the next one.
        self.wfile.write(memoryview(body)[:-1])
        self.wikimedia.leave(seen)
        self.wfile.write(body[-1:])

    def _reset(self) -> None:
        self.wikimedia.leave(self.seen)
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()  # it holds the socket open
        self.connection.close()

    def _stall(self) -> None:
        """Wait until the client hangs up, the server stops, or the limit."""
        self.close_connection = True
        self.connection.settimeout(self.wikimedia.stall_limit)
        with suppress(OSError):
            self.connection.recv(1, socket.MSG_PEEK)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _has_hung_up(connection: socket.socket) -> bool:
    try:
        return bool(select.select([connection], [], [], 0)[0]) and not connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return True


class LocalWikimedia:
    """The three services on one port of 127.0.0.1, for a `with` block."""

    def __init__(
        self,
        entities: Iterable[Entity] | World,
        *,
        redirects: Mapping[str, str] | None = None,
        merged: Mapping[str, str] | None = None,
        missing: Collection[str] = (),
        faults: FaultPlan | None = None,
        sparql: bool = True,
        timeout_above: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare the services; they are up within the `with` block.

        Args:
            entities: entities in full Wikibase JSON, or a world that makes them.
            redirects: Commons category titles that are soft redirects, with their targets (no `Category:`).
            merged: ids that were merged into another item, with that item's id.
            missing: ids that do not exist (any more), and category titles without a page on Commons.
            faults: which requests fail, and how.
            sparql: False: there is no query service, as on a bare Wikibase (404).
            timeout_above: queries with more keys in VALUES than this time out.
            clock: seconds, for the times in the log.
        """
        world = entities if isinstance(entities, World) else EntityWorld(entities)
        gone = frozenset(missing)
        self.wikidata, self.commons_pages = WikidataApi(world, merged or {}, gone), CommonsApi(redirects or {}, gone)
        self.query_service = QueryService(world, gone, timeout_above)
        self.log: list[Request] = []
        self.max_concurrent = 0
        self.crashes: list[BaseException] = []
        self._faults, self._has_sparql, self._clock = faults, sparql, clock
        self._in_flight: dict[int, socket.socket] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._server = Server(self)
        address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.api, self.commons, self.sparql = (f"{address}{path}" for path in PATHS)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._server.shutdown()
        for connection in list(self._server.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # wakes its thread, stalled or waiting for a request
        self._server.server_close()
        self._thread.join()
        if self.crashes and kind is None:
            raise RuntimeError("the local server itself failed") from self.crashes[0]

    @property
    def in_flight(self) -> int:
        """Requests that have arrived and are not answered, less those whose client has hung up."""
        with self._lock:
            self._forget_abandoned()
            return len(self._in_flight)

    @property
    def stall_limit(self) -> float:
        return self._faults.stall_limit if self._faults else 0.0

    def arrive(self, handler: Handler) -> Request:
        kind = PATHS.get(urlsplit(handler.path).path, "other")
        if kind == "sparql" and not self._has_sparql:
            kind = "other"
        seen = Request(kind, handler.command, handler.headers["User-Agent"] or "", 0.0)
        with self._lock:
            seen.time = self._clock()
            self.log.append(seen)
            self._in_flight[id(seen)] = handler.connection
            self._forget_abandoned()
            self.max_concurrent = max(self.max_concurrent, len(self._in_flight))
        return seen

    def leave(self, seen: Request) -> None:
        with self._lock:
            self._in_flight.pop(id(seen), None)

    def _forget_abandoned(self) -> None:
        # A client that gave up on a request has hung up before it sends the next one, but the thread that serves
        # the first may not have noticed yet, or not even have begun.
        for number, connection in list(self._in_flight.items()):
            if _has_hung_up(connection):
                del self._in_flight[number]

    def draw(self, seen: Request, params: Params) -> Fault | None:
        return self._faults.draw(seen.kind, seen.key, "maxlag" in params) if self._faults else None

    def reply(self, kind: str, params: Params, accept: str) -> Reply:
        if kind == "sparql":
            wants_json = "json" in accept or params.get("format") == "json"
            return self.query_service.reply(params.get("query", ""), wants_json)
        return self.wikidata.reply(params) if kind == "api" else self.commons_pages.reply(params)
