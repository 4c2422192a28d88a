"""Category -> item: every rule, in its order, on small made-up worlds; and what a merged item does to the tables."""

from collections.abc import Callable, Collection
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.wikimedia import facts
from pipeline.wikimedia.links import Link, link_categories
from pipeline.wikimedia.replay import ReplaySource

Entity = dict[str, Any]
Make = Callable[..., Entity]
Tables = Callable[..., dict[str, pd.DataFrame]]
CATEGORY = "Q4167836"
REJECTED = {"list article": "Q13406463", "disambiguation page": "Q4167410", "template": "Q11266439"}


def world(*entities: Entity, redirects: dict[str, str] | None = None) -> ReplaySource:
    return ReplaySource([facts.checked_entity(entity, "test") for entity in entities], redirects)


def link(title: str, source: ReplaySource) -> Link:
    return link_categories([title], source)[title]


def test_the_item_whose_sitelink_it_is(item: Make) -> None:
    assert link("Yap", world(item("Q1", sitelink="Category:Yap", P31=["Q23442"]))) == Link("sitelink", ("Q1",))


def test_a_sitelink_beats_p373_of_another_item(item: Make) -> None:
    source = world(item("Q2", sitelink="Category:Yap", P31=["Q23442"]), item("Q1", P31=["Q23442"], P373=["Yap"]))
    assert link("Yap", source) == Link("sitelink", ("Q2",))


def test_an_item_without_a_class_may_have_the_sitelink(item: Make) -> None:
    assert link("Yap", world(item("Q1", sitelink="Category:Yap"))) == Link("sitelink", ("Q1",))


def test_a_category_item_gives_its_topic(item: Make) -> None:
    source = world(item("Q9", sitelink="Category:Yap", P31=[CATEGORY], P301=["Q1"]), item("Q1", P31=["Q23442"]))
    assert link("Yap", source) == Link("topic", ("Q1",))


def test_several_topics_are_all_candidates_and_doubtful(item: Make, wikidata_tables: Tables) -> None:
    source = world(
        item("Q9", sitelink="Category:Yap", P31=[CATEGORY], P301=["Q20", "Q3"]),
        item("Q20", P31=["Q23442"]),
        item("Q3", P31=["Q23442"]),
    )
    found = link("Yap", source)
    assert found.rule == "topic"
    assert set(found.candidates) == {"Q20", "Q3"}
    row = wikidata_tables(source, "Yap")["landmark_items"].iloc[0]
    assert row["link_status"] == "doubtful"
    assert row["item_qid"] == found.candidates[0]
    assert row["candidate_qids"] == list(found.candidates)


def test_a_preferred_topic_is_the_only_one(item: Make, statement: Make) -> None:
    source = world(
        item("Q9", sitelink="Category:Yap", P31=[CATEGORY], P301=["Q2", statement("P301", "Q1", "preferred")]),
        item("Q1"),
        item("Q2"),
    )
    assert link("Yap", source) == Link("topic", ("Q1",))


def test_a_topic_beats_p373_of_another_item(item: Make) -> None:
    source = world(
        item("Q9", sitelink="Category:Yap", P31=[CATEGORY], P301=["Q20"]),
        item("Q20", P31=["Q23442"]),
        item("Q1", P31=["Q23442"], P373=["Yap"]),
    )
    assert link("Yap", source) == Link("topic", ("Q20",))


def test_a_topic_that_is_not_known_leaves_it_to_p373(item: Make) -> None:
    source = world(item("Q9", sitelink="Category:Yap", P31=[CATEGORY], P301=["Q77"]), item("Q1", P373=["Yap"]))
    assert link("Yap", source) == Link("commons_category", ("Q1",))


@pytest.mark.parametrize("class_qid", REJECTED.values(), ids=REJECTED)
def test_rejected_pages_are_never_the_item(class_qid: str, item: Make) -> None:
    assert link("Yap", world(item("Q1", sitelink="Category:Yap", P31=[class_qid]))).rule == "unresolved"
    assert link("Yap", world(item("Q1", P31=[class_qid], P373=["Yap"]))).rule == "unresolved"
    topic = item("Q9", sitelink="Category:Yap", P31=[CATEGORY], P301=["Q1"])
    assert link("Yap", world(topic, item("Q1", P31=[class_qid]))).rule == "unresolved"
    main = item("Q9", sitelink="Category:Yap", P31=[CATEGORY])
    assert link("Yap", world(main, item("Q1", P31=[class_qid], P910=["Q9"]))).rule == "unresolved"


