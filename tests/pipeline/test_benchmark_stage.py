"""The stages tune, train, probe and benchmark on the sample: what they write, that they repeat it, what they refuse."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from pipeline import benchmarking, tables
from pipeline.benchmark_report import label_checks
from pipeline.cli import hgld
from pipeline.files import read_table
from pipeline.params import read_params
from pipeline.training_input import labelled_images
from training.benchmark.protocol import metric_keys
from training.plots import retrieval_sheet

Cli = Callable[..., Result]
Json = dict[str, Any]
FOLDER = Path("data/7_benchmark")
MODELS = ("smooth_ap", "happier", "untrained")
QUICK = {
    "losses: []": "losses: [smooth_ap, happier]",
    "seeds: [0, 1, 2]": "seeds: [0, 1]",
    "image_size: 64": "image_size: 16",
    "epochs: 10": "epochs: 1",
    "dim: 64": "dim: 8",
}
STAGES = ("tune", "train", "probe", "benchmark")


def set_params(changes: dict[str, str], folder: Path = Path()) -> None:
    """Change lines of params.yaml that are there."""
    path = folder / "params.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert f"\n  {old}\n" in text, old
        text = text.replace(f"\n  {old}\n", f"\n  {new}\n")
    path.write_text(text, encoding="utf-8")


def finite_json(path: Path) -> Json:
    """What a JSON file holds, which may be no NaN."""
    found: Json = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    return found


def numbers_in(value: Any) -> Iterator[float]:
    """All fractions of a JSON value."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from numbers_in(part)


