"""The local server answers and fails as Wikimedia's services do; asked with plain requests and sockets."""

import json
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests

from tests.fault_plan import ALL, BANNED_UNTIL, PERSISTENT, FaultPlan
from tests.local_services import REDIRECT_NAMES, Entity, World
from tests.local_wikimedia import LocalWikimedia

AGENT = "hgldv2-tests/0 (tests@hgldv2.invalid)"
PREFIXES = """PREFIX wd: <http://www.wikidata.org/entity/>
PREFIX wdt: <http://www.wikidata.org/prop/direct/>
"""


def statement(property_id: str, value: str, rank: str = "normal") -> Entity:
    data = {"value": value, "type": "string"} if property_id == "P373" else {"value": {"id": value}, "type": "item"}
    return {"mainsnak": {"snaktype": "value", "property": property_id, "datavalue": data}, "rank": rank}


def entity(qid: str, sitelink: str = "", **claims: Any) -> Entity:
    links = {"commonswiki": {"site": "commonswiki", "title": sitelink}} if sitelink else {}
    labels = {code: {"language": code, "value": f"{code} {qid}"} for code in ("en", "de", "mul")}
    return {"type": "item", "id": qid, "labels": labels, "aliases": {}, "claims": claims, "sitelinks": links}


ENTITIES = [
    entity("Q1", "Category:Superman: Escape from Krypton", P373=[statement("P373", "Shared")]),
    entity("Q2", "Category:Élan", P373=[statement("P373", "Shared"), statement("P373", "Worse", "deprecated")]),
    entity("Q3", P910=[statement("P910", "Q2")], P373=[statement("P373", 'Tombe "della\\" Via')]),
    entity("Q4", P373=[statement("P373", "Best", "preferred"), statement("P373", "Second")]),
    entity("Q5", "Category:Deleted"),
]


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        opened.headers["User-Agent"] = AGENT
        yield opened


@pytest.fixture(scope="module")
def server() -> Iterator[LocalWikimedia]:
    redirects = {f"Old {n}": f"New {n}" for n in range(20)} | {"Old sum": "1+1=2"}
    merged = {"Q11": "Q1", "Q12": "Q1", "Q14": "Q1", "Q22": "Q2", "Q13": "Q5"}
    with LocalWikimedia(
        ENTITIES, redirects=redirects, merged=merged, missing=["Q5", "Gone"], timeout_above=3
    ) as running:
        yield running


def ask(session: requests.Session, url: str, **params: Any) -> Any:
    params = {"action": "wbgetentities", "format": "json", "maxlag": 5} | params
    response = session.get(url, params=params, timeout=5)
    assert response.status_code == 200
    return response.json()


def query(session: requests.Session, url: str, text: str) -> list[dict[str, str]]:
    accept = {"Accept": "application/sparql-results+json"}
    answer = session.post(url, data={"query": PREFIXES + text}, headers=accept, timeout=5).json()
    return [{name: cell["value"] for name, cell in row.items()} for row in answer["results"]["bindings"]]


def test_ids_titles_and_misses(server: LocalWikimedia, session: requests.Session) -> None:
    titles = ["Category:Nowhere", "Category:Superman: Escape from Krypton", "Category:Deleted", "Category:E\u0301lan"]
    by_title = ask(session, server.api, sites="commonswiki", titles="|".join(titles))
    assert by_title["success"] == 1
    assert list(by_title["entities"]) == ["-1", "-2", "Q1", "Q2"]
    assert by_title["entities"]["-1"] == {"site": "commonswiki", "title": "Category:Nowhere", "missing": ""}
    by_id = ask(session, server.api, ids="q2|Q9|Q5|Q2")["entities"]
    assert list(by_id) == ["Q2", "Q9", "Q5"]
    assert by_id["Q9"] == {"id": "Q9", "missing": ""}
    assert by_id["Q5"] == {"id": "Q5", "missing": ""}


def test_titles_are_matched_exactly_unless_one_is_normalized(server: LocalWikimedia, session: requests.Session) -> None:
    spelled = ["Category:superman: Escape from Krypton", "Category:Superman:_Escape_from_Krypton"]
    for title in spelled:
        assert list(ask(session, server.api, sites="commonswiki", titles=title)["entities"]) == ["-1"]
    answer = ask(session, server.api, sites="commonswiki", titles=spelled[1], normalize=1)
    assert list(answer["entities"]) == ["Q1"]
    assert answer["normalized"]["n"]["to"] == "Category:Superman: Escape from Krypton"
    refused = ask(session, server.api, sites="commonswiki", titles="|".join(spelled), normalize=1)
    assert refused["error"]["code"] == "params-illegal"


