"""provenance.json: what a release was made from, and nothing that changes between runs; for whoever makes it again."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.checksums import SUMS, broken_sums, sha256_of
from pipeline.curation import landmark_decisions_path
from pipeline.errors import InputError
from pipeline.params import Params
from pipeline.schema import SCHEMA_VERSION

CODE = ("annotations", "hierarchy", "pipeline")
CURATED = ("taxonomy", "anchors", "class_decisions", "edge_decisions", "head_nouns")
NAME = "provenance.json"


def provenance(entities: pd.DataFrame, params: Params) -> dict[str, Any]:
    """What the release was made from.

    Hashes of the code, the pinned versions, GLDv2's metadata, the facts of Wikidata and the curated tables; source,
    endpoint, date and range of revisions; the parameters that a label or a fold depends on; the release before.

    Raises:
        InputError: see `previous_release`.
    """
    revisions = entities["revision_id"].dropna()
    facts = params.wikidata
    inputs = [
        *sorted(Path("data/raw/gldv2/metadata").glob("*.csv")),
        *sorted(Path("data/2_wikidata").glob("*.parquet")),
        *(Path("annotations") / f"{name}.csv" for name in CURATED),
        landmark_decisions_path(params.source),
    ]
    return {
        "version": params.release.version,
        "date": params.release.date,
        "schema_version": SCHEMA_VERSION,
        "previous": previous_release(params),
        "source": params.source,
        "endpoint": [facts.wikidata_api, facts.commons_api, facts.sparql] if params.source == "wikimedia" else None,
        "snapshot_date": facts.snapshot_date,
        "revision_range": [int(revisions.min()), int(revisions.max())] if len(revisions) else None,
        "params": {"folds": dataclasses.asdict(params.folds), "label": dataclasses.asdict(params.label)},
        "code_sha256": _sha256_of_tree(sorted(path for room in CODE for path in _code_of(Path(room)))),
        "constraints_sha256": sha256_of(Path("constraints.txt")),
        "inputs": {path.as_posix(): sha256_of(path) for path in inputs},
        "licences": {"labels": "CC BY 4.0, attribution to Google Landmarks v2", "wikidata": "CC0 1.0"},
    }


def previous_release(params: Params) -> dict[str, str] | None:
    """Version of the release before, and the hash of its checksums; not its path, which is of one machine.

    Raises:
        InputError: params.release.previous is not the folder of a release.
    """
    if params.release.previous is None:
        return None
    folder = Path(params.release.previous)
    try:
        version = json.loads((folder / NAME).read_text(encoding="utf-8"))["version"]
        broken = next(broken_sums(folder), None)
        found = {"version": str(version), "sha256sums_sha256": sha256_of(folder / SUMS)}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        what = f"{folder} is no release ({type(error).__name__}: {str(error).splitlines()[0]})"
        raise InputError("params.yaml: release.previous", what, "name a folder that `hgld export` made") from error
    if broken:
        what = f"{folder} is not as it was published: {broken}"
        raise InputError("params.yaml: release.previous", what, "name an unharmed copy")
    return found


def _code_of(room: Path) -> list[Path]:
    """Modules, and the templates, styles and scripts that they read."""
    kinds = {".py", ".html", ".md", ".css", ".js", ".json", ".svg"}
    return [path for path in room.rglob("*") if path.suffix in kinds and "__pycache__" not in path.parts]


def _sha256_of_tree(paths: list[Path]) -> str:
    listing = {path.as_posix(): sha256_of(path) for path in paths}
    return hashlib.sha256(json.dumps(listing, sort_keys=True).encode()).hexdigest()
