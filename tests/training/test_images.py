"""Bytes of images are those of their TAR or folder, pixels are upright RGB, and what is wrong with one is told."""

import io
import multiprocessing
import os
import pickle
import struct
import tarfile
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.training.tars import write_tar
from training import images as images_module
from training.image_index import BLOCK, ImageError, build_index
from training.images import FolderImages, TarImages, decode


def encoded(image: Image.Image, kind: str = "PNG", **settings: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **settings)
    return stream.getvalue()


def quarters(width: int, height: int) -> Image.Image:
    """Red, green; blue, white."""
    colours = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
    return Image.fromarray(colours).resize((width, height), Image.Resampling.NEAREST)


CONTENT = {f"{n}.jpg": bytes([n]) * (n * 200) for n in range(7)}


@pytest.fixture
def tars(tmp_path: Path) -> TarImages:
    files = list(CONTENT.items())
    write_tar(tmp_path / "1.tar", {f"a/b/c/{name}": content for name, content in files[4:]})
    write_tar(tmp_path / "2.tar", dict(files[:4]))
    return TarImages(build_index([Path("1.tar"), Path("2.tar")], tmp_path), tmp_path)


def assert_all_there(images: TarImages | FolderImages) -> None:
    assert images.image_ids == [name[:-4] for name in CONTENT]
    assert {f"{image_id}.jpg": images.read(image_id) for image_id in reversed(images.image_ids)} == CONTENT


def test_tars(tars: TarImages) -> None:
    assert_all_there(tars)
    tars.close()
    assert_all_there(tars)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_of_every_kind(tmp_path: Path, form: int) -> None:
    names = ["short", "a/" * 60 + "prefixed", "x" * 96]
    if form != tarfile.USTAR_FORMAT:
        names += ["café/日本", "deep/" * 50 + "deep", "y" * 200, "é" * 50 + "a"]
    files = {f"{name}.jpg": name.encode() for name in names}
    index = build_index([write_tar(tmp_path / "a.tar", files, form)])
    images = TarImages(index, Path())
    assert {images.read(Path(name).name) for name in names} == set(files.values())


def test_ids_that_are_not_there(tars: TarImages) -> None:
    for image_id in ("", "00", "7", "x", "0.jpg", "x" * 10_000):
        with pytest.raises(ImageError, match=f"image {image_id} is not among the 7 of the 2 indexed TARs; add its TAR"):
            tars.read(image_id)


def child_reads(images: TarImages, results: "multiprocessing.Queue[object]") -> None:
    results.put({f"{image_id}.jpg": images.read(image_id) for image_id in images.image_ids * 20})


def test_forked_workers_read_at_once(tars: TarImages) -> None:
    assert_all_there(tars)  # so that they inherit open files
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        workers = [context.Process(target=child_reads, args=(tars, results)) for _ in range(2)]
        for worker in workers:
            worker.start()
    assert_all_there(tars)
    assert [results.get(timeout=60) for _ in workers] == [CONTENT, CONTENT]
    for worker in workers:
        worker.join()
    assert_all_there(tars)


def test_pickled_for_spawned_workers(tars: TarImages) -> None:
    assert_all_there(tars)
    copy = pickle.loads(pickle.dumps(tars))
    assert not copy.descriptors
    tars.close()
    assert_all_there(copy)


def test_few_tars_are_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images_module, "OPEN_TARS", 2)
    names = [Path(f"{n}.tar") for n in range(5)]
    for name in names:
        write_tar(tmp_path / name, {f"{name.stem}.jpg": name.name.encode()})
    images = TarImages(build_index(names, tmp_path), tmp_path)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for number in (0, 3, 4, 2, 3, 0, 1, 0, 4):
        assert images.read(str(number)) == f"{number}.tar".encode()
        assert len(os.listdir("/proc/self/fd")) <= before + 2  # noqa: PTH208
    assert list(images.descriptors) == [
        images.tars.index(tmp_path / f"{n}.tar") for n in (0, 4)
    ]  # not 1, used before 0
    del images
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def changed(path: Path, position: int, content: bytes) -> None:
    whole = bytearray(path.read_bytes())
    whole[position : position + len(content)] = content
    path.write_bytes(whole)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: write_tar(path, {"a.jpg": b"12", "b.jpg": b"34"}),  # other size
        lambda path: write_tar(path, {"b.jpg": b"123", "a.jpg": b"123"}),  # other order
        lambda path: write_tar(path, {"first.jpg": b"", "a.jpg": b"123", "b.jpg": b"123"}),  # moved
        lambda path: path.write_bytes(path.read_bytes()[: BLOCK + 2]),
        lambda path: path.write_bytes(b""),
        lambda path: changed(path, 156, tarfile.SYMTYPE),
        lambda path: changed(path, 124, b"xxxxxxxxxxx"),
        lambda path: changed(path, 0, b"\xff"),
    ],
)
def test_a_tar_that_changed(tmp_path: Path, change: Callable[[Path], object]) -> None:
    path = write_tar(tmp_path / "a.tar", {"a.jpg": b"123", "b.jpg": b"123"})
    images = TarImages(build_index([path]), Path())
    assert images.read("a") == b"123"
    change(path)
    message = r"image a is not at byte 512 of .*a\.tar, which has changed since it was indexed; put the TAR"
    with pytest.raises(ImageError, match=message):
        images.read("a")


