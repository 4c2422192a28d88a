"""Stage wikidata: the item of every landmark's category, its classes with ranks, and every class above them (P279)."""

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from pipeline import tables
from pipeline.errors import InputError, stage_command
from pipeline.files import atomic, read_table, write_table
from pipeline.params import Params, read_params
from pipeline.wikimedia import facts
from pipeline.wikimedia.links import Link, link_categories
from pipeline.wikimedia.replay import ReplaySource, read_entities
from pipeline.wikimedia.source import Entity, EntitySource

SAMPLE_ENTITIES = Path("sample/wikidata/entities.jsonl")
RAW = Path("data/raw/wikidata/entities.jsonl")


def class_closure(class_qids: Iterable[str], source: EntitySource) -> dict[str, Entity]:
    """Entities of the classes and of everything above them by best-rank P279, breadth first by frontier."""
    closure: dict[str, Entity] = {}
    asked: set[str] = set()
    frontier = set(class_qids)
    with tqdm(desc="classes", unit="class", disable=None) as progress:
        while frontier:
            asked |= frontier
            found = source.entities(sorted(frontier))
            closure |= found
            progress.update(len(found))
            parents = {qid for entity in found.values() for qid in facts.best_values(entity, facts.SUBCLASS_OF)}
            frontier = parents - asked
    return closure


def statements_table(items: Iterable[Entity]) -> pd.DataFrame:
    """P31 statements of the items with rank, best rank and end."""
    rows = [
        (item["id"], number, s.value_qid, s.rank, s.is_best, s.is_ended)
        for item in items
        for number, s in enumerate(facts.statements(item, facts.INSTANCE_OF))
    ]
    return pd.DataFrame(rows, columns=tables.STATEMENTS.column_names)


def class_edges_table(classes: Iterable[Entity], present_id: dict[str, str]) -> pd.DataFrame:
    """Best-rank P279 edges; an edge stated twice is ended only when both statements are.

    Args:
        classes: the class entities.
        present_id: id of a class now, by the id it is called by (they differ after a merge).
    """
    rows = [
        (child["id"], present_id.get(s.value_qid, s.value_qid), s.is_ended)
        for child in classes
        for s in facts.statements(child, facts.SUBCLASS_OF)
        if s.is_best
    ]
    edges = pd.DataFrame(rows, columns=tables.CLASS_EDGES.column_names)
    return edges.groupby(["child_qid", "parent_qid"], as_index=False)["is_ended"].all()


def entities_table(entities: Iterable[Entity], class_qids: set[str]) -> pd.DataFrame:
    """Labels and revisions of the entities; a class that the source does not know keeps its id as label."""
    rows = [
        (entity["id"], *facts.label(entity), entity["id"] in class_qids, entity.get("lastrevid")) for entity in entities
    ]
    unknown = class_qids - {row[0] for row in rows}
    rows += [(qid, qid, None, True, None) for qid in sorted(unknown)]
    return pd.DataFrame(rows, columns=tables.ENTITIES.column_names)


def landmark_items_table(landmarks: pd.DataFrame, links: dict[str, Link], items: dict[str, Entity]) -> pd.DataFrame:
    """The link of every landmark's category, with the item's coordinates; a merged item goes by its present id."""
    rows = []
    for category, link in sorted(links.items()):
        qids = list(dict.fromkeys(items[qid]["id"] for qid in link.candidates))
        place = (facts.coordinates(items[link.candidates[0]]) if qids else None) or (None, None)
        status = "doubtful" if len(qids) > 1 else "resolved" if qids else "unresolved"
        rows.append((category, next(iter(qids), None), link.rule, status, qids, link.redirected_category, *place))
    columns = [name for name in tables.LANDMARK_ITEMS.column_names if name not in ("split", "landmark_id")]
    by_category = pd.DataFrame(rows, columns=columns)
    return landmarks[["split", "landmark_id", "category"]].merge(by_category, on="category", validate="m:1")


def build(landmarks: pd.DataFrame, source: EntitySource) -> tuple[dict[str, pd.DataFrame], dict[str, Entity]]:
    """The four tables of the stage, and the entities that they were made from."""
    links = link_categories(sorted(set(landmarks["category"])), source)
    # Every candidate is kept, so that a curator sees what the doubtful ones are called.
    items = source.entities(sorted({qid for link in links.values() for qid in link.candidates}))
    statements = statements_table({item["id"]: item for item in items.values()}.values())
    classes = class_closure(statements["class_qid"], source)
    present_id = {asked: entity["id"] for asked, entity in classes.items()}
    statements["class_qid"] = [present_id.get(qid, qid) for qid in statements["class_qid"]]
    edges = class_edges_table(classes.values(), present_id)
    class_qids = {*statements["class_qid"], *edges["child_qid"], *edges["parent_qid"]}
    entities = {entity["id"]: entity for entity in (*items.values(), *classes.values())}
    built = {
        "landmark_items": landmark_items_table(landmarks, links, items),
        "statements": statements,
        "class_edges": edges,
        "entities": entities_table(entities.values(), class_qids),
    }
    return built, entities


def open_source(params: Params) -> EntitySource:
    """The source that params.yaml names.

    Raises:
        InputError: the source is not available.
    """
    if params.source == "sample":
        return ReplaySource(read_entities(SAMPLE_ENTITIES))
    raise InputError("params.yaml: source", "the live Wikimedia client is not built yet", "use source: sample")


def write_raw(entities: dict[str, Entity]) -> None:
    """Keep the entities as they were answered, so that tables can be made again without asking."""
    with atomic(RAW) as partial, partial.open("w", encoding="utf-8") as opened:
        for qid in sorted(entities, key=lambda qid: int(qid[1:])):
            opened.write(json.dumps(entities[qid], ensure_ascii=False, separators=(",", ":")) + "\n")


def main() -> None:
    """Link every category to its Wikidata item and collect the classes above it into data/2_wikidata."""
    source = open_source(read_params())
    built, entities = build(read_table(tables.LANDMARKS), source)
    write_raw(entities)
    write_table(built["landmark_items"], tables.LANDMARK_ITEMS)
    write_table(built["statements"], tables.STATEMENTS)
    write_table(built["class_edges"], tables.CLASS_EDGES)
    write_table(built["entities"], tables.ENTITIES)


if __name__ == "__main__":
    stage_command(main)()
