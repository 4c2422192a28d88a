"""A benchmark of two losses trained for an epoch on drawn images: what is tested, its numbers and its pictures."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from tests.training.small_images import LEVELS, draw_images, quick
from training.benchmark import evaluation  # its Tested by name would be taken for a test class
from training.benchmark.benchmark import Benchmark, has_weights, numbers, per_query, run_benchmark
from training.benchmark.course import Runs
from training.benchmark.evaluation import (
    embed_images,
    missing_queries,
    query_landmarks,
    score_models,
    score_on_gldv2,
    trained,
    unlabelled,
    zero_shot,
)
from training.benchmark.paper_table import paper_table
from training.benchmark.pictures import draw_pictures
from training.benchmark.protocol import first_wrong_depths, metric_keys, query_rows, score
from training.benchmark.summary import gldv2_means
from training.embedding import embed
from training.gldv2_protocol import SolvedQuery
from training.image_index import ImageError
from training.image_table import ImageTable, image_tables
from training.images import FolderImages
from training.runs import RunError
from training.train import train
from training.trained import read_model

CPU = torch.device("cpu")
LOSSES = ("smooth_ap", "happier")


class World(NamedTuple):
    """Drawn images, and the runs that have trained on them."""

    frame: pd.DataFrame
    folder: Path
    images: FolderImages
    tables: dict[str, ImageTable]
    runs: Runs


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two losses and two seeds; 16 landmarks of 4 images to learn from, and of the test fold 4 and one of one image."""
    root = tmp_path_factory.mktemp("benchmark")
    frame = draw_images(root / "images", landmark_count=21, per_landmark=4)
    number = frame["landmark"].str.split().str[1].astype(int)
    frame.loc[number >= 16, "fold"] = "test"
    frame = frame[(number < 20) | ~frame["landmark"].duplicated()].reset_index(drop=True)
    images, tables = FolderImages(root / "images"), image_tables(frame, LEVELS, "drawn")
    runs = {loss: {seed: root / "runs" / loss / f"seed{seed}" for seed in (0, 1)} for loss in LOSSES}
    for loss, folders in runs.items():
        for seed, folder in folders.items():
            train(quick(loss, seed=seed, epochs=1), tables, images, folder)
    return World(frame, root / "images", images, tables, runs)


@pytest.fixture(scope="module")
def benchmark(world: World) -> Benchmark:
    return run_benchmark(world.runs, quick(epochs=1), world.tables["test"], world.images, CPU)


def with_broken_images(world: World, folder: Path, *image_ids: str) -> FolderImages:
    """A copy of the images of which these cannot be decoded."""
    folder.mkdir()
    for path in world.folder.iterdir():
        content = b"no image" if path.stem in image_ids else path.read_bytes()
        (folder / path.name).write_bytes(content)
    return FolderImages(folder)


def embeddings_of(run: Path, world: World) -> Tensor:
    model, config = read_model(run, CPU)
    return embed(model, world.tables["test"], world.images, image_size=config.image_size, device=CPU)[0]


def test_every_model_has_a_value_of_each_metric_for_each_seed_and_query(benchmark: Benchmark, world: World) -> None:
    assert [one.name for one in benchmark.losses] == list(LOSSES)
    assert [one.name for one in benchmark.zero_shot] == ["untrained"]
    assert [one.name for one in benchmark.models] == [*LOSSES, "untrained"]
    assert benchmark.table.image_ids.tolist() == world.tables["test"].image_ids.tolist()
    for one in benchmark.models:
        assert one.seeds == (0, 1)
        assert one.metrics == metric_keys(3)
        assert one.values.shape == (2, 16, 14)
        assert one.first_wrong.shape == (2, 16)
        assert set(np.unique(one.first_wrong)) <= {0, 1, 2}
        assert one.embeddings.shape == (17, 8)
        assert np.nanmin(one.values) >= 0
        assert np.nanmax(one.values) <= 1 + 1e-12
        np.testing.assert_array_equal(one.of("h_ap"), one.values[:, :, 0])


