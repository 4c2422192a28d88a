"""What stages said of themselves in JSON, checked once before the page is made from it.

For the stage report: a file that is cut short, old or mended by hand is named with its remedy, and no number that is
not one reaches the page.
"""

import math
from pathlib import Path
from typing import Any

from pipeline.benchmark_files import METRICS, REPORT, read_json
from pipeline.errors import InputError
from pipeline.report.svg import clean

Json = dict[str, Any]
Shape = Any
"""Types of one value; [shape] of every value in a list; {key: shape} of needed keys, where "*" is any key."""

_NUMBER, _MAYBE, _ANY = (int, float), (int, float, type(None)), (object,)
_METRIC = dict.fromkeys(("mean", "low", "high"), _MAYBE)
_DIFFERENCE = dict.fromkeys(("difference", "low", "high"), _MAYBE)
_SPEAKS = dict.fromkeys(
    ("threshold", "coverage", "precision", "lower_bound", "honest_coverage", "honest_precision"), _NUMBER
)
_LABELLING = {
    "reliability": [dict.fromkeys(("low", "high", "count", "mean_confidence", "agreement"), _NUMBER)],
    "text": {
        "used_rows": (int,),
        "labels": (int,),
        "abstained": (bool,),
        "reliability": [dict.fromkeys(("from", "to", "rows", "confidence", "precision"), _NUMBER)],
        "without_item": {"rows": (int,), "accepted": (int,), "precision": _MAYBE},
    },
}
_VALIDATION = {
    "ok": (bool,),
    "checks": [{"name": (str,), "promise": (str,), "ok": (bool,), "failures": [(str,)]}],
    "out_of_sample": [(str,)],
}
_PROVENANCE = {
    **dict.fromkeys(("version", "date", "schema_version", "source", "code_sha256", "constraints_sha256"), (str,)),
    **dict.fromkeys(("previous", "endpoint", "snapshot_date", "revision_range"), _ANY),
    "params": {"*": {"*": _ANY}},
    "inputs": {"*": (str,)},
    "licences": {"*": (str,)},
}
_PROBE = {
    "ok": (bool, type(None)),
    "checks": [{"name": (str,), "ok": (bool,), "failures": [(str,)]}],
    "rows": [
        {"metric": (str,), "against": (str,), "scored_on": (str,), "ours": _METRIC, "other": _METRIC} | _DIFFERENCE
    ],
}
PATHS = {
    "labelling": Path("data/4_labels/report.json"),
    "validation": Path("data/6_validation/report.json"),
    "provenance": Path("release/provenance.json"),
    "metrics": METRICS,
    "probe": REPORT,
}


def read_told(name: str) -> Json:
    """One of PATHS, its texts on one line without control characters.

    Raises:
        InputError: it is absent, lacks what the page needs, or holds a number that is none.
    """
    found: Json = _sound(PATHS[name], read_json(PATHS[name]), "")
    for shape in _shapes(name, found):
        _check(PATHS[name], found, shape, "")
    return found


def _shapes(name: str, found: Json) -> list[Shape]:
    """What the page needs of a file, in the order in which to look, as it depends on what the file says."""
    if name == "labelling":
        says = {"why": (str,)} if _has(found, "text", "abstained") else _SPEAKS
        return [_LABELLING, {"text": says}]
    if name in ("metrics", "probe") and "skipped" in found:
        return [{"skipped": (str,)}]
    if name == "metrics":
        return [{"levels": [(str,)]}, _metrics(found)]
    if name == "probe":
        return [_PROBE] if found else []
    more = {"previous": {"version": (str,)}} if found.get("previous") else {}
    lists = {key: [_ANY] for key in ("endpoint", "revision_range") if found.get(key)}
    return [_VALIDATION] if name == "validation" else [_PROVENANCE, more | lists]


def _has(found: Json, outer: str, inner: str) -> bool:
    return isinstance(found.get(outer), dict) and bool(found[outer].get(inner))


def _metrics(found: Json) -> Shape:
    """What training tells: metrics of every model at every level, and differences."""
    levels = found["levels"] if isinstance(found.get("levels"), list) else []
    row = dict.fromkeys(("h_ap", "ndcg", "asi", *(f"map_at_r_level{n}" for n in range(len(levels)))), _METRIC)
    shape = {
        "dataset": (str,),
        "device": (str,),
        "seeds": [(int,)],
        "test": dict.fromkeys(("queries", "images", "landmarks"), (int,)),
        "losses": {"*": row},
        "zero_shot": {"*": row},
        "paired": [dict.fromkeys(("a", "b", "metric"), (str,)) | _DIFFERENCE],
        "headline": _ANY,
    }
    if found.get("headline") is not None:
        shape["headline"] = {"hierarchical": (str,), "flat": (str,), "metrics": {"*": _DIFFERENCE}}
    if _has(found, "gldv2", "models"):
        counts = dict.fromkeys(("queries", "index_images"), (int,))
        shape["gldv2"] = counts | {"trained_on": (str,), "models": {"*": {"*": _METRIC}}}
    return shape


def _sound(path: Path, value: Any, where: str) -> Any:
    """The value with clean texts.

    Raises:
        InputError: a number in it is not finite.
    """
    if isinstance(value, dict):
        return {clean(key): _sound(path, part, f"{where}.{key}") for key, part in value.items()}
    if isinstance(value, list):
        return [_sound(path, part, f"{where}.{place}") for place, part in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise _refusal(path, where, f"is {value}, which is no number")
    return clean(value) if isinstance(value, str) else value


def _check(path: Path, value: Any, shape: Shape, where: str) -> None:
    """Compare a value with its shape.

    Raises:
        InputError: it has another.
    """
    if isinstance(shape, tuple):
        is_odd_bool = isinstance(value, bool) and bool not in shape and object not in shape
        if is_odd_bool or not isinstance(value, shape):
            raise _refusal(path, where, f"is {str(value)[:60]!r}, not {' or '.join(kind.__name__ for kind in shape)}")
        return
    kind = "a list" if isinstance(shape, list) else "an object"
    if not isinstance(value, type(shape)):
        raise _refusal(path, where, f"is {str(value)[:60]!r}, not {kind}")
    keys = range(len(value)) if isinstance(shape, list) else value if "*" in shape else shape
    for key in keys:
        if isinstance(value, dict) and key not in value:
            raise _refusal(path, f"{where}.{key}", "is missing")
        part = shape[0] if isinstance(shape, list) else shape.get("*", shape.get(key))
        _check(path, value[key], part, f"{where}.{key}")


def _refusal(path: Path, where: str, what: str) -> InputError:
    return InputError(str(path), f"{clean(where).lstrip('.')} {what}", "delete it and run `dvc repro`, which makes it")
