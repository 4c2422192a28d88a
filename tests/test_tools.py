"""Tests that need a program skip without it, and fail where it was promised."""

import shutil
from pathlib import Path

import pytest

from tests.tools import required_tool


def test_the_first_program_that_is_installed_is_taken() -> None:
    assert required_tool("no-such-program", "sh") == shutil.which("sh")


def test_without_the_program_a_test_skips_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("HGLD_REQUIRE_TOOLS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="not installed: soffice or libreoffice"):
        required_tool("soffice", "libreoffice")


def test_where_tools_are_required_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HGLD_REQUIRE_TOOLS", "1")
    with pytest.raises(pytest.fail.Exception, match="not installed: soffice"):
        required_tool("soffice")