def test_a_value_is_what_the_model_of_its_run_scores(benchmark: Benchmark, world: World) -> None:
    for one in benchmark.losses:
        for place, seed in enumerate(one.seeds):
            embeddings = embeddings_of(world.runs[one.name][seed], world)
            alone = score(embeddings, world.tables["test"])
            np.testing.assert_array_equal(one.values[place], alone.values)
            np.testing.assert_array_equal(one.first_wrong[place], alone.first_wrong)
            if place == 0:
                assert torch.equal(one.embeddings, embeddings)


def test_the_pictured_embeddings_are_those_that_were_scored(benchmark: Benchmark) -> None:
    labels, rows = torch.from_numpy(benchmark.table.labels), query_rows(benchmark.table)
    for one in benchmark.models:
        np.testing.assert_array_equal(first_wrong_depths(one.embeddings, labels, rows), one.first_wrong[0])


def test_an_untrained_model_has_the_weights_that_training_begins_with(world: World) -> None:
    one, same = (zero_shot("untrained", 3, quick(), pretrained=False).load(CPU)[0].state_dict() for _ in range(2))
    other = zero_shot("untrained", 4, quick(), pretrained=False).load(CPU)[0].state_dict()
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_seeds_of_untrained_models_differ(benchmark: Benchmark) -> None:
    (untrained,) = benchmark.zero_shot
    assert not np.array_equal(untrained.values[0], untrained.values[1])


def test_a_small_backbone_has_no_pretrained_row() -> None:
    assert not has_weights(quick())


def test_weights_that_are_not_at_hand_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert not has_weights(quick(backbone="timm/no_such_backbone"))
    assert "no zero-shot row of the pretrained backbone" in capsys.readouterr().out


def test_the_same_benchmark_twice_gives_the_same_numbers(benchmark: Benchmark, world: World) -> None:
    again = run_benchmark(world.runs, quick(epochs=1), world.tables["test"], world.images, CPU)
    assert numbers(again, world.runs) == numbers(benchmark, world.runs)
    pd.testing.assert_frame_equal(per_query(again), per_query(benchmark))


def test_numbers_have_the_keys_that_metrics_json_promises(benchmark: Benchmark, world: World) -> None:
    found = numbers(benchmark, world.runs)
    assert list(found) == ["seeds", "levels", "test", "losses", "zero_shot", "paired", "headline"]
    assert (found["seeds"], found["levels"]) == ([0, 1], list(LEVELS))
    assert found["test"] == {"images": 17, "queries": 16, "landmarks": 4, "landmarks_that_never_ask": 1}
    assert list(found["losses"]) == list(LOSSES)
    assert list(found["zero_shot"]) == ["untrained"]
    for metrics in (*found["losses"].values(), *found["zero_shot"].values()):
        assert list(metrics) == list(metric_keys(3))
        for row in metrics.values():
            assert 0 <= row["low"] <= row["mean"] <= row["high"] <= 1
    assert [(row["a"], row["b"]) for row in found["paired"][:: len(metric_keys(3))]] == [
        ("smooth_ap", "happier"),
        ("smooth_ap", "untrained"),
        ("happier", "untrained"),
    ]
    for row in found["paired"]:
        assert list(row) == ["a", "b", "metric", "difference", "low", "high"]
        named = found["losses"] | found["zero_shot"]
        expected = named[row["a"]][row["metric"]]["mean"] - named[row["b"]][row["metric"]]["mean"]
        assert row["difference"] == pytest.approx(expected, abs=1.01e-4)
    assert {key: found["headline"][key] for key in ("hierarchical", "flat")} == {
        "hierarchical": "happier",
        "flat": "smooth_ap",
    }
    assert "H-AP" in paper_table({"dataset": "drawn"} | found, "markdown")


