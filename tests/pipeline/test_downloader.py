"""The downloader against a bucket on this machine that fails: the same bytes as without faults, or a clear error."""

import errno
import functools
import hashlib
import io
import os
import queue
import random
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import Result

from pipeline import step1_download
from pipeline.download_files import fetch_files, in_parallel
from pipeline.download_part import Part
from pipeline.download_plan import Wanted
from pipeline.errors import InputError
from pipeline.fetch import MAX_WAIT_S, UnreachableError, asked_wait, md5_flaw
from pipeline.params import read_params
from pipeline.step1_download import LOCK, RAW, fetch_tars
from pipeline.transfer import MAX_FAILURES, Client, StoppedError, Version
from tests.bucket_faults import ALL, no_faults, scripted, seeded
from tests.fetching import fetch
from tests.local_bucket import LocalBucket

ROOT = Path(__file__).parents[2]
NOW = 1795453200.0  # Mon, 23 Nov 2026 17:00:00 GMT
TAR_BYTES = 600_000
TAR = "train/images_000.tar"
Cli = Callable[..., Result]


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bucket: the sample's metadata, and eight TARs of random bytes with their MD5 files."""
    folder = tmp_path_factory.mktemp("bucket")
    sample = ROOT / "sample/gldv2"
    contents = {path.relative_to(sample): path.read_bytes() for path in sorted(sample.glob("*/*.csv"))}
    del contents[Path("metadata/index.csv")]  # the stage has no use for it
    draw = random.Random(0)
    for split, count in {"train": 6, "index": 1, "test": 1}.items():
        for name in (f"images_{shard:03d}" for shard in range(count)):
            tar = draw.randbytes(TAR_BYTES)
            contents[Path(split, f"{name}.tar")] = tar
            sums = f"{hashlib.md5(tar).hexdigest()}  {name}.tar\n"
            contents[Path("md5sum", split, f"md5.{name}.txt")] = sums.encode()
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def open_bucket(stocked: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., LocalBucket]]:
    """Opens the bucket, with a plan of faults, as the source that params.yaml names."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    opened: list[LocalBucket] = []

    def open_one(plan: object = no_faults, folder: Path = stocked, **options: str) -> LocalBucket:
        opened.append(LocalBucket(folder, plan, **options).__enter__())
        name_source(project, opened[-1].address)
        return opened[-1]

    yield open_one
    for bucket in opened:
        bucket.__exit__()


def name_source(project: Path, address: str, shards: str = "0-5") -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8").replace("source: sample", "source: wikimedia")
    text = text.replace("https://s3.amazonaws.com/google-landmark", address)
    text = text.replace('train_shards: "0"', f'train_shards: "{shards}"')
    (project / "params.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that clients of the stage would have waited between tries."""
    asked: list[float] = []
    monkeypatch.setattr(step1_download, "Client", functools.partial(Client, clock=lambda: NOW, sleep=asked.append))
    return asked


@pytest.fixture
def hasty(waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients of the stage that give a stalled server little time; a server that is merely slow is tried again too."""
    monkeypatch.setattr(step1_download, "Client", functools.partial(step1_download.Client, timeouts_s=(10.0, 0.3)))


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(clock=lambda: NOW, sleep=lambda _: None) as made:
        yield made


def tree(folder: Path) -> dict[str, str]:
    """Digest of every file below a folder, receipts and the lock left out: they name the source and the process."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if "receipts" not in path.parts and path.suffix != ".lock"
    }


