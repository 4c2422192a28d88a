"""Bytes of images by their id, from TARs or from folders, and their pixels, for datasets and for who looks at one.

Images come from strangers: sizes are bounded before memory is taken, and all that is wrong with one is an ImageError.
"""

import io
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageOps
from torch import Tensor

from training.image_index import BLOCK, REGULAR, SUFFIXES, ImageError, image_id_of

SIZE_LIMIT = 2**26
"""Bytes of one image."""
PIXEL_LIMIT = 2**26
"""Pixels of one image; decoding takes about 10 bytes for each."""
SCANNED_PIXEL_LIMIT = 2**33
"""Pixels times scans of a JPEG: a scan passes over all pixels, and costs the file only a few bytes."""
OPEN_TARS = 512
"""TARs kept open; Google Landmarks v2 has 500."""
FORMATS = ("JPEG", "PNG")


class TarImages:
    """Images in TARs, read in place.

    Workers may be forked from a process that has read already, since reads share no position in a file, or get this
    object pickled. It is not for several threads at a time.

    Args:
        index: columns image_id, tar, offset and size, from training.image_index.
        folder: what the names of TARs start from.
    """

    def __init__(self, index: pd.DataFrame, folder: Path) -> None:
        # Arrays rather than Python objects: counting references to 4 million would copy them into each forked worker.
        ids = np.array([image_id.encode() for image_id in index["image_id"]], dtype=np.bytes_)
        order = np.argsort(ids, kind="stable")
        tar_codes, tars = pd.factorize(index["tar"])
        self.ids, self.tar_codes = ids[order], tar_codes[order]
        self.offsets, self.sizes = index["offset"].to_numpy()[order], index["size"].to_numpy()[order]
        self.tars = [folder / tar for tar in tars]
        self.descriptors: OrderedDict[int, int] = OrderedDict()

    @property
    def image_ids(self) -> list[str]:
        """Ids of all images, sorted."""
        return [image_id.decode() for image_id in self.ids.tolist()]

    def read(self, image_id: str) -> bytes:
        """Bytes of an image.

        Raises:
            ImageError: an id that the index lacks; a TAR that is gone or has changed; an image that is too large.
        """
        row = self.row(image_id)
        path, offset, size = self.tars[self.tar_codes[row]], int(self.offsets[row]), int(self.sizes[row])
        check_size(size, f"image {image_id} in {path}")
        try:
            content = os.pread(self.descriptor(int(self.tar_codes[row])), BLOCK + size, offset - BLOCK)
        except OSError as error:
            raise ImageError(f"image {image_id}: {path} cannot be read ({error.strerror}); put it back") from error
        if len(content) < BLOCK + size or not is_header(content[:BLOCK], image_id, size):
            raise ImageError(
                f"image {image_id} is not at byte {offset} of {path}, which has changed since it was indexed; put"
                " the TAR of that time back, or index the TARs anew (hgld index)"
            )
        return content[BLOCK:]

    def row(self, image_id: str) -> int:
        """Where the index has an image."""
        key = image_id.encode()
        # An array of the same type: for a longer key, numpy would else make a copy of all ids.
        row = int(np.searchsorted(self.ids, np.array(key, self.ids.dtype)))
        if row < len(self.ids) and self.ids[row] == key:
            return row
        raise ImageError(
            f"image {image_id} is not among the {len(self.ids)} of the {len(self.tars)} indexed TARs; add its TAR to"
            " the index, or drop its label"
        )

    def descriptor(self, code: int) -> int:
        """Open file of a TAR; the one used longest ago is closed when there are many."""
        if code in self.descriptors:
            self.descriptors.move_to_end(code)
            return self.descriptors[code]
        if len(self.descriptors) >= OPEN_TARS:
            os.close(self.descriptors.popitem(last=False)[1])
        self.descriptors[code] = os.open(self.tars[code], os.O_RDONLY)
        return self.descriptors[code]

    def close(self) -> None:
        """Close the TARs; a later read opens them again."""
        while self.descriptors:
            os.close(self.descriptors.popitem()[1])

    def __del__(self) -> None:
        if hasattr(self, "descriptors"):
            self.close()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"descriptors": OrderedDict()}


