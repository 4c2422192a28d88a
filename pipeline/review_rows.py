"""Lines of the review page: what the queue stage listed, and what has been decided before."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pandas as pd

from annotations.review.desk import Row
from annotations.store import TABLES, settle
from annotations.verdicts import KINDS, TABLE_OF
from hierarchy import doubt, edges
from hierarchy.graph import ancestors_or_self, reached
from hierarchy.votes import votes_of_items, winners
from pipeline.queues import open_queue
from pipeline.workbench import Workbench

RowId = tuple[str, str]
LabelFinder = Callable[[tuple[str, ...]], tuple[str, ...]]
OF_VOTES = ("contested_class", "disagreeing_classes", "unreached")  # doubts of a landmark that its classes may settle


class Board:
    """The rows as they stand: which are decided, and which other decisions have settled since they were listed.

    Attributes:
        rows: every row by kind and key.
        listed: open and decided rows, most useful first.
    """

    def __init__(self, bench: Workbench) -> None:
        """List the rows.

        Raises:
            InputError: a queue is missing; `dvc repro` makes it.
        """
        self.rows = all_rows(bench)
        items = bench.landmarks.landmarks["item_qid"].tolist()
        places = {row_id: bench.place_of.get(_split_and_id(row_id)) for row_id in self.rows}
        self._item_of = {row_id: items[place] for row_id, place in places.items() if place is not None}
        self._moot: set[RowId] = set()
        self._fingerprints: dict[RowId, str] = {}
        self.listed = list(self.rows.values())

    def update(self, before: Workbench, after: Workbench) -> None:
        """Find anew which rows are decided and which are moot, after decisions."""
        if before.rules is not after.rules:
            self._fingerprints.clear()
        decided = self._decided(after)
        for row_id, row in self.rows.items():
            about = (row.kind, row.title) if row.kind == "landmarks" else row_id
            if row.is_decided != (about in decided):
                self.rows[row_id] = replace(row, is_decided=about in decided)
        self._find_moot(before, after)
        self.listed = [row for row_id, row in self.rows.items() if row.is_decided or row_id not in self._moot]

    def _decided(self, bench: Workbench) -> set[RowId]:
        """Kind and key, or category, of what has a verdict that keeps it out of the queue."""
        found = set()
        for kind in KINDS:
            table = TABLES[TABLE_OF[kind]]
            for row in bench.curated[TABLE_OF[kind]].to_dict("records"):
                row_id = (kind, "/".join(row[name] for name in table.id_columns))
                if row["decision"] != "unsure" or self._fingerprint(row_id, bench) == row["evidence_hash"]:
                    found.add((kind, "/".join(row[name] for name in table.subject_columns)))
        return found

    def _fingerprint(self, row_id: RowId, bench: Workbench) -> str:
        """Of the evidence; it changes only with the anchors while the page is open."""
        if row_id not in self._fingerprints:
            is_known = bench.names(row_id[0], _ids(row_id)) is not None
            self._fingerprints[row_id] = bench.evidence(row_id[0], _ids(row_id)) if is_known else ""
        return self._fingerprints[row_id]

    def _find_moot(self, before: Workbench, after: Workbench) -> None:
        """Doubts that the new labels of classes settle, or raise again."""
        if before.classes is after.classes:
            return
        old, new = before.classes.class_labels, after.classes.class_labels
        columns = ["hierarchical_label", "status"]
        differs = (old[columns].fillna("") != new[columns].fillna("")).any(axis=1)
        changed = frozenset(new.index[differs])
        votes = after.landmarks.votes
        items = frozenset(votes.loc[votes["class_qid"].isin(list(changed)), "item_qid"])
        resolved = _resolved(items, after)
        for row_id, row in self.rows.items():
            ids = _ids(row_id)
            if row.kind == "classes" and ids[0] in changed:
                is_moot = new.loc[ids[0], "status"] not in ("contested", "unreached")
            elif row.kind == "edges":
                is_moot = not after.has_parent(ids[0], ids[1])
            elif row.kind == "landmarks" and row.doubt in OF_VOTES and self._item_of.get(row_id) in items:
                is_moot = self._item_of[row_id] in resolved
            else:
                continue
            (self._moot.add if is_moot else self._moot.discard)(row_id)


def _ids(row_id: RowId) -> tuple[str, ...]:
    return tuple(row_id[1].split("/"))


def _split_and_id(row_id: RowId) -> tuple[str, str]:
    """Split and landmark id of a landmark's row; of other rows nothing that a landmark has."""
    first, _, second = row_id[1].partition("/")
    return first, second


def _resolved(items: frozenset[str], bench: Workbench) -> frozenset[str]:
    """Those of the items on whose label their classes agree now."""
    votes = bench.landmarks.votes
    own = votes[votes["item_qid"].isin(list(items))].astype("str").assign(is_best=True)
    cast = votes_of_items(own, bench.classes.class_labels.reset_index(drop=True), bench.rules.taxonomy)
    elected = winners(cast)
    return frozenset(elected.loc[elected["status"] == "resolved", "item_qid"])


