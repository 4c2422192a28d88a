"""The picture of the review page in the guide: `python -m annotations.review.picture ADDRESS OUT.png`.

ADDRESS is that of a row of a page that runs, such as http://127.0.0.1:8765/row/classes/Q1759852; the picture shows the
row with its first verdict considered. For maintainers, after the page has changed.
"""

import shutil
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
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in FLAGS:
        options.add_argument(flag)
    with webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver") or "")) as browser:
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False},
        )
        browser.get(address)
        browser.find_element(By.TAG_NAME, "body").send_keys("1")
        WebDriverWait(browser, 20).until(lambda page: page.find_elements(By.ID, "confirm"))
        browser.switch_to.active_element.send_keys(Keys.HOME)  # the reason from its beginning
        browser.save_screenshot(str(out))


if __name__ == "__main__":
    main()
