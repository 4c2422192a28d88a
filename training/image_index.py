"""Where each image lies in uncompressed TARs, for who reads millions of images without extracting them.

A TAR comes from strangers: nothing of it is written anywhere, the names of its members are only compared, and what it
states about sizes is checked against the size of the file.
"""

import os
import re
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

BLOCK = 512
"""Bytes of a header; members begin at multiples of it."""
SUFFIXES = (".jpg", ".jpeg", ".png")
EXTENSION_LIMIT = 2**20
"""Bytes of the headers that hold long names; they are read into memory."""
PAX_RECORD = re.compile(rb"(\d{1,9}) ([^=]+)=")
WITHOUT_DATA = (tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE)
REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
REMEDY = "compare its md5 and download it again"
SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.string(), False, {"description": "name of the member, without folders and suffix"}),
        pa.field("tar", pa.string(), False, {"description": "file name of the TAR, as it was given to the index"}),
        pa.field("offset", pa.int64(), False, {"description": "bytes of the TAR before the data of the image"}),
        pa.field("size", pa.int64(), False, {"description": "bytes of the image"}),
    ]
)


class ImageError(ValueError):
    """An image, or a TAR of images, that cannot be used; says which, why, and what to do."""


class Member(NamedTuple):
    """A file in a TAR: its path there, and where its bytes are."""

    name: str
    offset: int
    size: int


def build_index(tars: Sequence[Path], folder: Path = Path()) -> pd.DataFrame:
    """Find all images of TARs, in a single pass over the headers of each.

    Images are regular members named .jpg, .jpeg or .png in any case; all else is skipped.

    Args:
        tars: paths from the folder; the index holds them as they are given, with slashes.
        folder: what the paths start from.

    Returns:
        Columns image_id, tar, offset and size as in SCHEMA, sorted by image_id.

    Raises:
        ImageError: a TAR that cannot be read, is cut short or is damaged; an image_id twice; no image at all.
    """
    parts = []
    for tar in tqdm(tars, "TARs indexed", disable=None, leave=False):
        found = [(image_id_of(member.name), member.offset, member.size) for member in image_members(folder / tar)]
        part = pd.DataFrame(found, columns=["image_id", "offset", "size"])
        part.insert(1, "tar", tar.as_posix())
        parts.append(part)
    if not any(len(part) for part in parts):
        names = ", ".join(str(tar) for tar in tars[:3]) or "no TAR"
        raise ImageError(
            f"{len(tars)} TARs ({names}) hold no image named {', '.join(SUFFIXES)}; are these the right ones?"
        )
    frame = pd.concat(parts, ignore_index=True).sort_values("image_id", kind="stable", ignore_index=True)
    twice = frame[frame["image_id"].duplicated(keep=False)].head(2)
    if len(twice):
        first, second = (f"{row.tar} at byte {row.offset}" for row in twice.itertuples())
        raise ImageError(
            f"image {twice['image_id'].iloc[0]} is in {first} and in {second}; leave one of them out, as labels go by"
            " image_id"
        )
    return frame


def write_index(tars: Sequence[Path], out: Path, folder: Path = Path()) -> None:
    """Build the index of TARs and write it as Parquet, in place of the file if there is one.

    Raises:
        ImageError: as build_index.
    """
    table = pa.Table.from_pandas(build_index(tars, folder), SCHEMA, preserve_index=False).replace_schema_metadata(None)
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        pq.write_table(table, unfinished)
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)


def read_index(path: Path) -> pd.DataFrame:
    """The index that write_index wrote.

    Raises:
        ImageError: no such file, or not an index.
    """
    try:
        frame: pd.DataFrame = pq.read_table(path).cast(SCHEMA).to_pandas()
    except (OSError, ValueError) as error:  # pyarrow's own errors are either
        raise ImageError(f"{path} is not an index of images ({error}); remove it and index the TARs again") from error
    return frame


def image_id_of(name: str) -> str:
    """Name of a file without folders and suffix."""
    return name.rpartition("/")[2].rpartition(".")[0]


