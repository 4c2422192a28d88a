"""What is read out of a Wikibase entity: ranks, ends, labels, places; and what is refused."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pipeline.errors import InputError
from pipeline.wikimedia import facts
from pipeline.wikimedia.replay import ReplaySource

Entity = dict[str, Any]
Make = Callable[..., Entity]


@pytest.fixture
def checked(item: Make) -> Make:
    """A made-up item as the pipeline sees it."""

    def make(*arguments: Any, **properties: Any) -> Entity:
        return facts.checked_entity(item(*arguments, **properties), "test")

    return make


def best(entity: Entity, property_id: str = "P31") -> list[str]:
    return facts.best_values(entity, property_id)


def test_statements_come_in_the_order_of_the_entity(checked: Make) -> None:
    entity = checked("Q1", P31=["Q20", "Q3", "Q100"])
    assert [tuple(s) for s in facts.statements(entity, "P31")] == [
        ("Q20", "normal", True, False, None),
        ("Q3", "normal", True, False, None),
        ("Q100", "normal", True, False, None),
    ]


def test_a_preferred_statement_beats_normal_ones(checked: Make, statement: Make) -> None:
    entity = checked("Q1", P31=["Q2", statement("P31", "Q3", "preferred"), statement("P31", "Q4", "preferred")])
    assert best(entity) == ["Q3", "Q4"]
    assert [s.is_best for s in facts.statements(entity, "P31")] == [False, True, True]
    assert [s.rank for s in facts.statements(entity, "P31")] == ["normal", "preferred", "preferred"]


@pytest.mark.parametrize("property_id", ["P31", "P279", "P301", "P910"])
def test_a_deprecated_statement_never_counts(property_id: str, checked: Make, statement: Make) -> None:
    entity = checked("Q1", **{property_id: [statement(property_id, "Q2", "deprecated"), "Q3"]})
    assert best(entity, property_id) == ["Q3"]
    found = facts.statements(entity, property_id)
    assert [(s.value_qid, s.rank, s.is_best) for s in found] == [("Q2", "deprecated", False), ("Q3", "normal", True)]


def test_a_deprecated_class_alone_is_no_class(checked: Make, statement: Make) -> None:
    entity = checked("Q1", P31=[statement("P31", "Q2", "deprecated")])
    assert best(entity) == []
    assert [s.is_best for s in facts.statements(entity, "P31")] == [False]


def test_an_ended_statement_is_kept_and_flagged(checked: Make, statement: Make) -> None:
    """Wikidata's best rank does not look at end dates, so an ended class of best rank still votes."""
    entity = checked("Q1", P31=[statement("P31", "Q2", P582="+1806-00-00T00:00:00Z"), "Q3"])
    assert [(s.value_qid, s.is_best, s.is_ended) for s in facts.statements(entity, "P31")] == [
        ("Q2", True, True),
        ("Q3", True, False),
    ]


def test_an_end_is_seen_without_the_order_of_the_qualifiers(checked: Make, statement: Make) -> None:
    ended = statement("P31", "Q2", P582="+1806-00-00T00:00:00Z")
    del ended["qualifiers-order"]
    assert [s.is_ended for s in facts.statements(checked("Q1", P31=[ended]), "P31")] == [True]


@pytest.mark.parametrize(
    ("precision", "time", "ended_on"),
    [
        (9, "+1806-00-00T00:00:00Z", "1806"),
        (10, "+1806-08-00T00:00:00Z", "1806-08"),
        (11, "+1806-08-06T00:00:00Z", "1806-08-06"),
        (7, "+0900-00-00T00:00:00Z", "0900"),
        (9, "-0300-00-00T00:00:00Z", "-300"),
    ],
)
def test_the_end_is_as_precise_as_wikidata_says(
    precision: int, time: str, ended_on: str, checked: Make, statement: Make
) -> None:
    ended = statement("P31", "Q2", P582=time)
    ended["qualifiers"]["P582"][0]["datavalue"]["value"]["precision"] = precision
    assert [s.ended_on for s in facts.statements(checked("Q1", P31=[ended]), "P31")] == [ended_on]


