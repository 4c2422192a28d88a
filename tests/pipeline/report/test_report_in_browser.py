"""The report over the sample in real Chromium, without a network; the console must stay empty, so the policy holds."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from pipeline import step13_report
from pipeline.benchmark_files import read_json
from pipeline.report.pictures import inlined
from pipeline.report.sources import read_sources
from tests.browser import browser, chromium, find, press, resize

__all__ = ["browser", "chromium"]  # fixtures
TABLES_SHOWN = """
return [...document.querySelectorAll("details table")].reduce((counts, table) => {
  const name = table.checkVisibility() ? "shown" : "folded";
  return { ...counts, [name]: (counts[name] ?? 0) + 1 };
}, {});
"""


@pytest.fixture(scope="module")
def report(built_sample: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of the report on the sample, with the committed metrics and two pictures made up."""
    folder = tmp_path_factory.mktemp("report")
    for name in ("metrics", "retrieval_happier"):
        Image.effect_noise((1800, 900), 60).save(folder / f"{name}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(built_sample)
        sources = read_sources()
        told = sources.told | {"metrics": read_json(root / "metrics.json")}
        content = step13_report.build(replace(sources, told=told, pictures=inlined(folder)[0]))
    (folder / "report.html").write_bytes(content)
    return (folder / "report.html").as_uri()


@pytest.fixture
def page(browser: Chrome, report: str) -> Iterator[Chrome]:
    browser.get(report)
    yield browser
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def shown(browser: Chrome, name: str) -> tuple[float, str]:
    """What the page says of a number: for programs, and for people."""
    element = find(browser, f"[data-fact='{name}']")
    return float(element.get_attribute("data-value") or "nan"), element.text


def test_numbers_are_those_of_the_tables(page: Chrome, built_sample: Path) -> None:
    parts = [pd.read_parquet(built_sample / f"release/labels/{split}.parquet") for split in ("train", "index")]
    labels = pd.concat(parts).set_index(["split", "landmark_id"])
    labelled = labels[labels["hierarchical_label"].notna()]
    official = pd.read_parquet(built_sample / "data/1_gldv2/official_labels.parquet").set_index(labels.index.names)
    items = pd.read_parquet(built_sample / "data/2_wikidata/landmark_items.parquet")
    both = labels.loc[labels.index.intersection(official.index)]
    expected = {
        "landmarks": len(labels),
        "images": labels["image_count"].sum(),
        "labelled_landmarks": len(labelled),
        "labelled_images": labelled["image_count"].sum(),
        "official_landmarks": len(both),
        "official_images": both["image_count"].sum(),
        "labels_used": labelled["hierarchical_label"].nunique(),
        "reviewed_landmarks": labels["reviewed"].sum(),
        "located_landmarks": items["latitude"].notna().sum(),
    }
    for name, value in expected.items():
        assert shown(page, name) == (value, f"{value:,}"), name
    assert shown(page, "labelled_landmarks_share")[0] == round(len(labelled) / len(labels), 6)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_no_wider_than_the_window(page: Chrome, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": features})
    page.execute_script(
        "document.querySelectorAll('details').forEach(part => part.open = true);"
        "document.querySelectorAll('.promise, th bdi').forEach(name => name.append('x'.repeat(300)));"
    )
    for width in (1280, 768, 390, 320):
        resize(page, width, 844)
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
    ground = page.execute_script("return getComputedStyle(document.documentElement).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) > 380) == (scheme == "light")


def test_pictures_have_words_and_headings_are_in_order(page: Chrome) -> None:
    pictures = page.find_elements(By.CSS_SELECTOR, "img")
    assert len(pictures) == 2
    assert all(picture.get_attribute("alt") for picture in pictures)
    assert all(page.execute_script("return arguments[0].naturalWidth > 0", picture) for picture in pictures)
    levels = page.execute_script(
        "return [...document.querySelectorAll('h1, h2, h3, h4')].map(e => Number(e.tagName[1]))"
    )
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    for chart in page.find_elements(By.CSS_SELECTOR, "svg.chart"):
        assert chart.accessible_name


def test_the_hierarchy_can_be_entered_and_left_by_keyboard(page: Chrome) -> None:
    path = find(page, ".sunburst-path")
    first = path.text
    page.execute_script("document.querySelector('.chart-sunburst [tabindex=\"0\"]').focus()")
    told = path.text
    assert told != first
    press(page, Keys.ENTER)
    hidden = "return document.querySelectorAll('.chart-sunburst .is-away').length"
    assert page.execute_script(hidden) > 0
    press(page, Keys.ESCAPE)
    assert page.execute_script(hidden) == 0


def test_only_what_scrolls_is_a_tab_stop_and_hints_are_shown(page: Chrome) -> None:
    stops = (
        "return [...document.querySelectorAll('.scroll[tabindex], pre[tabindex]')]"
        ".filter(box => box.checkVisibility()).length"
    )
    page.execute_async_script("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))")
    assert page.execute_script(stops) == 0
    assert find(page, ".hint").is_displayed()
    resize(page, 390, 844)
    page.execute_async_script("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))")
    assert page.execute_script(stops) > 5


def test_on_paper_everything_is_open_and_the_ground_is_white(page: Chrome) -> None:
    assert "shown" not in page.execute_script(TABLES_SHOWN)
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": dark})
    assert page.execute_script(TABLES_SHOWN) == {"shown": len(page.find_elements(By.CSS_SELECTOR, "details table"))}
    ground = page.execute_script("return getComputedStyle(document.documentElement).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    resize(page, 718, 1000)  # A4 less 10 mm on each side, in CSS pixels
    highest = "return Math.max(...[...document.querySelectorAll('figure')].map(e => e.getBoundingClientRect().height))"
    assert page.execute_script(highest) < 980  # Letter, which is shorter
