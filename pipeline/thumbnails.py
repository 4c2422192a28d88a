"""Small pictures of landmarks, read from the image TARs that are on this machine; for the review page.

The TARs are untrusted: a member is read by offset and size, decoded within limits and encoded anew, never unpacked.
"""

import io
import re
import tarfile
import threading
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from PIL import Image

from pipeline import tables

SIZE = 192  # pixels of the longer side
PER_LANDMARK = 4
MAX_TARS = 20  # TARs of one GB are listed in about a second each, and a page that starts should not wait for 600
MAX_BYTES, MAX_PIXELS = 50_000_000, 50_000_000
_MEMBER = re.compile(r"(?:[0-9a-f]/){3}([0-9a-f]{16})\.jpg")

Place = tuple[Path, int, int]  # TAR, offset, size


class Thumbnails:
    """Pictures by image id, and image ids by landmark, of the TARs in the manifest."""

    def __init__(self, manifest: pd.DataFrame, images: Path = Path(tables.IMAGES.path)) -> None:
        """List the TARs in the background; until that is done there are no pictures.

        Args:
            manifest: see tar_manifest in pipeline/tables.py.
            images: file of the table of images.
        """
        self._place_of: dict[str, Place] = {}
        self._ids_of: dict[tuple[str, int], tuple[str, ...]] = {}
        listed = manifest[manifest["split"].isin(["train", "index"])].head(MAX_TARS)
        paths = [Path(path) for path in listed["path"]]
        self.listing = threading.Thread(target=self._list, args=(paths, images), daemon=True)
        self.listing.start()

    def ids_of(self, split: str, landmark_id: int) -> tuple[str, ...]:
        """A few images of the landmark that are on this machine."""
        return self._ids_of.get((split, landmark_id), ())

    def jpeg(self, image_id: str) -> bytes | None:
        """The image as a small JPEG; None where it is not on this machine, or is no image."""
        place = self._place_of.get(image_id)
        if place is None:
            return None
        try:
            with place[0].open("rb") as opened:
                opened.seek(place[1])
                image = Image.open(io.BytesIO(opened.read(place[2])), formats=["JPEG"])
            if image.width * image.height > MAX_PIXELS:
                return None
            image.draft("RGB", (SIZE, SIZE))
            image.thumbnail((SIZE, SIZE))
            small = io.BytesIO()
            image.convert("RGB").save(small, "JPEG", quality=80)
            return small.getvalue()
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None

    def _list(self, paths: list[Path], images: Path) -> None:
        """Find the images in the TARs, then the landmarks that they show."""
        places = {image_id: place for path in paths for image_id, place in _members(path).items()}
        if not places or not images.exists():
            return
        columns = ["split", "landmark_id", "image_id"]
        here = pq.read_table(images, columns=columns, filters=[("image_id", "in", list(places))]).to_pandas()
        here = here.sort_values(columns)
        here = here[here.groupby(["split", "landmark_id"]).cumcount() < PER_LANDMARK]
        grouped = here.groupby(["split", "landmark_id"])["image_id"].agg(tuple)
        self._place_of = {image_id: places[image_id] for image_id in here["image_id"]}
        self._ids_of = {(str(split), int(number)): ids for (split, number), ids in grouped.items()}


def _members(path: Path) -> dict[str, Place]:
    """Images of a TAR with where they lie; of a damaged one those before the damage, of one that is gone none."""
    found: dict[str, Place] = {}
    end = 0
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                if member.offset < end:  # a negative size leads back, and would do so for ever
                    break
                end = member.offset_data
                match = _MEMBER.fullmatch(member.name.removeprefix("./"))
                if match and member.isreg() and 0 < member.size <= MAX_BYTES:
                    found[match[1]] = (path, member.offset_data, member.size)
    except Exception:  # a header that is made to hurt raises what it likes, RecursionError and MemoryError too
        pass
    return found
