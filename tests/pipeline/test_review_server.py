"""`hgld review`: it starts where it can, says where, serves the page, and ends with Ctrl-C."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from click.testing import Result

from annotations.store import ADJUDICATOR
from pipeline import tables
from pipeline.queues import QUEUES
from tests.curating import put, read, table_bytes

Cli = Callable[..., Result]
# As `hgld`, but heeding Ctrl-C also where the tests themselves run in the background.
HGLD = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from pipeline.cli import hgld; hgld()"


def test_it_serves_the_page_until_it_is_stopped(in_sample: Path, root: Path) -> None:
    before = table_bytes()
    command = [sys.executable, "-c", HGLD, "review", "--reviewer", "hgldv2", "--port", "0"]
    environment = os.environ | {"PYTHONPATH": str(root)}
    with subprocess.Popen(
        command, cwd=in_sample, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            first = process.stdout.readline()
            said = re.fullmatch(r"(http://127\.0\.0\.1:\d+/) for hgldv2 \(Ctrl-C ends it\)\n", first)
            assert said, first
            waiting = requests.get(said[1], timeout=30)
            rows = process.stdout.readline()
            page = requests.get(said[1], timeout=30)
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert waiting.status_code in (200, 503)  # 503 unless the tables were read first
    assert int(rows.removesuffix(" rows\n")) > 300
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert process.returncode == 0
    assert rest == "ended; what was saved lies in annotations/\n"
    assert errors == "reading what the stages made ...\n"
    assert table_bytes() == before


def test_a_port_that_is_taken_is_told(in_sample: Path, cli: Cli) -> None:
    assert in_sample.exists()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = cli("review", "--reviewer", ADJUDICATOR, "--port", port)
    assert result.exit_code == 1
    assert f"127.0.0.1:{port}: cannot listen there (Address already in use" in result.stderr
    assert "Remedy: choose another --port, or 0 for a free one" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--reviewer", "nobody"], "'nobody' is not in annotations/reviewers.csv"),
        (["--reviewer", ""], "is not in annotations/reviewers.csv"),
        ([], "Missing option '--reviewer'"),
        (["--reviewer", "hgldv2", "--port", "65536"], "not in the range 0<=x<=65535"),
        (["--reviewer", "hgldv2", "--port", "http"], "not a valid integer"),
    ],
)
def test_wrong_usage(in_sample: Path, cli: Cli, arguments: list[str], what: str) -> None:
    assert in_sample.exists()
    result = cli("review", *arguments)
    assert result.exit_code == 2
    assert what in result.stderr


@pytest.mark.parametrize("path", [tables.LANDMARK_LABELS.path, QUEUES["edges"].path, tables.TAR_MANIFEST.path])
def test_without_a_table_of_the_stages_the_remedy_is_to_run_them(workspace: Path, cli: Cli, path: str) -> None:
    (workspace / path).unlink()
    result = cli("review", "--reviewer", "hgldv2", "--port", "0")
    assert result.exit_code == 1
    assert f"{path}: not found. Remedy: run `dvc repro`" in result.stderr


def test_broken_tables_are_told_before_anything_is_served(workspace: Path, cli: Cli) -> None:
    assert workspace.exists()
    put("class_decisions", read("class_decisions")[0] | {"decision": "guess"})
    result = cli("review", "--reviewer", "hgldv2", "--port", "0")
    assert result.exit_code == 1
    assert "class_decisions.csv:2: Q1004 (comics): decision 'guess'. Remedy: " in result.stderr


def test_without_flask_the_remedy_is_to_install_it(in_sample: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert in_sample.exists()
    monkeypatch.delitem(sys.modules, "annotations.review.app", raising=False)
    monkeypatch.setitem(sys.modules, "flask", None)
    result = cli("review", "--reviewer", "hgldv2")
    assert result.exit_code == 1
    assert "flask is not installed. Remedy: pip install -e '.[review]'" in result.stderr
