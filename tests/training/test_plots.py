import warnings

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from training.benchmark.protocol import query_rows
from training.image_table import ImageTable
from training.plots.embedding_map import draw_embedding_map
from training.plots.label_h_ap import draw_label_h_ap
from training.plots.learning_curves import draw_learning_curves
from training.plots.metric_bars import draw_metric_bars
from training.plots.probe_bars import draw_probe
from training.plots.retrieval_sheet import SHOWN, chosen_queries, draw_retrieval_sheet
from training.plots.severity import NO_MISTAKE, draw_severity, severity_shares
from training.plots.style import COLOURS, INK, depth_colours, depth_words, looks, save

NAMES = ("happier", "smooth_ap", "sup_ndcg", "sup_hap", "roadmap", "triplet_margin", "cluster", "pretrained backbone")
LEVELS = ("landmark_id", "hierarchical_label", "supercategory", "natural_or_human_made")
METRICS = ("h_ap", "asi", "ap_level0", "map_at_r_level0", "ap_level1")
TITLES = {metric: f"title of {metric}" for metric in METRICS}
LONG = "ruins of a fortified church that was a monastery before"
SIZES = pytest.mark.parametrize(("model_count", "seed_count", "level_count"), [(2, 1, 3), (8, 3, 4)])


@pytest.fixture(autouse=True)
def _no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def drawn(figure: Figure) -> set[str]:
    """Lay the figure out, so that warnings of drawing are seen; returns the texts."""
    figure.draw_without_rendering()
    assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 8
    return set(texts(figure))


def estimate(mean: float) -> dict[str, float | None]:
    return {"mean": mean, "low": mean - 0.05, "high": mean + 0.03}


NOTHING = {"mean": None, "low": None, "high": None}


def made_up_means(names: tuple[str, ...]) -> dict[str, dict[str, dict[str, float | None]]]:
    return {
        name: {metric: estimate(0.4 + 0.05 * row + 0.011 * column) for column, metric in enumerate(METRICS)}
        for row, name in enumerate(names)
    }


def made_up_curve(seed: int, epochs: int = 6) -> list[dict[str, float | None]]:
    rows = []
    for epoch in range(1, epochs + 1):
        val = {"val_h_ap": 0.1 * epoch + 0.01 * seed, "val_map_at_r_level0": 0.05 * epoch} if epoch % 2 == 0 else {}
        rows.append({"epoch": epoch, "loss": 4.0 / epoch + seed} | val)
    return rows


def made_up_table(level_count: int = 3, landmark_count: int = 12) -> ImageTable:
    """Landmark l has l % 3 + 1 images."""
    landmarks = np.repeat(np.arange(landmark_count), np.arange(landmark_count) % 3 + 1)
    columns = [landmarks // 2**level for level in range(level_count)]
    ids = np.array([f"image{row:03}" for row in range(len(landmarks))])
    return ImageTable(ids, np.stack(columns, 1).astype(np.int64), LEVELS[:level_count])


def unit(rows: int, dim: int = 8) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(rows, dim, generator=torch.Generator().manual_seed(0)))


def grey(image_id: str) -> np.ndarray:
    return np.full((20, 30, 3), int(image_id[-3:]), np.uint8)


@SIZES
def test_learning_curves_draw_seeds_thin_and_their_mean_thick(model_count, seed_count, level_count):
    names = NAMES[:model_count]
    curves = {name: [made_up_curve(seed) for seed in range(seed_count)] for name in names}
    figure = draw_learning_curves(curves, hierarchical=["happier"])
    assert set(names) <= drawn(figure)
    losses, h_ap, _ = figure.axes
    thick = {line.get_label(): line for line in h_ap.lines if line.get_label() in names}
    assert list(thick) == list(names)
    assert len(h_ap.lines) == model_count * (1 + (seed_count if seed_count > 1 else 0))
    assert thick["happier"].get_xdata().tolist() == [2, 4, 6]
    middle = 0.01 * (seed_count - 1) / 2
    assert thick["happier"].get_ydata() == pytest.approx(np.array([0.2, 0.4, 0.6]) + middle)
    assert {line.get_linestyle() for name, line in thick.items() if name != "happier"} == {"--"}
    assert thick["happier"].get_linestyle() == "-"
    assert all(line.get_ydata()[0] == 1 for line in losses.lines)


