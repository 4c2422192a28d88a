"""Kinds, numbers, counts and addresses as the templates of the review page show them."""

from urllib.parse import urlsplit

KIND_NAMES = {"classes": "class", "edges": "edge", "landmarks": "landmark"}


def kind_name(kind: str) -> str:
    """What one row of the kind is about."""
    return KIND_NAMES[kind]


def number(value: int) -> str:
    """A number with its thousands apart: 12,345."""
    return f"{value:,}"


def count(value: int, noun: str) -> str:
    """So many of something: 1 image, 2 images."""
    return f"{value:,} {noun}{'' if value == 1 else 's'}"


def is_web_address(url: str) -> bool:
    """The address is one of the web, and so fit for a link; `javascript:` and the like are not."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
