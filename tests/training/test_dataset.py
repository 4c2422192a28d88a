"""Batches hold the right images and labels with any number of workers; bad images are left out, counted and told."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from training.dataset import Batch, FaultCount, ImageDataset, collate, loader, missing_images
from training.image_index import ImageError, build_index
from training.images import FolderImages, TarImages

COUNT = 12
LABELS = np.stack([np.arange(COUNT), np.arange(COUNT) // 4], 1)
BAD = (3, 7, 8)


def write_images(folder: Path, bad: tuple[int, ...] = ()) -> TarImages:
    """Images n of a single colour, 20 n; bad ones are no images."""
    with tarfile.open(folder / "a.tar", "w") as tar:
        for number in range(COUNT):
            stream = io.BytesIO(b"rubbish")
            if number not in bad:
                Image.new("RGB", (30, 20), (20 * number,) * 3).save(stream, "PNG")
            member = tarfile.TarInfo(f"x/{number:02}.jpg")
            member.size = len(stream.getvalue())
            tar.addfile(member, io.BytesIO(stream.getvalue()))
    return TarImages(build_index([folder / "a.tar"]), Path())


def dataset_of(images: TarImages) -> ImageDataset:
    return ImageDataset(images, images.image_ids, LABELS, 16)


def assert_holds(batch: Batch, positions: list[int]) -> None:
    assert batch.positions.tolist() == positions
    assert batch.images.shape == (len(positions), 3, 16, 16)
    assert (batch.images.dtype, batch.labels.dtype, batch.positions.dtype) == (torch.uint8, torch.int64, torch.int64)
    assert (batch.images == 20 * batch.positions[:, None, None, None]).all()
    assert batch.labels.tolist() == LABELS[positions].tolist()


BATCHES = [[5, 0, 11], [7, 8, 3], [4, 3, 4, 7, 1], [2]]


def test_places_are_those_of_the_good_images_in_the_batch_asked_for(tmp_path: Path) -> None:
    dataset = dataset_of(write_images(tmp_path, BAD))
    for batch, asked in zip(loader(dataset, BATCHES, 0), BATCHES, strict=True):
        assert [asked[place] for place in batch.places] == batch.positions.tolist()
        assert len(batch.places) + len(batch.faults) == len(asked)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches(tmp_path: Path, workers: int) -> None:
    batches = loader(dataset_of(write_images(tmp_path, BAD)), BATCHES, workers)
    for _ in range(2):  # epochs
        first, none, some, last = batches
        assert_holds(first, [5, 0, 11])
        assert_holds(none, [])
        assert_holds(some, [4, 4, 1])
        assert_holds(last, [2])
        assert [len(batch.faults) for batch in (first, none, some, last)] == [0, 3, 2, 0]
        assert some.faults[0].startswith("image 03 cannot be decoded")
    del batches


def test_an_item_that_cannot_be_read(tmp_path: Path) -> None:
    dataset = dataset_of(write_images(tmp_path, BAD))
    assert len(dataset) == COUNT
    assert dataset[2].fault == ""
    assert dataset[3].fault.startswith("image 03 cannot be decoded")
    assert dataset[3].position == 3
    assert_holds(collate([dataset[3], dataset[2]]), [2])


def test_a_missing_id_is_a_fault(tmp_path: Path) -> None:
    dataset = ImageDataset(write_images(tmp_path), ["00", "absent"], LABELS[:2], 16)
    (batch,) = loader(dataset, [[1, 0]], 0)
    assert_holds(batch, [0])
    assert batch.faults[0].startswith("image absent is not among the 12")


def test_extracted_files(tmp_path: Path) -> None:
    tars = write_images(tmp_path)
    (tmp_path / "out").mkdir()
    for image_id in tars.image_ids:
        (tmp_path / "out" / f"{image_id}.png").write_bytes(tars.read(image_id))
    folder = FolderImages(tmp_path / "out")
    (batch,) = loader(ImageDataset(folder, folder.image_ids, LABELS, 16), [[9, 2]], 0)
    assert_holds(batch, [9, 2])


@pytest.mark.parametrize("workers", [0, 1])
def test_torchs_random_numbers_do_not_depend_on_loading(tmp_path: Path, workers: int) -> None:
    """Else a run that goes on from a checkpoint would draw others than one that was not disturbed."""
    before = torch.get_rng_state()
    batches = loader(dataset_of(write_images(tmp_path)), BATCHES, workers)
    assert len(list(batches)) == 4
    assert torch.equal(before, torch.get_rng_state())
    del batches


class ThreadCount(FolderImages):
    """Its images tell the threads that their reader computes with."""

    def __init__(self) -> None:
        self.paths = {}

    def read(self, image_id: str) -> bytes:
        raise ImageError(str(torch.get_num_threads()))


def test_workers_compute_in_one_thread() -> None:
    (batch,) = loader(ImageDataset(ThreadCount(), ["a"], LABELS[:1], 16), [[0]], 1)
    assert batch.faults == ["1"]


def test_missing_images(tmp_path: Path) -> None:
    images = write_images(tmp_path)
    assert missing_images(images, ["z", "00", "b", "11", "z"]) == ["z", "b", "z"]
    assert missing_images(images, images.image_ids) == []


def batch_of(good: int, faults: list[str]) -> Batch:
    return Batch(
        torch.zeros(good, 3, 1, 1, dtype=torch.uint8),
        torch.zeros(good, 1),
        torch.arange(good),
        torch.arange(good),
        faults,
    )


def stops_after(limit_share: float, fault_share: float, batch_size: int, batch_count: int) -> int | None:
    """Images after which a run stops in which every k-th image is faulty, from the first one on."""
    every, faults = round(1 / fault_share), FaultCount(limit_share)
    for batch in range(batch_count):
        bad = sum(number % every == 0 for number in range(batch * batch_size, (batch + 1) * batch_size))
        try:
            faults.add(batch_of(batch_size - bad, ["bad"] * bad))
        except ImageError:
            return faults.asked
    return None


def test_when_a_run_stops() -> None:
    assert stops_after(0.01, 1 / 100, 1, 20_000) is None  # at the limit, and the first image a bad one
    assert stops_after(0.01, 1 / 5000, 64, 400) is None
    assert stops_after(0.01, 1, 1, 10) == 2  # every image is bad
    assert stops_after(0.01, 1 / 2, 1, 10) == 3
    assert stops_after(0.01, 1 / 10, 1, 100) == 21  # 3 faults, above 0.21 + 1.37 + 1
    assert stops_after(0.01, 1 / 50, 10, 1000) == 960  # twice the limit: 20 faults, above 9.6 + 9.3 + 1
    assert stops_after(0.0, 1 / 50, 1, 1000) == 1


@settings(max_examples=100, deadline=None)
@given(limit=st.floats(0.001, 0.5), sizes=st.lists(st.integers(1, 64), min_size=1, max_size=20))
def test_a_single_fault_never_stops_a_run_that_puts_up_with_some(limit: float, sizes: list[int]) -> None:
    faults = FaultCount(limit)
    faults.add(batch_of(sizes[0] - 1, ["bad"]))
    for size in sizes[1:]:
        faults.add(batch_of(size, []))
    assert (faults.asked, faults.faulty) == (sum(sizes), 1)


def test_the_first_faults_are_listed() -> None:
    faults = FaultCount(0.01)
    faults.add(batch_of(30, ["image a"]))
    with pytest.raises(ImageError) as error:
        faults.add(batch_of(0, [f"image {n}" for n in range(20)]))
    assert str(error.value) == (
        "21 of 51 images cannot be read, more than the share of 0.01 that is put up with; mend the images or raise"
        " fault_share. The first:\n  image a\n  image 0\n  image 1"
    )


def test_counts_go_on() -> None:
    faults = FaultCount(0.1, asked=90, faulty=15)
    faults.add(batch_of(10, []))
    assert (faults.asked, faults.faulty) == (100, 15)
    with pytest.raises(ImageError, match="22 of 108 images"):
        faults.add(batch_of(1, ["bad"] * 7))  # above 10.8 + 9.86 + 1


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ImageDataset(ThreadCount(), ["a"], LABELS, 16), r"shape \(12, 2\) for 1 images"),
        (lambda: ImageDataset(ThreadCount(), ["a"], LABELS[:1, 0], 16), r"shape \(1,\) for 1 images"),
        (lambda: ImageDataset(ThreadCount(), ["a"], LABELS[:1] / 2, 16), "labels are float64"),
        (lambda: ImageDataset(ThreadCount(), ["a"], LABELS[:1], 0), "image_size is 0"),
        (lambda: FaultCount(1.0), "limit_share is 1.0"),
        (lambda: FaultCount(-0.1), "limit_share is -0.1"),
    ],
)
def test_what_does_not_fit_is_told(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
