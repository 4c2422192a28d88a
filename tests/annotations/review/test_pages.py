"""The pages as a reviewer goes through them: choose, look, save, next; and everything that may come between."""

from html import escape

import pytest

from annotations.review import routes
from annotations.review.app import create_app
from annotations.review.desk import Evidence, Row
from annotations.store import CurationError
from annotations.verdicts import Verdict
from tests.fake_desk import PICTURE, FakeDesk
from tests.review_page import PORT, Reviewer
from tests.review_rows import CLASSES, ROWS

FIRST = "/row/classes/Q1"


# ------------------------------------------------------------------------------------------------------- what is shown
def test_the_start_leads_to_the_first_open_row_under_the_same_filters(reviewer: Reviewer) -> None:
    assert reviewer.get("/").headers["Location"] == FIRST
    answer = reviewer.get("/?kind=edges&min_images=1")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/row/edges/Q8/Q9?kind=edges&min_images=1")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_every_row_is_shown_with_its_evidence_and_its_buttons(reviewer: Reviewer, desk: FakeDesk, row: Row) -> None:
    answer = reviewer.get(f"/row/{row.kind}/{row.key}")
    evidence = desk.evidence(row.kind, row.key)
    assert answer.status_code == 200
    shown = [row.title, row.why, "writer's-home museum", *(landmark.category for landmark in evidence.landmarks)]
    shown += [node.label for node in evidence.nodes] + [one.class_label for one in evidence.statements]
    for text in shown:
        assert escape(text, quote=True).replace("&#x27;", "&#39;") in answer.text
    keys = [key for name, _, key in reviewer.page.forms["consider"].buttons if name == "verdict"]
    numbers = [str(n + 1) for n in range(len(evidence.choices) + len(evidence.edges))]
    assert sorted(keys) == sorted([*numbers, *evidence.verdicts])


def test_statements_have_their_rank_and_end(reviewer: Reviewer) -> None:
    text = reviewer.get("/row/edges/Q8/Q9").text
    assert "preferred" in text
    assert "1999-12-31" in text


def test_only_web_addresses_become_links(reviewer: Reviewer) -> None:
    text = reviewer.get(FIRST).text
    assert 'href="https://commons.wikimedia.org/wiki/Category:Rubenshuis" rel="noopener noreferrer"' in text
    assert "no link" in text
    assert "javascript:" not in text


def test_thumbnails_are_shown_where_there_are_pictures(reviewer: Reviewer) -> None:
    assert reviewer.get(FIRST).text.count("<img ") == 1
    picture = reviewer.get(f"/thumbnail/{PICTURE}")
    assert (picture.status_code, picture.mimetype, picture.data[:2]) == (200, "image/jpeg", b"\xff\xd8")
    for absent in ("ffffffffffffffff", "..%2f..%2fetc", "a" * 65):
        assert reviewer.get(f"/thumbnail/{absent}").status_code == 404


def test_unknown_rows_lead_back_to_the_queue(reviewer: Reviewer) -> None:
    for path in ("/row/classes/Q404", "/row/nix/Q1", "/row/classes/<b>"):
        answer = reviewer.get(path)
        assert answer.status_code == 404
        assert 'href="/">Back to the queue' in answer.text
        assert "<b>" not in answer.text


def test_an_address_of_a_form_says_so_and_leads_back(reviewer: Reviewer) -> None:
    answer = reviewer.get("/consider")
    assert answer.status_code == 405
    assert 'href="/">Back to the queue' in answer.text


# -------------------------------------------------------------------------------------------------- choose, look, save
def test_choosing_shows_what_it_would_do_and_saves_nothing(reviewer: Reviewer, desk: FakeDesk) -> None:
    reviewer.get(FIRST)
    answer = reviewer.choose("2")
    assert answer.status_code == 200
    for text in ("assign house Q1", "museum", "Rubenshuis", "127"):
        assert text in answer.text
    assert reviewer.page.forms["confirm"].fields["reason"] == "Most are house."
    assert desk.change_count == 0


def test_saving_writes_the_offered_verdict_and_goes_on(reviewer: Reviewer, desk: FakeDesk) -> None:
    reviewer.get(f"{FIRST}?state=all")
    reviewer.choose("2")
    answer = reviewer.save()
    ((verdict, _),) = desk.saved
    offered = desk.evidence("classes", "Q1").choices[1].verdict
    assert verdict == offered
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/row/edges/Q8/Q9?state=all&note=")
    assert "Saved: assign house Q1" in reviewer.follow().text
    assert f'href="{FIRST}?state=all">Show it again' in reviewer.answer.text