def test_an_end_at_an_unknown_time_is_an_end_without_a_date(checked: Make, statement: Make) -> None:
    ended = statement("P31", "Q2", P582="+1806-00-00T00:00:00Z")
    ended["qualifiers"]["P582"][0] = {"snaktype": "somevalue", "property": "P582", "hash": "0", "datatype": "time"}
    (found,) = facts.statements(checked("Q1", P31=[ended]), "P31")
    assert (found.is_ended, found.ended_on) == (True, None)


def test_another_qualifier_is_no_end(checked: Make, statement: Make) -> None:
    entity = checked("Q1", P31=[statement("P31", "Q2", P580="+1806-00-00T00:00:00Z")])
    assert [s.is_ended for s in facts.statements(entity, "P31")] == [False]


@pytest.mark.parametrize("nothing", ["somevalue", "novalue"])
def test_a_statement_without_a_value_names_no_class(nothing: str, checked: Make) -> None:
    entity = checked("Q1", P31=[nothing, "Q3"])
    assert [s.value_qid for s in facts.statements(entity, "P31")] == ["Q3"]
    assert best(entity) == ["Q3"]


def test_a_preferred_unknown_value_beats_normal_ones(checked: Make, statement: Make) -> None:
    """Truthy is a matter of rank alone: what is preferred but unknown leaves no class."""
    entity = checked("Q1", P31=[statement("P31", "somevalue", "preferred"), "Q3"])
    assert best(entity) == []


def test_a_class_stated_twice_is_one_value(checked: Make, statement: Make) -> None:
    entity = checked("Q1", P31=["Q2", statement("P31", "Q2", P582="+1806-00-00T00:00:00Z")])
    assert best(entity) == ["Q2"]
    assert len(facts.statements(entity, "P31")) == 2


def test_an_item_without_the_property_has_no_statement(checked: Make) -> None:
    assert facts.statements(checked("Q1", P279=["Q2"]), "P31") == []
    assert facts.statements(checked("Q1", P31=[]), "P31") == []


def test_texts_are_those_of_the_best_rank(checked: Make, statement: Make) -> None:
    old = statement("P373", "Old", "deprecated")
    assert facts.text_values(checked("Q1", P373=["Yap", "novalue", old]), "P373") == ["Yap"]
    assert facts.text_values(checked("Q1", P373=["Yap", statement("P373", "New", "preferred")]), "P373") == ["New"]


def test_coordinates_are_those_of_the_best_statement(checked: Make, statement: Make) -> None:
    entity = checked("Q1", P625=[(1.0, 2.0), statement("P625", (-33.5, 151.25), "preferred")])
    assert facts.coordinates(entity) == (-33.5, 151.25)


def test_the_first_known_place_counts(checked: Make) -> None:
    assert facts.coordinates(checked("Q1", P625=["novalue", (0.0, 0.0), (1.0, 1.0)])) == (0.0, 0.0)


def test_no_place_is_none(checked: Make, statement: Make) -> None:
    assert facts.coordinates(checked("Q1")) is None
    assert facts.coordinates(checked("Q1", P625=["somevalue"])) is None
    assert facts.coordinates(checked("Q1", P625=[statement("P625", (1.0, 2.0), "deprecated")])) is None


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        ({"en": "Yap", "mul": "Yap island", "de": "Insel Yap"}, ("Yap", "en")),
        ({"mul": "Yap island", "de": "Insel Yap"}, ("Yap island", "mul")),
        ({"fr": "Île Yap", "de": "Insel Yap"}, ("Insel Yap", "de")),
        ({"zh": "雅浦島"}, ("雅浦島", "zh")),
        ({"en": "", "fr": "Île Yap"}, ("Île Yap", "fr")),
        ({"en-gb": "Yap Island"}, ("Yap Island", "en-gb")),
        ({}, ("Q7", None)),
        ({"en": ""}, ("Q7", None)),
    ],
)
def test_label_is_english_else_mul_else_any_else_the_id(
    labels: dict[str, str], label: tuple[str, str | None], item: Make
) -> None:
    named = {language: {"language": language, "value": text} for language, text in labels.items()}
    assert facts.label(facts.checked_entity(item("Q7") | {"labels": named}, "test")) == label