@pytest.mark.parametrize("class_qid", REJECTED.values(), ids=REJECTED)
def test_a_rejected_page_leaves_it_to_the_next_rule(class_qid: str, item: Make) -> None:
    source = world(
        item("Q5", sitelink="Category:Yap", P31=[class_qid]),
        item("Q1", P31=["Q23442"], P373=["Yap"]),
        item("Q2", P31=[class_qid], P373=["Yap"]),
    )
    assert link("Yap", source) == Link("commons_category", ("Q1",))


def test_a_category_item_is_never_the_item(item: Make) -> None:
    source = world(item("Q9", sitelink="Category:Yap", P31=[CATEGORY], P373=["Yap"]))
    assert link("Yap", source).rule == "unresolved"


def test_p373_of_one_item_resolves(item: Make, wikidata_tables: Tables) -> None:
    source = world(item("Q1", P31=["Q23442"], P373=["Yap"]))
    assert link("Yap", source) == Link("commons_category", ("Q1",))
    assert wikidata_tables(source, "Yap")["landmark_items"]["link_status"].tolist() == ["resolved"]


def test_p373_of_several_items_is_doubtful_and_the_oldest_comes_first(item: Make, wikidata_tables: Tables) -> None:
    source = world(
        item("Q100", P31=["Q23442"], P373=["Yap"]),
        item("Q20", P31=["Q23442"], P373=["Yap"]),
        item("Q3", P31=["Q23442"], P373=["Yap"]),
    )
    assert link("Yap", source) == Link("commons_category", ("Q3", "Q20", "Q100"))
    row = wikidata_tables(source, "Yap")["landmark_items"].iloc[0]
    assert (row["item_qid"], row["link_status"]) == ("Q3", "doubtful")


def test_p910_of_the_category_item_comes_after_p373(item: Make) -> None:
    category = item("Q9", sitelink="Category:Yap", P31=[CATEGORY])
    main = item("Q1", P31=["Q23442"], P910=["Q9"])
    assert link("Yap", world(category, main)) == Link("main_category", ("Q1",))
    named = item("Q20", P31=["Q23442"], P373=["Yap"])
    assert link("Yap", world(category, main, named)) == Link("commons_category", ("Q20",))


def test_p910_of_several_items_is_doubtful(item: Make) -> None:
    source = world(
        item("Q9", sitelink="Category:Yap", P31=[CATEGORY]), item("Q10", P910=["Q9"]), item("Q2", P910=["Q9"])
    )
    assert link("Yap", source) == Link("main_category", ("Q2", "Q10"))


def test_what_no_rule_finds_is_unresolved(item: Make, wikidata_tables: Tables) -> None:
    source = world(item("Q1", sitelink="Category:Jap", P31=["Q23442"]))
    assert link("Yap", source) == Link("unresolved", ())
    row = wikidata_tables(source, "Yap")["landmark_items"].iloc[0]
    assert (row["link_rule"], row["link_status"], row["candidate_qids"]) == ("unresolved", "unresolved", [])
    assert pd.isna(row["item_qid"])
    assert pd.isna(row["latitude"])


def test_no_categories_have_no_links() -> None:
    assert link_categories([], world()) == {}


def chain(hops: int) -> dict[str, str]:
    """Redirects Hop 0 -> Hop 1 -> ... with this many hops."""
    return {f"Hop {number}": f"Hop {number + 1}" for number in range(hops)}


@pytest.mark.parametrize("hops", [1, 2, 5])
def test_a_chain_of_up_to_five_redirects_is_followed(hops: int, item: Make, wikidata_tables: Tables) -> None:
    source = world(item("Q1", sitelink=f"Category:Hop {hops}", P31=["Q23442"]), redirects=chain(hops))
    assert link("Hop 0", source) == Link("sitelink", ("Q1",), f"Hop {hops}")
    row = wikidata_tables(source, "Hop 0")["landmark_items"].iloc[0]
    assert (row["category"], row["redirected_category"], row["item_qid"]) == ("Hop 0", f"Hop {hops}", "Q1")


@pytest.mark.parametrize("hops", [6, 7])
def test_a_longer_chain_is_unresolved(hops: int, item: Make) -> None:
    source = world(item("Q1", sitelink=f"Category:Hop {hops}", P31=["Q23442"]), redirects=chain(hops))
    assert link("Hop 0", source) == Link("unresolved", ())


def test_a_chain_ends_at_the_first_category_with_an_item(item: Make) -> None:
    entities = [item(f"Q{number}", sitelink=f"Category:Hop {number}", P31=["Q23442"]) for number in (2, 3)]
    assert link("Hop 0", world(*entities, redirects=chain(3))) == Link("sitelink", ("Q2",), "Hop 2")


