"""Seeded faults of the Wikimedia services, with the bodies that were recorded when the real ones failed.

For `tests/local_wikimedia.py`: the same seed and the same order of requests give the same faults.
"""

import json
import random
import threading
from collections import deque
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Self

ALL = (
    "too_many_requests",
    "too_many_requests_bare",
    "maxlag",
    "ratelimited",
    "readonly",
    "server_error_500",
    "server_error_502",
    "server_error_503",
    "reset",
    "stall",
    "cut_json",
    "html_200",
)
PERSISTENT = ("forbidden", "banned")  # once one strikes, it is the answer to every later request
ACTION_API_ONLY = frozenset({"maxlag", "ratelimited", "readonly"})
LONGEST_RETRY_AFTER = 5

BANNED_UNTIL = "2026-11-24T17:00:00.612Z"
NO_USER_AGENT = "Please set a user-agent and respect our robot policy https://w.wiki/4wJS. See also T400119."
TOO_MANY = (
    "Too many requests. Please comply with the User-Agent policy to get a higher rate limit: "
    "https://meta.wikimedia.org/wiki/User-Agent_policy"
)
JAVA_TRACE = """SPARQL-QUERY: queryStr={query}
java.util.concurrent.TimeoutException
\tat java.util.concurrent.FutureTask.get(FutureTask.java:205)
\tat com.bigdata.rdf.sail.webapp.BigdataServlet.submitApiTask(BigdataServlet.java:292)
"""
REASONS = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable"}
HTML = "text/html; charset=utf-8"


class Reply(NamedTuple):
    """An answer before it is compressed and sent."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = {}
    reason: str | None = None


class Fault(NamedTuple):
    """A fault for one request; `variant` chooses among the forms that a fault takes."""

    kind: str
    retry_after: int
    variant: int


class FaultPlan:
    """Decides, request after request, which ones are answered with a fault."""

    def __init__(
        self, seed: int, share: float, kinds: Collection[str] = ALL, *, max_in_a_row: int = 3, stall_limit: float = 5.0
    ) -> None:
        """Plan faults.

        Args:
            seed: another seed draws other faults.
            share: share of the requests that are answered with a fault.
            kinds: kinds to draw from, of ALL and PERSISTENT.
            max_in_a_row: so often at most the same request meets a fault before it is answered (PERSISTENT aside).
            stall_limit: seconds after which a stalled connection is closed when its client does not give up.
        """
        if unknown := set(kinds) - {*ALL, *PERSISTENT}:
            raise ValueError(f"no such faults: {', '.join(sorted(unknown))}")
        self.share, self.max_in_a_row, self.stall_limit = share, max_in_a_row, stall_limit
        self.kinds = [kind for kind in (*ALL, *PERSISTENT) if kind in kinds]  # in one order, whatever came in
        self._random = random.Random(seed)
        self._in_a_row: dict[str, int] = {}
        self._script: deque[str | None] = deque()
        self._lasting: Fault | None = None
        self._lock = threading.Lock()

    @classmethod
    def script(cls, *kinds: str | None, stall_limit: float = 5.0) -> Self:
        """Exactly these faults in the order of the requests (None: answered well), and none after them."""
        plan = cls(0, 0.0, [kind for kind in kinds if kind], max_in_a_row=len(kinds), stall_limit=stall_limit)
        plan._script.extend(kinds)
        return plan

    def draw(self, kind: str, key: str, asks_maxlag: bool) -> Fault | None:
        """Return the fault of the next request, or None.

        Args:
            kind: the service asked: api, sparql or commons.
            key: what is asked; the same for a retry.
            asks_maxlag: the request has a maxlag parameter, without which no service complains of lag.
        """
        with self._lock:
            # Four numbers for every request, so that the fault of the n-th depends on n alone.
            strikes, pick = self._random.random() < self.share, self._random.random()
            retry_after, variant = self._random.randint(1, LONGEST_RETRY_AFTER), self._random.randrange(4)
            if self._lasting:
                return self._lasting
            if self._script:
                chosen = self._script.popleft()
            else:
                fitting = [fault for fault in self.kinds if _fits(fault, kind, asks_maxlag)]
                chosen = fitting[int(pick * len(fitting))] if strikes and fitting else None
            if chosen is None or (chosen not in PERSISTENT and self._is_spent(key)):
                self._in_a_row.pop(key, None)
                return None
            self._in_a_row[key] = self._in_a_row.get(key, 0) + 1
            fault = Fault(chosen, retry_after, variant)
            self._lasting = fault if chosen in PERSISTENT else None
            return fault

    def _is_spent(self, key: str) -> bool:
        return self._in_a_row.get(key, 0) >= self.max_in_a_row


def _fits(fault: str, kind: str, asks_maxlag: bool) -> bool:
    if fault in ACTION_API_ONLY and kind == "sparql":
        return False
    return fault != "maxlag" or asks_maxlag


def reply_of(fault: Fault, kind: str) -> Reply:
    """Answer that takes the place of the service's; for faults other than reset, stall and cut_json."""
    retry = {"Retry-After": str(fault.retry_after)}
    match fault.kind:
        case "too_many_requests" | "too_many_requests_bare":
            return _too_many(kind, fault.retry_after, retry if fault.kind == "too_many_requests" else {})
        case "maxlag":
            lag = {"host": "10.64.48.58", "lag": 6.596932, "type": "db"}
            reply = api_error("maxlag", "Waiting for 10.64.48.58: 6.596932 seconds lagged.", lag)
            return reply._replace(headers={**reply.headers, **retry, "X-Database-Lag": "6"})
        case "ratelimited":
            info = "You've exceeded your rate limit. Please wait some time and try again."
        case "readonly":
            info = "The wiki is currently in read-only mode."
        case "forbidden":
            return html_page(403, NO_USER_AGENT)
        case "banned":
            text = f"You have been banned until {BANNED_UNTIL}, please respect throttling and retry-after headers."
            return jetty_page(403, text, {"Retry-After": "86400"})
        case "html_200":
            return html_page(200, "Our servers are currently under maintenance or experiencing a technical problem.")
        case _:
            status = int(fault.kind.removeprefix("server_error_"))
            return html_page(status, REASONS[status], retry if status == 503 else {})
    reply = api_error(fault.kind, info)
    return reply._replace(headers=reply.headers if fault.variant % 2 else {**reply.headers, **retry})


