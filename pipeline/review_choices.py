"""The verdicts that the review page offers on a row, with the reasons it suggests; for pipeline/review_evidence.py."""

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from annotations.review.desk import Choice
from annotations.verdicts import Verdict
from pipeline.workbench import Workbench

MAX_CHOICES = 9  # one a key
MAX_PARENTS = 4


def verdict_on(kind: str, ids: tuple[str, ...], decision: str, bench: Workbench) -> Verdict:
    """A verdict with the names and the fingerprint of today.

    Raises:
        KeyError: there is nothing with these ids.
    """
    names = bench.names(kind, ids)
    if names is None:
        raise KeyError("/".join(ids))
    return Verdict(kind, ids, decision, names=names, evidence_hash=bench.evidence(kind, ids))


def class_choices(qid: str, landmarks: pd.DataFrame, bench: Workbench) -> Iterator[Choice]:
    """Labels of the nearest anchors, then labels that landmarks of the class have by other ways."""
    row = bench.classes.class_labels.loc[qid]
    assign = verdict_on("classes", (qid,), "assign", bench)
    names = bench.classes.class_labels["class_label"]
    offered = set()
    triples = zip(row["candidate_labels"], row["candidate_qids"], row["candidate_steps"], strict=True)
    for label, anchor, steps in triples:
        if label not in offered:
            offered.add(label)
            way = f"{steps} {'step' if steps == 1 else 'steps'} up to {names[anchor]} ({anchor})"
            yield _labelled(assign, label, way, f"A kind of {names[anchor]}, {way}.")
    found = bench.landmarks.labels.loc[landmarks.index].astype("str").value_counts()
    for label, count in sorted(found.items(), key=lambda pair: (-pair[1], pair[0])):
        if label and label not in offered:
            way = f"{count} of its {len(landmarks)} landmarks have it otherwise"
            yield _labelled(assign, str(label), way, f"Its landmarks are of this kind: {way}.")


def class_verdicts(qid: str, bench: Workbench) -> dict[str, Choice]:
    """Ignore and unsure."""
    return {
        "i": _said("classes", (qid,), "ignore", "Ignore", "Says nothing about the kind of place.", bench),
        "u": _said("classes", (qid,), "unsure", "Unsure", "The evidence does not decide it.", bench),
    }


def parent_choices(qid: str, bench: Workbench) -> Iterator[Choice]:
    """Removal of each edge from the class to a parent."""
    labels = bench.classes.class_labels
    own = labels["class_label"][qid]
    for parent in sorted(bench.classes.graph.successors(qid)):
        name, label = labels["class_label"][parent], labels["hierarchical_label"][parent]
        reason = f"Not every {own} is a kind of {name}."
        remove = replace(verdict_on("edges", (qid, parent), "remove", bench), reason=reason)
        yield Choice(remove, f"Not a kind of {name}", f"{parent}, {label if pd.notna(label) else 'no label'}")


def edge_choices(child: str, parent: str, bench: Workbench) -> Iterator[Choice]:
    """Removal of the edge with another parent in its place: what lies next above the parent."""
    graph, labels = bench.classes.graph, bench.classes.class_labels
    remove = verdict_on("edges", (child, parent), "remove", bench)
    names = labels["class_label"]
    for other in [qid for qid in sorted(graph.successors(parent)) if qid != child][:MAX_PARENTS]:
        if not graph.has_edge(child, other):
            label = labels["hierarchical_label"][other]
            reason = f"A kind of {names[other]}, but not of {names[parent]}."
            moved = replace(remove, other_parent_qid=other, reason=reason)
            yield Choice(moved, f"Put under {names[other]}", f"{other}, {label if pd.notna(label) else 'no label'}")


def edge_verdicts(child: str, parent: str, bench: Workbench) -> dict[str, Choice]:
    """Keep, remove and unsure."""
    child_name, parent_name = bench.names("edges", (child, parent)) or ("", "")
    ids = (child, parent)
    return {
        "k": _said("edges", ids, "keep", "Keep", f"Every {child_name} is a kind of {parent_name}.", bench),
        "r": _said("edges", ids, "remove", "Remove", f"Not every {child_name} is a kind of {parent_name}.", bench),
        "u": _said("edges", ids, "unsure", "Unsure", "The evidence does not decide it.", bench),
    }


def landmark_choices(ids: tuple[str, str], bench: Workbench) -> Iterator[Choice]:
    """Labels that its classes vote for now, then the one that its title or images suggest."""
    place = bench.place_of[ids]
    item = bench.landmarks.landmarks["item_qid"].iloc[place]
    votes = bench.landmarks.votes
    classes = votes.loc[votes["item_qid"] == item, "class_qid"]
    labels = bench.classes.class_labels.loc[classes]
    assign = verdict_on("landmarks", ids, "assign", bench)
    offered = set()
    first = bench.landmarks.item_labels.get(item)
    voted = labels.dropna(subset="hierarchical_label").groupby("hierarchical_label")["class_label"].agg(list)
    for label, by in sorted(voted.items(), key=lambda pair: (pair[0] != first, -len(pair[1]), pair[0])):
        offered.add(label)
        yield _labelled(assign, str(label), f"voted by {', '.join(by)}", f"It is a kind of {by[0]}.")
    row = bench.found["landmark_labels"].iloc[place]
    if pd.notna(row["proposed_label"]) and row["proposed_label"] not in offered:
        way = f"suggested with confidence {row['proposed_confidence']}"
        yield _labelled(assign, row["proposed_label"], way, f"Its title says {row['proposed_label']}.")


def landmark_verdicts(ids: tuple[str, str], bench: Workbench) -> dict[str, Choice]:
    """Reject and unsure."""
    return {
        "x": _said("landmarks", ids, "reject", "No label fits", "None of the labels fits this landmark.", bench),
        "u": _said("landmarks", ids, "unsure", "Unsure", "The evidence does not decide it.", bench),
    }


def _labelled(assign: Verdict, label: str, note: str, reason: str) -> Choice:
    return Choice(replace(assign, hierarchical_label=label, reason=reason), label, note)


def _said(kind: str, ids: tuple[str, ...], decision: str, text: str, reason: str, bench: Workbench) -> Choice:
    return Choice(replace(verdict_on(kind, ids, decision, bench), reason=reason), text)
