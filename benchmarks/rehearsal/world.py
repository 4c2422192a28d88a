"""Wikidata and Commons of a rehearsal: every entity made from its number when it is asked for.

For the local server of the tests (tests/local_services.py says what a world answers). What it holds in memory are the
subjects' columns and the class graph; both are small beside the entities.
"""

from collections.abc import Sequence

from benchmarks.rehearsal.entity_json import STEPS, Entity, Filler, item_claim, place_claim, text_claim
from benchmarks.rehearsal.ingredients import Ingredients
from benchmarks.rehearsal.subjects import NO_LANDMARK, Kind, Subjects

# Ids of what is made up lie above all real ones: items, second items of a P373, merged ids, category items.
ITEMS, SECONDS, MERGED, CATEGORY_ITEMS = 200_000_000, 300_000_000, 400_000_000, 500_000_000
BLOCK = 100_000_000
BY_P373 = frozenset({Kind.P373, Kind.TWO_P373})
BY_CATEGORY_ITEM = frozenset({Kind.TOPIC, Kind.MERGED_TOPIC, Kind.MAIN_CATEGORY})
BY_SITELINK = frozenset({Kind.SITELINK, Kind.REDIRECT})
# Of 100 items: how many have coordinates, lack an English label, have a preferred class among several, a deprecated
# class beside, and one that ended.
PLACED, UNNAMED, PREFERRED, DEPRECATED, ENDED = 85, 8, 10, 2, 3


