"""A made-up world of a few landmarks as the report's sources, with names that would break a page that trusts them."""

from dataclasses import replace
from typing import Any

import pandas as pd

from annotations.store import TABLES
from annotations.verdicts import TABLE_OF
from pipeline.queues import QUEUES
from pipeline.report.sources import Sources

HOSTILE = '<script>alert("x")</script>\n\'&amp; "قلعة" </style>'
LEVEL = "natural_or_human_made"
GROUPS = {"church": "human-made", "lake": "natural", HOSTILE: "natural"}
_LANDMARKS = [
    # split, landmark_id, category, label, supercategory, class, rule, reviewed, images
    ("index", 3, "Abbey", "church", "abbey", "Q3", "agreed", False, 2),
    ("train", 7, "Abbey", "church", "abbey", "Q3", "agreed", False, 5),
    ("train", 8, HOSTILE, "church", HOSTILE, "Q4", "majority", False, 4),
    ("train", 9, "Bay", "lake", None, None, "decision", True, 3),
    ("train", 10, "Cove", HOSTILE, "cove", "Q5", "steps", False, 1),
    ("train", 11, "Dot", None, None, None, "no_item", False, 7),
    ("train", 12, "Eck", None, None, None, "decision", True, 6),
]
_TEXTS = ("category", "hierarchical_label", "supercategory", "class_qid", "rule")
_COLUMNS = ["split", "landmark_id", *_TEXTS, "reviewed", "image_count"]
VERDICT = {"reviewer": "ann", "reviewed_on": "2026-01-31", "evidence_hash": "", "reason": HOSTILE}
SKIPPED = {"skipped": "nothing is trained: train.losses or train.seeds is empty"}


def landmarks(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Rows as above as landmark_labels, as far as the report reads them."""
    frame = pd.DataFrame(rows, columns=_COLUMNS).astype({"landmark_id": "int64", "image_count": "int64"})
    frame = frame.astype(dict.fromkeys(("split", *_TEXTS), "str") | {"reviewed": "bool"})
    return frame.assign(**{LEVEL: frame["hierarchical_label"].map(GROUPS).astype("str")})


def queue(kind: str, *rows: dict[str, Any]) -> pd.DataFrame:
    """A queue with these rows; what they do not say is empty."""
    types = {column.name: column.pandas_dtype for column in QUEUES[kind].columns}
    usual = {"doubt": "no_item", "why": "because", "image_count": 1, "landmark_count": 1, "uncertainty": 1.0}
    return pd.DataFrame([usual | row for row in rows], columns=list(types)).astype(types)


def decisions(kind: str, *rows: dict[str, str]) -> pd.DataFrame:
    """A decision table with these rows."""
    columns = [*TABLES[TABLE_OF[kind]].columns, "where"]
    return pd.DataFrame([VERDICT | row for row in rows], columns=columns, dtype="str").fillna("")


def small_sources(**changes: Any) -> Sources:
    """The sources of a report on the world above, nothing trained; fields of Sources may be given otherwise."""
    labels = landmarks(_LANDMARKS)
    items = labels[["split", "landmark_id"]].assign(latitude=[51.5, 51.5, -8.0] + [None] * 4, longitude=0.25)
    official = pd.DataFrame(
        [("train", 7, "church", "human-made"), ("train", 8, "lake", "natural"), ("train", 99, "lake", "natural")],
        columns=["split", "landmark_id", "hierarchical_label", LEVEL],
    )
    edges = [("Q3", "Q1"), ("Q1", "Q2"), ("Q2", "Q1"), ("Q4", "Q1"), ("Q5", "Q2")]
    graph = pd.DataFrame(edges, columns=["child_qid", "parent_qid"], dtype="str")
    names = pd.DataFrame(
        {"class_qid": ["Q1", "Q2", "Q3", "Q4", "Q5"], "class_label": ["place", HOSTILE, "abbey", HOSTILE, "cove"]},
        dtype="str",
    ).assign(hierarchical_label=["church", None, "church", "church", HOSTILE])
    url = "javascript:alert(1)"
    made = Sources(
        {
            "landmark_labels": labels,
            "landmark_items": items,
            "official_labels": official,
            "class_labels": names,
            "class_graph": graph.assign(
                source=["wikidata"] * 4 + ["decision"], is_removed=[False] * 3 + [True, False], in_cycle=False
            ),
        },
        {
            "classes": queue("classes", {"class_qid": "Q2", "class_label": HOSTILE, "wikidata_url": url}),
            "edges": queue("edges", {"child_qid": "Q3", "parent_qid": "Q1", "image_count": 9}),
            "landmarks": queue("landmarks", {"split": "train", "landmark_id": 11, "category": HOSTILE, "why": HOSTILE}),
        },
        {
            "taxonomy": pd.DataFrame(
                {"hierarchical_label": [*GROUPS, "tower"], LEVEL: [*GROUPS.values(), GROUPS["church"]]}
            ),
            "class_decisions": decisions("classes", {"class_qid": "Q5", "decision": "ignore"}),
            "edge_decisions": decisions("edges", {"child_qid": "Q4", "parent_qid": "Q1", "decision": "remove"}),
            "landmark_decisions": decisions("landmarks", {"category": "Bay", "decision": "assign"}),
        },
        [LEVEL],
        {
            "labelling": {
                "reliability": [{"low": 0.9, "high": 1.0, "count": 2, "mean_confidence": 0.95, "agreement": 0.5}],
                "text": {
                    "used_rows": 3,
                    "labels": 2,
                    "abstained": True,
                    "why": "few rows",
                    "reliability": [],
                    "without_item": {"rows": 0, "accepted": 0, "precision": None},
                },
            },
            "validation": {
                "ok": False,
                "checks": [{"name": "all_is_well", "promise": HOSTILE, "ok": False, "failures": [HOSTILE] * 30}],
                "out_of_sample": [],
            },
            "provenance": {
                "version": "0.1.0",
                "date": "2026-11-24",
                "schema_version": "1.0.0",
                "previous": None,
                "source": "sample",
                "endpoint": None,
                "snapshot_date": "2026-11-23",
                "revision_range": None,
                "params": {"folds": {"seed": 0}},
                "code_sha256": "c" * 64,
                "constraints_sha256": "d" * 64,
                "inputs": {"annotations/taxonomy.csv": "e" * 64},
                "licences": {"labels": "CC BY 4.0"},
            },
            "metrics": SKIPPED,
            "probe": SKIPPED,
        },
        [],
        [],
    )
    return replace(made, **changes)


def empty_sources() -> Sources:
    """The same world before anything is known of it: no label, no place, no official label, nothing to decide."""
    made = small_sources()
    unlabelled = [(*row[:3], None, None, None, "no_item", False, row[-1]) for row in _LANDMARKS]
    items = made.found["landmark_items"].assign(latitude=float("nan"), longitude=float("nan"))
    found = made.found | {"landmark_labels": landmarks(unlabelled), "landmark_items": items}
    found |= {name: found[name].head(0) for name in ("official_labels", "class_labels", "class_graph")}
    labelling = made.told["labelling"] | {"reliability": []}
    return replace(
        made,
        found=found,
        queues={kind: frame.head(0) for kind, frame in made.queues.items()},
        curated={name: frame.head(0) for name, frame in made.curated.items()},
        told=made.told | {"labelling": labelling, "validation": {"ok": True, "checks": [], "out_of_sample": []}},
    )
