"""Commons category titles: from the address that GLDv2 gives to the one canonical form used as a key everywhere.

Pure functions, for the download and wikidata stages and the commands that take a title.
"""

import re
import unicodedata
from urllib.parse import unquote

PREFIX = "Category:"
_URL = re.compile(r"https?://commons\.wikimedia\.org/wiki/(?P<page>[^?#]+)")


def canonical_title(text: str) -> str:
    """Return a title in canonical form: NFC, underscores as single spaces, trimmed, first letter upper case.

    Raises:
        ValueError: nothing is left.
    """
    title = " ".join(unicodedata.normalize("NFC", text).replace("_", " ").split())
    if not title:
        raise ValueError("an empty title")
    first = title[0].upper()
    # MediaWiki leaves letters alone that have no upper case of one letter (ß), and Georgian, whose upper case is not
    # used for titles. Raising may make a composition possible, hence NFC once more.
    is_raised = len(first) == 1 and not "\u10d0" <= title[0] <= "\u10ff"
    return unicodedata.normalize("NFC", (first if is_raised else title[0]) + title[1:])


def title_of_url(url: str) -> str:
    """Return the canonical category title of a Commons address, without the namespace.

    The text after `/wiki/` without query and fragment is percent-decoded once; `+` stays.

    Raises:
        ValueError: not a Commons category address, or not UTF-8 once decoded.
    """
    match = _URL.match(url)
    try:
        page = unquote(match["page"], errors="strict") if match else ""
    except UnicodeDecodeError as error:
        raise ValueError("percent-encoding that is not UTF-8") from error
    if not page.startswith(PREFIX):
        raise ValueError("not an address of the form http://commons.wikimedia.org/wiki/Category:...")
    if "|" in page:  # it parts titles wherever several are named, so no title holds one
        raise ValueError("a title cannot hold a bar")
    return canonical_title(page.removeprefix(PREFIX))
