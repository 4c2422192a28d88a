"""Stage label: every landmark's label from the votes of its classes, with people's decisions last."""

from pathlib import Path
from typing import Any

import click
import pandas as pd

from hierarchy.confidence import reliability
from hierarchy.landmarks import OPEN_RULES, add_levels, apply_decisions, apply_proposals, label_landmarks, withhold
from hierarchy.text import TextProposals, precision_where_known, propose
from hierarchy.votes import votes_of_items, winners
from pipeline import curation, tables
from pipeline.errors import stage_command
from pipeline.files import read_table, write_json, write_tables
from pipeline.levels import level_names
from pipeline.params import Label, read_params
from pipeline.reliability_plot import draw_reliability
from pipeline.visual import Encoder, OpenClipEncoder, visual_proposals

REPORT = Path("data/4_labels/report.json")
DIAGRAM = Path("data/4_labels/reliability.png")


def build(
    found: dict[str, pd.DataFrame],
    curated: dict[str, pd.DataFrame],
    levels: list[str],
    label: Label,
    encoder: Encoder | None = None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Landmark labels, and a report on rules, text fallback and reliability.

    Args:
        found: landmarks, landmark_items, statements, class_labels, official_labels as in pipeline/tables.py.
        curated: taxonomy, head_nouns and landmark_decisions, checked and settled.
        levels: names of the levels above the label.
        label: how sure a label must be.
        encoder: of images and label names, for the visual vote, which also needs images and tar_manifest in `found`.
    """
    taxonomy, statements, official = curated["taxonomy"], found["statements"], found["official_labels"]
    official = official[official["hierarchical_label"].isin(taxonomy["hierarchical_label"])]
    voted = label_landmarks(
        found["landmarks"],
        found["landmark_items"],
        winners(votes_of_items(statements, found["class_labels"], taxonomy)),
        frozenset(statements.loc[statements["is_best"], "item_qid"]),
        official,
    )
    proposals = _text_proposals(voted, curated["head_nouns"], label.text_precision)
    proposed = apply_proposals(voted, proposals.frame, "text")
    if encoder:
        still_open = proposed.loc[proposed["rule"].isin(OPEN_RULES), ["split", "landmark_id", "category"]]
        labels = taxonomy["hierarchical_label"].tolist()
        seen = visual_proposals(still_open, found["images"], found["tar_manifest"], labels, encoder)
        proposed = apply_proposals(proposed, seen, "visual")
    labelled = apply_decisions(proposed, curated["landmark_decisions"])
    labelled = add_levels(withhold(labelled, label.min_confidence), taxonomy, levels)
    return labelled, _report(labelled, proposals, official)


def _text_proposals(voted: pd.DataFrame, head_nouns: pd.DataFrame, target_precision: float) -> TextProposals:
    """Labels for the titles of landmarks without an item or a class, learnt from those whose classes agree."""
    known = voted.loc[voted["status"] == "resolved", ["category", "hierarchical_label"]]
    titles = sorted(set(voted.loc[voted["rule"].isin(OPEN_RULES), "category"]))
    return propose(known, titles, head_nouns, target_precision=target_precision)


def _report(labelled: pd.DataFrame, proposals: TextProposals, official: pd.DataFrame) -> dict[str, Any]:
    """How often each rule decided, how the text fallback was judged, and how reliable the confidence is."""
    key = ["split", "landmark_id"]
    joined = labelled.merge(official[[*key, "hierarchical_label"]], on=key, how="left", suffixes=("", "_official"))
    both = joined.dropna(subset=["hierarchical_label", "hierarchical_label_official"])
    is_right = both["hierarchical_label"] == both["hierarchical_label_official"]
    without_item = joined[joined["item_qid"].isna()].dropna(subset=["hierarchical_label_official"])
    known = without_item.drop_duplicates("category")[["category", "hierarchical_label_official"]]
    known = known.rename(columns={"hierarchical_label_official": "hierarchical_label"})
    counts = labelled.groupby("rule").agg(landmarks=("landmark_id", "size"), images=("image_count", "sum"))
    return {
        "rules": counts.to_dict("index"),
        "text": proposals.report | {"without_item": precision_where_known(proposals.frame, known)},
        "reliability": reliability(both["confidence"], is_right).to_dict("records"),
    }


def main() -> None:
    """Label every landmark and write data/4_labels."""
    names = ["landmarks", "landmark_items", "statements", "class_labels", "official_labels"]
    label = read_params().label
    names += ["images", "tar_manifest"] if label.visual else []
    found = {name: read_table(getattr(tables, name.upper())) for name in names}
    curated = curation.read_for_landmarks(found["landmarks"])
    encoder = OpenClipEncoder() if label.visual else None
    labelled, report = build(found, curated, level_names(), label, encoder)
    write_tables([(tables.LANDMARK_LABELS, labelled)])
    write_json(report, REPORT)
    draw_reliability(report["reliability"], DIAGRAM)
    if report["text"]["abstained"]:
        click.echo(f"the text fallback abstains: {report['text']['why']}")


if __name__ == "__main__":
    stage_command(main)()
