"""Named checks and how they came out: run one by one, all failures kept, told as JSON and as lines for a person.

For `hgld validate` and `hgld check`.
"""

import functools
import itertools
from collections.abc import Callable, Iterable
from typing import Any

Outcome = dict[str, Any]
NAME_WIDTH = 46
MOST_LISTED = 1_000


def outcome(check: Callable[[], Iterable[str]]) -> Outcome:
    """Run a check, which yields its failures: its name, what it promises, ok, and the failures.

    A check that cannot be made fails and says why: what it reads is untrusted, and the others are to be made all the
    same. Of very many failures the first are listed, and the others counted.
    """
    try:
        found = iter(check())
        failures = list(itertools.islice(found, MOST_LISTED))
        rest = sum(1 for _ in found)
    except Exception as error:
        reason = str(error).splitlines() or [""]
        failures, rest = [f"could not be checked ({type(error).__name__}: {reason[0]})"], 0
    return told(check, [*failures, *([f"and {rest:,} more"] if rest else [])])


def told(check: Callable[..., Any], failures: list[str]) -> Outcome:
    """What came out of a check, in words that can be written whatever name a file has."""
    made = check.func if isinstance(check, functools.partial) else check
    words = [text.encode("utf-8", "backslashreplace").decode() for text in failures]
    return {"name": made.__name__, "promise": promise(made), "ok": not words, "failures": words}


def promise(check: Callable[..., Any]) -> str:
    """What a check promises: the first line of its docstring."""
    return (check.__doc__ or "").strip().splitlines()[0]


def is_all_well(outcomes: Iterable[Outcome]) -> bool:
    """Whether every check holds."""
    return all(found["ok"] for found in outcomes)


def outcome_lines(outcomes: Iterable[Outcome]) -> list[str]:
    """A table of the checks, each broken one followed by all its failures."""
    lines = []
    for found in outcomes:
        name = found["name"].replace("_", " ")
        lines.append(f"{'ok    ' if found['ok'] else 'BROKEN'} {name:<{NAME_WIDTH}} {found['promise']}".rstrip())
        lines += [f"         {failure}" for failure in found["failures"]]
    return lines
