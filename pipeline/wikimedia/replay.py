"""A source that answers from one file of Wikibase entities: the sample's, and later what a dump or a crawl left.

For the wikidata stage with `source: sample`, and for tests.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TypeVar

from pipeline.errors import InputError
from pipeline.titles import PREFIX, canonical_title
from pipeline.wikimedia import facts
from pipeline.wikimedia.source import Entity

Answer = TypeVar("Answer")


class ReplaySource:
    """An `EntitySource` over a fixed set of entities and Commons redirects."""

    def __init__(self, entities: Iterable[Entity], redirects: dict[str, str] | None = None) -> None:
        self._entities = {entity["id"]: entity for entity in entities}
        self._redirects = redirects or {}
        self._by_sitelink: dict[str, Entity] = {}
        self._by_commons_category: dict[str, list[str]] = defaultdict(list)
        self._by_main_category: dict[str, list[str]] = defaultdict(list)
        for qid, entity in self._entities.items():
            page = facts.commons_sitelink(entity)
            if page and page.startswith(PREFIX):
                self._by_sitelink[canonical_title(page.removeprefix(PREFIX))] = entity
            for title in filter(str.strip, facts.text_values(entity, facts.COMMONS_CATEGORY)):
                self._by_commons_category[canonical_title(title)].append(qid)
            for category_qid in facts.best_values(entity, facts.MAIN_CATEGORY):
                self._by_main_category[category_qid].append(qid)

    def entities(self, qids: Collection[str]) -> dict[str, Entity]:
        """Entities by id."""
        return _found(qids, self._entities.get)

    def entities_of_categories(self, titles: Collection[str]) -> dict[str, Entity]:
        """Entities whose `commonswiki` sitelink is `Category:<title>`, by title."""
        return _found(titles, self._by_sitelink.get)

    def items_of_commons_category(self, titles: Collection[str]) -> dict[str, list[str]]:
        """Ids of the items whose P373 is the title, by title."""
        return _found(titles, self._by_commons_category.get)

    def items_of_main_category(self, qids: Collection[str]) -> dict[str, list[str]]:
        """Ids of the items whose P910 is the category item, by the category item's id."""
        return _found(qids, self._by_main_category.get)

    def category_redirects(self, titles: Collection[str]) -> dict[str, str]:
        """Canonical title that a soft redirect points to, by title."""
        return _found(titles, self._redirects.get)


def _found(keys: Collection[str], answer_of: Callable[[str], Answer | None]) -> dict[str, Answer]:
    return {key: answer for key in keys if (answer := answer_of(key)) is not None}


def read_entities(path: Path) -> list[Entity]:
    """Read a file with one Wikibase entity a line.

    Raises:
        InputError: naming the line that is not JSON, not an item, or lacks a key; or the file, when absent.
    """
    if not path.exists():
        raise InputError(str(path), "not found", "check the source in params.yaml")
    entities = []
    with path.open("rb") as opened:
        for number, line in enumerate(opened, 1):
            try:
                raw = json.loads(line)
            except ValueError as error:
                raise InputError(f"{path}:{number}", f"not JSON ({error})", "fetch the entity again") from error
            entities.append(facts.checked_entity(raw, f"{path}:{number}"))
    return entities