def test_names_and_hashes_of_a_form_are_not_believed(reviewer: Reviewer, desk: FakeDesk) -> None:
    reviewer.get(FIRST)
    reviewer.choose("1", names="forged", evidence_hash="forged")
    reviewer.save(names="forged", evidence_hash="forged")
    ((verdict, _),) = desk.saved
    assert (verdict.names, verdict.evidence_hash) == ((CLASSES["Q1"],), "abcdefghijkl")


def test_a_typed_reason_stays_and_a_suggested_one_makes_way(reviewer: Reviewer, desk: FakeDesk) -> None:
    reviewer.get(FIRST)
    reviewer.choose("1")
    reviewer.choose("2")
    assert reviewer.page.forms["confirm"].fields["reason"] == "Most are house."
    reviewer.choose("1", reason="I was there")
    assert reviewer.page.forms["confirm"].fields["reason"] == "I was there"
    reviewer.go_back(reason="I was  there\ttwice ")
    assert "confirm" not in reviewer.page.forms
    assert reviewer.page.forms["consider"].fields["reason"] == "I was  there\ttwice"
    reviewer.choose("i")
    reviewer.save()
    assert desk.saved[0][0].reason == "I was there twice"


def test_going_back_from_a_suggested_reason_forgets_it(reviewer: Reviewer) -> None:
    reviewer.get(FIRST)
    reviewer.choose("1")
    assert reviewer.go_back().status_code == 200
    assert reviewer.page.forms["consider"].fields["reason"] == ""


@pytest.mark.parametrize("text", ["waterfall", "Waterfall ", "wat"])
def test_another_label_is_typed_whole_or_by_its_beginning(reviewer: Reviewer, desk: FakeDesk, text: str) -> None:
    reviewer.get("/row/landmarks/train/66552")
    assert "assign waterfall" in reviewer.enter(label=text).text
    reviewer.save(reason="It is one")
    assert desk.saved[0][0] == Verdict(
        "landmarks",
        ("train", "66552"),
        "assign",
        "waterfall",
        reason="It is one",
        names=("'Opaeka'a Falls",),
        evidence_hash="abcdefghijkl",
    )


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"label": "r"}, "may be several labels (river, road)"),
        ({"label": "cliff"}, "is no label of the taxonomy"),
        ({"label": "l" * 201}, "of more than 200 characters"),
        ({"parent": "house"}, "may be several classes"),
        ({"parent": "cliff"}, "is no class that is known here"),
        ({"parent": "Q404"}, "Q404: not known here"),
        ({"label": "lake", "parent": "Q3"}, "Both a label and a parent are typed"),
        ({}, "No verdict is chosen"),
    ],
)
def test_what_is_typed_and_means_nothing_is_refused_and_kept(typed: dict[str, str], problem: str) -> None:
    reviewer = Reviewer(create_app(HouseDesk(), PORT))
    reviewer.get("/row/classes/Q12")
    answer = reviewer.enter(reason="since", **typed)
    assert answer.status_code == 400
    assert problem in answer.text
    assert "Remedy: " in answer.text
    kept = reviewer.page.forms["consider"].fields
    assert {name: kept[name] for name in typed} == typed
    assert kept["reason"] == "since"


class HouseDesk(FakeDesk):
    """Knows several classes with house in their names, none of which is called so."""

    def find_classes(self, text: str, limit: int) -> list[tuple[str, str]]:
        return [("Q20", "town house"), ("Q21", "house boat")] if text == "house" else super().find_classes(text, limit)


@pytest.mark.parametrize("text", ["Q3", "museum (Q3)", "museum"])
def test_a_parent_is_typed_as_id_or_label(reviewer: Reviewer, desk: FakeDesk, text: str) -> None:
    reviewer.get("/row/classes/Q12")
    assert "add Q12 Q3" in reviewer.enter(parent=text).text
    answer = reviewer.save()
    ((verdict, row),) = desk.saved
    assert (verdict.kind, verdict.ids, verdict.other_parent_qid) == ("edges", ("Q12", ""), "Q3")
    assert row == ("classes", "Q12")
    assert answer.headers["Location"].startswith(FIRST)  # from the last row to the first


def test_an_edge_that_closes_a_cycle_is_refused_with_the_reason(reviewer: Reviewer, desk: FakeDesk) -> None:
    reviewer.get(FIRST)
    answer = reviewer.enter(parent="Q1")
    assert answer.status_code == 200
    assert "It would close a cycle" in answer.text
    names = [button[2] for button in reviewer.page.forms["confirm"].buttons]
    assert names == ["Escape"]
    answer = reviewer.save(reason="All the same")  # as no button does
    assert answer.status_code == 400
    assert "It would close a cycle" in answer.text
    assert desk.saved == []


