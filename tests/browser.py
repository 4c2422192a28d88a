"""Headless Chromium for tests that drive the review page, and a server for the page; import the two fixtures.

Every test ends with a look at the browser's console: an error or a warning there, such as a script that fails or a
broken content security policy, fails the test. Nothing but this machine can be reached.
"""

import contextlib
import re
from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.wait import WebDriverWait

from annotations.review.app import address, answering, serve
from annotations.review.desk import Desk
from tests.tools import required_tool

PATIENCE = 30  # seconds until a page that does not come fails the test
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """One browser for all tests of a process; tests take `browser`."""
    options = webdriver.ChromeOptions()
    options.binary_location = required_tool("chromium", "chromium-browser", "google-chrome")
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(required_tool("chromedriver")))
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium: webdriver.Chrome) -> Iterator[webdriver.Chrome]:
    """A browser with one empty tab of 1280 x 800; its console must be empty at the end."""
    resize(chromium, 1280, 800)
    console(chromium)
    yield chromium
    said = console(chromium)
    for tab in chromium.window_handles[1:]:
        chromium.switch_to.window(tab)
        chromium.close()
    chromium.switch_to.window(chromium.window_handles[0])
    chromium.get("about:blank")
    assert said == [], said


@contextlib.contextmanager
def serving(desk: Desk) -> Iterator[str]:
    """The review page over a desk, on a free port; yields its address."""
    server = serve(desk, 0)
    with answering(server):
        yield address(server)


@contextlib.contextmanager
def visiting(desk: Desk, driver: webdriver.Chrome) -> Iterator[str]:
    """The same for one browser, which leaves before the server goes: pictures further down may still be asked for."""
    with serving(desk) as where:
        yield where
        driver.get("about:blank")


def resize(driver: webdriver.Chrome, width: int, height: int) -> None:
    """Set the size of the page, in CSS pixels; a window cannot be as narrow as a telephone."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def console(driver: webdriver.Chrome) -> list[str]:
    """Errors and warnings of the console since it was read last."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def refused_statuses(driver: webdriver.Chrome) -> list[int]:
    """Statuses of the pages that were refused since the console was read last; anything else in it fails the test."""
    found = [
        re.search(r"responded with a status of (\d+)", message) or pytest.fail(message) for message in console(driver)
    ]
    return [int(match[1]) for match in found]


def press(driver: webdriver.Chrome, *keys: str) -> None:
    """Press keys where the focus is; the page stays."""
    ActionChains(driver).send_keys(*keys).perform()


def turn(driver: webdriver.Chrome, *keys: str) -> None:
    """Press keys the last of which leads to another page, and wait for it."""
    with next_page(driver):
        press(driver, *keys)


def click(driver: webdriver.Chrome, css: str) -> None:
    """Click on what leads to another page, and wait for it."""
    with next_page(driver):
        find(driver, css).click()


@contextlib.contextmanager
def next_page(driver: webdriver.Chrome) -> Iterator[None]:
    """What is done within leads to another page; wait for it."""
    page = driver.find_element(By.TAG_NAME, "html")
    yield
    # In the middle of a change of pages the driver may answer with other errors than that of a stale element.
    wait = WebDriverWait(driver, PATIENCE, poll_frequency=0.02, ignored_exceptions=[WebDriverException])
    wait.until(staleness_of(page))
    wait.until(lambda driver: driver.execute_script("return document.readyState") == "complete")


def find(driver: webdriver.Chrome, css: str) -> WebElement:
    """The one element that a CSS selector names."""
    (element,) = driver.find_elements(By.CSS_SELECTOR, css)
    return element
