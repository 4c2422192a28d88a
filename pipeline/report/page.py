"""The report as one HTML file that needs nothing else: Jinja2 templates, one style, one script, and their hashes.

For the stage report. The page forbids itself everything that it does not hold (Content-Security-Policy): pictures are
data: addresses, style and script are known by the hash of their exact bytes. Facts hold text of strangers, such as
titles of Commons and labels of Wikidata, so everything is escaped.
"""

import base64
import hashlib
import math
import re
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any
from urllib.parse import unquote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline.errors import InputError
from pipeline.report.svg import clean

STYLES, SCRIPTS = ("report.css", "charts.css"), ("charts.js", "page.js")
LARGEST = 5_000_000  # bytes of the page
LONGEST, LONGEST_WORD = 300, 30  # letters of a cell; of a word that need not be broken
_DIFFERENCE = ("difference", "low", "high")


def render(facts: Mapping[str, Any], charts: Mapping[str, Markup], largest: int = LARGEST) -> bytes:
    """The page in UTF-8; the same facts and charts give the same bytes.

    Args:
        facts: what pipeline.report.sections.sections gives.
        charts: SVG by name, as pipeline.report.sections.charts gives it.
        largest: bytes that the page may have.

    Raises:
        InputError: it has more.
    """
    style, script = (_joined(names) for names in (STYLES, SCRIPTS))
    page = environment().get_template("report.html")
    written = page.render(**facts, charts=charts, style=style, script=script, policy=policy(style, script))
    content = written.encode(errors="replace")  # a half of a letter, as in the name of a file
    if len(content) > largest:
        what = f"would have {len(content):,} bytes, more than {largest:,}"
        raise InputError("data/8_report/report.html", what, "train fewer losses, or lower BUDGET in report/pictures.py")
    return content


def policy(style: str, script: str) -> str:
    """The Content-Security-Policy of a page with this one style and this one script."""
    allowed = {"img-src": "data:", "style-src": f"'{_hash(style)}'", "script-src": f"'{_hash(script)}'"}
    parts = {"default-src": "'none'"} | allowed | {"base-uri": "'none'", "form-action": "'none'"}
    return "; ".join(f"{name} {value}" for name, value in parts.items())


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _joined(names: tuple[str, ...]) -> Markup:
    """The static files one after the other, in `<style>` or `<script>` as they are: they are ours."""
    static = resources.files("pipeline.report") / "static"
    return Markup("".join((static / name).read_text(encoding="utf-8") for name in names))


def environment() -> Environment:
    """Templates with the filters that write numbers."""
    found = Environment(
        loader=PackageLoader("pipeline.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = {
        "count": count,
        "share": share,
        "cell": cell,
        "points": points,
        "percent": percent,
        "web_address": web_address,
        "words": words,
        "noun": noun,
        "setting": setting,
        "target": target,
        "is_long": is_long,
    }
    found.filters.update(filters)
    return found


def count(value: float) -> str:
    """A whole number with commas: 4132914 is 4,132,914."""
    return f"{value:,.0f}"


def share(value: float | None) -> str:
    """A share (0 to 1) as a percentage, or `not known`; what is not all is never written as 100%, nor some as 0%."""
    if value is None or math.isnan(value):
        return "not known"
    rounded = f"{100 * value:.1f}%"
    if value < 1 and rounded == "100.0%":
        return "above 99.9%"
    return "below 0.1%" if value > 0 and rounded == "0.0%" else rounded


def percent(row: Mapping[str, Any]) -> Markup:
    """A metric (mean, low, high; 0 to 1) as a percentage, its interval below it, where these are known."""
    if row["mean"] is None:
        return Markup("not measured")
    mean = Markup(f"{100 * row['mean']:.1f}")
    if row["low"] is None:
        return mean
    return mean + Markup(f' <span class="range">({100 * row["low"]:.1f} to {100 * row["high"]:.1f})</span>')


def points(row: Mapping[str, Any]) -> str:
    """A difference (difference, low, high; -1 to 1) in points, signed, with its interval, where these are known."""
    if row["difference"] is None:
        return "not measured"
    mean, low, high = (value if value is None else _signed(value) for value in map(row.get, _DIFFERENCE))
    return f"{mean} ({low} to {high})" if low is not None and high is not None else str(mean)


def _signed(value: float) -> str:
    """Points with their sign, a true minus; what rounds to zero has none."""
    written = f"{100 * value:+.1f}".replace("-", "−")
    return "0.0" if written[1:] == "0.0" else written


def noun(number: int, one: str, more: str | None = None) -> str:
    """The form of a noun that goes with a number: 1 landmark, 2 landmarks."""
    return one if number == 1 else more or f"{one}s"


def words(name: str) -> str:
    """A name of the code for people: underscores are spaces."""
    return name.replace("_", " ")


def setting(value: Any) -> str:
    """A parameter for people: yes and no, and `none` where there is nothing."""
    return {True: "yes", False: "no", None: "none"}[value] if value is None or isinstance(value, bool) else str(value)


def web_address(text: str | None) -> str | None:
    """The address if it is one of the web without spaces and control characters, which a link may have; else None."""
    return text if text and re.fullmatch(r"https?://[^\s\x00-\x1f\x7f-\x9f]+", text) else None


def target(address: str) -> str:
    """What a page of Wikidata or Commons is about, by the end of its address: Q42, Category:Old Town Hall."""
    return clip(clean(unquote(address.rstrip("/").rpartition("/")[2]).replace("_", " ")))


def clip(text: str) -> str:
    """The text, cut where it is too long for a table."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"


def is_long(text: str) -> bool:
    """Whether a word of the text must be broken, so that a table stays as wide as its page."""
    return any(len(word) > LONGEST_WORD for word in text.split())


_WRITES: dict[str, Callable[[Any], str]] = {"percent": percent, "points": points, "share": share}


def cell(value: Any, kind: str) -> str:
    """A cell of a table as text; nothing for what is not there."""
    if kind in _WRITES:
        return _WRITES[kind](value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if kind == "count":
        return count(value)
    if kind == "places":
        return f"{value:.2f}"
    return clip(clean(words(str(value)) if kind == "words" else value))
