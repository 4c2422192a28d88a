"""The page in real Chromium: keys, focus, tabs and widths; the console of every page must stay empty."""

from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser import PATIENCE, click, find, next_page, press, refused_statuses, resize, turn, visiting
from tests.fake_desk import FakeDesk
from tests.review_rows import ROWS, filler_rows


@pytest.fixture
def where(desk: FakeDesk, browser: Chrome) -> Iterator[str]:
    with visiting(desk, browser) as address:
        yield address


def text_of(browser: Chrome, css: str) -> str:
    return find(browser, css).text


def path_of(browser: Chrome) -> str:
    """Address of the page without host and query."""
    return browser.execute_script("return location.pathname")


def focused(browser: Chrome) -> str:
    """Name of the field that has the focus, or its tag."""
    element = browser.switch_to.active_element
    return element.get_attribute("name") or element.tag_name


# ------------------------------------------------------------------------------------------------- one reviewer's round
def test_open_filter_decide_by_keyboard_and_undo(browser: Chrome, where: str, desk: FakeDesk) -> None:
    browser.get(where)
    assert text_of(browser, "h1") == "artist's-home museum"
    find(browser, ".filters [name=text]").send_keys("zuidplas")
    Select(find(browser, ".filters [name=kind]")).select_by_visible_text("landmarks")
    find(browser, ".filters [name=text]").clear()
    click(browser, ".filters button")
    assert text_of(browser, "h1") == "'Opaeka'a Falls"
    assert len(browser.find_elements(By.CSS_SELECTOR, ".rows li")) == 2

    turn(browser, "1")
    assert "river" in text_of(browser, ".moves")
    assert desk.saved == []
    turn(browser, Keys.ENTER)
    assert "Saved: assign river train 66552" in text_of(browser, "#status")
    assert text_of(browser, "h1") == "Prinsengracht, Amsterdam"
    assert "1 of 2 rows decided" in text_of(browser, ".progress")

    turn(browser, "z")
    assert "Taken back" in text_of(browser, "#status")
    assert text_of(browser, "h1") == "'Opaeka'a Falls"
    assert desk.saved == []


def test_twenty_decisions_by_keyboard(browser: Chrome) -> None:
    desk = FakeDesk([*ROWS, *filler_rows(30)])
    with visiting(desk, browser) as where:
        browser.get(where)
        for number in range(20):
            title, has_choice = text_of(browser, "h1"), bool(browser.find_elements(By.CSS_SELECTOR, "[data-key='1']"))
            turn(browser, "1" if has_choice else "u")
            turn(browser, Keys.ENTER)
            assert len(desk.saved) == number + 1
            assert text_of(browser, "h1") != title
            assert text_of(browser, "#status").startswith("Saved: ")
    assert len({verdict.key for verdict, _ in desk.saved}) == 20


def test_the_last_decision_leads_to_the_end(browser: Chrome) -> None:
    with visiting(FakeDesk(ROWS[:1]), browser) as where:
        browser.get(where)
        turn(browser, "i")
        turn(browser, Keys.ENTER)
        assert text_of(browser, "h1") == "All decided"
        turn(browser, "z")
        assert text_of(browser, "h1") == "artist's-home museum"


def test_buttons_do_what_keys_do(browser: Chrome, where: str, desk: FakeDesk) -> None:
    browser.get(where)
    click(browser, "#consider [data-key='2']")
    click(browser, "#confirm [data-key='Escape']")
    click(browser, "#consider [data-key='2']")
    click(browser, "#confirm [data-key='Enter']")
    assert [verdict.hierarchical_label for verdict, _ in desk.saved] == ["house"]


def test_the_page_works_without_its_script(browser: Chrome, where: str, desk: FakeDesk) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(where)
        find(browser, "[name=label]:not(.filters *)").send_keys("lake")
        turn(browser, Keys.ENTER)
        assert "assign lake Q1" in text_of(browser, "#confirm")
        find(browser, "#confirm [name=reason]").send_keys("One sees\nit")
        click(browser, "#confirm [data-key='Enter']")
        assert "Saved: assign lake Q1" in text_of(browser, "#status")
        find(browser, "a[href='#help']").click()
        assert find(browser, "#help").is_displayed()
        find(browser, "#help a").click()
        assert not find(browser, "#help").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert [verdict.reason for verdict, _ in desk.saved] == ["One sees it"]


