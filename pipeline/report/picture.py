"""The picture of the report in the README: `python -m pipeline.report.picture [OUT.png]`.

The page is longer than a picture, so two parts of it stand side by side: the headline and the hierarchy. For
maintainers, after the page has changed; the report must have been built.
"""

import base64
import io
from pathlib import Path

import click
from PIL import Image
from selenium.webdriver.chrome.webdriver import WebDriver

from annotations.review.picture import headless

PAGE = Path("data/8_report/report.html")
WIDTH, HEIGHT = 1280, 860  # pixels of the picture
WINDOW = 1280  # pixels of the page, which is shown smaller
BOXES = """
return ["header", "#hierarchy"].map(name => {
  const box = document.querySelector(name).getBoundingClientRect();
  return {x: box.x - 16, y: box.y, width: box.width + 32, height: box.height};
});
"""


@click.command()
@click.argument("out", default="docs/report.png", type=click.Path(dir_okay=False, path_type=Path))
def main(out: Path) -> None:
    """Write the picture of the report's headline and hierarchy to OUT."""
    with headless(WINDOW, HEIGHT) as browser:
        browser.get(PAGE.resolve().as_uri())
        headline, hierarchy = browser.execute_script(BOXES)
        parts = _shot(browser, headline, False), _shot(browser, hierarchy, True)
    picture = Image.new("RGB", (WIDTH, HEIGHT), parts[0].getpixel((0, 0)))
    for place, part in enumerate(parts):
        picture.paste(part, (place * WIDTH // 2, 0))
    picture.save(out, optimize=True)


def _shot(browser: WebDriver, box: dict[str, float], is_last: bool) -> Image.Image:
    """A part of the page, half as wide as the picture; the last ends with its box, the first goes on below it."""
    scale = WIDTH / 2 / box["width"]
    height = min(box["height"], HEIGHT / scale) if is_last else HEIGHT / scale
    shot = {"captureBeyondViewport": True, "clip": box | {"height": height, "scale": scale}}
    taken = browser.execute_cdp_cmd("Page.captureScreenshot", shot)["data"]
    return Image.open(io.BytesIO(base64.b64decode(taken))).convert("RGB")


if __name__ == "__main__":
    main()
