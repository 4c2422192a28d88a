"""Labels, levels and anchors are data: the sample under 12 labels in 5 groups in 2 realms, with no code changed."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from pipeline.cli import STAGES, hgld

# label: (group, realm, what it gathers of the committed labels)
COARSE = {
    "worship": ("building", "made", "church|mosque|synagogue|monastery|buddhist temple|hindu temple|shinto shrine"),
    "home": ("building", "made", "house|palace|castle / fort|hotel"),
    "culture": ("building", "made", "museum|theatre|library|observatory|zoo|amusement park|artwork|sculpture|memorial"),
    "learning": ("building", "made", "school|hospital|government building|prison"),
    "transport": ("network", "made", "bridge|road|rail transportation|air transportation|harbor|boat|canal|dam"),
    "industry": ("network", "made", "factory|mine|power plant|windmill|tower|lighthouse|skyscraper"),
    "place": ("settled", "made", "city|village|settlement|square|market|shopping|restaurant|sports venue|cemetery"),
    "past": ("settled", "made", "ruins|archeological site|aqueduct|bath|gate|fountain|cross|stairs|pyramid|festival"),
    "water": ("landscape", "nature", "lake|river|waterfall|ocean area|beach|wetland"),
    "height": ("landscape", "nature", "mountain|volcano|cliff|cave|stone"),
    "green": ("landscape", "nature", "parks|garden|tree|agricultural land|trail"),
    "isle": ("landscape", "nature", "island"),
}
OF_COMMITTED = {label: coarse for coarse, (_, _, labels) in COARSE.items() for label in labels.split("|")}


def rewrite(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened, lineterminator="\n").writerows([header, *rows])


@pytest.fixture
def other_taxonomy(project: Path) -> Path:
    """The project with the coarse taxonomy, its anchors and decisions translated or dropped."""
    rows = [[label, group, realm, str(n), ""] for n, (label, (group, realm, _)) in enumerate(COARSE.items(), 1)]
    taxonomy = project / "annotations/taxonomy.csv"
    rewrite(taxonomy, ["hierarchical_label", "group", "realm", "priority", "description"], sorted(rows))
    for name in (
        "annotations/anchors.csv",
        "annotations/class_decisions.csv",
        "sample/annotations/landmark_decisions.csv",
    ):
        with (project / name).open(encoding="utf-8", newline="") as opened:
            header, *rows = csv.reader(opened)
        at = header.index("hierarchical_label")
        kept = [row for row in rows if not row[at] or row[at] in OF_COMMITTED]
        rewrite(project / name, header, [[*row[:at], OF_COMMITTED.get(row[at], ""), *row[at + 1 :]] for row in kept])
    return project


def test_the_sample_builds_under_another_taxonomy(other_taxonomy: Path) -> None:
    runner = CliRunner()
    for stage in STAGES:
        result = runner.invoke(hgld, [stage], catch_exceptions=False)
        assert result.exit_code == 0, result.output
    labels = pd.read_parquet(other_taxonomy / "release/labels/train.parquet")
    assert "natural_or_human_made" not in labels
    labelled = labels[labels["hierarchical_label"].notna()]
    assert len(labelled) > 200
    assert set(labelled["hierarchical_label"]) == set(COARSE)
    for row in labelled.to_dict("records"):
        assert (row["group"], row["realm"]) == COARSE[row["hierarchical_label"]][:2]
    assert labels.loc[labels["hierarchical_label"].isna(), ["group", "realm"]].isna().all(axis=None)
    official = pd.read_csv(other_taxonomy / "release/train_label_to_hierarchical.csv")
    expected = ["landmark_id", "category", "supercategory", "hierarchical_label", "group", "realm"]
    assert list(official.columns) == expected
    chain = json.loads(runner.invoke(hgld, ["explain", "26737", "--json"]).output)
    assert (chain["hierarchical_label"], chain["group"], chain["realm"]) == ("water", "landscape", "nature")
