"""What the report says of doubt and review: what is open, what people decided, and how far they have come.

Pure functions over the queues and the decision tables, for the stage report.
"""

from typing import Any

import pandas as pd

from annotations import store
from annotations.verdicts import KINDS, TABLE_OF
from pipeline.report.facts import share

Json = dict[str, Any]
Tables = dict[str, pd.DataFrame]
MOST_USEFUL = 10


def open_doubts(queues: Tables) -> list[Json]:
    """Open rows of the queues by kind and doubt: how many, why, and the landmarks and images they may touch.

    A landmark may stand under several rows, so that counts of landmarks and images do not add up to a whole.
    """
    parts = [queue.assign(kind=kind) for kind, queue in queues.items() if len(queue)]
    if not parts:
        return []
    grouped = pd.concat(parts).groupby(["kind", "doubt"], sort=True)
    counts = grouped.agg(
        rows=("doubt", "size"), landmark_count=("landmark_count", "sum"), image_count=("image_count", "sum")
    )
    rows: list[Json] = counts.reset_index().to_dict("records")
    return sorted(rows, key=lambda row: (row["kind"], -row["rows"], row["doubt"]))


def most_useful(queues: Tables) -> list[Json]:
    """The ten open rows that matter most over all queues: images affected x uncertainty, then kind and place."""
    told = [
        pd.DataFrame(
            {
                "kind": kind,
                "place": range(len(queue)),
                "about": _about(kind, queue),
                **{name: queue[name] for name in ("doubt", "why", "candidates", "wikidata_url", "commons_url")},
                **{name: queue[name] for name in ("landmark_count", "image_count", "uncertainty")},
            }
        )
        for kind, queue in queues.items()
        if len(queue)
    ]
    if not told:
        return []
    every = pd.concat(told)
    every["worth"] = (every["image_count"] * every["uncertainty"]).round(4)
    best = every.sort_values(["worth", "kind", "place"], ascending=[False, True, True]).head(MOST_USEFUL)
    best = best.astype(object).where(best.notna(), None).drop(columns=["place", "worth"])
    rows: list[Json] = best.to_dict("records")
    return rows


def _about(kind: str, queue: pd.DataFrame) -> pd.Series:
    """What a row is about, in names and ids."""
    if kind == "classes":
        return queue["class_label"] + " (" + queue["class_qid"] + ")"
    if kind == "edges":
        child = queue["child_label"].fillna("") + " (" + queue["child_qid"] + ")"
        return child + " is a subclass of " + queue["parent_label"].fillna("") + " (" + queue["parent_qid"] + ")"
    return queue["category"] + " (" + queue["split"] + " " + queue["landmark_id"].astype(str) + ")"


def decisions_made(curated: Tables) -> list[Json]:
    """Rows of the decision tables by table, verdict and reviewer."""
    rows: list[Json] = []
    for name in TABLE_OF.values():
        counts = curated[name].groupby(["decision", "reviewer"], sort=True).size()
        rows += [
            {"table": name, "decision": decision, "reviewer": reviewer, "rows": int(count)}
            for (decision, reviewer), count in counts.items()
        ]
    return rows


def progress(queues: Tables, curated: Tables, found: Tables) -> list[Json]:
    """How far review has come, by kind: verdicts that settle, of those and what is open.

    A verdict settles unless it is `unsure`; one counts where its class, edge or landmark is among ours, and once,
    however many reviewers gave it.

    Args:
        queues: classes, edges, landmarks: what is open.
        curated: class_decisions, edge_decisions, landmark_decisions.
        found: class_labels, class_graph, landmark_labels, which say what is among ours.

    Returns:
        rows of kind, settled, elsewhere (verdicts about what is not among ours), open, and share (None: nothing to do).
    """
    ours = {
        "classes": found["class_labels"][["class_qid"]],
        "edges": found["class_graph"][["child_qid", "parent_qid"]],
        "landmarks": found["landmark_labels"][["category"]].drop_duplicates(),
    }
    rows = []
    for kind in KINDS:
        subject = store.TABLES[TABLE_OF[kind]].subject_columns
        settled = store.settle(curated[TABLE_OF[kind]], subject)
        settled = settled[settled["decision"] != "unsure"]
        is_ours = pd.MultiIndex.from_frame(settled[subject]).isin(pd.MultiIndex.from_frame(ours[kind]))
        here, still = int(is_ours.sum()), len(queues[kind])
        rows.append(
            {"kind": kind, "settled": here, "elsewhere": len(settled) - here, "open": still}
            | {"share": share(here, here + still)}
        )
    return rows