@pytest.mark.parametrize(
    "redirects", [{"A": "A"}, {"A": "B", "B": "A"}, {"A": "B", "B": "C", "C": "B"}, {"A": "B"}, {}]
)
def test_a_loop_or_a_dead_end_is_unresolved(redirects: dict[str, str], item: Make) -> None:
    assert link("A", world(item("Q1", sitelink="Category:Z"), redirects=redirects)) == Link("unresolved", ())


def test_a_redirect_is_the_last_rule(item: Make) -> None:
    source = world(
        item("Q1", P31=["Q23442"], P373=["A"]), item("Q2", sitelink="Category:B", P31=["Q23442"]), redirects={"A": "B"}
    )
    assert link("A", source) == Link("commons_category", ("Q1",))


@pytest.mark.parametrize("rule", ["sitelink", "topic", "commons_category", "main_category"])
def test_every_rule_works_behind_a_redirect(rule: str, item: Make) -> None:
    worlds = {
        "sitelink": [item("Q1", sitelink="Category:B")],
        "topic": [item("Q9", sitelink="Category:B", P31=[CATEGORY], P301=["Q1"]), item("Q1")],
        "commons_category": [item("Q1", P373=["B"])],
        "main_category": [item("Q9", sitelink="Category:B", P31=[CATEGORY]), item("Q1", P910=["Q9"])],
    }
    assert link("A", world(*worlds[rule], redirects={"A": "B"})) == Link(rule, ("Q1",), "B")


def test_categories_do_not_disturb_each_other(item: Make) -> None:
    source = world(
        item("Q1", sitelink="Category:B", P31=["Q23442"]),
        item("Q2", P31=["Q23442"], P373=["C"]),
        redirects={"A": "B", "D": "E"},
    )
    assert link_categories(["A", "B", "C", "D", "E"], source) == {
        "A": Link("sitelink", ("Q1",), "B"),
        "B": Link("sitelink", ("Q1",)),
        "C": Link("commons_category", ("Q2",)),
        "D": Link("unresolved", ()),
        "E": Link("unresolved", ()),
    }


def end_of(title: str, redirects: dict[str, str], resolved: set[str]) -> str | None:
    """Slow reference: the first category with an item, at most five redirects on."""
    for _ in range(6):
        if title in resolved:
            return title
        if title not in redirects:
            return None
        title = redirects[title]
    return None


@settings(deadline=None, max_examples=150)
@given(
    redirects=st.dictionaries(st.sampled_from("ABCDEFGHIJ"), st.sampled_from("ABCDEFGHIJ"), max_size=10),
    resolved=st.sets(st.sampled_from("ABCDEFGHIJ"), max_size=4),
)
def test_any_redirects_end_where_following_them_by_hand_ends(redirects: dict[str, str], resolved: set[str]) -> None:
    qids = {title: f"Q{ord(title)}" for title in resolved}
    entities = [
        {"id": qid, "labels": {}, "claims": {}, "sitelinks": {"commonswiki": {"title": f"Category:{title}"}}}
        for title, qid in qids.items()
    ]
    links = link_categories("ABCDEFGHIJ", world(*entities, redirects=redirects))
    for title, found in links.items():
        end = end_of(title, redirects, resolved)
        expected = None if end == title else end
        assert found == (Link("sitelink", (qids[end],), expected) if end else Link("unresolved", ()))


