"""The dump route gives the tables of any other route, whatever the dump's packing."""

import bz2
import gzip
import json
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline import step1_download, tables
from pipeline.errors import InputError
from pipeline.files import read_table
from pipeline.step2_wikidata import build
from pipeline.wikimedia.dump import DumpService, write_spool
from pipeline.wikimedia.recorded import RecordedSource
from pipeline.wikimedia.replay import ReplaySource, read_entities
from pipeline.wikimedia.source import Question
from pipeline.wikimedia.store import Store

ROOT = Path(__file__).parents[2]
DATE = "2026-11-23"
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "d.json": lambda content: content,
    "d.json.gz": gzip.compress,
    "d.json.bz2": bz2.compress,
}


def dump_of(entities: Iterable[dict[str, Any]]) -> bytes:
    """A dump as Wikidata publishes it: one array, an entity a line, properties among them."""
    lines = [json.dumps(entity, ensure_ascii=False) for entity in (*entities, {"type": "property", "id": "P279"})]
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


@pytest.fixture(scope="module")
def landmarks(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("landmarks")
        (folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
        (folder / "sample").symlink_to(ROOT / "sample")
        patch.chdir(folder)
        step1_download.main()
        return read_table(tables.LANDMARKS)


@pytest.mark.parametrize("name", PACKINGS)
def test_dump_and_replay_give_the_same_tables(name: str, landmarks: pd.DataFrame, tmp_path: Path) -> None:
    entities = read_entities(ROOT / "sample/wikidata/entities.jsonl")
    (tmp_path / name).write_bytes(PACKINGS[name](dump_of(entities)))
    write_spool(tmp_path / name, tmp_path / "spool.gz", set(landmarks["category"]))
    source = RecordedSource(Store(tmp_path / "store", DATE), DumpService(tmp_path / "spool.gz"), lambda: None)
    expected = build(landmarks, ReplaySource(entities))
    for table, frame in build(landmarks, source).items():
        key = list(getattr(tables, table.upper()).key)
        pd.testing.assert_frame_equal(
            frame.sort_values(key, ignore_index=True), expected[table].sort_values(key, ignore_index=True)
        )


def test_a_pipe_serves_as_a_dump(tmp_path: Path) -> None:
    entities = read_entities(ROOT / "sample/wikidata/entities.jsonl")[:200]
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(dump_of(entities),), daemon=True)
    writer.start()
    write_spool(pipe, tmp_path / "spool.gz", [])
    writer.join()
    marked = [e["id"] for e in entities if {"P279", "P373", "P301", "P910"} & set(e["claims"]) or e["sitelinks"]]
    found = dict(DumpService(tmp_path / "spool.gz").ask(Question.ENTITY, [e["id"] for e in entities]))
    assert set(marked) <= set(found)
    assert len(marked) > 20


@pytest.mark.parametrize("name", ["d.json.gz", "d.json.bz2"])
def test_a_cut_dump_leaves_no_spool(name: str, tmp_path: Path) -> None:
    whole = PACKINGS[name](dump_of(read_entities(ROOT / "sample/wikidata/entities.jsonl")))
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="not readable to its end"):
        write_spool(tmp_path / name, tmp_path / "spool.gz", [])
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["absent.json.gz", "d.zip"])
def test_a_dump_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "d.zip").write_bytes(b"")
    with pytest.raises(InputError, match=r"wikidata\.dump"):
        write_spool(tmp_path / name, tmp_path / "spool.gz", [])
