"""The questions that the wikidata stage asks, whoever answers them (the sample, the live services, a dump).

Every question is asked for many keys at once; a key without an answer is left out of the reply.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from enum import StrEnum
from typing import Any, Protocol

from pipeline.wikimedia.facts import EntityFacts, read_facts

Entity = dict[str, Any]
# An entity in Wikibase JSON, a list of item ids, or a category title, by question.
Answer = Entity | list[str] | str


class Question(StrEnum):
    """What can be asked; the key and the answer of each."""

    ENTITY = "entity"  # item id -> entity; a merged id is answered by the entity it was merged into
    CATEGORY = "category"  # category title -> entity whose `commonswiki` sitelink is `Category:<title>`
    COMMONS_CATEGORY = "P373"  # category title -> ids of the items that name it as their Commons category
    MAIN_CATEGORY = "P910"  # id of a category item -> ids of the items that name it as their main category
    REDIRECT = "redirect"  # category title -> canonical title that its soft redirect on Commons points to


class Service(Protocol):
    """Somebody who can be asked, one batch at a time."""

    def endpoint(self, question: Question) -> str:
        """Address or name of who answers the question, for the record."""

    def batch_size(self, question: Question) -> int:
        """Most keys that one batch may hold."""

    def ask(self, question: Question, keys: Collection[str]) -> Iterator[tuple[str, Any]]:
        """Answers with their keys, once all of them are known; a key without an answer is absent."""


class EntitySource(ABC):
    """Answers about Wikidata entities and Commons categories, parsed."""

    @abstractmethod
    def ask(self, question: Question, keys: Collection[str]) -> Iterator[tuple[str, Any]]:
        """Answers with their keys, in any order, one at a time so that raw entities need not be held in memory."""

    def entities(self, qids: Collection[str]) -> dict[str, EntityFacts]:
        """Entities by id; a merged id is answered under the id that was asked for."""
        return {qid: read_facts(entity) for qid, entity in self.ask(Question.ENTITY, qids)}

    def entities_of_categories(self, titles: Collection[str]) -> dict[str, EntityFacts]:
        """Entities whose `commonswiki` sitelink is `Category:<title>`, by title."""
        return {title: read_facts(entity) for title, entity in self.ask(Question.CATEGORY, titles)}

    def items_of_commons_category(self, titles: Collection[str]) -> dict[str, list[str]]:
        """Ids of the items whose P373 is the title, by title."""
        return dict(self.ask(Question.COMMONS_CATEGORY, titles))

    def items_of_main_category(self, qids: Collection[str]) -> dict[str, list[str]]:
        """Ids of the items whose P910 is the category item, by the category item's id."""
        return dict(self.ask(Question.MAIN_CATEGORY, qids))

    def category_redirects(self, titles: Collection[str]) -> dict[str, str]:
        """Canonical title that a soft redirect on Commons points to, by title."""
        return dict(self.ask(Question.REDIRECT, titles))
