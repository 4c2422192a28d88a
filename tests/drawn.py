"""What is in a chart, for tests: parsed as XML, so that a chart that is not well formed fails; and hostile names."""

import xml.etree.ElementTree as ElementTree

from hypothesis import strategies as st
from markupsafe import Markup

_SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    '<script>alert("1")</script>',
    "Rock & Roll\nHall of 'Fame'",
    'x" onload="alert(1)',
    "بيت لحم",
    "\u202ereversed",
    "教会の建物",
    "nul\x00and bell\x07",
    "]]>",
    "",
)

names = st.one_of(
    st.sampled_from(HOSTILE), st.sampled_from(["church", "lake", "museum", "castle / fort"]), st.text(max_size=12)
)


def parsed(chart: Markup) -> ElementTree.Element:
    """The chart, which is one SVG with a text alternative and nothing that a strict policy would refuse."""
    svg = ElementTree.fromstring(str(chart))
    assert svg.tag == _SVG + "svg"
    ids = {element.get("id") for element in svg.iter() if element.get("id")}
    assert {svg.attrib["aria-labelledby"], svg.attrib["aria-describedby"]} == ids
    assert svg.attrib["role"] == "img"
    attributes = {name for element in svg.iter() for name in element.attrib}
    assert not {name for name in attributes if name == "style" or name.startswith("on")}
    assert {element.tag.removeprefix(_SVG) for element in svg.iter()} <= {
        "svg", "title", "desc", "g", "path", "rect", "circle", "line", "text", "tspan",
    }  # fmt: skip
    return svg


def found(svg: ElementTree.Element, tag: str, css: str = "") -> list[ElementTree.Element]:
    """Elements of a tag that have a class."""
    return [element for element in svg.iter(_SVG + tag) if not css or css in element.get("class", "").split()]


def title(element: ElementTree.Element) -> str:
    """What a mark says of itself, without marks of direction."""
    (child,) = element.findall(_SVG + "title")
    return (child.text or "").replace("\u2068", "").replace("\u2069", "")


def words(svg: ElementTree.Element) -> list[str]:
    """Lines of text, without titles and marks of direction."""
    lines = []
    for text in svg.iter(_SVG + "text"):
        said = [text.text or "", *(part.text or "" for part in text if part.tag == _SVG + "tspan")]
        lines.append(" ".join(said).replace("\u2068", "").replace("\u2069", ""))
    return lines


def box(rect: ElementTree.Element) -> tuple[float, float, float, float]:
    """Left, top, width and height of a rectangle."""
    x, y, width, height = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
    return x, y, width, height