def digests() -> dict[str, str]:
    """Digest of every file that the stage benchmark makes, and of the probe."""
    files = [Path("metrics.json"), *sorted(path for path in FOLDER.rglob("*") if path.is_file())]
    return {path.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def copied(source: str, target: str) -> None:
    """Copy a file, or link it where it is large: nobody writes into checkpoints and TARs, but puts others in place."""
    if source.endswith((".pt", ".tar")):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


@pytest.fixture(scope="module")
def finished(built_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Result]]:
    """A copy of the built sample in which the four stages have run as commands, and what they said. Read only."""
    folder = tmp_path_factory.mktemp("benchmark") / "workspace"
    shutil.copytree(built_sample, folder)
    set_params(QUICK, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(retrieval_sheet, "SHOWN", 2)  # drawing ten for each query takes as long as all training
        return folder, {name: CliRunner().invoke(hgld, [name]) for name in STAGES}


@pytest.fixture
def done(finished: tuple[Path, dict[str, Result]], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The finished workspace as the current folder, for tests that only look."""
    monkeypatch.chdir(finished[0])
    return finished[0]


@pytest.fixture
def copy(finished: tuple[Path, dict[str, Result]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished workspace as the current folder, in which drawing pictures takes no time."""
    folder = tmp_path / "workspace"
    shutil.copytree(finished[0], folder, copy_function=copied, ignore=shutil.ignore_patterns("sample", "annotations"))
    monkeypatch.chdir(folder)

    def draw_one(*arguments: Any) -> None:
        arguments[-1].mkdir(parents=True)
        (arguments[-1] / "drawn.png").touch()

    monkeypatch.setattr(benchmarking, "draw_pictures", draw_one)
    return folder


def test_all_four_stages_run_one_after_the_other(finished: tuple[Path, dict[str, Result]]) -> None:
    for name, result in finished[1].items():
        assert result.exit_code == 0, f"{name}: {result.output} {result.exception!r}"


def test_every_loss_is_tuned_by_the_same_trials_and_trained_with_what_did_best(
    done: Path, finished: tuple[Path, dict[str, Result]]
) -> None:
    choices = finite_json(Path("runs/tuning.json"))
    assert list(choices) == ["smooth_ap", "happier"]
    for loss, choice in choices.items():
        assert [trial["settings"] for trial in choice["trials"]] == [
            {"learning_rate": 0.0005},
            {"learning_rate": 0.001},
        ]
        values = [trial["val_h_ap"] for trial in choice["trials"]]
        assert all(0 < value <= 1 for value in values)
        assert choice["chosen"] == choice["trials"][values.index(max(values))]["settings"]
        for seed in (0, 1):
            line = f"runs/{loss}/seed{seed}: .* images, 1 epochs, learning_rate {choice['chosen']['learning_rate']}\n"
            assert pd.Series([finished[1]["train"].output]).str.contains(line).all()
            assert Path(f"runs/{loss}/seed{seed}/best.pt").exists()


def test_a_run_with_the_chosen_settings_and_the_first_seed_does_what_its_trial_did(done: Path) -> None:
    for loss, choice in finite_json(Path("runs/tuning.json")).items():
        (row,) = Path(f"runs/{loss}/seed0/metrics.jsonl").read_text(encoding="utf-8").splitlines()
        assert round(json.loads(row)["val_h_ap"], 4) == max(trial["val_h_ap"] for trial in choice["trials"])


def test_the_probe_compares_with_shuffled_labels_and_official_ones_that_are_ours_are_counted_alone(done: Path) -> None:
    probe = finite_json(FOLDER / "probe.json")
    assert {key: probe[key] for key in ("loss", "seeds")} == {"loss": "happier", "seeds": [0, 1]}
    assert probe["levels"] == ["landmark_id", "hierarchical_label", "natural_or_human_made"]
    shown = ["h_ap", *(key for key in metric_keys(3) if key.startswith("ap_"))]
    assert [(row["against"], row["scored_on"], row["metric"]) for row in probe["rows"]] == [
        ("shuffled", "ours", metric) for metric in shown
    ]
    assert probe["official"] == {"landmarks_with_both": 75, "labelled_otherwise": 0}
    assert Path("runs/probe/shuffled/seed1/best.pt").exists()
    ours = finite_json(Path("metrics.json"))["losses"]["happier"]
    for row in probe["rows"][: len(shown)]:
        assert row["ours"] == ours[row["metric"]]


def test_metrics_hold_what_the_contract_promises(done: Path) -> None:
    metrics = finite_json(Path("metrics.json"))
    assert metrics["dataset"] == "sample, release 0.1.0"
    assert "shows that the pipeline works, nothing more" in metrics["note"]
    assert metrics["device"] in ("cpu", "cuda")
    assert metrics["seeds"] == [0, 1]
    assert list(metrics["losses"]) == ["smooth_ap", "happier"]
    assert list(metrics["zero_shot"]) == ["untrained"]
    for row in [*metrics["losses"].values(), *metrics["zero_shot"].values()]:
        assert list(row) == list(metric_keys(3))
        for value in row.values():
            assert 0 <= value["low"] <= value["mean"] <= value["high"] <= 1
    assert {tuple(row) for row in metrics["paired"]} == {("a", "b", "metric", "difference", "low", "high")}
    assert {(row["a"], row["b"]) for row in metrics["paired"]} == {
        ("smooth_ap", "happier"), ("smooth_ap", "untrained"), ("happier", "untrained")
    }  # fmt: skip
    assert (metrics["headline"]["hierarchical"], metrics["headline"]["flat"]) == ("happier", "smooth_ap")
    assert metrics["probe"] == finite_json(FOLDER / "probe.json")
    assert metrics["tuning"] == finite_json(Path("runs/tuning.json"))
    assert all(round(number, 4) == number for number in numbers_in(metrics))


def test_each_query_has_a_row_for_each_model_and_seed(done: Path) -> None:
    found = read_table(tables.with_metrics(tables.PER_QUERY, metric_keys(3)))
    metrics = finite_json(Path("metrics.json"))
    assert len(found) == len(MODELS) * 2 * metrics["test"]["queries"]
    assert set(found["model"]) == set(MODELS)
    assert not found.duplicated(["model", "seed", "image_id"]).any()
    folds = pd.read_parquet("release/splits.parquet").query("split == 'train' and fold == 'test'")
    assert set(found["landmark_id"]) <= set(folds["landmark_id"])
    assert found["landmark_id"].nunique() == metrics["test"]["landmarks"]
    images = pd.read_parquet("release/images/train.parquet").set_index("image_id")["landmark_id"]
    assert (images.loc[found["image_id"]].to_numpy() == found["landmark_id"].to_numpy()).all()
    for model in MODELS:
        told = (metrics["losses"] | metrics["zero_shot"])[model]["h_ap"]["mean"]
        assert found.loc[found["model"] == model, "h_ap"].mean() == pytest.approx(told, abs=0.51e-4)


def test_performance_report_and_pictures_are_there(done: Path) -> None:
    performance = finite_json(FOLDER / "performance.json")["losses"]
    assert list(performance) == ["smooth_ap", "happier"]
    for row in performance.values():
        assert set(row) == {"images_per_second", "step_seconds", "seconds", "peak_memory", "device"}
        assert all(row[key] > 0 for key in set(row) - {"device"})
    report = finite_json(FOLDER / "report.json")
    assert report == label_checks(finite_json(FOLDER / "probe.json"), benchmarking.DRAWN)
    assert [check["name"] for check in report["checks"]] == [
        "hierarchical_label_teaches",
        "natural_or_human_made_teaches",
    ]
    assert report["ok"] == all(check["ok"] for check in report["checks"])
    names = {"learning_curves", "metrics", "h_ap_by_label", "severity", "probe"}
    names |= {f"{kind}_{loss}" for kind in ("retrieval", "map") for loss in ("smooth_ap", "happier")}
    assert {path.name for path in (FOLDER / "plots").iterdir()} == {
        f"{name}.{suffix}" for name in names for suffix in ("png", "svg")
    }
    assert not list(Path().glob(".*.part"))


def test_gldv2_has_its_own_protocol(done: Path) -> None:
    found = finite_json(Path("metrics.json"))["gldv2"]
    solution = pd.read_parquet("data/1_gldv2/retrieval_solution.parquet")
    index = pd.read_parquet("data/1_gldv2/tar_index.parquet").query("split == 'index'")
    assert (found["metric"], found["index_images"]) == ("map_at_100", len(index))
    assert found["queries"] == (solution["usage"] != "Ignored").sum()
    assert found["ignored"] == (solution["usage"] == "Ignored").sum() > 0
    assert found["trained_on"] == "train"
    assert list(found["models"]) == ["smooth_ap", "happier", "untrained"]
    for usages in found["models"].values():
        assert set(usages) == {"all", "Public", "Private"}
        assert all(0 <= row["low"] <= row["mean"] <= row["high"] <= 1 for row in usages.values())


def test_the_command_shows_the_table(finished: tuple[Path, dict[str, Result]]) -> None:
    output = finished[1]["benchmark"].stdout
    assert "| hierarchical | HAPPIER |" in output
    assert "| flat | Smooth-AP |" in output
    assert "| zero-shot | untrained |" in output


@pytest.mark.parametrize(("form", "sign"), [("markdown", "| flat | Smooth-AP |"), ("latex", "\\begin{tabular}")])
def test_a_format_prints_the_table_and_changes_nothing(form: str, sign: str, done: Path, cli: Cli) -> None:
    before = digests()
    result = cli("benchmark", "--format", form)
    assert result.exit_code == 0
    assert sign in result.output
    assert digests() == before
    assert cli("benchmark", "--format", form).output == result.output


def test_a_benchmark_again_gives_the_same_bytes(copy: Path, cli: Cli) -> None:
    before = digests()
    result = cli("benchmark")
    assert result.exit_code == 0
    after = digests()
    made = (
        "metrics.json",
        *(f"data/7_benchmark/{name}" for name in ("per_query.parquet", "report.json", "probe.json")),
    )
    assert {name: after[name] for name in made} == {name: before[name] for name in made}
    assert [path.name for path in (FOLDER / "plots").iterdir()] == ["drawn.png"]  # those of before have gone


def test_the_stages_before_again_train_nothing_and_give_the_same_bytes(copy: Path, cli: Cli) -> None:
    before = {path: Path(path).read_bytes() for path in ("runs/tuning.json", "data/7_benchmark/probe.json")}
    for stage in ("tune", "train", "probe"):
        result = cli(stage)
        assert result.exit_code == 0
        assert "epoch 1/1" not in result.output
    assert {path: Path(path).read_bytes() for path in before} == before
    assert not list(Path("runs").rglob("*.aside-*"))


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        (0, "0 of 20 query images and 63 of 63 positives are here"),
        pytest.param(23, "19 of 20 query images and 63 of 63 positives are here", id="one scored query is missing"),
    ],
)
def test_without_the_query_images_gldv2_is_skipped_with_counts(kept: int, message: str, copy: Path, cli: Cli) -> None:
    keep_queries(kept)
    result = cli("benchmark")
    assert result.exit_code == 0
    assert finite_json(Path("metrics.json"))["gldv2"] == {"skipped": message}


