"""Category -> item: the rules of the link, in their order, each over many categories at once.

For the wikidata stage. The rule that fired is kept with its candidates; what no rule resolves goes to the queue.
"""

from collections.abc import Collection
from dataclasses import dataclass

from tqdm import tqdm

from pipeline.wikimedia.facts import EntityFacts
from pipeline.wikimedia.source import EntitySource

CATEGORY_CLASS = "Q4167836"  # Wikimedia category
# Pages that only look like landmarks: Wikimedia list article, disambiguation page, template.
REJECTED_CLASSES = frozenset({"Q13406463", "Q4167410", "Q11266439"})
MAX_REDIRECTS = 5


@dataclass(frozen=True)
class Link:
    """The item of a category: the rule that found it and every candidate, the chosen one first."""

    rule: str
    candidates: tuple[str, ...]
    redirected_category: str | None = None


UNRESOLVED = Link("unresolved", ())


def link_categories(titles: Collection[str], source: EntitySource) -> dict[str, Link]:
    """Link every canonical category title, following soft redirects for those that nothing else resolves."""
    links = _link_direct(titles, source)
    # title that was asked for -> where its redirects have led so far
    targets = {title: title for title, link in links.items() if link is UNRESOLVED}
    seen = {title: {title} for title in targets}
    for _ in tqdm(range(MAX_REDIRECTS), desc="redirects", disable=None):
        redirects = source.category_redirects(sorted(set(targets.values())))
        targets = {title: redirects[target] for title, target in targets.items() if target in redirects}
        targets = {title: target for title, target in targets.items() if target not in seen[title]}
        if not targets:
            break
        found = _link_direct(sorted(set(targets.values())), source)
        for title, target in targets.items():
            seen[title].add(target)
            if found[target] is not UNRESOLVED:
                links[title] = Link(found[target].rule, found[target].candidates, target)
        targets = {title: target for title, target in targets.items() if links[title] is UNRESOLVED}
    return links


def _link_direct(titles: Collection[str], source: EntitySource) -> dict[str, Link]:
    """The rules on the category itself: sitelink, topic of the category item, P373, P910."""
    linked = source.entities_of_categories(titles)
    links = {}
    category_items: dict[str, str] = {}
    topics = source.entities(sorted({qid for entity in linked.values() for qid in entity.topics}))
    for title, entity in linked.items():
        if CATEGORY_CLASS not in entity.classes:
            if is_landmark_like(entity):
                links[title] = Link("sitelink", (entity.qid,))
            continue
        category_items[title] = entity.qid
        candidates = [qid for qid in entity.topics if qid in topics and is_landmark_like(topics[qid])]
        if candidates:
            links[title] = Link("topic", tuple(candidates))
    _add_inverse(links, titles, category_items, source)
    return {title: links.get(title, UNRESOLVED) for title in titles}


def _add_inverse(
    links: dict[str, Link], titles: Collection[str], category_items: dict[str, str], source: EntitySource
) -> None:
    """P373 for what the sitelinks left open, then P910 for what P373 left open."""
    by_category = source.items_of_commons_category([title for title in titles if title not in links])
    _add_candidates(links, "commons_category", by_category, source)
    open_items = {title: qid for title, qid in category_items.items() if title not in links}
    by_main = source.items_of_main_category(sorted(set(open_items.values())))
    _add_candidates(
        links, "main_category", {title: by_main[qid] for title, qid in open_items.items() if qid in by_main}, source
    )


def _add_candidates(links: dict[str, Link], rule: str, candidates: dict[str, list[str]], source: EntitySource) -> None:
    entities = source.entities(sorted({qid for qids in candidates.values() for qid in qids}))
    for title, qids in candidates.items():
        kept = [qid for qid in qids if qid in entities and is_landmark_like(entities[qid])]
        if kept:
            # The oldest item first: with nothing else to go by, it is the one that most others refer to.
            links[title] = Link(rule, tuple(sorted(kept, key=lambda qid: int(qid[1:]))))


def is_landmark_like(entity: EntityFacts) -> bool:
    """False for category items, list articles, disambiguation pages and templates."""
    return CATEGORY_CLASS not in entity.classes and not REJECTED_CLASSES & set(entity.classes)