def image_members(path: Path) -> Iterator[Member]:
    """Members of a TAR that are named as images.

    Raises:
        ImageError: as build_index.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise ImageError(f"{path} cannot be opened ({error.strerror}); check the path") from error
    try:
        for member in regular_members(descriptor):
            if member.name.lower().endswith(SUFFIXES) and image_id_of(member.name):
                member.name.encode()  # Parquet holds UTF-8 alone
                yield member
    except UnicodeEncodeError as error:
        raise ImageError(f"{path}: the name {error.object!r} is not UTF-8; rename the file and pack again") from error
    except (tarfile.TarError, OSError) as error:
        raise ImageError(f"{path}: {error}; {REMEDY}") from error
    finally:
        os.close(descriptor)


def regular_members(descriptor: int) -> Iterator[Member]:
    """Regular members of the TAR, in its order.

    Raises:
        tarfile.TarError: not a TAR, cut short, or damaged.
    """
    # tarfile itself takes a damaged header for the end, reads long names of any size, and keeps all members in memory.
    file_size = os.fstat(descriptor).st_size
    position = 0
    stated: dict[str, str] = {}  # by the headers that extend the next one
    while True:
        block = os.pread(descriptor, BLOCK, position)
        if block == bytes(BLOCK):
            return
        header = parse_header(block, position)
        size = int(stated.get("size", header.size))
        offset = position + BLOCK
        position = offset if header.type in WITHOUT_DATA else offset + -(-size // BLOCK) * BLOCK
        if size < 0 or (position > offset and offset + size > file_size):
            raise tarfile.ReadError(f"{header.name!r} is said to have {size} bytes, past the end of the file")
        if header.type in PAX or header.type == tarfile.GNUTYPE_LONGNAME:
            stated |= stated_fields(header.type, extension(descriptor, offset, size))
        elif header.type not in (tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK):
            if header.type == tarfile.GNUTYPE_SPARSE or "sparse" in stated:
                raise tarfile.ReadError(f"{header.name!r} is a sparse file (pack it without --sparse)")
            if header.type in REGULAR:
                yield Member(stated.get("name", header.name), offset, size)
            stated = {}


def parse_header(block: bytes, position: int) -> tarfile.TarInfo:
    """The header at a position of a TAR."""
    if len(block) < BLOCK:
        raise tarfile.ReadError(f"the file is cut short: it ends at byte {position + len(block)}, without an end mark")
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        what = f"damaged at byte {position}" if position else "not a TAR, or compressed"
        raise tarfile.ReadError(f"the file is {what} ({error})") from error


def extension(descriptor: int, offset: int, size: int) -> bytes:
    """Data of a header that extends the next one."""
    if size > EXTENSION_LIMIT:
        raise tarfile.ReadError(f"the header at byte {offset - BLOCK} states {size} bytes for a name")
    return os.pread(descriptor, size, offset)


def stated_fields(kind: bytes, data: bytes) -> dict[str, str]:
    """What an extension states of the next member: name, size, and sparse if it is a sparse file."""
    if kind == tarfile.GNUTYPE_LONGNAME:
        return {"name": data.partition(b"\0")[0].decode("utf-8", "surrogateescape")}
    fields: dict[str, str] = {}
    position = 0
    while position < len(data) and data[position]:
        record = PAX_RECORD.match(data, position)
        end = position + int(record[1]) if record else 0
        if not record or not record.end() < end <= len(data):
            raise tarfile.ReadError(f"an extended header is damaged ({data[position : position + 20]!r})")
        value = data[record.end() : end - 1].decode("utf-8", "surrogateescape")
        if record[2] == b"path":
            fields["name"] = value
        elif record[2] == b"size":
            if not re.fullmatch("[0-9]{1,18}", value):
                raise tarfile.ReadError(f"an extended header states the size {value!r}")
            fields["size"] = value
        elif record[2].startswith(b"GNU.sparse."):
            fields["sparse"] = value
        position = end
    return fields
