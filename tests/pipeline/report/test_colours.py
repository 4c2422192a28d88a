"""Colours of page and charts, in light, dark and print: contrast as WCAG 2 asks for it, pale fills as they are seen."""

import re
from collections.abc import Iterator
from importlib import resources

import pytest


def static(name: str) -> str:
    return (resources.files("pipeline.report") / "static" / name).read_text(encoding="utf-8")


def schemes() -> Iterator[tuple[str, dict[str, str]]]:
    """Light, dark and print: the colours by name."""
    style = static("report.css")
    blocks = [
        dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", block))
        for block in re.findall(r":root \{.*?\}", style, re.DOTALL)
    ]
    for name, block in zip(("light", "dark", "print"), blocks, strict=True):
        yield name, blocks[0] | block


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def mixed(colour: str, ground: str, opacity: float) -> str:
    """What is seen where a colour lies on its ground."""
    pairs = [(int(colour[place : place + 2], 16), int(ground[place : place + 2], 16)) for place in (1, 3, 5)]
    return "#" + "".join(f"{round(opacity * over + (1 - opacity) * under):02x}" for over, under in pairs)


def contrast(one: str, other: str) -> float:
    """Contrast ratio, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("name", "colours"), list(schemes()))
def test_colours_can_be_told_from_their_ground(name: str, colours: dict[str, str]) -> None:
    grounds = (colours["paper"], colours["panel"])
    for text in ("ink", "muted", "accent", "warn", "group-1"):  # group-1 is also the word of a check that holds
        assert min(contrast(colours[text], ground) for ground in grounds) >= 4.5, (name, text)
    for group in (*range(6), "none"):
        for ground in ("panel", "paper", "land"):  # of charts, sea and land of the map
            assert contrast(colours[f"group-{group}"], colours[ground]) >= 3, (name, group, ground)


@pytest.mark.parametrize(("name", "colours"), list(schemes()))
def test_what_is_pale_has_a_line_that_tells_it_from_its_ground(name: str, colours: dict[str, str]) -> None:
    rules = dict(re.findall(r"\n\.chart(?:-sunburst)? \.([a-z0-9-]+) \{([^}]*)\}", static("charts.css")))
    opacity = {
        css: float(found[1]) for css, rule in rules.items() if (found := re.search(r"fill-opacity: (.+);", rule))
    }
    assert opacity.keys() == {"accent-2", "accent-3", "bin", "ribbon", "ring-1", "ring-2", "ring-3", "ring-4"}
    for css, share in opacity.items():
        for group in (*range(6), "none"):
            # Rings are told apart by muted lines; the others have their own colour around them, which the test above
            # compares with the ground. Names stand on rings.
            fill = mixed(colours[f"group-{group}"], colours["panel"], share)
            if css.startswith("ring"):
                assert contrast(colours["muted"], fill) >= 3, (name, css, group)
                assert contrast(colours["ink"], fill) >= 4.5, (name, css, group)
            else:
                assert css.startswith("accent") or "stroke: " in rules[css], css
    assert contrast(colours["accent"], mixed(colours["accent"], colours["panel"], opacity["accent-2"])) >= 3, name
