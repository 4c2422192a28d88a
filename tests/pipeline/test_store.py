"""The store keeps what was answered whatever happens to its last bytes, and never gives a wrong answer."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.locks import exclusive
from pipeline.wikimedia import store as stores
from pipeline.wikimedia.recorded import RecordedSource
from pipeline.wikimedia.replay import ReplaySource
from pipeline.wikimedia.source import Question
from pipeline.wikimedia.store import Store

DATE = "2026-11-23"


def entity(qid: str, text: str = "a thing") -> dict[str, Any]:
    labels = {"en": {"language": "en", "value": text}}
    return {
        "type": "item",
        "id": qid,
        "labels": labels,
        "descriptions": {},
        "aliases": {},
        "claims": {},
        "sitelinks": {},
    }


def fill(folder: Path, batches: int = 6) -> dict[str, dict[str, Any]]:
    """A store of several appends: entities, a list, misses; returns the entities by key."""
    store = Store(folder, DATE)
    for batch in range(batches):
        keys = [f"Q{batch * 10 + n}" for n in range(1, 4)]
        store.append(Question.ENTITY, [*keys, f"Q{batch * 10 + 9}"], {key: entity(key) for key in keys}, "here", "now")
    store.append(Question.COMMONS_CATEGORY, ["A", "B"], {"A": ["Q1", "Q2"]}, "here", "now")
    return {f"Q{b * 10 + n}": entity(f"Q{b * 10 + n}") for b in range(batches) for n in range(1, 4)}


def test_answers_come_back_and_misses_are_remembered(tmp_path: Path) -> None:
    entities = fill(tmp_path)
    store = Store(tmp_path, DATE)
    assert dict(store.answers(Question.ENTITY, [*entities, "Q9"])) == entities
    assert store.unanswered(Question.ENTITY, ["Q9", "Q1", "Q7"]) == ["Q7"]
    assert dict(store.answers(Question.COMMONS_CATEGORY, ["A", "B"])) == {"A": ["Q1", "Q2"]}
    assert store.unanswered(Question.COMMONS_CATEGORY, ["A", "B", "C"]) == ["C"]


def test_an_entity_is_stored_once_and_known_by_its_id(tmp_path: Path) -> None:
    store = Store(tmp_path, DATE)
    store.append(Question.CATEGORY, ["Old"], {"Old": entity("Q5")}, "here", "now")
    assert store.unanswered(Question.ENTITY, ["Q5"]) == []
    store.append(Question.ENTITY, ["Q4"], {"Q4": entity("Q5")}, "here", "now")  # Q4 was merged into Q5
    lines = gzip.decompress((tmp_path / "records-0000.jsonl.gz").read_bytes()).splitlines()
    assert sum(b'"entity":' in line and line.startswith(b'{"object"') for line in lines) == 1
    assert {key: found["id"] for key, found in store.answers(Question.ENTITY, ["Q4", "Q5"])} == {"Q4": "Q5", "Q5": "Q5"}


def test_another_snapshot_asks_again_and_keeps_the_old(tmp_path: Path) -> None:
    fill(tmp_path)
    later = Store(tmp_path, "2027-01-01")
    assert later.unanswered(Question.ENTITY, ["Q1"]) == ["Q1"]
    later.append(Question.ENTITY, ["Q1"], {"Q1": entity("Q1", "renamed")}, "here", "then")
    assert dict(Store(tmp_path, "2027-01-01").answers(Question.ENTITY, ["Q1"])) == {"Q1": entity("Q1", "renamed")}
    assert dict(Store(tmp_path, DATE).answers(Question.ENTITY, ["Q1"])) == {"Q1": entity("Q1")}


def test_segments_roll_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "SEGMENT_BYTES", 300)
    entities = fill(tmp_path)
    assert len(list(tmp_path.iterdir())) > 2
    assert dict(Store(tmp_path, DATE).answers(Question.ENTITY, entities)) == entities


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_cut_end_loses_only_what_was_cut(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("store")
    entities = fill(folder)
    path = folder / "records-0000.jsonl.gz"
    whole = path.read_bytes()
    kept = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:kept])
    store = Store(folder, DATE)
    found = dict(store.answers(Question.ENTITY, entities))
    assert found.items() <= entities.items()
    assert len(path.read_bytes()) <= kept
    assert whole.startswith(path.read_bytes())
    # What is gone is asked again, and then everything is there.
    source = RecordedSource(store, ReplaySource(entities.values()), lambda: None)
    assert {key: facts.qid for key, facts in source.entities(entities).items()} == {key: key for key in entities}


@settings(deadline=None, max_examples=60)
@given(position=st.floats(0, 0.999), flip=st.integers(1, 255))
def test_a_damaged_byte_is_never_silently_used(
    position: float, flip: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("store")
    entities = fill(folder)
    path = folder / "records-0000.jsonl.gz"
    damaged = bytearray(path.read_bytes())
    damaged[int(position * len(damaged))] ^= flip
    path.write_bytes(damaged)
    store = Store(folder, DATE)
    assert dict(store.answers(Question.ENTITY, entities)).items() <= entities.items()
    assert dict(store.answers(Question.COMMONS_CATEGORY, ["A"])) in ({}, {"A": ["Q1", "Q2"]})
    assert not set(store.unanswered(Question.ENTITY, entities)) & set(dict(store.answers(Question.ENTITY, entities)))


def test_a_damaged_end_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path)
    path = tmp_path / "records-0000.jsonl.gz"
    path.write_bytes(path.read_bytes() + b"\x1f\x8b half a member")
    Store(tmp_path, DATE)
    said = capsys.readouterr().err
    assert "records-0000.jsonl.gz" in said
    assert "16 bytes are damaged" in said
    Store(tmp_path, DATE)
    assert capsys.readouterr().err == ""


def test_offline_names_what_was_never_asked(tmp_path: Path) -> None:
    fill(tmp_path)
    source = RecordedSource(Store(tmp_path, DATE), None)
    assert source.entities(["Q1"])["Q1"].label == "a thing"
    with pytest.raises(InputError, match=r"Q77.*--offline"):
        source.entities(["Q1", "Q77"])


def test_a_second_writer_is_told_who_the_first_is(tmp_path: Path) -> None:
    import os

    with (
        exclusive(tmp_path / "lock"),
        pytest.raises(InputError, match=f"process {os.getpid()} ") as raised,
        exclusive(tmp_path / "lock"),
    ):
        pass
    assert raised.value.exit_code == 1
    with exclusive(tmp_path / "lock"):  # free again
        pass


def test_lines_are_readable_by_other_tools(tmp_path: Path) -> None:
    fill(tmp_path)
    text = gzip.decompress((tmp_path / "records-0000.jsonl.gz").read_bytes())
    lines = [json.loads(line) for line in text.splitlines()]
    answers = [line for line in lines if "question" in line]
    assert {"question", "key", "snapshot", "requested_at", "endpoint"} <= set(answers[0])
    assert answers[0]["revision"] is None
