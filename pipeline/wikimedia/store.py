"""The record of everything that was asked and answered: append-only, crash-safe, content-addressed.

For the wikidata stage: a killed crawl goes on where it stopped, and tables can be made again without the network.

A store is a folder of segments `records-NNNN.jsonl.gz`, written one gzip member an append. A line is either an object
(an entity under the SHA-256 of its canonical JSON, stored once) or an answer: question, key, the object's digest or a
plain value (null for a miss), when and where it was asked, and the snapshot it belongs to.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click

from pipeline.wikimedia.members import DamagedError, append_member, read_member, read_members
from pipeline.wikimedia.source import Answer, Entity, Question

SEGMENT_BYTES = 64 * 1024 * 1024
_OBJECT = b'{"object":"'  # how an object line begins; its digest follows
_DIGEST = slice(len(_OBJECT), len(_OBJECT) + 64)


class Place(NamedTuple):
    """Where a member lies."""

    segment: int
    offset: int


class Store:
    """A folder of recorded answers, seen at one snapshot; hold its lock (pipeline.locks) while one is open."""

    def __init__(self, folder: Path, snapshot: str) -> None:
        """Read the index of the folder, and cut a damaged end.

        Args:
            folder: made when absent.
            snapshot: date of the facts; answers of other snapshots are kept but not used.
        """
        self.folder, self.snapshot = folder, snapshot
        self._objects: dict[bytes, Place] = {}
        # An answer is an object's digest, the place of the member that holds a plain value, or None for a miss.
        self._answers: dict[tuple[Question, str], bytes | Place | None] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._segments = sorted(folder.glob("records-*.jsonl.gz"))
        for number, path in enumerate(self._segments):
            self._read_index(number, path)
        lost = [k for k, found in self._answers.items() if isinstance(found, bytes) and found not in self._objects]
        for key in lost:  # the object lay in a damaged end
            del self._answers[key]

    def unanswered(self, question: Question, keys: Collection[str]) -> list[str]:
        """Keys that this snapshot has no answer for, misses counting as answers; in the order given."""
        return [key for key in dict.fromkeys(keys) if (question, key) not in self._answers]

    def answers(self, question: Question, keys: Collection[str]) -> Iterator[tuple[str, Answer]]:
        """Recorded answers, misses left out, in the order of the files so that each member is read once."""
        wanted: dict[Place, list[str]] = {}
        for key in dict.fromkeys(keys):
            found = self._answers.get((question, key))
            if found is not None:
                wanted.setdefault(self._objects[found] if isinstance(found, bytes) else found, []).append(key)
        for place in sorted(wanted):
            with self._segments[place.segment].open("rb") as opened:
                objects, values = self._contents(question, read_member(opened, place.offset).lines)
            for key in wanted[place]:
                found = self._answers[question, key]
                yield key, objects[found] if isinstance(found, bytes) else values[key]

    def append(
        self,
        question: Question,
        keys: Iterable[str],
        answers: dict[str, Any],
        endpoint: str,
        requested_at: str | None = None,
    ) -> None:
        """Record the answers to `keys`, absent ones as misses, and sync them to disk.

        Args:
            question: what was asked.
            keys: everything that was asked for.
            answers: entity, list or text by key.
            endpoint: who answered.
            requested_at: when, ISO 8601; None for a source that is not asked over the network.
        """
        objects: dict[bytes, dict[str, Any]] = {}
        lines: list[dict[str, Any]] = []
        for key in keys:
            answer = answers.get(key)
            line: dict[str, Any] = {"question": question, "key": key, "snapshot": self.snapshot}
            line |= {"requested_at": requested_at, "endpoint": endpoint}
            if isinstance(answer, dict):
                digest = digest_of(answer)
                if digest not in self._objects:
                    objects[digest] = {"object": digest.hex(), "entity": answer}
                line |= {"digest": digest.hex(), "id": answer["id"], "revision": answer.get("lastrevid")}
            else:
                line["answer"] = answer
            lines.append(line)
        if not self._segments or self._segments[-1].stat().st_size > SEGMENT_BYTES:
            self._segments.append(self.folder / f"records-{len(self._segments):04d}.jsonl.gz")
        start = append_member(self._segments[-1], [_json(line) for line in (*objects.values(), *lines)])
        place = Place(len(self._segments) - 1, start)
        self._objects |= dict.fromkeys(objects, place)
        for line in lines:
            self._index(place, line)

    def _read_index(self, number: int, path: Path) -> None:
        end = 0
        try:
            for member in read_members(path):
                place = Place(number, member.start)
                for line in member.lines:
                    if line.startswith(_OBJECT):
                        self._objects[bytes.fromhex(line[_DIGEST].decode())] = place
                    else:
                        self._index(place, json.loads(line))
                end = member.end
        except (DamagedError, ValueError) as error:
            lost = path.stat().st_size - end
            what = f"{path}: the last {lost} bytes are damaged ({error}): they are cut, and asked for again"
            click.echo(what, err=True)
            with path.open("r+b") as opened:
                opened.truncate(end)

    def _index(self, place: Place, line: dict[str, Any]) -> None:
        if line["snapshot"] != self.snapshot:
            return
        digest = bytes.fromhex(line["digest"]) if "digest" in line else None
        found = digest or (place if line["answer"] is not None else None)
        self._answers[Question(line["question"]), line["key"]] = found
        if digest:  # whoever asks for the entity by its id need not ask again
            self._answers.setdefault((Question.ENTITY, line["id"]), digest)

    def _contents(self, question: Question, lines: list[bytes]) -> tuple[dict[bytes, Entity], dict[str, Answer]]:
        """Objects by digest and plain values by key, of one member."""
        objects, values = {}, {}
        for line in map(json.loads, lines):
            if "entity" in line:
                objects[bytes.fromhex(line["object"])] = line["entity"]
            elif line["snapshot"] == self.snapshot and line["question"] == question and "answer" in line:
                values[line["key"]] = line["answer"]
        return objects, values


def digest_of(entity: Entity) -> bytes:
    """SHA-256 of the entity's canonical JSON (sorted keys, no spaces)."""
    text = json.dumps(entity, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def _json(line: dict[str, Any]) -> bytes:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode()
