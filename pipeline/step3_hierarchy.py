"""Stage hierarchy: the class graph under the curated edges, and a label for every class from the anchors above it."""

import click
import pandas as pd

from hierarchy.anchors import NO_CLASSES, label_classes
from hierarchy.evidence import class_evidence
from hierarchy.graph import NO_EDGES, class_graph
from pipeline import curation, tables
from pipeline.errors import stage_command
from pipeline.files import read_table, write_tables


def listed_classes(entities: pd.DataFrame, edges: pd.DataFrame) -> pd.DataFrame:
    """Every class to label: class_qid, sorted, and class_label, which is the id where nobody says another one.

    Args:
        entities: see pipeline/tables.py.
        edges: child_qid, parent_qid; of Wikidata, and those that decisions add.
    """
    names = entities.set_index("qid")["label"]
    own, children, parents = entities.loc[entities["is_class"], "qid"], edges["child_qid"], edges["parent_qid"]
    qids = sorted({*own.tolist(), *children.tolist(), *parents.tolist()})
    classes = pd.DataFrame({"class_qid": qids}, dtype="str")
    return classes.assign(class_label=classes["class_qid"].map(names).fillna(classes["class_qid"]))


def build(
    class_edges: pd.DataFrame, entities: pd.DataFrame, curated: dict[str, pd.DataFrame]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Class graph and class labels.

    Args:
        class_edges: see pipeline/tables.py.
        entities: see pipeline/tables.py.
        curated: taxonomy, anchors, class_decisions, edge_decisions; checked and settled.
    """
    graph = class_graph(class_edges, curated["edge_decisions"])
    classes = listed_classes(entities, graph)
    rules = (curated["taxonomy"], curated["anchors"])
    labels = label_classes(graph, classes, *rules, curated["class_decisions"])
    # What a curator has to judge is there before anybody decided anything, and stays the same while others decide.
    undecided = label_classes(class_graph(class_edges, NO_EDGES), classes, *rules, NO_CLASSES)
    labels["evidence_hash"] = labels["class_qid"].map(class_evidence(undecided))
    return graph, labels


def main() -> None:
    """Label every class by its nearest anchors and write data/3_hierarchy."""
    entities, class_edges = read_table(tables.ENTITIES), read_table(tables.CLASS_EDGES)
    curated, notes = curation.read_for_hierarchy(entities, class_edges)
    if notes:
        click.echo(f"{len(notes)} curated rows are outside the graph or under another label; see the validation report")
    graph, labels = build(class_edges, entities, curated)
    write_tables([(tables.CLASS_GRAPH, graph), (tables.CLASS_LABELS, labels)])


if __name__ == "__main__":
    stage_command(main)()
