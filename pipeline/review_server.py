"""`hgld review`: the review page over the project's tables, on this machine only."""

import contextlib
import gc

import click

from pipeline import workbench
from pipeline.errors import InputError
from pipeline.review_desk import ReviewDesk
from pipeline.worksheets import check_reviewer


def run(reviewer: str, port: int) -> None:
    """Serve the page until Ctrl-C.

    Args:
        reviewer: who decides.
        port: 0 takes a free one.

    Raises:
        click.UsageError: the reviewer is not in reviewers.csv.
        InputError: Flask or a table of the stages is missing, or the port is taken.
    """
    try:
        from annotations.review.app import address, serve
    except ImportError as error:
        raise InputError("hgld review", f"{error.name} is not installed", "pip install -e '.[review]'") from error
    click.echo("reading what the stages made ...", err=True)
    bench = workbench.open_workbench()
    check_reviewer(reviewer, bench)
    desk = ReviewDesk(reviewer, bench)
    try:
        server = serve(desk, port)
    except OSError as error:
        what = f"cannot listen there ({error.strerror})"
        raise InputError(f"127.0.0.1:{port}", what, "choose another --port, or 0 for a free one") from error
    gc.freeze()  # what was read stays to the end, so no collection walks over it while somebody waits
    click.echo(f"{len(desk.rows())} rows for {reviewer} at {address(server)} (Ctrl-C ends it)")
    with contextlib.suppress(KeyboardInterrupt):  # which the server itself takes for the end, once it serves
        server.serve_forever()
    click.echo("ended; what was saved lies in annotations/")
