"""Stage wikidata: the item of every landmark's category, its classes with ranks, and every class above them (P279)."""

from collections.abc import Iterable

import pandas as pd

from pipeline import tables
from pipeline.errors import stage_command
from pipeline.files import read_table, write_tables
from pipeline.params import read_params
from pipeline.wikimedia.closure import class_closure
from pipeline.wikimedia.facts import EntityFacts
from pipeline.wikimedia.links import Link, link_categories
from pipeline.wikimedia.open_source import open_source
from pipeline.wikimedia.source import EntitySource


def statements_table(items: Iterable[EntityFacts]) -> pd.DataFrame:
    """P31 statements of the items with rank, best rank and end."""
    rows = [
        (item.qid, number, s.value_qid, s.rank, s.is_best, s.is_ended, s.ended_on)
        for item in items
        for number, s in enumerate(item.instance_of)
    ]
    return pd.DataFrame(rows, columns=tables.STATEMENTS.column_names)


def class_edges_table(classes: Iterable[EntityFacts], present_id: dict[str, str]) -> pd.DataFrame:
    """Best-rank P279 edges; an edge stated twice is ended only when both statements are.

    Args:
        classes: the class entities.
        present_id: id of a class now, by the id it is called by (they differ after a merge).
    """
    rows = [
        (child.qid, present_id.get(s.value_qid, s.value_qid), s.is_ended)
        for child in classes
        for s in child.subclass_of
        if s.is_best
    ]
    edges = pd.DataFrame(rows, columns=tables.CLASS_EDGES.column_names)
    return edges.groupby(["child_qid", "parent_qid"], as_index=False)["is_ended"].all()


def entities_table(entities: Iterable[EntityFacts], class_qids: set[str]) -> pd.DataFrame:
    """Labels and revisions of the entities; a class that the source does not know keeps its id as label."""
    rows: list[tuple[object, ...]] = [
        (entity.qid, entity.label, entity.label_language, entity.qid in class_qids, entity.revision_id)
        for entity in entities
    ]
    unknown = class_qids - {row[0] for row in rows}
    rows += [(qid, qid, None, True, None) for qid in sorted(unknown)]
    return pd.DataFrame(rows, columns=tables.ENTITIES.column_names)


def landmark_items_table(
    landmarks: pd.DataFrame, links: dict[str, Link], items: dict[str, EntityFacts]
) -> pd.DataFrame:
    """The link of every landmark's category, with the item's coordinates; a merged item goes by its present id."""
    rows = []
    for category, link in sorted(links.items()):
        qids = list(dict.fromkeys(items[qid].qid for qid in link.candidates))
        place = (items[link.candidates[0]].coordinates if qids else None) or (None, None)
        status = "doubtful" if len(qids) > 1 else "resolved" if qids else "unresolved"
        rows.append((category, next(iter(qids), None), link.rule, status, qids, link.redirected_category, *place))
    columns = [name for name in tables.LANDMARK_ITEMS.column_names if name not in ("split", "landmark_id")]
    by_category = pd.DataFrame(rows, columns=columns)
    return landmarks[["split", "landmark_id", "category"]].merge(by_category, on="category", validate="m:1")


def build(landmarks: pd.DataFrame, source: EntitySource) -> dict[str, pd.DataFrame]:
    """The four tables of the stage."""
    links = link_categories(sorted(set(landmarks["category"])), source)
    # Every candidate is kept, so that a curator sees what the doubtful ones are called.
    items = source.entities(sorted({qid for link in links.values() for qid in link.candidates}))
    statements = statements_table({item.qid: item for item in items.values()}.values())
    classes = class_closure(statements["class_qid"], source)
    present_id = {asked: entity.qid for asked, entity in classes.items()}
    statements["class_qid"] = [present_id.get(qid, qid) for qid in statements["class_qid"]]
    edges = class_edges_table({entity.qid: entity for entity in classes.values()}.values(), present_id)
    class_qids = {*statements["class_qid"], *edges["child_qid"], *edges["parent_qid"]}
    entities = {entity.qid: entity for entity in (*items.values(), *classes.values())}
    return {
        "landmark_items": landmark_items_table(landmarks, links, items),
        "statements": statements,
        "class_edges": edges,
        "entities": entities_table(entities.values(), class_qids),
    }


def main(offline: bool = False) -> None:
    """Link every category to its Wikidata item and collect the classes above it into data/2_wikidata."""
    landmarks = read_table(tables.LANDMARKS)
    with open_source(read_params(), frozenset(landmarks["category"]), offline) as source:
        built = build(landmarks, source)
    write_tables([(getattr(tables, name.upper()), frame) for name, frame in built.items()])


if __name__ == "__main__":
    stage_command(main)()
