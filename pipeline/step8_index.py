"""Stage index: where in the TARs each image lies, read once, so that training reads images without unpacking them."""

from pathlib import Path

import pandas as pd

from pipeline import tables
from pipeline.errors import InputError, stage_command
from pipeline.files import read_table, write_tables
from training.image_index import ImageError, build_index


def build(manifest: pd.DataFrame) -> pd.DataFrame:
    """The index of the TARs of the manifest.

    Raises:
        InputError: a TAR that is missing or broken, or an image twice in a split.
    """
    parts = []
    for split, paths in manifest.groupby("split")["path"]:
        try:
            parts.append(build_index([Path(path) for path in paths]).assign(split=split))
        except ImageError as error:
            remedy = "remove the TAR and run the download stage again"
            raise InputError(tables.TAR_MANIFEST.path, str(error), remedy) from error
    return pd.concat(parts) if parts else pd.DataFrame(columns=tables.TAR_INDEX.column_names)


def main() -> None:
    """Read tar_manifest and the TARs; write tar_index."""
    write_tables([(tables.TAR_INDEX, build(read_table(tables.TAR_MANIFEST)))])


if __name__ == "__main__":
    stage_command(main)()
