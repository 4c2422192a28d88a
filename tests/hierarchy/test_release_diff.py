"""What changed between two releases: laws on random worlds, and every kind of cause on a world made for it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierarchy.anchors import label_classes
from hierarchy.causes import decisive_change
from hierarchy.graph import class_graph
from hierarchy.landmarks import apply_decisions, apply_proposals, label_landmarks, withhold
from hierarchy.release_diff import ReleaseTables, compare_releases
from hierarchy.votes import votes_of_items, winners

Edge = tuple[str, str]
Key = tuple[str, int]
Row = dict[str, Any]
QIDS = [f"Q{number}" for number in range(1, 10)]
LABELS = ["church", "castle / fort", "lake"]  # in order of priority
ITEMS = [f"Q{number}00" for number in range(1, 6)]
TAXONOMY = pd.DataFrame({"hierarchical_label": LABELS, "priority": range(1, len(LABELS) + 1)})
NO_OFFICIAL = pd.DataFrame({"split": [], "landmark_id": [], "hierarchical_label": []}).astype(
    {"split": "str", "landmark_id": "int64", "hierarchical_label": "str"}
)
LAWFUL = settings(deadline=None, max_examples=60)  # an example labels two worlds


@dataclass(frozen=True)
class World:
    """Facts, rules and decisions of a release; landmark: category and item; titles: label that the text rule gives."""

    edges: frozenset[Edge] = frozenset()
    anchors: dict[str, str] = field(default_factory=dict)
    statements: frozenset[Edge] = frozenset()  # item, class
    landmarks: dict[Key, tuple[str, str | None]] = field(default_factory=dict)
    edge_decisions: dict[Edge, str] = field(default_factory=dict)
    class_decisions: dict[str, tuple[str, str]] = field(default_factory=dict)
    landmark_decisions: dict[str, tuple[str, str]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    min_confidence: float = 0.0


def frame(rows: list[tuple[Any, ...]], *columns: str) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns), dtype=None if rows else "str")


def release_of(world: World) -> ReleaseTables:
    """The release that the stages would make of the world."""
    ends = ("child_qid", "parent_qid")
    decided = frame([(*edge, decision) for edge, decision in world.edge_decisions.items()], *ends, "decision")
    graph = class_graph(frame(sorted(world.edges), *ends), decided)
    qids = sorted({*QIDS, *graph["child_qid"], *graph["parent_qid"]})
    classes = label_classes(
        graph,
        frame([(qid, f"class {qid}") for qid in qids], "class_qid", "class_label"),
        TAXONOMY,
        frame(list(world.anchors.items()), "class_qid", "hierarchical_label"),
        frame([(q, *d) for q, d in world.class_decisions.items()], "class_qid", "decision", "hierarchical_label"),
    ).astype({"steps": "Int64", "hierarchical_label": "str", "anchor_qid": "str"})
    item_classes = frame(sorted(world.statements), "item_qid", "class_qid")
    return ReleaseTables(landmark_labels(world, classes, item_classes), classes, graph, item_classes)


def landmark_labels(world: World, classes: pd.DataFrame, item_classes: pd.DataFrame) -> pd.DataFrame:
    """Labels as the label stage gives them."""
    rows = [(*key, category, 10, item) for key, (category, item) in world.landmarks.items()]
    landmarks = frame(rows, "split", "landmark_id", "category", "image_count", "item_qid")
    links = landmarks.assign(link_status="resolved").astype({"item_qid": "str"})
    votes = winners(votes_of_items(item_classes.assign(is_best=True), classes, TAXONOMY))
    labels = label_landmarks(
        landmarks.drop(columns="item_qid"), links, votes, frozenset(item_classes["item_qid"]), NO_OFFICIAL
    )
    titles = [(category, label, 0.97, True) for category, label in world.titles.items()]
    labels = apply_proposals(
        labels, frame(titles, "category", "hierarchical_label", "confidence", "is_accepted"), "text"
    )
    decisions = [(category, *verdict) for category, verdict in world.landmark_decisions.items()]
    labels = apply_decisions(labels, frame(decisions, "category", "decision", "hierarchical_label"))
    return withhold(labels, world.min_confidence)


def changes(old: World, new: World) -> list[Row]:
    return listed(release_of(old), release_of(new))


def listed(old: ReleaseTables, new: ReleaseTables) -> list[Row]:
    found = compare_releases(old, new)
    return found.astype(object).where(found.notna(), None).to_dict("records")


def called(qid: str) -> str:
    return f"{qid} (class {qid})"


def arrow(edge: Edge) -> str:
    return f"edge {called(edge[0])} -> {called(edge[1])}"


# ------------------------------------------------------------------------------------------------------- random worlds
ANY_QID, ANY_LABEL, ANY_ITEM = st.sampled_from(QIDS), st.sampled_from(LABELS), st.sampled_from(ITEMS)
ANY_EDGE = st.tuples(ANY_QID, ANY_QID).filter(lambda edge: edge[0] != edge[1])
UPWARD = ANY_EDGE.map(lambda edge: (min(edge), max(edge)))  # no cycles
VERDICTS = st.one_of(st.tuples(st.just("assign"), ANY_LABEL), st.just(("ignore", "")), st.just(("unsure", "")))
LANDMARK_VERDICTS = st.one_of(st.tuples(st.just("assign"), ANY_LABEL), st.just(("reject", "")))
CATEGORIES = [f"Category {number}" for number in range(4)]
LANDMARKS = st.tuples(st.sampled_from(CATEGORIES), st.one_of(ANY_ITEM, st.none()))
KEYS = [(split, number) for split in ("train", "index") for number in range(3)]


def worlds(edges: st.SearchStrategy[Edge]) -> st.SearchStrategy[World]:
    return st.builds(
        World,
        st.frozensets(edges, min_size=5, max_size=14),
        st.dictionaries(ANY_QID, ANY_LABEL, min_size=2, max_size=5),
        st.frozensets(st.tuples(ANY_ITEM, ANY_QID), min_size=3, max_size=12),
        st.fixed_dictionaries({KEYS[0]: LANDMARKS}, optional=dict.fromkeys(KEYS[1:], LANDMARKS)),
        st.dictionaries(edges, st.sampled_from(["add", "remove"]), max_size=3),
        st.dictionaries(ANY_QID, VERDICTS, max_size=2),
        st.dictionaries(st.sampled_from(CATEGORIES), LANDMARK_VERDICTS, max_size=1),
        st.dictionaries(st.sampled_from(CATEGORIES), ANY_LABEL, max_size=3),
        st.sampled_from([0.0, 0.0, 0.8]),
    )


WORLDS = worlds(ANY_EDGE)


@LAWFUL
@given(WORLDS)
def test_nothing_changed_between_a_release_and_itself(world: World) -> None:
    assert changes(world, world) == []


@LAWFUL
@given(WORLDS, WORLDS)
def test_the_other_way_round_added_is_removed(one: World, other: World) -> None:
    old, new = release_of(one), release_of(other)
    there, back = listed(old, new), listed(new, old)
    opposite = {"added": "removed", "removed": "added", "moved": "moved"}
    assert {(row["change"], row["split"], row["landmark_id"], row["old"], row["new"]) for row in there} == {
        (opposite[row["change"]], row["split"], row["landmark_id"], row["new"], row["old"]) for row in back
    }


@LAWFUL
@given(WORLDS, WORLDS)
def test_every_landmark_that_changed_is_listed_once_with_a_reason(one: World, other: World) -> None:
    """Against plain loops over the labels."""
    old, new = release_of(one), release_of(other)
    labels = [
        {(row["split"], row["landmark_id"]): row for row in tables.labels.to_dict("records")} for tables in (old, new)
    ]
    expected = {}
    for key in {*labels[0], *labels[1]}:
        before, after = (found.get(key, {}).get("hierarchical_label") for found in labels)
        before, after = (label if isinstance(label, str) else None for label in (before, after))
        if before != after:
            expected[key] = ("added" if before is None else "removed" if after is None else "moved", before, after)
    found = compare_releases(old, new)
    rows = listed(old, new)
    assert {(row["split"], row["landmark_id"]): (row["change"], row["old"], row["new"]) for row in rows} == expected
    assert len(rows) == len(expected)
    keys = [(row["change"], row["split"], row["landmark_id"]) for row in rows]
    assert keys == sorted(keys)
    assert set(found["reason_kind"]) <= {"decision", "data", "rule"}
    assert (found["reason"] != "").all()
    for row in rows:
        latest = labels[1].get((row["split"], row["landmark_id"])) or labels[0][row["split"], row["landmark_id"]]
        assert (row["category"], row["image_count"]) == (latest["category"], 10)


# One step from a world to another, what it is called, and what the step back is called.
Said = tuple[str, str]  # kind and words
Step = tuple[World, World, Said, Said]


def edge_decided(world: World, edge: Edge) -> Step:
    decisions = {other: decision for other, decision in world.edge_decisions.items() if other != edge}
    verb, made, undone = ("remove", "removed", "back") if edge in world.edges else ("add", "added", "gone")
    return (
        replace(world, edge_decisions=decisions),
        replace(world, edge_decisions={**decisions, edge: verb}),
        ("decision", f"{arrow(edge)} {made} by decision"),
        ("decision", f"{arrow(edge)} {undone}: decision to {verb} it withdrawn"),
    )


def edge_in_wikidata(world: World, edge: Edge) -> Step:
    decisions = {other: decision for other, decision in world.edge_decisions.items() if other != edge}
    world = replace(world, edge_decisions=decisions)
    return (
        replace(world, edges=world.edges - {edge}),
        replace(world, edges=world.edges | {edge}),
        ("data", f"{arrow(edge)} new in Wikidata"),
        ("data", f"{arrow(edge)} gone from Wikidata"),
    )


def class_decided(world: World, qid: str, decision: str, label: str) -> Step:
    others = {other: verdict for other, verdict in world.class_decisions.items() if other != qid}
    label, made, undone = {
        "assign": (label, f" assigned {label} by decision", f": decision to assign it {label} withdrawn"),
        "ignore": ("", " ignored by decision", ": decision to ignore it withdrawn"),
    }[decision]
    return (
        replace(world, class_decisions=others),
        replace(world, class_decisions={**others, qid: (decision, label)}),
        ("decision", f"class {called(qid)}{made}"),
        ("decision", f"class {called(qid)}{undone}"),
    )


def class_assigned(world: World, qid: str, label: str) -> Step:
    return class_decided(world, qid, "assign", label)


def class_ignored(world: World, qid: str, label: str) -> Step:
    return class_decided(world, qid, "ignore", label)


def anchored(world: World, qid: str, label: str) -> Step:
    others = {other: of_other for other, of_other in world.anchors.items() if other != qid}
    decisions = {other: verdict for other, verdict in world.class_decisions.items() if other != qid}
    world = replace(world, class_decisions=decisions)
    return (
        replace(world, anchors=others),
        replace(world, anchors={**others, qid: label}),
        ("rule", f"anchor {called(qid)} is new"),
        ("rule", f"anchor {called(qid)} is gone"),
    )


def anchor_relabelled(world: World, qid: str, label: str) -> Step:
    decisions = {other: verdict for other, verdict in world.class_decisions.items() if other != qid}
    next_label = LABELS[(LABELS.index(label) + 1) % len(LABELS)]
    return (
        replace(world, class_decisions=decisions, anchors={**world.anchors, qid: label}),
        replace(world, class_decisions=decisions, anchors={**world.anchors, qid: next_label}),
        ("rule", f"anchor {called(qid)} has another label: {label} -> {next_label}"),
        ("rule", f"anchor {called(qid)} has another label: {next_label} -> {label}"),
    )


def stated(world: World, statement: Edge) -> Step:
    return (
        replace(world, statements=world.statements - {statement}),
        replace(world, statements=world.statements | {statement}),
        ("data", f"item is now an instance of {called(statement[1])} in Wikidata"),
        ("data", f"item is no longer an instance of {called(statement[1])} in Wikidata"),
    )


def linked(world: World, item: str, other: str | None) -> Step:
    key: Key = ("train", 7)
    words = (f"item {item} -> {other}", f"item {other} -> {item}")
    if other is None:
        words = (f"item {item} no longer found", f"item {item} found")
    return (
        replace(world, landmarks={**world.landmarks, key: ("Another", item)}),
        replace(world, landmarks={**world.landmarks, key: ("Another", other)}),
        ("data", words[0]),
        ("data", words[1]),
    )


def landmark_decided(world: World, category: str, verdict: tuple[str, str]) -> Step:
    others = {other: given for other, given in world.landmark_decisions.items() if other != category}
    return (
        replace(world, landmark_decisions=others),
        replace(world, landmark_decisions={**others, category: verdict}),
        ("decision", "decision on the landmark"),
        ("decision", "decision on the landmark withdrawn"),
    )


def steps(edges: st.SearchStrategy[Edge]) -> st.SearchStrategy[Step]:
    world = worlds(edges)
    with_edge = world.flatmap(lambda made: st.tuples(st.just(made), st.sampled_from(sorted(made.edges))))
    class_steps = (class_assigned, class_ignored, anchored, anchor_relabelled)
    return st.one_of(
        with_edge.map(lambda drawn: edge_decided(*drawn)),
        with_edge.map(lambda drawn: edge_in_wikidata(*drawn)),
        st.builds(edge_decided, world, edges),
        *(st.builds(step, world, ANY_QID, ANY_LABEL) for step in class_steps),
        st.builds(stated, world, st.tuples(ANY_ITEM, ANY_QID)),
        st.builds(linked, world, ANY_ITEM, st.one_of(ANY_ITEM, st.none())),
        st.builds(landmark_decided, world, st.sampled_from(CATEGORIES), LANDMARK_VERDICTS),
    )


@LAWFUL
@given(steps(ANY_EDGE))
def test_the_one_thing_that_changed_is_named(step: Step) -> None:
    old, new = (release_of(world) for world in step[:2])
    for one, other, said in ((old, new, step[2]), (new, old, step[3])):
        for row in listed(one, other):
            # counts of classes break ties elsewhere, and how sure a label is depends on all the others
            if row["reason_kind"] != "rule" or not re.search("withheld|tells them apart", row["reason"]):
                assert (row["reason_kind"], row["reason"]) == said


def edge_state(world: World, edge: Edge) -> str:
    decision = world.edge_decisions.get(edge)
    if edge in world.edges:
        return "removed" if decision == "remove" else "wikidata"
    return "decision" if decision == "add" else ""


def class_state(world: World, qid: str) -> tuple[str, str]:
    decision, label = world.class_decisions.get(qid, ("", ""))
    if decision in ("assign", "ignore"):
        return decision, label
    return ("anchor", world.anchors[qid]) if qid in world.anchors else ("", "")


def an_edge(before: str, after: str) -> Callable[[World, World, re.Match[str]], bool]:
    def holds(old: World, new: World, found: re.Match[str]) -> bool:
        return bool(
            re.fullmatch(before, edge_state(old, (found[1], found[2])))
            and re.fullmatch(after, edge_state(new, (found[1], found[2])))
        )

    return holds


def a_class(before: str, after: str) -> Callable[[World, World, re.Match[str]], bool]:
    def holds(old: World, new: World, found: re.Match[str]) -> bool:
        states = [class_state(world, found[1]) for world in (old, new)]
        is_as_said = all(label in ("", states[0][1], states[1][1]) for label in found.groups()[1:])
        return bool(
            is_as_said
            and states[0] != states[1]
            and re.fullmatch(before, states[0][0])
            and re.fullmatch(after, states[1][0])
        )

    return holds


def a_landmark(old: World, new: World, found: re.Match[str]) -> bool:
    return False  # the test leaves the landmarks alone


def a_statement(old: World, new: World, found: re.Match[str]) -> bool:
    before, after = ({item for item, qid in world.statements if qid == found[2]} for world in (old, new))
    return bool(after - before if found[1] == "now" else before - after)


EDGE, CLASS = r"edge (Q\d+) \(class Q\d+\) -> (Q\d+) \(class Q\d+\)", r"(Q\d+) \(class Q\d+\)"
CLAIMS: dict[str, Callable[[World, World, re.Match[str]], bool]] = {
    f"{EDGE} removed by decision": an_edge("wikidata|decision", "removed"),
    f"{EDGE} added by decision": an_edge("|removed", "decision"),
    f"{EDGE} back: decision to remove it withdrawn": an_edge("removed", "wikidata"),
    f"{EDGE} gone: decision to add it withdrawn": an_edge("decision", ""),
    f"{EDGE} gone from Wikidata": an_edge("wikidata", ""),
    f"{EDGE} new in Wikidata": an_edge("", "wikidata"),
    f"class {CLASS} ignored by decision": a_class(".*", "ignore"),
    f"class {CLASS} assigned (.+) by decision": a_class(".*", "assign"),
    f"class {CLASS}: decision to ignore it withdrawn": a_class("ignore", "|anchor"),
    f"class {CLASS}: decision to assign it (.+) withdrawn": a_class("assign", "|anchor"),
    # of two classes on one cycle that decisions assign to different labels, no release says that they were decided
    f"anchor {CLASS} is new": a_class("", "anchor|assign"),
    f"anchor {CLASS} is gone": a_class("anchor|assign", ""),
    f"anchor {CLASS} has another label: (.+) -> (.+)": a_class("anchor|assign", "anchor|assign"),
    f"item is (now|no longer) an instance of {CLASS} in Wikidata": a_statement,
    "(another |)decision on the landmark( withdrawn|)": a_landmark,
    "item .+|category .+|landmark (new in|gone from) the release": a_landmark,
}


@LAWFUL
@given(WORLDS, WORLDS)
def test_no_cause_is_made_up(old: World, new: World) -> None:
    """However many things changed, the one that is named did."""
    new = replace(new, landmarks=old.landmarks, landmark_decisions=old.landmark_decisions)
    for row in changes(old, new):
        claims = [(found, holds) for text, holds in CLAIMS.items() if (found := re.fullmatch(text, row["reason"]))]
        if not claims:
            assert row["reason_kind"] == "rule"
        else:
            found, holds = claims[0]
            assert holds(old, new, found), row["reason"]


# -------------------------------------------------------------------------------------------------- worlds made by hand
def world(edges: str, anchors: str, classes: str = "Q1", **more: Any) -> World:
    """Edges like "Q1>Q2", anchors like "Q2=lake", classes of the one landmark's item, Q100."""
    return World(
        frozenset((edge.split(">")[0], edge.split(">")[1]) for edge in edges.split()),
        dict(anchor.replace("_", " ").split("=") for anchor in anchors.split()),  # type: ignore[misc]
        frozenset(("Q100", qid) for qid in classes.split()),
        **{"landmarks": {("train", 1): ("Abbey", "Q100")}, **more},
    )