def test_removing_an_edge_of_a_class_leaves_the_class_open(reviewer: Reviewer, desk: FakeDesk) -> None:
    reviewer.get(FIRST)
    reviewer.choose("3")
    assert reviewer.save().headers["Location"].startswith("/row/edges/Q8/Q9")
    assert desk.saved[0][0].ids == ("Q1", "Q2")
    assert reviewer.get("/").headers["Location"] == FIRST


def test_a_verdict_that_breaks_a_rule_is_refused_and_what_was_typed_is_kept(reviewer: Reviewer, desk: FakeDesk) -> None:
    reviewer.get(FIRST)
    reviewer.choose("2")
    answer = reviewer.save(reason=" ")
    assert answer.status_code == 400
    assert "no reason. Remedy: say in a few words why" in answer.text
    reviewer.save(reason="Now with one")
    assert desk.saved[0][0].reason == "Now with one"


# --------------------------------------------------------------------------------------------------------- two at once
def test_the_second_save_on_a_row_is_told_so(reviewer: Reviewer, desk: FakeDesk) -> None:
    reviewer.get(FIRST)
    reviewer.choose("2", reason="First thought")
    desk.save(Verdict("classes", ("Q1",), "ignore", reason="Elsewhere"), "classes Q1 0")
    answer = reviewer.save()
    assert answer.status_code == 409
    assert "ada has said meanwhile: ignore Q1" in answer.text
    assert "Elsewhere" in answer.text  # the row is shown anew
    assert "confirm" not in reviewer.page.forms
    assert reviewer.page.forms["consider"].fields["reason"] == "First thought"
    assert len(desk.saved) == 1
    reviewer.choose("2")
    assert "ada said ignore Q1: a conflict" in reviewer.answer.text
    assert reviewer.save().status_code == 303
    assert len(desk.saved) == 2


def test_choosing_on_an_old_page_is_told_so(reviewer: Reviewer, desk: FakeDesk) -> None:
    reviewer.get(FIRST)
    desk.save(Verdict("classes", ("Q1",), "ignore", reason="Elsewhere"), "classes Q1 0")
    answer = reviewer.choose("2", reason="Mine")
    assert answer.status_code == 409
    assert "Verdicts on it now: ignore Q1 (ada)" in answer.text
    assert reviewer.page.forms["consider"].fields["reason"] == "Mine"
    assert reviewer.choose("2").status_code == 200


def test_a_verdict_that_is_offered_no_more_is_stale(reviewer: Reviewer, desk: FakeDesk) -> None:
    reviewer.get(FIRST)
    reviewer.choose("2")
    desk.save(Verdict("classes", ("Q1",), "ignore", reason="Elsewhere"), "classes Q1 0")
    bare = Evidence(desk.rows()[0], seen="other")
    desk.evidence = lambda kind, key: bare  # type: ignore[method-assign]
    answer = reviewer.save()
    assert answer.status_code == 409
    assert "This row has changed since you opened it" in answer.text


# ------------------------------------------------------------------------------------------------- onward, back, undo
def test_skip_leads_on_and_round(reviewer: Reviewer, desk: FakeDesk) -> None:
    seen = []
    reviewer.get(FIRST)
    for _ in ROWS:
        seen.append(reviewer.answer.request.path)
        reviewer.get(reviewer.page.keys["s"])
    assert seen == [f"/row/{row.kind}/{row.key}" for row in ROWS]
    assert reviewer.answer.request.path == FIRST
    assert desk.change_count == 0


def test_filters_are_kept_all_the_way(reviewer: Reviewer) -> None:
    query = "kind=landmarks&label=river"
    reviewer.get(f"/row/landmarks/train/66552?{query}")
    reviewer.choose("1")
    assert reviewer.save().headers["Location"].startswith(f"/row/landmarks/train/106?{query}&note=")
    reviewer.follow()
    assert reviewer.undo().headers["Location"].startswith(f"/row/landmarks/train/66552?{query}&note=")


def test_the_last_verdict_leads_to_a_friendly_page(reviewer: Reviewer, desk: FakeDesk) -> None:
    reviewer.get("/")
    for _ in ROWS:
        reviewer.follow()
        reviewer.choose("u")
        reviewer.save()
    answer = reviewer.follow()
    assert answer.status_code == 200
    assert "All decided" in answer.text
    assert "Saved: unsure" in answer.text
    assert len(desk.saved) == len(ROWS)
    assert reviewer.undo().headers["Location"].startswith("/row/classes/Q12?note=")


def test_after_a_verdict_on_a_row_out_of_the_filters_the_filters_hold(reviewer: Reviewer) -> None:
    reviewer.get(f"{FIRST}?kind=edges")
    reviewer.choose("1")
    assert reviewer.save().headers["Location"].startswith("/row/edges/Q8/Q9?kind=edges")


