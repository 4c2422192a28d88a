"""Options and output that the commands of `hgld` share."""

import json
from typing import Any

import click

SPLIT = click.option("--split", type=click.Choice(["train", "index"]), help="Only this split.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def print_result(value: Any, lines: list[str], as_json: bool) -> None:
    """Print the value as JSON, or its lines for a person."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2) if as_json else "\n".join(lines))
