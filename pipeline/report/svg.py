"""Elements of SVG as escaped markup, and how charts write names and numbers; for the charts of the report."""

import re
import unicodedata
from collections.abc import Iterable

from markupsafe import Markup, escape

# What no SVG may hold, and marks that would turn the direction of everything after a name.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
# Widths of letters in em, on the safe side for the fonts of the page: DejaVu Sans is the widest of them.
_NARROW, _WIDE = frozenset(" ijl.,:;'|!()[]frtI"), frozenset("mwMW@%")
_LEAST_EM, _EM, _CAPITAL_EM, _MOST_EM = 0.4, 0.63, 0.72, 1.0


def element(tag: str, *children: str, **attributes: object) -> Markup:
    """One element; text is escaped, markup is not.

    Args:
        tag: name of the element.
        children: texts and elements.
        attributes: names as Python allows them (class_, data_start); floats are rounded to 2 decimals, None is not
            written.
    """
    said = Markup("").join(
        Markup(' {}="{}"').format(name.rstrip("_").replace("_", "-"), _value(value))
        for name, value in attributes.items()
        if value is not None
    )
    return Markup("<{0}{1}>{2}</{0}>").format(tag, said, Markup("").join(children))


def _value(value: object) -> object:
    return number(value) if isinstance(value, float) else value


def number(value: float) -> str:
    """A length in units of the drawing, rounded to 2 decimals, without needless zeros."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def text(*children: str, x: float, y: float, **attributes: object) -> Markup:
    """A line of text; y is the middle of its letters."""
    return element("text", *children, x=float(x), y=float(y), dy="0.35em", **attributes)


def drawing(
    name: str, size: tuple[float, float], title: str, description: str, *children: str, kind: str | None = None
) -> Markup:
    """A chart with its text alternative.

    Args:
        name: of the chart, unique in the page: ids and a class are made from it.
        size: width and height of the drawing; a unit is a CSS pixel where the page has room.
        title: one line.
        description: what the chart shows, in a sentence or two.
        children: elements.
        kind: a class that several charts share; the name where it is left out.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    classes = f"chart chart-{kind or slug}" + (f" chart-{slug}" if kind else "")
    title_id, description_id = f"chart-{slug}-title", f"chart-{slug}-description"
    return element(
        "svg",
        element("title", title, id=title_id),
        element("desc", description, id=description_id),
        *children,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {number(size[0])} {number(size[1])}",
        role="img",
        class_=classes,
        aria_labelledby=title_id,
        aria_describedby=description_id,
    )


def sentence(words: str) -> Markup:
    """What stands where a chart would have nothing to show."""
    return Markup('<p class="chart-empty">{}</p>').format(escape(words))


def legend(entries: Iterable[tuple[str, str]], x: float, y: float, width: float) -> tuple[Markup, float]:
    """Swatches with words, in lines that are no wider than `width`.

    Args:
        entries: CSS class of the swatch, and its words.
        x: left end of the lines.
        y: middle of the first line.
        width: of the room.

    Returns:
        The legend, and the middle of its last line.
    """
    drawn, left = [], x
    for css, words in entries:
        length = 24 + width_of(words, 13) + 16
        if left > x and left + length > x + width:
            left, y = x, y + 20
        drawn += [element("rect", class_=css, x=left, y=y - 6, width=12, height=12, rx=6)]
        drawn += [text(isolated(words), x=left + 18, y=y)]
        left += length
    return element("g", *drawn, class_="legend"), y


# --------------------------------------------------------------------------------------------------------------- names
def clean(name: object) -> str:
    """A name from outside on one line, without control characters; empty when nothing is left."""
    return " ".join(_UNFIT.sub(" ", str(name)).split())


def isolated(words: str) -> str:
    """Words that do not change the order of what stands beside them, whichever way they are written."""
    turns = any(unicodedata.bidirectional(letter) in {"R", "AL"} for letter in words)
    return f"\u2068{words}\u2069" if turns else words


def width_of(words: str, size: float = 1.0) -> float:
    """Estimated width of words in a font of a size, in the size's unit."""
    return size * sum(map(_em, words))


def _em(letter: str) -> float:
    if letter in _WIDE or unicodedata.east_asian_width(letter) in "WF":
        return _MOST_EM
    if letter in _NARROW:
        return _LEAST_EM
    return _CAPITAL_EM if letter.isupper() else _EM


def shortened(words: str, room: float, size: float = 13.0) -> str:
    """Words cut to a width, an ellipsis at the end if any are lost."""
    if width_of(words, size) <= room:
        return words
    while words and width_of(words + "…", size) > room:
        words = words[:-1]
    return words.rstrip() + "…"


# ------------------------------------------------------------------------------------------------------------- numbers
def counted(count: int, noun: str) -> str:
    """A count with its noun: 1 landmark, 1,234 landmarks."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def share_text(part: float, whole: float) -> str:
    """A share in percent that never says 0% for something or 100% for less than all."""
    share = 100 * part / whole if whole else 0.0
    if 0 < share < 0.1:
        return "under 0.1%"
    if 99.9 < share < 100:
        return "over 99.9%"
    return f"{share:.0f}%" if 10 <= share < 99 or share in (0, 100) else f"{share:.1f}%"


def decimal_text(value: float, places: int = 3) -> str:
    """A number with a true minus sign, and none before zero."""
    written = f"{abs(value):,.{places}f}"
    return "−" + written if value < 0 and float(written.replace(",", "")) else written
