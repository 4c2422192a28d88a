"""The review page: a Flask app over a desk, one full page a request, all state in the address; for `hgld review`.

Choosing a verdict shows what it would do; saving it leads on to the next row. No GET changes anything, and there are no
cookies.
"""

import socket

from flask import Flask, render_template, request
from werkzeug.exceptions import Conflict, HTTPException
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from annotations.review import guard, offers, wording
from annotations.review.desk import Desk
from annotations.review.routes import Sitting, pages
from annotations.store import CurationError


def create_app(desk: Desk, port: int) -> Flask:
    """The page over a desk.

    Args:
        desk: where rows and evidence come from, and verdicts go to.
        port: where it is served; requests under another address are refused.
    """
    app = Flask(__name__)
    app.extensions["sitting"] = Sitting(desk)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= {name: getattr(wording, name) for name in ("count", "kind_name", "number")}
    app.jinja_env.filters["verdict_text"] = offers.text_of
    app.jinja_env.tests["web_address"] = wording.is_web_address
    guard.install(app, port)
    app.register_blueprint(pages)
    app.register_error_handler(HTTPException, _error_page)
    app.register_error_handler(CurationError, _broken_tables)
    return app


def serve(desk: Desk, port: int) -> BaseWSGIServer:
    """Listen on 127.0.0.1; the caller prints `address(server)` and runs `server.serve_forever()`.

    `server.shutdown()` from another thread ends that, and so does Ctrl-C.

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


def address(server: BaseWSGIServer) -> str:
    """What to open in a browser."""
    return f"http://127.0.0.1:{server.port}/"


class _Quiet(WSGIRequestHandler):
    """Serves without a line in the terminal for every request; errors are still told."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


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
