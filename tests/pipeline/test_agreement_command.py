"""`hgld agreement` on tables of two reviewers who differ, which stop the build and are when the command is wanted."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from annotations import store

Cli = Callable[..., Result]
SIGNED = "2026-11-24,,seen"
KEYS = {"pairs", "kappa", "alpha", "conflicts", "decided", "doubly_decided", "unsure"}
ALIKE = ["Q2,chapel,assign,church", "Q3,odd,ignore,", "Q4,abbey,assign,church"]


def write(name: str, rows: list[str], folder: str = "annotations") -> None:
    lines = [",".join(store.TABLES[name].columns), *rows]
    Path(folder, f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


@pytest.fixture
def two_reviewers(project: Path) -> Path:
    """Four classes, an edge and a category judged by ann and by bob, who differ on one of each; one is settled."""
    ponds = [f"Q1,pond,assign,lake,{store.ADJUDICATOR}", "Q1,pond,assign,lake,ann", "Q1,pond,ignore,,bob"]
    signed = [*ponds, *(f"{said},{reviewer}" for said in ALIKE for reviewer in ("ann", "bob"))]
    write("class_decisions", [f"{row},{SIGNED}" for row in signed])
    write("edge_decisions", [f"Q1,pond,Q2,chapel,{said},{SIGNED}" for said in ("keep,ann", "remove,bob")])
    rows = [f"index,3,Abbey,reject,,ann,{SIGNED}", f"train,7,Abbey,assign,church,bob,{SIGNED}"]
    write("landmark_decisions", rows, "sample/annotations")
    return project


def as_json(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    tables: dict[str, Any] = json.loads(result.stdout)["tables"]
    return tables


def test_json_tells_pairs_kappa_alpha_and_conflicts_of_every_table(two_reviewers: Path, cli: Cli) -> None:
    tables = as_json(cli("agreement", "--json"))
    assert list(tables) == ["class_decisions", "edge_decisions", "landmark_decisions"]
    assert all(set(found) == KEYS for found in tables.values())
    # p_o = 3 / 4; ann: lake, church twice, ignore; bob: church twice, ignore twice: p_e = (2 * 2 + 1 * 2) / 16.
    kappa = pytest.approx((3 / 4 - 6 / 16) / (1 - 6 / 16))
    pair = {"reviewers": ["ann", "bob"], "count": 4, "agreed": 3, "kappa": kappa}
    assert tables["class_decisions"]["pairs"] == [pair]
    assert tables["class_decisions"]["kappa"] == kappa
    # u = 2; n = 8 with lake 1, church 4, ignore 3: 1 - 2 * 7 / (64 - 26).
    assert tables["class_decisions"]["alpha"] == pytest.approx(1 - 14 / 38)
    assert [len(found["conflicts"]) for found in tables.values()] == [1, 1, 1]
    assert [found["conflicts"][0]["settled"] for found in tables.values()] == [True, False, False]


def test_lines_tell_the_same_for_a_person(two_reviewers: Path, cli: Cli) -> None:
    result = cli("agreement")
    assert result.exit_code == 0
    assert result.stdout == EXPECTED


def test_landmark_decisions_are_those_of_the_source(two_reviewers: Path, cli: Cli) -> None:
    params = Path("params.yaml").read_text(encoding="utf-8")
    assert "\nsource: sample" in params
    Path("params.yaml").write_text(params.replace("\nsource: sample", "\nsource: wikimedia"), encoding="utf-8")
    assert as_json(cli("agreement", "--json"))["landmark_decisions"]["decided"] == 0


def test_one_reviewer_is_told_how_to_draw_a_second_review(project: Path, cli: Cli) -> None:
    tables = as_json(cli("agreement", "--json"))
    assert all((found["kappa"], found["alpha"], found["conflicts"]) == (None, None, []) for found in tables.values())
    for kind in ("classes", "edges", "landmarks"):
        assert f"hgld worksheet {kind} --blind-for NAME" in cli("agreement").stdout


def test_a_table_that_cannot_be_read_stops_it_with_file_and_line(two_reviewers: Path, cli: Cli) -> None:
    write("edge_decisions", ["Q1,pond,Q2"])
    result = cli("agreement")
    assert result.exit_code == 1
    assert "annotations/edge_decisions.csv:2: 3 cells" in result.stderr
    assert "Remedy: " in result.stderr


def test_it_takes_no_arguments(project: Path, cli: Cli) -> None:
    assert cli("agreement", "classes").exit_code == 2


EXPECTED = """\
class_decisions: 4 decided, 4 by two reviewers or more, 0 unsure
  ann and bob: 3 of 4 agree, kappa 0.600
  all: mean kappa 0.600, Krippendorff's alpha 0.632
  conflicts: 1, 0 of them open
    Q1 (pond): settled
      annotations/class_decisions.csv:2: adjudicated, 2026-11-24: assign lake (seen)
      annotations/class_decisions.csv:3: ann, 2026-11-24: assign lake (seen)
      annotations/class_decisions.csv:4: bob, 2026-11-24: ignore (seen)
edge_decisions: 1 decided, 1 by two reviewers or more, 0 unsure
  ann and bob: 0 of 1 agree, kappa 0.000
  all: mean kappa 0.000, Krippendorff's alpha 0.000
  conflicts: 1, 1 of them open. Remedy: agree, or add a row of reviewer adjudicated
    Q1 (pond) -> Q2 (chapel): open
      annotations/edge_decisions.csv:2: ann, 2026-11-24: keep (seen)
      annotations/edge_decisions.csv:3: bob, 2026-11-24: remove (seen)
landmark_decisions: 1 decided, 1 by two reviewers or more, 0 unsure
  ann and bob: 0 of 1 agree, kappa 0.000
  all: mean kappa 0.000, Krippendorff's alpha 0.000
  conflicts: 1, 1 of them open. Remedy: agree, or add a row of reviewer adjudicated
    Abbey: open
      sample/annotations/landmark_decisions.csv:2: ann, 2026-11-24: reject (seen)
      sample/annotations/landmark_decisions.csv:3: bob, 2026-11-24: assign church (seen)
"""