def test_a_tar_that_is_gone(tars: TarImages, tmp_path: Path) -> None:
    (tmp_path / "1.tar").unlink()
    assert tars.read("0") == b""
    with pytest.raises(ImageError, match=r"image 6: .*1\.tar cannot be read \(No such file .*\); put it back"):
        tars.read("6")


def test_an_image_that_is_too_large(tars: TarImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images_module, "SIZE_LIMIT", 600)
    assert tars.read("3") == CONTENT["3.jpg"]
    with pytest.raises(ImageError, match=r"image 4 in .*1\.tar has 800 bytes; the limit is 600"):
        tars.read("4")
    (tmp_path / "b.jpg").write_bytes(bytes(601))
    with pytest.raises(ImageError, match=r"image .*b\.jpg has 601 bytes; the limit is 600"):
        FolderImages(tmp_path).read("b")


@pytest.fixture
def folder(tmp_path: Path) -> FolderImages:
    for number, (name, content) in enumerate(CONTENT.items()):
        (tmp_path / f"{number % 3}" / "x").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{number % 3}" / "x" / name).write_bytes(content)
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")
    return FolderImages(tmp_path)


def test_folder(folder: FolderImages) -> None:
    assert_all_there(folder)
    assert_all_there(pickle.loads(pickle.dumps(folder)))


def test_what_a_folder_lacks(folder: FolderImages, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"image 7 is not among the 7 of .*; add its file"):
        folder.read("7")
    (tmp_path / "0/x/0.jpg").unlink()
    (tmp_path / "1/x/1.jpg").unlink()
    os.mkfifo(tmp_path / "1/x/1.jpg")
    for image_id in ("0", "1"):
        with pytest.raises(ImageError, match=rf"image {image_id}: .*/{image_id}\.jpg is not there, or not a file"):
            folder.read(image_id)


def test_a_folder_that_does_not_fit(folder: FolderImages, tmp_path: Path) -> None:
    (tmp_path / "0" / "6.png").write_bytes(b"")
    with pytest.raises(ImageError, match=r"image 6 is 0/6\.png and 0/x/6\.jpg; remove or rename one"):
        FolderImages(tmp_path)
    (tmp_path / "empty").mkdir()
    for name in ("empty", "absent"):
        with pytest.raises(ImageError, match=f"{name} holds no image named .jpg, .jpeg, .png; is it the right folder"):
            FolderImages(tmp_path / name)


