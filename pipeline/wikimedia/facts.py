"""What the pipeline reads out of a Wikibase entity: labels, ranked classes, parents, links; parsed by qwikidata.

For the wikidata stage. qwikidata wants every top-level key present, so entities are checked and padded first.
"""

import functools
import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

from qwikidata.claim import WikidataClaim
from qwikidata.entity import WikidataItem

from pipeline.errors import InputError

Entity = dict[str, Any]
ITEM_ID = re.compile(r"Q[1-9]\d*")

INSTANCE_OF, SUBCLASS_OF = "P31", "P279"
COMMONS_CATEGORY, CATEGORY_TOPIC, MAIN_CATEGORY = "P373", "P301", "P910"
COORDINATES, END_TIME = "P625", "P582"
DAY_PRECISION = 11  # of a time in Wikibase; a month has one less, a year two
PROPERTIES = (INSTANCE_OF, SUBCLASS_OF, COMMONS_CATEGORY, CATEGORY_TOPIC, MAIN_CATEGORY, COORDINATES)


class Statement(NamedTuple):
    """One statement with an item as its value."""

    value_qid: str
    rank: str
    is_best: bool
    is_ended: bool
    ended_on: str | None


Read = TypeVar("Read", bound=Callable[..., Any])


def _refusing_malformed(read: Read) -> Read:
    """Turn whatever a malformed entity breaks into an error that names the entity."""

    @functools.wraps(read)
    def guarded(entity: Entity, *arguments: Any) -> Any:
        try:
            return read(entity, *arguments)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            name = entity.get("id", "?") if isinstance(entity, dict) else "?"
            raise InputError("Wikidata", f"entity {name} is malformed ({error!r})", "fetch the entity again") from error

    return cast("Read", guarded)


class EntityFacts(NamedTuple):
    """All that the pipeline uses of an entity, small enough to hold hundreds of thousands."""

    qid: str
    label: str
    label_language: str | None
    revision_id: int | None
    instance_of: tuple[Statement, ...]
    subclass_of: tuple[Statement, ...]
    topics: tuple[str, ...]
    coordinates: tuple[float, float] | None

    @property
    def classes(self) -> list[str]:
        """Best-rank values of P31."""
        return [statement.value_qid for statement in self.instance_of if statement.is_best]

    @property
    def parents(self) -> list[str]:
        """Best-rank values of P279."""
        return [statement.value_qid for statement in self.subclass_of if statement.is_best]


@_refusing_malformed
def read_facts(entity: Entity) -> EntityFacts:
    """Parse an entity.

    Raises:
        InputError: a statement is malformed.
    """
    return EntityFacts(
        entity["id"],
        *label(entity),
        entity.get("lastrevid"),
        tuple(statements(entity, INSTANCE_OF)),
        tuple(statements(entity, SUBCLASS_OF)),
        tuple(best_values(entity, CATEGORY_TOPIC)),
        coordinates(entity),
    )


def checked_entity(raw: Any, where: str) -> Entity:
    """Return the entity with the keys that qwikidata wants, or say which key is missing.

    Raises:
        InputError: not an item, or without id, labels or claims.
    """
    remedy = "fetch the entity again; a Wikibase item has type, id, labels and claims"
    if not isinstance(raw, dict) or raw.get("type", "item") != "item":
        raise InputError(where, "not a Wikibase item", remedy)
    missing = [key for key in ("id", "labels", "claims") if key not in raw]
    if missing:
        raise InputError(where, f"entity {raw.get('id', '?')} has no {', '.join(missing)}", remedy)
    if not ITEM_ID.fullmatch(str(raw["id"])):
        raise InputError(where, f"{raw['id']!r} is not the id of an item", remedy)
    # An empty object arrives as an empty list from Wikibase's PHP.
    padded = {"type": "item", "descriptions": {}, "aliases": {}, "sitelinks": {}} | raw
    return {key: {} if value == [] else value for key, value in padded.items()}


@_refusing_malformed
def trimmed_entity(entity: Entity) -> Entity:
    """The part of an entity that the pipeline can use, as Wikibase gives it; the rest is nine tenths of the bytes.

    Labels in English and `mul` (the first language by code where neither exists), the claims that are read, without
    their references, and the link to Commons.
    """
    labels = entity["labels"]
    languages = [language for language in ("en", "mul") if language in labels] or sorted(labels)[:1]
    claims = {name: entity["claims"][name] for name in PROPERTIES if name in entity["claims"]}
    commons = entity["sitelinks"].get("commonswiki")
    kept: Entity = {
        "type": "item",
        "id": entity["id"],
        "labels": {language: labels[language] for language in languages},
        "descriptions": {},
        "aliases": {},
        "claims": {
            name: [{key: part for key, part in claim.items() if key != "references"} for claim in group]
            for name, group in claims.items()
        },
        "sitelinks": {"commonswiki": commons} if commons else {},
    }
    return kept | {key: entity[key] for key in ("lastrevid", "modified") if key in entity}


