"""params.yaml, read strictly: an unknown key, a missing key or a wrong type is an error, never a silent default."""

import dataclasses
import datetime
import re
import types
import typing
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import InputError

PARAMS = Path("params.yaml")
SEMVER = r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
# Without a user or password, and without letters that a document would have to escape.
_ADDRESS = r"https?://[\w.-]+\.[A-Za-z]+(:\d+)?(/[\w./~%+-]*)?"
SOURCES = ("sample", "wikimedia", "dump")


@dataclasses.dataclass(frozen=True)
class Gldv2:
    """Where the GLDv2 metadata and image TARs come from, and which image shards are wanted."""

    address: str
    train_shards: str | None
    index_shards: str | None
    test_shards: str | None
    parallel: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.parallel <= 32:
            raise InputError(f"{PARAMS}: gldv2.parallel", f"{self.parallel} is not from 1 to 32", "write 4, say")


@dataclasses.dataclass(frozen=True)
class Wikidata:
    """When and where the facts are taken; a change of date is the explicit refresh of the store."""

    snapshot_date: str
    wikidata_api: str
    commons_api: str
    sparql: str
    requests_per_minute: float
    dump: str | None


@dataclasses.dataclass(frozen=True)
class Folds:
    """Shares of the landmarks held out for tuning and for the final test, and the seed of the draw."""

    val_share: float
    test_share: float
    seed: int


@dataclasses.dataclass(frozen=True)
class Label:
    """How sure a label must be to be given."""

    min_confidence: float
    text_precision: float
    visual: bool


@dataclasses.dataclass(frozen=True)
class Release:
    """What the release calls itself, and which one it follows."""

    version: str
    date: str
    url: str
    previous: str | None

    def __post_init__(self) -> None:
        if not re.fullmatch(SEMVER, self.version):
            raise InputError(f"{PARAMS}: release.version", f"{self.version!r} is not major.minor.patch", "write 1.0.0")
        _require_day("release.date", self.date)
        if not re.fullmatch(_ADDRESS, self.url):
            raise InputError(f"{PARAMS}: release.url", f"{self.url!r} is no address", "write https://... of its page")
        if self.previous is not None and Path("release").resolve() in (
            Path(self.previous).resolve(),
            *Path(self.previous).resolve().parents,
        ):
            remedy = "copy the release that was published elsewhere, and name the copy"
            raise InputError(f"{PARAMS}: release.previous", "lies in release/, which is made anew", remedy)


@dataclasses.dataclass(frozen=True)
class Train:
    """Which losses, seeds and levels are trained; the rest is named and explained in training/config.py."""

    losses: list[str]
    seeds: list[int]
    levels: list[str]
    clean_only: bool
    alpha: float
    backbone: str
    pretrained: bool
    pooling: str
    frozen_norm: bool
    dim: int
    image_size: int
    flip: bool
    epochs: int
    batch_size: int
    m_per_class: int
    supers_per_batch: int
    learning_rate: float
    loss_learning_rate: float
    weight_decay: float
    warmup_share: float
    chunk: int
    accumulate: int
    memory: int
    precision: str
    evaluate_every: int
    checkpoint_every: int
    workers: int
    fault_share: float
    device: str


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """Settings of train that are tried before the runs, and the loss of the label probe."""

    tune: dict[str, list[bool | int | float | str]]
    probe: str | None


@dataclasses.dataclass(frozen=True)
class Params:
    """The whole of params.yaml."""

    source: str
    gldv2: Gldv2
    wikidata: Wikidata
    folds: Folds
    label: Label
    release: Release
    train: Train
    benchmark: Benchmark


def read_params(path: Path = PARAMS) -> Params:
    """Return the checked parameters of the project in the current folder.

    Raises:
        InputError: the file is absent or not YAML, or a key is unknown, missing or of the wrong type.
    """
    if not path.exists():
        raise InputError(str(path), "not found", "run the command in the project folder, where params.yaml lies")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(
            str(path), f"not readable as YAML ({' '.join(str(error).split())})", "mend the file"
        ) from error
    params: Params = _checked(Params, raw, str(path), "")
    if params.source not in SOURCES:
        raise InputError(f"{path}: source", f"{params.source!r} is not a source", f"use one of {', '.join(SOURCES)}")
    shares = (params.folds.val_share, params.folds.test_share)
    if not (min(shares) >= 0 and sum(shares) < 1):  # also true of what is not a number
        what = "val_share and test_share must be 0 or more each, and below 1 together"
        raise InputError(f"{path}: folds", what, "leave a share for training")
    _require_day("wikidata.snapshot_date", params.wikidata.snapshot_date)
    if not 0 <= params.label.min_confidence <= 1:
        raise InputError(f"{path}: label.min_confidence", "must lie in [0, 1]", "write 0 to withhold nothing")
    if not 0 < params.label.text_precision < 1:
        raise InputError(f"{path}: label.text_precision", "must lie between 0 and 1", "write 0.95, say")
    return params


def _require_day(key: str, text: str) -> None:
    """Raise InputError unless the text is a day as ISO 8601 writes it."""
    try:
        is_day = datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        is_day = False
    if not is_day:
        raise InputError(f"{PARAMS}: {key}", f"{text!r} is not a date", 'write it as "2026-01-31", in quotes')


def _checked(kind: Any, raw: Any, path: str, prefix: str) -> Any:
    """Build the dataclass `kind` from a mapping, naming the first key that does not fit."""
    where = f"{path}: {prefix.rstrip('.')}" if prefix else path
    if not isinstance(raw, dict):
        raise InputError(where, "must be a mapping of keys to values", "see the comments in params.yaml")
    hints = typing.get_type_hints(kind)
    for key in raw:
        if key not in hints:
            raise InputError(where, f"unknown key {key!r}", f"known keys here: {', '.join(hints)}")
    for key in hints:
        if key not in raw:
            raise InputError(where, f"key {key!r} is missing", "add it, as in the committed params.yaml")
    return kind(**{key: _value(hint, raw[key], path, f"{prefix}{key}") for key, hint in hints.items()})


def _value(hint: Any, value: Any, path: str, name: str) -> Any:
    """Check one value against its declared type; nested sections are checked in turn."""
    if dataclasses.is_dataclass(hint):
        return _checked(hint, value, path, f"{name}.")
    if typing.get_origin(hint) is dict:
        if not isinstance(value, dict):
            raise InputError(f"{path}: {name}", f"{value!r} is not a mapping", "write it in braces, {} for none")
        kind = typing.get_args(hint)[1]
        return {str(key): _value(kind, entry, path, f"{name}.{key}") for key, entry in value.items()}
    if typing.get_origin(hint) is list:
        if not isinstance(value, list):
            raise InputError(f"{path}: {name}", f"{value!r} is not a list", "write it in brackets, [] for none")
        (kind,) = typing.get_args(hint)
        return [_value(kind, entry, path, f"{name}[{place}]") for place, entry in enumerate(value)]
    allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if float in allowed and type(value) is int and int not in allowed:
        value = float(value)
    if type(value) not in allowed:
        expected = " or ".join("null" if kind is type(None) else kind.__name__ for kind in allowed)
        raise InputError(f"{path}: {name}", f"{value!r} is not a {expected}", f"write a {expected} (quote dates)")
    return value
