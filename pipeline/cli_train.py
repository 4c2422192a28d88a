"""Commands about trained models, and the options of the stage train; modules of training are imported when they run."""

from pathlib import Path

import click

TRAIN_OPTIONS: list[click.Parameter] = [
    click.Option(["--loss"], help="Only this loss; need not be one of params.yaml."),
    click.Option(["--seed"], type=int, help="Only this seed."),
    click.Option(
        ["--resume"],
        default="auto",
        show_default=True,
        help="Go on where the run stopped if settings, data and code are the same, or go on from this checkpoint.",
    ),
]
BENCHMARK_OPTIONS: list[click.Parameter] = [
    click.Option(
        ["--format", "form"],
        type=click.Choice(["markdown", "latex"]),
        help="Print the table of metrics.json for a paper, and test nothing.",
    )
]


@click.command()
@click.option("--run", "run", type=click.Path(path_type=Path, exists=True), required=True, help="Such as runs/X/seed0.")
@click.option("--split", type=click.Choice(["train", "index", "test"]), default="index", show_default=True)
@click.option("--shard", type=int, default=0, show_default=True, help="Which part of the images, from 0.")
@click.option("--num-shards", "shard_count", type=int, default=1, show_default=True, help="Number of parts.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the Parquet files.")
def embed(run: Path, split: str, shard: int, shard_count: int, out: Path) -> None:
    """Embed the images of a split with a trained model, one Parquet a shard; for job arrays."""
    from pipeline.embeddings import write_shard

    click.echo(write_shard(run, split, shard, shard_count, out))


TRAIN: list[click.Command] = [embed]
