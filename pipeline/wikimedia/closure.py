"""Every class above the classes of landmarks, asked for level by level; for the wikidata stage and the dump route."""

from collections.abc import Iterable

from pipeline.wikimedia.facts import EntityFacts
from pipeline.wikimedia.source import EntitySource


def class_closure(class_qids: Iterable[str], source: EntitySource) -> dict[str, EntityFacts]:
    """Entities of the classes and of everything above them by best-rank P279, breadth first by frontier."""
    closure: dict[str, EntityFacts] = {}
    asked: set[str] = set()
    frontier = set(class_qids)
    while frontier:
        asked |= frontier
        found = source.entities(sorted(frontier))
        closure |= found
        frontier = {qid for entity in found.values() for qid in entity.parents} - asked
    return closure
