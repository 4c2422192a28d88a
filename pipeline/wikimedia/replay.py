"""A source that answers from entities in memory: the sample's, and those of tests."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.titles import PREFIX, canonical_title
from pipeline.wikimedia import facts
from pipeline.wikimedia.source import Entity, EntitySource, Question


class ReplaySource(EntitySource):
    """An `EntitySource`, and a `Service`, over a fixed set of entities and Commons redirects."""

    def __init__(self, entities: Iterable[Entity], redirects: dict[str, str] | None = None) -> None:
        by_id = {entity["id"]: entity for entity in entities}
        self._answers: dict[Question, dict[str, Any]] = {
            Question.ENTITY: by_id,
            Question.CATEGORY: {},
            Question.COMMONS_CATEGORY: defaultdict(list),
            Question.MAIN_CATEGORY: defaultdict(list),
            Question.REDIRECT: redirects or {},
        }
        for qid, entity in by_id.items():
            if title := category_of(entity):
                self._answers[Question.CATEGORY][title] = entity
            for question, keys in inverse_keys(entity).items():
                for key in keys:
                    self._answers[question][key].append(qid)

    def endpoint(self, question: Question) -> str:
        """Nobody is asked."""
        del question
        return "replay"

    def batch_size(self, question: Question) -> int:
        """Memory answers any number of keys at once."""
        del question
        return 1000

    def ask(self, question: Question, keys: Collection[str]) -> Iterator[tuple[str, Any]]:
        """Answers with their keys."""
        known = self._answers[question]
        return ((key, known[key]) for key in keys if key in known)


def category_of(entity: Entity) -> str | None:
    """Canonical title of the Commons category that the entity's sitelink names."""
    page = facts.commons_sitelink(entity)
    return canonical_title(page.removeprefix(PREFIX)) if page and page.startswith(PREFIX) else None


def inverse_keys(entity: Entity) -> dict[Question, list[str]]:
    """Keys under which the entity answers the inverse questions: its P373 titles and its P910 category items."""
    titles = facts.text_values(entity, facts.COMMONS_CATEGORY)
    return {
        Question.COMMONS_CATEGORY: list(dict.fromkeys(canonical_title(title) for title in titles if title.strip())),
        Question.MAIN_CATEGORY: facts.best_values(entity, facts.MAIN_CATEGORY),
    }


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
            entity = facts.checked_entity(raw, f"{path}:{number}")
            try:  # malformed statements are found here, where the line is known
                facts.read_facts(entity)
                inverse_keys(entity)
            except InputError as error:
                raise InputError(f"{path}:{number}", error.what, error.remedy) from error
            entities.append(entity)
    return entities