class Counting(ReplaySource):
    """A source that counts how often each question was asked."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.asked: dict[str, int] = {}

    def __getattribute__(self, name: str) -> Any:
        if name in (
            "entities",
            "entities_of_categories",
            "items_of_commons_category",
            "items_of_main_category",
            "category_redirects",
        ):
            self.asked[name] = self.asked.get(name, 0) + 1
        return super().__getattribute__(name)


def test_questions_are_asked_for_many_categories_at_once() -> None:
    counts = []
    for count in (1, 50):
        source = Counting([], {})
        link_categories([f"Title {number}" for number in range(count)], source)
        counts.append(source.asked)
    assert counts[0] == counts[1]


class Merged(ReplaySource):
    """A source in which some ids were merged: an old id is answered by the entity that it was merged into."""

    def __init__(self, entities: list[Entity], merged: dict[str, str]) -> None:
        super().__init__([facts.checked_entity(entity, "test") for entity in entities])
        self.merged = merged

    def entities(self, qids: Collection[str]) -> dict[str, Any]:
        found = super().entities(sorted({self.merged.get(qid, qid) for qid in qids}))
        return {qid: found[target] for qid in qids if (target := self.merged.get(qid, qid)) in found}


def test_a_merged_topic_goes_by_its_present_id(item: Make, wikidata_tables: Tables) -> None:
    source = Merged(
        [
            item("Q9", sitelink="Category:Yap", P31=[CATEGORY], P301=["Q500"]),
            item("Q1", "Yap", P31=["Q23442"], P625=[(9.5, 138.1)]),
            item("Q23442", "island"),
        ],
        {"Q500": "Q1"},
    )
    found = wikidata_tables(source, "Yap")
    row = found["landmark_items"].iloc[0]
    assert (row["item_qid"], row["candidate_qids"], row["link_status"]) == ("Q1", ["Q1"], "resolved")
    assert (row["latitude"], row["longitude"]) == (9.5, 138.1)
    assert found["statements"][["item_qid", "class_qid"]].to_numpy().tolist() == [["Q1", "Q23442"]]
    assert found["entities"]["qid"].tolist() == ["Q1", "Q23442"]


def test_candidates_that_were_merged_into_one_are_one(item: Make, wikidata_tables: Tables) -> None:
    source = Merged(
        [item("Q9", sitelink="Category:Yap", P31=[CATEGORY], P301=["Q500", "Q1"]), item("Q1", P31=["Q23442"])],
        {"Q500": "Q1"},
    )
    row = wikidata_tables(source, "Yap")["landmark_items"].iloc[0]
    assert (row["item_qid"], row["candidate_qids"], row["link_status"]) == ("Q1", ["Q1"], "resolved")
    assert len(wikidata_tables(source, "Yap")["statements"]) == 1


def test_a_merged_class_goes_by_its_present_id(item: Make, wikidata_tables: Tables) -> None:
    source = Merged(
        [
            item("Q1", "Yap", "Category:Yap", P31=["Q600"]),
            item("Q2", "La Digue", "Category:La Digue", P31=["Q23442"]),
            item("Q23442", "island", P279=["Q700"]),
            item("Q205895", "landform"),
        ],
        {"Q600": "Q23442", "Q700": "Q205895"},
    )
    found = wikidata_tables(source, "Yap", "La Digue")
    assert found["statements"]["class_qid"].tolist() == ["Q23442", "Q23442"]
    assert found["class_edges"][["child_qid", "parent_qid"]].to_numpy().tolist() == [["Q23442", "Q205895"]]
    assert found["entities"]["qid"].tolist() == ["Q1", "Q2", "Q205895", "Q23442"]
    assert found["entities"].loc[found["entities"]["is_class"], "label"].tolist() == ["landform", "island"]


def test_classes_are_followed_upward_by_best_rank_to_the_top(
    item: Make, statement: Make, wikidata_tables: Tables
) -> None:
    source = world(
        item("Q1", "Yap", "Category:Yap", P31=["Q10", statement("P31", "Q66", "deprecated")]),
        item("Q10", "atoll", P279=["Q11", statement("P279", "Q67", "deprecated")]),
        item("Q11", "island", P279=[statement("P279", "Q12", "preferred"), "Q68"]),
        item("Q12", "landform", P279=["Q10"]),  # a cycle
    )
    found = wikidata_tables(source, "Yap")
    edges = found["class_edges"][["child_qid", "parent_qid"]].to_numpy().tolist()
    assert edges == [["Q10", "Q11"], ["Q11", "Q12"], ["Q12", "Q10"]]
    assert not {"Q67", "Q68"} & set(found["entities"]["qid"])
    assert found["statements"]["class_qid"].tolist() == ["Q10", "Q66"], "the deprecated class is kept, with its rank"
    assert found["statements"]["is_best"].tolist() == [True, False]


def test_a_class_that_nobody_knows_keeps_its_id_as_label(item: Make, wikidata_tables: Tables) -> None:
    found = wikidata_tables(world(item("Q1", "Yap", "Category:Yap", P31=["Q10"])), "Yap")
    row = found["entities"].set_index("qid").loc["Q10"]
    assert row["label"] == "Q10"
    assert pd.isna(row["label_language"])
    assert row["is_class"]


def test_an_edge_is_ended_only_when_every_statement_of_it_is(
    item: Make, statement: Make, wikidata_tables: Tables
) -> None:
    ended = statement("P279", "Q11", P582="+1999-00-00T00:00:00Z")
    both = statement("P279", "Q12", P582="+1999-00-00T00:00:00Z")
    source = world(item("Q1", sitelink="Category:Yap", P31=["Q10"]), item("Q10", P279=[ended, both, "Q12"]))
    edges = wikidata_tables(source, "Yap")["class_edges"]
    assert edges.set_index("parent_qid")["is_ended"].to_dict() == {"Q11": True, "Q12": False}


def test_one_category_in_both_splits_has_one_link(item: Make, wikidata_tables: Tables) -> None:
    found = wikidata_tables(world(item("Q1", sitelink="Category:Yap", P31=["Q10"])), "Yap", "Yap")
    assert found["landmark_items"]["item_qid"].tolist() == ["Q1", "Q1"]
    assert len(found["statements"]) == 1