def test_per_query_has_a_row_for_each_model_seed_and_query(benchmark: Benchmark, world: World) -> None:
    found = per_query(benchmark)
    assert list(found.columns) == ["model", "seed", "image_id", "first_wrong_depth", *metric_keys(3)]
    assert len(found) == 3 * 2 * 16
    assert not found.duplicated(["model", "seed", "image_id"]).any()
    assert "2000" not in set(found["image_id"])  # never asks
    means = found.groupby("model")[list(metric_keys(3))].mean()
    told = numbers(benchmark, world.runs)
    for name, metrics in (told["losses"] | told["zero_shot"]).items():
        for key, row in metrics.items():
            assert means.loc[name, key] == pytest.approx(row["mean"], abs=0.51e-4)
    for model in benchmark.models:
        for place, seed in enumerate(model.seeds):
            rows = found[(found["model"] == model.name) & (found["seed"] == seed)]
            assert rows["first_wrong_depth"].tolist() == model.first_wrong[place].tolist()
    assert not np.array_equal(*benchmark.zero_shot[0].first_wrong)  # else the line before could not fail
    one = found[(found["model"] == "happier") & (found["seed"] == 1) & (found["image_id"] == "1801")].iloc[0]
    place = benchmark.table.image_ids[query_rows(benchmark.table)].tolist().index("1801")
    happier = benchmark.losses[1]
    assert one["h_ap"] == happier.of("h_ap")[1, place]
    assert one["first_wrong_depth"] == happier.first_wrong[1, place]


def test_seeds_in_another_order_are_compared_seed_by_seed(benchmark: Benchmark, world: World) -> None:
    """params.yaml may list seeds in any order."""
    turned = {loss: dict(reversed(list(folders.items()))) for loss, folders in world.runs.items()}
    found = numbers(run_benchmark(turned, quick(epochs=1), world.tables["test"], world.images, CPU), turned)
    told = numbers(benchmark, world.runs)
    assert [row["difference"] for row in found["paired"]] == [row["difference"] for row in told["paired"]]


def test_one_loss_and_one_seed_are_a_benchmark(world: World) -> None:
    runs = {"happier": {1: world.runs["happier"][1]}}
    found = numbers(run_benchmark(runs, quick(epochs=1), world.tables["test"], world.images, CPU), runs)
    assert found["headline"] is None
    assert found["seeds"] == [1]
    assert {(row["a"], row["b"]) for row in found["paired"]} == {("happier", "untrained")}


def test_a_run_without_a_model_is_told(world: World, tmp_path: Path) -> None:
    runs = {"happier": {0: world.runs["happier"][0], 7: tmp_path / "seed7"}}
    with pytest.raises(RunError, match="seed7 holds no checkpoint; train it first"):
        run_benchmark(runs, quick(), world.tables["test"], world.images, CPU)


def test_no_model_is_told(world: World) -> None:
    with pytest.raises(ValueError, match="there is no model to test"):
        score_models([], world.tables["test"], world.images, CPU)


def test_an_unreadable_image_is_left_out_for_all_models(world: World, benchmark: Benchmark, tmp_path: Path) -> None:
    images = with_broken_images(world, tmp_path / "images", "1801")
    found = run_benchmark(world.runs, quick(epochs=1), world.tables["test"], images, CPU)
    kept = [one for one in world.tables["test"].image_ids.tolist() if one != "1801"]
    assert found.table.image_ids.tolist() == kept
    assert {one.values.shape for one in found.models} == {(2, 15, 14)}
    assert {len(one.embeddings) for one in found.models} == {16}
    assert "1801" not in set(per_query(found)["image_id"])
    fewer = world.tables["test"].of(world.tables["test"].image_ids != "1801")
    whole = run_benchmark(world.runs, quick(epochs=1), fewer, world.images, CPU)
    assert numbers(found, world.runs) == numbers(whole, world.runs)


