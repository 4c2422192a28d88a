"""Landmarks that a decision moves from one label to another, found without voting again for all of them.

For the review page and `hgld decide`. The slow way is `hierarchy.votes.winners` and `hierarchy.landmarks`, over
everything; tests hold the two against each other.
"""

from collections import ChainMap
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from hierarchy.relabel import Relabelled
from hierarchy.votes import tally, votes_of_items

EXAMPLES = 3
_OF_VOTES = ["class_qid", "hierarchical_label", "steps", "information_content", "anchor_information_content"]
MAX_LAYERS = 8  # of labels by item; more are laid together, so that looking one up stays fast


@dataclass(frozen=True)
class LandmarkState:
    """Every landmark under one set of decisions.

    Attributes:
        votes: item_qid, class_qid, both categorical; each class of an item once, best-rank statements only.
        item_labels: label by item, empty or absent for an item without a vote; what was found last lies on top.
        open_items: items whose classes vote for several labels.
        landmarks: split, landmark_id, category, item_qid, image_count, other_label (label that no vote gave: from the
            title or the images), is_withheld (its label is not sure enough to be given).
        decided: category to its label, empty for a landmark that is to have none.
        labels: label of each row of landmarks, empty for none; categorical, so that two states are soon compared.
    """

    votes: pd.DataFrame
    item_labels: ChainMap[str, str]
    open_items: frozenset[str]
    landmarks: pd.DataFrame
    decided: dict[str, str]
    labels: pd.Series


def landmark_state(
    statements: pd.DataFrame,
    class_labels: pd.DataFrame,
    taxonomy: pd.DataFrame,
    landmarks: pd.DataFrame,
    landmark_decisions: pd.DataFrame,
) -> LandmarkState:
    """All landmarks, voted for from the start.

    Args:
        statements: see pipeline/tables.py.
        class_labels: see there.
        taxonomy: hierarchical_label, priority.
        landmarks: as in `LandmarkState`.
        landmark_decisions: category, decision, hierarchical_label; one row a category.
    """
    # Membership is asked of all rows at every step; on categories it is a look at numbers.
    votes = _by_number(statements.loc[statements["is_best"], ["item_qid", "class_qid"]], "item_qid", "class_qid")
    votes, landmarks = votes.drop_duplicates(ignore_index=True), _by_number(landmarks, "item_qid", "category")
    item_labels, open_items = _elected(votes, class_labels, taxonomy)
    empty = LandmarkState(votes, ChainMap(item_labels), open_items, landmarks, {}, pd.Series(dtype=object))
    state = replace(empty, decided=decided_labels(landmark_decisions))
    known = pd.CategoricalDtype(["", *taxonomy["hierarchical_label"]])
    return replace(state, labels=pd.Series(_labels_of(state, landmarks), index=landmarks.index, dtype=known))


def decided_labels(landmark_decisions: pd.DataFrame) -> dict[str, str]:
    """Label that people gave each category, empty where they said that it has none."""
    sure = landmark_decisions[landmark_decisions["decision"].isin(["assign", "reject"])]
    return dict(zip(sure["category"], sure["hierarchical_label"], strict=True))


def after_classes(state: LandmarkState, relabelled: Relabelled, taxonomy: pd.DataFrame) -> LandmarkState:
    """The landmarks after their classes were labelled anew."""
    labels = relabelled.state.class_labels
    touched = set(state.votes.loc[state.votes["class_qid"].isin(list(relabelled.changed)), "item_qid"])
    if relabelled.shifted:  # ties between labels are broken by information content, of the class or of its anchor
        is_shifted = labels["class_qid"].isin(relabelled.shifted) | labels["anchor_qid"].isin(relabelled.shifted)
        of_shifted = state.votes["class_qid"].isin(labels.loc[is_shifted, "class_qid"].tolist())
        touched |= state.open_items.intersection(state.votes.loc[of_shifted, "item_qid"])
    if not touched:
        return state
    votes = state.votes[state.votes["item_qid"].isin(list(touched))].astype("str")
    item_labels, open_items = _elected(votes, labels, taxonomy)
    found = {item: item_labels.get(item, "") for item in touched}
    known = state.item_labels if len(state.item_labels.maps) < MAX_LAYERS else ChainMap(dict(state.item_labels))
    layered = ChainMap(found, *known.maps)
    after = replace(state, item_labels=layered, open_items=(state.open_items - touched) | open_items)
    return _with_labels(after, state.landmarks["item_qid"].isin(list(touched)))


