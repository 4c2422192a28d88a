"""A release as it was read, with what it is checked against; for the checks of the stage validate."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from pipeline import release_tables
from pipeline.errors import InputError
from pipeline.files import conform, read_table
from pipeline.params import Params


@dataclass(frozen=True)
class Release:
    """A release and what it is checked against.

    Attributes:
        frames: its tables by declared path.
        found: tables of the stages by name.
        curated: what people decided.
        params: of the project.
    """

    frames: dict[str, pd.DataFrame]
    found: dict[str, pd.DataFrame]
    curated: dict[str, pd.DataFrame]
    params: Params

    @property
    def labels(self) -> pd.DataFrame:
        """Labels of both splits."""
        return pd.concat([self.frames[table.path] for table in release_tables.LABELS.values()], ignore_index=True)

    @property
    def classes(self) -> pd.DataFrame:
        """The classes."""
        return self.frames[release_tables.CLASSES.path]

    @property
    def edges(self) -> pd.DataFrame:
        """The edges, removed ones included."""
        return self.frames[release_tables.CLASS_EDGES.path]


def read_release() -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The release's tables by path, and the failures of those that cannot be read or break their declaration."""
    frames, failures = {}, []
    for table in release_tables.RELEASE_TABLES:
        try:
            frames[table.path] = read_table(table)
            conform(frames[table.path], table)
        except InputError as error:
            failures.append(error.message)
    return frames, failures


def named(rows: pd.DataFrame, what: str) -> Iterator[str]:
    """Name the landmarks of the rows."""
    for row in rows.to_dict("records"):
        yield f"{what}: {row.get('split', '')} landmark {row['landmark_id']} ({row.get('category', '')})"
