"""Everything that the report is made from, read once: declared tables, decisions, and what stages said of themselves.

For the stage report.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from annotations.verdicts import KINDS
from pipeline import curation, tables
from pipeline.benchmark_files import PLOTS
from pipeline.files import read_table
from pipeline.levels import level_names
from pipeline.queues import open_queue
from pipeline.report import facts
from pipeline.report.pictures import Picture, inlined
from pipeline.report.told import PATHS, read_told

Json = dict[str, Any]
Tables = dict[str, pd.DataFrame]
_TABLES = ("landmark_labels", "landmark_items", "official_labels", "class_labels", "class_graph")


@dataclass(frozen=True)
class Sources:
    """What the report is made from.

    Attributes:
        found: declared tables by name.
        queues: what is open, by kind.
        curated: the taxonomy and every decision.
        levels: names of the levels above the label, from fine to coarse.
        told: what stages said of themselves: labelling, validation, provenance, metrics, probe.
        pictures: of the benchmark.
        left_out: names of its pictures that did not fit.
    """

    found: Tables
    queues: Tables
    curated: Tables
    levels: list[str]
    told: dict[str, Json]
    pictures: list[Picture]
    left_out: list[str]

    # Each of these is told in the text and drawn in a chart.
    @cached_property
    def by_label(self) -> pd.DataFrame:
        """See `pipeline.report.facts.by_label`."""
        return facts.by_label(self.found["landmark_labels"], self.levels[-1])

    @cached_property
    def by_class(self) -> pd.DataFrame:
        """See `pipeline.report.facts.by_class`."""
        return facts.by_class(self.found["landmark_labels"], self.found["class_labels"], self.levels[-1])

    @cached_property
    def places(self) -> pd.DataFrame:
        """See `pipeline.report.facts.places`."""
        return facts.places(self.found["landmark_labels"], self.found["landmark_items"], self.levels[-1])


def read_sources() -> Sources:
    """Read all of it from the current folder.

    Raises:
        InputError: a file is absent or not what it should be.
        annotations.store.CurationError: the decisions break their laws.
    """
    found = {name: read_table(getattr(tables, name.upper())) for name in _TABLES}
    curated = curation.read_all(found["landmark_labels"])
    pictures, left_out = inlined(PLOTS)
    return Sources(
        found,
        {kind: open_queue(kind, curated) for kind in KINDS},
        curated,
        level_names(),
        {name: read_told(name) for name in PATHS},
        pictures,
        left_out,
    )
