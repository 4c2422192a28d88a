"""The fetcher: a file from a folder and from a server alike, whole and verified, or not at all."""

import hashlib
import http.server
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result

from pipeline import step1_download
from pipeline.errors import InputError
from pipeline.params import read_params
from tests.fetching import fetch

CONTENT = bytes(range(256)) * 9000  # more than one chunk
MD5 = hashlib.md5(CONTENT).hexdigest()
OTHER_MD5 = hashlib.md5(b"other").hexdigest()


class Server:
    """A folder served on 127.0.0.1, with the paths that were asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        handler = type("Handler", (_Handler,), {"served": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    served: Server

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.served.asked.append(self.path)
        self.answer()

    def answer(self) -> None:
        path = self.served.folder / self.path.lstrip("/").removeprefix("cut/")
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[: len(content) // 2] if self.path.startswith("/cut/") else content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "served").mkdir()
    (tmp_path / "served/file.tar").write_bytes(CONTENT)
    started = Server(tmp_path / "served")
    yield started
    started.stop()


@pytest.fixture(params=["file", "http"])
def address(request: pytest.FixtureRequest, server: Server) -> str:
    """Address of the same folder in two ways."""
    return server.address if request.param == "http" else f"file:{server.folder}"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "got/deep/file.tar"


def files(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir()) if target.parent.exists() else []


@pytest.mark.parametrize("md5", [None, MD5])
def test_the_whole_file_comes(md5: str | None, address: str, target: Path) -> None:
    assert fetch(f"{address}/file.tar", target, md5) == target
    assert target.read_bytes() == CONTENT
    assert files(target) == ["file.tar"]


def test_an_empty_file_comes_too(address: str, server: Server, target: Path) -> None:
    (server.folder / "empty").write_bytes(b"")
    assert fetch(f"{address}/empty", target).read_bytes() == b""


def test_a_relative_path_is_seen_from_the_current_folder(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(server.folder.parent)
    assert fetch("file:served/file.tar", target, MD5).read_bytes() == CONTENT


def test_another_md5_leaves_nothing(address: str, target: Path) -> None:
    with pytest.raises(InputError) as caught:
        fetch(f"{address}/file.tar", target, OTHER_MD5)
    for word in (f"{address}/file.tar", MD5, OTHER_MD5, "Remedy: "):
        assert word in caught.value.message
    assert files(target) == []


def test_another_md5_keeps_the_old_file(address: str, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(b"old")
    with pytest.raises(InputError):
        fetch(f"{address}/file.tar", target, OTHER_MD5)
    assert target.read_bytes() == b"old"
    assert files(target) == ["file.tar"]


def test_a_good_file_is_not_fetched_again(address: str, server: Server, target: Path) -> None:
    fetch(f"{address}/file.tar", target, MD5)
    before, asked = target.stat(), list(server.asked)
    (server.folder / "file.tar").unlink()
    assert fetch(f"{address}/file.tar", target, MD5) == target
    assert target.stat().st_mtime_ns == before.st_mtime_ns
    assert server.asked == asked


def test_a_damaged_file_is_fetched_again(address: str, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT[:-1])
    assert fetch(f"{address}/file.tar", target, MD5).read_bytes() == CONTENT


def test_without_md5_the_file_is_always_fetched(address: str, server: Server, target: Path) -> None:
    fetch(f"{address}/file.tar", target)
    (server.folder / "file.tar").write_bytes(b"new")
    assert fetch(f"{address}/file.tar", target).read_bytes() == b"new"


def test_an_absent_file_is_named(address: str, target: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.tar.*Remedy: "):
        fetch(f"{address}/absent.tar", target)
    assert files(target) == []


def test_not_found_says_404(server: Server, target: Path) -> None:
    with pytest.raises(InputError, match="404"):
        fetch(f"{server.address}/absent.tar", target)


def test_a_folder_is_no_file(server: Server, target: Path) -> None:
    with pytest.raises(InputError):
        fetch(f"file:{server.folder}", target)
    assert files(target) == []


def test_a_refused_connection_is_reported(target: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/file.tar"
        with pytest.raises(InputError, match=r"^http://127\.0\.0\.1:\d+/file\.tar: .*Remedy: "):
            fetch(address, target)
    assert files(target) == []


def test_a_cut_download_is_refused_even_without_md5(server: Server, target: Path) -> None:
    with pytest.raises(InputError, match=r"/cut/file\.tar"):
        fetch(f"{server.address}/cut/file.tar", target)
    assert files(target) == []


@pytest.mark.parametrize("address", ["gopher://127.0.0.1/file", "http://", "no address at all", ""])
def test_another_kind_of_address_is_refused(address: str, target: Path) -> None:
    with pytest.raises(InputError, match="Remedy: "):
        fetch(address, target)
    assert files(target) == []


def from_server(project: Path, server: Server) -> None:
    """Serve the sample's GLDv2 files as if they were the public bucket, and name that as the source."""
    shutil.copytree(project / "sample/gldv2", server.folder, dirs_exist_ok=True)
    text = (project / "params.yaml").read_text(encoding="utf-8").replace("\nsource: sample\n", "\nsource: wikimedia\n")
    text = text.replace("https://s3.amazonaws.com/google-landmark", server.address)
    (project / "params.yaml").write_text(text, encoding="utf-8")


