"""Stage download: GLDv2's metadata and image TARs, turned into typed tables keyed by split and landmark."""

import contextlib
import functools
import re
from pathlib import Path

import click
import pandas as pd

from pipeline import tables
from pipeline.csv_input import line_of, read_csv
from pipeline.download_checks import csv_flaw, published_md5, sums_flaw, tar_flaw
from pipeline.download_files import fetch_files, plan_files
from pipeline.download_plan import Wanted, check_space, plan_lines
from pipeline.errors import InputError, stage_command
from pipeline.files import write_tables
from pipeline.locks import exclusive
from pipeline.params import Gldv2, Params, read_params
from pipeline.titles import title_of_url
from pipeline.transfer import Client

RAW = Path("data/raw/gldv2")
LOCK = Path("data/raw/gldv2.lock")
SAMPLE_ADDRESS = "file:sample/gldv2"
SOLUTION = "ground_truth/retrieval_solution_v2.1.csv"
SOLUTION_COLUMNS = {"id": "str", "images": "str", "Usage": "str"}
# Columns to read of each metadata file, and its key.
METADATA: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "train.csv": ({"id": "str", "url": "str", "landmark_id": "int64"}, ("id",)),
    "train_clean.csv": ({"landmark_id": "int64", "images": "str"}, ("landmark_id",)),
    "train_label_to_category.csv": ({"landmark_id": "int64", "category": "str"}, ("landmark_id",)),
    "index_image_to_landmark.csv": ({"id": "str", "landmark_id": "int64"}, ("id",)),
    "index_label_to_category.csv": ({"landmark_id": "int64", "category": "str"}, ("landmark_id",)),
}
_OFFICIAL_COLUMNS = {"supercategory": "str", "hierarchical_label": "str", "natural_or_human_made": "str"}
for _split in ("train", "index"):
    METADATA[f"{_split}_label_to_hierarchical.csv"] = ({"landmark_id": "int64"} | _OFFICIAL_COLUMNS, ("landmark_id",))


def landmarks_table(raw: dict[str, pd.DataFrame], images: pd.DataFrame) -> pd.DataFrame:
    """Landmarks of both splits with canonical category and number of images (0 for a landmark without images)."""
    parts = []
    for split in ("train", "index"):
        name = f"{split}_label_to_category.csv"
        part = raw[name].assign(split=split).rename(columns={"category": "category_url"})
        part["category"] = [_title(name, row, url) for row, url in enumerate(part["category_url"])]
        parts.append(part)
    landmarks = pd.concat(parts, ignore_index=True)
    counts = images.groupby(["split", "landmark_id"]).size().rename("image_count").reset_index()
    landmarks = landmarks.merge(counts, on=["split", "landmark_id"], how="left", validate="1:1")
    return landmarks.assign(image_count=landmarks["image_count"].fillna(0).astype("int64"))


