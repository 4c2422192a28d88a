"""`python -m benchmarks.rehearsal [--share S ...] [--folder DIR] [--json OUT]`: rehearse the full run."""

import json
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import pandas as pd

from benchmarks.rehearsal.run import rehearse

STAGE_COLUMNS = ["stage", "own_s", "cpu_s", "dvc_s", "peak_mb", "output_mb", "rows", "rows_per_s"]
COMMAND_COLUMNS = ["command", "first_s", "own_s", "peak_mb", "exit_code"]


def rounded(found: Any) -> Any:
    """Figures as they are written: three decimals."""
    if isinstance(found, dict):
        return {name: rounded(value) for name, value in found.items()}
    if isinstance(found, list):
        return [rounded(value) for value in found]
    return round(found, 3) if isinstance(found, float) else found


@click.command()
@click.option("--share", "shares", type=float, multiple=True, default=(1.0,), show_default=True, help="Of full size.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where to run; kept. Else a folder that is removed.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here, too.")
def main(shares: tuple[float, ...], folder: Path | None, out: Path | None) -> None:
    """Rehearse the full run at one or several shares of its size."""
    runs = []
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as temporary:
        for share in shares:
            where = (folder or Path(temporary)).resolve() / f"share-{share:g}"
            click.echo(f"share {share:g} in {where}")
            runs.append(rounded(rehearse(share, where, click.echo)) | {"machine": platform.machine()})
            if out:
                out.write_text(json.dumps(runs, indent=2) + "\n", encoding="utf-8")
    for run in runs:
        click.echo(f"\nshare {run['share']:g}: {run['train_images'] + run['index_images']:,} images")
        click.echo(pd.DataFrame(run["stages"])[STAGE_COLUMNS].round(1).to_string(index=False))
        click.echo(pd.DataFrame(run["commands"])[COMMAND_COLUMNS].round(2).to_string(index=False))
    failed = [(run["share"], row) for run in runs for row in run["commands"] if row.get("error")]
    for share, row in failed:
        click.echo(f"\nshare {share:g}: hgld {row['command']} failed:\n{row['error']}", err=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