def test_decided_rows_can_be_gone_through(reviewer: Reviewer, desk: FakeDesk) -> None:
    for kind, key in (("classes", "Q1"), ("edges", "Q8/Q9")):
        desk.save(Verdict(kind, tuple(key.split("/")), "unsure", reason="Hm"), f"{kind} {key} 0")
    assert reviewer.get("/?state=decided").headers["Location"] == f"{FIRST}?state=decided"
    reviewer.follow()
    reviewer.choose("1")
    assert reviewer.save().headers["Location"].startswith("/row/edges/Q8/Q9?state=decided")


def test_after_a_verdict_the_next_row_is_an_open_one(reviewer: Reviewer, desk: FakeDesk) -> None:
    desk.save(Verdict("edges", ("Q8", "Q9"), "unsure", reason="Hm"), "edges Q8/Q9 0")
    reviewer.get(f"{FIRST}?state=all")
    assert reviewer.page.keys["s"] == "/row/edges/Q8/Q9?state=all"
    reviewer.choose("1")
    assert reviewer.save().headers["Location"].startswith("/row/landmarks/train/66552?state=all")


def test_undo_takes_back_the_last_verdict_and_shows_its_row(reviewer: Reviewer, desk: FakeDesk) -> None:
    reviewer.get(FIRST)
    reviewer.choose("1")
    reviewer.save()
    reviewer.follow()
    answer = reviewer.undo()
    assert (answer.status_code, desk.saved) == (303, [])
    assert answer.headers["Location"].startswith(f"{FIRST}?note=")
    assert "Taken back: assign museum Q1" in reviewer.follow().text


def test_undo_of_a_verdict_saved_in_another_run_stays_on_the_row(reviewer: Reviewer, desk: FakeDesk) -> None:
    desk.save(Verdict("classes", ("Q1",), "ignore", reason="Elsewhere"), "classes Q1 0")
    reviewer.get("/row/classes/Q12")
    assert reviewer.undo().headers["Location"].startswith("/row/classes/Q12?note=")


@pytest.mark.parametrize("path", [FIRST, "/?text=nothing"])
def test_undo_without_a_verdict_says_so(reviewer: Reviewer, path: str) -> None:
    reviewer.get(path)
    answer = reviewer.undo()
    assert answer.status_code == 400
    assert "no verdict was saved here" in answer.text


def test_notes_are_kept_for_the_last_verdicts_only(reviewer: Reviewer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "NOTES_KEPT", 1)
    reviewer.get("/")
    for _ in range(2):
        reviewer.follow()
        reviewer.choose("u")
        reviewer.save()
    assert "Saved" not in reviewer.get(f"{FIRST}?note=1").text
    assert "Saved: unsure Q8 Q9" in reviewer.get(f"{FIRST}?note=2").text
    assert "Saved" not in reviewer.get(f"{FIRST}?note=<b>").text


def test_an_empty_queue_and_filters_that_nothing_passes_have_their_pages(reviewer: Reviewer) -> None:
    assert "Nothing matches" in reviewer.get("/?text=nothing").text
    assert "The queue is empty" in Reviewer(create_app(FakeDesk([]), PORT)).get("/").text


def test_a_single_row_has_nothing_to_skip_to() -> None:
    reviewer = Reviewer(create_app(FakeDesk(ROWS[:1]), PORT))
    reviewer.get(FIRST)
    assert "s" not in reviewer.page.keys
    reviewer.choose("1")
    reviewer.save()
    assert "All decided" in reviewer.follow().text


# ----------------------------------------------------------------------------------------------------------- the queue
def test_progress_counts_rows_and_images(reviewer: Reviewer) -> None:
    reviewer.get(FIRST)
    reviewer.choose("1")
    reviewer.save()
    text = reviewer.follow().text
    assert "1 of 6 rows decided" in text
    assert f"127 of {sum(row.image_count for row in ROWS)} images" in text


def test_classes_are_suggested_as_data(reviewer: Reviewer) -> None:
    answer = reviewer.get("/classes?q=MUS")
    assert answer.mimetype == "application/json"
    assert answer.json == [{"qid": qid, "label": CLASSES[qid]} for qid in ("Q1", "Q2", "Q3")]
    assert reviewer.get("/classes?q=+").json == []
    assert reviewer.get("/classes").json == []


def test_tables_that_somebody_has_broken_meanwhile_are_told_of(
    reviewer: Reviewer, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> list[Row]:
        raise CurationError(["annotations/anchors.csv:3: Q1 (<b>): out of order. Remedy: sort the rows"])

    monkeypatch.setattr(desk, "rows", broken)
    answer = reviewer.get(FIRST)
    assert answer.status_code == 409
    assert "annotations/anchors.csv:3: Q1 (&lt;b&gt;): out of order. Remedy: sort the rows" in answer.text
