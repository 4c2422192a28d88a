"""What the pipeline reads out of a Wikibase entity: labels, ranked classes, parents, links; parsed by qwikidata.

For the wikidata stage. qwikidata wants every top-level key present, so entities are checked and padded first.
"""

from typing import Any, NamedTuple

from qwikidata.claim import WikidataClaim
from qwikidata.entity import WikidataItem

from pipeline.errors import InputError
from pipeline.wikimedia.source import Entity

INSTANCE_OF, SUBCLASS_OF = "P31", "P279"
COMMONS_CATEGORY, CATEGORY_TOPIC, MAIN_CATEGORY = "P373", "P301", "P910"
COORDINATES, END_TIME = "P625", "P582"


class Statement(NamedTuple):
    """One statement with an item as its value."""

    value_qid: str
    rank: str
    is_best: bool
    is_ended: bool


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
    # An empty object arrives as an empty list from Wikibase's PHP.
    padded = {"type": "item", "descriptions": {}, "aliases": {}, "sitelinks": {}} | raw
    return {key: {} if value == [] else value for key, value in padded.items()}


def statements(entity: Entity, property_id: str) -> list[Statement]:
    """Statements of a property that have an item as their value, in the entity's order.

    Best rank is preferred where any statement is preferred, else normal, never deprecated (Wikidata's "truthy").
    """
    item = _item(entity, property_id)
    best_rank = next((claim.rank for claim in item.get_truthy_claim_group(property_id)), None)
    return [
        Statement(qid, claim.rank, claim.rank == best_rank, END_TIME in claim.qualifiers)
        for claim in item.get_claim_group(property_id)
        if (qid := _value(claim, "id"))
    ]


def best_values(entity: Entity, property_id: str) -> list[str]:
    """Item ids of a property's best-rank statements, without repeats, in the entity's order."""
    return list(dict.fromkeys(s.value_qid for s in statements(entity, property_id) if s.is_best))


def text_values(entity: Entity, property_id: str) -> list[str]:
    """Texts of a property's statements that are not deprecated."""
    group = _item(entity, property_id).get_claim_group(property_id)
    values = [
        claim.mainsnak.datavalue.value for claim in group if claim.rank != "deprecated" and claim.mainsnak.datavalue
    ]
    return [value for value in values if isinstance(value, str)]


def coordinates(entity: Entity) -> tuple[float, float] | None:
    """Latitude and longitude (P625) in degrees, of the first best-rank statement."""
    for claim in _item(entity, COORDINATES).get_truthy_claim_group(COORDINATES):
        if _value(claim, "latitude") is not None:
            return float(_value(claim, "latitude")), float(_value(claim, "longitude"))
    return None


def label(entity: Entity) -> tuple[str, str | None]:
    """Label and its language: English, else `mul`, else the first language by code, else the id and None."""
    labels = entity["labels"]
    for language in ("en", "mul", *sorted(labels)):
        if text := labels.get(language, {}).get("value", ""):
            return str(text), language
    return str(entity["id"]), None


def commons_sitelink(entity: Entity) -> str | None:
    """Title of the page on Wikimedia Commons that the entity is linked to."""
    title = entity["sitelinks"].get("commonswiki", {}).get("title")
    return str(title) if title else None


def _item(entity: Entity, property_id: str) -> WikidataItem:
    """Parse only the property that is asked for: a full item may hold hundreds of other statements."""
    # qwikidata demands a statement id, which nothing here uses and which restated facts do not have.
    claims = {property_id: [{"id": ""} | claim for claim in entity["claims"].get(property_id, [])]}
    try:
        item = WikidataItem(entity | {"claims": claims})
        item.get_claim_group(property_id)
    except (KeyError, ValueError) as error:
        what = f"entity {entity['id']}: malformed {property_id} statement ({error})"
        raise InputError("Wikidata", what, "fetch the entity again") from error
    return item


def _value(claim: WikidataClaim, key: str) -> Any:
    """A part of the claim's value; None for `somevalue` and `novalue`."""
    value = claim.mainsnak.datavalue.value if claim.mainsnak.datavalue else {}
    return value.get(key) if isinstance(value, dict) else None
