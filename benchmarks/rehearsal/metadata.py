"""GLDv2's metadata files for a rehearsal, in their true formats and with their long tail, written fast by Arrow."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import norm

from benchmarks.rehearsal.ingredients import NO_LABEL, OFFICIAL_SHARE, Ingredients
from benchmarks.rehearsal.subjects import ADDRESS, SEED, Ints, Subjects, scaled

TRAIN_IMAGES, INDEX_IMAGES = 4_132_914, 761_757
# Sigma of the lognormal that images of a landmark follow. Fitted so that samples as large as those of the extracts
# meet as many landmarks and as large ones as they do.
TRAIN_TAIL, INDEX_TAIL = 1.95, 1.6
CLEAN_LANDMARKS, CLEAN_IMAGES = 81_313, 1_580_470
QUERIES, ANSWERED_QUERIES, PUBLIC_SHARE = 117_577, 1_129, 1 / 3
OFFICIAL_INDEX_SHARE = 55_529 / 101_000
OTHER_LABEL = 0.05  # of the official labels: not the one that the item's classes lead to
TRAILING_SPACE = frozenset({"ocean area"})  # so the official release writes it
CHUNK = 500_000
HEX = np.array([f"{n:02x}" for n in range(256)], dtype="S2")
Texts = npt.NDArray[np.bytes_]


def write_metadata(folder: Path, found: Ingredients, subjects: Subjects, share: float) -> dict[str, int]:
    """Write all files below `folder`, laid out as in GLDv2's bucket; returns how many rows each has."""
    draw = np.random.default_rng(SEED + 1)
    for name in ("metadata", "ground_truth"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    train, index = subjects.train_count, len(subjects.index_subjects)
    train_ids, train_of = _images(scaled(TRAIN_IMAGES, share), train, TRAIN_TAIL, draw)
    index_ids, index_of = _images(scaled(INDEX_IMAGES, share), index, INDEX_TAIL, draw)
    _write_train(folder / "metadata/train.csv", train_ids, train_of, found.image_names, draw)
    columns = [pa.array(index_ids).cast(pa.string()), pc.cast(pa.array(index_of), pa.string())]
    _write_columns(folder / "metadata/index_image_to_landmark.csv", "id,landmark_id", columns)
    clean = _write_clean(folder / "metadata/train_clean.csv", train_ids, train_of, share, draw)
    of_split = {"train": np.arange(train), "index": subjects.index_subjects}
    for split, of_landmark in of_split.items():
        pages = [ADDRESS + subjects.pages[n] for n in of_landmark]
        path = folder / f"metadata/{split}_label_to_category.csv"
        _write_rows(path, ["landmark_id", "category"], enumerate(pages))
        chance = OFFICIAL_SHARE if split == "train" else OFFICIAL_INDEX_SHARE
        labels = _official_labels([subjects.labels[n] for n in of_landmark], found, chance, draw)
        _write_official(folder / f"metadata/{split}_label_to_hierarchical.csv", pages, labels, found, draw)
    _write_solution(folder / "ground_truth/retrieval_solution_v2.1.csv", index_ids, index_of, share, draw)
    counts = {"train_images": len(train_ids), "index_images": len(index_ids), "clean_images": clean}
    counts |= {"train_landmarks": train, "index_landmarks": index}
    (folder / "counts.json").write_text(json.dumps(counts, indent=2) + "\n")
    return counts


def image_counts(landmarks: int, images: int, tail: float) -> Ints:
    """Images of each landmark, one at least, the most first: quantiles of a lognormal that add up to `images`."""
    weights = np.exp(tail * norm.ppf((np.arange(landmarks, 0, -1) - 0.5) / landmarks))
    low, high = 0.0, float(images)
    for _ in range(60):
        middle = (low + high) / 2
        is_short = np.maximum(1, np.rint(weights * middle)).sum() < images
        low, high = (middle, high) if is_short else (low, middle)
    counts: Ints = np.maximum(1, np.rint(weights * low)).astype(np.int64)
    counts[: max(0, images - int(counts.sum()))] += 1  # fewer are missing than there are landmarks
    return counts


def _images(count: int, landmarks: int, tail: float, draw: np.random.Generator) -> tuple[Texts, Ints]:
    """Ids in order, and the landmark of each; ids of 64 random bits do not repeat, which is checked."""
    counts = image_counts(landmarks, max(count, landmarks), tail)
    of_image = np.repeat(draw.permutation(landmarks), counts)
    numbers = np.sort(draw.integers(0, 2**64, len(of_image), dtype=np.uint64))
    assert (numbers[1:] != numbers[:-1]).all()
    digits = HEX[numbers.astype(">u8").view(np.uint8).reshape(-1, 8)]
    return np.ascontiguousarray(digits).view("S16").ravel(), draw.permutation(of_image)


def _write_train(
    path: Path, ids: Texts, of_image: Ints, names: Sequence[tuple[str, str]], draw: np.random.Generator
) -> None:
    """Rows of train.csv; a real file name with six digits of the id, so that no address repeats."""
    stems, endings = (pa.array([name[part] for name in names]) for part in (0, 1))
    picks = pa.array(draw.integers(0, len(names), len(ids)))
    text = pa.array(ids).cast(pa.string())
    host = pa.scalar("https://upload.wikimedia.org/wikipedia/commons/")
    tail = pc.binary_join_element_wise(stems.take(picks), pc.utf8_slice_codeunits(text, 0, 6), "_")
    folder = pc.binary_join_element_wise(pc.utf8_slice_codeunits(text, 0, 1), pc.utf8_slice_codeunits(text, 0, 2), "/")
    urls = pc.binary_join_element_wise(host, folder, "/", tail, endings.take(picks), "")
    _write_columns(path, "id,url,landmark_id", [text, urls, pc.cast(pa.array(of_image), pa.string())])


def _write_columns(path: Path, header: str, columns: Sequence[pa.Array]) -> None:
    """Rows of columns that need no quotes; the bytes of Arrow's joined lines are the bytes of the file."""
    with path.open("wb") as opened:
        opened.write(header.encode() + b"\n")
        for start in range(0, len(columns[0]), CHUNK):
            parts = [column.slice(start, CHUNK) for column in columns]
            lines = pc.binary_join_element_wise(pc.binary_join_element_wise(*parts, ","), "\n", "")
            for chunk in lines.chunks if isinstance(lines, pa.ChunkedArray) else [lines]:
                opened.write(chunk.buffers()[2])


def _write_clean(path: Path, ids: Texts, of_image: Ints, share: float, draw: np.random.Generator) -> int:
    """Rows of train_clean.csv: the images kept of those landmarks that have some; returns how many images."""
    landmarks, images = scaled(CLEAN_LANDMARKS, share), scaled(CLEAN_IMAGES, share)
    counts = np.bincount(of_image)
    # Landmarks with many images are likelier to have clean ones.
    kept = np.sort(np.argsort(-draw.random(len(counts)) * np.minimum(counts, 8))[:landmarks])
    quota = np.maximum(1, np.rint(counts[kept] * min(1.0, images / counts[kept].sum()))).astype(np.int64)
    order = np.argsort(of_image, kind="stable")
    starts = np.cumsum(counts) - counts
    rows = []
    for landmark, few in zip(kept.tolist(), quota.tolist(), strict=True):
        first = starts[landmark]
        rows.append((landmark, b" ".join(ids[order[first : first + few]].tolist()).decode()))
    _write_rows(path, ["landmark_id", "images"], rows)
    return int(quota.sum())


def _official_labels(labels: Sequence[str], found: Ingredients, share: float, draw: np.random.Generator) -> list[str]:
    """Official label of each landmark, so that `share` of them have one and a few have another than we would give."""
    names = [name for name in found.label_shares if name]
    has_label = sum(bool(label) for label in labels) / len(labels)
    chances, others = draw.random(len(labels)), draw.integers(0, len(names), len(labels))
    is_other = draw.random(len(labels)) < OTHER_LABEL
    given = (chances < share / has_label).tolist()
    return [
        (names[other] if differs else label) if label and is_given else NO_LABEL
        for label, is_given, differs, other in zip(labels, given, is_other.tolist(), others.tolist(), strict=True)
    ]


def _write_official(
    path: Path, pages: Sequence[str], labels: Sequence[str], found: Ingredients, draw: np.random.Generator
) -> None:
    """A CSV in the official schema; where no supercategory is known, the label stands there, too."""
    header = ["landmark_id", "category", "supercategory", "hierarchical_label", "natural_or_human_made"]
    picks = draw.integers(0, 2**31, len(labels)).tolist()
    rows = []
    for number, (page, label, pick) in enumerate(zip(pages, labels, picks, strict=True)):
        known = found.supercategories.get(label) or [label]
        written = label + " " * (label in TRAILING_SPACE)
        rows.append((number, page, known[pick % len(known)], written, found.natural_of.get(label, "")))
    _write_rows(path, header, rows)


def _write_solution(path: Path, ids: Texts, of_image: Ints, share: float, draw: np.random.Generator) -> None:
    """The test queries: few have index images of their landmark, all others are ignored."""
    count, answered = scaled(QUERIES, share), scaled(ANSWERED_QUERIES, share)
    usages = np.where(np.arange(count) < answered * PUBLIC_SHARE, "Public", "Private")
    usages[answered:] = "Ignored"
    queries = [f"{number:016x}" for number in draw.integers(0, 2**64, count, dtype=np.uint64)]
    order = np.argsort(of_image, kind="stable")
    counts = np.bincount(of_image)
    starts = np.cumsum(counts) - counts
    rows = []
    for number in draw.permutation(count).tolist():
        images = "None"
        if number < answered:
            landmark = int(draw.integers(0, len(counts)))
            positives = ids[order[starts[landmark] : starts[landmark] + counts[landmark]]]
            images = b" ".join(positives.tolist()).decode()
        rows.append((queries[number], images, str(usages[number])))
    _write_rows(path, ["id", "images", "Usage"], rows)


def _write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
