"""Commands of `hgld` for curators."""

from pathlib import Path

import click

from annotations.verdicts import KINDS
from pipeline.cli_options import AS_JSON, print_result

REVIEWER = click.option("--reviewer", required=True, metavar="NAME", help="Who decides; a row of reviewers.csv.")


@click.command()
@REVIEWER
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
def review(reviewer: str, port: int) -> None:
    """Decide by keyboard on a web page of this machine.

    Shows the queue with the evidence of each row, and what a verdict would do before it is saved. Ends with Ctrl-C.
    """
    from pipeline import review_server

    review_server.run(reviewer, port)


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The CSV file to make.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many rows.  [default: all]")
@click.option("--blind-for", metavar="NAME", help="What others have decided and NAME has not, without their verdicts.")
def worksheet(kind: str, out: Path, limit: int | None, blind_for: str | None) -> None:
    """Write a CSV of what is open, most useful first, for a person to fill.

    Fill the columns decision and reason (and hierarchical_label, or other_parent_qid) of any rows, in a spreadsheet,
    and hand the file to `hgld decide`.
    """
    from pipeline import worksheets

    if blind_for:
        count = worksheets.write_blind(kind, out, limit, blind_for)
    else:
        count = worksheets.write_open(kind, out, limit)
    reviewer = blind_for or "NAME"
    click.echo(f"{out}: {count} {kind} to decide; when it is filled: hgld decide {out} --reviewer {reviewer}")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@REVIEWER
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@AS_JSON
def decide(file: Path, reviewer: str, dry_run: bool, as_json: bool) -> None:
    """Take the verdicts of the worksheet FILE into annotations/, all or none.

    Prints the landmarks that move. A verdict that contradicts another reviewer's is taken and reported.
    """
    from pipeline import deciding, worksheets

    found = worksheets.read_and_take(file, reviewer, dry_run)
    ending = ["nothing was written (--dry-run)" if dry_run else "run `dvc repro` to build the labels anew"]
    print_result(worksheets.as_json(found), [*deciding.outcome_lines(found), *ending], as_json)


@click.command()
@AS_JSON
def check(as_json: bool) -> None:
    """Check every rule of the curated tables; exit code 1 when one is broken.

    All failures of all rules are listed, also of those that do not stop a build.
    """
    from pipeline import curation_checks

    report = curation_checks.check_tables()
    print_result(report, curation_checks.check_lines(report), as_json)
    if not report["ok"]:
        raise click.exceptions.Exit(1)


@click.command()
@click.option("--limit", default=25, show_default=True, help="Rows of each list.")
@AS_JSON
def anchors(limit: int, as_json: bool) -> None:
    """Report what each anchor catches, which are silent, what is open, and which anchors the evidence suggests."""
    from pipeline import anchor_evidence

    report = anchor_evidence.read_report()
    print_result(report, anchor_evidence.report_lines(report, limit), as_json)


@click.command()
@AS_JSON
def agreement(as_json: bool) -> None:
    """Compare reviewers: kappa, Krippendorff's alpha, and conflicts.

    Kappa of every pair and alpha of all, per decision table, and every conflict, open or settled. Reads the tables as
    they stand, also while conflicts stop the build.
    """
    from pipeline import reviewer_agreement

    report = reviewer_agreement.read_agreement()
    print_result(report, reviewer_agreement.agreement_lines(report), as_json)


CURATE: list[click.Command] = [review, worksheet, decide, check, anchors, agreement]