def corners(pixels: np.ndarray) -> list[list[int]]:
    """Colours of the four quarters, row by row."""
    size = pixels.shape[1]
    places = [(size // 4, size // 4), (size // 4, -size // 4), (-size // 4, size // 4), (-size // 4, -size // 4)]
    return [(pixels[:, y, x] > 127).astype(int).tolist() for y, x in places]


RED, GREEN, BLUE, WHITE = [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    size=st.integers(1, 90),
    kind=st.sampled_from(["PNG", "JPEG"]),
)
def test_any_shape_becomes_a_square(width: int, height: int, size: int, kind: str) -> None:
    pixels = decode(encoded(quarters(width, height), kind), size, "a")
    assert pixels.shape == (3, size, size)
    assert pixels.is_contiguous()
    if size >= 8 and min(width, height) >= 64:
        assert corners(pixels.numpy()) == [RED, GREEN, BLUE, WHITE]


def test_the_middle_is_taken() -> None:
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 255
    for image in (Image.fromarray(wide), Image.fromarray(wide.transpose(1, 0, 2).copy())):
        assert (decode(encoded(image), 20, "a") == 255).all()
        assert (decode(encoded(image), 20, "a").shape) == (3, 20, 20)


def test_large_jpegs_are_decoded_at_reduced_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    resize = Image.Image.resize
    monkeypatch.setattr(Image.Image, "resize", lambda self, *rest: [seen.append(self.size), resize(self, *rest)][1])
    decode(encoded(Image.new("RGB", (1000, 800)), "JPEG"), 100, "a")
    assert seen == [(125, 100)]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_images_stand_upright(orientation: int, kind: str) -> None:
    turn = Image.Transpose
    undone = [None, turn.FLIP_LEFT_RIGHT, turn.ROTATE_180, turn.FLIP_TOP_BOTTOM, turn.TRANSPOSE, turn.ROTATE_90]
    undone += [turn.TRANSVERSE, turn.ROTATE_270]
    way = undone[orientation - 1]
    image = quarters(128, 64) if way is None else quarters(128, 64).transpose(way)
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert corners(decode(encoded(image, kind, exif=exif), 32, "a").numpy()) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0rubbish", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0II*\0\x08"]
)
def test_damaged_exif_data_do_no_harm(exif: bytes) -> None:
    assert corners(decode(encoded(quarters(64, 64), "JPEG", exif=exif), 32, "a").numpy()) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    grey = np.full((40, 40), 255, np.uint8)
    grey[:, :20] = 0
    image = Image.fromarray(grey.astype(np.uint16) * 100) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    assert image.mode == mode
    pixels = decode(encoded(image, "JPEG" if mode == "CMYK" else "PNG"), 40, "a")
    assert (pixels[:, :, :18] < 4).all()
    bright = 255 * 100 // 256 if mode == "I;16" else 255
    assert (pixels[:, :, 22:].int() - bright).abs().max() < 4


def test_palettes_with_transparency() -> None:
    image = quarters(40, 40).quantize(4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels = decode(encoded(image, transparency=bytes([0, 128, 255, 255])), 40, "a")
    assert corners(pixels.numpy()) == [RED, GREEN, BLUE, WHITE]


def png_of(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says to be large."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def many_scans() -> bytes:
    """A JPEG of a few kilobytes that would take minutes: its last scan over and over."""
    whole = encoded(Image.new("L", (4000, 4000)), "JPEG", progressive=True)
    return whole[:-2] + whole[whole.rindex(b"\xff\xda") : -2] * 1000 + whole[-2:]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: b"", "cannot identify image file"),
        (lambda: b"<html>not found</html>", "cannot identify image file"),
        (lambda: encoded(quarters(9, 9), "GIF"), "cannot identify image file"),
        (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cannot identify image file"),
        (lambda: encoded(quarters(99, 99), "JPEG")[:700], "truncated"),
        (lambda: encoded(quarters(99, 99), "JPEG")[:100], ""),
        (lambda: encoded(quarters(99, 99))[:-40], ""),
        (lambda: encoded(quarters(99, 99)).replace(b"IDAT", b"XDAT"), ""),
        (lambda: png_of(100, 100), "truncated|not enough"),
        (lambda: png_of(9000, 9000), "9000 x 9000 pixels; the limit is 67108864"),
        (lambda: png_of(10**5, 10**5), "decompression bomb"),
        (many_scans, "1006 scans of 16000000 pixels; the limit is"),
    ],
)
def test_what_cannot_be_decoded_is_told(make: Callable[[], bytes], message: str) -> None:
    with pytest.raises(ImageError, match=rf"image 00ff cannot be decoded \(.*({message}).*\); replace it, or drop"):
        decode(make(), 32, "00ff")


@settings(max_examples=150, deadline=None)
@given(position=st.floats(0, 1), content=st.binary(max_size=8), kind=st.sampled_from(["JPEG", "PNG"]))
def test_damage_ends_in_pixels_or_an_error(position: float, content: bytes, kind: str) -> None:
    data = bytearray(encoded(quarters(40, 40), kind))
    place = int(position * len(data))
    data[place : place + len(content)] = content
    try:
        pixels = decode(bytes(data), 16, "a")
    except ImageError:
        return
    assert pixels.shape == (3, 16, 16)