def test_only_the_asked_props_and_languages(server: LocalWikimedia, session: requests.Session) -> None:
    record = ask(session, server.api, ids="Q1", props="labels|info", languages="en|mul")["entities"]["Q1"]
    assert set(record) == {"pageid", "ns", "title", "lastrevid", "modified", "type", "id", "labels"}
    assert set(record["labels"]) == {"en", "mul"}
    record = ask(session, server.api, ids="Q5|Q4", props="labels|aliases|sitelinks", languages="fr")["entities"]["Q4"]
    assert record == {"type": "item", "id": "Q4", "labels": [], "aliases": [], "sitelinks": []}
    assert ask(session, server.api, ids="Q1", props="claims")["entities"]["Q1"]["claims"] == ENTITIES[0]["claims"]


def test_merged_ids_come_under_either_key(server: LocalWikimedia, session: requests.Session) -> None:
    entities = ask(session, server.api, ids="Q11", redirects="yes")["entities"]
    assert list(entities) == ["Q11"]
    assert entities["Q11"]["id"] == "Q1"
    assert entities["Q11"]["redirects"] == {"from": "Q11", "to": "Q1"}
    entities = ask(session, server.api, ids="Q12|Q14")["entities"]
    assert {key: value["redirects"]["from"] for key, value in entities.items()} == {"Q1": "Q12", "Q14": "Q14"}
    assert list(ask(session, server.api, ids="Q2|Q22")["entities"]) == ["Q2", "Q22"]
    assert ask(session, server.api, ids="Q13")["entities"] == {"Q13": {"id": "Q13", "missing": ""}}
    assert "missing" in ask(session, server.api, ids="Q11", redirects="no")["entities"]["Q11"]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"ids": "|".join(f"Q{n}" for n in range(1, 52))}, "toomanyvalues"),
        ({"sites": "commonswiki", "titles": "|".join(f"Category:{n}" for n in range(51))}, "toomanyvalues"),
        ({"ids": "Q1|Qx"}, "no-such-entity"),
        ({"ids": ""}, "param-missing"),
        ({"sites": "nowiki", "titles": "A"}, "badvalue"),
        ({"action": "query"}, "badvalue"),
        ({"ids": "Q1", "formatversion": 2}, "badvalue"),
    ],
)
def test_api_errors_come_with_status_200(
    server: LocalWikimedia, session: requests.Session, params: dict[str, str], code: str
) -> None:
    assert ask(session, server.api, **params)["error"]["code"] == code


def test_long_requests_must_be_posted_and_gzip_is_optional(server: LocalWikimedia, session: requests.Session) -> None:
    titles = "|".join(f"Category:{'ж' * 40} {n}" for n in range(50))
    params = {"action": "wbgetentities", "format": "json", "sites": "commonswiki", "titles": titles}
    refused = session.get(server.api, params=params, timeout=5)
    assert (refused.status_code, refused.headers["Content-Type"][:9]) == (414, "text/html")
    for encoding in ("gzip", "identity"):
        answer = session.post(server.api, data=params, headers={"Accept-Encoding": encoding}, timeout=5)
        assert (answer.headers.get("Content-Encoding") == "gzip") == (encoding == "gzip")
        assert len(answer.json()["entities"]) == 50
    assert server.log[-1].keys == 50
    assert len({seen.key for seen in server.log[-3:]}) == 1  # the same was asked, by GET too
    assert server.log[-2].sent_bytes < server.log[-1].sent_bytes == len(answer.content)


@pytest.mark.parametrize("agent", ["", None, "hgldv2/1", "Mozilla/5.0 (X11; Linux)", "python-requests/2.34 (a@b.c)"])
def test_without_a_contact_it_is_forbidden(server: LocalWikimedia, session: requests.Session, agent: str) -> None:
    for url in (server.api, server.commons, server.sparql):
        response = session.get(url, headers={"User-Agent": agent}, timeout=5)
        assert response.status_code == 403
        assert "respect our robot policy" in response.text


