"""The review page: a Flask app over a desk, one full page a request, all state in the address; for `hgld review`.

Choosing a verdict shows what it would do; saving it leads on to the next row. No GET changes anything, and there are no
cookies.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator

from flask import Flask, current_app, make_response, render_template, request
from werkzeug.exceptions import Conflict, HTTPException
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

from annotations.review import guard, offers, wording
from annotations.review.desk import Desk
from annotations.review.routes import Sitting, pages
from annotations.store import CurationError

SECONDS_TO_REFRESH = 1


def create_app(desk: Desk | None, port: int) -> Flask:
    """The page over a desk.

    Args:
        desk: where rows and evidence come from, and verdicts go to; None while it is not there yet.
        port: where it is served; requests under another address are refused.
    """
    app = Flask(__name__)
    if desk:
        app.extensions["sitting"] = Sitting(desk)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= {name: getattr(wording, name) for name in ("count", "kind_name", "number")}
    app.jinja_env.filters["verdict_text"] = offers.text_of
    app.jinja_env.tests["web_address"] = wording.is_web_address
    guard.install(app, port)
    app.before_request(_wait_for_the_desk)
    app.register_blueprint(pages)
    app.register_error_handler(HTTPException, _error_page)
    app.register_error_handler(CurationError, _broken_tables)
    return app


def serve(desk: Desk | None, port: int) -> BaseWSGIServer:
    """Listen on 127.0.0.1; the caller prints `address(server)`, and answers within `answering(server)`.

    Args:
        desk: see `create_app`.
        port: 0 takes one that is free.

    Raises:
        OSError: the port is taken, or not ours to take.
    """
    with socket.create_server(("127.0.0.1", port)) as listener:
        port = listener.getsockname()[1]
        app = create_app(desk, port)
        # The server duplicates the socket. Told of a port alone, it would end the program where the port is taken.
        return make_server("127.0.0.1", port, app, True, request_handler=_Quiet, fd=listener.fileno())


@contextlib.contextmanager
def answering(server: BaseWSGIServer) -> Iterator[None]:
    """Answer requests meanwhile, from another thread; then stop listening."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


def open_desk(server: BaseWSGIServer, desk: Desk) -> None:
    """Let in those who wait at a server that was started without a desk."""
    assert isinstance(server.app, Flask)
    server.app.extensions["sitting"] = Sitting(desk)


def address(server: BaseWSGIServer) -> str:
    """What to open in a browser."""
    return f"http://127.0.0.1:{server.port}/"


class _Quiet(WSGIRequestHandler):
    """Serves without a line in the terminal for every request; errors are still told."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def _wait_for_the_desk() -> Response | None:
    """503 and a page that asks again by itself, while the desk is not there yet."""
    if "sitting" in current_app.extensions or request.endpoint == "static":
        return None
    answer = make_response(render_template("wait.html", seconds=SECONDS_TO_REFRESH), 503)
    answer.headers["Retry-After"] = str(SECONDS_TO_REFRESH)
    return answer


def _broken_tables(error: CurationError) -> tuple[str, int]:
    """Somebody has broken a curated table by hand while the page is open."""
    return _error_page(Conflict(error.message))


def _error_page(error: HTTPException) -> tuple[str, int]:
    code = error.code or 500
    if code == 500:
        error.description = "The reason stands in the terminal. Remedy: open the page anew, then see what was saved"
    elif code == 413:
        error.description = f"A form of more than {guard.MAX_BODY >> 10} KiB. Remedy: shorten what you typed"
    return render_template("error.html", error=error, address=request.path), code
