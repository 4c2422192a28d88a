"""croissant.json of a release: every file and field for machines, with the responsible-AI answers.

Croissant 1.1 and its responsible-AI vocabulary 1.0, https://docs.mlcommons.org/croissant; mlcroissant validates it and
reads records through it. For dataset search, loaders and reviewers.
"""

from pathlib import Path
from typing import Any

from pipeline.checksums import sha256_of
from pipeline.documents.card import citation
from pipeline.documents.datasheet import LABELLING, Answers
from pipeline.documents.files import ReleaseFile
from pipeline.params import Release
from pipeline.schema import Column

Json = dict[str, Any]
NAME = "croissant.json"
CONFORMS_TO = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
LICENCES = ("https://creativecommons.org/licenses/by/4.0/", "https://creativecommons.org/publicdomain/zero/1.0/")
BASED_ON = (
    "https://github.com/cvdfoundation/google-landmark",
    "https://arxiv.org/abs/2309.08250",
    "https://www.wikidata.org",
)
_ENCODING = {".parquet": "application/x-parquet", ".csv": "text/csv"}
_DATA_TYPE = {"int64": "cr:Int64", "float64": "cr:Float64", "bool": "sc:Boolean", "string": "sc:Text"}
_TERMS = (
    *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject"),
    *("fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5"),
    *("parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator"),
    *("source", "subField", "transform"),
)
CONTEXT: Json = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{term: f"cr:{term}" for term in _TERMS},
}


def croissant(said: Answers, files: list[ReleaseFile], folder: Path, release: Release, snapshot_date: str) -> Json:
    """The description of a release.

    Args:
        said: the datasheet's answers.
        files: the tables of the release.
        folder: where they lie; their sizes and checksums are taken from there.
        release: version, date and address.
        snapshot_date: day of the facts of Wikidata.
    """
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS_TO),
        "name": "hgldv2",
        "description": said["summary"],
        "url": release.url,
        "license": list(LICENCES),
        "creator": {"@type": "sc:Organization", "name": "hgldv2 maintainers"},
        "datePublished": release.date,
        "version": release.version,
        "citeAs": citation(release),
        "keywords": ["landmarks", "image retrieval", "hierarchical labels", "metric learning", "Wikidata"],
        "isBasedOn": list(BASED_ON),
        **_responsible_ai(said, snapshot_date),
        "distribution": [_file_object(file, folder) for file in files],
        "recordSet": [_record_set(file) for file in files],
    }


def _file_object(file: ReleaseFile, folder: Path) -> Json:
    path = folder / file.path
    return {
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": file.name,
        "description": f"one row is {file.table.row}",
        "contentUrl": file.path,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": _ENCODING[path.suffix],
        "sha256": sha256_of(path),
    }


def _record_set(file: ReleaseFile) -> Json:
    return {
        "@type": "cr:RecordSet",
        "@id": file.name,
        "name": file.name,
        "description": f"{file.row_count} rows; one is {file.table.row}",
        "key": [{"@id": f"{file.name}/{name}"} for name in file.table.key],
        "field": [_field(file, column) for column in file.table.columns],
    }


def _field(file: ReleaseFile, column: Column) -> Json:
    element = column.type.removeprefix("list<").removesuffix(">")
    null = f"Null: {column.null}." if column.null else "Never null."
    allowed = f" One of {', '.join(column.allowed)}." if column.allowed else ""
    field: Json = {
        "@type": "cr:Field",
        "@id": f"{file.name}/{column.name}",
        "name": column.name,
        "description": f"{column.meaning}.{allowed} {null} Source: {file.table.source_of(column)}.",
        "dataType": _DATA_TYPE[element],
        "source": {"fileObject": {"@id": file.path}, "extract": {"column": column.name}},
    }
    return field | ({"isArray": True, "arrayShape": "-1"} if element != column.type else {})


def _responsible_ai(said: Answers, snapshot_date: str) -> Json:
    """The answers under the names of the responsible-AI vocabulary."""
    return {
        "rai:dataCollection": said["collection"],
        "rai:dataCollectionType": ["Secondary Data Analysis", "Web API"],
        "rai:dataCollectionMissingData": said["missing"],
        "rai:dataCollectionRawData": "Metadata files of Google Landmarks v2, and entities of Wikidata as JSON.",
        "rai:dataCollectionTimeframe": [snapshot_date],
        "rai:dataImputationProtocol": "None: what is not known is null.",
        "rai:dataPreprocessingProtocol": [said["preprocessing"]],
        "rai:dataAnnotationProtocol": list(LABELLING),
        "rai:dataAnnotationPlatform": ["The review page and worksheets of hgldv2; decisions are CSV files in git."],
        "rai:dataAnnotationAnalysis": [
            f"README.md of the release states the agreement with the official release. {said['agreement']}"
        ],
        "rai:annotationsPerItem": "One label for each landmark, by rule; one decision or more where people decided.",
        "rai:annotatorDemographics": ["Not recorded; reviewers are named in annotations/reviewers.csv of the source."],
        "rai:machineAnnotationTools": [
            "hgldv2: vote of Wikidata classes, a calibrated classifier over titles, and, where it was asked for, CLIP"
        ],
        "rai:dataBiases": [said["region_bias"], said["label_bias"], said["source_bias"]],
        "rai:dataLimitations": [said["no_uses"], said["missing"]],
        "rai:dataUseCases": [said["uses"]],
        "rai:dataSocialImpact": said["social_impact"],
        "rai:personalSensitiveInformation": [said["privacy"]],
        "rai:dataReleaseMaintenancePlan": said["maintenance"],
    }
