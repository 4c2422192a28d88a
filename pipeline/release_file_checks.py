"""The promises about the files of a release, as they lie there, one small function each; for the stage validate.

Those of FILE_CHECKS look at the files alone, so they can be made whatever state the tables are in; those of
DOCUMENT_CHECKS compare them with the tables.
"""

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow
import pyarrow.parquet as pq

from pipeline import release_tables
from pipeline.checksums import SUMS, broken_sums, sha256_of
from pipeline.documents import card, changes, croissant
from pipeline.documents import provenance as origin
from pipeline.documents.made import documents
from pipeline.errors import InputError
from pipeline.files import json_text
from pipeline.levels import with_levels
from pipeline.release_as_read import Release
from pipeline.release_making import FOLDER, write_release
from pipeline.release_privacy import private_patterns, told_by
from pipeline.schema import Table

DOCUMENTS = (card.NAME, croissant.NAME, changes.NAME, origin.NAME, SUMS)


def files_are_those_promised() -> Iterator[str]:
    """The release holds its tables, its documents and its checksums as plain files, and nothing else."""
    promised = {table.path for table in release_tables.RELEASE_TABLES} | {f"{FOLDER}/{name}" for name in DOCUMENTS}
    folders = {parent.as_posix() for name in promised for parent in Path(name).parents}
    present = {path.as_posix(): path for path in FOLDER.rglob("*")}
    yield from (f"{name} is absent" for name in sorted(promised - present.keys()))
    yield from (f"{name} is no file of a release" for name in sorted(present.keys() - promised - folders))
    for name in sorted(promised & present.keys()):
        if present[name].is_symlink() or not present[name].is_file():
            yield f"{name} is a link, a folder or a device, not a plain file"


def fields_are_described() -> Iterator[str]:
    """Every field of the Parquet files has its type, meaning, source and null meaning, the file its schema version."""
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
    if written.names != declared.names:
        yield f"{table.path}: its columns are {', '.join(written.names)}"
    for field in declared:
        if field.name not in written.names:
            continue
        found = written.field(field.name)
        if found.metadata != field.metadata:
            yield f"{table.path}: {field.name} is not described as declared"
        if (_plain_type(found.type), found.nullable) != (_plain_type(field.type), field.nullable):
            yield f"{table.path}: {field.name} is {found.type}, {'may' if found.nullable else 'may not'} be null"


def _plain_type(kind: pyarrow.DataType) -> str:
    """A type in words; Parquet calls the elements of a list otherwise than Arrow does."""
    return f"list of {kind.value_type}" if pyarrow.types.is_list(kind) else str(kind)


def checksums_hold() -> Iterator[str]:
    """SHA256SUMS lists every file with its digest."""
    yield from broken_sums(FOLDER)


def nothing_private_is_inside() -> Iterator[str]:
    """No file holds the operator's contact or a path of the machine that built it."""
    patterns = private_patterns()
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            yield from (f"{path}: holds {what}" for what in told_by(path, patterns))


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
    text = path.read_text(encoding="utf-8")
    expected = origin.provenance(release.found["entities"], release.params)
    if text == json_text(expected):
        return
    stated = json.loads(text)
    if not isinstance(stated, dict):
        yield f"{path} is no object"
        return
    others = [key for key in dict.fromkeys([*expected, *stated]) if stated.get(key) != expected.get(key)]
    yield from (f"{path}: {key} is not that of this project" for key in others)
    if not others:
        yield f"{path} is not written as `hgld export` writes it"


def files_are_those_that_the_stages_make(release: Release) -> Iterator[str]:
    """Making the release again from the tables of the stages gives the same bytes."""
    with tempfile.TemporaryDirectory() as root:
        write_release(release.found, release.params, Path(root))
        again = Path(root) / FOLDER
        for path in sorted(path for path in again.rglob("*") if path.is_file()):
            ours = FOLDER / path.relative_to(again)
            if ours.is_file() and sha256_of(ours) != sha256_of(path):
                yield f"{ours} is not what the stages' tables give"


DOCUMENT_CHECKS: list[Callable[[Release], Iterator[str]]] = [
    documents_follow_from_the_tables,
    provenance_is_true,
    files_are_those_that_the_stages_make,
]
FILE_CHECKS: list[Callable[[], Iterator[str]]] = [
    files_are_those_promised,
    fields_are_described,
    checksums_hold,
    nothing_private_is_inside,
]