def keep_queries(count: int) -> None:
    """Cut the index of TARs back to some images of the split test; the first to go is of a scored query."""
    path = Path("data/1_gldv2/tar_index.parquet")
    index, solution = pd.read_parquet(path), pd.read_parquet("data/1_gldv2/retrieval_solution.parquet")
    ignored = solution.loc[solution["usage"] == "Ignored", "image_id"]
    test = index[index["split"] == "test"]
    test = pd.concat([test[test["image_id"].isin(ignored)], test[~test["image_id"].isin(ignored)]])
    pd.concat([index[index["split"] != "test"], test.head(count)]).to_parquet(path, index=False)


def test_without_query_images_all_else_is_as_before(copy: Path, cli: Cli) -> None:
    before = finite_json(Path("metrics.json"))
    keep_queries(0)
    assert cli("benchmark").exit_code == 0
    after = finite_json(Path("metrics.json"))
    assert list(after["gldv2"]) == ["skipped"]
    assert "63 of 63 positives" in after["gldv2"]["skipped"]
    assert before | {"gldv2": None} == after | {"gldv2": None}


def test_without_index_images_gldv2_is_skipped(copy: Path, cli: Cli) -> None:
    path = Path("data/1_gldv2/tar_index.parquet")
    index = pd.read_parquet(path)
    index[index["split"] != "index"].to_parquet(path, index=False)
    assert cli("benchmark").exit_code == 0
    assert "0 of 63 positives are here" in finite_json(Path("metrics.json"))["gldv2"]["skipped"]


