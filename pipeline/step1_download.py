"""Stage download: GLDv2's metadata and image TARs, turned into typed tables keyed by split and landmark."""

from pathlib import Path

import pandas as pd
from tqdm import tqdm

from pipeline import tables
from pipeline.csv_input import line_of, read_csv
from pipeline.errors import InputError, stage_command
from pipeline.fetch import fetch
from pipeline.files import write_table
from pipeline.params import Params, read_params
from pipeline.titles import title_of_url

RAW = Path("data/raw/gldv2")
SAMPLE_ADDRESS = "file:sample/gldv2"
SOLUTION = "ground_truth/retrieval_solution_v2.1.csv"
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


def check_references(landmarks: pd.DataFrame, images: pd.DataFrame) -> None:
    """Every image belongs to a landmark with a category.

    Raises:
        InputError: naming the first image that does not.
    """
    known = pd.MultiIndex.from_frame(landmarks[["split", "landmark_id"]])
    orphans = images[~pd.MultiIndex.from_frame(images[["split", "landmark_id"]]).isin(known)]
    if len(orphans):
        row = orphans.iloc[0]
        what = f"image {row['image_id']} belongs to {row['split']} landmark {row['landmark_id']}, which has no category"
        raise InputError(
            "train.csv or index_image_to_landmark.csv", what, "fetch the metadata again, all of one version"
        )


def build(raw: dict[str, pd.DataFrame], solution: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The four tables of the stage from the metadata files as read (named as GLDv2 names them)."""
    images = images_table(raw)
    landmarks = landmarks_table(raw, images)
    check_references(landmarks, images)
    return {
        "landmarks": landmarks,
        "images": images,
        "official_labels": official_table(raw),
        "retrieval_solution": solution_table(solution),
    }


def main() -> None:
    """Fetch GLDv2's metadata and the wanted image TARs, and write data/1_gldv2."""
    params = read_params()
    address = SAMPLE_ADDRESS if params.source == "sample" else params.gldv2.address
    raw = {}
    for name, (columns, key) in tqdm(METADATA.items(), desc="metadata", unit="file", disable=None):
        raw[name] = read_csv(fetch(f"{address}/metadata/{name}", RAW / "metadata" / name), columns, key)
    solution_path = fetch(f"{address}/{SOLUTION}", RAW / "metadata" / Path(SOLUTION).name)
    built = build(raw, read_csv(solution_path, {"id": "str", "images": "str", "Usage": "str"}, ("id",)))
    manifest = fetch_tars(address, params)
    write_table(built["landmarks"], tables.LANDMARKS)
    write_table(built["images"], tables.IMAGES)
    write_table(built["official_labels"], tables.OFFICIAL_LABELS)
    write_table(built["retrieval_solution"], tables.RETRIEVAL_SOLUTION)
    write_table(manifest, tables.TAR_MANIFEST)


def fetch_tars(address: str, params: Params) -> pd.DataFrame:
    """Fetch the wanted image TARs, each verified against its published MD5, and list them."""
    rows = []
    for split in ("train", "index", "test"):
        for shard in shard_numbers(getattr(params.gldv2, f"{split}_shards"), f"gldv2.{split}_shards"):
            name = f"images_{shard:03d}"
            sums = fetch(f"{address}/md5sum/{split}/md5.{name}.txt", RAW / "md5sum" / split / f"md5.{name}.txt")
            md5 = sums.read_text(encoding="ascii").split()[0]
            tar = fetch(f"{address}/{split}/{name}.tar", RAW / split / f"{name}.tar", md5)
            size = tar.stat().st_size
            rows.append({"split": split, "shard": shard, "path": tar.as_posix(), "md5": md5, "size_bytes": size})
    return pd.DataFrame(rows, columns=tables.TAR_MANIFEST.column_names)


def shard_numbers(text: str | None, name: str) -> list[int]:
    """Numbers of a list of numbers and ranges: "0-2,7" is 0, 1, 2, 7; null is none.

    Raises:
        InputError: not such a list.
    """
    numbers: set[int] = set()
    for part in (text or "").replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if not part:
            continue
        if not first.isdecimal() or not (last or first).isdecimal() or int(last or first) < int(first):
            raise InputError(
                f"params.yaml: {name}", f"{part!r} is not a number or range", 'write "0", "0-9" or "0-3,7"'
            )
        numbers.update(range(int(first), int(last or first) + 1))
    return sorted(numbers)


def _title(name: str, row: int, url: str) -> str:
    try:
        return title_of_url(url)
    except ValueError as error:
        raise InputError(f"{name}:{line_of(row)}", f"category {url!r}: {error}", "mend the address") from error


if __name__ == "__main__":
    stage_command(main)()