def _too_many(kind: str, seconds: int, headers: Mapping[str, str]) -> Reply:
    if kind == "sparql":
        return jetty_page(429, f"Too Many Requests - Please retry in {seconds} seconds.", headers)
    return html_page(429, TOO_MANY, headers, TOO_MANY)


def html_page(status: int, text: str, headers: Mapping[str, str] | None = None, reason: str | None = None) -> Reply:
    """Error page of Wikimedia's edge."""
    head = '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Wikimedia Error</title>'
    return Reply(status, f"{head}\n<h1>Error</h1>\n<p>{text}</p>\n</html>\n".encode(), HTML, headers or {}, reason)


def jetty_page(status: int, text: str, headers: Mapping[str, str]) -> Reply:
    """Error page of the query service's Jetty."""
    body = (
        '<html>\n<head>\n<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>\n'
        f"<title>Error {status} {text}</title>\n</head>\n<body><h2>HTTP ERROR {status}</h2>\n"
        f"<p>Problem accessing /bigdata/namespace/wdq/sparql. Reason:\n<pre>    {text}</pre></p><hr>"
        '<a href="http://eclipse.org/jetty">Powered by Jetty:// 9.4.12.v20180830</a><hr/>\n\n</body>\n</html>\n'
    )
    return Reply(status, body.encode(), HTML, headers)


def api_error(code: str, info: str, details: Mapping[str, Any] | None = None) -> Reply:
    """Error of a MediaWiki API: HTTP 200 and a JSON body (formatversion 1)."""
    usage = "See https://www.wikidata.org/w/api.php for API usage."
    error = {"code": code, "info": info, **(details or {}), "*": usage}
    body = json.dumps({"error": error, "servedby": "mw1359"}, separators=(",", ":"))
    return Reply(200, body.encode(), headers={"MediaWiki-API-Error": code})


def cut_mid_value(body: bytes) -> bytes:
    """First half of a JSON body, cut just inside a text value."""
    middle = len(body) // 2
    start = body.rfind(b'":"', 0, middle)
    return body[: start + 3] if start > 0 else body[:middle]


def timed_out(body: bytes, query: str) -> bytes:
    """What the query service streams when a query times out after its answer began with status 200."""
    return cut_mid_value(body) + JAVA_TRACE.format(query=query).encode()