def test_commons_redirects_in_every_form(server: LocalWikimedia, session: requests.Session) -> None:
    titles = [f"Category:Old {n}" for n in range(20)] + ["category:old_sum", "Category:New", "Category:Gone", "Bad]"]
    params = {
        "action": "query",
        "prop": "revisions",
        "rvprop": "content",
        "rvslots": "main",
        "titles": "|".join(titles),
    }
    answer = ask(session, server.commons, **params)["query"]
    assert answer["normalized"] == [{"from": "category:old_sum", "to": "Category:Old sum"}]
    pages = {page["title"]: page for page in answer["pages"].values()}
    assert pages["Category:Gone"] == answer["pages"]["-1"] == {"ns": 14, "title": "Category:Gone", "missing": ""}
    assert "invalid" in pages["Bad]"]
    texts = {title: page["revisions"][0]["slots"]["main"]["*"] for title, page in pages.items() if "revisions" in page}
    assert "redirect" not in texts["Category:New"].lower()
    names = "|".join(REDIRECT_NAMES)
    template = re.compile(r"\{\{\s*(" + names + r")\s*\|\s*(?:1=)?(?:Category:)?([^|}]+?)\s*[|}]")
    found = [template.search(texts[f"Category:Old {n}"]) for n in range(20)]
    assert [match[2] for match in found if match] == [f"New {n}" for n in range(20)]
    assert Counter(match[1] for match in found if match) == dict.fromkeys(REDIRECT_NAMES, 5)
    assert "|1=1+1=2}}" in texts["Category:Old sum"]
    assert ask(session, server.commons, action="query", titles="|".join("abc" * 17))["error"]["code"] == "toomanyvalues"


def test_sparql_answers_inverse_look_ups(server: LocalWikimedia, session: requests.Session) -> None:
    text = r'SELECT ?title ?item { VALUES ?title { "Shared" "Worse" "Second" } ?item wdt:P373 ?title } ORDER BY ?item'
    wd = "http://www.wikidata.org/entity/"
    assert query(session, server.sparql, text) == [{"title": "Shared", "item": f"{wd}{qid}"} for qid in ("Q1", "Q2")]
    assert server.log[-1].keys == 3
    text = r'SELECT ?item { VALUES ?title { "Tombe \"della\\\" V\u0069a" } ?item wdt:P373 ?title }'
    assert query(session, server.sparql, text) == [{"item": f"{wd}Q3"}]
    text = "SELECT ?item { VALUES (?c) { (wd:Q2) (wd:Q1) } ?item wdt:P910 ?c }"
    assert query(session, server.sparql, text) == [{"item": f"{wd}Q3"}]
    raw = {"Content-Type": "application/sparql-query"}
    xml = session.post(server.sparql, data=(PREFIXES + text).encode(), headers=raw, timeout=5)
    assert xml.headers["Content-Type"] == "application/sparql-results+xml"
    got = session.get(server.sparql, params={"query": PREFIXES + text, "format": "json"}, timeout=5)
    assert len(got.json()["results"]["bindings"]) == 1
    assert session.get(server.sparql, params={"query": text}, timeout=5).status_code == 400  # prefixes undeclared


def test_sparql_times_out_inside_a_200(server: LocalWikimedia, session: requests.Session) -> None:
    text = 'SELECT ?item ?t { VALUES ?t { "Shared" "B}" """C" """ "D" } ?item wdt:P373 ?t }'
    response = session.post(server.sparql, data={"query": PREFIXES + text, "format": "json"}, timeout=5)
    assert response.status_code == 200
    assert "java.util.concurrent.TimeoutException" in response.text
    with pytest.raises(ValueError):
        response.json()
    assert (server.log[-1].fault, server.log[-1].keys) == ("timeout_above", 4)


def test_the_query_service_can_be_absent(session: requests.Session) -> None:
    with LocalWikimedia(ENTITIES, sparql=False) as server:
        assert session.get(server.sparql, timeout=5).status_code == 404


def faulty(kind: str | None, session: requests.Session, service: str = "api") -> requests.Response:
    """Answer to one request that meets one fault; the connection works again afterwards."""
    with LocalWikimedia(ENTITIES, faults=FaultPlan.script(kind, stall_limit=0.1)) as server:
        params = {"action": "wbgetentities", "format": "json", "ids": "Q1|Q2|Q3", "maxlag": "5"}
        if service == "sparql":
            params = {"query": PREFIXES + 'SELECT ?i { VALUES ?t {"Shared"} ?i wdt:P373 ?t }', "format": "json"}
        try:
            return session.post(getattr(server, service), data=params, timeout=5)
        finally:
            assert server.log[0].fault == kind
            assert session.post(getattr(server, service), data=params, timeout=5).json()
            assert (server.log[1].fault, server.log[1].key) == (None, server.log[0].key)


