"""A Wikidata JSON dump as a `Service`: a pass over the dump, then every question is answered from what was kept.

For `source: dump`. The pass keeps, trimmed, the entities that a question about landmarks can reach: those with a parent
class, a Commons category, a category topic, a main category, or a link to Commons. They lie in a spool file, and each
question is one scan of the spool, so memory does not grow with the dump. A dump knows no Commons pages, so soft
redirects stay unanswered.
"""

import bz2
import contextlib
import functools
import gzip
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import click
from qwikidata.json_dump import WikidataJsonDump
from tqdm import tqdm

from pipeline.errors import InputError
from pipeline.files import atomic
from pipeline.wikimedia.closure import class_closure
from pipeline.wikimedia.facts import checked_entity, trimmed_entity
from pipeline.wikimedia.links import link_categories
from pipeline.wikimedia.replay import category_of, inverse_keys
from pipeline.wikimedia.source import EntitySource, Question

# Bytes that a useful line holds; looking for them is far faster than parsing.
MARKS = re.compile(rb'"(?:P279|P373|P301|P910|commonswiki)"')
_OWN_ID = re.compile(rb'"id":\s*"(Q\d+)"')  # the first of a line
SUFFIXES = (".json", ".json.gz", ".json.bz2")
ANY_NUMBER = 1 << 40
_LINES_A_TICK = 10_000


class FilteredDump(WikidataJsonDump):  # type: ignore[misc]
    """qwikidata's reader of .json, .json.gz, .json.bz2 or a FIFO named so, past the lines that are not wanted."""

    def __init__(self, filename: str, is_wanted: Callable[[bytes], Any]) -> None:
        super().__init__(filename)
        self._is_wanted = is_wanted

    def iter_lines(self) -> Iterator[str]:
        """Lines that are wanted, with progress by bytes of the file."""
        with contextlib.ExitStack() as stack:
            raw = stack.enter_context(Path(self.filename).open("rb"))
            size = Path(self.filename).stat().st_size if raw.seekable() else None
            progress = stack.enter_context(tqdm(total=size, desc="dump", unit="B", unit_scale=True, disable=None))
            for number, line in enumerate(self._unpacked(raw)):
                if number % _LINES_A_TICK == 0 and raw.seekable():
                    progress.update(raw.tell() - progress.n)
                if self._is_wanted(line):
                    yield line.decode("utf-8")

    def _unpacked(self, raw: IO[bytes]) -> Iterable[bytes]:
        if self.compression == "gz":
            return gzip.open(raw)
        return bz2.open(raw) if self.compression == "bz2" else raw


def write_spool(dump: Path, spool: Path, titles: Collection[str]) -> None:
    """Keep what questions about the categories `titles` can reach, each line headed by the keys that it answers.

    The first pass keeps the marked lines. What these refer to without being there themselves (a class without parents,
    say) is fetched by its id in a further pass; a FIFO cannot be read again, so that is said and left out.

    Raises:
        InputError: the dump is absent, has another name, is cut short, or holds a line that is not an entity.
    """
    if not dump.exists() or not dump.name.endswith(SUFFIXES):
        what = "not found, or not named as a dump"
        raise InputError(str(dump), what, f"set wikidata.dump to a file or FIFO that ends in {', '.join(SUFFIXES)}")
    with atomic(spool) as partial:
        _append(partial, dump, MARKS.search)
        searched: set[str] = set()
        while absent := _absent(partial, titles) - searched:
            if not dump.is_file():
                click.echo(f"{dump}: a pipe; {len(absent)} entities without marks were not kept", err=True)
                break
            _append(partial, dump, functools.partial(_is_one_of, {qid.encode() for qid in absent}))
            searched |= absent


def _is_one_of(qids: set[bytes], line: bytes) -> bool:
    own_id = _OWN_ID.search(line)
    return own_id is not None and own_id[1] in qids


def _append(spool: Path, dump: Path, is_wanted: Callable[[bytes], Any]) -> None:
    """Append the items of the dump whose line is wanted."""
    with gzip.open(spool, "ab", compresslevel=3) as opened:
        try:
            for raw in FilteredDump(str(dump), is_wanted):
                if raw.get("type") == "item":
                    opened.write(_spool_line(raw, str(dump)))
        except (EOFError, OSError, ValueError) as error:
            raise InputError(str(dump), f"not readable to its end ({error})", "fetch the dump again") from error


def _absent(spool: Path, titles: Collection[str]) -> set[str]:
    """Ids that the walk from the categories up to the highest classes asks for and the spool does not hold."""
    source = DumpSource(spool)
    links = link_categories(sorted(titles), source)
    items = source.entities(sorted({qid for link in links.values() for qid in link.candidates}))
    class_closure({s.value_qid for item in items.values() for s in item.instance_of}, source)
    return source.absent


def _spool_line(raw: dict[str, Any], where: str) -> bytes:
    entity = trimmed_entity(checked_entity(raw, where))
    inverse = inverse_keys(entity)
    heads = [
        entity["id"],
        category_of(entity) or "",
        "|".join(inverse[Question.COMMONS_CATEGORY]),  # a title cannot hold a bar
        "|".join(inverse[Question.MAIN_CATEGORY]),
    ]
    return "\t".join(heads).encode() + b"\t" + json.dumps(entity, ensure_ascii=False).encode() + b"\n"


class DumpService:
    """Answers from the spool of a dump."""

    def __init__(self, spool: Path) -> None:
        self._spool = spool

    def endpoint(self, question: Question) -> str:
        """The dump."""
        del question
        return "dump"

    def batch_size(self, question: Question) -> int:
        """One scan answers any number of keys."""
        del question
        return ANY_NUMBER

    def ask(self, question: Question, keys: Collection[str]) -> Iterator[tuple[str, Any]]:
        """Answers with their keys, by one scan of the spool."""
        wanted = set(keys)
        if question in (Question.ENTITY, Question.CATEGORY):
            column = 0 if question is Question.ENTITY else 1
            yield from ((h[column], json.loads(body)) for h, body in self._scan() if h[column] in wanted)
        elif question in (Question.COMMONS_CATEGORY, Question.MAIN_CATEGORY):
            column = 2 if question is Question.COMMONS_CATEGORY else 3
            items: dict[str, list[str]] = {}
            for heads, _ in self._scan():
                for key in wanted.intersection(heads[column].split("|")):
                    items.setdefault(key, []).append(heads[0])
            for key, qids in items.items():
                yield key, sorted(qids, key=lambda qid: int(qid[1:]))

    def _scan(self) -> Iterator[tuple[list[str], bytes]]:
        """The heads of every line, and its entity as JSON."""
        with gzip.open(self._spool, "rb") as opened:
            for line in tqdm(opened, desc="scanning the dump's spool", unit="line", disable=None):
                *heads, body = line.split(b"\t", 4)
                yield [head.decode() for head in heads], body


class DumpSource(EntitySource):
    """The dump's answers unrecorded, noting the ids that it lacks."""

    def __init__(self, spool: Path) -> None:
        self._service = DumpService(spool)
        self.absent: set[str] = set()

    def ask(self, question: Question, keys: Collection[str]) -> Iterator[tuple[str, Any]]:
        """Answers with their keys."""
        left = set(keys) if question is Question.ENTITY else set()
        for key, answer in self._service.ask(question, keys):
            left.discard(key)
            yield key, answer
        self.absent |= left
