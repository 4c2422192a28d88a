"""A local server that answers as Wikidata's API, its query service and Commons' API do, over any set of entities.

For the tests of the Wikimedia client and for benchmarks: it keeps a log of what was asked, counts requests in
flight, and fails by a `FaultPlan`. Nothing in it sleeps.
"""

import gzip
import re
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.fault_plan import (
    NO_USER_AGENT,
    Fault,
    FaultPlan,
    Reply,
    cut_mid_value,
    html_page,
    reply_of,
    timed_out,
)
from tests.local_services import (
    CommonsApi,
    Entity,
    EntityWorld,
    Params,
    QueryService,
    WikidataApi,
    World,
    values_count,
    values_of,
)

LONGEST_URL = 8192  # bytes
PATHS = {"/wikidata/w/api.php": "api", "/commons/w/api.php": "commons", "/sparql": "sparql"}
CONTACT = re.compile(r"\([^()]*(@|://|User:)[^()]*\)")


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
