"""Commons category titles: from the address that GLDv2 gives to the one canonical form used as a key everywhere.

Pure functions, for the download and wikidata stages and the commands that take a title.
"""

import re
import unicodedata
from urllib.parse import unquote

PREFIX = "Category:"
_URL = re.compile(r"https?://commons\.wikimedia\.org/wiki/Category:(?P<title>[^?#]+)")


def canonical_title(text: str) -> str:
    """Return a title in canonical form: NFC, underscores as single spaces, trimmed, first letter upper case.

    Raises:
        ValueError: nothing is left.
    """
    title = " ".join(unicodedata.normalize("NFC", text).replace("_", " ").split())
    if not title:
        raise ValueError("an empty title")
    first = title[0].upper()
    return (first if len(first) == 1 else title[0]) + title[1:]  # MediaWiki leaves ß and its like alone


def title_of_url(url: str) -> str:
    """Return the canonical category title of a Commons address, without the namespace.

    The text after `/wiki/Category:` without query and fragment is percent-decoded once; `+` stays.

    Raises:
        ValueError: not a Commons category address, or not UTF-8 once decoded.
    """
    match = _URL.match(url)
    if not match:
        raise ValueError("not an address of the form http://commons.wikimedia.org/wiki/Category:...")
    try:
        decoded = unquote(match["title"], errors="strict")
    except UnicodeDecodeError as error:
        raise ValueError("percent-encoding that is not UTF-8") from error
    return canonical_title(decoded)
