"""Who may talk to the page and what its answers let a browser do; and that titles, labels and reasons stay text."""

import json
import re
from dataclasses import fields, is_dataclass, replace

import pytest

from annotations.review.app import create_app
from annotations.review.desk import Consequence, Evidence, Move
from annotations.review.guard import MAX_BODY
from annotations.review.offers import MAX_REASON
from annotations.verdicts import Verdict
from tests.fake_desk import PICTURE, FakeDesk
from tests.review_page import HOST, PORT, Page, Reviewer
from tests.review_rows import ROWS

FIRST = "/row/classes/Q1"
GETS = {
    "/": 303,
    "/?kind=classes&state=all&page=2&note=1": 303,
    FIRST: 200,
    f"{FIRST}?text=%00&min_images=x&page=-1&state=y&kind=z&note=9e9": 200,
    "/?text=nothing": 200,
    "/row/classes/Q404": 404,
    "/nowhere": 404,
    "/consider": 405,
    "/save": 405,
    "/undo": 405,
    "/classes?q=museum": 200,
    f"/thumbnail/{PICTURE}": 200,
    "/thumbnail/0": 404,
    "/static/review.css": 200,
    "/static/review.js": 200,
    "/static/icon.svg": 200,
    "/static/../app.py": 404,
}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.mark.parametrize(("path", "status"), GETS.items())
def test_every_answer_has_the_headers_and_no_get_changes_anything(
    reviewer: Reviewer, desk: FakeDesk, path: str, status: int
) -> None:
    before = list(desk.rows())
    for method in (reviewer.client.get, reviewer.client.head):
        answer = method(path, base_url=f"http://{HOST}")
        assert answer.status_code == status
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        assert "Set-Cookie" not in answer.headers
    assert (desk.change_count, desk.rows()) == (0, before)


def test_refusals_and_failures_have_the_headers_too(reviewer: Reviewer, desk: FakeDesk) -> None:
    reviewer.get(FIRST)
    form = reviewer.page.forms["consider"].fields

    def fail(kind: str, key: str) -> None:
        raise RuntimeError("secret path")

    desk.evidence = fail  # type: ignore[assignment, method-assign]
    answers = [
        reviewer.get(FIRST, host="evil.example"),
        reviewer.post("/save", {}),
        reviewer.post("/save", form | {"token": "x" * (MAX_BODY + 1)}),
        reviewer.get(FIRST),
        reviewer.client.put("/save", base_url=f"http://{HOST}", data=form),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 413, 500, 405]
    for answer in answers:
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        assert "secret path" not in answer.text


# -------------------------------------------------------------------------------------------------- host, token, origin
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"evil.example:{PORT}",
        "127.0.0.1",
        "127.0.0.1:1",
        f"127.0.0.1.evil.example:{PORT}",
        "[::1]:8321",
    ],
)
@pytest.mark.parametrize("path", ["/", FIRST, "/classes?q=m", "/static/review.js", "/nowhere", f"/thumbnail/{PICTURE}"])
def test_other_hosts_are_refused(reviewer: Reviewer, host: str, path: str) -> None:
    answer = reviewer.get(path, host=host)
    assert answer.status_code == 403
    assert "museum" not in answer.text


def test_an_absent_host_is_refused(reviewer: Reviewer) -> None:
    assert reviewer.get("/", environ_overrides={"HTTP_HOST": ""}).status_code == 403


def test_localhost_is_us(reviewer: Reviewer) -> None:
    assert reviewer.get(FIRST, host=f"localhost:{PORT}").status_code == 200


def verdict_form(reviewer: Reviewer) -> dict[str, str]:
    """A form that saves a verdict."""
    reviewer.get(FIRST)
    reviewer.choose("1")
    return reviewer.page.forms["confirm"].fields


@pytest.mark.parametrize("path", ["/save", "/consider", "/undo", "/nowhere", "/"])
@pytest.mark.parametrize("token", [None, "", "wrong", "é"])
def test_a_form_without_our_token_is_refused(reviewer: Reviewer, desk: FakeDesk, path: str, token: str | None) -> None:
    form = verdict_form(reviewer)
    del form["token"]
    answer = reviewer.post(path, form | ({} if token is None else {"token": token}))
    assert answer.status_code == 403
    assert desk.change_count == 0