def test_learning_curves_leave_out_what_is_not_there():
    rows = [{"epoch": 1, "loss": None}, {"epoch": 2, "loss": 4.0, "val_h_ap": None}, {"epoch": 3, "loss": float("nan")}]
    rows.append({"epoch": 4, "loss": 2.0, "val_h_ap": 0.5})
    figure = draw_learning_curves({"happier": [rows], "never started": [[]], "no loss": [[{"epoch": 1, "loss": 0.0}]]})
    drawn(figure)
    found = {line.get_label(): line for line in figure.axes[0].lines}
    assert found["happier"].get_xdata().tolist() == [2, 4]
    assert list(found["happier"].get_ydata()) == [1, 0.5]
    assert len(found["no loss"].get_xdata()) == 0
    assert figure.axes[1].lines[0].get_xdata().tolist() == [4]


@SIZES
def test_bars_have_the_length_of_the_means(model_count, seed_count, level_count):
    names = NAMES[:model_count]
    means = made_up_means(names)
    figure = draw_metric_bars(means, METRICS, TITLES, hierarchical=["happier"])
    shown = drawn(figure)
    assert set(names) | set(TITLES.values()) <= shown
    assert len(figure.axes) == len(METRICS)
    for axes, metric in zip(figure.axes, METRICS, strict=True):
        expected = [means[name][metric]["mean"] for name in names]
        assert [bar.get_width() for bar in axes.patches] == pytest.approx(expected)
        assert {f"{mean:.3f}" for mean in expected} <= shown
        spans = [line.get_xdata() for line in axes.lines[1::2]]
        assert [tuple(span) for span in spans] == [(means[n][metric]["low"], means[n][metric]["high"]) for n in names]
    full = [to_hex(bar.get_facecolor()).upper() in COLOURS for bar in figure.axes[0].patches]
    assert full == [name == "happier" for name in names]


def test_a_metric_that_is_not_defined_has_no_bar():
    means = {"happier": {"h_ap": NOTHING}, "smooth_ap": {"h_ap": estimate(0.02)}}
    figure = draw_metric_bars(means, ["h_ap"], TITLES)
    assert {"–", "0.020"} <= drawn(figure)
    assert len(figure.axes[0].patches) == 1
    assert figure.axes[0].get_xlim() == pytest.approx((0, 0.055))
    alone = draw_metric_bars({"happier": {"h_ap": NOTHING}}, ["h_ap"], TITLES)
    assert not alone.axes[0].patches


@SIZES
def test_dots_stand_at_the_mean_of_their_label(model_count, seed_count, level_count):
    names = NAMES[:model_count]
    labels = np.array(["castle", "lake", "castle", LONG, "lake $5 of $6"])
    values = np.array([0.2, 0.6, 0.4, np.nan, 0.9])
    h_ap = {name: np.tile(values + 0.01 * row, (seed_count, 1)) for row, name in enumerate(names)}
    figure = draw_label_h_ap(h_ap, labels, hierarchical=["happier"])
    axes = figure.axes[0]
    rows = [text.get_text() for text in axes.get_yticklabels()]
    assert rows == ["lake $5 of $6  (1)", "lake  (1)", "castle  (2)", f"{LONG}  (1)"]
    assert set(names) <= drawn(figure)
    for row, name in enumerate(names):
        line = next(line for line in axes.lines if line.get_label() == name)
        assert line.get_xdata() == pytest.approx(np.array([0.9, 0.6, 0.3, np.nan]) + 0.01 * row, nan_ok=True)
        assert np.abs(line.get_ydata() - np.arange(4)).max() < 0.5


def test_seventy_eight_labels_make_the_figure_grow():
    labels = np.array([f"{LONG} {number}" for number in range(78)])
    values = np.random.default_rng(0).random((3, 78))
    figure = draw_label_h_ap(dict.fromkeys(NAMES, values), labels)
    assert figure.get_figheight() > 18
    assert draw_label_h_ap({"happier": values[:, :2]}, labels[:2]).get_figheight() < 3
    drawn(figure)
    for text in figure.axes[0].get_yticklabels():
        assert text.get_window_extent().x0 >= 0


def test_severity_shares_by_hand():
    first_wrong = np.array([[2, 2, 1, 0, -1], [2, 1, 1, 0, 0]], np.int8)
    assert severity_shares(first_wrong, 3) == pytest.approx([0.3, 0.3, 0.3, 0.1])
    assert severity_shares(first_wrong[:1, :4], 3) == pytest.approx([0.5, 0.25, 0.25, 0])


