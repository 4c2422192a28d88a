"""The picture of the report in the README: `python -m pipeline.report.picture [OUT.png]`.

The page is longer than a picture, so two parts of it stand side by side: the headline and the hierarchy. For
maintainers, after the page has changed; the report must have been built.
"""

import base64
import io
from pathlib import Path

import click
from PIL import Image

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
        picture = Image.new("RGB", (WIDTH, HEIGHT))
        boxes = browser.execute_script(BOXES)
        for place, box in enumerate(boxes):
            scale = WIDTH / 2 / box["width"]
            is_last = place == len(boxes) - 1  # the others go on below the picture
            height = min(box["height"], HEIGHT / scale) if is_last else HEIGHT / scale
            clip = box | {"height": height, "scale": scale}
            shot = {"captureBeyondViewport": True, "clip": clip}
            taken = browser.execute_cdp_cmd("Page.captureScreenshot", shot)["data"]
            with Image.open(io.BytesIO(base64.b64decode(taken))) as part:
                picture.paste(part.convert("RGB"), (place * WIDTH // 2, 0))
    picture.save(out, optimize=True)


if __name__ == "__main__":
    main()