def test_faults_as_html(session: requests.Session) -> None:
    statuses = {"too_many_requests": 429, "too_many_requests_bare": 429, "html_200": 200}
    statuses |= {f"server_error_{status}": status for status in (500, 502, 503)}
    for kind, status in statuses.items():
        response = faulty(kind, session)
        assert (response.status_code, response.headers["Content-Type"][:9]) == (status, "text/html")
        assert ("Retry-After" in response.headers) == (kind in ("too_many_requests", "server_error_503"))
    response = faulty("too_many_requests", session, "sparql")
    assert f"Please retry in {response.headers['Retry-After']} seconds" in response.text


@pytest.mark.parametrize("code", ["maxlag", "ratelimited", "readonly"])
def test_faults_as_json_with_status_200(session: requests.Session, code: str) -> None:
    response = faulty(code, session)
    assert (response.status_code, response.json()["error"]["code"]) == (200, code)
    if code == "maxlag":
        assert 1 <= int(response.headers["Retry-After"]) <= 5
        assert response.headers["X-Database-Lag"] == "6"


def test_faults_of_the_connection(session: requests.Session) -> None:
    with pytest.raises(requests.ConnectionError, match=r"ConnectionResetError|reset by peer"):
        faulty("reset", session)
    with pytest.raises(requests.ConnectionError, match="without response"):
        faulty("stall", session)  # nobody gave up: closed at the limit


def test_cut_json_takes_all_its_forms(session: requests.Session) -> None:
    seen = set()
    with LocalWikimedia(ENTITIES, faults=FaultPlan(1, 1.0, ["cut_json"], max_in_a_row=20)) as server:
        for _ in range(20):
            try:
                response = session.get(server.api, params={"format": "json", "ids": "Q1"}, timeout=5)
                with pytest.raises(ValueError):
                    response.json()
                seen.add("bad JSON")
            except requests.exceptions.ChunkedEncodingError:
                seen.add("broken off")
    assert seen == {"bad JSON", "broken off"}
    response = faulty("cut_json", session, "sparql")
    assert response.status_code == 200
    assert re.search(r'"value":"SPARQL-QUERY: queryStr=.*TimeoutException', response.text, re.DOTALL)


def test_persistent_faults_stay(session: requests.Session) -> None:
    for kind in PERSISTENT:
        with LocalWikimedia(ENTITIES, faults=FaultPlan.script(None, kind)) as server:
            answers = [session.get(server.api, params={"format": "json"}, timeout=5) for _ in range(8)]
        assert [answer.status_code for answer in answers] == [200] + [403] * 7
        if kind == "banned":
            assert f"You have been banned until {BANNED_UNTIL}" in answers[-1].text


def test_a_stall_blocks_neither_other_requests_nor_the_stop(session: requests.Session) -> None:
    with LocalWikimedia(ENTITIES, faults=FaultPlan.script("stall", "stall", stall_limit=60)) as server:
        with pytest.raises(requests.ReadTimeout):
            session.get(server.api, timeout=0.1)
        assert (server.in_flight, server.max_concurrent) == (0, 1)  # the client hung up

        def wait() -> None:
            with suppress(requests.RequestException):
                requests.get(server.api, headers={"User-Agent": AGENT}, timeout=30)

        waiting = threading.Thread(target=wait)
        waiting.start()
        while server.in_flight == 0 and waiting.is_alive():
            pass
        assert ask(session, server.api, ids="Q1")["success"] == 1
        assert (server.in_flight, server.max_concurrent) == (1, 2)
    waiting.join()
    assert [seen.status for seen in server.log] == [None, None, 200]


def draws(plan: FaultPlan, requests_count: int = 2000) -> list[str | None]:
    faults = [plan.draw("api", str(number), True) for number in range(requests_count)]
    return [fault and fault.kind for fault in faults]


def test_a_plan_is_seeded_and_holds_its_share() -> None:
    kinds = draws(FaultPlan(3, 0.3))
    assert kinds == draws(FaultPlan(3, 0.3, kinds=set(ALL))) != draws(FaultPlan(4, 0.3))
    assert 0.27 < 1 - kinds.count(None) / len(kinds) < 0.33
    assert set(kinds) == {None, *ALL}
    with pytest.raises(ValueError, match="no such faults: nonsense"):
        FaultPlan(0, 1, ["nonsense"])


