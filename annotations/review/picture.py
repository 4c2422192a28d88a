"""The picture of the review page in the guide: `python -m annotations.review.picture ADDRESS OUT.png`.

ADDRESS is that of a row of a page that runs, such as http://127.0.0.1:8765/row/classes/Q1759852; the picture shows the
row with its first verdict considered. For maintainers, after the page has changed.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

WIDTH, HEIGHT = 1280, 860
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars")


@click.command()
@click.argument("address")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
def main(address: str, out: Path) -> None:
    """Write the picture of the page at ADDRESS to OUT."""
    with headless(WIDTH, HEIGHT) as browser:
        browser.get(address)
        browser.find_element(By.TAG_NAME, "body").send_keys("1")
        WebDriverWait(browser, 20).until(lambda page: page.find_elements(By.ID, "confirm"))
        browser.switch_to.active_element.send_keys(Keys.HOME)  # the reason from its beginning
        browser.save_screenshot(str(out))


@contextlib.contextmanager
def headless(width: int, height: int) -> Iterator[webdriver.Chrome]:
    """A Chromium without a window, as if on a screen of this many pixels."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in FLAGS:
        options.add_argument(flag)
    with webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver") or "")) as browser:
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        yield browser


if __name__ == "__main__":
    main()
