"""Who may talk to the review page, and what its answers allow a browser: installed once on the app.

The page listens on this machine only, yet any web site that is open in the same browser could send requests to it.
Against that: the exact Host (DNS rebinding), a token in every form and the Origin (forged requests), and a policy that
lets no script, style, picture or address in that is not ours (injected markup).
"""

import hmac
import secrets

from flask import Flask, Response, abort, current_app, request

MAX_BODY = 64 * 1024  # bytes of a request
MAX_FIELDS = 50
# `same-origin`, not `no-referrer`: other sites learn nothing either way, but with the latter browsers send `Origin:
# null` with our own forms (Fetch standard, "append a request Origin header"), and the Origin could not be checked.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def install(app: Flask, port: int) -> None:
    """Check every request before it is answered, and send the headers with every answer, errors included.

    Args:
        app: the page.
        port: where it listens; other ports and names are refused.
    """
    app.config["HOSTS"] = (f"127.0.0.1:{port}", f"localhost:{port}")
    app.config["TOKEN"] = secrets.token_urlsafe(32)
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = MAX_BODY
    app.config["MAX_FORM_PARTS"] = MAX_FIELDS
    app.before_request(_refuse_strangers)
    app.after_request(_with_headers)


def _refuse_strangers() -> None:
    """403 to a request under another name, or to a form that is not from a page of ours."""
    ours, host = current_app.config["HOSTS"], request.headers.get("Host")
    if host not in ours:
        abort(403, f"The page has another address. Remedy: open http://{ours[0]}/")
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    if request.headers.get("Origin", f"http://{host}") != f"http://{host}":
        abort(403, "The form was sent from another site. Remedy: open the page anew")
    token = request.form.get("token", "")
    if not hmac.compare_digest(token.encode(), current_app.config["TOKEN"].encode()):
        abort(403, "The form is from another run of `hgld review`. Remedy: open the page anew and decide again")


def _with_headers(answer: Response) -> Response:
    answer.headers.update(HEADERS)
    return answer
