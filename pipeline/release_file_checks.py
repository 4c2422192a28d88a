"""The promises about the files of a release, as they lie there, one small function each; for the stage validate.

Those of FILE_CHECKS look at the files alone, so they can be made whatever state the tables are in; those of
DOCUMENT_CHECKS compare them with the tables.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import release_tables
from pipeline.checksums import SUMS, broken_sums
from pipeline.documents import card, changes, croissant
from pipeline.documents import provenance as origin
from pipeline.documents.made import documents
from pipeline.errors import InputError
from pipeline.levels import with_levels
from pipeline.release_as_read import Release
from pipeline.schema import Table
from pipeline.wikimedia.contact import known_contact

FOLDER = Path("release")
DOCUMENTS = (card.NAME, croissant.NAME, changes.NAME, origin.NAME, SUMS)


def files_are_those_promised() -> Iterator[str]:
    """The release holds its tables, its documents and its checksums, and nothing else."""
    promised = {table.path for table in release_tables.RELEASE_TABLES} | {f"{FOLDER}/{name}" for name in DOCUMENTS}
    present = {path.as_posix() for path in FOLDER.rglob("*") if path.is_file() or path.is_symlink()}
    yield from (f"{path} is absent" for path in sorted(promised - present))
    yield from (f"{path} is no file of a release" for path in sorted(present - promised))


def fields_are_described() -> Iterator[str]:
    """Every field of the Parquet files tells its meaning, source and null meaning, and the file its schema version."""
    for table in release_tables.RELEASE_TABLES:
        if table.path.endswith(".parquet") and Path(table.path).exists():
            yield from _other_descriptions(table)


def _other_descriptions(table: Table) -> Iterator[str]:
    try:
        written = pq.read_schema(table.path)
    except (pyarrow.ArrowException, OSError):
        return  # tables_are_as_declared says so
    declared = with_levels(table).arrow_schema()
    if (written.metadata or {}) != declared.metadata:
        yield f"{table.path}: its row, key or schema version is not described as declared"
    for field in declared:
        if field.name in written.names and written.field(field.name).metadata != field.metadata:
            yield f"{table.path}: {field.name} is not described as declared"


def checksums_hold() -> Iterator[str]:
    """SHA256SUMS lists every file with its digest."""
    yield from broken_sums(FOLDER)


def nothing_private_is_inside() -> Iterator[str]:
    """No file holds the operator's contact or a path of the machine that built it."""
    private = {known_contact(): "the operator contact", f"{Path.cwd()}/": "a local path"}
    if Path.home() != Path.home().parent:
        private.setdefault(f"{Path.home()}/", "a local path")
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            holds = _holds_in_parquet if path.suffix == ".parquet" else _holds
            told = {what for secret, what in private.items() if secret and holds(path, secret)}
            yield from (f"{path}: holds {what}" for what in sorted(told))


def _holds(path: Path, secret: str) -> bool:
    return secret.encode() in path.read_bytes()


def _holds_in_parquet(path: Path, secret: str) -> bool:
    """Whether a text of the table, a name or a description holds the secret; Parquet packs texts."""
    try:
        with pq.ParquetFile(path) as opened:
            if secret in str(opened.schema_arrow.to_string(show_field_metadata=True, show_schema_metadata=True)):
                return True
            return any(
                _column_holds(batch.column(place), secret)
                for batch in opened.iter_batches()
                for place in range(batch.num_columns)
            )
    except (pyarrow.ArrowException, OSError):
        return False  # tables_are_as_declared says that it cannot be read


def _column_holds(column: pyarrow.Array, secret: str) -> bool:
    if pyarrow.types.is_list(column.type):
        column = column.flatten()
    if not pyarrow.types.is_string(column.type):
        return False
    return bool(pc.any(pc.match_substring(column, secret)).as_py())


def documents_follow_from_the_tables(release: Release) -> Iterator[str]:
    """README.md, croissant.json and CHANGES.md say what the tables say."""
    found, params = release.found, release.params
    told = documents(release.frames, found["landmark_items"], found["official_labels"], FOLDER, params)
    try:
        told[changes.NAME] = changes.changes(FOLDER, params)
    except InputError as error:
        yield error.message
    for name, text in told.items():
        path = FOLDER / name
        if path.exists() and path.read_bytes() != text.encode():
            yield f"{path} is not what the tables say"


def provenance_is_true(release: Release) -> Iterator[str]:
    """provenance.json names the inputs, the code and the parameters that are here now."""
    path = FOLDER / origin.NAME
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        yield f"{path} cannot be read ({str(error).splitlines()[0]})"
        return
    expected = origin.provenance(release.found["entities"], release.params)
    for key in dict.fromkeys([*expected, *stated]):
        if key not in stated or key not in expected or stated[key] != expected[key]:
            yield f"{path}: {key} is not that of this project"


DOCUMENT_CHECKS: list[Callable[[Release], Iterator[str]]] = [documents_follow_from_the_tables, provenance_is_true]
FILE_CHECKS: list[Callable[[], Iterator[str]]] = [
    files_are_those_promised,
    fields_are_described,
    checksums_hold,
    nothing_private_is_inside,
]
