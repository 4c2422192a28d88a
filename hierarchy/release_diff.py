"""What changed between two releases: every landmark that is added, removed or moved to another label, and why.

Pure functions over tables, for `hgld diff`. Added is labelled now and not before, removed the other way round. The
label of a landmark follows from the votes of its item's classes, so the cause is looked for there: the vote, statement
or item but for which the old label would stand. Each distinct case is looked at once, and so is each class.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from hierarchy.causes import Cause
from hierarchy.class_causes import cause_of_class, class_graph_of, two_graphs
from hierarchy.vote_causes import ITEM, Case, decisive_vote, votes_of

KEY = ["split", "landmark_id"]
# What a landmark's label follows from, and what a person knows it by.
_FACTS = ["category", "hierarchical_label", "supercategory", "item_qid", "class_qid", "rule", "status", "reviewed"]
_TIE_RULES = ("information_content", "priority")
_OTHER_RULES = ("text", "visual")


@dataclass(frozen=True)
class ReleaseTables:
    """Tables of a release that the diff reads, as pipeline/release_tables.py declares them; labels of both splits."""

    labels: pd.DataFrame
    classes: pd.DataFrame
    class_edges: pd.DataFrame
    item_classes: pd.DataFrame


def compare_releases(old: ReleaseTables, new: ReleaseTables) -> pd.DataFrame:
    """Landmarks whose label is not the same in both releases.

    Returns:
        change (added, moved or removed), split, landmark_id, category, old and new label (null: none), class_qid and
        class_label (of the new label, else of the old one; null: it came from no class), reason_kind (decision, data
        or rule), reason in words, image_count (in the new release, else in the old one); sorted by change and key.
    """
    found = _relabelled(old.labels, new.labels)
    before, after = found["hierarchical_label_old"], found["hierarchical_label_new"]
    result = pd.DataFrame(
        {
            "change": np.select([before.isna(), after.isna()], ["added", "removed"], "moved"),
            **{name: found[name] for name in KEY},
            "category": _latest(found, "category"),
            "old": before,
            "new": after,
            "class_qid": _latest(found, "class_qid"),
            "class_label": _latest(found, "supercategory"),
            **_reasons(found, old, new),
            "image_count": _latest(found, "image_count").astype("int64"),
        }
    )
    return result.sort_values(["change", *KEY]).reset_index(drop=True)


def _relabelled(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """The landmarks with another label, with their facts in both releases as columns *_old and *_new, and presence."""
    names, ends = [*KEY, "hierarchical_label"], ("_old", "_new")
    both = old[names].merge(new[names], on=KEY, how="outer", suffixes=ends, indicator="presence", validate="1:1")
    is_other = both["hierarchical_label_old"].fillna("") != both["hierarchical_label_new"].fillna("")
    # Most landmarks keep their label, and what else is known of them need not be put side by side.
    found, facts = both.loc[is_other, [*KEY, "presence"]], [*KEY, *_FACTS, "image_count"]
    found = found.merge(old[facts], on=KEY, how="left", validate="1:1")
    return found.merge(new[facts], on=KEY, how="left", suffixes=ends, validate="1:1")


def _latest(found: pd.DataFrame, name: str) -> pd.Series:
    return found[f"{name}_new"].fillna(found[f"{name}_old"])


def _reasons(found: pd.DataFrame, old: ReleaseTables, new: ReleaseTables) -> dict[str, np.ndarray]:
    """reason_kind and reason of every row: the first of these that holds."""
    is_gone, is_new = (found["presence"] == side for side in ("left_only", "right_only"))
    was_decided, is_decided = found["reviewed_old"].eq(True), found["reviewed_new"].eq(True)
    causes = _causes_by_votes(found, ~(is_gone | is_new | was_decided | is_decided), old, new)
    kinds = pd.Series([cause.kind if cause else "" for cause in causes], index=found.index, dtype="str")
    words = pd.Series([cause.words if cause else "" for cause in causes], index=found.index, dtype="str")
    is_withheld, was_withheld = found["status_new"] == "withheld", found["status_old"] == "withheld"
    rule = found["rule_new"].where(found["rule_new"].isin(_OTHER_RULES), found["rule_old"])
    ties = found["rule_new"].isin(_TIE_RULES) | found["rule_old"].isin(_TIE_RULES)
    rows: list[tuple[pd.Series, str | pd.Series, str | pd.Series]] = [
        (is_gone, "data", "landmark gone from the release"),
        (is_new, "data", "landmark new in the release"),
        (was_decided & is_decided, "decision", "another decision on the landmark"),
        (is_decided, "decision", "decision on the landmark"),
        (was_decided, "decision", "decision on the landmark withdrawn"),
        (words == ITEM.what, "data", _other_item(found)),
        (words != "", kinds, words),
        (found["category_old"] != found["category_new"], "data", _other_item(found)),
        (is_withheld, "rule", "withheld: its label is not sure enough for the release"),
        (was_withheld, "rule", "no longer withheld: its label is sure enough for the release"),
        (rule.isin(_OTHER_RULES), "rule", "the " + rule.fillna("") + " rule decides otherwise"),
        (ties, "rule", "votes for several labels tie, and what tells them apart has changed"),
    ]
    holds = [condition.to_numpy() for condition, _, _ in rows]
    unknown = "no fact or decision in the releases explains it, so a rule or parameter has changed"
    return {
        "reason_kind": np.select(holds, [kind for _, kind, _ in rows], "rule"),
        "reason": np.select(holds, [text for _, _, text in rows], unknown),
    }


def _other_item(found: pd.DataFrame) -> pd.Series:
    """Words for another item, or for another category, which brings one."""
    before, after = found["item_qid_old"], found["item_qid_new"]
    words = "item " + before.fillna("") + " -> " + after.fillna("")
    words = words.mask(before.isna(), "item " + after.fillna("") + " found")
    words = words.mask(after.isna(), "item " + before.fillna("") + " no longer found")
    categories = "category " + found["category_old"].fillna("") + " -> " + found["category_new"].fillna("")
    return words.mask(found["category_old"] != found["category_new"], categories)


def _causes_by_votes(
    found: pd.DataFrame, is_asked: pd.Series, old: ReleaseTables, new: ReleaseTables
) -> list[Cause | None]:
    """Cause that the votes show for the rows asked about; None where they show none."""
    old_votes, new_votes = votes_of(old.classes), votes_of(new.classes)
    names = _names(old.classes) | _names(new.classes)
    graphs = two_graphs(
        class_graph_of(old.classes, old.class_edges), class_graph_of(new.classes, new.class_edges), names
    )

    @cache
    def of_class(qid: str) -> Cause:
        return cause_of_class(graphs, qid)

    @cache
    def of_case(case: Case) -> Cause | None:
        change = decisive_vote(case, old_votes, new_votes)
        if change is None or change.what == "vote":
            return change and of_class(change.class_qid)
        if change == ITEM:
            return Cause("data", ITEM.what)  # the words differ by landmark
        since = "now" if change.class_qid in case.new_classes else "no longer"
        return Cause("data", f"item is {since} an instance of {graphs.called(change.class_qid)} in Wikidata")

    cases = _cases(found, old, new)
    return [of_case(case) if asked else None for case, asked in zip(cases, is_asked, strict=True)]


def _cases(found: pd.DataFrame, old: ReleaseTables, new: ReleaseTables) -> list[Case]:
    """The case of every row."""
    classes = [
        _classes_of(found[f"item_qid_{when}"], tables.item_classes) for when, tables in (("old", old), ("new", new))
    ]
    chosen = [found[f"class_qid_{when}"].fillna("") for when in ("old", "new")]
    is_other_item = found["item_qid_old"].fillna("") != found["item_qid_new"].fillna("")
    is_withheld = found[["status_old", "status_new"]].eq("withheld").any(axis=1)
    return [
        Case(before, after, tuple(filter(None, (old_class, new_class))), is_other, withheld)
        for before, after, old_class, new_class, is_other, withheld in zip(
            *classes, *chosen, is_other_item, is_withheld, strict=True
        )
    ]


def _classes_of(items: pd.Series, item_classes: pd.DataFrame) -> list[tuple[str, ...]]:
    """Classes of each item, sorted."""
    wanted = item_classes[item_classes["item_qid"].isin(items)].sort_values(["item_qid", "class_qid"])
    of_item: dict[str, list[str]] = {}
    for item_qid, class_qid in zip(wanted["item_qid"], wanted["class_qid"], strict=True):
        of_item.setdefault(item_qid, []).append(class_qid)
    return [tuple(of_item.get(item_qid, ())) for item_qid in items]


def _names(classes: pd.DataFrame) -> dict[str, str]:
    return dict(zip(classes["class_qid"], classes["class_label"], strict=True))
