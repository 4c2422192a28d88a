"""The report's sections from its sources: facts for the text and tables, charts for the eyes.

For the stage report; every number of the page comes from here.
"""

from typing import Any

from markupsafe import Markup

from pipeline.report import facts, graph_facts, official_facts, review_facts
from pipeline.report.flows import flows
from pipeline.report.groups import group_legend, group_of
from pipeline.report.interval_chart import interval_chart
from pipeline.report.label_bars import label_bars
from pipeline.report.reliability import reliability_diagram
from pipeline.report.sources import Sources
from pipeline.report.stacked_bar import stacked_bar
from pipeline.report.sunburst import sunburst
from pipeline.report.training_facts import level_title, training_facts
from pipeline.report.world_map import world_map

Json = dict[str, Any]
MOST_CLASSES, MOST_FAILURES = 60, 20
_KINDS_OF_RULE = (
    ("all classes agree", "accent", ("agreed",)),
    ("classes disagree", "accent-2", ("majority", "steps", "information_content", "priority")),
    ("from title or images", "accent-3", ("text", "visual")),
    ("decided by people", "group-2", ("decision",)),
)
_INTERVALS = (
    ("h_ap", "H-AP of every model", "H-AP"),
    ("h_ap_paired", "Hierarchical losses less flat losses and untrained models", "difference in H-AP"),
)


def sections(sources: Sources) -> Json:
    """Facts of every section by its name, as the templates ask for them."""
    found, curated, told = sources.found, sources.curated, sources.told
    labels, coarsest = found["landmark_labels"], sources.levels[-1]
    classes = sources.by_class
    return {
        "version": told["provenance"]["version"],
        "source": told["provenance"]["source"],
        "headline": facts.headline(labels, found["official_labels"], curated["taxonomy"]),
        "rules": facts.by_rule(labels),
        "levels": [level_title(level) for level in sources.levels],
        "groups": group_legend(labels[coarsest].dropna(), group_of(curated["taxonomy"][coarsest])),
        "labels": sources.by_label.to_dict("records"),
        "classes": classes.head(MOST_CLASSES).to_dict("records"),
        "class_count": len(classes),
        "without_class": int(labels["hierarchical_label"].notna().sum()) - int(classes["landmark_count"].sum()),
        "official": official_facts.agreement(labels, found["official_labels"], sources.levels),
        "review": {
            "doubts": review_facts.open_doubts(sources.queues),
            "decisions": review_facts.decisions_made(curated),
            "progress": review_facts.progress(sources.queues, curated, found),
            "useful": review_facts.most_useful(sources.queues),
        },
        "reliability": told["labelling"]["reliability"],
        "text": told["labelling"]["text"],
        "located": len(sources.places),
        "graph": graph_facts.graph_counts(found["class_graph"])
        | {
            "cycles": graph_facts.cycles(found["class_graph"], found["class_labels"]),
            "changed": graph_facts.changed_edges(
                found["class_graph"], found["class_labels"], curated["edge_decisions"]
            ),
        },
        "training": training_facts(told["metrics"], told["probe"]),
        "pictures": sources.pictures,
        "left_out": sources.left_out,
        "validation": _short(told["validation"]),
        "provenance": told["provenance"],
    }


def charts(sources: Sources, told: Json) -> dict[str, Markup]:
    """Every chart of the page by its name; one that has nothing to show is left out.

    Args:
        sources: what the report is made from.
        told: of `sections`.
    """
    labels, classes, places = sources.found["landmark_labels"], sources.by_class, sources.places
    groups = group_of(
        sources.curated["taxonomy"][sources.levels[-1]]
    )  # of all, so that a group is coloured alike everywhere
    drawn = {"rules": stacked_bar(rule_parts(told["rules"]), "rules", "Landmarks by the kind of rule that decided")}
    if len(sources.by_label):
        along = facts.along_hierarchy(labels, sources.levels)
        drawn["sunburst"] = sunburst(along, [*reversed(sources.levels), "hierarchical_label", "supercategory"], groups)
        drawn["label_bars"] = label_bars(sources.by_label, groups)
    if len(classes):
        drawn["flows"] = flows(classes, groups=groups)
    if told["reliability"]:
        drawn["reliability"] = reliability_diagram(told["reliability"])
    if len(places):
        drawn["world_map"] = world_map(places, groups)
    for name, title, unit in _INTERVALS:
        if told["training"].get(name):
            drawn[name] = interval_chart(told["training"][name], name, title, unit)
    return drawn


def rule_parts(rules: list[Json]) -> list[Json]:
    """Landmarks by kind of rule: label, count and CSS class of each part; landmarks without a label come last."""
    parts = [
        {"label": label, "css": css, "count": sum(row["landmark_count"] for row in rules if _is(row, names))}
        for label, css, names in _KINDS_OF_RULE
    ]
    without = sum(row["landmark_count"] for row in rules if not row["is_labelled"])
    every = [*parts, {"label": "no label", "css": "group-none", "count": without}]
    return [part for part in every if part["count"]]


def _is(row: Json, names: tuple[str, ...]) -> bool:
    return bool(row["is_labelled"]) and row["rule"] in names


def _short(validation: Json) -> Json:
    """The checks of the release, each with the first of its failures and how many there are."""
    checks = [
        check | {"failures": check["failures"][:MOST_FAILURES], "failure_count": len(check["failures"])}
        for check in validation["checks"]
    ]
    return {"ok": validation["ok"], "checks": checks, "elsewhere": len(validation["out_of_sample"])}