@pytest.fixture(scope="module")
def faultless_folder(stocked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the stage has run on the bucket's folder, without a server."""
    folder = tmp_path_factory.mktemp("faultless")
    name_source(folder, f"file:{stocked}")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        step1_download.main()
    return folder


@pytest.fixture(scope="module")
def faultless(faultless_folder: Path) -> dict[str, str]:
    """What the stage makes of the bucket when nothing fails."""
    made = tree(faultless_folder / "data")
    assert len(made) == 5 + 8 + 8 + 8
    return made


def file_of(bucket: LocalBucket, name: str = TAR) -> Wanted:
    """A file of the bucket whose MD5 is known."""
    md5 = hashlib.md5((bucket.folder / name).read_bytes()).hexdigest()
    return Wanted(f"{bucket.address}/{name}", RAW / name, functools.partial(md5_flaw, md5=md5))


def is_same(bucket: LocalBucket, name: str = TAR) -> bool:
    """The file is here as it lies in the bucket, and nothing beside it."""
    assert [path.name for path in (RAW / name).parent.iterdir()] == [Path(name).name]
    return (RAW / name).read_bytes() == (bucket.folder / name).read_bytes()


# ---------------------------------------------------------------------------------------------------------------------
# Whole runs of the stage


def test_a_server_gives_what_the_folder_gives(
    open_bucket: Callable[..., LocalBucket], project: Path, faultless: dict[str, str], waits: list[float]
) -> None:
    bucket = open_bucket()
    step1_download.main()
    assert tree(project / "data") == faultless
    assert waits == []
    assert len(bucket.asked("HEAD")) == len(bucket.asked("GET")) == 24
    assert not [line for line in bucket.log if line.range]


@pytest.mark.parametrize("seed", range(4))
def test_thirty_in_a_hundred_faults_change_nothing(
    seed: int, open_bucket: Callable[..., LocalBucket], project: Path, faultless: dict[str, str], hasty: None
) -> None:
    bucket = open_bucket(seeded(seed, 0.3))
    step1_download.main()
    assert tree(project / "data") == faultless
    assert len([line.fault for line in bucket.log if line.fault]) > 8


def test_the_seeded_plans_hold_every_fault(stocked: Path) -> None:
    names = [f"/{path.relative_to(stocked).as_posix()}" for path in sorted(stocked.rglob("*.tar"))]
    drawn = {seeded(seed, 0.3)("GET", name, nth) for seed in range(20) for name in names for nth in range(2)}
    assert set(ALL) < drawn


# A line on its input is a download in a process of its own; a run elsewhere first loads all that is loaded late.
# The small buffer keeps the process near to what the server has sent.
DRIVER = """
import os, socket, sys
from urllib3.connection import HTTPConnection
from pipeline import step1_download
HTTPConnection.default_socket_options += [(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)]
project = os.getcwd()
os.chdir(sys.argv[1])
step1_download.main()
os.chdir(project)
print(flush=True)
for _ in sys.stdin:
    pid = os.fork()
    if not pid:
        step1_download.main()
        os._exit(0)
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@pytest.fixture
def downloads(
    project: Path, faultless_folder: Path, open_bucket: Callable[..., LocalBucket]
) -> Iterator[tuple[LocalBucket, Callable[[int | None], int]]]:
    """A bucket, and what runs the stage in a new process, killed after so many bytes (None: not), for its exit code."""
    bucket = open_bucket()
    command = [sys.executable, "-c", DRIVER, str(faultless_folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=project, env=environment, stdin=-1, stdout=-1, text=True, bufsize=1) as driver:
        assert driver.stdin
        assert driver.stdout
        sent, said = driver.stdin, driver.stdout
        said.readline()

        def run(byte_count: int | None) -> int:
            pids: queue.Queue[int] = queue.Queue()
            if byte_count:
                bucket.after(byte_count, lambda: kill(pids.get(timeout=30)))
            sent.write("go\n")
            pids.put(int(said.readline()))
            return int(said.readline())

        yield bucket, run


def test_killed_at_twenty_points_it_continues(
    downloads: tuple[LocalBucket, Callable[[int | None], int]], project: Path, faultless: dict[str, str]
) -> None:
    (bucket, download), draw = downloads, random.Random(20)
    tars = [f"/{path.relative_to(bucket.folder).as_posix()}" for path in sorted(bucket.folder.rglob("*.tar"))]
    most = len(tars) * TAR_BYTES // 24  # so that the last kill still finds something to do
    starts: Counter[tuple[str, str | None]] = Counter()
    for byte_count in [*(draw.randint(1, most) for _ in range(20)), None]:
        lengths = {name: Part.beside(RAW / name[1:], bucket.address + name).length for name in tars}
        starts.update((name, f"bytes={length}-" if length else None) for name, length in lengths.items())
        assert download(byte_count) == (-signal.SIGKILL if byte_count else 0)
    assert tree(project / "data") == faultless
    asked = Counter((line.path, line.range) for line in bucket.asked("GET", ".tar"))
    assert not asked - starts  # at most once a run, from where the part ended
    assert sum(count for (_, start), count in asked.items() if start) >= 20


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


# ---------------------------------------------------------------------------------------------------------------------
# One fault at a time


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind != "stall"])
def test_each_fault_is_outlasted(kind: str, open_bucket: Callable[..., LocalBucket], waits: list[float]) -> None:
    # A fault that needs something to continue comes after a reset.
    script = ["reset", kind] if kind in ("416", "no_range", "other_range") else [kind]
    bucket = open_bucket(scripted(images_000=script))
    with step1_download.Client() as client:
        fetch_files([file_of(bucket)], RAW, client, 1)
    assert is_same(bucket)
    gets = bucket.asked("GET", TAR)
    assert [line.fault for line in gets] == (script if kind == "no_range" else [*script, None])
    is_continued = kind in ("reset", "short", "old")
    assert bool(gets[-1].range) == (is_continued or kind == "no_range")
    if is_continued:
        assert gets[-1].headers["if-range"].startswith('"')
    assert len(waits) == len(gets) - 1 - (kind == "wrong")
    assert all(seconds >= 1 for seconds in waits)


def test_an_encoded_body_is_never_kept(open_bucket: Callable[..., LocalBucket], client: Client, tmp_path: Path) -> None:
    bucket = open_bucket(scripted(images_000=["gzip"] * 20))
    for one in (client, None):  # patient or not
        with pytest.raises(InputError, match=r"sends the file encoded \(gzip\)"):
            fetch(f"{bucket.address}/{TAR}", tmp_path / "got.tar", client=one)
    assert not list(tmp_path.glob("*got.tar*"))


def test_a_stall_is_outlasted(open_bucket: Callable[..., LocalBucket], hasty: None) -> None:
    bucket = open_bucket(scripted(images_000=["stall", "stall"]))
    with step1_download.Client() as client:
        fetch_files([file_of(bucket)], RAW, client, 1)
    assert is_same(bucket)
    assert bucket.asked("GET", TAR)[1].range


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("429", 1, 2), ("429_seconds", 7, 7), ("429_date", 30, 30), ("503_seconds", 3, 3)]
)
@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_what_the_server_asks_to_wait_is_waited(
    kind: str, low: float, high: float, method: str, open_bucket: Callable[..., LocalBucket], waits: list[float]
) -> None:
    bucket = open_bucket(scripted(**{"head_images_000" if method == "HEAD" else "images_000": [kind]}))
    with step1_download.Client() as client:
        fetch_files([file_of(bucket)], RAW, client, 1)
    assert len(waits) == 1
    assert low <= waits[0] <= high


def test_waits_grow(open_bucket: Callable[..., LocalBucket], waits: list[float]) -> None:
    bucket = open_bucket(scripted(images_000=["500"] * 6))
    with step1_download.Client() as client:
        fetch_files([file_of(bucket)], RAW, client, 1)
    for wait, base in zip(waits, [0, 2, 4, 8, 16, 32], strict=True):
        assert max(1, base) <= wait <= base + 1


def test_patience_ends(open_bucket: Callable[..., LocalBucket], client: Client) -> None:
    bucket = open_bucket(scripted(images_000=["reset", *["503"] * 20]))
    with pytest.raises(UnreachableError, match=r"images_000\.tar: the server answers 503 .*Remedy: .*continued"):
        fetch_files([file_of(bucket)], RAW, client, 1)
    assert len(bucket.asked("GET", TAR)) == MAX_FAILURES + 1
    assert not (RAW / TAR).exists()
    with Client(sleep=lambda _: None) as another:  # what came before is continued by the next run
        fetch_files([file_of(bucket, "train/images_001.tar")], RAW, another, 1)
    assert Part.beside(RAW / TAR, f"{bucket.address}/{TAR}").length > 0


def test_progress_renews_patience(
    open_bucket: Callable[..., LocalBucket], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.fetch.PROGRESS_BYTES", 1000)
    bucket = open_bucket(scripted(images_000=["503", "short"] * MAX_FAILURES))
    fetch_files([file_of(bucket)], RAW, client, 1)
    assert is_same(bucket)


def test_a_very_long_wait_is_left_to_the_next_run(
    open_bucket: Callable[..., LocalBucket], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules["tests.local_bucket"].RETRY_AFTER, "429_seconds", "86400")
    bucket = open_bucket(scripted(images_000=["429_seconds"]))
    with pytest.raises(UnreachableError, match=r"429 .*asks to wait 86400 s"):
        fetch_files([file_of(bucket)], RAW, client, 1)
    assert MAX_WAIT_S < 86400


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("12", 12),
        ("soon", 0),
        ("-5", 0),
        ("Mon, 23 Nov 2026 17:01:00 GMT", 60),
        ("Mon, 23 Nov 2026 17:01:00 -0000", 60),
        ("Mon, 23 Nov 2026 16:00:00 GMT", 0),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str | None, seconds: float) -> None:
    assert asked_wait(header, NOW) == seconds


@pytest.mark.parametrize("etag", ["weak", "none"])
def test_without_strong_etag_the_date_vouches(
    etag: str, open_bucket: Callable[..., LocalBucket], client: Client
) -> None:
    bucket = open_bucket(scripted(images_000=["reset"]), etag=etag)
    fetch_files([file_of(bucket)], RAW, client, 1)
    assert is_same(bucket)
    assert bucket.asked("GET", TAR)[1].headers["if-range"].endswith("GMT")


def test_without_any_validator_it_starts_over(open_bucket: Callable[..., LocalBucket], client: Client) -> None:
    bucket = open_bucket(scripted(images_000=["reset"]), etag="nothing")
    fetch_files([file_of(bucket)], RAW, client, 1)
    assert is_same(bucket)
    assert [line.range for line in bucket.asked("GET", TAR)] == [None, None]


def test_a_damaged_tar_is_fetched_twice_and_not_kept(open_bucket: Callable[..., LocalBucket], client: Client) -> None:
    bucket = open_bucket(scripted(images_000=["wrong", "wrong"]))
    (RAW / TAR).parent.mkdir(parents=True)
    (RAW / TAR).write_bytes(b"old")
    md5 = hashlib.md5((bucket.folder / TAR).read_bytes()).hexdigest()
    with pytest.raises(InputError, match=rf"images_000\.tar: MD5 is .*, expected {md5}, also .*Remedy: "):
        fetch_files([file_of(bucket)], RAW, client, 1)
    assert len(bucket.asked("GET", TAR)) == 2
    assert [path.name for path in (RAW / TAR).parent.iterdir()] == ["images_000.tar"]
    assert (RAW / TAR).read_bytes() == b"old"


def test_no_size_no_fetch(open_bucket: Callable[..., LocalBucket], client: Client) -> None:
    bucket = open_bucket(scripted(head_images_000=["unsized"], images_001=["unsized"]))
    for name in (TAR, "train/images_001.tar"):
        with pytest.raises(InputError, match="announces no size"):
            fetch_files([file_of(bucket, name)], RAW, client, 1)
        assert not list(RAW.rglob("*.part*"))


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/file", "/loop"])
def test_redirects_lead_to_http_only(
    location: str, open_bucket: Callable[..., LocalBucket], client: Client, tmp_path: Path
) -> None:
    bucket = open_bucket()
    bucket.redirects = {"/away": location, "/loop": "/loop"}
    with pytest.raises(InputError, match="leads to no http or https address"):
        fetch(f"{bucket.address}/away", tmp_path / "got", client=client)
    bucket.redirects["/away"] = f"{bucket.address}/{TAR}"
    assert fetch(f"{bucket.address}/away", tmp_path / "got", client=client).stat().st_size == TAR_BYTES


def test_no_contact_is_sent(
    open_bucket: Callable[..., LocalBucket], monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    monkeypatch.setenv("HGLD_CONTACT", "operator@landmarks.museum")
    bucket = open_bucket()
    fetch_tars(bucket.address, read_params())
    for line in bucket.log:
        assert re.fullmatch(r"hgldv2/[\d.]+ requests/[\d.]+", line.headers["user-agent"])
        assert line.headers["accept-encoding"] == "identity"
        assert "museum" not in str(line.headers)


# ---------------------------------------------------------------------------------------------------------------------
# What is here already


def test_a_second_run_fetches_what_changed_only(
    open_bucket: Callable[..., LocalBucket], stocked: Path, project: Path, waits: list[float]
) -> None:
    folder = project / "bucket"
    subprocess.run(["cp", "-r", stocked, folder], check=True)
    bucket = open_bucket(folder=folder)
    step1_download.main()
    first = tree(project / "data")
    step1_download.main()
    assert len(bucket.asked("GET")) == 24
    assert tree(project / "data") == first
    labels = folder / "metadata/train_label_to_hierarchical.csv"
    labels.write_bytes(labels.read_bytes().replace(b"human-made", b"human_made", 1))  # of the same size
    (project / RAW / TAR).write_bytes(b"\0" * TAR_BYTES)
    clean = project / RAW / "metadata/train_clean.csv"
    clean.write_bytes(clean.read_bytes()[:-2] + b"x\n")
    step1_download.main()
    again = sorted(line.path for line in bucket.asked("GET")[24:])
    assert again == ["/metadata/train_clean.csv", "/metadata/train_label_to_hierarchical.csv", f"/{TAR}"]
    changed = {name for name, digest in tree(project / "data").items() if first[name] != digest}
    assert changed == {"raw/gldv2/metadata/train_label_to_hierarchical.csv", "1_gldv2/official_labels.parquet"}


def test_another_bucket_is_another_file(open_bucket: Callable[..., LocalBucket], client: Client) -> None:
    """A part of one bucket is not continued from another, though version and name are the same."""
    first, second = open_bucket(scripted(images_000=["reset", *["503"] * 20])), open_bucket()
    with pytest.raises(UnreachableError):
        fetch_files([file_of(first)], RAW, client, 1)
    with Client() as another:
        fetch_files([file_of(second)], RAW, another, 1)
    assert second.asked("GET", TAR)[0].range is None
    assert is_same(second)


def half_a_part(bucket: LocalBucket) -> Part:
    """The part that a cut download of TAR leaves."""
    content = (bucket.folder / TAR).read_bytes()
    version = Version(len(content), f'"{hashlib.md5(content).hexdigest()}"')
    part = Part.beside(RAW / TAR, f"{bucket.address}/{TAR}")
    part.take(SimpleNamespace(version=version, start=0, blocks=[content[:1000]]), lambda _: None)
    return part


SIDECAR = RAW / f"{TAR}.part.json"
BAD_SIDECARS = [b"", b"{", b"[]", b"null", b'{"address": 1}', b"\xff"]


@pytest.mark.parametrize("content", BAD_SIDECARS)
def test_a_part_without_a_good_sidecar_is_not_continued(
    content: bytes, open_bucket: Callable[..., LocalBucket], client: Client
) -> None:
    bucket = open_bucket()
    half_a_part(bucket)
    SIDECAR.write_bytes(content)
    fetch_files([file_of(bucket)], RAW, client, 1)
    assert [line.range for line in bucket.asked("GET", TAR)] == [None]
    assert is_same(bucket)


def test_a_part_of_an_older_version_is_not_continued(open_bucket: Callable[..., LocalBucket], client: Client) -> None:
    bucket = open_bucket()
    half_a_part(bucket)
    text = SIDECAR.read_text(encoding="utf-8")
    SIDECAR.write_text(re.sub(r"[0-9a-f]{32}", "0" * 32, text), encoding="utf-8")
    fetch_files([file_of(bucket)], RAW, client, 1)
    assert [line.range for line in bucket.asked("GET", TAR)] == [None]


def test_a_damaged_part_is_found_out(open_bucket: Callable[..., LocalBucket], client: Client) -> None:
    bucket = open_bucket()
    half_a_part(bucket).path.write_bytes(b"\0" * 1000)
    fetch_files([file_of(bucket)], RAW, client, 1)
    assert [line.range for line in bucket.asked("GET", TAR)] == ["bytes=1000-", None]
    assert is_same(bucket)


def test_a_kill_before_the_new_sidecar_mixes_no_versions(
    open_bucket: Callable[..., LocalBucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        pass

    def be_killed(*_: object) -> None:
        raise KilledError

    part = half_a_part(open_bucket())
    monkeypatch.setattr("pipeline.download_part.write_origin", be_killed)
    with pytest.raises(KilledError):
        part.take(SimpleNamespace(version=Version(5, '"new"'), start=0, blocks=[b"new"]), lambda _: None)
    assert part.path.read_bytes() == b""


@pytest.mark.parametrize("extra", [0, 1])
def test_a_part_that_was_whole_needs_no_bytes(
    extra: int, open_bucket: Callable[..., LocalBucket], client: Client
) -> None:
    bucket = open_bucket()
    half_a_part(bucket).path.write_bytes((bucket.folder / TAR).read_bytes() + b"!" * extra)
    fetch_files([file_of(bucket)], RAW, client, 1)
    assert len(bucket.asked("GET", TAR)) == extra
    assert is_same(bucket)


# ---------------------------------------------------------------------------------------------------------------------
# Errors of a whole run


def test_a_csv_with_another_header_is_refused(
    open_bucket: Callable[..., LocalBucket], stocked: Path, project: Path, cli: Cli, waits: list[float]
) -> None:
    folder = project / "bucket"
    subprocess.run(["cp", "-r", stocked, folder], check=True)
    (folder / "metadata/train_clean.csv").write_text("<html>down for maintenance</html>\n", encoding="utf-8")
    bucket = open_bucket(folder=folder)
    result = cli("download")
    assert result.exit_code == 1
    assert "train_clean.csv: line 1 names no column landmark_id, images (found: '<html>" in result.stderr
    assert len(bucket.asked("GET", "/train_clean.csv")) == 2
    assert not list((project / RAW).rglob("train_clean.csv*"))
    assert not list(project.glob("data/1_gldv2/*"))
    assert not bucket.asked("GET", ".tar")  # bad metadata stops the run before the large files


def test_a_csv_that_came_wrong_once_is_fetched_again(
    open_bucket: Callable[..., LocalBucket], project: Path, faultless: dict[str, str], waits: list[float]
) -> None:
    open_bucket(scripted(train_clean=["wrong"]))
    step1_download.main()
    assert tree(project / "data") == faultless


@pytest.mark.parametrize("free", [0, 8 * TAR_BYTES, 16 * TAR_BYTES])
def test_a_full_disk_is_seen_before_anything_is_fetched(
    free: int,
    open_bucket: Callable[..., LocalBucket],
    monkeypatch: pytest.MonkeyPatch,
    cli: Cli,
    waits: list[float],
) -> None:
    bucket = open_bucket()
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    result = cli("download")
    assert result.exit_code == 1
    total = sum(path.stat().st_size for path in bucket.folder.rglob("*.*"))
    assert f"{2 * total:,} bytes are needed ({total:,} to fetch" in result.stderr
    assert f"{free:,} are free" in result.stderr
    assert "Remedy: free some space, or choose fewer shards" in result.stderr
    assert bucket.asked("GET") == []


def test_a_full_disk_is_seen_for_the_tars_alone_too(
    open_bucket: Callable[..., LocalBucket], monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    bucket = open_bucket()
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=8 * TAR_BYTES))
    with pytest.raises(InputError, match=f"{8 * TAR_BYTES:,} are free"):
        fetch_tars(bucket.address, read_params())
    assert not bucket.asked("GET", ".tar")


def test_the_margin_is_bounded_and_what_is_here_needs_no_room(
    open_bucket: Callable[..., LocalBucket], monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    bucket = open_bucket()
    total = sum(path.stat().st_size for path in bucket.folder.rglob("*.*"))
    monkeypatch.setattr("pipeline.download_plan.MARGIN_BYTES", 1000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=total + 1000))
    step1_download.main()
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    step1_download.main()


def test_a_disk_that_fills_up_on_the_way_is_reported(
    open_bucket: Callable[..., LocalBucket], monkeypatch: pytest.MonkeyPatch, cli: Cli, waits: list[float]
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    open_bucket()
    monkeypatch.setattr("os.fsync", full)
    result = cli("download")
    assert result.exit_code == 1
    assert "No space left on device. Remedy: " in result.stderr


def test_a_dry_run_fetches_nothing(
    open_bucket: Callable[..., LocalBucket],
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    waits: list[float],
) -> None:
    bucket = open_bucket()
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=9_000_000))
    step1_download.main(dry_run=True)
    lines = capsys.readouterr().out.splitlines()
    assert bucket.asked("GET") == []
    assert not (project / "data").exists()
    total = sum(path.stat().st_size for path in bucket.folder.rglob("*.*"))
    assert lines[-2:] == [
        f"24 files, {total:,} bytes; 0 are here, {total:,} are to be fetched",
        f"{2 * total:,} free bytes are needed, 9,000,000 are free: not enough",
    ]
    listed = [line.split() for line in lines[1:-2]]
    assert [cells[2] for cells in listed] == ["missing"] * 24
    assert {cells[3] for cells in listed if cells[0] == f"{TAR_BYTES:,}"} == {
        (RAW / path.relative_to(bucket.folder)).as_posix() for path in bucket.folder.rglob("*.tar")
    }


def test_a_dry_run_tells_what_is_here(
    open_bucket: Callable[..., LocalBucket], project: Path, capsys: pytest.CaptureFixture[str], waits: list[float]
) -> None:
    open_bucket()
    step1_download.main()
    bucket = open_bucket()  # another address: receipts do not count, MD5s do
    half_a_part(bucket)
    (project / RAW / TAR).unlink()
    (project / RAW / "train/images_001.tar").write_bytes(b"of another size")
    before = tree(project / "data")
    step1_download.main(dry_run=True)
    states = {cells[3]: cells[1:3] for line in capsys.readouterr().out.splitlines() if (cells := line.split())[3:]}
    assert states[(RAW / TAR).as_posix()] == ["1,000", "part"]
    assert states[(RAW / "train/images_001.tar").as_posix()] == ["0", "outdated"]
    assert states[(RAW / "train/images_002.tar").as_posix()] == [f"{TAR_BYTES:,}", "here"]
    assert states[(RAW / "metadata/train.csv").as_posix()] == ["0", "outdated"]
    assert bucket.asked("GET") == []
    assert tree(project / "data") == before


def test_of_two_at_once_the_second_names_the_first(
    open_bucket: Callable[..., LocalBucket], project: Path, cli: Cli, waits: list[float]
) -> None:
    bucket = open_bucket()
    hold = f"from pathlib import Path\nfrom pipeline.locks import exclusive\nwith exclusive(Path('{LOCK}')):\n"
    hold += "    print('held', flush=True)\n    input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=-1, stdout=-1, env=os.environ | {"PYTHONPATH": str(ROOT)}
    ) as first:
        assert first.stdout
        assert first.stdout.readline() == b"held\n"
        result = cli("download")
        step1_download.main(dry_run=True)  # which writes nothing, so it may
        first.communicate(b"\n")
    assert result.exit_code == 1
    assert f"process {first.pid} " in result.stderr
    assert "gldv2.lock" in result.stderr
    assert bucket.asked("GET") == []
    assert cli("download").exit_code == 0


def test_bad_files_are_all_named_and_good_ones_come(
    open_bucket: Callable[..., LocalBucket], project: Path, waits: list[float]
) -> None:
    faults = {f"images_00{shard}": ["wrong", "wrong"] for shard in (1, 3)}
    bucket = open_bucket(scripted(**faults))
    with pytest.raises(InputError, match=r"2 of 8 files failed(.|\n)*images_001(.|\n)*images_003"):
        fetch_tars(bucket.address, read_params())
    assert len(list((project / RAW).rglob("*.tar"))) == 6


def test_absent_shards_are_named_before_anything_is_fetched(
    open_bucket: Callable[..., LocalBucket], project: Path, cli: Cli, waits: list[float]
) -> None:
    bucket = open_bucket()
    name_source(project, bucket.address, "5-6")
    result = cli("download")
    assert result.exit_code == 1
    assert re.search(r"2 of 16 files failed(.|\n)*md5\.images_006\.txt: the server answers 404", result.stderr)
    assert "train/images_006.tar: the server answers 404" in result.stderr
    assert bucket.asked("GET") == []


def test_an_unreachable_source_stops_all(
    open_bucket: Callable[..., LocalBucket], project: Path, cli: Cli, waits: list[float]
) -> None:
    bucket = open_bucket(lambda method, path, nth: "503" if method == "GET" else None)
    result = cli("download")
    assert result.exit_code == 1
    assert "503" in result.stderr
    assert "Remedy: check the network" in result.stderr
    assert len({line.path for line in bucket.asked("GET")}) <= 4  # those under way
    assert not list((project / RAW).rglob("*.csv"))


# ---------------------------------------------------------------------------------------------------------------------
# Parallel work and progress


def test_jobs_run_side_by_side_and_keep_their_order(client: Client) -> None:
    met = threading.Barrier(4)  # passed only when four jobs are there at once
    busy: list[int] = []
    most = 0

    def job(number: int) -> int:
        nonlocal most
        busy.append(number)
        met.wait(timeout=30)
        most = max(most, len(busy))
        met.wait(timeout=30)
        busy.remove(number)
        return number

    assert in_parallel([functools.partial(job, number) for number in range(8)], client, 4) == list(range(8))
    assert most == 4


@pytest.mark.parametrize("error", [OSError("disk"), KeyboardInterrupt(), UnreachableError("a", "b", "c")])
def test_what_concerns_all_stops_all(error: BaseException, client: Client) -> None:
    never = threading.Event()

    def fail() -> None:
        raise error

    def work() -> None:
        while True:  # as a fetch does at every block
            client.check_stopped()
            never.wait(0.001)

    with pytest.raises(type(error)):
        in_parallel([fail, work, work], client, 2)
    with pytest.raises(StoppedError):
        client.check_stopped()


@pytest.mark.parametrize("parallel", [0, -1, 33])
def test_parallel_is_a_small_number(parallel: int, project: Path, cli: Cli) -> None:
    text = (project / "params.yaml").read_text(encoding="utf-8")
    (project / "params.yaml").write_text(text.replace("parallel: 4", f"parallel: {parallel}"), encoding="utf-8")
    result = cli("download")
    assert result.exit_code == 1
    assert f"params.yaml: gldv2.parallel: {parallel} is not from 1 to 32" in result.stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_in_bytes_and_ends_at_all_of_them(
    open_bucket: Callable[..., LocalBucket], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = open_bucket(scripted(images_000=["reset", "old", "no_range"], images_001=["wrong"]))
    half_a_part(bucket)
    files = [file_of(bucket), file_of(bucket, "train/images_001.tar")]
    monkeypatch.setattr(sys, "stderr", Terminal())
    fetch_files(files, RAW, client, 1, "TARs")
    shown = sys.stderr.getvalue()
    last = re.split(r"[\r\n]+", shown.strip())[-1]
    assert "TARs: 100%" in last
    assert "1.20M/1.20M" in last
    fetch_files(files, RAW, client, 1, "again")
    assert "again: 100%" in sys.stderr.getvalue()


def test_no_progress_where_nobody_looks(
    open_bucket: Callable[..., LocalBucket], capsys: pytest.CaptureFixture[str], waits: list[float]
) -> None:
    open_bucket()
    step1_download.main()
    assert capsys.readouterr().err == ""
