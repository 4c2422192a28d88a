"""The review page over the sample's own tables, in real Chromium: what is decided there lies in annotations/."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from annotations import laws
from pipeline import tables, workbench
from pipeline.files import read_table
from pipeline.review_desk import ReviewDesk
from tests.browser import browser, chromium, click, find, press, refused_statuses, turn, visiting

__all__ = ["browser", "chromium"]  # fixtures
MUSEUM = "/row/classes/Q1352795"  # cinematheque, under museum and library
DECISIONS = {name: Path(f"annotations/{name}.csv") for name in ("class_decisions", "edge_decisions")}
DECISIONS["landmark_decisions"] = Path("sample/annotations/landmark_decisions.csv")


def rows(name: str) -> list[dict[str, str]]:
    with DECISIONS[name].open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def all_bytes() -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in DECISIONS.items()}


@pytest.fixture
def desk(workspace: Path) -> ReviewDesk:
    assert workspace.exists()
    return ReviewDesk("hgldv2", workbench.open_workbench())


def test_twenty_decisions_by_keyboard_leave_lawful_tables(browser: Chrome, desk: ReviewDesk) -> None:
    before = {name: len(rows(name)) for name in DECISIONS}
    with visiting(desk, browser) as where:
        browser.get(where)
        for number in range(20):
            assert not browser.find_elements(By.CSS_SELECTOR, "[role=alert]")
            # The first label where there is one; edges are kept, since a removal may be refused.
            keys = [button.get_attribute("data-key") for button in browser.find_elements(By.CSS_SELECTOR, "[data-key]")]
            turn(browser, "k" if "k" in keys else "1" if "1" in keys else "u")
            turn(browser, Keys.ENTER)
            assert find(browser, "#status").text.startswith("Saved: "), number
    assert sum(len(rows(name)) for name in DECISIONS) == sum(before.values()) + 20
    curated = workbench.read_curated()
    assert [problem for law in laws.LAWS for problem in law(curated)] == []


def test_a_preview_is_what_the_stages_then_build(
    browser: Chrome, desk: ReviewDesk, build_here: Callable[..., None]
) -> None:
    before = read_table(tables.LANDMARK_LABELS)
    with visiting(desk, browser) as where:
        browser.get(where + MUSEUM[1:])
        turn(browser, "2")
        shown = find(browser, ".moves").text
        assert "Cinémathèque française" in shown
        turn(browser, Keys.ENTER)
        assert "1 landmarks moved" in find(browser, "#status").text
    build_here("hierarchy", "label")
    after = read_table(tables.LANDMARK_LABELS)
    differs = before["hierarchical_label"].fillna("") != after["hierarchical_label"].fillna("")
    assert after.loc[differs, "category"].tolist() == ["Cinémathèque française"]
    assert after.loc[differs, "hierarchical_label"].tolist() == ["library"]


def test_undo_gives_the_tables_back(browser: Chrome, desk: ReviewDesk) -> None:
    before = all_bytes()
    with visiting(desk, browser) as where:
        browser.get(where + MUSEUM[1:])
        turn(browser, "1")
        turn(browser, Keys.ENTER)
        assert all_bytes() != before
        turn(browser, "z")
        assert "Taken back" in find(browser, "#status").text
        assert find(browser, "h1").text == "cinematheque"
    assert all_bytes() == before


def test_the_second_of_two_tabs_is_told_that_the_row_has_changed(browser: Chrome, desk: ReviewDesk) -> None:
    with visiting(desk, browser) as where:
        browser.get(where + MUSEUM[1:])
        turn(browser, "1")
        first = browser.current_window_handle
        browser.switch_to.new_window("tab")
        browser.get(where + MUSEUM[1:])
        turn(browser, "2")
        turn(browser, Keys.ENTER)
        browser.switch_to.window(first)
        turn(browser, Keys.ENTER)
        assert "This row has changed since you opened it" in find(browser, "[role=alert]").text
        assert "assign library" in find(browser, "[role=alert]").text
        assert refused_statuses(browser) == [409]
    (row,) = [row for row in rows("class_decisions") if row["class_qid"] == "Q1352795"]
    assert row["hierarchical_label"] == "library"


def test_a_conflict_with_another_reviewer_is_saved_and_told(
    browser: Chrome, workspace: Path, cli: Callable[..., Result]
) -> None:
    people = workspace / "annotations/reviewers.csv"
    people.write_text(people.read_text(encoding="utf-8") + "zoe,Zoe,\n", encoding="utf-8")
    for reviewer, key in (("hgldv2", "1"), ("zoe", "2")):
        with visiting(ReviewDesk(reviewer, workbench.open_workbench()), browser) as where:
            browser.get(f"{where}row/classes/Q1352795")
            turn(browser, key)
            turn(browser, Keys.ENTER)
            assert ("Conflict" in find(browser, "#status").text) == (reviewer == "zoe")
    assert len([row for row in rows("class_decisions") if row["class_qid"] == "Q1352795"]) == 2
    checked = cli("check")
    assert checked.exit_code == 1
    assert "conflict (assign museum / assign library)" in checked.output


def test_an_edge_that_closes_a_cycle_is_refused_with_the_cycle(browser: Chrome, desk: ReviewDesk) -> None:
    before = all_bytes()
    with visiting(desk, browser) as where:
        browser.get(f"{where}row/edges/Q486972/Q2221906")  # human settlement -> geographic location
        press(browser, "a")
        press(browser, "Q532")
        turn(browser, Keys.ENTER)
        refusal = find(browser, ".refusals").text
        assert "closes a cycle" in refusal
        assert "village (Q532) -> human settlement (Q486972)" in refusal
        assert not browser.find_elements(By.CSS_SELECTOR, "#confirm [data-key=Enter]")
    assert all_bytes() == before


def test_filters_and_pictures_of_the_sample(browser: Chrome, desk: ReviewDesk) -> None:
    desk._thumbnails.listing.join()
    with visiting(desk, browser) as where:
        browser.get(f"{where}?kind=landmarks&text=amsterdam")
        titles = [row.text for row in browser.find_elements(By.CSS_SELECTOR, ".rows li")]
        assert len(titles) > 3
        assert all("amsterdam" in title.casefold() for title in titles)
        pictures = browser.find_elements(By.CSS_SELECTOR, "article img")
        assert pictures
        assert all(browser.execute_script("return arguments[0].naturalWidth > 0", picture) for picture in pictures)
        click(browser, ".rows li:nth-child(2) a")
        assert "amsterdam" in find(browser, "h1").text.casefold()
