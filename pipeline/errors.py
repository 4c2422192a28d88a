"""How a run stops on bad input: one clear message and an exit code, for the people who run commands.

An `InputError` says where (file:line), which (id and label), what is wrong, and the remedy. click prints it
without a traceback and exits 1; wrong usage is `click.UsageError`, which exits 2.
"""

from collections.abc import Callable
from typing import Any

import click


class InputError(click.ClickException):
    """Input that breaks a rule; exit code 1."""

    def __init__(self, where: str, what: str, remedy: str) -> None:
        super().__init__(f"{where}: {what}. Remedy: {remedy}.")
        self.what, self.remedy = what, remedy


def stage_command(main: Callable[[], None]) -> Callable[[], None]:
    """Wrap a stage's `main` so that `python -m pipeline.stepN_...` fails as politely as `hgld` does."""
    return click.command(help=main.__doc__)(with_file_errors(main))


def with_file_errors(main: Callable[[], Any]) -> Callable[[], Any]:
    """Turn what the operating system refuses (no space, no permission) into an `InputError` with a remedy."""

    def guarded(*arguments: Any, **options: Any) -> Any:
        try:
            return main(*arguments, **options)
        except OSError as error:
            where = str(error.filename or "the disk")
            remedy = "check the path, its permissions and the free space, then run the command again"
            raise InputError(where, error.strerror or str(error), remedy) from error

    return guarded
