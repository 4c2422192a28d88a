"""A local server that serves a folder as GLDv2's bucket does: HEAD, Range, If-Range, ETag; and fails by a plan.

For the tests of the downloader. It keeps a log of what was asked and how many bytes went out. Nothing in it sleeps: a
stall ends when the client hangs up.
"""

import gzip
import hashlib
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from tests.bucket_faults import RETRY_AFTER, STATUSES, Plan, no_faults

LONGEST_STALL_S = 20.0  # should the client never hang up
BLOCK = 1 << 12


@dataclass(frozen=True)
class Asked:
    """A line of the log."""

    method: str
    path: str
    range: str | None
    fault: str | None
    headers: Mapping[str, str]


class LocalBucket:
    """Serves `folder` on 127.0.0.1 between `with` and its end."""

    def __init__(self, folder: Path, plan: Plan = no_faults, etag: str = "strong") -> None:
        """Prepare a bucket.

        Args:
            folder: what is served.
            plan: which requests meet which fault.
            etag: "strong", "weak", "none" (Last-Modified alone), or "nothing" (neither).
        """
        self.folder, self.plan, self.etag = folder, plan, etag
        self.log: list[Asked] = []
        self.redirects: dict[str, str] = {}
        self.sent_bytes = 0
        self._alarm: tuple[int, Callable[[], None]] | None = None
        self._asked: Counter[tuple[str, str]] = Counter()
        self._open: set[socket.socket] = set()
        self._is_closing = False
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"bucket": self}))
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        with self._lock:
            self._is_closing = True
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()  # waits for the threads of the requests
        self._thread.join()

    def after(self, byte_count: int, act: Callable[[], None]) -> None:
        """Act once, when so many more bytes of bodies have gone out."""
        with self._lock:
            self._alarm = (self.sent_bytes + byte_count, act)

    def asked(self, method: str = "GET", suffix: str = "") -> list[Asked]:
        """Lines of the log, of one method, for paths with this ending."""
        with self._lock:
            return [line for line in self.log if line.method == method and line.path.endswith(suffix)]

    def note(self, handler: "_Handler", path: str) -> str | None:
        """Write a request into the log and return its fault."""
        method = handler.command
        with self._lock:
            fault = self.plan(method, path, self._asked[method, path])
            self._asked[method, path] += 1
            headers = {name.lower(): value for name, value in handler.headers.items()}
            self.log.append(Asked(method, path, headers.get("range"), fault, headers))
            return fault

    def count_sent(self, byte_count: int) -> None:
        """Count bytes of a body that went out, and sound the alarm; meanwhile no other answer goes on."""
        with self._lock:
            self.sent_bytes += byte_count
            if self._alarm and self.sent_bytes >= self._alarm[0]:
                act, self._alarm = self._alarm[1], None
                act()

    def connect(self, connection: socket.socket, is_open: bool) -> None:
        """Remember the open connections, to end them all; one that comes too late ends at once."""
        with self._lock:
            (self._open.add if is_open else self._open.discard)(connection)
            if self._is_closing:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up, or was killed, is no news."""


class _Handler(BaseHTTPRequestHandler):
    bucket: LocalBucket
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        # A small buffer: what was sent is about what the client has.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BLOCK)
        self.bucket.connect(self.request, True)
        super().setup()

    def finish(self) -> None:
        self.bucket.connect(self.request, False)
        with suppress(OSError):
            super().finish()

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        try:
            self._answer_with(self.bucket.note(self, unquote(urlsplit(self.path).path)))
        except OSError:
            self.close_connection = True

    def _answer_with(self, fault: str | None) -> None:
        path = self.bucket.folder / unquote(urlsplit(self.path).path).lstrip("/")
        if self.path in self.bucket.redirects:
            self._head(302, {"Location": self.bucket.redirects[self.path], "Content-Length": "0"})
        elif fault and (fault in STATUSES or fault == "416"):
            self._page(int(fault[:3]), {"Retry-After": RETRY_AFTER[fault]} if fault in RETRY_AFTER else {})
        elif not path.is_file():
            self._page(404)
        else:
            content = path.read_bytes()
            stamp = int(path.stat().st_mtime)
            if fault == "old":  # the answer of a time when other bytes lay there
                content, stamp = _changed(content), stamp - 1000
            self._file(content, stamp, fault)

    def _file(self, content: bytes, stamp: int, fault: str | None) -> None:
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        headers = {"ETag": {"strong": etag, "weak": f"W/{etag}"}.get(self.bucket.etag, "")}
        headers["Last-Modified"] = formatdate(stamp, usegmt=True) if self.bucket.etag != "nothing" else ""
        headers = {name: value for name, value in headers.items() if value} | {"Accept-Ranges": "bytes"}
        start = self._start(headers) if fault != "no_range" else 0
        if start >= max(len(content), 1):
            self._page(416, {"Content-Range": f"bytes */{len(content)}"})
            return
        if fault == "wrong":
            content = _changed(content)
        if start:
            first = start + (fault == "other_range")
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        self._body(206 if start else 200, content[start:], headers, fault)

    def _start(self, headers: Mapping[str, str]) -> int:
        """First byte that is asked for: 0 unless the condition of the range holds."""
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        holds = condition is None or condition in (headers.get("ETag"), headers.get("Last-Modified"))
        return int(match[1]) if match and holds and not (condition or "").startswith("W/") else 0

    def _body(self, status: int, content: bytes, headers: dict[str, str], fault: str | None) -> None:
        length = len(content)
        if fault == "gzip":
            content = gzip.compress(content, 1)
            headers, length = headers | {"Content-Encoding": "gzip"}, len(content)
        elif fault == "understated":
            content = content[: length // 2]
            length = len(content)
        elif fault == "overlong":
            content = b"%x\r\n%s\r\n0\r\n\r\n" % (length + 9, content + b"and more\n")
            headers = headers | {"Transfer-Encoding": "chunked"}
        if fault == "unsized":
            self.close_connection = True
        else:
            headers = headers | {"Content-Length": str(length)}
        self._head(status, headers)
        if self.command == "HEAD":
            return
        if fault in ("reset", "stall", "short", "old"):
            self._send(content[: length // 2])
            self._break_off(fault)
        else:
            self._send(content)

    def _break_off(self, fault: str) -> None:
        self.close_connection = True
        if fault == "stall":
            self.request.settimeout(LONGEST_STALL_S)
            self.request.recv(1)  # returns when the client hangs up
        elif fault != "short":  # a reset instead of an orderly end
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.request.close()

    def _send(self, content: bytes) -> None:
        for at in range(0, len(content), BLOCK):
            block = content[at : at + BLOCK]
            self.wfile.write(block)
            self.bucket.count_sent(len(block))

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _page(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        page = f"<html><h1>{status}</h1></html>\n".encode()
        self._head(status, {**(headers or {}), "Content-Type": "text/html", "Content-Length": str(len(page))})
        if self.command != "HEAD":
            self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _changed(content: bytes) -> bytes:
    """As many bytes, but others."""
    return content[::-1] if content[::-1] != content else bytes(byte ^ 1 for byte in content)
