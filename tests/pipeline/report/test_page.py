"""The page as a file: nothing from outside, nothing unescaped, every number where a program finds it, and readable."""

import base64
import hashlib
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import step13_report
from pipeline.errors import InputError
from pipeline.report import page
from pipeline.report.pictures import Picture
from pipeline.report.sections import charts, sections
from pipeline.report.sources import Sources
from tests.report_world import HOSTILE, empty_sources, small_sources

VOID = {"meta", "link", "img", "br", "hr", "input"}
METRIC = {"mean": 0.5, "low": 0.25, "high": 0.75}
DIFFERENCE = {"difference": -0.1, "low": -0.2, "high": 0.0001}
KEYS = ("h_ap", "ndcg", "asi", "map_at_r_level0", "map_at_r_level1")
ROW = dict.fromkeys(KEYS, METRIC)
TRAINED = {
    "dataset": HOSTILE,
    "device": "cpu",
    "seeds": [0, 1],
    "levels": ["landmark_id", "hierarchical_label"],
    "test": {"images": 9, "queries": 8, "landmarks": 3},
    "losses": {"happier": ROW, "smooth_ap": ROW},
    "zero_shot": {"untrained": {key: dict.fromkeys(METRIC) for key in KEYS}},
    "paired": [{"a": "happier", "b": "smooth_ap", "metric": "h_ap"} | DIFFERENCE],
    "headline": {"hierarchical": "happier", "flat": "smooth_ap", "metrics": {"h_ap": DIFFERENCE}},
    "gldv2": {"skipped": "no query image is here"},
}
CHECK = {"name": "hierarchical_label_teaches", "ok": False, "failures": ["0.01 (-0.1 to 0.2) more"]}
PROBE_ROW = {"against": "shuffled", "scored_on": "ours", "metric": "ap_others_level1", "ours": METRIC, "other": METRIC}
PROBED = {"ok": False, "checks": [CHECK], "rows": [PROBE_ROW | DIFFERENCE]}
PICTURE = Picture("metrics", "Metrics", "Bars.", "data:image/png;base64,AAAA", 4, 4)


