"""Stage export: the release, made from the labelled landmarks alone; the same inputs give the same bytes."""

from pipeline.errors import stage_command
from pipeline.files import replaced_folder
from pipeline.params import read_params
from pipeline.release_making import FOLDER, read_found, write_release


def main() -> None:
    """Write the release: labels, images, folds, classes, edges, official-schema CSVs, documents and checksums."""
    found, params = read_found(), read_params()
    with replaced_folder(FOLDER) as root:  # a release is whole or as it was before
        write_release(found, params, root)


if __name__ == "__main__":
    stage_command(main)()