def probe_row(**changes: Any) -> Json:
    row = {"against": "shuffled", "scored_on": "ours", "metric": "ap_others_level1", "difference": 0.1, "low": 0.01}
    return row | {"high": 0.2} | changes


@pytest.mark.parametrize(
    ("changes", "is_ok"), [({}, True), ({"low": 0.0}, False), ({"low": -0.1}, False), ({"low": None}, False)]
)
def test_labels_teach_where_the_whole_interval_is_above_zero(changes: Json, is_ok: bool) -> None:
    others = [probe_row(metric=metric, low=-1) for metric in ("h_ap", "ap_level0", "ap_level1")]
    others += [probe_row(against="official", low=-1), probe_row(metric="ap_others_level2")]
    report = label_checks({"levels": ["landmark_id", "kind", "realm"], "rows": [probe_row(**changes), *others]})
    assert [(check["name"], check["ok"]) for check in report["checks"]] == [
        ("kind_teaches", is_ok),
        ("realm_teaches", True),
    ]
    assert report["ok"] == is_ok
    assert [len(check["failures"]) for check in report["checks"]] == [int(not is_ok), 0]


# ---------------------------------------------------------------------------------------------------------------------
# Labels only


def test_without_losses_the_four_stages_do_nothing_and_say_so(in_sample: Path, cli: Cli) -> None:
    """The built sample, in which nothing is trained."""
    why = {"skipped": "nothing is trained: train.losses or train.seeds is empty"}
    assert finite_json(Path("metrics.json")) == why
    assert finite_json(Path("runs/tuning.json")) == {}
    for name in ("probe", "performance"):
        assert finite_json(FOLDER / f"{name}.json") == why
    assert finite_json(FOLDER / "report.json") == why
    assert list((FOLDER / "plots").iterdir()) == []
    assert len(read_table(tables.PER_QUERY)) == 0
    assert [path.name for path in Path("runs").iterdir()] == ["tuning.json"]


