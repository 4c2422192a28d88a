"""Stage queue: what is doubtful, most useful first, as read-only CSVs for people; verdicts keep a row away."""

from pathlib import Path

import click
import pandas as pd

from hierarchy import doubt
from hierarchy.edges import doubtful_edges
from pipeline import curation, tables
from pipeline.errors import stage_command
from pipeline.files import read_table, write_tables
from pipeline.levels import level_names
from pipeline.queues import QUEUES, still_open
from pipeline.schema import Table


def build(
    found: dict[str, pd.DataFrame], curated: dict[str, pd.DataFrame], coarsest_level: str
) -> list[tuple[Table, pd.DataFrame]]:
    """The three queues.

    Args:
        found: statements, class_graph, class_labels, landmark_items, landmark_labels as in pipeline/tables.py.
        curated: taxonomy, class_decisions, edge_decisions, landmark_decisions.
        coarsest_level: name of the taxonomy's last level; an edge between two of its values is odd.
    """
    class_items = doubt.items_of_classes(found["statements"], found["landmark_labels"])
    classes = doubt.doubtful_classes(found["class_labels"], class_items)
    realms = curated["taxonomy"].set_index("hierarchical_label")[coarsest_level].to_dict()
    edges = doubtful_edges(found["class_graph"], found["class_labels"], realms, class_items)
    names = found["class_labels"].set_index("class_qid")["class_label"].to_dict()
    labelled, links = found["landmark_labels"], found["landmark_items"]
    landmarks = doubt.doubtful_landmarks(labelled, links, found["statements"], names)
    queues = {"classes": classes, "edges": edges, "landmarks": landmarks}
    return [
        (QUEUES[kind], doubt.by_usefulness(still_open(kind, queue, curated), list(QUEUES[kind].key)))
        for kind, queue in queues.items()
    ]


def main() -> None:
    """List what a person should decide in data/5_queue."""
    found = {
        "statements": read_table(tables.STATEMENTS),
        "class_graph": read_table(tables.CLASS_GRAPH),
        "class_labels": read_table(tables.CLASS_LABELS),
        "landmark_items": read_table(tables.LANDMARK_ITEMS),
        "landmark_labels": read_table(tables.LANDMARK_LABELS),
    }
    queues = build(found, curation.read_all(found["landmark_labels"]), level_names()[-1])
    write_tables(queues)
    for table, queue in queues:
        counts = ", ".join(
            f"{count} {doubt_id}" for doubt_id, count in queue["doubt"].value_counts().sort_index().items()
        )
        click.echo(f"{Path(table.path).stem}: {len(queue)} to decide ({counts or 'none'})")


if __name__ == "__main__":
    stage_command(main)()
