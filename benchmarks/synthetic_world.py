"""A world of landmarks of any size, made on demand from a number, so that a server of it needs no memory.

For the benchmarks. Titles, ids and links follow GLDv2's proportions: most categories are linked from an item or from a
category item with a topic, some are found by P373 alone, some are soft redirects, a tenth has no item.
"""

from collections.abc import Sequence
from typing import Any

Entity = dict[str, Any]

CLASSES = 6000  # classes in use; each has one or two parents among those with smaller numbers
FIRST_CLASS, FIRST_ITEM, FIRST_CATEGORY_ITEM = 1, 1_000_000, 50_000_000
# Kind of a landmark by its number modulo 20.
SITELINKED, WITH_TOPIC, BY_P373, UNRESOLVED = range(10), range(10, 15), range(15, 18), range(18, 20)


def title(number: int) -> str:
    """Canonical category title of a landmark."""
    return f"Église n° {number} (Île-de-France)"


class SyntheticWorld:
    """Answers what the local Wikimedia server asks of a world; see tests/local_wikimedia.py."""

    def __init__(self, landmarks: int, filler_bytes: int) -> None:
        """Set up a world.

        Args:
            landmarks: how many.
            filler_bytes: size of the other statements of an item, which the client throws away.
        """
        self._landmarks = landmarks
        self._filler = [_statement("P18", f"{'x' * 400} {n}.jpg") for n in range(max(1, filler_bytes // 600))]

    def entity(self, qid: str) -> Entity | None:
        """The class, item or category item with this id."""
        number = int(qid[1:])
        if number >= FIRST_CATEGORY_ITEM:
            return self._category_item(number - FIRST_CATEGORY_ITEM)
        if number >= FIRST_ITEM:
            return self._item(number - FIRST_ITEM) if number - FIRST_ITEM < self._landmarks else None
        return self._class(number) if FIRST_CLASS <= number <= CLASSES else None

    def qid_of_category(self, category: str) -> str | None:
        """Item or category item with a sitelink to the category."""
        number = _number_of(category)
        if number is None or number >= self._landmarks:
            return None
        if number % 20 in SITELINKED:
            return f"Q{FIRST_ITEM + number}"
        return f"Q{FIRST_CATEGORY_ITEM + number}" if number % 20 in WITH_TOPIC else None

    def items_of_p373(self, category: str) -> Sequence[str]:
        """Items that name the category in P373."""
        number = _number_of(category)
        return [f"Q{FIRST_ITEM + number}"] if number is not None and number % 20 in BY_P373 else []

    def items_of_p910(self, qid: str) -> Sequence[str]:
        """Nobody's main category."""
        del qid
        return []

    def _item(self, number: int) -> Entity:
        claims = {
            "P31": [_link("P31", 1 + number * 7 % CLASSES)],
            "P373": [_statement("P373", title(number))],
            "P18": self._filler,
        }
        sitelink = title(number) if number % 20 in SITELINKED else None
        return _entity(FIRST_ITEM + number, f"church {number}", claims, sitelink)

    def _category_item(self, number: int) -> Entity:
        claims = {"P31": [_link("P31", 4167836)], "P301": [_link("P301", FIRST_ITEM + number)]}
        return _entity(FIRST_CATEGORY_ITEM + number, f"Category:{title(number)}", claims, title(number))

    def _class(self, number: int) -> Entity:
        parents = {max(1, number // 2), max(1, number // 3)} if number > 1 else set()
        return _entity(number, f"class {number}", {"P279": [_link("P279", parent) for parent in sorted(parents)]}, None)


def _number_of(category: str) -> int | None:
    parts = category.split()
    return int(parts[2]) if len(parts) > 2 and parts[2].isdecimal() else None


def _entity(number: int, label: str, claims: dict[str, Any], category: str | None) -> Entity:
    page = {"commonswiki": {"site": "commonswiki", "title": f"Category:{category}", "badges": []}}
    return {
        "type": "item",
        "id": f"Q{number}",
        "labels": {"en": {"language": "en", "value": label}, "fr": {"language": "fr", "value": label}},
        "descriptions": {},
        "aliases": {},
        "claims": claims,
        "sitelinks": page if category else {},
        "lastrevid": 2_000_000_000 + number,
    }


def _link(property_id: str, number: int) -> Entity:
    value = {"entity-type": "item", "numeric-id": number, "id": f"Q{number}"}
    return _claim(property_id, {"value": value, "type": "wikibase-entityid"}, "wikibase-item")


def _statement(property_id: str, text: str) -> Entity:
    return _claim(property_id, {"value": text, "type": "string"}, "string")


def _claim(property_id: str, datavalue: Entity, datatype: str) -> Entity:
    mainsnak = {"snaktype": "value", "property": property_id, "datavalue": datavalue, "datatype": datatype}
    return {"mainsnak": mainsnak, "type": "statement", "id": f"{property_id}$0", "rank": "normal"}