class Reader(HTMLParser):
    """Elements in their order, the text of each, and whether they are closed in turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.open: list[tuple[str, list[str]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said: list[str] = []
        self.elements.append((tag, dict(attrs), said))
        if tag not in VOID:
            self.open.append((tag, said))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for _, said in self.open:
            said.append(data)

    def named(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        """Attributes and text of the elements with this tag."""
        return [(attributes, "".join(said)) for name, attributes, said in self.elements if name == tag]


SPEAKING = {
    "used_rows": 900,
    "labels": 40,
    "abstained": False,
    "threshold": 0.912,
    **dict.fromkeys(("coverage", "honest_coverage"), 0.5),
    **dict.fromkeys(("precision", "lower_bound", "honest_precision"), 0.97),
    "reliability": [{"from": 0.9, "to": 1.0, "rows": 5, "confidence": 0.95, "precision": 0.97}],
    "without_item": {"rows": 9, "accepted": 4, "precision": 0.75},
}


def trained() -> Sources:
    """A world of which all is known: trained, from the live services, with labels from titles."""
    told = small_sources().told
    asked = {"source": "wikimedia", "endpoint": ["https://query.invalid"], "revision_range": [7, 9]}
    told = told | {"metrics": TRAINED, "probe": PROBED, "provenance": told["provenance"] | asked}
    told |= {"labelling": told["labelling"] | {"text": SPEAKING}}
    return small_sources(told=told, pictures=[PICTURE], left_out=["map_a"])


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    made = {"small": small_sources(), "trained": trained(), "empty": empty_sources()}
    return {name: step13_report.build(sources).decode() for name, sources in made.items()}


@pytest.fixture(params=["small", "trained", "empty"])
def text(request: pytest.FixtureRequest, pages: dict[str, str]) -> str:
    return pages[request.param]


# ------------------------------------------------------------------------------------------------------------- safety
def test_style_and_script_are_those_that_the_page_allows(text: str) -> None:
    read = Reader(text)
    (policy,) = [meta["content"] for meta, _ in read.named("meta") if meta.get("http-equiv")]
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules.pop("img-src") == "data:"
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules.pop(f"{tag}-src") == f"'sha256-{digest}'"
    assert set(rules.values()) == {"'none'"}
    assert "default-src" in rules


def test_nothing_is_loaded_and_no_element_brings_style_or_script_of_its_own(text: str) -> None:
    for tag, attributes, _ in Reader(text).elements:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert tag not in ("iframe", "object", "embed", "base", "form", "use")
        assert (attributes.get("src") or "data:").startswith("data:")
        loads = (attributes.get("href") or "") if tag != "a" else ""
        assert loads in ("", "data:,")
        assert tag != "a" or re.match(r"(#|https://)", attributes["href"] or "")


def test_names_of_strangers_are_text(pages: dict[str, str]) -> None:
    read = Reader(pages["trained"])
    assert [tag for tag, _, _ in read.elements].count("script") == 1
    seen = " ".join(" ".join(said) for _, _, said in read.elements)
    assert 'alert("x")' in seen
    assert "قلعة" in seen
    assert "javascript:" not in pages["trained"]


def test_the_same_sources_give_the_same_bytes() -> None:
    assert step13_report.build(trained()) == step13_report.build(trained())


def test_the_stage_writes_page_and_record_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(step13_report, "read_sources", small_sources)
    step13_report.main()
    written = step13_report.PAGE.read_bytes()
    assert written == step13_report.build(small_sources())
    assert str(tmp_path).encode() not in written
    assert json.loads(step13_report.RUN.read_text(encoding="utf-8"))["commit"] is None
    assert re.fullmatch(r"data/8_report/report\.html: 0\.\d MB, opens in any browser\n", capsys.readouterr().out)


def test_a_page_that_is_too_large_is_refused_with_a_remedy() -> None:
    told = sections(small_sources())
    with pytest.raises(InputError, match="more than 1,000") as refusal:
        page.render(told, charts(small_sources(), told), largest=1000)
    assert "train fewer losses" in refusal.value.message


# ---------------------------------------------------------------------------------------------------------- structure
def test_headings_landmarks_and_tables_are_in_order(text: str) -> None:
    read = Reader(text)
    levels = [int(tag[1]) for tag, _, _ in read.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert len(read.named("main")) == len(read.named("nav")) == len(read.named("header")) == 1
    ids = [attributes["id"] for _, attributes, _ in read.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [attributes[key] for _, attributes, _ in read.elements for key in ("aria-labelledby",) if key in attributes]
    assert set(" ".join(filter(None, named)).split()) <= set(ids)
    assert {attributes["href"] for attributes, _ in read.named("a") if (attributes["href"] or "").startswith("#")} <= {
        f"#{name}" for name in ids
    }
    assert len(read.named("caption")) == len(read.named("table"))
    assert all(attributes.get("scope") for attributes, _ in read.named("th"))
    assert all(attributes.get("alt") for attributes, _ in read.named("img"))
    assert all(len(text) for _, text in read.named("h2"))


def test_numbers_are_for_programs_and_for_people(pages: dict[str, str]) -> None:
    spans = Reader(pages["small"]).named("span")
    told = {
        attributes["data-fact"]: (attributes["data-value"], said)
        for attributes, said in spans
        if "data-fact" in attributes
    }
    assert told["landmarks"] == ("7", "7")
    assert told["labelled_landmarks_share"] == ("0.714286", "71.4%")
    assert told["cycles"] == ("1", "1")
    assert told["official_images"] == ("9", "9")


def test_the_page_says_what_it_does_not_know(pages: dict[str, str]) -> None:
    empty, small = pages["empty"], pages["small"]
    for sentence in ("No landmark has a label.", "Nothing can be compared", "no map", "every doubt has a verdict"):
        assert sentence in empty
        assert sentence not in small
    assert "<p>Nothing is trained: train.losses or train.seeds is empty. To train" in small
    assert "The classifier of titles gave no label: few rows" in small


def test_a_miniature_is_called_one_and_a_crawl_says_where_and_when(pages: dict[str, str]) -> None:
    assert "This is the sample" in pages["small"]
    assert "This is the sample" not in pages["trained"]
    for told in ("Source: wikimedia, facts of 2026-11-23", "https://query.invalid", "7 to 9", "at least 0.912"):
        assert told in pages["trained"]


def test_a_failed_probe_and_a_broken_check_are_told(pages: dict[str, str]) -> None:
    text = pages["trained"]
    assert "Not shown</strong>" in text
    assert "proves neither that the labels are wrong nor that they are useless" in text
    assert "no difference shown" in text
    assert "Not shown for want of room: map_a" in text
    assert "1 of 1 are broken" in text
    assert "and 10 more" in text


# ------------------------------------------------------------------------------------------------------------ numbers
@given(st.floats(0, 1))
def test_a_share_is_all_or_nothing_only_when_it_is(value: float) -> None:
    told = page.share(value)
    assert (told == "100.0%") == (value == 1)
    assert (told == "0.0%") == (value == 0)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"difference": None, "low": None, "high": None}, "not measured"),
        ({"difference": 0.1, "low": None, "high": None}, "+10.0"),
        ({"difference": -0.1, "low": -0.2, "high": 0.00001}, "−10.0 (−20.0 to 0.0)"),
    ],
)
def test_points_have_a_sign_and_an_interval(row: dict[str, Any], told: str) -> None:
    assert page.points(row) == told


def test_cells_are_short_and_clean() -> None:
    assert page.cell("a\x00b\nc\u202e", "text") == "a b c"
    assert len(page.cell("x" * 1000, "text")) == page.LONGEST
    assert [page.is_long(text) for text in ("x" * 300, "no long word " * 20)] == [True, False]
    assert [page.setting(value) for value in (False, True, None, 0, 0.95)] == ["no", "yes", "none", "0", "0.95"]
    assert page.cell(0.5, "places") == "0.50"


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "//x.invalid", "", None, " https://x.invalid", "https://x.invalid/\x07", "https://a b"],
)
def test_only_addresses_of_the_web_become_links(address: str | None) -> None:
    assert page.web_address(address) is None
    assert page.web_address("https://x.invalid/a?b") == "https://x.invalid/a?b"


def test_links_are_named_by_what_they_open() -> None:
    assert page.target("https://www.wikidata.org/wiki/Q42") == "Q42"
    assert page.target("https://commons.wikimedia.org/wiki/Category:K%C3%B6ln_Hbf") == "Category:Köln Hbf"