def after_landmarks(state: LandmarkState, landmark_decisions: pd.DataFrame) -> LandmarkState:
    """The landmarks after other decisions about them."""
    decided = decided_labels(landmark_decisions)
    changed = {key for key, _ in decided.items() ^ state.decided.items()}
    if not changed:
        return state
    return _with_labels(replace(state, decided=decided), state.landmarks["category"].isin(list(changed)))


def moved(before: LandmarkState, after: LandmarkState) -> pd.DataFrame:
    """Landmarks whose label is another one.

    Returns:
        split, landmark_id, category, image_count, old, new; empty text for no label.
    """
    differs = before.labels.cat.codes != after.labels.cat.codes
    old, new = (state.labels[differs].astype("str") for state in (before, after))
    names = ["split", "landmark_id", "category", "image_count"]
    return before.landmarks.loc[differs, names].astype({"category": "str"}).assign(old=old, new=new)


def summary(moves: pd.DataFrame) -> pd.DataFrame:
    """Moves by label, most images first: old, new, landmark_count, image_count, examples (categories)."""
    order = moves.sort_values(["image_count", "category"], ascending=[False, True])
    groups = order.groupby(["old", "new"], as_index=False).agg(
        landmark_count=("landmark_id", "size"),
        image_count=("image_count", "sum"),
        examples=("category", lambda categories: list(dict.fromkeys(categories))[:EXAMPLES]),
    )
    return groups.sort_values(["image_count", "old", "new"], ascending=[False, True, True], ignore_index=True)


def _elected(
    votes: pd.DataFrame, class_labels: pd.DataFrame, taxonomy: pd.DataFrame
) -> tuple[dict[str, str], frozenset[str]]:
    """Label of every item with a vote, and the items that voted for several."""
    thin = class_labels[_OF_VOTES].reset_index(drop=True)
    cast = votes_of_items(votes.astype({"class_qid": "str"}).assign(is_best=True), thin, taxonomy)
    tallied = tally(cast)
    elected = tallied.drop_duplicates("item_qid")
    labels = dict(zip(elected["item_qid"].tolist(), elected["hierarchical_label"].tolist(), strict=True))
    return labels, frozenset(tallied.loc[tallied.duplicated("item_qid"), "item_qid"].tolist())


def _by_number(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The frame with these columns as categories, which stand as they come: sorting them would take longest."""
    found = {name: pd.factorize(frame[name]) for name in names}
    return frame.assign(**{name: pd.Categorical.from_codes(*numbered) for name, numbered in found.items()})


def _labels_of(state: LandmarkState, landmarks: pd.DataFrame) -> list[str]:
    """Label of each of the landmarks: that of people, else of the votes, else of the title or the images."""
    others, names = landmarks["other_label"].fillna(""), ("category", "item_qid", "is_withheld")
    rows = zip(*(landmarks[name].tolist() for name in names), others.tolist(), strict=True)
    # Many are looked up faster in one dictionary than in layers; a few are not worth laying them together.
    voted = dict(state.item_labels) if len(landmarks) > len(state.landmarks) // 2 else state.item_labels
    return [
        state.decided.get(category, "" if is_withheld else voted.get(item) or other)
        for category, item, is_withheld, other in rows
    ]


def _with_labels(state: LandmarkState, rows: Iterable[bool]) -> LandmarkState:
    """The state with the labels of these rows found anew."""
    labels = state.labels.copy()
    some = state.landmarks[rows]
    labels.loc[some.index] = _labels_of(state, some)
    return replace(state, labels=labels)