@_refusing_malformed
def statements(entity: Entity, property_id: str) -> list[Statement]:
    """Statements of a property that have an item as their value, in the entity's order.

    Best rank is preferred where any statement is preferred, else normal, never deprecated (Wikidata's "truthy").
    """
    claims = _claims(entity, property_id)
    ranks = {claim.rank for claim in claims}
    best_rank = next((rank for rank in ("preferred", "normal") if rank in ranks), None)
    return [
        Statement(qid, claim.rank, claim.rank == best_rank, END_TIME in claim.qualifiers, _end_time(claim))
        for claim in claims
        if (qid := _item_id(claim))
    ]


@_refusing_malformed
def best_values(entity: Entity, property_id: str) -> list[str]:
    """Item ids of a property's best-rank statements, without repeats, in the entity's order."""
    return list(dict.fromkeys(s.value_qid for s in statements(entity, property_id) if s.is_best))


@_refusing_malformed
def text_values(entity: Entity, property_id: str) -> list[str]:
    """Texts of a property's best-rank statements."""
    data = [claim.mainsnak.datavalue for claim in _claims(entity, property_id, truthy=True)]
    return [datum.value for datum in data if datum and isinstance(datum.value, str)]


@_refusing_malformed
def coordinates(entity: Entity) -> tuple[float, float] | None:
    """Latitude and longitude (P625) in degrees, of the first best-rank statement."""
    for claim in _claims(entity, COORDINATES, truthy=True):
        if _value(claim, "latitude") is not None:
            return float(_value(claim, "latitude")), float(_value(claim, "longitude"))
    return None


@_refusing_malformed
def label(entity: Entity) -> tuple[str, str | None]:
    """Label and its language: English, else `mul`, else the first language by code, else the id and None."""
    labels = entity["labels"]
    for language in ("en", "mul", *sorted(labels)):
        if text := labels.get(language, {}).get("value", ""):
            return str(text), language
    return str(entity["id"]), None


@_refusing_malformed
def commons_sitelink(entity: Entity) -> str | None:
    """Title of the page on Wikimedia Commons that the entity is linked to."""
    title = entity["sitelinks"].get("commonswiki", {}).get("title")
    return str(title) if title else None


def _claims(entity: Entity, property_id: str, truthy: bool = False) -> list[WikidataClaim]:
    """Claims of one property, parsed; only those of best rank when `truthy`.

    Only that property is parsed, since an item may hold hundreds of others, and nothing when it has none.
    """
    raw = entity["claims"].get(property_id)
    if not raw:
        return []
    # qwikidata demands a statement id, which nothing here uses and which restated facts do not have, and finds
    # qualifiers only by their order.
    padded = [{"id": "", "qualifiers-order": list(claim.get("qualifiers", {}))} | claim for claim in raw]
    item = {**entity, "claims": {property_id: padded}}
    try:
        parsed = WikidataItem(item)
        read = parsed.get_truthy_claim_group if truthy else parsed.get_claim_group
        return list(read(property_id))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"entity {entity['id']}: malformed {property_id} statement ({error})"
        raise InputError("Wikidata", what, "fetch the entity again") from error


def _end_time(claim: WikidataClaim) -> str | None:
    """Day, month or year of the first end time (P582) that is known, as precise as it is; the year at the least."""
    for qualifier in claim.qualifiers.get(END_TIME, []):
        value = qualifier.snak.datavalue.value if qualifier.snak.datavalue else None
        if isinstance(value, dict):
            date = re.fullmatch(r"([+-]\d+)-(\d\d)-(\d\d)T.*", value["time"])
            if date is None:
                raise ValueError(f"{value['time']!r} is not a time")
            parts = [str(int(date[1])).zfill(4), date[2], date[3]]
            return "-".join(parts[: {DAY_PRECISION: 3, DAY_PRECISION - 1: 2}.get(value["precision"], 1)])
    return None


def _item_id(claim: WikidataClaim) -> str | None:
    """Id of the item that is the claim's value; None for `somevalue` and `novalue`."""
    qid: str | None = _value(claim, "id")
    if qid is not None and not ITEM_ID.fullmatch(qid):
        raise ValueError(f"{qid!r} is not the id of an item")
    return qid


def _value(claim: WikidataClaim, key: str) -> Any:
    """A part of the claim's value; None for `somevalue` and `novalue`."""
    value = claim.mainsnak.datavalue.value if claim.mainsnak.datavalue else {}
    return value.get(key) if isinstance(value, dict) else None
