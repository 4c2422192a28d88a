"""The sunburst in real Chromium, under the policy of the report: pointer, keys, and what the line under it says."""

import base64
import hashlib
from pathlib import Path

import pandas as pd
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from pipeline.report.sunburst import sunburst
from tests.browser import browser, chromium, find, press, resize

__all__ = ["browser", "chromium"]

LEVELS = ["natural_or_human_made", "hierarchical_label", "supercategory"]
ROWS = [
    ("human-made", "church", "chapel", 600, 1500),
    ("human-made", "church", "<b>cathedral</b> & more", 200, 700),
    ("human-made", "dam", None, 100, 101),
    ("natural", "lake", "بحيرة", 99, 199),
    ("natural", "lake", "tarn", 1, 1),
]


@pytest.fixture
def page(tmp_path: Path, root: Path) -> str:
    """Address of a page with the chart, its style and its script, and nothing else."""
    static = root / "pipeline/report/static"
    style, script = (static / "charts.css").read_text("utf-8"), (static / "charts.js").read_text("utf-8")
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)
    )
    chart = sunburst(pd.DataFrame(ROWS, columns=[*LEVELS, "landmark_count", "image_count"]), LEVELS)
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'"
    path = tmp_path / "page.html"
    path.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>charts</title>'
        '<meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><style>{style}</style>'
        f'<figure class="sunburst">{chart}<p class="sunburst-path" aria-live="polite"></p></figure>'
        f"<script>{script}</script></html>",
        encoding="utf-8",
    )
    return path.as_uri()


def told(browser: Chrome) -> str:
    return find(browser, ".sunburst-path").text


def centre(browser: Chrome) -> str:
    return find(browser, ".sunburst-centre-name").text.strip("\u2068\u2069")


def shown(browser: Chrome) -> list[str]:
    """Names of the arcs that can be seen."""
    script = "return [...document.querySelectorAll('.sunburst-arcs path:not(.is-away)')].map((p) => p.dataset.name)"
    return browser.execute_script(script)


def test_keys_walk_zoom_and_come_back(browser: Chrome, page: str) -> None:
    browser.get(page)
    assert told(browser) == "all: 1,000 landmarks, 2,501 images"
    assert len(browser.find_elements("css selector", "[tabindex='0']")) == 1
    press(browser, Keys.TAB)
    assert told(browser) == "human-made: 900 landmarks, 2,301 images, 90% of the labelled"
    press(browser, Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
    assert told(browser) == "human-made > dam: 100 landmarks, 101 images, 10% of the labelled"
    press(browser, Keys.ARROW_RIGHT, Keys.ENTER)
    assert told(browser) == "human-made > church: 800 landmarks, 2,200 images, 80% of the labelled"
    assert shown(browser) == ["chapel", "<b>cathedral</b> & more"]
    press(browser, Keys.ARROW_LEFT)
    assert (
        told(browser) == "human-made > church > <b>cathedral</b> & more: 200 landmarks, 700 images, 20% of the labelled"
    )
    press(browser, Keys.ESCAPE)
    assert centre(browser) == "human-made"
    press(browser, Keys.ARROW_UP)
    assert told(browser) == "human-made: 900 landmarks, 2,301 images, 90% of the labelled"
    assert len(shown(browser)) == 9
    assert len(browser.find_elements("css selector", "[tabindex='0']")) == 1
    press(browser, Keys.END)
    assert told(browser).startswith("natural: ")
    press(browser, Keys.HOME, Keys.ARROW_LEFT, " ")
    assert shown(browser) == ["lake", "بحيرة", "tarn"]
    press(browser, Keys.BACKSPACE)
    assert centre(browser) == "all"


def test_the_chart_is_one_tab_stop_and_keys_act_on_the_arc_that_has_the_focus(browser: Chrome, page: str) -> None:
    browser.get(page)
    stops = []
    for _ in range(2):
        press(browser, Keys.TAB)
        stops.append(browser.execute_script("return document.activeElement.tagName"))
    assert stops == ["path", "BODY"]
    browser.execute_script("document.querySelector('[data-name=tarn]').focus()")
    assert told(browser).startswith("natural > lake > tarn: ")
    press(browser, Keys.ARROW_LEFT)
    assert told(browser).startswith("natural > lake > بحيرة: ")


def test_the_pointer_zooms_and_a_telephone_can_read_it(browser: Chrome, page: str) -> None:
    browser.get(page)
    chart = find(browser, ".chart-sunburst")
    size = chart.size["width"]
    # The ring of labels begins a third of the way out; church lies right of the middle.
    ActionChains(browser).move_to_element_with_offset(chart, int(size * 0.3), 0).click().perform()
    assert centre(browser) == "church"
    assert shown(browser) == ["chapel", "<b>cathedral</b> & more"]
    ActionChains(browser).move_to_element(chart).click().perform()
    assert centre(browser) == "human-made"
    resize(browser, 390, 800)
    browser.execute_async_script("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))")
    smallest = browser.execute_script(
        "const svg = document.querySelector('.chart-sunburst');"
        "const sizes = [...svg.querySelectorAll('text')].map((text) => parseFloat(getComputedStyle(text).fontSize));"
        "return Math.min(...sizes) * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width"
    )
    assert smallest >= 12
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
