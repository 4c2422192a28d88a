"""Landmark -> label: each class of the landmark's item casts one vote; ties and doubts are named.

Pure functions over tables, for the label stage.
"""

from itertools import pairwise

import pandas as pd

# Sort order of the labels of one item: most votes, then fewest steps, then most specific class, then most specific
# anchor, then the label's priority; the first is the winner.
_ORDER = ["votes", "steps", "information_content", "anchor_information_content", "priority"]
_ASCENDING = [False, True, False, False, True]
_OF_CLASS = ["class_qid", "class_label", "status", "steps", "candidate_labels", "path_qids"]
_RULES = ["majority", "steps", "information_content", "information_content", "priority"]


def votes_of_items(statements: pd.DataFrame, class_labels: pd.DataFrame, taxonomy: pd.DataFrame) -> pd.DataFrame:
    """Every vote: one row for each labelled class of each item, best-rank statements only.

    Args:
        statements: item_qid, class_qid, is_best.
        class_labels: see pipeline/tables.py.
        taxonomy: hierarchical_label, priority.

    Returns:
        item_qid, class_qid, hierarchical_label, steps, information_content, anchor_information_content, priority,
        class_label, status, path_qids.
    """
    best = statements.loc[statements["is_best"], ["item_qid", "class_qid"]].drop_duplicates()
    labelled = class_labels[class_labels["hierarchical_label"].notna()].merge(
        taxonomy[["hierarchical_label", "priority"]], on="hierarchical_label", validate="m:1"
    )
    return best.merge(labelled, on="class_qid", validate="m:1")


def tally(votes: pd.DataFrame) -> pd.DataFrame:
    """Labels of every item that has a vote, the winner first.

    Returns:
        item_qid and hierarchical_label, both categorical, votes, and the columns of the order.
    """
    key = ["item_qid", "hierarchical_label"]
    # Categories are grouped and sorted by number; those made here stand in the order of their names.
    by_number = votes.astype(dict.fromkeys(key, "category"))
    counted = by_number.groupby(key, as_index=False, observed=True).agg(
        votes=("class_qid", "size"),
        steps=("steps", "min"),
        information_content=("information_content", "max"),
        anchor_information_content=("anchor_information_content", "max"),
        priority=("priority", "first"),
    )
    return counted.sort_values(["item_qid", *_ORDER, "hierarchical_label"], ascending=[True, *_ASCENDING, True])


def winners(votes: pd.DataFrame) -> pd.DataFrame:
    """The label of every item that has a vote, with the rule that decided and how sure it is.

    Returns:
        item_qid, hierarchical_label, supercategory, class_qid, path_qids, steps, rule, status, vote_labels,
        vote_counts, vote_share (the winner's, of all votes), candidate_label_count (labels that contest its class).
    """
    tallied = tally(votes).astype({"item_qid": "str", "hierarchical_label": "str"})
    is_first = ~tallied.duplicated("item_qid")
    first = tallied[is_first].assign(rule=_deciding_rule(tallied))
    supporters = votes.sort_values(
        ["item_qid", "information_content", "steps", "class_qid"], ascending=[True, False, True, True]
    ).drop_duplicates(["item_qid", "hierarchical_label"])
    chosen = (
        first[["item_qid", "hierarchical_label", "votes", "rule"]]
        .merge(
            supporters[["item_qid", "hierarchical_label", *_OF_CLASS]],
            on=["item_qid", "hierarchical_label"],
            validate="1:1",
        )
        .rename(columns={"class_label": "supercategory"})
    )
    rows_of = list(pairwise([*is_first.to_numpy().nonzero()[0].tolist(), len(tallied)]))  # first and last of an item
    labels, counts = tallied["hierarchical_label"].tolist(), tallied["votes"].tolist()
    chosen["vote_labels"] = [labels[start:end] for start, end in rows_of]
    chosen["vote_counts"] = [counts[start:end] for start, end in rows_of]
    chosen["vote_share"] = chosen["votes"] / chosen["vote_counts"].map(sum)
    chosen["candidate_label_count"] = chosen["candidate_labels"].map(lambda labels: len(set(labels)))
    agreed = (chosen["rule"] == "agreed") & (chosen["status"] == "resolved")
    chosen["status"] = agreed.map({True: "resolved", False: "contested"})
    return chosen.drop(columns=["votes", "candidate_labels"])


def _deciding_rule(tallied: pd.DataFrame) -> pd.Series:
    """Rule that tells the winner from the second label of each item; `agreed` when there is no second."""
    place = tallied.groupby("item_qid").cumcount()
    first = tallied[place == 0].set_index("item_qid")
    second = tallied[place == 1].set_index("item_qid").reindex(first.index)
    rule = pd.Series("priority", index=first.index)
    for column, name in reversed(list(zip(_ORDER, _RULES, strict=True))):
        rule = rule.mask(first[column] != second[column], name)
    rule = rule.mask(second["hierarchical_label"].isna(), "agreed")
    return pd.Series(rule.to_numpy(), index=tallied.index[place == 0])