def test_a_token_in_the_address_or_of_another_run_is_refused(reviewer: Reviewer, desk: FakeDesk) -> None:
    form = verdict_form(reviewer)
    token = form.pop("token")
    assert reviewer.post(f"/save?token={token}", form).status_code == 403
    other = Reviewer(create_app(desk, PORT))
    other.get(FIRST)
    assert other.page.forms["consider"].fields["token"] != token
    assert other.post("/save", form | {"token": token}).status_code == 403
    assert len(token) >= 32


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", f"https://{HOST}", "http://127.0.0.1", f"http://localhost:{PORT}"]
)
def test_a_form_of_another_site_is_refused(reviewer: Reviewer, desk: FakeDesk, origin: str) -> None:
    form = verdict_form(reviewer)
    assert reviewer.post("/save", form, headers={"Origin": origin}).status_code == 403
    assert desk.change_count == 0
    assert reviewer.post("/save", form, headers={"Origin": f"http://{HOST}"}).status_code == 303


# ------------------------------------------------------------------------------------------------------- forged forms
BAD_VERDICTS = [
    "",
    "museum",
    "null",
    "[]",
    "{}",
    "[" * 1500,
    json.dumps(["classes", ["Q1"], "assign", "museum"]),
    json.dumps(["classes", "Q1", "assign", "museum", ""]),
    json.dumps(["classes", ["Q1"], "assign", 1, ""]),
    json.dumps(["classes", ["Q1"], "assign", None, ""]),
    json.dumps(["anchors", ["Q1"], "assign", "museum", ""]),
    json.dumps(["classes", ["Q2"], "assign", "museum", ""]),
    json.dumps(["classes", ["Q1"], "drop", "", ""]),
    json.dumps(["edges", ["Q1", "Q3"], "remove", "", ""]),
    json.dumps(["classes", ["Q1"], "assign", "", ""]),
    json.dumps(["classes", ["Q1"], "assign", "m\x00", ""]),
    json.dumps(["classes", ["Q1"], "assign", "m\nm", ""]),
    json.dumps(["classes", ["Q1"], "assign", "\ud800", ""]),
    json.dumps(["classes", ["Q1"], "assign", "m" * 3000, ""]),
]


@pytest.mark.parametrize("text", BAD_VERDICTS, ids=range(len(BAD_VERDICTS)))
def test_a_verdict_that_no_button_gives_is_refused(reviewer: Reviewer, desk: FakeDesk, text: str) -> None:
    form = verdict_form(reviewer)
    answer = reviewer.post("/save", form | {"considered": text})
    assert answer.status_code == 400
    answer = reviewer.post("/consider", form | {"verdict": text})
    assert answer.status_code == 400
    assert "Remedy: " in answer.text
    assert desk.change_count == 0


def test_a_label_out_of_the_taxonomy_is_for_the_desk_to_refuse(reviewer: Reviewer, desk: FakeDesk) -> None:
    form = verdict_form(reviewer)
    text = json.dumps(["classes", ["Q1"], "assign", "<i>cliff", ""])
    answer = reviewer.post("/consider", form | {"verdict": text})
    assert "assign &lt;i&gt;cliff Q1" in answer.text


def test_a_reason_that_is_too_long_is_refused_and_kept(reviewer: Reviewer, desk: FakeDesk) -> None:
    form, reason = verdict_form(reviewer), "r" * (MAX_REASON + 1)
    for path in ("/save", "/consider"):
        assert reviewer.post(path, form | {"reason": reason, "verdict": form["considered"]}).status_code == 400
        assert reviewer.page.forms["consider"].fields["reason"] == reason
    assert desk.change_count == 0


def test_a_row_that_does_not_exist_is_not_found(reviewer: Reviewer, desk: FakeDesk) -> None:
    form = verdict_form(reviewer)
    for row in ({"row_kind": "nix"}, {"row_key": "Q404"}, {"row_kind": "", "row_key": ""}, {"row_key": "k" * 9999}):
        answer = reviewer.post("/save", form | row)
        assert answer.status_code == 404
        assert len(answer.text) < 2000
    assert desk.change_count == 0


def test_too_many_fields_are_refused(reviewer: Reviewer) -> None:
    form = verdict_form(reviewer) | {f"field{n}": "" for n in range(10_000)}
    assert reviewer.post("/save", form).status_code == 413


def test_control_characters_in_a_reason_become_spaces(reviewer: Reviewer, desk: FakeDesk) -> None:
    form = verdict_form(reviewer)
    reviewer.post("/save", form | {"reason": " one\r\ntwo\x00three\x1b[31m\t"})
    assert desk.saved[0][0].reason == "one two three [31m"


