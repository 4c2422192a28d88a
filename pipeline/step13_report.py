"""Stage report: what the pipeline made, on one page that anyone can open, and a record of the run beside it."""

from datetime import UTC, datetime
from pathlib import Path

import click
from jinja2 import UndefinedError

from pipeline.errors import InputError, stage_command
from pipeline.files import atomic, write_json
from pipeline.report import page
from pipeline.report.run_record import run_record
from pipeline.report.sections import charts, sections
from pipeline.report.sources import Sources, read_sources

PAGE, RUN = Path("data/8_report/report.html"), Path("data/8_report/run.json")


def build(sources: Sources) -> bytes:
    """The page as bytes of UTF-8; the same sources give the same bytes.

    Raises:
        InputError: it would be too large, or the sources do not fit together.
    """
    try:
        told = sections(sources)
        return page.render(told, charts(sources, told))
    except (KeyError, TypeError, ValueError, ArithmeticError, UndefinedError) as error:
        what = f"cannot be made from what the stages wrote ({type(error).__name__}: {error})"
        raise InputError(str(PAGE), what, "run `dvc repro`, which makes the tables and reports anew") from error


def main() -> None:
    """Write the report, data/8_report/report.html, and the record of this run."""
    started = datetime.now(UTC)
    content = build(read_sources())
    with atomic(PAGE) as partial:
        partial.write_bytes(content)
    write_json(run_record(started, datetime.now(UTC)), RUN)
    click.echo(f"{PAGE}: {len(content) / 1e6:.1f} MB, opens in any browser")


if __name__ == "__main__":
    stage_command(main)()
