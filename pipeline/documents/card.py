"""README.md of a release: the dataset card, with a header that `datasets.load_dataset` reads, and datasheet answers."""

from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.documents.datasheet import LABELLING, Answers
from pipeline.documents.facts import Facts
from pipeline.documents.files import ReleaseFile
from pipeline.params import Release
from pipeline.release_tables import SPLITS

NAME = "README.md"
# Sizes in the Hugging Face hub's own words, by the number of landmarks below.
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))


_BIBTEX = r"""@misc{hgldv2,
  title = {hgldv2: hierarchical labels for Google Landmarks v2},
  author = {hgldv2 maintainers},
  year = {}
}
@article{ramzi2023optimization,
  title = {Optimization of Rank Losses for Image Retrieval},
  author = {Ramzi, Elias and Audebert, Nicolas and Rambour, Cl{\'e}ment and Araujo, Andr{\'e} and Bitot, Xavier and
    Thome, Nicolas},
  year = {2023},
  eprint = {2309.08250},
  archivePrefix = {arXiv}
}
@inproceedings{weyand2020gldv2,
  title = {{Google Landmarks Dataset v2}: A Large-Scale Benchmark for Instance-Level Recognition and Retrieval},
  author = {Weyand, Tobias and Araujo, Andr{\'e} and Cao, Bingyi and Sim, Jack},
  booktitle = {CVPR},
  year = {2020}
}"""


def dataset_card(facts: Facts, said: Answers, files: list[ReleaseFile], levels: list[str], release: Release) -> str:
    """The card as Markdown.

    Args:
        facts: see `pipeline.documents.facts.release_facts`.
        said: the datasheet's answers.
        files: the tables of the release.
        levels: names of the levels above the label, fine to coarse.
        release: version, date and address.
    """
    environment = Environment(
        loader=PackageLoader("pipeline.documents"),
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
    )
    environment.filters |= {"cell": cell, "prose": cell}  # labels may hold anything
    return environment.get_template("card.md").render(
        header=yaml.safe_dump(header(facts, files), sort_keys=False, allow_unicode=True, width=120),
        release=release,
        facts=facts,
        answers=said,
        labelling=LABELLING,
        levels=levels,
        files=[
            {"path": file.path, "row": file.table.row, "row_count": file.row_count, "key": ", ".join(file.table.key)}
            for file in files
        ],
        described=_described(files),
        citation=citation(release),
    )


def header(facts: Facts, files: list[ReleaseFile]) -> dict[str, Any]:
    """The YAML header: one configuration for each kind of table; labels and images have the splits of GLDv2."""
    total = facts["total"]["landmark_count"]
    rows = {file.path: file.row_count for file in files}
    alone = [file.name for file in files if file.path.endswith(".parquet") and "/" not in file.path and file.row_count]
    configs: list[dict[str, Any]] = [
        {
            "config_name": name,
            "data_files": [
                {"split": split, "path": f"{name}/{split}.parquet"}
                for split in SPLITS
                if rows[f"{name}/{split}.parquet"]  # datasets cannot load a table without rows
            ],
        }
        for name in ("labels", "images")
    ]
    configs += [{"config_name": name, "data_files": [{"split": name, "path": f"{name}.parquet"}]} for name in alone]
    configs = [config for config in configs if config["data_files"]]
    if configs:
        configs[0]["default"] = True
    return {
        "pretty_name": "hgldv2: hierarchical labels for Google Landmarks v2",
        "license": "cc-by-4.0",
        "size_categories": [next((words for limit, words in _SIZES if total < limit), "10M<n<100M")],
        "task_categories": ["image-feature-extraction", "image-classification"],
        "tags": ["landmarks", "image-retrieval", "hierarchical-labels", "metric-learning", "wikidata", "croissant"],
        "configs": configs,
    }


def citation(release: Release) -> str:
    """How to cite the release, in BibTeX: the release, the paper whose labels it goes beyond, and GLDv2."""
    about = f"year = {{{release.date[:4]}}},\n  note = {{Version {release.version}}}"
    return _BIBTEX.replace("year = {}", about)


def cell(text: str) -> str:
    """Text that stands in a cell of a Markdown table as it is, whatever it holds."""
    escaped = "".join(f"\\{letter}" if letter in "\\|`*_[]<>#&" else letter for letter in text)
    return " ".join(escaped.split())


def _described(files: list[ReleaseFile]) -> list[dict[str, Any]]:
    """The fields of each table once, under the paths of the files that have them."""
    by_fields: dict[tuple[Any, ...], list[ReleaseFile]] = {}
    for file in files:
        by_fields.setdefault(file.table.columns, []).append(file)
    return [
        {
            "title": ", ".join(f"`{file.path}`" for file in alike),
            "fields": [
                {
                    "name": column.name,
                    "type": cell(column.type),
                    "meaning": cell(_meaning(column.meaning, column.allowed)),
                    "null": cell(column.null or "never null"),
                    "source": cell(alike[0].table.source_of(column)),
                }
                for column in columns
            ],
        }
        for columns, alike in by_fields.items()
    ]


def _meaning(meaning: str, allowed: tuple[str, ...]) -> str:
    return f"{meaning}: {', '.join(allowed)}" if allowed else meaning
