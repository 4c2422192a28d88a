"""What the report says of training: every model's metrics with intervals, differences, and the label probe.

Pure functions over metrics.json and data/7_benchmark/report.json, for the stage report.
"""

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]


def training_facts(metrics: Json, probe: Json) -> Json:
    """Everything on training, ready to be laid out.

    Args:
        metrics: metrics.json; `skipped` says why nothing was trained.
        probe: data/7_benchmark/report.json.

    Returns:
        skipped alone; else about, columns (metric and title), models, h_ap (an interval for each model), headline,
        paired (differences to flat losses and untrained models), h_ap_paired (an interval for each hierarchical loss
        less each of those), gldv2 and probe.
    """
    if "skipped" in metrics:
        return {"skipped": metrics["skipped"]}
    from training.benchmark.paper_table import OVERALL  # loads torch, which labels alone need not wait for
    from training.loss_table import HIERARCHICAL

    levels = metrics["levels"]
    columns = OVERALL | {f"map_at_r_level{n}": f"mAP@R, {level_title(name)}" for n, name in enumerate(levels)}
    models = _models(metrics, HIERARCHICAL)
    paired = [
        row | {"a": model_name(row["a"]), "b": model_name(row["b"]), "title": columns[row["metric"]]}
        for row in (_hierarchical_first(row, HIERARCHICAL) for row in metrics["paired"])
        if row["metric"] in columns and row["b"] not in HIERARCHICAL
    ]
    return {
        "about": {key: metrics[key] for key in ("dataset", "device", "seeds", "test")} | {"note": metrics.get("note")},
        "columns": columns,
        "models": models,
        "h_ap": [{"label": row["model"]} | row["h_ap"] for row in models if row["h_ap"]["mean"] is not None],
        "headline": _headline(metrics["headline"], columns),
        "paired": paired,
        "h_ap_paired": [_as_interval(row) for row in paired if row["metric"] == "h_ap" and row["is_hierarchical"]],
        "gldv2": _gldv2(metrics.get("gldv2") or {}),
        "probe": probe_facts(probe, levels),
    }


def model_name(name: str) -> str:
    """A loss or model as papers write it."""
    from training.benchmark.paper_table import NAMES

    return NAMES.get(name, name)


def level_title(name: str) -> str:
    """A level's name for people: landmark_id is landmark, and underscores are spaces."""
    return "label" if name == "hierarchical_label" else name.removesuffix("_id").replace("_", " ")


def _models(metrics: Json, hierarchical: Sequence[str]) -> list[Json]:
    """A row for each model: what kind it is, its name and its metrics, untrained models first."""
    kinds = {name: "hierarchical" if name in hierarchical else "flat" for name in metrics["losses"]}
    ordered = sorted(metrics["losses"], key=lambda name: (kinds[name] == "hierarchical", model_name(name)))
    rows = [{"kind": "zero-shot", "model": model_name(name)} | row for name, row in metrics["zero_shot"].items()]
    return rows + [{"kind": kinds[name], "model": model_name(name)} | metrics["losses"][name] for name in ordered]


def _hierarchical_first(row: Json, hierarchical: Sequence[str]) -> Json:
    """The same difference with the hierarchical loss first, where there is one."""
    is_turned = row["b"] in hierarchical and row["a"] not in hierarchical
    first, second = (row["b"], row["a"]) if is_turned else (row["a"], row["b"])
    ends = (row["difference"], row["low"], row["high"])
    if is_turned and None not in ends:
        ends = (0.0 - row["difference"], 0.0 - row["high"], 0.0 - row["low"])
    told = dict(zip(("difference", "low", "high"), ends, strict=True))
    is_shown = first in hierarchical and row["difference"] is not None
    return {"a": first, "b": second, "metric": row["metric"], "is_hierarchical": is_shown} | told


def _as_interval(row: Json) -> Json:
    return {"label": f"{row['a']} less {row['b']}", "mean": row["difference"], "low": row["low"], "high": row["high"]}


def _headline(best: Json | None, columns: dict[str, str]) -> Json | None:
    """The best hierarchical loss less the best flat one, for the metrics shown; None unless both were trained."""
    if best is None:
        return None
    rows = [{"title": title} | best["metrics"][key] for key, title in columns.items() if key in best["metrics"]]
    return {kind: model_name(best[kind]) for kind in ("hierarchical", "flat")} | {"rows": rows}


def _gldv2(found: Json) -> Json | None:
    """GLDv2's own protocol: why it was not run, or its counts and a row for each model; None where nobody says."""
    if "models" not in found:
        return {"skipped": found["skipped"]} if "skipped" in found else None
    rows = [{"model": model_name(name)} | usages for name, usages in found["models"].items()]
    usages = sorted(
        {usage for row in found["models"].values() for usage in row}, key=lambda usage: (usage != "all", usage)
    )
    return {key: found[key] for key in ("queries", "index_images", "trained_on")} | {"rows": rows, "usages": usages}


def probe_facts(probe: Json, levels: Sequence[str]) -> Json:
    """The label probe: whether it was run, whether its checks hold, and what it compared.

    Returns:
        ok (None: nothing was probed), skipped (why, or None), checks (level, ok, failures), rows (against, scored_on,
        title, ours, other, difference, low, high).
    """
    titles = {"h_ap": "H-AP"}
    for number, name in enumerate(levels):
        titles[f"ap_level{number}"] = f"AP, {level_title(name)}"
        titles[f"ap_others_level{number}"] = f"AP among other landmarks, {level_title(name)}"
    checks = [
        check | {"level": level_title(check["name"].removesuffix("_teaches"))} for check in probe.get("checks", [])
    ]
    rows = [row | {"title": titles.get(row["metric"], row["metric"])} for row in probe.get("rows", [])]
    return {"ok": probe.get("ok"), "skipped": probe.get("skipped"), "checks": checks, "rows": rows}
