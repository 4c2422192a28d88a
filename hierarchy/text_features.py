"""What a category title says about the kind of place: its words, their places, its letters and its head nouns.

Pure functions, for the text fallback (hierarchy.text). A head noun is the common word that names the kind of place,
in any language (`Kirche`, `lac`, `-jima`); the curated table of them is given as an argument.
"""

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer

NOUN_SCALE = 0.35  # weight of a head-noun feature beside the unit-length blocks of words and letters
MAX_PHRASE = 4  # longest head noun, in words
_TOKEN = re.compile(r"\w+")
_ASIDE = re.compile(r"\(([^()]*)\)")
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "ħ": "h"})
# Words that end the part of a title that names the thing: `Museo | de ...`, `Church | of ...`, `Schloss | in ...`.
_LINKS = frozenset(
    [
        "of",
        "de",
        "di",
        "du",
        "des",
        "del",
        "della",
        "dello",
        "dei",
        "degli",
        "delle",
        "do",
        "da",
        "das",
        "dos",
        "d",
        "von",
        "van",
        "der",
        "zu",
        "zum",
        "zur",
        "in",
        "im",
        "am",
        "an",
        "auf",
        "bei",
        "at",
        "on",
        "near",
        "en",
        "w",
        "na",
        "nad",
        "u",
        "v",
        "ve",
        "pod",
        "dell",
        "dels",
        "al",
        "alla",
        "à",
        "a",
        "aux",
        "au",
        "pri",
        "ob",
    ]
)


@dataclass(frozen=True)
class TitleParts:
    """Tokens of a title: its body, what stands in parentheses, and what follows the first comma; `head_end` is the
    place of the first link word (`of`, `de`, `in`) of the body, or its length."""

    body: list[str]
    aside: list[str]
    after: list[str]
    head_end: int