def all_rows(bench: Workbench) -> dict[RowId, Row]:
    """Every open and every decided row, most useful first.

    Raises:
        InputError: a queue is missing; `dvc repro` makes it.
    """
    rows: list[Row] = []
    for kind in KINDS:
        queue, labels_of = open_queue(kind, bench.curated), label_finder(kind, bench)
        rows += _open_rows(kind, queue, labels_of, bench)
        rows += _decided_rows(kind, queue, labels_of, bench)
    rows.sort(key=lambda row: (row.is_decided, -row.image_count * row.uncertainty, row.kind, row.key))
    return {(row.kind, row.key): row for row in rows}


def title_of(kind: str, names: tuple[str, ...]) -> str:
    """What a person calls it."""
    return " → ".join(names) if kind == "edges" else names[0]


def _open_rows(kind: str, queue: pd.DataFrame, labels_of: LabelFinder, bench: Workbench) -> Iterator[Row]:
    said = [queue[name].tolist() for name in ("doubt", "why", "image_count", "landmark_count", "uncertainty")]
    for ids, doubt_id, why, image_count, landmark_count, uncertainty in zip(_ids_of(kind, queue), *said, strict=True):
        names = bench.names(kind, ids)
        if names is not None:  # of a queue that was made from other tables
            title, labels = title_of(kind, names), labels_of(ids)
            yield Row(kind, "/".join(ids), title, doubt_id, why, labels, image_count, landmark_count, uncertainty)


def _ids_of(kind: str, rows: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """What each row is about, as text."""
    columns = [map(str, rows[name].tolist()) for name in TABLES[TABLE_OF[kind]].id_columns]
    return zip(*columns, strict=True)


def label_finder(kind: str, bench: Workbench) -> LabelFinder:
    """A function that finds the labels that something of this kind may get, the one it has first."""
    labels = bench.classes.class_labels
    if kind == "classes":
        candidates = dict(zip(labels.index, labels["candidate_labels"], strict=True))
        return lambda ids: tuple(dict.fromkeys(candidates[ids[0]]))
    if kind == "edges":
        label_of = labels["hierarchical_label"].dropna().to_dict()
        return lambda ids: tuple(dict.fromkeys(label_of[qid] for qid in ids if qid in label_of))
    labelled = bench.found["landmark_labels"]
    proposed = labelled["proposed_label"].dropna().to_dict()
    votes = list(labelled["vote_labels"])

    def of_landmark(ids: tuple[str, ...]) -> tuple[str, ...]:
        place = bench.place_of[ids[0], ids[1]]
        return tuple(dict.fromkeys([*([proposed[place]] if place in proposed else []), *votes[place]]))

    return of_landmark


def _decided_rows(kind: str, queue: pd.DataFrame, labels_of: LabelFinder, bench: Workbench) -> Iterator[Row]:
    """What has a verdict and is known here."""
    table = TABLES[TABLE_OF[kind]]
    is_open = set(_ids_of(kind, queue))  # an `unsure` on other evidence is open again, so it stands there
    decided = settle(bench.curated[TABLE_OF[kind]], table.id_columns)
    counts = _counts(kind, decided, bench)
    for record in decided.to_dict("records"):
        ids = tuple(record[name] for name in table.id_columns)
        names = bench.names(kind, ids)
        if names is None or ids in is_open:
            continue
        landmark_count, image_count = counts.get(ids, (0, 0))
        said = " ".join(filter(None, (record["decision"], record.get("hierarchical_label", ""))))
        why, key = f"{said}, by {record['reviewer']}", "/".join(ids)
        labels = labels_of(ids)
        title = title_of(kind, names)
        yield Row(kind, key, title, "decided", why, labels, image_count, landmark_count, 0.0, is_decided=True)


def _counts(kind: str, decided: pd.DataFrame, bench: Workbench) -> dict[tuple[str, ...], tuple[int, int]]:
    """Landmarks and images that each decision touches."""
    if kind == "landmarks":
        images = bench.landmarks.landmarks["image_count"]
        keys = decided[["split", "landmark_id"]].itertuples(index=False, name=None)
        return {key: (1, int(images.iloc[bench.place_of[key]])) for key in keys if key in bench.place_of}
    column = "class_qid" if kind == "classes" else "child_qid"
    below = _items_below(decided[column], bench)
    sums = below.groupby("child_qid")[["landmark_count", "image_count"]].sum()
    of_class = {str(qid): (int(row.landmark_count), int(row.image_count)) for qid, row in sums.iterrows()}
    keys = decided[TABLES[TABLE_OF[kind]].id_columns].itertuples(index=False, name=None)
    return {key: of_class.get(key[0], (0, 0)) for key in keys}


def _items_below(children: pd.Series, bench: Workbench) -> pd.DataFrame:
    """Items at or below each of the classes; only what lies there is looked at."""
    graph, votes, rows = bench.classes.graph, bench.landmarks.votes, bench.landmarks.landmarks
    below = reached((qid for qid in children if qid in graph), graph.predecessors)
    own = votes[votes["class_qid"].isin(list(below))].astype("str")
    landmarks = rows[rows["item_qid"].isin(own["item_qid"].tolist())].astype({"item_qid": "str", "category": "str"})
    items = doubt.items_of_classes(own.assign(is_best=True), landmarks)
    return edges.items_below(children, ancestors_or_self(graph), items)