def the_change(old: World, new: World) -> tuple[str, str]:
    """Old and new label of the one landmark and the reason, with the kind in front."""
    (row,) = changes(old, new)
    return f"{row['old'] or '-'} > {row['new'] or '-'}", f"{row['reason_kind']}: {row['reason']}"


CHURCH = world("Q1>Q2 Q2>Q3 Q1>Q4", "Q3=church Q5=lake")
TWO_PATHS = world("Q1>Q2 Q2>Q3 Q1>Q4 Q4>Q3", "Q3=church Q9=lake")  # Q1 reaches church by two ways of the same length
NESTED = world("Q1>Q3 Q1>Q4 Q4>Q5", "Q3=church Q5=lake")  # church is nearer
BETWEEN = "class Q1 (class Q1): several labels are as near, and what tells them apart has changed"
CASES: dict[str, tuple[World, World, str, str]] = {
    "an edge that was removed, the class has nothing left": (
        CHURCH,
        replace(CHURCH, edge_decisions={("Q2", "Q3"): "remove"}),
        "church > -",
        "decision: edge Q2 (class Q2) -> Q3 (class Q3) removed by decision",
    ),
    "an edge that was removed, the class has another path": (
        replace(CHURCH, edges=CHURCH.edges | {("Q4", "Q6"), ("Q6", "Q5")}),
        replace(CHURCH, edges=CHURCH.edges | {("Q4", "Q6"), ("Q6", "Q5")}, edge_decisions={("Q1", "Q2"): "remove"}),
        "church > lake",
        "decision: edge Q1 (class Q1) -> Q2 (class Q2) removed by decision",
    ),
    "an edge that was removed with another one that does not matter": (
        CHURCH,
        replace(CHURCH, edge_decisions={("Q1", "Q4"): "remove", ("Q2", "Q3"): "remove"}),
        "church > -",
        "decision: edge Q2 (class Q2) -> Q3 (class Q3) removed by decision",
    ),
    "an edge that was removed, and one that Wikidata took away, each enough by itself": (
        CHURCH,
        replace(CHURCH, edges=CHURCH.edges - {("Q2", "Q3")}, edge_decisions={("Q1", "Q2"): "remove"}),
        "church > -",
        "decision: edge Q1 (class Q1) -> Q2 (class Q2) removed by decision",
    ),
    "an edge of the old path was removed, but a path as long stays, and a nearer anchor came": (
        TWO_PATHS,
        replace(TWO_PATHS, edges=TWO_PATHS.edges | {("Q1", "Q9")}, edge_decisions={("Q1", "Q2"): "remove"}),
        "church > lake",
        "data: edge Q1 (class Q1) -> Q9 (class Q9) new in Wikidata",
    ),
    "an edge of the old path was removed, and the path that stays is longer than to the other anchor": (
        world("Q1>Q3 Q1>Q2 Q2>Q4 Q4>Q3 Q2>Q5", "Q3=church Q5=lake"),
        world("Q1>Q3 Q1>Q2 Q2>Q4 Q4>Q3 Q2>Q5", "Q3=church Q5=lake", edge_decisions={("Q1", "Q3"): "remove"}),
        "church > lake",
        "decision: edge Q1 (class Q1) -> Q3 (class Q3) removed by decision",
    ),
    "the anchor that gave the label, and that now lies above another one": (
        NESTED,
        replace(NESTED, edge_decisions={("Q5", "Q3"): "add"}),
        "church > lake",
        "decision: edge Q5 (class Q5) -> Q3 (class Q3) added by decision",
    ),
    "an anchor that no longer lies above the other one": (
        replace(NESTED, edges=NESTED.edges | {("Q5", "Q3")}),
        NESTED,
        "lake > church",
        "data: edge Q5 (class Q5) -> Q3 (class Q3) gone from Wikidata",
    ),
    "a class that a decision assigns": (
        CHURCH,
        replace(CHURCH, class_decisions={"Q1": ("assign", "lake")}),
        "church > lake",
        "decision: class Q1 (class Q1) assigned lake by decision",
    ),
    "a class between that a decision assigns": (
        CHURCH,
        replace(CHURCH, class_decisions={"Q2": ("assign", "lake")}),
        "church > lake",
        "decision: class Q2 (class Q2) assigned lake by decision",
    ),
    "the anchor that a decision ignores": (
        CHURCH,
        replace(CHURCH, class_decisions={"Q3": ("ignore", "")}),
        "church > -",
        "decision: class Q3 (class Q3) ignored by decision",
    ),
    "a class's own decision comes before what lies above it": (
        CHURCH,
        replace(
            CHURCH,
            edge_decisions={("Q2", "Q3"): "remove"},
            class_decisions={"Q1": ("ignore", ""), "Q2": ("ignore", "")},
        ),
        "church > -",
        "decision: class Q1 (class Q1) ignored by decision",
    ),
    "an assignment that is withdrawn": (
        replace(CHURCH, class_decisions={"Q2": ("assign", "lake")}),
        CHURCH,
        "lake > church",
        "decision: class Q2 (class Q2): decision to assign it lake withdrawn",
    ),
    "an anchor with another label": (
        CHURCH,
        replace(CHURCH, anchors={"Q3": "lake"}),
        "church > lake",
        "rule: anchor Q3 (class Q3) has another label: church -> lake",
    ),
    "an anchor of a class that no release before had": (
        world("Q1>Q2", "Q20=church"),
        world("Q1>Q2 Q2>Q20", "Q20=church"),
        "- > church",
        "data: edge Q2 (class Q2) -> Q20 (class Q20) new in Wikidata",
    ),
    "counts of classes that break a tie": (
        world("Q1>Q2 Q1>Q3 Q4>Q2 Q5>Q2", "Q2=church Q3=lake"),
        world("Q1>Q2 Q1>Q3 Q4>Q3 Q5>Q3", "Q2=church Q3=lake"),
        "lake > church",
        f"rule: {BETWEEN}",
    ),
    "counts of classes that break a tie of votes": (
        world("Q1>Q2 Q4>Q3 Q5>Q1", "Q2=church Q3=lake", "Q1 Q4"),
        world("Q1>Q2 Q4>Q3 Q5>Q4", "Q2=church Q3=lake", "Q1 Q4"),
        "lake > church",
        "rule: votes for several labels tie, and what tells them apart has changed",
    ),
    "a third class whose vote is missing": (
        world("Q1>Q2 Q4>Q5 Q5>Q2 Q6>Q3", "Q2=church Q7=lake Q6=lake", "Q1 Q4 Q7"),
        world("Q1>Q2 Q4>Q5 Q5>Q2", "Q2=church Q7=lake", "Q1 Q4 Q7", edge_decisions={("Q4", "Q5"): "remove"}),
        "church > lake",
        "decision: edge Q4 (class Q4) -> Q5 (class Q5) removed by decision",
    ),
    "a statement that is gone": (
        world("Q1>Q2", "Q2=church Q3=lake", "Q1 Q3 Q2"),
        world("Q1>Q2", "Q2=church Q3=lake", "Q3"),
        "church > lake",
        "data: item is no longer an instance of Q2 (class Q2) in Wikidata",
    ),
    "a statement that is new": (
        world("Q1>Q2", "Q2=church Q3=lake"),
        world("Q1>Q2", "Q2=church Q3=lake", "Q1 Q3"),
        "church > lake",
        "data: item is now an instance of Q3 (class Q3) in Wikidata",
    ),
    "a title that no class speaks against any more": (
        replace(CHURCH, titles={"Abbey": "lake"}),
        replace(CHURCH, titles={"Abbey": "lake"}, statements=frozenset()),
        "church > lake",
        "data: item is no longer an instance of Q1 (class Q1) in Wikidata",
    ),
    "a title that is read otherwise": (
        replace(CHURCH, titles={"Abbey": "lake"}, statements=frozenset()),
        replace(CHURCH, titles={"Abbey": "church"}, statements=frozenset()),
        "lake > church",
        "rule: the text rule decides otherwise",
    ),
    "a label that is withheld": (
        CHURCH,
        replace(CHURCH, min_confidence=0.99),
        "church > -",
        "rule: withheld: its label is not sure enough for the release",
    ),
    "a label that is withheld since an edge brought another one": (
        replace(CHURCH, min_confidence=0.9),
        replace(
            CHURCH, min_confidence=0.9, edge_decisions={("Q4", "Q6"): "add"}, anchors={"Q3": "church", "Q4": "lake"}
        ),
        "church > -",
        "rule: anchor Q4 (class Q4) is new",
    ),
    "a label that is no longer withheld": (
        replace(CHURCH, min_confidence=0.99),
        CHURCH,
        "- > church",
        "rule: no longer withheld: its label is sure enough for the release",
    ),
    "a decision about the landmark": (
        CHURCH,
        replace(CHURCH, landmark_decisions={"Abbey": ("assign", "lake")}),
        "church > lake",
        "decision: decision on the landmark",
    ),
    "a decision about the landmark beats a change of its class": (
        CHURCH,
        replace(CHURCH, landmark_decisions={"Abbey": ("reject", "")}, edge_decisions={("Q2", "Q3"): "remove"}),
        "church > -",
        "decision: decision on the landmark",
    ),
    "another decision about the landmark": (
        replace(CHURCH, landmark_decisions={"Abbey": ("assign", "lake")}),
        replace(CHURCH, landmark_decisions={"Abbey": ("reject", "")}),
        "lake > -",
        "decision: another decision on the landmark",
    ),
    "a decision about the landmark that is withdrawn": (
        replace(CHURCH, landmark_decisions={"Abbey": ("reject", "")}),
        CHURCH,
        "- > church",
        "decision: decision on the landmark withdrawn",
    ),
    "a landmark that is new": (
        replace(CHURCH, landmarks={("index", 1): ("Bay", None)}),
        replace(CHURCH, landmarks={("index", 1): ("Bay", None), ("train", 1): ("Abbey", "Q100")}),
        "- > church",
        "data: landmark new in the release",
    ),
    "a landmark that is gone": (
        replace(CHURCH, landmarks={("index", 1): ("Bay", None), ("train", 1): ("Abbey", "Q100")}),
        replace(CHURCH, landmarks={("index", 1): ("Bay", None)}),
        "church > -",
        "data: landmark gone from the release",
    ),
}
ITEMS_OF = frozenset({("Q100", "Q3"), ("Q200", "Q5"), ("Q300", "Q3")})
CASES |= {
    "another item": (
        replace(CHURCH, statements=ITEMS_OF),
        replace(CHURCH, statements=ITEMS_OF, landmarks={("train", 1): ("Abbey", "Q200")}),
        "church > lake",
        "data: item Q100 -> Q200",
    ),
    "an item that is found": (
        replace(CHURCH, landmarks={("train", 1): ("Abbey", None)}),
        CHURCH,
        "- > church",
        "data: item Q100 found",
    ),
    "an item that is no longer found": (
        CHURCH,
        replace(CHURCH, landmarks={("train", 1): ("Abbey", None)}),
        "church > -",
        "data: item Q100 no longer found",
    ),
    "another category": (
        replace(CHURCH, statements=ITEMS_OF),
        replace(CHURCH, statements=ITEMS_OF, landmarks={("train", 1): ("Bay", "Q200")}),
        "church > lake",
        "data: category Abbey -> Bay",
    ),
    "another item of the same kind, and an edge that was removed": (
        replace(CHURCH, statements=frozenset({("Q100", "Q1"), ("Q200", "Q2")})),
        replace(
            CHURCH,
            statements=frozenset({("Q100", "Q1"), ("Q200", "Q2")}),
            landmarks={("train", 1): ("Abbey", "Q200")},
            edge_decisions={("Q2", "Q3"): "remove"},
        ),
        "church > -",
        "decision: edge Q2 (class Q2) -> Q3 (class Q3) removed by decision",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_cause_is_named(case: str) -> None:
    old, new, move, reason = CASES[case]
    assert the_change(old, new) == (move, reason)


def test_a_change_that_nothing_in_the_release_explains_says_so() -> None:
    release = release_of(CHURCH)
    other = replace(release, labels=release.labels.assign(hierarchical_label="lake"))
    (row,) = listed(release, other)
    assert row["reason_kind"] == "rule"
    assert row["reason"].startswith("no fact or decision in the releases explains it")


def test_the_class_is_that_of_the_new_label_else_of_the_old_one() -> None:
    (lost,) = changes(CHURCH, replace(CHURCH, anchors={}))
    assert (lost["change"], lost["class_qid"], lost["class_label"]) == ("removed", "Q1", "class Q1")
    two = replace(CHURCH, statements=CHURCH.statements | {("Q100", "Q5")}, class_decisions={"Q1": ("ignore", "")})
    (moved,) = changes(CHURCH, two)
    assert (moved["change"], moved["class_qid"], moved["class_label"]) == ("moved", "Q5", "class Q5")
    (without,) = changes(replace(CHURCH, anchors={}), replace(CHURCH, landmark_decisions={"Abbey": ("assign", "lake")}))
    assert (without["change"], without["class_qid"], without["class_label"]) == ("added", None, None)


# -------------------------------------------------------------------------------------------- the change that made it
@pytest.mark.parametrize(
    ("outcome", "named"),
    [
        (lambda made: "b" in made, "b"),  # the only one that counts
        (lambda made: {"b", "c"} <= made, "b"),  # both are needed: the first of them
        (lambda made: bool({"b", "c"} & made), "b"),  # each is enough: the first of them
        (lambda made: made >= {"a", "b"} or made >= {"c", "d"}, "a"),  # none does anything alone: the first of all
        (lambda made: "new" if "c" in made else "third" if "b" in made else "old", "c"),
        (lambda made: ("c" in made) + 2 * ("d" in made), "c"),  # each makes a part of the difference
        (lambda made: False, None),
    ],
)
def test_the_decisive_change(outcome: Callable[[frozenset[str]], Any], named: str | None) -> None:
    assert decisive_change("abcd", outcome) == named
    assert decisive_change("abcd", outcome, most_tried=0) == ("a" if named else None)


def test_nothing_changed_so_nothing_is_decisive() -> None:
    assert decisive_change("", lambda made: True) is None
