"""Fingerprints of evidence: other facts, another one; the same facts, the same one, whatever was decided meanwhile."""

import hashlib

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierarchy.evidence import class_evidence, commons_url, evidence_hash, examples_of, path_words

LAWFUL = settings(deadline=None, max_examples=60)
PARTS = st.lists(st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=2), max_size=3)


def test_evidence_hash_is_the_head_of_a_sha256_of_the_parts_in_letters() -> None:
    digits = hashlib.sha256(b"Q1\x1fa\x1eb\x1f3").hexdigest()[:12]
    assert evidence_hash("Q1", ["a", "b"], 3) == "".join("abcdefghijklmnop"[int(digit, 16)] for digit in digits)


@LAWFUL
@given(one=PARTS, other=PARTS)
def test_other_evidence_has_another_hash(one: list[list[str]], other: list[list[str]]) -> None:
    assert (evidence_hash(*one) == evidence_hash(*other)) == (one == other)


@LAWFUL
@given(parts=PARTS)
def test_no_spreadsheet_reads_a_hash_as_a_number(parts: list[list[str]]) -> None:
    assert evidence_hash(*parts).isalpha()


def test_evidence_of_a_class_is_its_candidates() -> None:
    def hash_of(*candidates: tuple[str, str, int]) -> str:
        labels, qids, steps = (list(column) for column in zip(*candidates, strict=True)) if candidates else ([], [], [])
        row = {"class_qid": "Q1", "candidate_labels": labels, "candidate_qids": qids, "candidate_steps": steps}
        return str(class_evidence(pd.DataFrame([row]))["Q1"])

    museum, house = ("museum", "Q51", 1), ("house", "Q52", 2)
    hashes = [
        hash_of(museum, house),
        hash_of(museum, ("house", "Q52", 3)),
        hash_of(museum, ("house", "Q53", 2)),
        hash_of(museum, ("lake", "Q52", 2)),
        hash_of(),
    ]
    assert len(set(hashes)) == len(hashes)


@pytest.mark.parametrize(
    ("category", "page"),
    [
        ("Musée d'Orsay", "Mus%C3%A9e_d'Orsay"),
        ("'Opaeka'a Falls", "'Opaeka'a_Falls"),
        ("Superman: Escape from Krypton", "Superman:_Escape_from_Krypton"),
        ('Archeological park "Tombe della via Latina"', "Archeological_park_%22Tombe_della_via_Latina%22"),
        ("A & B? #1", "A_%26_B%3F_%231"),
    ],
)
def test_commons_addresses_are_spelt_as_commons_does(category: str, page: str) -> None:
    assert commons_url(category) == f"https://commons.wikimedia.org/wiki/Category:{page}"


def test_examples_are_the_landmarks_with_most_images() -> None:
    rows = [("Q1", f"Q9{n}", f"Place {n}", n) for n in range(5)] + [("Q2", "Q90", "Place 0", 0)]
    found = examples_of(pd.DataFrame(rows, columns=["class_qid", "item_qid", "category", "image_count"]), "class_qid")
    assert found["examples"].tolist() == ["Place 4; Place 3; Place 2", "Place 0"]
    assert found["commons_url"].tolist()[1].endswith("Category:Place_0")


def test_a_path_in_words_names_every_class() -> None:
    assert path_words(["Q1", "Q2"], {"Q1": "abbey"}) == "abbey (Q1) -> Q2 (Q2)"
    assert path_words([], {}) is None