def test_without_losses_the_commands_exit_0(workspace: Path, cli: Cli) -> None:
    for stage in STAGES:
        assert cli(stage).exit_code == 0, stage
    assert list(finite_json(Path("metrics.json"))) == ["skipped"]


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_there_is_no_table_of_nothing(form: str, in_sample: Path, cli: Cli) -> None:
    result = cli("benchmark", "--format", form)
    assert result.exit_code == 1
    assert "metrics.json: no model was tested" in result.stderr
    assert "Remedy: name losses in params.yaml" in result.stderr


def test_there_is_no_table_without_metrics(workspace: Path, cli: Cli) -> None:
    for content in (None, "[]", "{"):
        Path("metrics.json").unlink(missing_ok=True)
        if content:
            Path("metrics.json").write_text(content, encoding="utf-8")
        result = cli("benchmark", "--format", "latex")
        assert result.exit_code == 1
        assert "metrics.json: " in result.stderr
        assert "Remedy: " in result.stderr


@pytest.mark.parametrize("empty", [{"losses: [smooth_ap, happier]": "losses: []"}, {"seeds: [0, 1]": "seeds: []"}])
def test_numbers_of_models_that_are_trained_no_more_go(empty: dict[str, str], copy: Path, cli: Cli) -> None:
    set_params(empty)
    for stage in STAGES:
        assert cli(stage).exit_code == 0, stage
    assert list(finite_json(Path("metrics.json"))) == ["skipped"]
    assert list(finite_json(FOLDER / "report.json")) == ["skipped"]
    assert len(pd.read_parquet(FOLDER / "per_query.parquet")) == 0
    assert finite_json(Path("runs/tuning.json")) == {}


def test_pictures_of_models_that_are_trained_no_more_go(copy: Path, cli: Cli) -> None:
    set_params({"losses: [smooth_ap, happier]": "losses: []"})
    assert cli("benchmark").exit_code == 0
    assert list((FOLDER / "plots").iterdir()) == []


# ---------------------------------------------------------------------------------------------------------------------
# What is refused


def assert_refused(cli: Cli, stage: str, *messages: str) -> None:
    """The stage exits 1 with these messages, and leaves all files of the benchmark as they were."""
    before = digests()
    result = cli(stage)
    assert result.exit_code == 1
    for message in (*messages, "Remedy: "):
        assert message in result.stderr
    assert digests() == before


def test_a_probe_of_a_loss_that_is_not_trained_is_refused(copy: Path, cli: Cli) -> None:
    set_params({"probe: happier": "probe: roadmap"})
    assert_refused(cli, "probe", "params.yaml: benchmark.probe", "'roadmap' is not trained", "(smooth_ap, happier)")


def test_a_probe_of_labels_without_landmarks_is_refused(copy: Path, cli: Cli) -> None:
    levels = "levels: [landmark_id, hierarchical_label, natural_or_human_made]"
    set_params({levels: "levels: [hierarchical_label, natural_or_human_made]"})
    assert_refused(cli, "probe", "params.yaml: benchmark.probe", "begin train.levels with landmark_id")


def test_a_probe_before_training_is_refused(copy: Path, cli: Cli) -> None:
    shutil.rmtree("runs/happier/seed1")
    assert_refused(cli, "probe", "seed1 holds no checkpoint; train it first")


def test_no_probe_is_asked_for(copy: Path, cli: Cli) -> None:
    set_params({"probe: happier": "probe: null"})
    assert cli("probe").exit_code == 0
    assert finite_json(FOLDER / "probe.json") == {"skipped": "benchmark.probe is null"}
    assert cli("benchmark").exit_code == 0
    assert finite_json(Path("metrics.json"))["probe"] == {"skipped": "benchmark.probe is null"}
    report = finite_json(FOLDER / "report.json")
    assert report == {"ok": None, "checks": [], "rows": [], "skipped": "benchmark.probe is null"}


