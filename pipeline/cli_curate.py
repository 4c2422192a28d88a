"""Commands of `hgld` for curators."""

import click

from pipeline.cli_options import AS_JSON, print_result


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


CURATE: list[click.Command] = [anchors, agreement]
