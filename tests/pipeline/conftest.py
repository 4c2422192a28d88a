"""The sample built once, copies of it for tests that write, the command line, and small made-up entities."""

import hashlib
import importlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from pipeline import release_file_checks, step2_wikidata, tables, workbench
from pipeline.cli import STAGES, hgld
from pipeline.files import conform
from pipeline.wikimedia.source import EntitySource
from pipeline.workbench import Workbench
from tests.clones import train_nothing

Entity = dict[str, Any]
# What `item` may be given for a property: ids, texts, coordinates, or whole statements.
Values = list[Any]


def run_stages(*names: str) -> None:
    """Run the named stages, or all, in the current folder."""
    for name in names or STAGES:
        importlib.import_module(f"pipeline.{STAGES[name]}").main()


@pytest.fixture(scope="session")
def build_here() -> Callable[..., None]:
    return run_stages


@pytest.fixture(scope="session")
def built_sample(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A folder in which all stages have run on the sample. Read only: other tests look at it too."""
    folder = tmp_path_factory.mktemp("sample") / "hgldv2"
    for name in ("annotations", "sample"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", "constraints.txt"):
        shutil.copy(root / name, folder / name)
    train_nothing(folder)
    for room in ("hierarchy", "pipeline"):  # hashed into provenance.json
        (folder / room).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("HGLD_CONTACT", raising=False)
        run_stages()
    return folder


@pytest.fixture
def in_sample(built_sample: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The built sample as the current folder, for commands that only look."""
    monkeypatch.chdir(built_sample)
    monkeypatch.delenv("HGLD_CONTACT", raising=False)
    return built_sample


@pytest.fixture
def workspace(built_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the built sample as the current folder, for tests that break something."""
    folder = tmp_path / "workspace"
    shutil.copytree(built_sample, folder)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("HGLD_CONTACT", raising=False)
    return folder


@pytest.fixture(scope="session")
def sample_bench(built_sample: Path) -> Workbench:
    """The workbench over the built sample; its paths are relative, so that it fits every copy of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(built_sample)
        return workbench.open_workbench()


@pytest.fixture
def opened_before(sample_bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands lay the curated tables over the workbench that is open already, which takes a fifth of the time.

    Labels are the same, as tests/pipeline/test_workbench.py shows; not for tests that run stages or take tables away.
    """

    def laid_over(curated: workbench.Tables | None = None) -> Workbench:
        return workbench.under(sample_bench, workbench.read_curated() if curated is None else curated)

    monkeypatch.setattr(workbench, "open_workbench", laid_over)


@pytest.fixture
def made_before(built_sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation takes the release that it makes again from the built sample, which halves its time.

    It is the same one in every copy of the sample, as tests/pipeline/test_stages.py shows.
    """

    def copy_it(found: object, params: object, root: Path) -> None:
        del found, params
        shutil.copytree(built_sample / "release", root / "release")

    monkeypatch.setattr(release_file_checks, "write_release", copy_it)


@pytest.fixture
def cli() -> Callable[..., Result]:
    """Run `hgld` with arguments in this process; an exception that click did not handle fails the test."""

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(hgld, list(arguments))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            pytest.fail(f"hgld {' '.join(arguments)} ends in a traceback: {result.exception!r}")
        assert "Traceback" not in result.output
        return result

    return run


@pytest.fixture
def outputs() -> Callable[[], dict[str, str]]:
    """Digest of every file that stages made in the current folder, but raw copies of the source and the run record."""

    def digests() -> dict[str, str]:
        files = [path for top in ("data", "release") for path in sorted(Path(top).rglob("*")) if path.is_file()]
        parts = [path.as_posix() for path in files if path.name.endswith(".part")]
        assert not parts, "half-written files are left"
        return {
            path.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
            if not path.as_posix().startswith("data/raw/") and path.as_posix() != "data/8_report/run.json"
        }

    return digests


def make_statement(property_id: str, value: Any, rank: str = "normal", **qualifiers: str) -> dict[str, Any]:
    """A Wikibase statement. The value is an id, a text, (latitude, longitude), or "somevalue" / "novalue"."""
    snak: dict[str, Any] = {"snaktype": "value", "property": property_id}
    if value in ("somevalue", "novalue"):
        snak |= {"snaktype": value, "datatype": "wikibase-item"}
    elif isinstance(value, tuple):
        place = {"latitude": value[0], "longitude": value[1], "precision": 0.001, "globe": "http://www.wikidata.org/Q2"}
        snak |= {"datavalue": {"value": place, "type": "globecoordinate"}, "datatype": "globe-coordinate"}
    elif value[:1] == "Q" and value[1:].isdigit():
        entity_id = {"entity-type": "item", "numeric-id": int(value[1:]), "id": value}
        snak |= {"datavalue": {"value": entity_id, "type": "wikibase-entityid"}, "datatype": "wikibase-item"}
    else:
        snak |= {"datavalue": {"value": value, "type": "string"}, "datatype": "string"}
    made: dict[str, Any] = {"mainsnak": snak, "type": "statement", "rank": rank}
    if qualifiers:
        made["qualifiers"] = {name: [_time_snak(name, time)] for name, time in qualifiers.items()}
        made["qualifiers-order"] = list(qualifiers)
    return made


def _time_snak(property_id: str, time: str) -> dict[str, Any]:
    calendar = "http://www.wikidata.org/entity/Q1985727"
    value = {"time": time, "timezone": 0, "before": 0, "after": 0, "precision": 9, "calendarmodel": calendar}
    datavalue = {"value": value, "type": "time"}
    return {"snaktype": "value", "property": property_id, "hash": "0", "datavalue": datavalue, "datatype": "time"}


def make_item(qid: str, en: str | None = None, sitelink: str | None = None, **properties: Values) -> Entity:
    """A Wikibase item with an English label, a Commons page, and statements by property (P31=["Q5"])."""
    claims = {
        property_id: [v if isinstance(v, dict) else make_statement(property_id, v) for v in values]
        for property_id, values in properties.items()
    }
    return {
        "type": "item",
        "id": qid,
        "labels": {"en": {"language": "en", "value": en}} if en else {},
        "descriptions": {},
        "aliases": {},
        "claims": claims,
        "sitelinks": {"commonswiki": {"site": "commonswiki", "title": sitelink, "badges": []}} if sitelink else {},
    }


def make_wikidata_tables(source: EntitySource, *categories: str) -> dict[str, pd.DataFrame]:
    """The tables of the wikidata stage for train landmarks 0, 1, ... with these categories."""
    numbers = range(len(categories))
    landmarks = pd.DataFrame({"split": "train", "landmark_id": numbers, "category": categories}).astype(
        {"split": "str", "category": "str"}
    )
    built = step2_wikidata.build(landmarks, source)
    named = {name: getattr(tables, name.upper()) for name in built}
    return {name: conform(frame, named[name]) for name, frame in built.items()}


@pytest.fixture(scope="session")
def wikidata_tables() -> Callable[..., dict[str, pd.DataFrame]]:
    return make_wikidata_tables


@pytest.fixture(scope="session")
def statement() -> Callable[..., dict[str, Any]]:
    return make_statement


@pytest.fixture(scope="session")
def item() -> Callable[..., Entity]:
    return make_item
