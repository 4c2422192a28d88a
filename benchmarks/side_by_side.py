"""Rows of a benchmark, each measured in a process of its own, as a table and as JSON; for losses.py and metrics.py."""

import json
import multiprocessing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import pandas as pd
import torch


def print_rows(
    measure: Callable[..., dict[str, object]],
    rows: Sequence[tuple[Any, ...]],
    heading: str,
    device: str,
    out: Path | None,
) -> None:
    """Measure every row, print the table, and write it to out where given.

    Args:
        measure: makes a row of the table from the arguments in rows; its peak memory is its own.
        rows: arguments of each row.
        heading: what all rows have in common.
        device: cpu or cuda.
        out: JSON file of the figures.
    """
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        measured = [pool.apply(measure, row) for row in rows]
    name = torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} CPU threads"
    click.echo(f"{heading}, {name}")
    click.echo(pd.DataFrame(measured).to_string(index=False))
    if out:
        out.write_text(json.dumps({"device": name, "rows": measured}, indent=2) + "\n", encoding="utf-8")
