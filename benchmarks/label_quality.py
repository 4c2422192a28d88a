"""How good the labels are on real data: class level, landmark level, and the text fallback.

For maintainers who change anchors, decisions, rules or head nouns, and for the closing notes: prints a table and
writes every figure and disagreement as JSON. Other files of the same formats can be given.

    python benchmarks/label_quality.py [--pairs CSV] [--landmarks CSV] [--titles-train CSV --titles-test CSV]
                                       [--data DIR] --json OUT
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import click
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # run as a script, not as `python -m benchmarks.label_quality`
    sys.path.insert(0, str(ROOT))

from annotations import store  # noqa: E402
from benchmarks.label_quality_graph import measure_landmarks, measure_pairs, read_extracts  # noqa: E402
from benchmarks.label_quality_text import measure_text, titles_of  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_ROWS = [
    ("pairs", "count", "pairs that name a class"),
    ("pairs", "reached_share", "share reached"),
    ("pairs", "agreement", "agreement where reached"),
    ("landmarks", "count", "landmarks joined by P373"),
    ("landmarks", "reached_share", "share labelled"),
    ("landmarks", "agreement", "agreement where labelled"),
    ("landmarks", "interval", "95% interval (Wilson)"),
    ("text", "rows", "titles scored"),
    ("text", "top1_weighted", "top-1, natural distribution"),
    ("text", "coverage_at_95_precision", "coverage at 95% precision"),
    ("text", "honest_coverage", "coverage, threshold from other rows"),
    ("text", "honest_precision", "precision there"),
    ("text", "macro_f1", "macro-F1"),
]


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV of the data folder as text, nothing guessed."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def measure(
    data: Path = DATA,
    pairs: Path | None = None,
    landmarks: Path | None = None,
    titles_train: Path | None = None,
    titles_test: Path | None = None,
) -> dict[str, Any]:
    """Every figure as nested objects pairs, landmarks, text, with disagreements (kind, id, title, official, ours, why).

    Args:
        data: the data folder (its README says what is in it).
        pairs: in place of gldv2/supercategory_pairs.csv.
        landmarks: in place of gldv2/train_landmark_labels.csv.
        titles_train: titles to learn from; the same file is cross-validated when there is no test file.
        titles_test: titles to score.
    """
    default = data / "gldv2" / "train_landmark_labels.csv"
    extracts = read_extracts(data / "wikidata")
    of_pairs, wrong = measure_pairs(extracts, read_csv(pairs or data / "gldv2" / "supercategory_pairs.csv"))
    of_landmarks, wrong_landmarks = measure_landmarks(extracts, read_csv(landmarks or default))
    natural = read_csv(data / "gldv2" / "index_label_to_hierarchical.csv")["hierarchical_label"].str.strip()
    train = titles_of(read_csv(titles_train or default))
    test = titles_of(read_csv(titles_test)) if titles_test else None
    of_text, wrong_text = measure_text(train, test, natural, read_csv(ROOT / store.FOLDER / "head_nouns.csv"))
    result = {"pairs": of_pairs, "landmarks": of_landmarks, "text": of_text}
    return result | {"disagreements": [*wrong, *wrong_landmarks, *wrong_text]}


def table(result: dict[str, Any]) -> str:
    """The figures as aligned text."""
    lines = [f"{part:<10} {what:<38} {result[part].get(key)}" for part, key, what in _ROWS]
    shown = [row for row in result["disagreements"] if row["kind"] != "text"]
    lines += [f"{row['kind']:<10} {row['title']}: official {row['official']}, ours {row['ours']}" for row in shown]
    return "\n".join(lines)


@click.command()
@click.option("--pairs", type=_FILE, help="Rows of the format of supercategory_pairs.csv.")
@click.option("--landmarks", type=_FILE, help="Rows of the format of train_landmark_labels.csv.")
@click.option("--titles-train", type=_FILE, help="Titles to learn from, same format as --landmarks.")
@click.option("--titles-test", type=_FILE, help="Titles to score, same format.")
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), default=DATA, show_default=True)
@click.option("--json", "out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write.")
def main(
    pairs: Path | None,
    landmarks: Path | None,
    titles_train: Path | None,
    titles_test: Path | None,
    data: Path,
    out: Path,
) -> None:
    """Measure label quality on real data, print a table and write JSON."""
    if (titles_train is None) != (titles_test is None):
        raise click.UsageError("--titles-train and --titles-test go together")
    start = time.perf_counter()
    result = measure(data, pairs, landmarks, titles_train, titles_test)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    click.echo(table(result))
    click.echo(f"{time.perf_counter() - start:.1f} s; written to {out}")


if __name__ == "__main__":
    main()
