"""The record of a run: when, where and with what the report was made; beside the page, so that the page never changes.

For maintainers who ask which machine and which versions made a report.
"""

import platform
import subprocess
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = (
    "click",
    "dvc",
    "jinja2",
    "matplotlib",
    "networkx",
    "numba",
    "numpy",
    "pandas",
    "pandera",
    "pillow",
    "pyarrow",
    "qwikidata",
    "requests",
    "scikit-learn",
    "scipy",
    "torch",
)


def run_record(started: datetime, finished: datetime) -> dict[str, Any]:
    """What is worth keeping of a run.

    Args:
        started: when it began, in UTC.
        finished: when it ended, in UTC.

    Returns:
        commit and is_dirty (None without git), host, started_at and finished_at (ISO 8601, UTC, seconds), seconds,
        python, platform, and packages: name to version, None where one is not installed.
    """
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain") if commit is not None else None
    return {
        "commit": commit,
        "is_dirty": None if changes is None else bool(changes),
        "host": platform.node(),
        "started_at": started.isoformat(timespec="seconds"),
        "finished_at": finished.isoformat(timespec="seconds"),
        "seconds": round((finished - started).total_seconds(), 2),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _git(*arguments: str) -> str | None:
    """What git says of the current folder; None where it is not a repository, has no commit, or there is no git."""
    try:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