def images_table(raw: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Images of both splits; `is_clean` marks the train images listed in train_clean.csv."""
    clean = set(" ".join(raw["train_clean.csv"]["images"]).split())
    train = raw["train.csv"].assign(split="train")
    train["is_clean"] = train["id"].isin(clean)
    index = raw["index_image_to_landmark.csv"].assign(split="index", is_clean=False, url=None)
    return pd.concat([train, index], ignore_index=True).rename(columns={"id": "image_id"})


def official_table(raw: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Official labels, trimmed; rows without a label are left out."""
    parts = [raw[f"{split}_label_to_hierarchical.csv"].assign(split=split) for split in ("train", "index")]
    official = pd.concat(parts, ignore_index=True)
    for name in _OFFICIAL_COLUMNS:
        official[name] = official[name].str.strip().replace("", None)
    return official[official["hierarchical_label"].notna()]


def solution_table(solution: pd.DataFrame) -> pd.DataFrame:
    """GLDv2's test queries with their positive index images; `None` in the file is no image."""
    positives = [[] if images in ("", "None") else images.split() for images in solution["images"]]
    return solution.assign(positive_image_ids=positives).rename(columns={"id": "image_id", "Usage": "usage"})


def check_references(raw: dict[str, pd.DataFrame], landmarks: pd.DataFrame) -> None:
    """Every image belongs to a landmark of its split with a category.

    Raises:
        InputError: naming the first image that does not.
    """
    for split, name in (("train", "train.csv"), ("index", "index_image_to_landmark.csv")):
        known = landmarks.loc[landmarks["split"] == split, "landmark_id"]
        is_orphan = ~raw[name]["landmark_id"].isin(known)
        if is_orphan.any():
            row = int(is_orphan.to_numpy().argmax())
            image = raw[name].iloc[row]
            what = f"image {image['id']} belongs to {split} landmark {image['landmark_id']}, which has no category"
            where = f"{name}:{line_of(RAW / 'metadata' / name, row)}"
            raise InputError(where, what, "fetch the metadata again, all of one version")


def build(raw: dict[str, pd.DataFrame], solution: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The four tables of the stage from the metadata files as read (named as GLDv2 names them)."""
    images = images_table(raw)
    landmarks = landmarks_table(raw, images)
    check_references(raw, landmarks)
    return {
        "landmarks": landmarks,
        "images": images,
        "official_labels": official_table(raw),
        "retrieval_solution": solution_table(solution),
    }


def main(dry_run: bool = False) -> None:
    """Fetch GLDv2's metadata and the wanted image TARs, and write data/1_gldv2."""
    params = read_params()
    address = SAMPLE_ADDRESS if params.source == "sample" else params.gldv2.address
    shards = wanted_shards(params.gldv2)
    everything = [*metadata_files(address), *sums_files(address, shards), *tar_files(address, shards)]
    with Client() as client:
        if dry_run:
            click.echo("\n".join(plan_lines(plan_files(everything, client, params.gldv2.parallel), RAW)))
            return
        with exclusive(LOCK):
            check_space(plan_files(everything, client, params.gldv2.parallel), RAW)
            fetch_files(metadata_files(address), RAW, client, params.gldv2.parallel, "metadata")
            built = build(*read_metadata())
            manifest = fetch_tars(address, params, client)
    built["tar_manifest"] = manifest
    write_tables([(getattr(tables, name.upper()), frame) for name, frame in built.items()])


def metadata_files(address: str) -> list[Wanted]:
    """The metadata CSVs below the address of the bucket."""
    names = {f"metadata/{name}": columns for name, (columns, _) in METADATA.items()} | {SOLUTION: SOLUTION_COLUMNS}
    files = []
    for name, columns in names.items():
        target = RAW / "metadata" / Path(name).name
        has_columns = functools.partial(csv_flaw, columns=tuple(columns))
        files.append(Wanted(f"{address}/{name}", target, has_columns, _receipt(target)))
    return files


def read_metadata() -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """The metadata CSVs by name, and the retrieval solution, as fetched."""
    raw = {name: read_csv(RAW / "metadata" / name, columns, key) for name, (columns, key) in METADATA.items()}
    return raw, read_csv(RAW / "metadata" / Path(SOLUTION).name, SOLUTION_COLUMNS, ("id",))


def fetch_tars(address: str, params: Params, client: Client | None = None) -> pd.DataFrame:
    """Fetch the wanted image TARs, each verified against its published MD5, and list them."""
    shards, parallel = wanted_shards(params.gldv2), params.gldv2.parallel
    with contextlib.nullcontext(client) if client else Client() as asking:
        fetch_files(sums_files(address, shards), RAW, asking, parallel, "MD5s")
        fetch_files(tar_files(address, shards), RAW, asking, parallel, "TARs")
    rows = []
    for split, shard in shards:
        tar, md5 = _tar_path(split, shard), published_md5(_sums_path(split, shard))
        size = tar.stat().st_size
        rows.append({"split": split, "shard": shard, "path": tar.as_posix(), "md5": md5, "size_bytes": size})
    return pd.DataFrame(rows, columns=tables.TAR_MANIFEST.column_names)


def wanted_shards(gldv2: Gldv2) -> list[tuple[str, int]]:
    """Split and number of every image TAR that params.yaml asks for."""
    wanted = {"train": gldv2.train_shards, "index": gldv2.index_shards, "test": gldv2.test_shards}
    return [(split, n) for split, text in wanted.items() for n in shard_numbers(text, f"gldv2.{split}_shards")]


def sums_files(address: str, shards: list[tuple[str, int]]) -> list[Wanted]:
    """The published MD5 files of the shards."""
    targets = [_sums_path(split, shard) for split, shard in shards]
    return [Wanted(_address(address, target), target, sums_flaw, _receipt(target)) for target in targets]


def tar_files(address: str, shards: list[tuple[str, int]]) -> list[Wanted]:
    """The image TARs of the shards; their MD5 files must be there by the time they come."""
    files = []
    for split, shard in shards:
        target = _tar_path(split, shard)
        has_md5 = functools.partial(tar_flaw, sums=_sums_path(split, shard))
        files.append(Wanted(_address(address, target), target, has_md5))
    return files


def shard_numbers(text: str | None, name: str) -> list[int]:
    """Numbers of a list of numbers and ranges: "0-2,7" is 0, 1, 2, 7; null is none.

    Raises:
        InputError: not such a list.
    """
    numbers: set[int] = set()
    for part in filter(None, (text or "").replace(" ", "").split(",")):
        match = re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last:
            remedy = 'write "0", "0-9" or "0-3,7"'
            raise InputError(f"params.yaml: {name}", f"{part!r} is not a number or range", remedy)
        numbers.update(range(first, last + 1))
    return sorted(numbers)


def _tar_path(split: str, shard: int) -> Path:
    return RAW / split / f"images_{shard:03d}.tar"


def _sums_path(split: str, shard: int) -> Path:
    return RAW / "md5sum" / split / f"md5.images_{shard:03d}.txt"


def _address(bucket: str, target: Path) -> str:
    """TARs and MD5 files lie in the bucket as they lie below RAW."""
    return f"{bucket}/{target.relative_to(RAW).as_posix()}"


def _receipt(target: Path) -> Path:
    """Receipts lie beside the files' folders, not in them: data/raw/gldv2/metadata is an out of the stage."""
    return RAW / "receipts" / f"{target.relative_to(RAW).as_posix()}.json"


def _title(name: str, row: int, url: str) -> str:
    try:
        return title_of_url(url)
    except ValueError as error:
        raise InputError(
            f"{name}:{line_of(RAW / 'metadata' / name, row)}", f"category {url!r}: {error}", "mend the address"
        ) from error


if __name__ == "__main__":
    stage_command(main)()
