"""A source that answers from a file: every question by many keys, and a file that says which line is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import InputError
from pipeline.wikimedia import facts
from pipeline.wikimedia.replay import ReplaySource, read_entities

Entity = dict[str, Any]
Make = Callable[..., Entity]


@pytest.fixture
def make_source(item: Make) -> Callable[..., ReplaySource]:
    def make(*entities: Entity, redirects: dict[str, str] | None = None) -> ReplaySource:
        return ReplaySource([facts.checked_entity(entity, "test") for entity in entities], redirects)

    return make


def test_a_key_without_an_answer_is_absent(make_source: Callable[..., ReplaySource], item: Make) -> None:
    source = make_source(item("Q1", "Yap", "Category:Yap", P373=["Yap"], P910=["Q9"]), redirects={"Jap": "Yap"})
    assert set(source.entities(["Q1", "Q2"])) == {"Q1"}
    assert set(source.entities_of_categories(["Yap", "Jap"])) == {"Yap"}
    assert source.items_of_commons_category(["Yap", "Jap"]) == {"Yap": ["Q1"]}
    assert source.items_of_main_category(["Q9", "Q1"]) == {"Q9": ["Q1"]}
    assert source.category_redirects(["Yap", "Jap"]) == {"Jap": "Yap"}


def test_no_keys_have_no_answers(make_source: Callable[..., ReplaySource], item: Make) -> None:
    source = make_source(item("Q1", sitelink="Category:Yap"))
    assert source.entities([]) == {}
    assert source.entities_of_categories([]) == {}
    assert source.items_of_commons_category([]) == {}
    assert source.items_of_main_category([]) == {}
    assert source.category_redirects([]) == {}


@pytest.mark.parametrize("written", ["Rogue River", "Rogue_River", "rogue River", " Rogue  River "])
def test_titles_are_compared_in_canonical_form(
    written: str, make_source: Callable[..., ReplaySource], item: Make
) -> None:
    source = make_source(item("Q1", sitelink=f"Category:{written}"), item("Q2", P373=[written]))
    assert set(source.entities_of_categories(["Rogue River"])) == {"Rogue River"}
    assert source.items_of_commons_category(["Rogue River"]) == {"Rogue River": ["Q2"]}


def test_only_pages_of_the_category_namespace_are_categories(
    make_source: Callable[..., ReplaySource], item: Make
) -> None:
    source = make_source(item("Q1", sitelink="Yap"), item("Q2", sitelink="Creator:Yap"))
    assert source.entities_of_categories(["Yap", "Creator:Yap"]) == {}


def test_a_colon_belongs_to_the_title(make_source: Callable[..., ReplaySource], item: Make) -> None:
    source = make_source(item("Q1", sitelink="Category:Men in Black: Alien Attack"))
    assert set(source.entities_of_categories(["Men in Black: Alien Attack"])) == {"Men in Black: Alien Attack"}


def test_several_items_may_name_one_category(make_source: Callable[..., ReplaySource], item: Make) -> None:
    source = make_source(item("Q2", P373=["Yap"]), item("Q1", P373=["Yap", "Jap"]), item("Q3", P910=["Q9"]))
    found = source.items_of_commons_category(["Yap", "Jap"])
    assert sorted(found["Yap"]) == ["Q1", "Q2"]
    assert found["Jap"] == ["Q1"]


def test_an_item_that_names_a_category_twice_counts_once(make_source: Callable[..., ReplaySource], item: Make) -> None:
    source = make_source(item("Q1", P373=["Yap", "yap"]))
    assert source.items_of_commons_category(["Yap"]) == {"Yap": ["Q1"]}


def test_deprecated_and_empty_names_do_not_count(
    make_source: Callable[..., ReplaySource], item: Make, statement: Make
) -> None:
    source = make_source(
        item("Q1", P373=[statement("P373", "Yap", "deprecated"), " ", "novalue"]),
        item("Q2", P910=[statement("P910", "Q9", "deprecated")]),
    )
    assert source.items_of_commons_category(["Yap"]) == {}
    assert source.items_of_main_category(["Q9"]) == {}


def write_lines(path: Path, *lines: Any) -> Path:
    path.write_text("".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines), encoding="utf-8")
    return path


def test_a_file_is_read_line_by_line(tmp_path: Path, item: Make) -> None:
    path = write_lines(tmp_path / "entities.jsonl", item("Q1", "Mlýnský potok"), item("Q2"))
    assert [entity["id"] for entity in read_entities(path)] == ["Q1", "Q2"]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        '{"id": "Q2"',
        "not JSON",
        "null",
        "[]",
        '{"id": "Q2", "labels": {}}',
        '{"type": "property", "id": "P2", "labels": {}, "claims": {}}',
    ],
)
def test_a_wrong_line_is_named(line: str, tmp_path: Path, item: Make) -> None:
    path = write_lines(tmp_path / "entities.jsonl", item("Q1"), line, item("Q3"))
    with pytest.raises(InputError, match=r"entities\.jsonl:2: .*Remedy: "):
        read_entities(path)


def test_a_byte_that_is_not_utf8_is_named(tmp_path: Path, item: Make) -> None:
    path = tmp_path / "entities.jsonl"
    text = json.dumps(item("Q1", "Yap"))
    path.write_bytes(f"{text}\n".encode() + text.encode().replace(b"Yap", b"Y\xffp") + b"\n")
    with pytest.raises(InputError, match=r"entities\.jsonl:2: "):
        read_entities(path)


def test_a_cut_file_is_refused(tmp_path: Path, item: Make) -> None:
    path = write_lines(tmp_path / "entities.jsonl", item("Q1"), item("Q2"))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"entities\.jsonl:2: "):
        read_entities(path)


def test_an_id_that_is_none_is_named(tmp_path: Path, item: Make) -> None:
    path = write_lines(tmp_path / "entities.jsonl", item("Q1"), item("Q1") | {"id": "Yap"})
    with pytest.raises(InputError, match=r"entities\.jsonl:2: .*Yap"):
        read_entities(path)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.jsonl: not found\. Remedy: "):
        read_entities(tmp_path / "absent.jsonl")
