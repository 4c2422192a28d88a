"""What reads bytes of strangers either reads them or refuses with the error that it promises, whatever they are.

More examples than in a usual run: `pytest tests/test_untrusted_bytes.py --hypothesis-profile=long`.
"""

import io
import json
import tarfile
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from annotations import store, worksheet
from annotations.store import CurationError
from pipeline.csv_input import read_csv
from pipeline.errors import InputError
from pipeline.wikimedia.facts import checked_entity, read_facts, text_values, trimmed_entity
from pipeline.wikimedia.members import DamagedError, append_member, read_members
from tests.damage import damaged
from training.image_index import ImageError, build_index
from training.images import decode

ROOT = Path(__file__).parents[1]
MOST_MEMORY = 160 << 20  # bytes; a worksheet may have 64 MB
quick = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=2_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "given"


def refuses(read: Callable[[], Any], *errors: type[Exception]) -> None:
    """Read, or refuse with one of the errors, in bounded memory."""
    tracemalloc.start()
    with suppress(*errors):
        read()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MOST_MEMORY


METADATA = (ROOT / "sample/gldv2/metadata/train_label_to_category.csv").read_bytes()[:1500]
COLUMNS = {"landmark_id": "int64", "category": "str"}


@quick
@given(content=damaged(METADATA) | st.binary(max_size=300))
@example(content=b"landmark_id,category\n1," + b'"' + b"a" * 200_000)
@example(content=b"landmark_id,category\n99999999999999999999,x\n")
@example(content=b"\xff\xfelandmark_id")
@example(content=b"landmark_id,category\n1,a\x00b\n")
@example(content=b"landmark_id,landmark_id,category\n1,2,x\n")
def test_metadata(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    refuses(lambda: read_csv(path, COLUMNS, ("landmark_id",)), InputError)


DECISIONS = (ROOT / "annotations/class_decisions.csv").read_bytes()[:1500]


@quick
@given(content=damaged(DECISIONS) | st.binary(max_size=300))
@example(content=b"class_qid\n")
@example(content=b'class_qid,class_label\n"Q1')
def test_curated_tables(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    refuses(lambda: store.read("class_decisions", path), CurationError)


SHEET = (
    "\ufeffclass_qid,class_label,decision (assign | ignore | unsure),hierarchical_label,reason,evidence_hash\r\n"
    'Q1,\'=kirk,assign,church,"people pray, there",abcdefghijkl\r\nQ2,pond,,,,\r\n'
).encode()


@quick
@given(content=damaged(SHEET) | st.binary(max_size=300))
@example(content=SHEET.decode("utf-8-sig").encode("utf-16"))
@example(content=b"PK\x03\x04")
@example(content=SHEET.replace(b",", b";"))
@example(content=SHEET.replace(b",", b"\t"))
def test_worksheets(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    refuses(lambda: worksheet.read(path), CurationError)


ENTITIES = [
    json.loads(line) for line in (ROOT / "sample/wikidata/entities.jsonl").read_text(encoding="utf-8").splitlines()
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("Q42"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def entities(draw: st.DrawFn) -> Any:
    """A real entity with one part replaced by anything."""
    entity = json.loads(json.dumps(draw(st.sampled_from(ENTITIES))))
    holder: Any = entity
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            return entity
        key = draw(st.sampled_from(keys))
        if not isinstance(holder[key], dict | list) or not holder[key] or draw(st.integers(0, 3)) == 0:
            holder[key] = draw(ANYTHING)
            return entity
        holder = holder[key]


def _read_entity(raw: Any) -> None:
    entity = checked_entity(raw, "here")
    read_facts(entity)
    text_values(entity, "P373")
    read_facts(checked_entity(trimmed_entity(entity), "here"))


@quick
@given(raw=entities() | ANYTHING)
@example(raw={"id": "Q1", "labels": {"en": {"value": None}}, "claims": {}})
@example(raw={"id": "Q1", "labels": [], "claims": {"P31": [{"mainsnak": None, "rank": "normal"}]}})
@example(raw={"id": "Q1", "labels": [], "claims": [], "sitelinks": {"commonswiki": []}})
def test_entities(raw: Any) -> None:
    refuses(lambda: _read_entity(raw), InputError)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store of answers with three members."""
    path = tmp_path_factory.mktemp("store") / "records-0000.jsonl.gz"
    for number in range(3):
        append_member(path, [json.dumps({"key": f"k{number}", "answer": "x" * 50}).encode()])
    return path.read_bytes()


@quick
@given(data=st.data())
def test_store(data: st.DataObject, records: bytes, path: Path) -> None:
    path.write_bytes(data.draw(damaged(records)))
    refuses(lambda: list(read_members(path)), DamagedError)


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in ("a/b/c/abc0000000000001.jpg", "notes.txt", f"d/{'e' * 120}/f/def0000000000002.jpg"):
            member = tarfile.TarInfo(name)
            member.size = 40
            tar.addfile(member, io.BytesIO(b"x" * 40))
    return buffer.getvalue()


TAR = _tar()


@quick
@given(content=damaged(TAR) | st.binary(max_size=1100))
@example(content=TAR[:-1030])
@example(content=TAR[:124] + b"77777777777\x00" + TAR[136:])
@example(content=TAR[:124] + b"\x80" + b"\xff" * 11 + TAR[136:])
def test_tars(content: bytes, path: Path) -> None:
    tar = path.with_suffix(".tar")
    tar.write_bytes(content)
    refuses(lambda: build_index([Path(tar.name)], tar.parent), ImageError)


def _picture(form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((48, 40), 50).convert("RGB").save(buffer, form, **options)
    return buffer.getvalue()


PICTURES = [_picture("JPEG"), _picture("JPEG", progressive=True), _picture("PNG")]


@quick
@given(content=st.sampled_from(PICTURES).flatmap(damaged) | st.binary(max_size=200))
@example(content=b"\xff\xd8\xff")
@example(content=PICTURES[2][:16] + b"\x7f\xff\xff\xff\x7f\xff\xff\xff" + PICTURES[2][24:])
@example(content=b"GIF89a" + b"\x01" * 40)
def test_pictures(content: bytes) -> None:
    refuses(lambda: decode(content, 32, "an image"), ImageError)
