"""Who operates this crawl: Wikimedia requires a contact with every request; it is never stored with answers."""

import os
import re
from pathlib import Path

import click
import requests
import yaml

LOCAL_FILE = Path(".hgld.local.yaml")
VARIABLE = "HGLD_CONTACT"
_CONTACT = re.compile(r"[^\s()@]+@[^\s()@]+\.[^\s()@]+|https?://[^\s()]+\.[^\s()]+")
_RESERVED = re.compile(r"example\.(com|org|net)\b|\.(example|invalid|test|localhost)\b", re.IGNORECASE)


def read_contact() -> str:
    """The operator's mail address or page, from the environment or the local file.

    Raises:
        click.UsageError: there is none, or it is not a mail address or page, or it is a reserved example.
    """
    contact = known_contact()
    remedy = f"set {VARIABLE} to your mail address or a page about you, or write `contact: ...` in {LOCAL_FILE}"
    if not contact:
        raise click.UsageError(f"Wikimedia requires a contact of the operator, and there is none. Remedy: {remedy}.")
    if not _CONTACT.fullmatch(contact) or _RESERVED.search(contact):
        raise click.UsageError(f"the contact is not a mail address or page of yours. Remedy: {remedy}.")
    return contact


def known_contact() -> str:
    """The contact as it is set, whatever it is; empty when it is not."""
    return os.environ.get(VARIABLE, "").strip() or _from_file()


def user_agent(contact: str, version: str) -> str:
    """User-Agent in the form that Wikimedia's policy asks for: client, contact, library."""
    return f"hgldv2/{version} ({contact}) requests/{requests.__version__}"


def _from_file() -> str:
    if not LOCAL_FILE.exists():
        return ""
    try:
        found = yaml.safe_load(LOCAL_FILE.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{LOCAL_FILE} is not readable as YAML. Remedy: write one line, contact: ...") from error
    return str(found.get("contact") or "").strip() if isinstance(found, dict) else ""
