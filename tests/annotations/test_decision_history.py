"""Whatever reviewers decide, decide anew and undo, in any order: tables stay lawful, and no accepted row is lost."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from annotations import laws
from annotations.deciding import Insertion
from annotations.recording import key_of, rows_by_key
from annotations.store import ADJUDICATOR, CurationError
from annotations.verdicts import TABLE_OF, Verdict
from tests.small_world import CLASSES, EDGES, LANDMARKS, make, read_all, row_of, take, undo, verdict

LAWFUL = settings(deadline=None, max_examples=15, stateful_step_count=12)
BUT_CONFLICTS = [law for law in laws.LAWS if law is not laws.verdicts_do_not_conflict]
# What stands in the tables before anybody decides here; ann and bob agree on the pond.
STANDING = {
    "class_decisions": [row_of("class_decisions", ("Q2", "pond", "ignore", ""), who) for who in ("ann", "bob")],
    "edge_decisions": [row_of("edge_decisions", ("Q2", "pond", "Q11", "water", "remove"), "bob")],
    "landmark_decisions": [row_of("landmark_decisions", ("train", "7", "Abbey", "assign", "church"), "ann")],
}
REVIEWERS = st.sampled_from([ADJUDICATOR, "ann", "bob", "cleo"])
DAYS = st.sampled_from(["2026-01-31", "2026-02-01"])
REASONS = st.sampled_from(["seen", 'read, "twice"', "seen\r\non site"])
CLASS_SAYS = st.sampled_from([("assign", "church"), ("assign", "lake"), ("ignore", ""), ("unsure", "")])
LANDMARK_SAYS = st.sampled_from([("assign", "church"), ("assign", "lake"), ("reject", ""), ("unsure", "")])
EDGE_SAYS = st.sampled_from(["keep", "remove", "unsure", "add"])
OTHER_PARENTS = st.sampled_from(["", "", *CLASSES])


def _class_or_landmark(kind: str, ids: tuple[str, ...], says: tuple[str, str], reason: str) -> Verdict:
    return verdict(kind, ids, *says, reason=reason)


def _edge(ids: tuple[str, ...], decision: str, other: str, reason: str) -> Verdict:
    return verdict("edges", ids, decision, other_parent_qid=other, reason=reason)


CLASS_VERDICTS = st.builds(
    _class_or_landmark, st.just("classes"), st.sampled_from([(qid,) for qid in CLASSES]), CLASS_SAYS, REASONS
)
LANDMARK_VERDICTS = st.builds(
    _class_or_landmark, st.just("landmarks"), st.sampled_from(sorted(LANDMARKS)), LANDMARK_SAYS, REASONS
)
EDGE_VERDICTS = st.builds(
    _edge, st.sampled_from([*sorted(EDGES), ("Q1", ""), ("Q2", "")]), EDGE_SAYS, OTHER_PARENTS, REASONS
)
WORKSHEETS = st.one_of(
    st.lists(verdicts, min_size=1, max_size=3) for verdicts in (CLASS_VERDICTS, LANDMARK_VERDICTS, EDGE_VERDICTS)
)


class History(RuleBasedStateMachine):
    """Decisions and undos on tables of their own, beside a model that holds the rows as a plain dictionary would."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = make(Path(tempfile.mkdtemp()), **STANDING)
        self.at_first = self._bytes()
        self.model = {name: rows_by_key(name, read_all(self.folder)[name]) for name in TABLE_OF.values()}
        self.made: list[Insertion] = []

    def _bytes(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}

    @rule(verdicts=WORKSHEETS, reviewer=REVIEWERS, today=DAYS)
    def decide(self, verdicts: list[Verdict], reviewer: str, today: str) -> None:
        before = self._bytes()
        try:
            made = take(self.folder, verdicts[0].kind, verdicts, reviewer, today)
        except CurationError:
            assert self._bytes() == before
            return
        rows = self.model[made.name]
        assert made.replaced == [rows[key] for row in made.rows if (key := key_of(made.name, row)) in rows]
        rows.update({key_of(made.name, row): row for row in made.rows})
        for said in verdicts:  # each verdict stands in the table now, whether or not it is new
            decision, ids = said.decision, said.ids
            if decision == "add":
                ids = (ids[0], said.other_parent_qid)
            assert rows[*ids, reviewer]["decision"] == decision
            assert rows[*ids, reviewer].get("hierarchical_label", "") == said.hierarchical_label
        self.made.append(made)

    def take_back(self, place: int, today: str) -> None:
        made = self.made.pop(place)
        undo(self.folder, made, today)
        rows = self.model[made.name]
        for row in made.rows:
            del rows[key_of(made.name, row)]
        rows.update({key_of(made.name, row): row for row in made.replaced})

    @precondition(lambda self: self.made)
    @rule(today=DAYS)
    def undo_the_last(self, today: str) -> None:
        self.take_back(-1, today)

    @invariant()
    def rows_are_those_that_were_accepted_and_not_taken_back(self) -> None:
        curated = read_all(self.folder)
        assert {name: rows_by_key(name, curated[name]) for name in self.model} == self.model
        assert [problem for law in BUT_CONFLICTS for problem in law(curated)] == []

    def teardown(self) -> None:
        shutil.rmtree(self.folder)


class UndoneInTheEnd(History):
    """Takes everything back, the last first."""

    def teardown(self) -> None:
        try:
            while self.made:
                self.take_back(-1, "2026-02-02")
            assert self._bytes() == self.at_first
        finally:
            super().teardown()


class UndoneInAnyOrder(History):
    """Takes back what several reviewers, or browsers, saved meanwhile, as far as their rows still stand."""

    @precondition(lambda self: self.made)
    @rule(data=st.data(), today=DAYS)
    def undo_any(self, data: st.DataObject, today: str) -> None:
        place = data.draw(st.integers(0, len(self.made) - 1))
        made, before = self.made[place], self._bytes()
        if all(self.model[made.name].get(key_of(made.name, row)) == row for row in made.rows):
            self.take_back(place, today)
            return
        try:
            undo(self.folder, made, today)
        except CurationError:
            assert self._bytes() == before
        else:
            raise AssertionError(f"{made.rows} was taken back, though it changed since")


def test_undoing_everything_in_reverse_order_gives_the_tables_back_byte_for_byte() -> None:
    run_state_machine_as_test(UndoneInTheEnd, settings=LAWFUL)


def test_no_order_of_decisions_and_undos_loses_a_row_or_breaks_a_law() -> None:
    run_state_machine_as_test(UndoneInAnyOrder, settings=LAWFUL)