def test_a_benchmark_before_training_is_refused(copy: Path, cli: Cli) -> None:
    shutil.rmtree("runs/happier/seed1")
    assert_refused(cli, "benchmark", "seed1 holds no checkpoint; train it first")


def test_a_benchmark_of_which_nothing_is_trained_is_refused(workspace: Path, cli: Cli) -> None:
    set_params(QUICK)
    assert_refused(cli, "benchmark", "runs/smooth_ap/seed0 holds no checkpoint; train it first")


@pytest.mark.parametrize("path", ["runs/tuning.json", "data/7_benchmark/probe.json"])
def test_a_benchmark_before_tuning_or_probe_is_refused(path: str, copy: Path, cli: Cli) -> None:
    Path(path).unlink()
    assert_refused(cli, "benchmark", f"{path}: not found")
    Path(path).write_text("[]", encoding="utf-8")
    assert_refused(cli, "benchmark", f"{path}: is not ")


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ("learning_rat: [0.0005, 0.001]", "'learning_rat' is not a setting"),
        ("seed: [0, 1]", "'seed' is not a setting of a run that can be tuned"),
        ("epochs: [1, 0]", "epochs is 0"),
        ("epochs: []", "lists no value to try"),
    ],
)
def test_a_grid_that_cannot_be_tried_is_refused(grid: str, message: str, copy: Path, cli: Cli) -> None:
    set_params({"  learning_rate: [0.0005, 0.001]": f"  {grid}"})
    kept = Path("runs/tuning.json").read_bytes()
    assert_refused(cli, "tune", "params.yaml: benchmark.tune, smooth_ap", message)
    assert Path("runs/tuning.json").read_bytes() == kept


def test_nothing_to_tune_takes_the_settings_of_params(copy: Path, cli: Cli) -> None:
    set_params({"tune:": "tune: {}", "  learning_rate: [0.0005, 0.001]": ""})
    assert cli("tune").exit_code == 0
    empty = {"chosen": {}, "trials": []}
    assert finite_json(Path("runs/tuning.json")) == {"smooth_ap": empty, "happier": empty}


def test_a_run_whose_only_epoch_was_killed_while_it_was_evaluated_is_tested(copy: Path, cli: Cli) -> None:
    """What such a run, trained on, has of its speed: an epoch of which no batch was left."""
    for seed in (0, 1):
        row = {"epoch": 1, "seconds": 0.1, "images": 0, "batches": 0, "device": "cpu", "peak_memory": 1}
        Path(f"runs/happier/seed{seed}/performance.jsonl").write_text(f"{json.dumps(row)}\n", encoding="utf-8")
    assert cli("benchmark").exit_code == 0


def test_seeds_may_stand_in_any_order(copy: Path, cli: Cli) -> None:
    set_params({"seeds: [0, 1]": "seeds: [1, 0]"})
    result = cli("benchmark")
    assert result.exit_code == 0, result.stderr


def test_clean_images_alone_are_trained_on_and_tested(copy: Path, cli: Cli) -> None:
    everything = labelled_images(read_params().train)
    set_params({"clean_only: false": "clean_only: true"})
    frame = labelled_images(read_params().train)
    images = pd.read_parquet("data/1_gldv2/images.parquet")
    clean = set(images.loc[(images["split"] == "train") & images["is_clean"], "image_id"])
    assert set(frame["image_id"]) == set(everything["image_id"]) & clean
    assert 0 < len(frame) < len(everything)
    result = cli("train", "--loss", "smooth_ap", "--seed", "5")
    assert result.exit_code == 0
    assert f"runs/smooth_ap/seed5: {(frame['fold'] == 'train').sum()} images" in result.output


def test_a_flat_loss_is_not_probed(copy: Path, cli: Cli) -> None:
    set_params({"probe: happier": "probe: smooth_ap"})
    result = cli("probe")
    assert result.exit_code == 1
    assert "params.yaml: benchmark.probe: smooth_ap sees the landmarks alone" in result.stderr
    assert "Remedy: name one of happier, " in result.stderr