# ------------------------------------------------------------------------------------------------------ untrusted text
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onfocus='alert(1)' autofocus='",
    "</title></textarea></svg></dialog><script>alert(1)</script>",
    "{{ 7*7 }}{% raw %}",
    "\u202egnp.exe\u202c \u2066isolate",
    "&lt;b&gt; &amp;",
    "long " * 2000,
    "unbroken" * 1000,
    "'Opaeka'a Falls",
]


# Fields that are no text for people; everything else of the evidence and of a consequence is.
PLAIN = {"kind", "key", "ids", "decision", "other_parent_qid", "evidence_hash", "seen", "role", "source", "image_ids"}
PLAIN |= {"qid", "child_qid", "parent_qid", "uncertainty", "landmark_count", "image_count", "landmark_id", "is_decided"}


def soiled(value: object, text: str) -> object:
    """The same with the text in place of every text for people."""
    if isinstance(value, str):
        return text
    if isinstance(value, tuple):
        return tuple(soiled(one, text) for one in value)
    if isinstance(value, dict):
        return {key: soiled(one, text) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        names = {field.name for field in fields(value)} - PLAIN
        return replace(value, **{name: soiled(getattr(value, name), text) for name in names})
    return value


class HostileDesk(FakeDesk):
    """Every text of it is hostile."""

    def __init__(self, text: str) -> None:
        super().__init__([replace(row, title=text, why=text, doubt=text, labels=(text[:200],)) for row in ROWS])
        self.text = text
        self.reviewer, self.labels = text, [text[:200]]

    def evidence(self, kind: str, key: str) -> Evidence:
        clean = super().evidence(kind, key)
        evidence = soiled(clean, self.text[:200])
        assert isinstance(evidence, Evidence)
        other = replace(evidence.other, hierarchical_label="") if evidence.other else None
        return replace(evidence, row=clean.row, other=other)

    def consequence(self, verdict: Verdict) -> Consequence:
        move = Move("old", "new", 1, 1, ("one", "two"))
        consequence = soiled(Consequence("says", (move,), ("refusal",), ("note",)), self.text)
        assert isinstance(consequence, Consequence)
        return consequence if verdict.decision == "reject" else replace(consequence, refusals=())

    def save(self, verdict: Verdict, seen: str) -> str:
        super().save(verdict, seen)
        return self.text


def tags(html: str) -> list[str]:
    """Names of the tags with their attributes' names."""
    seen: list[str] = []

    class Tags(Page):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.append(f"{tag} {sorted(name for name, _ in attrs)}")

    Tags(html)
    return seen


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_titles_labels_and_reasons_stay_text(text: str) -> None:
    """The tags of a page are those of the same page with a harmless text."""
    pages = []
    for words in (text, "harmless"):
        reviewer = Reviewer(create_app(HostileDesk(words), PORT))
        shown = [reviewer.get(f"/row/{row.kind}/{row.key}").text for row in ROWS]
        reviewer.get("/row/landmarks/train/66552?label=x&state=all")
        shown.append(reviewer.choose("x", reason=words[:900]).text)
        shown.append(reviewer.choose("1", reason=words[:900]).text)
        reviewer.save()
        shown.append(reviewer.follow().text)
        shown.append(reviewer.get("/row/landmarks/train/66552").text)
        shown.append(reviewer.enter(label=words[:150] + "?", reason=words[:900]).text)
        pages.append([tags(html) for html in shown])
    assert pages[0] == pages[1]


def test_text_that_runs_the_other_way_stays_in_its_place() -> None:
    """Each title stands in an element of its own direction, so that an override ends where the title ends."""
    text = "\u202egnp.exe"
    reviewer = Reviewer(create_app(HostileDesk(text), PORT))
    html = reviewer.get("/row/landmarks/train/66552").text
    assert f'<h1 id="row-title"><bdi>{text}</bdi></h1>' in html
    assert html.count(f'<span class="row-title"><bdi>{text}</bdi></span>') == len(ROWS)


def test_pages_hold_no_script_and_no_style_of_their_own(reviewer: Reviewer) -> None:
    reviewer.get(FIRST)
    for html in (reviewer.answer.text, reviewer.choose("2").text, reviewer.get("/nowhere").text):
        assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?! src=\"/static/)", html) == []
        assert re.findall(r"(?:src|action)=\"(?!/)|<link[^>]*href=\"(?!/static/)", html) == []