@SIZES
def test_severity_bars_sum_to_one(model_count, seed_count, level_count):
    draw, names = np.random.default_rng(0), NAMES[:model_count]
    wrong = {name: draw.integers(-1, level_count, (seed_count, 40)).astype(np.int8) for name in names}
    figure = draw_severity(wrong, LEVELS[:level_count], hierarchical=["happier"])
    shown = drawn(figure)
    middle = {"same supercategory only"} if level_count == 3 else {"same supercategory only", "same hierarchical_label"}
    assert {*names, *middle, "nothing in common", NO_MISTAKE, "same hierarchical_label"} <= shown
    widths = np.array([[bar.get_width() for bar in part] for part in figure.axes[0].containers])
    assert widths.shape == (level_count + 1, model_count)
    assert widths.sum(0) == pytest.approx(1)
    assert widths[0, 0] == pytest.approx((wrong["happier"] == level_count - 1).mean())
    weights = {text.get_text(): text.get_fontweight() for text in figure.axes[0].get_yticklabels()}
    assert [weights[name] == "bold" for name in names] == [name == "happier" for name in names]


def test_severity_leaves_out_what_no_query_has():
    figure = draw_severity({"happier": np.array([[1, 0, 0, 0]])}, LEVELS[:2])
    shown = drawn(figure)
    assert NO_MISTAKE not in shown
    assert {"75%", "25%", "same hierarchical_label"} <= shown


def test_depth_words():
    assert depth_words(LEVELS) == [
        "nothing in common",
        "same natural_or_human_made only",
        "same supercategory only",
        "same hierarchical_label",
        "same landmark_id",
    ]
    assert depth_words(LEVELS[:1]) == ["nothing in common", "same landmark_id"]


@pytest.mark.parametrize("level_count", [1, 2, 3, 4])
@pytest.mark.parametrize("count", [1, 3, 8, 100])
def test_chosen_queries_are_queries_spread_over_the_labels(level_count, count):
    table = made_up_table(level_count)
    rows = chosen_queries(table, count)
    asking = query_rows(table)
    assert len(rows) == min(count, len(asking)) == len(set(rows))
    assert set(rows) <= set(asking.tolist())  # so that no landmark with one image is among them
    labels = table.labels[:, min(1, level_count - 1)]
    assert len(set(labels[rows])) == min(count, len(set(labels[asking])))
    assert rows == chosen_queries(table, count)