class RehearsalWorld:
    """Answers what the local Wikimedia server asks of a world."""

    def __init__(self, found: Ingredients, subjects: Subjects) -> None:
        """Take the parts; nothing is made before it is asked for."""
        self._found, self._subjects, self._filler = found, subjects, Filler()
        self._number_of = {title: number for number, title in enumerate(subjects.titles)}
        moved = [n for n, kind in enumerate(subjects.kinds.tolist()) if kind == Kind.REDIRECT]
        self.redirects = {subjects.titles[n]: moved_title(subjects.titles[n]) for n in moved}
        self._number_of |= {moved_title(subjects.titles[n]): n for n in moved}
        self.merged = {f"Q{MERGED + n}": f"Q{ITEMS + n}" for n in self._numbers(Kind.MERGED_TOPIC)}
        self.missing = frozenset(subjects.titles[n] for n in self._numbers(Kind.NO_PAGE))
        unlinked = [qid for qid in found.needed_classes if qid in NO_LANDMARK]
        self._deprecated = dict(zip(self._numbers(Kind.SITELINK), unlinked, strict=False))
        self._classes = {*found.parents, *(qid for found_parents in found.parents.values() for qid in found_parents)}
        self._classes |= {qid for classes in subjects.class_sets for qid in classes} | {*found.needed_classes}

    def entity(self, qid: str) -> Entity | None:
        """The class, item or category item with this id."""
        block, number = divmod(int(qid[1:]), BLOCK)
        if block < ITEMS // BLOCK:
            return self._class(qid) if qid in self._classes else None
        if number >= len(self._subjects.titles) or not self._exists(block * BLOCK, Kind(self._subjects.kinds[number])):
            return None
        return self._category_item(number) if block * BLOCK == CATEGORY_ITEMS else self._item(block * BLOCK, number)

    def qid_of_category(self, title: str) -> str | None:
        """Item or category item with a sitelink to the category."""
        number = self._number_of.get(title)
        kind = None if number is None else self._subjects.kinds[number]
        if kind in BY_CATEGORY_ITEM:
            return f"Q{CATEGORY_ITEMS + (number or 0)}"
        return f"Q{ITEMS + (number or 0)}" if kind in BY_SITELINK and title not in self.redirects else None

    def items_of_p373(self, title: str) -> Sequence[str]:
        """Items that name the category in P373."""
        number = self._number_of.get(title, -1)
        kind = self._subjects.kinds[number] if number >= 0 else None
        blocks = {Kind.P373: (ITEMS,), Kind.TWO_P373: (ITEMS, SECONDS)}.get(kind, ())  # type: ignore[arg-type]
        return [f"Q{block + number}" for block in blocks]

    def items_of_p910(self, qid: str) -> Sequence[str]:
        """Items whose main category is this category item."""
        block, number = divmod(int(qid[1:]), BLOCK)
        is_main = block * BLOCK == CATEGORY_ITEMS and self._subjects.kinds[number] == Kind.MAIN_CATEGORY
        return [f"Q{ITEMS + number}"] if is_main else []

    def _numbers(self, kind: Kind) -> list[int]:
        return [int(n) for n in (self._subjects.kinds == kind).nonzero()[0]]

    @staticmethod
    def _exists(block: int, kind: Kind) -> bool:
        if block == CATEGORY_ITEMS:
            return kind in BY_CATEGORY_ITEM
        return kind == Kind.TWO_P373 if block == SECONDS else block == ITEMS and kind < Kind.NO_ITEM

    def _item(self, block: int, number: int) -> Entity:
        subjects, chance = self._subjects, int(self._subjects.chance[number])
        title, kind = subjects.titles[number], Kind(subjects.kinds[number])
        # The second item of a category is about something else: it has another subject's classes.
        about = number if block == ITEMS else chance % len(subjects.titles)
        linked = {Kind.SITELINK: title, Kind.REDIRECT: moved_title(title)}.get(kind)
        claims = {"P31": self._instance_of(subjects.class_sets[about], chance), "P373": [text_claim("P373", title)]}
        if block == ITEMS and number in self._deprecated:
            claims["P31"].append(item_claim("P31", self._deprecated[number], "deprecated"))
        if kind == Kind.MAIN_CATEGORY:
            claims["P910"] = [item_claim("P910", f"Q{CATEGORY_ITEMS + number}")]
        if chance % 100 < PLACED:
            claims["P625"] = [place_claim(chance % 130_000 / 1000 - 55, chance // 7 % 360_000 / 1000 - 180)]
        label = title.split(" (")[0]
        return self._entity(block + number, None if chance // 100 % 100 < UNNAMED else label, label, claims, linked)

    def _instance_of(self, classes: Sequence[str], chance: int) -> list[Entity]:
        claims = [item_claim("P31", qid) for qid in classes]
        if claims and chance // 10_000 % 100 < PREFERRED and len(claims) > 1:
            claims[0]["rank"] = "preferred"
        others = self._found.needed_classes
        if claims and chance // 100_000 % 100 < DEPRECATED:
            claims.append(item_claim("P31", others[chance % len(others)], "deprecated"))
        if claims and chance // 1_000_000 % 100 < ENDED:
            claims[-1] = item_claim("P31", classes[-1], ended=f"{1900 + chance % 120}-{1 + chance % 12:02d}-01")
        return claims

    def _category_item(self, number: int) -> Entity:
        kind, title = self._subjects.kinds[number], self._subjects.titles[number]
        claims = {"P31": [item_claim("P31", "Q4167836")]}
        if kind != Kind.MAIN_CATEGORY:
            target = (MERGED if kind == Kind.MERGED_TOPIC else ITEMS) + number
            claims["P301"] = [item_claim("P301", f"Q{target}")]
        return self._entity(CATEGORY_ITEMS + number, f"Category:{title}", title, claims, title)

    def _class(self, qid: str) -> Entity:
        claims = {"P279": [item_claim("P279", parent) for parent in self._found.parents.get(qid, ())]}
        name = self._found.class_names.get(qid)
        return self._entity(int(qid[1:]), name, name or qid, claims, None)

    def _entity(
        self, number: int, english: str | None, label: str, claims: dict[str, list[Entity]], category: str | None
    ) -> Entity:
        """A whole entity; its size depends on the number alone."""
        parts = self._filler.parts(number * 2_654_435_761 % 2**32 * STEPS >> 32, label)
        if english is not None:
            parts["labels"]["en"] = {"language": "en", "value": english}
        if category:
            page = {"site": "commonswiki", "title": f"Category:{category}", "badges": []}
            parts["sitelinks"]["commonswiki"] = page
        parts["claims"] |= {name: found for name, found in claims.items() if found}
        return {"type": "item", "id": f"Q{number}", **parts, "lastrevid": 2_000_000_000 + number}


def moved_title(title: str) -> str:
    """Where the soft redirect of this title leads."""
    return f"{title} today"
