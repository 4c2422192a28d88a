"""A contact is required, read from two places only, and examples are refused; exit code 2."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pipeline import step1_download
from pipeline.cli import hgld
from pipeline.wikimedia.contact import read_contact, user_agent


@pytest.mark.parametrize("contact", ["someone@uni-leipzig.de", "https://www.wikidata.org/wiki/User:Someone"])
def test_contact_from_the_environment_or_the_file(contact: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HGLD_CONTACT", contact)
    assert read_contact() == contact
    monkeypatch.delenv("HGLD_CONTACT")
    (project / ".hgld.local.yaml").write_text(f"contact: {contact}\n", encoding="utf-8")
    assert read_contact() == contact
    assert contact in user_agent(contact, "0.1.0")


@pytest.mark.parametrize("contact", ["", "me", "me@example.com", "http://example.org/me", "a@b.invalid", "a@b.de (x)"])
def test_other_contacts_are_refused(contact: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HGLD_CONTACT", contact)
    with pytest.raises(click.UsageError, match="HGLD_CONTACT"):
        read_contact()


def test_wikidata_stage_without_contact_exits_2_with_the_remedy(project: Path) -> None:
    step1_download.main()
    params = project / "params.yaml"
    params.write_text(
        params.read_text(encoding="utf-8").replace("source: sample", "source: wikimedia"), encoding="utf-8"
    )
    result = CliRunner().invoke(hgld, ["wikidata"])
    assert result.exit_code == 2
    assert "HGLD_CONTACT" in result.output
    assert "Traceback" not in result.output
    assert not (project / "data/2_wikidata").exists()