def test_few_labels_give_queries_of_several_landmarks():
    table = ImageTable(np.array(list("abcdefgh")), np.array([[n // 2, 0] for n in range(8)]), LEVELS[:2])
    assert chosen_queries(table, 4) == [0, 2, 4, 6]


@SIZES
def test_frames_have_the_colour_of_the_depth(model_count, seed_count, level_count):
    table = made_up_table(level_count)
    captions = [LONG if landmark % 2 else f"landmark {landmark}" for landmark in table.labels[:, 0]]
    embeddings, rows = unit(len(table)), chosen_queries(table, model_count)
    figure = draw_retrieval_sheet(embeddings, table, grey, captions, rows)
    assert len(figure.axes) == model_count * (SHOWN + 1)
    colours = [colour.lower() for colour in depth_colours(level_count)]
    for number, row in enumerate(rows):
        query, *answers = figure.axes[number * (SHOWN + 1) : (number + 1) * (SHOWN + 1)]
        assert to_hex(query.spines["left"].get_edgecolor()) == INK
        assert query.get_xlabel().replace("\n", " ") == captions[row]
        scores = (embeddings @ embeddings[row]).numpy()
        order = [other for other in np.argsort(-scores).tolist() if other != row][:SHOWN]
        for axes, other in zip(answers, order, strict=True):
            assert axes.images[0].get_array()[0, 0, 0] == other  # `grey` writes the row into the pixels
            agreed = (table.labels[row] == table.labels[other])[::-1]
            depth = int(np.cumprod(agreed).sum())
            assert to_hex(axes.spines["top"].get_edgecolor()) == colours[depth]
            expected = "" if captions[other] == captions[row] else captions[other]
            assert axes.get_xlabel().replace("\n", " ") == expected
    assert set(depth_words(LEVELS[:level_count])) <= drawn(figure)


def test_a_sheet_of_fewer_images_than_ten():
    table = made_up_table(2, landmark_count=3)
    figure = draw_retrieval_sheet(unit(len(table)), table, grey, [""] * len(table), [1], "few images")
    assert len(figure.axes) == 1 + len(table) - 1
    assert "few images" in drawn(figure)


@pytest.mark.parametrize("label_count", [3, 20])
def test_map_names_frequent_labels(label_count):
    labels = [f"{LONG} {row % label_count}" for row in range(60)]
    groups = ["natural" if row % 2 else "human-made" for row in range(60)]
    figure = draw_embedding_map(unit(60), labels, groups)
    shown = drawn(figure)
    assert {"natural", "human-made", f"{LONG} 0"} <= shown
    assert f"{LONG} 0 ({60 // label_count})" in shown
    assert ("8 other labels (24)" in shown) == (label_count == 20)
    names = figure.axes[0].texts
    assert len(names) == min(label_count, 12)
    assert sum(len(part.get_offsets()) for part in figure.axes[0].collections) == 60
    boxes = [text.get_window_extent() for text in names]
    assert not any(a.overlaps(b) for row, a in enumerate(boxes) for b in boxes[:row])


def test_map_of_a_collapsed_model():
    drawn(draw_embedding_map(torch.ones(12, 4), ["lake"] * 12, ["natural"] * 12))


def test_map_of_too_few_images():
    with pytest.raises(ValueError, match="3 images"):
        draw_embedding_map(unit(2), ["lake"] * 2, ["natural"] * 2)


@SIZES
def test_probe_draws_both_and_their_difference(model_count, seed_count, level_count):
    kinds = [("shuffled", "ours"), ("official", "ours"), ("official", "official")][:seed_count]
    rows = [
        {"against": against, "scored_on": judge, "metric": metric, "ours": estimate(0.6), "other": estimate(0.5)}
        | {"difference": 0.1, "low": -0.02 if metric == "asi" else 0.04, "high": 0.22}
        for against, judge in kinds
        for metric in METRICS[:level_count]
    ]
    rows[1] |= {"ours": NOTHING, "difference": None, "low": None, "high": None}
    figure = draw_probe(rows, TITLES)
    shown = drawn(figure)
    assert {"our labels against shuffled labels, scored on our labels", "title of h_ap", "–"} <= shown
    assert "+0.100  [+0.040, +0.220]" in shown
    assert len(figure.axes) == 2 * seed_count
    dots = [line.get_xdata().item() for line in figure.axes[0].lines if len(line.get_xdata()) == 1]
    assert dots[:2] == [0.6, 0.5]
    assert np.isnan(dots[2])
    assert dots[3] == 0.5
    differences = [line.get_xdata().item() for line in figure.axes[1].lines if len(line.get_xdata()) == 1]
    assert differences[0] == 0.1
    assert np.isnan(differences[1])


def test_probe_names_a_metric_without_title_by_its_key():
    row = {"against": "shuffled", "scored_on": "ours", "metric": "h_ap", "ours": estimate(0.6), "other": estimate(0.5)}
    figure = draw_probe([row | {"difference": -0.1, "low": -0.2, "high": 0.1}])
    assert {"h_ap", "−0.100  [−0.200, +0.100]"} <= set(texts(figure))


def pictures() -> dict[str, Figure]:
    table = made_up_table()
    labels = [f"label {row % 4}" for row in range(len(table))]
    return {
        "curves": draw_learning_curves({"happier": [made_up_curve(0)]}),
        "bars": draw_metric_bars(made_up_means(NAMES[:2]), METRICS, TITLES),
        "map": draw_embedding_map(unit(len(table)), labels, labels),
        "sheet": draw_retrieval_sheet(unit(len(table)), table, grey, labels, [1]),
    }


def test_the_same_numbers_give_the_same_bytes_whatever_the_machine_is_set_to(tmp_path):
    for name, figure in pictures().items():
        save(figure, tmp_path / "once", name)
    with matplotlib.rc_context({"font.size": 20, "svg.hashsalt": "another", "axes.grid": True}):
        for name, figure in pictures().items():
            save(figure, tmp_path / "again", name)
        assert matplotlib.rcParams["font.size"] == 20
    files = sorted(path.name for path in (tmp_path / "once").iterdir())
    assert len(files) == 8
    for name in files:
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert b"<dc:date>" not in (tmp_path / "once" / "bars.svg").read_bytes()


def test_models_are_told_apart():
    names = [f"loss {number}" for number in range(25)]
    found = looks(names, ["loss 1"])
    assert len({(look.colour, look.marker) for look in found.values()}) == len(names)
    assert [name for name, look in found.items() if look.line == "-"] == ["loss 1"]
    assert {look.line for look in looks(names, []).values()} == {"-"}
