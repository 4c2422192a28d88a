"""The review page without a browser: its address, its forms, and what a reader finds in them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

from flask import Flask
from werkzeug.test import TestResponse

HOST = "127.0.0.1:8321"
PORT = 8321


@dataclass
class Form:
    """Where a form goes, its hidden and text fields, and its buttons as (name, value, key)."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """The forms of a page by id or else by action, and its links by key."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: dict[str, Form] = {}
        self.keys: dict[str, str] = {}
        self._form, self._area = Form("", ""), ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(found.get("action", ""), found.get("method", "get"))
            self.forms[found.get("id", self._form.action)] = self._form
        elif tag == "input" and "name" in found:
            self._form.fields[found["name"]] = found.get("value", "")
        elif tag == "textarea":
            self._area = found["name"]
            self._form.fields[self._area] = ""
        elif tag == "button":
            self._form.buttons.append((found.get("name", ""), found.get("value", ""), found.get("data-key", "")))
        elif tag == "a" and "data-key" in found:
            self.keys[found["data-key"]] = found.get("href", "")

    def handle_data(self, data: str) -> None:
        if self._area:
            self._form.fields[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        self._area = ""


class Reviewer:
    """Somebody at the page: opens addresses and sends its forms as a browser does; `answer` is what came last."""

    answer: TestResponse

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

    @property
    def page(self) -> Page:
        return Page(self.answer.text)

    def get(self, path: str, host: str = HOST, **more: object) -> TestResponse:
        self.answer = self.client.get(path, base_url=f"http://{host}", **more)
        return self.answer

    def post(self, path: str, data: dict[str, str], host: str = HOST, **more: object) -> TestResponse:
        self.answer = self.client.post(path, base_url=f"http://{host}", data=data, **more)
        return self.answer

    def choose(self, key: str, **typed: str) -> TestResponse:
        """Press the button of a key."""
        form = self.page.forms["consider"]
        ((name, value, _),) = [button for button in form.buttons if button[2] == key]
        return self.post(form.action, form.fields | typed | {name: value})

    def enter(self, **typed: str) -> TestResponse:
        """Type into a field of the choices and press Enter there."""
        form = self.page.forms["consider"]
        return self.post(form.action, form.fields | typed)

    def save(self, **typed: str) -> TestResponse:
        """Press Save."""
        form = self.page.forms["confirm"]
        return self.post(form.action, form.fields | typed)

    def go_back(self, **typed: str) -> TestResponse:
        """Press Back."""
        form = self.page.forms["confirm"]
        return self.post(form.action.replace("/save", "/consider"), form.fields | typed | {"back": "1"})

    def undo(self) -> TestResponse:
        """Press Undo."""
        ((action, form),) = [(action, form) for action, form in self.page.forms.items() if action.startswith("/undo")]
        return self.post(action, form.fields)

    def follow(self) -> TestResponse:
        """Go where the answer leads."""
        return self.get(self.answer.headers["Location"])
