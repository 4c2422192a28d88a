"""Which colour a name of the coarsest level has: its place among all such names; for every chart and the page."""

from collections.abc import Iterable

import pandas as pd

from pipeline.report.svg import clean

_LAST = 5  # colours are --group-0 to --group-5


def group_of(names: Iterable[object]) -> dict[str, int]:
    """Place of each name of the coarsest level in sorted order; the sixth and all further share 5; null has none."""
    known = sorted({str(name) for name in names if not pd.isna(name)})
    return {name: min(place, _LAST) for place, name in enumerate(known)}


def group_class(name: object, groups: dict[str, int]) -> str:
    """CSS class that fills a mark with the colour of a group; of "no label" where the name is null."""
    return "group-none" if pd.isna(name) else f"group-{groups[str(name)]}"


def group_legend(names: Iterable[object], groups: dict[str, int]) -> list[tuple[str, str]]:
    """CSS class and words of each group that occurs, "no label" last; see `pipeline.report.svg.legend`."""
    names = list(names)
    here = [(groups[name], name) for name in group_of(names)]
    entries = [(f"group-{place}", clean(name)) for place, name in here if place < _LAST]
    rest = [name for place, name in here if place == _LAST]
    if rest:
        entries.append((f"group-{_LAST}", clean(rest[0]) if len(rest) == 1 else f"{len(rest)} others"))
    return entries + [("group-none", "no label")] * any(pd.isna(name) for name in names)
