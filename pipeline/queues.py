"""The queues as people meet them: less what has a verdict by now, whether or not the queue stage has run since.

For the queue stage, `hgld worksheet` and the review page.
"""

import pandas as pd

from annotations.store import TABLES
from annotations.verdicts import TABLE_OF
from hierarchy.doubt import without_verdicts
from pipeline import tables
from pipeline.files import read_table

QUEUES = {"classes": tables.QUEUE_CLASSES, "edges": tables.QUEUE_EDGES, "landmarks": tables.QUEUE_LANDMARKS}


def still_open(kind: str, queue: pd.DataFrame, curated: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows without a verdict; `unsure` keeps a row away only while the evidence is the same."""
    table = TABLES[TABLE_OF[kind]]
    sure = [decision for decision in table.decisions if decision != "unsure"]
    return without_verdicts(queue, curated[TABLE_OF[kind]], table.subject_columns, sure)


def open_queue(kind: str, curated: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """What the queue stage listed, less what was decided since, most useful first.

    Raises:
        InputError: the queue is not there; `dvc repro` makes it.
    """
    return still_open(kind, read_table(QUEUES[kind]), curated).reset_index(drop=True)