def test_sitelink_is_the_page_on_commons(checked: Make, item: Make) -> None:
    assert facts.commons_sitelink(checked("Q1", sitelink="Category:Yap")) == "Category:Yap"
    assert facts.commons_sitelink(checked("Q1")) is None
    other = item("Q1") | {"sitelinks": {"enwiki": {"site": "enwiki", "title": "Yap", "badges": []}}}
    assert facts.commons_sitelink(facts.checked_entity(other, "test")) is None


def test_empty_lists_from_php_are_empty_objects(item: Make) -> None:
    bare = item("Q1") | {key: [] for key in ("labels", "descriptions", "aliases", "claims", "sitelinks")}
    entity = facts.checked_entity(bare, "test")
    assert facts.label(entity) == ("Q1", None)
    assert facts.statements(entity, "P31") == []
    assert facts.text_values(entity, "P373") == []
    assert facts.coordinates(entity) is None
    assert facts.commons_sitelink(entity) is None


def test_what_was_not_asked_for_may_be_absent(item: Make) -> None:
    """`props=labels|claims` leaves descriptions, aliases and sitelinks out; restated facts have no statement ids."""
    bare = {key: value for key, value in item("Q1", "Yap", P31=["Q2"]).items() if key in ("id", "labels", "claims")}
    entity = facts.checked_entity(bare, "test")
    assert facts.label(entity) == ("Yap", "en")
    assert best(entity) == ["Q2"]
    assert facts.commons_sitelink(entity) is None


@pytest.mark.parametrize("key", ["id", "labels", "claims"])
def test_a_missing_key_is_named(key: str, item: Make) -> None:
    entity = item("Q42", "Yap", P31=["Q2"])
    del entity[key]
    with pytest.raises(InputError) as caught:
        facts.checked_entity(entity, "entities.jsonl:7")
    message = caught.value.message
    assert message.startswith("entities.jsonl:7: ")
    assert key in message
    assert ("Q42" in message) == (key != "id")
    assert "Remedy: " in message


@pytest.mark.parametrize("raw", [None, [], "Q1", 7, {"type": "property", "id": "P31", "labels": {}, "claims": {}}])
def test_what_is_no_item_is_refused(raw: Any) -> None:
    with pytest.raises(InputError, match=r"^entities\.jsonl:7: not a Wikibase item"):
        facts.checked_entity(raw, "entities.jsonl:7")


def test_checking_changes_nothing_in_place(item: Make) -> None:
    entity = item("Q1") | {"claims": []}
    before = copy.deepcopy(entity)
    facts.checked_entity(entity, "test")
    assert entity == before


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Path of every key and element in nested JSON."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


def rich_item(item: Make, statement: Make) -> Entity:
    return item(
        "Q42",
        "Yap",
        "Category:Yap",
        P31=["Q2", statement("P31", "Q3", P582="+1806-00-00T00:00:00Z")],
        P279=["Q4"],
        P373=["Yap"],
        P625=[(9.5, 138.1)],
    )


@pytest.mark.parametrize("replacement", ["nothing", None])
def test_whatever_is_damaged_is_refused_or_read_but_never_a_traceback(
    replacement: Any, item: Make, statement: Make, wikidata_tables: Callable[..., Any]
) -> None:
    """Every key in turn is taken out or emptied."""
    whole = rich_item(item, statement)
    tracebacks = []
    refused = 0
    for path in places(whole):
        entity = copy.deepcopy(whole)
        parent = entity
        for key in path[:-1]:
            parent = parent[key]
        if replacement == "nothing":
            del parent[path[-1]]
        else:
            parent[path[-1]] = replacement
        try:
            wikidata_tables(ReplaySource([facts.checked_entity(entity, "entities.jsonl:7")]), "Yap")
        except InputError:
            refused += 1
        except Exception as error:  # anything else would reach the screen as a traceback
            tracebacks.append(f"{'/'.join(map(str, path))} -> {replacement!r}: {error!r}")
    assert refused
    assert not tracebacks


@pytest.mark.parametrize("key", ["mainsnak", "rank"])
def test_a_malformed_statement_names_entity_and_property(key: str, item: Make) -> None:
    entity = item("Q42", "Yap", P31=["Q2"])
    del entity["claims"]["P31"][0][key]
    checked = facts.checked_entity(entity, "test")
    with pytest.raises(InputError) as caught:
        facts.statements(checked, "P31")
    assert "Q42" in caught.value.message
    assert "P31" in caught.value.message
    assert key in caught.value.message
