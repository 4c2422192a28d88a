"""Seeded and scripted faults of GLDv2's bucket, for `tests/local_bucket.py`: which request meets which."""

import random
from collections.abc import Callable, Collection, Sequence

# Faults by kind. Those of a body strike GETs only; `wrong` strikes TARs only, since nothing vouches for other files.
STATUSES = ("429", "429_seconds", "429_date", "500", "502", "503", "503_seconds")
BODIES = (
    "416",
    "reset",
    "stall",
    "short",
    "understated",
    "overlong",
    "gzip",
    "no_range",
    "other_range",
    "old",
    "wrong",
)
ALL = (*STATUSES, *BODIES)  # what a client should outlast; `unsized`, for scripts, it should not
RETRY_AFTER = {"429_seconds": "7", "429_date": "Mon, 23 Nov 2026 17:00:30 GMT", "503_seconds": "3"}
# (method, path, how often this was asked before) -> kind of fault, or None
Plan = Callable[[str, str, int], str | None]


def no_faults(method: str, path: str, nth: int) -> None:
    """Every answer is good."""


def seeded(seed: int, share: float, kinds: Collection[str] = ALL) -> Plan:
    """Faults for a share of the requests; the n-th request for a file meets the same fault whatever the threads do."""

    def fault(method: str, path: str, nth: int) -> str | None:
        draw = random.Random(f"{seed} {method} {path} {nth}")
        fitting = [kind for kind in kinds if method == "GET" or kind in STATUSES]
        fitting = [kind for kind in fitting if kind != "wrong" or path.endswith(".tar")]
        return draw.choice(fitting) if draw.random() < share else None

    return fault


def scripted(**faults: Sequence[str | None]) -> Plan:
    """The first GETs of a file, named by its stem, meet these faults in turn; HEADs under `head_<stem>`."""

    def fault(method: str, path: str, nth: int) -> str | None:
        stem = path.split("/")[-1].split(".")[0]
        script = faults.get(f"head_{stem}" if method == "HEAD" else stem, ())
        return script[nth] if nth < len(script) else None

    return fault
