"""Wikibase JSON at its real size, made cheaply: statements that the pipeline reads, among filler that it throws away.

Sizes follow 1,026 real items of the extracts: median 11 KB, mean 29 KB, the largest above 1 MB.
"""

import itertools
import math
from typing import Any

Entity = dict[str, Any]
# Bytes of a whole entity by its share of the items that are smaller.
SIZES = (
    (0.0, 1030),
    (0.1, 3280),
    (0.25, 6520),
    (0.5, 11220),
    (0.75, 23740),
    (0.9, 49600),
    (0.99, 230600),
    (1.0, 1.5e6),
)
STEPS = 200  # different sizes
CLAIM_BYTES = 600  # of a filler claim, about
CLAIM_SHARE = 0.78  # of an entity's bytes; labels, descriptions, aliases and sitelinks have the rest
LANGUAGE_BYTES = 330  # of label, description, aliases and sitelink in one language, about
DAY = {"timezone": 0, "before": 0, "after": 0, "calendarmodel": "http://www.wikidata.org/entity/Q1985727"}


def size_of(step: int) -> float:
    """Bytes of an entity of a step: the size that (step + 0.5) / STEPS of real items stay below, log-linear between."""
    share = (step + 0.5) / STEPS
    for (low, small), (high, large) in itertools.pairwise(SIZES):
        if share <= high:
            return float(small * (large / small) ** ((share - low) / (high - low)))
    return SIZES[-1][1]


def item_claim(property_id: str, qid: str, rank: str = "normal", ended: str | None = None) -> Entity:
    """A statement with an item as its value; `ended` is a day (P582)."""
    value = {"entity-type": "item", "numeric-id": int(qid[1:]), "id": qid}
    claim = _claim(property_id, value, "wikibase-entityid", "wikibase-item", rank)
    if ended:
        time: Entity = {"time": f"+{ended}T00:00:00Z", "precision": 11} | DAY
        snak: Entity = {"snaktype": "value", "property": "P582", "hash": "3" * 40, "datatype": "time"}
        snak["datavalue"] = {"value": time, "type": "time"}
        claim |= {"qualifiers": {"P582": [snak]}, "qualifiers-order": ["P582"]}
    return claim


def text_claim(property_id: str, text: str) -> Entity:
    """A statement with a text as its value."""
    return _claim(property_id, text, "string", "string", "normal")


def place_claim(latitude: float, longitude: float) -> Entity:
    """Coordinates."""
    globe = {"altitude": None, "precision": 0.0001, "globe": "http://www.wikidata.org/entity/Q2"}
    value: Entity = {"latitude": latitude, "longitude": longitude} | globe
    return _claim("P625", value, "globecoordinate", "globe-coordinate", "normal")


def _claim(property_id: str, value: Any, kind: str, datatype: str, rank: str) -> Entity:
    snak: Entity = {"snaktype": "value", "property": property_id, "hash": "0" * 40}
    snak |= {"datavalue": {"value": value, "type": kind}, "datatype": datatype}
    return {"mainsnak": snak, "type": "statement", "id": f"{property_id}$0", "rank": rank, "references": [_REFERENCE]}


_SOURCE = {"value": {"entity-type": "item", "numeric-id": 328, "id": "Q328"}, "type": "wikibase-entityid"}
_SNAK = {"snaktype": "value", "property": "P143", "hash": "1" * 40, "datavalue": _SOURCE, "datatype": "wikibase-item"}
_REFERENCE = {"hash": "2" * 40, "snaks": {"P143": [_SNAK]}, "snaks-order": ["P143"]}


class Filler:
    """Parts of entities that nothing reads, cut to size from one long list; they share their memory."""

    def __init__(self) -> None:
        """Make the list, long enough for the largest entity."""
        largest = size_of(STEPS - 1)
        self._claims = [text_claim("P18", f"View {n} of a landmark.jpg") for n in range(int(largest / CLAIM_BYTES) + 1)]
        self._codes = [f"x{n:03d}" for n in range(300)]

    def parts(self, step: int, label: str) -> Entity:
        """Labels, descriptions, aliases, sitelinks and claims of an entity of that step."""
        size = size_of(step % STEPS)
        codes = self._codes[: min(len(self._codes), math.ceil(size * (1 - CLAIM_SHARE) / LANGUAGE_BYTES))]
        claims = self._claims[: int((size - len(codes) * LANGUAGE_BYTES) / CLAIM_BYTES)]
        text = {"value": f"{label}, a place worth seeing"}
        return {
            "labels": {code: {"language": code, "value": label} for code in codes},
            "descriptions": {code: {"language": code, **text} for code in codes},
            "aliases": {code: [{"language": code, "value": f"the {label}"}] for code in codes},
            "sitelinks": {f"{code}wiki": {"site": f"{code}wiki", "title": label, "badges": []} for code in codes},
            "claims": {"P18": claims} if claims else {},
        }