# ---------------------------------------------------------------------------------------------------------------- keys
def test_escape_goes_back_and_keeps_a_typed_reason(browser: Chrome, where: str, desk: FakeDesk) -> None:
    browser.get(where)
    press(browser, "e", "seen it", Keys.ESCAPE)
    assert focused(browser) == "body"
    turn(browser, "2")
    assert find(browser, "#reason").get_attribute("value") == "seen it"
    press(browser, "e", "seen it twice")
    press(browser, Keys.ESCAPE)
    turn(browser, "1")  # what was typed beside one verdict goes along to the next
    assert find(browser, "#reason").get_attribute("value") == "seen it twice"
    turn(browser, Keys.ESCAPE)
    assert browser.find_elements(By.ID, "confirm") == []
    assert find(browser, "#reason").get_attribute("value") == "seen it twice"
    assert desk.change_count == 0


def test_keys_are_letters_while_a_field_has_the_focus(browser: Chrome, where: str, desk: FakeDesk) -> None:
    browser.get(where)
    for key, name in (("o", "label"), ("a", "parent"), ("e", "reason")):
        press(browser, key)
        assert focused(browser) == name
        press(browser, "1iuszao?")
        assert browser.switch_to.active_element.get_attribute("value") == "1iuszao?"
        press(browser, Keys.ESCAPE)
        assert focused(browser) == "body"
    assert path_of(browser) == "/row/classes/Q1"
    assert not find(browser, "#help").is_displayed()
    assert desk.change_count == 0


@pytest.mark.parametrize("modifier", [Keys.CONTROL, Keys.ALT, Keys.META])
def test_keys_with_a_modifier_are_the_browsers(browser: Chrome, where: str, desk: FakeDesk, modifier: str) -> None:
    browser.get(where)
    ActionChains(browser).key_down(modifier).send_keys("1", "i", "e").key_up(modifier).perform()
    assert path_of(browser) == "/row/classes/Q1"
    assert focused(browser) == "body"
    assert desk.change_count == 0


def test_skip_changes_nothing(browser: Chrome, where: str, desk: FakeDesk) -> None:
    browser.get(where)
    turn(browser, "s")
    assert path_of(browser) == "/row/edges/Q8/Q9"
    assert desk.change_count == 0


def test_enter_saves_wherever_the_focus_is_but_on_a_link_or_button(browser: Chrome, where: str, desk: FakeDesk) -> None:
    browser.get(where)
    turn(browser, "1")
    find(browser, "h1").click()
    turn(browser, Keys.ENTER)
    assert len(desk.saved) == 1
    turn(browser, "k")
    browser.execute_script("document.querySelector('[data-key=s]').focus()")
    turn(browser, Keys.ENTER)
    assert path_of(browser) == "/row/landmarks/train/66552"
    assert len(desk.saved) == 1


def test_enter_in_the_other_label_never_saves_what_is_shown(browser: Chrome, where: str, desk: FakeDesk) -> None:
    browser.get(where)
    turn(browser, "1")
    press(browser, "o", "wat")
    turn(browser, Keys.ENTER)
    assert "assign waterfall Q1" in text_of(browser, "#confirm .says")
    assert desk.change_count == 0


def test_a_form_that_is_on_its_way_is_not_sent_again(browser: Chrome, where: str, desk: FakeDesk) -> None:
    browser.get(where)
    turn(browser, "1")
    with next_page(browser):
        is_sent_again = browser.execute_script(
            "document.querySelector('#confirm .primary').click();"
            "const again = new SubmitEvent('submit', {bubbles: true, cancelable: true});"
            "return document.getElementById('confirm').dispatchEvent(again);"
        )
    assert is_sent_again is False
    assert "Saved" in text_of(browser, "#status")
    assert desk.change_count == 1


def test_the_help_lists_the_keys_and_closes(browser: Chrome, where: str) -> None:
    browser.get(where)
    for closing in (Keys.ESCAPE, "?", Keys.ENTER):
        press(browser, "?")
        assert find(browser, "#help").is_displayed()
        assert "Ignore the class" in text_of(browser, "#help")
        press(browser, "1")  # no key reaches the page below
        press(browser, closing)
        assert not find(browser, "#help").is_displayed()
    assert path_of(browser) == "/row/classes/Q1"


def test_classes_are_suggested_while_one_types(browser: Chrome, where: str, desk: FakeDesk) -> None:
    browser.get(f"{where}row/classes/Q12")
    press(browser, "a", "waterf")
    options = "return [...document.querySelectorAll('#classes option')].map(option => option.value)"
    WebDriverWait(browser, PATIENCE).until(lambda driver: driver.execute_script(options) == ["waterfall (Q11)"])
    press(browser, Keys.BACKSPACE * 6, "waterfall (Q11)")
    turn(browser, Keys.ENTER)
    assert "add Q12 Q11" in text_of(browser, "#confirm .says")


