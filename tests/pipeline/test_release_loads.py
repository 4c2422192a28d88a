"""The release in the hands of its users: pandas, pyarrow, datasets and mlcroissant read the same rows, offline."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlcroissant
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from pipeline import release_tables
from pipeline.documents.files import ReleaseFile, release_files
from pipeline.levels import with_levels

PARQUET = [table for table in release_tables.RELEASE_TABLES if table.path.endswith(".parquet")]
# In a process of its own: datasets reads its settings when it is imported.
LOAD = """
import json, sys
from datasets import load_dataset

rows = {name: {split: part.num_rows for split, part in load_dataset("release", name).items()} for name in sys.argv[1:]}
first = {split: part[0] for split, part in load_dataset("release").items()}
print(json.dumps({"rows": rows, "first": first}))
"""


@pytest.fixture
def files(in_sample: Path) -> list[ReleaseFile]:
    """The tables of the release, their rows counted by pandas."""
    del in_sample
    readers = {".parquet": pd.read_parquet, ".csv": pd.read_csv}
    paths = [table.path for table in release_tables.RELEASE_TABLES]
    return release_files({path: len(readers[Path(path).suffix](path)) for path in paths})


@pytest.mark.parametrize("table", PARQUET, ids=lambda table: table.path)
def test_pandas_and_pyarrow_read_the_same_and_every_field_is_described(table: Any, in_sample: Path) -> None:
    read = pq.read_table(table.path)
    frame = pd.read_parquet(table.path)
    assert len(frame) == read.num_rows > 0
    assert list(frame.columns) == read.schema.names
    assert read.schema.metadata[b"schema_version"] == b"1.0.0"
    for field, column in zip(read.schema, with_levels(table).columns, strict=True):
        assert field.metadata[b"description"].decode() == column.meaning
        assert field.metadata[b"source"]
        assert field.metadata[b"null"]


def test_hugging_face_datasets_loads_every_configuration_offline(files: list[ReleaseFile], tmp_path: Path) -> None:
    header = yaml.safe_load(Path("release/README.md").read_text(encoding="utf-8").split("---\n")[1])
    names = [config["config_name"] for config in header["configs"]]
    assert names[:2] == ["labels", "images"]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    said = subprocess.run(
        [sys.executable, "-c", LOAD, *names],
        env={"PATH": "", "TQDM_DISABLE": "1", **offline},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = json.loads(said.stdout)
    counts = {file.name: file.row_count for file in files if file.path.endswith(".parquet")}
    flat = {
        f"{name}_{split}" if split in release_tables.SPLITS else name: count
        for name, splits in loaded["rows"].items()
        for split, count in splits.items()
    }
    assert flat == counts
    for split, first in loaded["first"].items():
        assert first == json.loads(pd.read_parquet(f"release/labels/{split}.parquet").iloc[0].to_json())


def test_mlcroissant_validates_and_reads_every_record(
    files: list[ReleaseFile], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        dataset = mlcroissant.Dataset("release/croissant.json")
    assert dataset.metadata.ctx.issues.report() == ""
    assert not caplog.records
    assert dataset.metadata.ctx.is_v1_1()
    assert {record_set.uuid for record_set in dataset.metadata.record_sets} == {file.name for file in files}
    for file in files:
        records = list(dataset.records(file.name))
        assert len(records) == file.row_count
        assert set(records[0]) == {f"{file.name}/{name}" for name in file.table.column_names}
    classes = pd.read_parquet("release/classes.parquet")
    read = [[qid.decode() for qid in record["classes/path_qids"]] for record in dataset.records("classes")]
    assert read == [list(path) for path in classes["path_qids"]]


def test_croissant_answers_the_questions_of_responsible_ai(in_sample: Path) -> None:
    described = json.loads(Path("release/croissant.json").read_text(encoding="utf-8"))
    asked = (
        *("dataCollection", "dataCollectionType", "dataCollectionMissingData", "dataCollectionRawData"),
        *("dataCollectionTimeframe", "dataImputationProtocol", "dataPreprocessingProtocol", "dataAnnotationProtocol"),
        *("dataAnnotationPlatform", "dataAnnotationAnalysis", "annotationsPerItem", "annotatorDemographics"),
        *("machineAnnotationTools", "dataBiases", "dataUseCases", "dataLimitations", "dataSocialImpact"),
        *("personalSensitiveInformation", "dataReleaseMaintenancePlan"),
    )
    assert {f"rai:{name}" for name in asked} == {key for key in described if key.startswith("rai:")}
    assert all(described[f"rai:{name}"] for name in asked)
    mandatory = {"name", "description", "url", "license", "creator", "datePublished", "conformsTo"}
    assert mandatory <= {key for key, value in described.items() if value}


def test_official_schema_has_the_columns_and_quotes_of_the_originals(in_sample: Path) -> None:
    """Addresses with a comma are quoted, nothing else is; line ends are LF, as in GLDv2's own files."""
    for split in release_tables.SPLITS:
        content = (in_sample / f"release/{split}_label_to_hierarchical.csv").read_bytes()
        assert b"\r" not in content
        original = (in_sample / f"sample/gldv2/metadata/{split}_label_to_hierarchical.csv").read_bytes()
        assert content.splitlines()[0] == original.splitlines()[0]
    lines = content.decode().splitlines()
    assert lines[0] == "landmark_id,category,supercategory,hierarchical_label,natural_or_human_made"
    address = "http://commons.wikimedia.org/wiki/Category:Shadwell,_Virginia"
    assert f'950000,"{address}",plantation,agricultural land,natural' in lines
    assert all(line.count('"') % 2 == 0 and ('"' in line) == (line.count(",") > 4) for line in lines)
