"""What no file of a release may hold: the operator's contact, and paths of the machine that built it.

For the stage validate. Texts are compared without regard to case and percent-encoding.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pyarrow
import pyarrow.parquet as pq

from pipeline.wikimedia.contact import known_contact

# A home folder of anybody; an address has letters or a dot before its first slash.
HOME = re.compile(r"(?<![\w./:-])/(?:home|users)/[\w.-]+/", re.IGNORECASE)


def private_patterns() -> dict[str, list[re.Pattern[str]]]:
    """Patterns of what may not be published, by what it is."""
    folders = {Path.cwd(), Path.home()} - {Path("/")}
    paths = [re.compile(rf"{re.escape(str(folder))}(?![\w-])", re.IGNORECASE) for folder in sorted(folders)]
    contact = known_contact()
    return {
        "the operator contact": [re.compile(re.escape(contact), re.IGNORECASE)] if contact else [],
        "a local path": [*paths, HOME],
    }


def told_by(path: Path, patterns: dict[str, list[re.Pattern[str]]]) -> Iterator[str]:
    """What private things a file holds, each told once."""
    texts = list(_texts_of_parquet(path) if path.suffix == ".parquet" else [_text_of(path)])
    for what, ways in patterns.items():
        if any(way.search(text) for way in ways for text in texts):
            yield what


def _text_of(path: Path) -> str:
    return _plain(path.read_bytes().decode("utf-8", errors="replace"))


def _texts_of_parquet(path: Path) -> Iterator[str]:
    """Names, descriptions and texts of a table, which Parquet packs; image ids hold no text."""
    try:
        with pq.ParquetFile(path) as opened:
            schema = opened.schema_arrow
            yield _plain(schema.to_string(truncate_metadata=False, show_schema_metadata=True))
            yield _plain(str(opened.metadata.metadata))
            for group in range(opened.num_row_groups):
                for name in schema.names:
                    if name != "image_id":
                        yield _plain(_joined(opened.read_row_group(group, [name]).column(0)))
    except (pyarrow.ArrowException, OSError):
        return  # tables_are_as_declared says that it cannot be read


def _joined(column: pyarrow.ChunkedArray) -> str:
    """Distinct texts of a column, one a line; nothing where it holds none."""
    if pyarrow.types.is_list(column.type):
        column = pyarrow.chunked_array([chunk.flatten() for chunk in column.chunks], column.type.value_type)
    if not pyarrow.types.is_string(column.type) and not pyarrow.types.is_large_string(column.type):
        return ""
    return "\n".join(filter(None, column.unique().to_pylist()))


def _plain(text: str) -> str:
    return f"{text}\n{unquote(text)}" if "%" in text else text