class FolderImages:
    """Images as files in a folder and its subfolders, with their ids as names.

    Raises:
        ImageError: no such folder, or no image in it; an id twice.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths: dict[str, str] = {}
        for parent, _, names in os.walk(folder):
            for name in names:
                if name.lower().endswith(SUFFIXES) and image_id_of(name):
                    self.add(image_id_of(name), os.path.relpath(os.path.join(parent, name), folder))  # noqa: PTH118
        if not self.paths:
            raise ImageError(f"{folder} holds no image named {', '.join(SUFFIXES)}; is it the right folder?")

    def add(self, image_id: str, path: str) -> None:
        """Take up a file."""
        if image_id in self.paths:
            first, second = sorted([path, self.paths[image_id]])
            raise ImageError(f"{self.folder}: image {image_id} is {first} and {second}; remove or rename one")
        self.paths[image_id] = path

    @property
    def image_ids(self) -> list[str]:
        """Ids of all images, sorted."""
        return sorted(self.paths)

    def read(self, image_id: str) -> bytes:
        """Bytes of an image.

        Raises:
            ImageError: an id that the folder lacks; a file that is gone or cannot be read; an image that is too large.
        """
        if image_id not in self.paths:
            raise ImageError(
                f"image {image_id} is not among the {len(self.paths)} of {self.folder}; add its file, or drop its label"
            )
        path = self.folder / self.paths[image_id]
        if not path.is_file():  # opening a pipe would wait for ever
            raise ImageError(f"image {image_id}: {path} is not there, or not a file; put it back")
        try:
            with path.open("rb") as file:
                check_size(os.fstat(file.fileno()).st_size, f"image {path}")
                return file.read(SIZE_LIMIT)
        except OSError as error:
            raise ImageError(f"image {image_id}: {path} cannot be read ({error.strerror}); replace it") from error


Images = TarImages | FolderImages


def check_size(size: int, what: str) -> None:
    """Raise the ImageError of an image that is too large."""
    if size > SIZE_LIMIT:
        raise ImageError(f"{what} has {size} bytes; the limit is {SIZE_LIMIT}: make it smaller, or drop its label")


def is_header(block: bytes, image_id: str, size: int) -> bool:
    """Whether a block of a TAR is the header of this image.

    Names that are long or not ASCII stand, in full, in blocks before; then type and size alone decide.
    """
    stated_size = block[124:136].strip(b" \0").lstrip(b"0") or b"0"
    if block[156:157] not in REGULAR or stated_size != b"%o" % size:
        return False
    if block[99] or not image_id.isascii():
        return True
    return image_id_of(block[:100].partition(b"\0")[0].decode("utf-8", "replace")) == image_id


def decode(data: bytes, image_size: int, name: str) -> Tensor:
    """Pixels of a JPEG or PNG: upright, RGB, the middle square of the image at the size wanted.

    Args:
        data: the file's bytes.
        image_size: height and width S, in pixels; a smaller image is enlarged.
        name: the image's, for messages.

    Returns:
        uint8 (3, S, S).

    Raises:
        ImageError: not an image, cut short, damaged, or too large to decode.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            check_pixels(image, data)
            image.draft("RGB", (image_size, image_size))  # a JPEG is decoded at 1/2, 1/4 or 1/8 if that is enough
            side = min(image.size)
            left, top = (image.width - side) / 2, (image.height - side) / 2
            box = (left, top, left + side, top + side)
            square = to_rgb(image).resize((image_size, image_size), Image.Resampling.BILINEAR, box)
        pixels = np.array(upright(square))  # (S, S, 3)
    except Exception as error:  # what Pillow raises for damaged files is of many types
        raise ImageError(f"image {name} cannot be decoded ({error}); replace it, or drop its label") from error
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()


def check_pixels(image: Image.Image, data: bytes) -> None:
    """Raise the error of an image whose few bytes would take much memory, or time."""
    pixels = image.width * image.height
    if pixels > PIXEL_LIMIT:
        raise Image.DecompressionBombError(f"{image.width} x {image.height} pixels; the limit is {PIXEL_LIMIT}")
    scans = data.count(b"\xff\xda") if image.format != "PNG" else 1
    if scans * pixels > SCANNED_PIXEL_LIMIT:
        raise Image.DecompressionBombError(f"{scans} scans of {pixels} pixels; the limit is {SCANNED_PIXEL_LIMIT}")


def to_rgb(image: Image.Image) -> Image.Image:
    """The image in RGB; transparency is dropped."""
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I;16"):  # which Pillow would clip rather than scale
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")


def upright(image: Image.Image) -> Image.Image:
    """The image turned as its EXIF data say; as it is where these are damaged."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF data raise errors of many types, and the pixels are good
        return image