def fold(text: str) -> str:
    """Lower case without accents, so that `Église` and `Eglise` are one word."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def title_parts(title: str) -> TitleParts:
    """Split a canonical title; the body is never empty (`(foo)` and `!` are their own body)."""
    text = fold(title)
    aside = _TOKEN.findall(" ".join(_ASIDE.findall(text)))
    before, _, after = _ASIDE.sub(" ", text).partition(",")
    body = _TOKEN.findall(before)
    if not body:
        body, aside = _TOKEN.findall(text) or [text], []
    head_end = next((place for place in range(1, len(body)) if body[place] in _LINKS), len(body))
    return TitleParts(body, aside, _TOKEN.findall(after), head_end)


def title_group(title: str) -> str:
    """The title casefolded, without parentheses and what follows a comma: one name stays in one fold."""
    name = _ASIDE.sub(" ", title.casefold()).partition(",")[0]
    return " ".join(name.split()) or title.casefold()


def word_features(parts: TitleParts) -> list[str]:
    """Words, word pairs, the words in telling places, and the endings of the head, each as `place=word`."""
    body, head = parts.body, parts.body[: parts.head_end]
    features = [f"word={word}" for word in body] + [f"pair={a} {b}" for a, b in pairwise(body)]
    features += [f"first={body[0]}", f"last={body[-1]}", f"head={head[-1]}", f"length={min(len(body), 5)}"]
    features += [f"ending={head[-1][-n:]}" for n in range(2, 7) if len(head[-1]) > n]
    features += [f"start={body[0][:n]}" for n in range(2, 7) if len(body[0]) > n]
    features += [f"aside={word}" for word in parts.aside] + [f"after={word}" for word in parts.after]
    features.append(f"marks={bool(parts.aside)}{bool(parts.after)}")
    if len(head) > 1:
        features.append(f"head_pair={head[-2]} {head[-1]}")
    if parts.aside:  # `Lukov (castle)`: the disambiguator often is the head noun
        features += [f"word={parts.aside[0]}", f"head={parts.aside[0]}"]
    return features


@dataclass(frozen=True)
class Hit:
    """A head noun found in tokens start to end; `labels` are its labels with the languages that say so."""

    start: int
    end: int
    is_ending: bool
    labels: dict[str, frozenset[str]]


class HeadNouns:
    """The head nouns of a table, ready to be found: `word`, `several words`, or `-ending` of a longer word.

    Args:
        table: language, head_noun, hierarchical_label.
        labels: the labels at hand; rows with another one are left out.
    """

    def __init__(self, table: pd.DataFrame, labels: frozenset[str]) -> None:
        phrases: dict[tuple[str, ...], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        endings: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        rows = table[["language", "head_noun", "hierarchical_label"]].itertuples(index=False, name=None)
        for language, noun, label in rows:
            key = tuple(_TOKEN.findall(fold(noun)))
            if not key or label not in labels:
                continue
            phrases[key][label].add(language)  # `Senso-ji` has `ji` as a word of its own
            if noun.startswith("-"):
                endings[key[-1]][label].add(language)
        self._phrases = {key: _frozen(found) for key, found in phrases.items()}
        self._endings = {key: _frozen(found) for key, found in endings.items()}
        self._longest = max(map(len, self._endings), default=0)

    def find(self, tokens: list[str]) -> list[Hit]:
        """The longest head noun that begins at each token, else the longest ending of that token."""
        hits = []
        for start, token in enumerate(tokens):
            keys = (tuple(tokens[start : start + n]) for n in range(min(MAX_PHRASE, len(tokens) - start), 0, -1))
            phrase = next((key for key in keys if key in self._phrases), None)
            if phrase:
                hits.append(Hit(start, start + len(phrase), False, self._phrases[phrase]))
                continue
            ends = (token[-n:] for n in range(min(self._longest, len(token) - 2), 1, -1))
            ending = next((end for end in ends if end in self._endings), None)
            if ending:
                hits.append(Hit(start, start + 1, True, self._endings[ending]))
        return hits


def noun_features(parts: TitleParts, nouns: HeadNouns) -> dict[str, float]:
    """Labels that the head nouns of a title speak for, by place, whole word or ending, and language.

    A noun of n labels speaks for each with 1 / n; the set of its labels is a feature as well, so that words which
    are ambiguous in the same way (`abbey`, `abbaye`) are learnt together.
    """
    features: dict[str, float] = defaultdict(float)
    hits = nouns.find(parts.body)
    for hit in hits:
        kind = "ending" if hit.is_ending else "word"
        places = _places(hit, parts)
        signature = "|".join(sorted(hit.labels))
        for place in places:
            features[f"set {place}:{signature}"] = 1.0
            _speak(features, f"{kind} {place}", hit)
        for label, languages in hit.labels.items():
            features |= {f"{kind} {language}:{label}": 0.7 for language in sorted(languages)}
    if hits:
        at_head = [hit for hit in hits if hit.end == parts.head_end] or [hit for hit in hits if hit.start == 0]
        _speak(features, "principal", (at_head or hits)[0])
        for hit in [hit for hit in hits if len(hit.labels) == 1][:1]:
            _speak(features, "sole", hit)
    else:
        features["none"] = 1.0
    for hit in nouns.find(parts.aside)[:1]:
        for place in ("aside", "word any", "word head", "word last"):
            _speak(features, place, hit)
    for hit in nouns.find(parts.after):
        _speak(features, "after", hit)
    return dict(features)


class TitleFeatures:
    """Titles as rows of a sparse matrix, shape (titles, features): letters, words and head nouns side by side.

    Vocabulary and weights are learnt by `fit` from the labelled titles alone.
    """

    def __init__(self, nouns: HeadNouns) -> None:
        self._nouns = nouns
        self._letters = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2, lowercase=False
        )
        self._words = TfidfVectorizer(analyzer=word_features, sublinear_tf=True, min_df=2)
        self._hits = DictVectorizer()

    def fit_transform(self, titles: list[str]) -> csr_matrix:
        """Learn the vocabulary; the titles as a matrix."""
        parts = [title_parts(title) for title in titles]
        letters = self._letters.fit_transform([_letters(part) for part in parts])
        words = self._words.fit_transform(parts)
        hits = self._hits.fit_transform([noun_features(part, self._nouns) for part in parts])
        return hstack([letters, words, NOUN_SCALE * hits]).tocsr()

    def transform(self, titles: list[str]) -> csr_matrix:
        """Other titles in the vocabulary that was learnt."""
        parts = [title_parts(title) for title in titles]
        letters = self._letters.transform([_letters(part) for part in parts])
        words = self._words.transform(parts)
        hits = self._hits.transform([noun_features(part, self._nouns) for part in parts])
        return hstack([letters, words, NOUN_SCALE * hits]).tocsr()


def _letters(parts: TitleParts) -> str:
    """Text of the letter n-grams; the mark at its end keeps the vocabulary from being empty when no letters repeat."""
    return f"{' '.join(parts.body)} ##"


def _places(hit: Hit, parts: TitleParts) -> list[str]:
    places = {"any": True, "head": hit.end == parts.head_end, "first": hit.start == 0}
    return [place for place, holds in (places | {"last": hit.end == len(parts.body)}).items() if holds]


def _speak(features: dict[str, float], place: str, hit: Hit) -> None:
    for label in hit.labels:
        name = f"{place}:{label}"
        features[name] = max(features.get(name, 0.0), 1 / len(hit.labels))


def _frozen(found: dict[str, set[str]]) -> dict[str, frozenset[str]]:
    return {label: frozenset(found[label]) for label in sorted(found)}
