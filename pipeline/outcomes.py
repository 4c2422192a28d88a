"""Named checks and how they came out: run one by one, all failures kept, told as JSON and as lines for a person.

For `hgld validate` and `hgld check`.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any

Outcome = dict[str, Any]
NAME_WIDTH = 46


def outcome(check: Callable[[], Iterable[str]]) -> Outcome:
    """Run a check, which yields its failures: its name, what it promises, ok, and every failure.

    A check that cannot be made, because what it compares is too wrong, fails and says so.
    """
    made = check.func if isinstance(check, functools.partial) else check
    try:
        failures = list(check())
    except (KeyError, ValueError) as error:
        failures = [f"could not be checked ({str(error).splitlines()[0]})"]
    return {"name": made.__name__, "promise": promise(made), "ok": not failures, "failures": failures}


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