# --------------------------------------------------------------------------------------------------- refusals, two tabs
def test_an_edge_that_closes_a_cycle_cannot_be_saved(browser: Chrome, where: str, desk: FakeDesk) -> None:
    browser.get(where)
    press(browser, "a", "Q1")
    turn(browser, Keys.ENTER)
    assert "It would close a cycle" in text_of(browser, ".refusals")
    assert browser.find_elements(By.CSS_SELECTOR, "#confirm .primary") == []
    press(browser, Keys.ENTER)
    turn(browser, Keys.ESCAPE)
    assert desk.change_count == 0


def test_the_second_of_two_tabs_is_told_that_the_row_has_changed(browser: Chrome, where: str, desk: FakeDesk) -> None:
    browser.get(where)
    turn(browser, "1")
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    browser.get(where)
    turn(browser, "2")
    turn(browser, Keys.ENTER)
    browser.switch_to.window(first)
    press(browser, "e", "from the first tab", Keys.ESCAPE)
    turn(browser, Keys.ENTER)
    assert "ada has said meanwhile: assign house Q1" in text_of(browser, "[role=alert]")
    assert find(browser, "#reason").get_attribute("value") == "from the first tab"
    assert [verdict.hierarchical_label for verdict, _ in desk.saved] == ["house"]
    turn(browser, "1")
    assert "a conflict" in text_of(browser, ".notes")
    turn(browser, Keys.ENTER)
    assert [verdict.hierarchical_label for verdict, _ in desk.saved] == ["house", "museum"]
    assert refused_statuses(browser) == [409]


def test_a_verdict_without_a_reason_is_asked_for_one(browser: Chrome, where: str, desk: FakeDesk) -> None:
    browser.get(where)
    press(browser, "o", "lake")
    turn(browser, Keys.ENTER)
    press(browser, Keys.ENTER)  # the field is required: the browser goes there
    assert focused(browser) == "reason"
    press(browser, "A lake")
    turn(browser, Keys.ENTER)
    assert desk.saved[0][0].reason == "A lake"


# -------------------------------------------------------------------------------------------------------------- layout
@pytest.mark.parametrize("width", [1280, 900, 390, 320])
@pytest.mark.parametrize("path", ["row/classes/Q1", "row/edges/Q8/Q9", "?text=nothing", "row/landmarks/train/1"])
def test_no_page_is_wider_than_the_window(browser: Chrome, width: int, path: str) -> None:
    rows = [*ROWS, ROWS[2].__class__(**vars(ROWS[2]) | {"key": "train/1", "title": "Unbroken" * 80, "why": "y" * 500})]
    with visiting(FakeDesk(rows), browser) as where:
        resize(browser, width, 844)
        browser.get(where + path)
        for _ in range(2):
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width
            if browser.find_elements(By.CSS_SELECTOR, "#consider [data-key=u]"):
                click(browser, "#consider [data-key=u]")


def test_a_telephone_shows_what_a_verdict_would_do(browser: Chrome, where: str, desk: FakeDesk) -> None:
    resize(browser, 390, 844)
    browser.get(where)
    find(browser, ".jumps a[href='#decide']").click()
    click(browser, "#consider [data-key='2']")
    save = find(browser, "#confirm .primary")
    top = browser.execute_script("return arguments[0].getBoundingClientRect().top", save)
    assert 0 < top < 844
    click(browser, "#confirm .primary")
    assert len(desk.saved) == 1


def test_every_field_and_button_has_a_name_and_a_visible_focus(browser: Chrome, where: str) -> None:
    browser.get(where)
    turn(browser, "1")
    for element in browser.find_elements(By.CSS_SELECTOR, "a, button, input:not([type=hidden]), select"):
        if element.is_displayed() and element.get_attribute("aria-hidden") != "true":
            assert element.accessible_name
    press(browser, Keys.TAB)
    style = "return getComputedStyle(document.activeElement).outlineStyle"
    assert browser.execute_script(style) == "solid"


WATCH = """
addEventListener("DOMContentLoaded", () => {
  const region = document.querySelector("[aria-live=polite]");
  window.told = [];
  const watcher = new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes) window.told.push(node.textContent.trim());
  });
  if (region) watcher.observe(region, { childList: true });
});
"""


def test_a_saved_verdict_comes_into_a_live_region_when_the_page_stands(browser: Chrome, where: str) -> None:
    watch = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    browser.get(where)
    turn(browser, "1")
    turn(browser, Keys.ENTER)
    assert find(browser, "[aria-live=polite]").aria_role == "status"
    told = WebDriverWait(browser, PATIENCE).until(lambda driver: driver.execute_script("return window.told"))
    assert any(text.startswith("Saved: assign museum Q1") for text in told)
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", watch)
