"""`hgld review`: the review page over the project's tables, on this machine only."""

import contextlib
import gc
import threading

import click

from pipeline import workbench
from pipeline.errors import InputError
from pipeline.garbage import uncollected
from pipeline.review_desk import ReviewDesk
from pipeline.worksheets import check_reviewer


def run(reviewer: str, port: int) -> None:
    """Serve the page until Ctrl-C; it says that it is being read until it is.

    Args:
        reviewer: who decides.
        port: 0 takes a free one.

    Raises:
        click.UsageError: the reviewer is not in reviewers.csv.
        InputError: Flask or a table of the stages is missing, or the port is taken.
    """
    try:
        from annotations.review.app import address, answering, open_desk, serve
    except ImportError as error:
        raise InputError("hgld review", f"{error.name} is not installed", "pip install -e '.[review]'") from error
    curated = workbench.read_curated()
    check_reviewer(reviewer, curated)
    try:
        server = serve(None, port)
    except OSError as error:
        what = f"cannot listen there ({error.strerror})"
        raise InputError(f"127.0.0.1:{port}", what, "choose another --port, or 0 for a free one") from error
    with answering(server):
        click.echo(f"{address(server)} for {reviewer} (Ctrl-C ends it)")
        click.echo("reading what the stages made ...", err=True)
        with uncollected():
            desk = ReviewDesk(reviewer, workbench.open_workbench(curated))
            row_count = len(desk.rows())
        gc.freeze()  # what was read stays to the end, so no collection walks over it while somebody waits
        open_desk(server, desk)
        click.echo(f"{row_count} rows")
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
    click.echo("ended; what was saved lies in annotations/")
