"""Pictures from TARs that nobody vouches for: small JPEGs, or none, and never an exception."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.thumbnails import MAX_TARS, PER_LANDMARK, SIZE, Thumbnails

Member = tuple[str, bytes]
ID = "0123456789abcdef"
NAME = f"0/1/2/{ID}.jpg"
BLOCK = 512
pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


def jpeg(width: int = 640, height: int = 480, mode: str = "RGB") -> bytes:
    opened = io.BytesIO()
    Image.new(mode, (width, height), 120).save(opened, "JPEG")
    return opened.getvalue()


def with_size(picture: bytes, width: int, height: int) -> bytes:
    """The JPEG with another size written into its frame header: SOF0, length, precision, height, width."""
    at = picture.index(b"\xff\xc0") + 5
    return picture[:at] + height.to_bytes(2) + width.to_bytes(2) + picture[at + 4 :]


def pack(path: Path, *members: Member, **header: Any) -> Path:
    """A TAR of these files; `header` is set in the header of each."""
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in header.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(content))
    return path


def listed(*tars: Path, images: list[tuple[str, int, str]] | None = None) -> Thumbnails:
    """The pictures in the TARs, once they are listed; `images` has split, landmark_id and image_id."""
    table = tars[0].with_name("images.parquet")
    rows = images or [("train", 7, ID)]
    pd.DataFrame(rows, columns=["split", "landmark_id", "image_id"]).to_parquet(table)
    manifest = pd.DataFrame({"split": "train", "path": [str(tar) for tar in tars]})
    found = Thumbnails(manifest, table)
    found.listing.join(timeout=20)
    assert not found.listing.is_alive()
    return found


def size_of(picture: bytes | None) -> tuple[int, int]:
    assert picture is not None
    image = Image.open(io.BytesIO(picture))
    image.load()
    assert (image.format, image.mode) == ("JPEG", "RGB")
    return image.size


# --------------------------------------------------------------------------------------------------- good pictures
@pytest.mark.parametrize(
    ("content", "size"),
    [
        (jpeg(), (192, 144)),
        (jpeg(300, 3000), (19, 192)),
        (jpeg(5, 4), (5, 4)),  # never larger than it was
        (jpeg(3000, 1), (192, 1)),
        (jpeg(400, 400, "L"), (192, 192)),
        (jpeg(400, 200, "CMYK"), (192, 96)),
    ],
)
def test_a_picture_is_a_small_jpeg(tmp_path: Path, content: bytes, size: tuple[int, int]) -> None:
    found = listed(pack(tmp_path / "a.tar", (NAME, content)))
    assert size_of(found.jpeg(ID)) == size
    assert max(size) <= SIZE
    assert found.ids_of("train", 7) == (ID,)


def test_a_landmark_has_a_few_pictures_in_order(tmp_path: Path) -> None:
    ids = [f"{number:016x}" for number in range(9, 0, -1)]
    tar = pack(tmp_path / "a.tar", *((f"./0/0/0/{image_id}.jpg", jpeg()) for image_id in ids))
    found = listed(tar, images=[("train", 7 if image_id != ids[0] else 8, image_id) for image_id in ids])
    assert found.ids_of("train", 7) == tuple(sorted(ids)[:PER_LANDMARK])
    assert found.ids_of("train", 8) == (ids[0],)
    assert found.ids_of("index", 7) == ()
    assert found.jpeg(ids[1]) is None  # one more than are shown
    assert size_of(found.jpeg(ids[0])) == (192, 144)


def test_other_tars_are_left_alone(tmp_path: Path) -> None:
    tar = pack(tmp_path / "a.tar", (NAME, jpeg()))
    pd.DataFrame([("train", 7, ID)], columns=["split", "landmark_id", "image_id"]).to_parquet(tmp_path / "i.parquet")
    paths = [str(tmp_path / "absent.tar")] * MAX_TARS + [str(tar)]
    for split, path in (("test", [str(tar)]), ("train", paths)):
        found = Thumbnails(pd.DataFrame({"split": split, "path": path}), tmp_path / "i.parquet")
        found.listing.join()
        assert found.ids_of("train", 7) == ()


def test_a_picture_of_no_landmark_is_not_shown(tmp_path: Path) -> None:
    found = listed(pack(tmp_path / "a.tar", (NAME, jpeg())), images=[("train", 7, "f" * 16)])
    assert found.jpeg(ID) is None
    assert found.ids_of("train", 7) == ()


# ------------------------------------------------------------------------------------------------------ bad members
@pytest.mark.parametrize(
    "name",
    [
        "../../x.jpg",
        f"../{NAME}",
        f"/{NAME}",
        f"/etc/{NAME}",
        f"././{NAME}",
        f"0/1/2/../{ID}.jpg",
        f"{ID}.jpg",
        f"0/1/2/{ID}.jpg/",
        f"0/1/2/{ID}.png",
        f"0/1/2/{ID.upper()}.jpg",
        f"0/1/2/{ID}0.jpg",
        f"0/1/2/{ID}.jpg\n",
        "0/1/2/" + "a" * 300 + ".jpg",
        "",
        "é" * 200,
    ],
)
def test_odd_names_are_passed_over(tmp_path: Path, name: str) -> None:
    other = "f" * 16
    tar = pack(tmp_path / "a.tar", (name, jpeg()), (f"f/f/f/{other}.jpg", jpeg()))
    found = listed(tar, images=[("train", 7, ID), ("train", 8, other)])
    assert found.ids_of("train", 7) == ()
    assert found.jpeg(ID) is None
    assert found.jpeg(name) is None
    assert found.ids_of("train", 8) == (other,)
    assert size_of(found.jpeg(other)) == (192, 144)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_what_is_no_file_is_passed_over(tmp_path: Path, kind: bytes) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(jpeg())
    found = listed(pack(tmp_path / "a.tar", (NAME, b""), type=kind, linkname=str(secret)))
    assert found.ids_of("train", 7) == ()
    assert found.jpeg(ID) is None


def png() -> bytes:
    opened = io.BytesIO()
    Image.new("RGB", (8, 8)).save(opened, "PNG")
    return opened.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"no picture at all",
        b"\xff\xd8\xff\xe0",
        png(),  # another format, whose decoder is not ours to run
        jpeg()[:200],
        jpeg()[: len(jpeg()) // 2],
        with_size(jpeg(8, 8), 0, 8),
        with_size(jpeg(8, 8), 65_000, 65_000),  # 4 gigapixels in 700 bytes
        with_size(jpeg(8, 8), 12_000, 12_000),
        with_size(jpeg(8, 8), 7_100, 7_100),
    ],
    ids=["text", "beginning", "png", "header", "half", "empty", "bomb", "large", "rather large"],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_is_no_picture_gives_none(tmp_path: Path, content: bytes) -> None:
    found = listed(pack(tmp_path / "a.tar", (NAME, content)))
    assert found.ids_of("train", 7) == (ID,)
    assert found.jpeg(ID) is None


def test_a_file_without_bytes_is_passed_over(tmp_path: Path) -> None:
    assert listed(pack(tmp_path / "a.tar", (NAME, b""))).ids_of("train", 7) == ()


# --------------------------------------------------------------------------------------------------------- bad TARs
def test_a_tar_that_is_cut_short_gives_what_comes_before(tmp_path: Path) -> None:
    first, second = "0" * 16, "1" * 16
    tar = pack(tmp_path / "a.tar", (f"0/0/0/{first}.jpg", jpeg()), (f"1/1/1/{second}.jpg", jpeg()))
    whole = tar.read_bytes()
    images = [("train", 1, first), ("train", 2, second)]
    for length in (whole.index(b"1/1/1/") + 100, whole.index(b"1/1/1/") + BLOCK + 50):
        tar.write_bytes(whole[:length])
        found = listed(tar, images=images)
        assert size_of(found.jpeg(first)) == (192, 144)
        assert found.jpeg(second) is None


def header(name: str, size: bytes, kind: bytes = b"0") -> bytes:
    """A header with these bytes in its field for the size."""
    raw = bytearray(tarfile.TarInfo(name).tobuf(tarfile.USTAR_FORMAT))
    raw[124:136], raw[156:157] = size, kind
    raw[148:156] = b" " * 8
    raw[148:156] = f"{sum(raw):06o}\0 ".encode()
    return bytes(raw)


def pax(record: bytes) -> bytes:
    """An extended header with one record, for the member that follows."""
    return header("./PaxHeaders/x", f"{len(record):011o}\0".encode(), b"x") + record.ljust(BLOCK, b"\0")


@pytest.mark.parametrize(
    "rest",
    [
        header(NAME, b"\xff" * 10 + (-BLOCK).to_bytes(2, signed=True)),  # leads back to itself
        header(NAME, b"\xff" * 9 + (-4 * BLOCK).to_bytes(3, signed=True)),
        header(NAME, b"\x80" + b"\x7f" * 11),
        header("./PaxHeaders/x", b"77777777777\0", b"x"),
        header("././@LongLink", b"77777777777\0", b"L"),
        pax(b"28 GNU.sparse.size=elephant\n") + header(NAME, b"00000000000\0"),
        pax(b"13 size=-512\n") + header(NAME, b"00000000000\0"),
        pax(b"12 path=abc\n") * 3000,
        header(NAME, b"not a number") * 2,
        b"\0\xff" * BLOCK,
    ],
    ids=["to itself", "back", "huge", "long pax", "long link", "sparse", "pax size", "deep", "number", "noise"],
)
def test_a_tar_that_is_made_to_hurt_gives_what_comes_before(tmp_path: Path, rest: bytes) -> None:
    first = "f" * 16
    tar = pack(tmp_path / "a.tar", (f"f/f/f/{first}.jpg", jpeg()))
    good = tar.read_bytes().rstrip(b"\0")
    tar.write_bytes(good + b"\0" * (-len(good) % BLOCK) + rest)
    found = listed(tar, images=[("train", 1, first), ("train", 7, ID)])
    assert size_of(found.jpeg(first)) == (192, 144)
    assert found.jpeg(ID) is None


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_bytes(b"PK")])
def test_without_a_tar_there_are_no_pictures(tmp_path: Path, make: Callable[[Path], Any]) -> None:
    make(tmp_path / "a.tar")
    other = pack(tmp_path / "b.tar", (NAME, jpeg()))
    found = listed(tmp_path / "a.tar", other)
    assert size_of(found.jpeg(ID)) == (192, 144)
    other.unlink()  # while the page is open
    assert found.jpeg(ID) is None


def test_without_the_table_of_images_there_are_no_pictures(tmp_path: Path) -> None:
    tar = pack(tmp_path / "a.tar", (NAME, jpeg()))
    found = Thumbnails(pd.DataFrame({"split": ["train"], "path": [str(tar)]}), tmp_path / "absent.parquet")
    found.listing.join()
    assert found.jpeg(ID) is None


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_raises(tmp_path: Path, data: st.DataObject) -> None:
    tar = pack(tmp_path / "a.tar", (NAME, jpeg(64, 48)), ("f/f/f/" + "f" * 16 + ".jpg", jpeg(64, 48)))
    raw = bytearray(tar.read_bytes()[: 6 * BLOCK])
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    tar.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    picture = listed(tar).jpeg(ID)
    assert picture is None or max(size_of(picture)) <= SIZE
