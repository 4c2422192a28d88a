"""Numbers as JSON, the table of a paper, and what runs wrote while they trained."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.benchmark import evaluation
from training.benchmark.course import best_on_val, learning_curves, performance
from training.benchmark.paper_table import NAMES, OVERALL, escaped, paper_table
from training.benchmark.protocol import metric_keys
from training.benchmark.summary import compare, gldv2_means, headline, means, negated, paired, rounded
from training.loss_table import LOSSES
from training.run import METRICS, PERFORMANCE
from training.runs import append_row

Json = dict[str, Any]
LANDMARKS = np.repeat(np.arange(6), 3)


def scoring(name: str, values: np.ndarray, seeds: tuple[int, ...] = (0, 1)) -> evaluation.Tested:
    """A tested model with these values (S, Q) of H-AP, and of ASI half of them."""
    both = np.stack([values, values / 2], axis=2)
    count = values.shape[1]
    return evaluation.Tested(name, seeds, ("h_ap", "asi"), both, np.zeros(values.shape, np.int8), torch.zeros(count, 3))


def values_around(mean: float, seed: int = 0) -> np.ndarray:
    return mean + np.random.default_rng(seed).uniform(-0.05, 0.05, (2, len(LANDMARKS)))


def test_a_better_model_less_a_worse_one_is_positive() -> None:
    good, bad = scoring("happier", values_around(0.8, 0)), scoring("smooth_ap", values_around(0.5, 1))
    for row in paired(good, bad, LANDMARKS):
        assert (row["a"], row["b"]) == ("happier", "smooth_ap")
        assert 0 < row["low"] < row["difference"] < row["high"]
    for row, turned in zip(paired(good, bad, LANDMARKS), paired(bad, good, LANDMARKS), strict=True):
        assert turned["difference"] == -row["difference"]
        assert turned["high"] < 0


def test_pairing_sees_a_small_difference_that_means_alone_do_not() -> None:
    hard = np.tile(np.repeat(np.linspace(0.1, 0.8, 6), 3), (2, 1))  # landmarks differ far more than models
    one, other = scoring("a", hard + 0.02), scoring("b", hard)
    (row, _) = paired(one, other, LANDMARKS)
    assert (row["difference"], row["low"], row["high"]) == (0.02, 0.02, 0.02)
    assert means(one, LANDMARKS)["h_ap"]["low"] < means(other, LANDMARKS)["h_ap"]["high"]


@pytest.mark.parametrize("seeds", [(1, 0), (0, 2), (0,)])
def test_models_of_other_seeds_are_not_paired(seeds: tuple[int, ...]) -> None:
    values = values_around(0.5)
    with pytest.raises(ValueError, match=r"one has seeds .*, other .*; a paired difference needs the same"):
        paired(scoring("one", values), scoring("other", values[: len(seeds)], seeds), LANDMARKS)


def test_every_two_losses_are_compared_and_every_loss_with_every_other_model() -> None:
    losses = [scoring(name, values_around(0.5, place)) for place, name in enumerate(("a", "b", "c"))]
    found = compare(losses, [scoring("untrained", values_around(0.2))], LANDMARKS)
    pairs = [(row["a"], row["b"]) for row in found["paired"] if row["metric"] == "h_ap"]
    assert pairs == [("a", "b"), ("a", "c"), ("b", "c"), ("a", "untrained"), ("b", "untrained"), ("c", "untrained")]
    assert (list(found["losses"]), list(found["zero_shot"])) == (["a", "b", "c"], ["untrained"])
    assert len(found["paired"]) == 2 * len(pairs)


@given(st.integers(0, 2**16), st.sampled_from([0.0, 0.02, 0.5, 0.98, 1.0]), st.floats(0, 1))
def test_means_and_their_ends_are_shares(seed: int, middle: float, spread: float) -> None:
    draw = np.random.default_rng(seed)
    values = np.clip(middle + spread * (draw.uniform(-1, 1, (2, 1)) + draw.uniform(-1, 1, (2, 18))), 0, 1)
    for row in means(scoring("one", values), LANDMARKS).values():
        assert 0 <= row["low"] <= row["mean"] <= row["high"] <= 1
        assert all(value == round(value, 4) for value in row.values())
    for row in paired(scoring("one", values), scoring("other", draw.permutation(values)), LANDMARKS):
        assert -1 <= row["low"] <= row["difference"] <= row["high"] <= 1


def test_two_seeds_that_could_not_differ_more_stay_within_what_can_be() -> None:
    values = np.array([[0.0], [1.0]]).repeat(18, axis=1)
    assert means(scoring("one", values), LANDMARKS)["h_ap"] == {"mean": 0.5, "low": 0, "high": 1}
    row = paired(scoring("one", values), scoring("other", values[::-1]), LANDMARKS)[0]
    assert (row["low"], row["high"]) == (-1, 1)


def test_a_metric_that_no_query_defines_is_null() -> None:
    one = scoring("one", np.full((2, 18), np.nan))
    assert means(one, LANDMARKS)["h_ap"] == {"mean": None, "low": None, "high": None}
    assert paired(one, one, LANDMARKS)[0] | {"metric": ""} == {
        "a": "one", "b": "one", "metric": "", "difference": None, "low": None, "high": None
    }  # fmt: skip


@given(st.floats(-1, 1))
def test_rounded_values_have_four_decimals_and_no_negative_zero(value: float) -> None:
    assert rounded(value) == pytest.approx(value, abs=0.51e-4)
    assert len(repr(rounded(value)).lstrip("-")) <= 6 or abs(value) < 1e-3  # 0.1234, or 1e-04 as Python writes it
    assert not repr(rounded(value)).startswith("-0.0") or rounded(value) != 0


def test_what_is_not_finite_is_null_and_negated_zero_is_zero() -> None:
    assert [rounded(value) for value in (np.nan, np.inf, -np.inf)] == [None] * 3
    assert repr(rounded(-0.00001)) == repr(rounded(-0.0)) == "0.0"
    assert (repr(negated(0.0)), negated(0.25), negated(None)) == ("0.0", -0.25, None)


def found_of(h_ap: dict[str, float]) -> Json:
    """Numbers of models whose H-AP on the test fold is about that."""
    models = [scoring(name, values_around(value, place)) for place, (name, value) in enumerate(h_ap.items())]
    return compare(models, [], LANDMARKS)


def test_the_headline_is_chosen_on_val_and_not_by_the_test() -> None:
    found = found_of({"happier": 0.5, "sup_ndcg": 0.9, "smooth_ap": 0.6, "roadmap": 0.8})
    told = headline(found, {"happier": 0.9, "sup_ndcg": 0.5, "smooth_ap": 0.7, "roadmap": 0.6})
    assert (told["hierarchical"], told["flat"]) == ("happier", "smooth_ap")
    assert told["metrics"]["h_ap"]["difference"] == pytest.approx(-0.1, abs=0.03)


@pytest.mark.parametrize("order", [("happier", "smooth_ap"), ("smooth_ap", "happier")])
def test_the_headline_is_hierarchical_less_flat_in_whatever_order_they_stand(order: tuple[str, str]) -> None:
    h_ap = {"happier": 0.8, "smooth_ap": 0.5}
    models = {name: scoring(name, values_around(value, int(10 * value))) for name, value in h_ap.items()}
    found = compare([models[name] for name in order], [], LANDMARKS)
    told = headline(found, dict.fromkeys(order, 0.5))
    row = paired(models["happier"], models["smooth_ap"], LANDMARKS)[0]
    assert list(told["metrics"]) == ["h_ap", "asi"]
    assert list(told["metrics"]["h_ap"]) == ["difference", "low", "high"]
    assert told["metrics"]["h_ap"]["difference"] == row["difference"] > 0.2
    for end in ("low", "high"):  # the same bootstrap up to the side from which its quantiles are counted
        assert told["metrics"]["h_ap"][end] == pytest.approx(row[end], abs=2e-4)


def test_the_headline_of_equal_values_is_the_first_name() -> None:
    h_ap = {"sup_hap": 0.5, "happier": 0.5, "smooth_ap": 0.5, "cluster": 0.5}
    told = headline(found_of(h_ap), h_ap)
    assert (told["hierarchical"], told["flat"]) == ("happier", "cluster")


@pytest.mark.parametrize("names", [("happier",), ("smooth_ap",), ("happier", "sup_ndcg"), ("smooth_ap", "roadmap")])
def test_one_kind_of_losses_makes_no_headline(names: tuple[str, ...]) -> None:
    h_ap = dict.fromkeys(names, 0.5)
    assert headline(found_of(h_ap), h_ap) is None


def test_gldv2_has_means_of_all_queries_and_of_each_usage() -> None:
    usages = np.array(["Public", "Private", "Private"])
    test = evaluation.Gldv2Test(usages, np.array([[0.2, 0.4, 0.6], [0.4, 0.6, 0.8]]), 0, 0, 0)
    found = gldv2_means({"happier": test})["happier"]
    assert {usage: row["mean"] for usage, row in found.items()} == {"all": 0.5, "Public": 0.3, "Private": 0.6}
    assert found["Public"]["low"] is None  # one query cannot tell how queries vary
    assert all(0 <= found[usage]["low"] <= found[usage]["high"] <= 1 for usage in ("all", "Private"))


def test_gldv2_without_queries_of_a_usage_says_nothing_of_it() -> None:
    test = evaluation.Gldv2Test(np.array(["Public"] * 3), np.full((1, 3), 0.25), 0, 0, 0)
    assert gldv2_means({"a": test}) == {
        "a": {usage: {"mean": 0.25, "low": 0.25, "high": 0.25} for usage in ("all", "Public")}
    }


# ---------------------------------------------------------------------------------------------------------------------
# The table of a paper


def row_of(**h_ap: float | None) -> Json:
    """The metrics of a model, 0.5 but for those given."""
    found = {}
    for key, value in (dict.fromkeys(metric_keys(2), 0.5) | h_ap).items():
        ends = (None, None) if value is None else (max(value - 0.1, 0), min(value + 0.1, 1))
        found[key] = {"mean": value, "low": ends[0], "high": ends[1]}
    return found


def made_up(**changes: Any) -> Json:
    """What metrics.json might hold of three losses and an untrained model."""
    difference = {"difference": -0.0123, "low": -0.05, "high": 0.025}
    return {
        "dataset": "sample_world & more, 100% #1",
        "seeds": [0, 1],
        "levels": ["landmark_id", "natural_or_human_made"],
        "test": {"images": 50, "queries": 40, "landmarks": 9, "landmarks_that_never_ask": 2},
        "losses": {"smooth_ap": row_of(h_ap=0.6), "sup_ndcg": row_of(h_ap=0.71234), "new_loss": row_of(h_ap=None)},
        "zero_shot": {"untrained": row_of(h_ap=0.05)},
        "headline": {"hierarchical": "sup_ndcg", "flat": "smooth_ap",
                     "metrics": dict.fromkeys(("h_ap", "map_at_r_level0"), difference)},
    } | changes  # fmt: skip


def test_a_markdown_table_has_a_row_for_each_model_and_as_many_cells_in_each() -> None:
    lines = [line for line in paper_table(made_up(), "markdown").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert {len(row) for row in cells} == {7}
    assert cells[0] == ["", "model", "H-AP", "NDCG", "ASI", "mAP@R landmark_id", "mAP@R natural_or_human_made"]
    assert set(cells[1]) == {"---"}
    assert [row[:2] for row in cells[2:]] == [
        ["zero-shot", "untrained"],
        ["flat", "Smooth-AP"],
        ["flat", "new_loss"],
        ["hierarchical", "Sup-NDCG"],
    ]
    by_name = {row[1]: row[2] for row in cells[2:]}
    assert by_name == {
        "untrained": "5.0 (0.0 to 15.0)",
        "Smooth-AP": "60.0 (50.0 to 70.0)",
        "new_loss": "-",
        "Sup-NDCG": "**71.2** (61.2 to 81.2)",
    }


def test_equal_bests_are_all_bold() -> None:
    table = paper_table(made_up(), "markdown")
    assert table.count("**50.0**") == 4 * 4  # all but H-AP are 0.5 for all four models


def test_a_latex_table_has_balanced_braces_and_as_many_cells_in_each_row() -> None:
    text = paper_table(made_up(), "latex")
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    assert re.findall(r"\\(begin|end)\{(\w+)\}", text) == [
        ("begin", "table"), ("begin", "tabular"), ("end", "tabular"), ("end", "table")
    ]  # fmt: skip
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 5
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {6}
    columns = re.search(r"\\begin\{tabular\}\{(\w+)\}", text)
    assert columns is not None
    assert columns[1] == "llrrrrr"
    assert text.count(r"\midrule") == 3  # below the names, and where the kind changes


def test_latex_takes_no_name_for_a_command() -> None:
    text = paper_table(made_up(), "latex")
    assert r"natural\_or\_human\_made" in text
    assert r"new\_loss" in text
    assert r"sample\_world \& more, 100\% \#1" in text
    assert not re.search(r"(?<!\\)[_%#]", text)
    assert r"\textbf{71.2} (61.2 to 81.2)" in text
    assert escaped("a_b & 5% #2") == r"a\_b \& 5\% \#2"


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_the_caption_says_what_pairing_makes_of_the_best_of_each_kind(form: str) -> None:
    text = paper_table(made_up(), form)
    assert "2 seeds and the 9 landmarks of the 40 test queries" in text
    assert "gallery of 50 images" in text
    assert "Sup-NDCG less Smooth-AP, the best of each kind on the val fold, paired: " in text
    assert "-1.2 (-5.0 to +2.5) points of H-AP" in text
    assert "less" not in paper_table(made_up(headline=None), form)


def test_one_model_alone_is_a_table() -> None:
    metrics = made_up(losses={"happier": row_of()}, zero_shot={}, headline=None)
    assert paper_table(metrics, "markdown").count("\n") == 4
    assert paper_table(metrics, "latex").count(r"\midrule") == 1


def test_the_names_of_papers_are_those_of_all_losses() -> None:
    assert set(NAMES) == set(LOSSES)
    assert set(OVERALL) <= set(metric_keys(1))


# ---------------------------------------------------------------------------------------------------------------------
# What runs wrote while they trained


def speed(epoch: int, seconds: float, images: int = 100, batches: int = 10, memory: int = 1000) -> Json:
    return {"epoch": epoch, "seconds": seconds, "images": images, "batches": batches, "device": "cpu",
            "peak_memory": memory}  # fmt: skip


def write_run(folder: Path, speeds: list[Json], values: list[float | None]) -> Path:
    folder.mkdir(parents=True)
    for row in speeds:
        append_row(folder / PERFORMANCE, row)
    for number, value in enumerate(values, 1):
        append_row(folder / METRICS, {"epoch": number, "loss": 1.0} | ({} if value is None else {"val_h_ap": value}))
    return folder


def test_performance_is_the_median_over_epochs_of_all_seeds(tmp_path: Path) -> None:
    runs = {
        "happier": {
            0: write_run(tmp_path / "a", [speed(1, 10.0, memory=5000), speed(2, 2.0)], []),
            1: write_run(tmp_path / "b", [speed(1, 4.0), speed(2, 0.5, images=0, batches=0)], []),
        }
    }
    assert performance(runs) == {
        "happier": {
            "images_per_second": 25.0,  # of 10, 50 and 25; what a run that goes on finds done does not count
            "step_seconds": 0.4,
            "seconds": 16.0,
            "peak_memory": 5000,
            "device": "cpu",
        }
    }


@pytest.mark.parametrize("speeds", [[], [speed(1, 0.1, images=0, batches=0)]], ids=["no rows", "no batches"])
def test_a_run_whose_speed_was_not_measured_is_no_error(speeds: list[Json], tmp_path: Path) -> None:
    """Such as a run of one epoch that was killed while it was evaluated: nothing is left to learn when it goes on."""
    assert "happier" in performance({"happier": {0: write_run(tmp_path / "a", speeds, [0.5])}})


def test_learning_curves_are_the_rows_of_each_seed(tmp_path: Path) -> None:
    folders = {0: write_run(tmp_path / "a", [], [0.1, None]), 1: write_run(tmp_path / "b", [], [0.3])}
    assert learning_curves({"happier": folders, "none": {}}) == {
        "happier": [
            [{"epoch": 1, "loss": 1.0, "val_h_ap": 0.1}, {"epoch": 2, "loss": 1.0}],
            [{"epoch": 1, "loss": 1.0, "val_h_ap": 0.3}],
        ],
        "none": [],
    }


def test_the_best_on_val_is_the_mean_of_the_best_epochs(tmp_path: Path) -> None:
    folders = {0: write_run(tmp_path / "a", [], [0.1, 0.5, 0.4]), 1: write_run(tmp_path / "b", [], [None, 0.3])}
    assert best_on_val({"happier": folders}) == {"happier": pytest.approx(0.4)}


def test_a_run_without_a_val_fold_has_no_best(tmp_path: Path) -> None:
    folders = {0: write_run(tmp_path / "a", [], [None, None])}
    assert best_on_val({"happier": folders}) == {}