def test_the_stage_makes_the_same_tables_from_a_server(project: Path, server: Server, built_sample: Path) -> None:
    from_server(project, server)
    step1_download.main()
    of_another_stage = "tar_index.parquet"
    made = sorted(path for path in (built_sample / "data/1_gldv2").iterdir() if path.name != of_another_stage)
    assert len(made) == 5
    for path in made:
        assert (project / "data/1_gldv2" / path.name).read_bytes() == path.read_bytes()


def test_the_stage_asks_for_the_wanted_shards_only(project: Path, server: Server) -> None:
    from_server(project, server)
    text = (project / "params.yaml").read_text(encoding="utf-8")
    text = text.replace('train_shards: "0"', "train_shards: null").replace('test_shards: "0"', "test_shards: null")
    (project / "params.yaml").write_text(text, encoding="utf-8")
    manifest = step1_download.fetch_tars(server.address, read_params())
    assert manifest[["split", "shard"]].to_numpy().tolist() == [["index", 0]]
    assert sorted(server.asked) == ["/index/images_000.tar", "/md5sum/index/md5.images_000.txt"]
    assert manifest["path"].map(lambda path: (project / path).stat().st_size).tolist() == list(manifest["size_bytes"])


def test_no_shard_is_an_empty_manifest(project: Path, server: Server, cli: Callable[..., Result]) -> None:
    from_server(project, server)
    text = (project / "params.yaml").read_text(encoding="utf-8")
    (project / "params.yaml").write_text(text.replace('_shards: "0"', "_shards: null"), encoding="utf-8")
    assert cli("download").exit_code == 0
    assert len(pd.read_csv("data/1_gldv2/tar_manifest.csv")) == 0
    assert not [path for path in server.asked if path.endswith(".tar")]


def test_a_metadata_file_that_is_absent_stops_the_stage(
    project: Path, server: Server, cli: Callable[..., Result]
) -> None:
    from_server(project, server)
    (server.folder / "metadata/train_clean.csv").unlink()
    result = cli("download")
    assert result.exit_code == 1
    assert "metadata/train_clean.csv" in result.stderr
    assert "404" in result.stderr
    assert not list(project.glob("data/1_gldv2/*"))


@pytest.mark.parametrize("content", ["", "\n", "<html>Not found</html>\n", "\u00e9\n"])
def test_a_checksum_file_without_a_checksum_is_refused(
    content: str, project: Path, server: Server, cli: Callable[..., Result]
) -> None:
    from_server(project, server)
    (server.folder / "md5sum/index/md5.images_000.txt").write_text(content, encoding="utf-8")
    result = cli("download")
    assert result.exit_code == 1
    assert "md5.images_000.txt" in result.stderr
    assert not list(project.glob("data/1_gldv2/*"))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (None, []),
        ("", []),
        ("0", [0]),
        ("0-2", [0, 1, 2]),
        ("0-2,7", [0, 1, 2, 7]),
        ("7, 0 - 2", [0, 1, 2, 7]),
        ("3-3,3", [3]),
        ("0-499", list(range(500))),
    ],
)
def test_shards_are_numbers_and_ranges(text: str | None, numbers: list[int]) -> None:
    assert step1_download.shard_numbers(text, "gldv2.train_shards") == numbers


@pytest.mark.parametrize("text", ["a", "-1", "1-", "-", "2-1", "1-2-3", "0.5", "1;2", "0..3", "0-9x"])
def test_other_shards_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"params\.yaml: gldv2\.train_shards: .*Remedy: "):
        step1_download.shard_numbers(text, "gldv2.train_shards")