def test_a_plan_spares_the_patient_and_fits_the_service() -> None:
    plan = FaultPlan(0, 1.0)
    assert [plan.draw("api", "same", True) is None for _ in range(8)] == [False, False, False, True] * 2
    sparql = {fault.kind for n in range(999) if (fault := plan.draw("sparql", str(n), False))}
    assert sparql == set(ALL) - {"maxlag", "ratelimited", "readonly"}
    api = {fault.kind for n in range(999) if (fault := plan.draw("api", str(n), False))}
    assert api == set(ALL) - {"maxlag"}


def test_log_and_clock(session: requests.Session) -> None:
    ticks = iter(range(100, 200))
    with LocalWikimedia(ENTITIES, clock=lambda: next(ticks)) as server:
        ask(session, server.api, ids="Q1|Q2")
        ask(session, server.commons, action="query", titles="Category:A")
        query(session, server.sparql, 'SELECT ?i { VALUES ?t {"A" "B" "C"} ?i wdt:P373 ?t }')
    rows = [(seen.kind, seen.method, seen.keys, seen.time, seen.status) for seen in server.log]
    assert rows == [("api", "GET", 2, 100, 200), ("commons", "GET", 1, 101, 200), ("sparql", "POST", 3, 102, 200)]
    assert {seen.user_agent for seen in server.log} == {AGENT}
    assert (server.in_flight, server.max_concurrent) == (0, 1)


def test_new_connections_one_after_another_never_count_as_two() -> None:
    with LocalWikimedia(ENTITIES) as server:
        host, path = server.api.removeprefix("http://").split("/", 1)
        question = urlencode({"action": "wbgetentities", "format": "json", "ids": "Q1"}, quote_via=quote)
        head = f"GET /{path}?{question} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {AGENT}\r\nConnection: close\r\n\r\n"
        for _ in range(100):
            with socket.create_connection((host.split(":")[0], int(host.split(":")[1])), timeout=5) as connection:
                connection.sendall(head.encode())
                while connection.recv(65536):
                    pass
    assert (len(server.log), server.max_concurrent) == (100, 1)


class MadeUpWorld:
    """A world that is nowhere held: every number is an item with a category."""

    def entity(self, qid: str) -> Entity | None:
        return entity(qid, f"Category:Place {qid[1:]}") if int(qid[1:]) <= 300_000 else None

    def qid_of_category(self, title: str) -> str | None:
        return f"Q{title.removeprefix('Place ')}"

    def items_of_p373(self, title: str) -> list[str]:
        return ["Q7", "Q8"] if title == "Place 7" else []

    def items_of_p910(self, qid: str) -> list[str]:
        return []


def test_a_made_up_world(session: requests.Session) -> None:
    assert isinstance(MadeUpWorld(), World)
    with LocalWikimedia(MadeUpWorld()) as server:
        titles = [f"Category:Place {n}" for n in range(299_951, 300_001)]
        found = ask(session, server.api, sites="commonswiki", titles="|".join(titles))["entities"]
        assert [record["sitelinks"]["commonswiki"]["title"] for record in found.values()] == titles
        assert len(query(session, server.sparql, 'SELECT ?i { VALUES ?t {"Place 7"} ?i wdt:P373 ?t }')) == 2


def test_the_sample_is_served_as_it_is(root: Path, session: requests.Session) -> None:
    with (root / "sample/wikidata/entities.jsonl").open(encoding="utf-8") as lines:
        entities = [json.loads(line) for line in lines]
    with LocalWikimedia(entities) as server:
        served = ask(session, server.api, ids="Q2669368")["entities"]["Q2669368"]
        linked = ask(session, server.api, sites="commonswiki", titles="Category:Oxford")["entities"]
        rows = query(session, server.sparql, 'SELECT ?i { VALUES ?t {"Amsterdam"} ?i wdt:P373 ?t }')
    given = next(entity for entity in entities if entity["id"] == "Q2669368")
    assert all(served[part] == (given[part] or []) for part in ("labels", "claims", "sitelinks"))
    assert list(linked) == ["Q8707649"]
    assert sorted(row["i"].rsplit("/", 1)[1] for row in rows) == ["Q727", "Q9899"]
