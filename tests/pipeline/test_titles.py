"""Canonical titles: what a Commons address becomes, on titles that really exist and on any text."""

import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pipeline.titles import canonical_title, title_of_url

ADDRESS = "http://commons.wikimedia.org/wiki/Category:"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("Shadwell,_Virginia", "Shadwell, Virginia"),
        ("Superman:_Escape_from_Krypton", "Superman: Escape from Krypton"),
        ("Antarctica:_Empire_of_the_Penguin", "Antarctica: Empire of the Penguin"),
        ('Archeological_park_"Tombe_della_via_Latina"', 'Archeological park "Tombe della via Latina"'),
        ("Archeological_park_%22Tombe_della_via_Latina%22", 'Archeological park "Tombe della via Latina"'),
        ("'Opaeka'a_Falls", "'Opaeka'a Falls"),
        ("%27Opaeka%27a_Falls", "'Opaeka'a Falls"),
        ("Bolton_&_Watt_Works", "Bolton & Watt Works"),
        ("AC/DC_Lane,_Melbourne", "AC/DC Lane, Melbourne"),
        ("AC%2FDC_Lane,_Melbourne", "AC/DC Lane, Melbourne"),
        ("Mlýnský_potok_(Morava_distributary)", "Mlýnský potok (Morava distributary)"),
        ("Vitry-l%C3%A8s-Cluny", "Vitry-lès-Cluny"),
        ("Bay_of_Gda%c5%84sk", "Bay of Gdańsk"),
        ("Straße_des_17._Juni", "Straße des 17. Juni"),
    ],
)
def test_real_titles_are_read(written: str, title: str) -> None:
    assert title_of_url(ADDRESS + written) == title


def test_both_schemes_are_addresses() -> None:
    assert title_of_url("https://commons.wikimedia.org/wiki/Category:Yap") == "Yap"


@pytest.mark.parametrize(
    ("written", "title"),
    [("100%25_Museum", "100% Museum"), ("100%2525_Museum", "100%25 Museum"), ("A%252FB", "A%2FB")],
)
def test_percent_encoding_is_decoded_once(written: str, title: str) -> None:
    assert title_of_url(ADDRESS + written) == title


@pytest.mark.parametrize("written", ["A+B_Tower", "A%2BB_Tower"])
def test_a_plus_stays_a_plus(written: str) -> None:
    assert title_of_url(ADDRESS + written) == "A+B Tower"


@pytest.mark.parametrize("ending", ["?uselang=de", "#History", "?a=b#c", "#a?b"])
def test_query_and_fragment_are_no_title(ending: str) -> None:
    assert title_of_url(f"{ADDRESS}Yap{ending}") == "Yap"


@pytest.mark.parametrize(("written", "title"), [("Quo_vadis%3F", "Quo vadis?"), ("Pier_%239", "Pier #9")])
def test_an_encoded_question_mark_or_hash_is_title(written: str, title: str) -> None:
    assert title_of_url(ADDRESS + written) == title


@pytest.mark.parametrize(
    "text", ["_Rogue__River_ ", "Rogue River", "rogue_River", "Rogue \u00a0_ River", "Rogue\u3000River"]
)
def test_spaces_and_underscores_are_single_spaces(text: str) -> None:
    assert canonical_title(text) == "Rogue River"


def test_accents_are_composed() -> None:
    assert canonical_title("Cafe\u0301 Procope") == "Caf\u00e9 Procope"
    assert title_of_url(f"{ADDRESS}Cafe%CC%81_Procope") == "Caf\u00e9 Procope"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("eBay headquarters", "EBay headquarters"),
        ("élysée", "Élysée"),
        ("яр", "Яр"),
        ("'t Zand", "'t Zand"),
        ("ßeta", "ßeta"),  # one letter stays one letter
        ("თბილისი", "თბილისი"),  # Georgian has no capital at the start of a word; MediaWiki leaves it alone
    ],
)
def test_first_letter_is_upper_case_as_on_commons(text: str, title: str) -> None:
    assert canonical_title(text) == title


@pytest.mark.parametrize(
    "url",
    [
        "",
        "Yap",
        "Category:Yap",
        "commons.wikimedia.org/wiki/Category:Yap",
        "ftp://commons.wikimedia.org/wiki/Category:Yap",
        " http://commons.wikimedia.org/wiki/Category:Yap",
        "http://commons.wikimedia.org.example.org/wiki/Category:Yap",
        "http://commons.wikimedia.org@example.org/wiki/Category:Yap",
        "http://en.wikipedia.org/wiki/Category:Yap",
        "http://commons.wikimedia.org/wiki/File:Yap.jpg",
        "http://commons.wikimedia.org/wiki/Yap",
        "http://commons.wikimedia.org/w/index.php?title=Category:Yap",
        ADDRESS,
        f"{ADDRESS}_",
        f"{ADDRESS}%20",
        f"{ADDRESS}?title=Yap",
        f"{ADDRESS}#Yap",
        f"{ADDRESS}Gda%FFsk",
        f"{ADDRESS}%C5",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError):
        title_of_url(url)


@pytest.mark.parametrize("text", ["", " ", "_", "\u00a0_\t"])
def test_an_empty_title_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        canonical_title(text)


@settings(deadline=None, max_examples=150)
@given(TEXT)
@example("\u017f\u030c")  # long s with caron: only its capital has a composed form
def test_canonical_form_is_a_fixed_point(text: str) -> None:
    assume(text.replace("_", " ").strip())
    title = canonical_title(text)
    assert canonical_title(title) == title
    assert unicodedata.is_normalized("NFC", title)
    assert "_" not in title
    assert title == " ".join(title.split())


@settings(deadline=None, max_examples=150)
@given(TEXT)
def test_an_address_and_its_title_agree_whatever_is_encoded(text: str) -> None:
    assume(text.replace("_", " ").strip() and "|" not in text)
    assert title_of_url(ADDRESS + quote(text, safe="")) == canonical_title(text)