def test_the_last_other_image_of_a_landmark_that_cannot_be_read_takes_its_query_away(
    world: World, tmp_path: Path
) -> None:
    table = world.tables["test"].of(~np.isin(world.tables["test"].image_ids, ["1602", "1603"]))
    images = with_broken_images(world, tmp_path / "images", "1600")
    tested, readable = score_models([trained("one", 0, world.runs["happier"][0])], table, images, CPU)
    asked = readable.image_ids[query_rows(readable)].tolist()
    assert "1601" in readable.image_ids
    assert "1601" not in asked
    assert tested[0].values.shape[1] == len(asked) == len(query_landmarks(readable)) == 12


def test_absent_images_are_left_out_and_told(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = with_broken_images(world, tmp_path / "images")
    (tmp_path / "images" / "1700.png").unlink()
    images = FolderImages(tmp_path / "images")
    _, readable = score_models([trained("one", 0, world.runs["happier"][0])], world.tables["test"], images, CPU)
    assert len(readable) == 16
    assert "test: 1 of 17 images are not in the image files, 1700 for one" in capsys.readouterr().out


def test_too_many_unreadable_images_stop_the_test(world: World, tmp_path: Path) -> None:
    images = with_broken_images(world, tmp_path / "images", *(f"16{n:02}" for n in range(4)), "1700", "1701")
    with pytest.raises(ImageError, match="6 of 17 images cannot be read"):
        run_benchmark(world.runs, quick(), world.tables["test"], images, CPU)


def test_images_that_break_between_two_models_are_told(world: World, tmp_path: Path) -> None:
    images = with_broken_images(world, tmp_path / "images")
    first, second = (trained("happier", seed, world.runs["happier"][seed]) for seed in (0, 1))

    def models() -> Iterator[evaluation.Candidate]:
        yield first
        (tmp_path / "images" / "1900.png").write_bytes(b"no image")
        yield second

    with pytest.raises(ValueError, match="can be read for one model and not for another"):
        score_models(models(), world.tables["test"], images, CPU)


def test_a_fold_in_which_nobody_asks_is_told(world: World) -> None:
    table = world.tables["test"]
    singles = table.of(np.unique(table.labels[:, 0], return_index=True)[1])
    with pytest.raises(ValueError, match="nobody asks"):
        run_benchmark(world.runs, quick(), singles, world.images, CPU)


def test_pictures_are_written_as_png_and_svg(world: World, tmp_path: Path) -> None:
    runs = {"happier": world.runs["happier"]}
    few = world.tables["test"].of(np.isin(world.tables["test"].image_ids, ["1600", "1601", "1700", "1701", "1800"]))
    one = run_benchmark(runs, quick(epochs=1), few, world.images, CPU)
    side = {"mean": 0.5, "low": 0.4, "high": 0.6}
    row = {"against": "shuffled", "scored_on": "ours", "landmarks": 4, "metric": "h_ap", "ours": side, "other": side}
    probe = [row | {"difference": 0.1, "low": -0.1, "high": 0.2}]
    draw_pictures(one, numbers(one, runs), runs, world.frame, world.images, probe, tmp_path / "plots")
    names = {"learning_curves", "metrics", "h_ap_by_label", "severity", "probe", "retrieval_happier", "map_happier"}
    files = {path.name: path.read_bytes() for path in (tmp_path / "plots").iterdir()}
    assert set(files) == {f"{name}.{suffix}" for name in names for suffix in ("png", "svg")}
    assert all(content.startswith(b"\x89PNG") for name, content in files.items() if name.endswith("png"))
    assert all(b"</svg>" in content for name, content in files.items() if name.endswith("svg"))


@pytest.fixture(scope="module")
def solved(world: World) -> tuple[dict[str, SolvedQuery], FolderImages, FolderImages]:
    """Two public queries, a private and an ignored one; the index is all other images of the test fold."""
    root = world.folder.parent
    queries = {"1600": "Public", "1700": "Public", "1800": "Private", "1900": "Ignored"}
    solution = {}
    for image_id, usage in queries.items():
        positives = tuple(f"{image_id[:2]}{n:02}" for n in (1, 2, 3))
        solution[image_id] = SolvedQuery(usage, positives if usage != "Ignored" else ())
    solution["1800"] = SolvedQuery("Private", ("1801", "absent"))
    for folder in ("queries", "index"):
        (root / folder).mkdir()
    for image_id in world.tables["test"].image_ids.tolist():
        target = root / ("queries" if image_id in queries else "index") / f"{image_id}.png"
        target.write_bytes((world.folder / target.name).read_bytes())
    return solution, FolderImages(root / "queries"), FolderImages(root / "index")


def test_gldv2_scores_are_mean_precision_of_the_named_positives(
    world: World, solved: tuple[dict[str, SolvedQuery], FolderImages, FolderImages]
) -> None:
    solution, queries, index = solved
    found = score_on_gldv2(trained_models(world.runs), solution, queries, index, CPU)
    assert list(found) == list(LOSSES)
    for name, test in found.items():
        assert test.usages.tolist() == ["Public", "Public", "Private"]
        assert (test.n_ignored, test.n_absent) == (1, 1)
        for place, seed in enumerate((0, 1)):
            model, config = read_model(world.runs[name][seed], CPU)
            gallery, _ = embed_images(model, config, unlabelled(index.image_ids), index, CPU)
            for number, image_id in enumerate(("1600", "1700", "1800")):
                own, _ = embed_images(model, config, unlabelled([image_id]), queries, CPU)
                order = (gallery @ own[0]).argsort(descending=True).tolist()
                hits = [index.image_ids[other] in solution[image_id].images for other in order]
                precisions = [sum(hits[: r + 1]) / (r + 1) for r, hit in enumerate(hits) if hit]
                expected = sum(precisions) / len(solution[image_id].images)
                assert test.values[place, number] == pytest.approx(expected)
    means = gldv2_means(found)
    for name, test in found.items():
        assert set(means[name]) == {"all", "Public", "Private"}
        assert means[name]["all"]["mean"] == pytest.approx(test.values.mean(), abs=0.51e-4)
        assert means[name]["Public"]["mean"] == pytest.approx(test.values[:, :2].mean(), abs=0.51e-4)


def trained_models(runs: Runs) -> list[evaluation.Candidate]:
    """Those that a loss trained."""
    return [trained(loss, seed, run) for loss, folders in runs.items() for seed, run in folders.items()]


def test_an_unreadable_query_image_of_gldv2_does_not_stop_the_benchmark(
    world: World, solved: tuple[dict[str, SolvedQuery], FolderImages, FolderImages], tmp_path: Path
) -> None:
    solution, queries, index = solved
    (tmp_path / "queries").mkdir()
    for image_id in queries.image_ids:
        content = b"no image" if image_id == "1600" else queries.read(image_id)
        (tmp_path / "queries" / f"{image_id}.png").write_bytes(content)
    score_on_gldv2(trained_models(world.runs), solution, FolderImages(tmp_path / "queries"), index, CPU)


def test_queries_whose_image_is_not_there_are_named(
    world: World, solved: tuple[dict[str, SolvedQuery], FolderImages, FolderImages]
) -> None:
    solution, queries, index = solved
    more = solution | {"gone": SolvedQuery("Public", ("1601",)), "ignored": SolvedQuery("Ignored", ())}
    assert missing_queries(solution, queries) == []
    assert missing_queries(more, queries) == ["gone"]
    candidates = [trained("happier", 0, world.runs["happier"][0])]
    with pytest.raises(ValueError, match="gone"):
        score_on_gldv2(candidates, more, queries, index, CPU)


def test_a_tested_model_gives_values_by_the_name_of_the_metric() -> None:
    values = np.arange(12, dtype=np.float64).reshape(2, 3, 2)
    one = evaluation.Tested("one", (0, 1), ("h_ap", "asi"), values, np.zeros((2, 3), np.int8), torch.zeros(3, 2))
    assert one.of("asi").tolist() == [[1, 3, 5], [7, 9, 11]]
