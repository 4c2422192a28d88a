"""What stages said of themselves: the committed and the made-up pass, what is broken is named with its remedy."""

import contextlib
import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import step13_report
from pipeline.errors import InputError
from pipeline.report.told import PATHS, read_told
from tests.pipeline.report.test_page import trained
from tests.report_world import small_sources

Json = dict[str, Any]
NAN = float("nan")


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], None]:
    """Write one of the files into a folder of its own, which becomes the current one."""
    monkeypatch.chdir(tmp_path)

    def written(name: str, value: Any) -> None:
        PATHS[name].parent.mkdir(parents=True, exist_ok=True)
        PATHS[name].write_text(json.dumps(value), encoding="utf-8")

    return written


@pytest.mark.parametrize("name", PATHS)
def test_what_the_pages_of_tests_are_made_from_is_sound(name: str, write: Callable[[str, Any], None]) -> None:
    for sources in (trained(), small_sources()):
        write(name, sources.told[name])
        assert read_told(name).keys() == sources.told[name].keys()


def test_the_committed_metrics_are_sound(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert read_told("metrics")["losses"]


def test_a_probe_that_says_nothing_is_nothing_measured(write: Callable[[str, Any], None]) -> None:
    write("probe", {})
    told = trained().told | {"probe": read_told("probe")}
    assert "<p>Not measured.</p>" in step13_report.build(small_sources(told=told)).decode()


@pytest.mark.parametrize(
    ("name", "place", "value", "what"),
    [
        ("metrics", ("headline",), None, "headline is missing"),
        ("metrics", ("levels",), None, "levels is missing"),
        ("metrics", ("losses", "happier", "map_at_r_level0"), None, "losses.happier.map_at_r_level0 is missing"),
        ("metrics", ("paired", 0, "difference"), NAN, "paired.0.difference is nan, which is no number"),
        (
            "metrics",
            ("losses", "happier", "h_ap", "mean"),
            "0.5",
            "losses.happier.h_ap.mean is '0.5', not int or float",
        ),
        ("metrics", ("test", "queries"), True, "test.queries is 'True', not int"),
        ("metrics", ("seeds",), 3, "seeds is '3', not a list"),
        ("labelling", ("reliability", 0, "agreement"), NAN, "reliability.0.agreement is nan"),
        ("labelling", ("text",), None, "text is missing"),
        ("labelling", ("text", "threshold"), None, "text.threshold is missing"),
        ("labelling", ("reliability",), None, "reliability is missing"),
        ("validation", ("checks", 0, "promise"), None, "checks.0.promise is missing"),
        ("validation", ("checks", 0), "no", "checks.0 is 'no', not an object"),
        ("provenance", ("code_sha256",), None, "code_sha256 is missing"),
        ("provenance", ("endpoint",), "x", "endpoint is 'x', not a list"),
        ("probe", ("rows", 0, "ours"), None, "rows.0.ours is missing"),
        ("probe", ("unknown",), float("inf"), "unknown is inf, which is no number"),
    ],
)
def test_what_is_broken_is_named(
    write: Callable[[str, Any], None], name: str, place: tuple[Any, ...], value: Any, what: str
) -> None:
    told = deepcopy(trained().told[name])
    *above, last = place
    part: Any = told
    for key in above:
        part = part[key]
    if value is None:
        del part[last]
    else:
        part[last] = value
    write(name, told)
    with pytest.raises(InputError) as refusal:
        read_told(name)
    assert refusal.value.message.startswith(f"{PATHS[name]}: {what}")
    assert "`dvc repro`" in refusal.value.remedy


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=15, deadline=None)
@given(name=st.sampled_from(sorted(PATHS)), data=st.data())
def test_whatever_a_file_holds_gives_a_page_or_is_refused(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    part = told = deepcopy(trained().told[name])
    while True:
        key = data.draw(st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part))))
        if not part[key] or not isinstance(part[key], dict | list) or data.draw(st.booleans()):
            break
        part = part[key]
    part[key] = data.draw(values)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("told"))
        PATHS[name].parent.mkdir(parents=True, exist_ok=True)
        PATHS[name].write_text(json.dumps(told), encoding="utf-8")
        with contextlib.suppress(InputError):
            read = read_told(name)
            assert step13_report.build(small_sources(told=trained().told | {name: read}))


def test_texts_are_cleaned_and_sources_that_do_not_fit_are_refused(write: Callable[[str, Any], None]) -> None:
    told = small_sources().told
    write("validation", told["validation"] | {"out_of_sample": ["half \ud800 a\nletter\x07"]})
    read = read_told("validation")
    assert read["out_of_sample"] == ["half a letter"]
    with pytest.raises(InputError, match=r"report\.html: cannot be made .*KeyError"):
        step13_report.build(small_sources(told=told | {"provenance": {}}))
