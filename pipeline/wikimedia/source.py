"""The questions that the wikidata stage asks, whoever answers them (the sample, the live services, a dump).

Every question is asked for many keys at once and answered with a dict; a key without an answer is absent from it.
"""

from collections.abc import Collection
from typing import Any, Protocol

Entity = dict[str, Any]


class EntitySource(Protocol):
    """Answers about Wikidata entities and Commons categories."""

    def entities(self, qids: Collection[str]) -> dict[str, Entity]:
        """Entities by id, in Wikibase JSON; a merged id is answered under the id that was asked for."""

    def entities_of_categories(self, titles: Collection[str]) -> dict[str, Entity]:
        """Entities whose `commonswiki` sitelink is `Category:<title>`, by title."""

    def items_of_commons_category(self, titles: Collection[str]) -> dict[str, list[str]]:
        """Ids of the items whose P373 is the title, by title."""

    def items_of_main_category(self, qids: Collection[str]) -> dict[str, list[str]]:
        """Ids of the items whose P910 is the category item, by the category item's id."""

    def category_redirects(self, titles: Collection[str]) -> dict[str, str]:
        """Canonical title that a soft redirect on Commons points to, by title."""
