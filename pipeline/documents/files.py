"""The files of a release and their fields, as its documents describe them."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.levels import with_levels
from pipeline.release_tables import RELEASE_TABLES
from pipeline.schema import Table


@dataclass(frozen=True)
class ReleaseFile:
    """One table of the release as a file: its declaration, its path in the release, how many rows it has."""

    table: Table
    path: str
    row_count: int

    @property
    def name(self) -> str:
        """Its path as a word, such as labels_train."""
        return Path(self.path).with_suffix("").as_posix().replace("/", "_")


def release_files(row_counts: dict[str, int]) -> list[ReleaseFile]:
    """The tables of the release in their order.

    Args:
        row_counts: rows by the declared path, such as release/labels/train.parquet.
    """
    return [
        ReleaseFile(with_levels(table), table.path.removeprefix("release/"), row_counts[table.path])
        for table in RELEASE_TABLES
    ]
