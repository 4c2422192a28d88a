"""Where the project stands under the decisions as they lie on disk now, and where it would stand under others.

For `hgld decide`, `hgld check` and the review page. What the stages found is read once; decisions are laid over it
again whenever they change, so that nobody waits for `dvc repro` to see what a verdict does.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from annotations import laws, store
from annotations.deciding import Insertion
from annotations.verdicts import TABLE_OF
from hierarchy.consequences import LandmarkState, after_classes, after_landmarks, landmark_state
from hierarchy.evidence import edge_fingerprint, landmark_evidence
from hierarchy.graph import class_graph
from hierarchy.relabel import ClassState, Rules, relabel, undecided_state
from pipeline import tables
from pipeline.curation import landmark_decisions_path, settled
from pipeline.files import read_table
from pipeline.garbage import uncollected
from pipeline.params import read_params
from pipeline.step3_hierarchy import listed_classes

Tables = dict[str, pd.DataFrame]
DECISIONS = ("class_decisions", "edge_decisions", "landmark_decisions")
# Tables, each without the columns that nobody asks of a workbench: reading those of 300,000 landmarks takes long.
_READ: dict[str, tuple[str, ...]] = {
    "landmark_labels": ("path_qids", "vote_counts"),
    "landmark_items": ("latitude", "longitude"),
    "statements": (),
    "class_edges": (),
    "entities": (),
}
_ENDS = ["child_qid", "parent_qid"]
_GIVEN_OTHERWISE = ("text", "visual")  # rules of labels that no vote gave


@dataclass(frozen=True)
class Workbench:
    """What the stages found, what people decided, and the labels that follow.

    Attributes:
        found: tables of the stages by name.
        curated: curated tables as annotations.store.read gives them.
        rules: what decisions do not change.
        classes: every class under the decisions.
        landmarks: every landmark under the decisions.
        place_of: row of every landmark in its tables, by split and id as text.
        known_qids: every class and item.
        paths: where each curated table lies.
        wikidata_parents: parents that Wikidata gives each class, sorted.
        fingerprints: of the evidence about each class.
        withholds: labels that are not sure enough are not given.
    """

    found: Tables
    curated: Tables
    rules: Rules
    classes: ClassState
    landmarks: LandmarkState
    place_of: dict[tuple[str, ...], int]
    known_qids: frozenset[str]
    paths: dict[str, Path]
    wikidata_parents: dict[str, list[str]]
    fingerprints: dict[str, str]
    withholds: bool

    def names(self, kind: str, ids: tuple[str, ...]) -> tuple[str, ...] | None:
        """Human labels of the ids; None where there is no such class, edge or landmark.

        A verdict that only adds a parent names no edge: its second id is empty.
        """
        if kind == "landmarks":
            place = self.place_of.get(ids)
            return (self._categories[place],) if place is not None else None
        if len(ids) != len(store.TABLES[TABLE_OF[kind]].id_columns):
            return None
        labels = self._class_names
        known = [qid for qid in ids if qid in labels or not qid]
        is_there = kind == "classes" or not ids[1] or self._is_edge((ids[0], ids[1]))
        if len(known) < len(ids) or not ids[0] or not is_there:
            return None
        return tuple(labels[qid] if qid else "" for qid in ids)

    # Lists and dictionaries: one value out of a frame takes a hundred times as long, and a page lists 100,000 rows.
    @cached_property
    def _categories(self) -> list[str]:
        return [str(title) for title in self.landmarks.landmarks["category"].tolist()]

    @cached_property
    def _class_names(self) -> dict[str, str]:
        labels = self.classes.class_labels
        return dict(zip(labels.index, map(str, labels["class_label"]), strict=True))

    def evidence(self, kind: str, ids: tuple[str, ...]) -> str:
        """Fingerprint of the evidence today."""
        if kind == "classes":
            return self.fingerprints[ids[0]]
        if kind == "edges":
            return edge_fingerprint(ids[0], ids[1], self.wikidata_parents.get(ids[0], []), self.fingerprints)
        place = self.place_of[ids[0], ids[1]]
        return landmark_evidence(self.found["landmark_items"].iloc[[place]], self.found["statements"])[0]

    def has_parent(self, child_qid: str, parent_qid: str) -> bool:
        """Whether the edge is in use."""
        return bool(self.classes.graph.has_edge(child_qid, parent_qid))

    def _is_edge(self, edge: tuple[str, str]) -> bool:
        return edge in self.rules.wikidata_edges or self.has_parent(*edge)


def paths() -> dict[str, Path]:
    """Where each curated table lies."""
    names = ("taxonomy", "anchors", "reviewers", "class_decisions", "edge_decisions")
    own = {name: store.FOLDER / f"{name}.csv" for name in names}
    return own | {"landmark_decisions": landmark_decisions_path(read_params().source)}


def read_curated() -> Tables:
    """Every table that verdicts depend on, lawful but for conflicts, which verdicts may settle.

    Raises:
        annotations.store.CurationError: listing every broken law.
    """
    curated = {name: store.read(name, path) for name, path in paths().items()}
    broken = [problem for law in laws.LAWS if law is not laws.verdicts_do_not_conflict for problem in law(curated)]
    if broken:
        raise store.CurationError(broken)
    return curated


@uncollected()
def open_workbench(curated: Tables | None = None) -> Workbench:
    """Read what the stages found, and label everything under the decisions.

    Args:
        curated: tables as annotations.store.read gives them; None for those on disk, which must be lawful.

    Raises:
        InputError: a table of the stages is missing; `dvc repro` makes it.
        annotations.store.CurationError: a curated table breaks a law.
    """
    found = {name: read_table(getattr(tables, name.upper()), without) for name, without in _READ.items()}
    return _from_the_start(found, read_curated() if curated is None else curated)


def _from_the_start(found: Tables, curated: Tables) -> Workbench:
    known_qids = frozenset(found["entities"]["qid"].tolist())
    decided = settled(curated, known_qids)
    taxonomy = curated["taxonomy"].astype({"priority": "int64"})
    rules = Rules(frozenset(_pairs(found["class_edges"])), taxonomy, curated["anchors"])
    classes = _classes(found, rules, decided)
    labels = classes.class_labels
    landmarks = landmark_state(found["statements"], labels, taxonomy, _landmarks(found), _settled_landmarks(curated))
    numbers = map(str, landmarks.landmarks["landmark_id"].tolist())
    keys = zip(landmarks.landmarks["split"].tolist(), numbers, strict=True)
    place_of: dict[tuple[str, ...], int] = {key: place for place, key in enumerate(keys)}
    parents: dict[str, list[str]] = {}
    for child, parent in sorted(rules.wikidata_edges):
        parents.setdefault(child, []).append(parent)
    withholds = read_params().label.min_confidence > 0
    prints = labels["evidence_hash"].to_dict()
    return Workbench(
        found, curated, rules, classes, landmarks, place_of, known_qids, paths(), parents, prints, withholds
    )


def _classes(found: Tables, rules: Rules, decided: Tables) -> ClassState:
    """Every class under the decisions, laid over what holds without any."""
    edges, decisions = found["class_edges"], decided["edge_decisions"]
    added = decisions.loc[decisions["decision"] == "add", _ENDS]
    undecided = undecided_state(edges, listed_classes(found["entities"], pd.concat([edges[_ENDS], added])), rules)
    dtypes = {column.name: column.pandas_dtype for column in tables.CLASS_LABELS.columns}
    undecided = replace(undecided, class_labels=undecided.class_labels[list(dtypes)].astype(dtypes))
    return relabel(undecided, rules, decided["class_decisions"], decisions).state


def _pairs(edges: pd.DataFrame) -> Iterator[tuple[str, str]]:
    return zip(edges["child_qid"].tolist(), edges["parent_qid"].tolist(), strict=True)


def graph_table(bench: Workbench) -> pd.DataFrame:
    """Edges of Wikidata, and added ones, those that are removed included; see class_graph in pipeline/tables.py."""
    return class_graph(bench.found["class_edges"], bench.classes.edge_decisions)


def _landmarks(found: Tables) -> pd.DataFrame:
    """Landmarks as `LandmarkState` has them, in the order of landmark_labels."""
    labelled = found["landmark_labels"]
    other = labelled["hierarchical_label"].where(labelled["rule"].isin(_GIVEN_OTHERWISE), None)
    names = ["split", "landmark_id", "category", "item_qid", "image_count"]
    return labelled[names].assign(other_label=other, is_withheld=labelled["status"] == "withheld")


def _settled_landmarks(curated: Tables) -> pd.DataFrame:
    return store.settle(curated["landmark_decisions"], store.TABLES["landmark_decisions"].subject_columns)


def under(bench: Workbench, curated: Tables) -> Workbench:
    """The workbench under other curated tables."""
    fixed = ("taxonomy", "anchors")
    if not all(_is_same(bench.curated[name], curated[name]) for name in fixed):
        return _from_the_start(bench.found, curated)
    classes, landmarks = bench.classes, bench.landmarks
    if any(curated[name] is not bench.curated[name] for name in ("class_decisions", "edge_decisions")):
        decided = settled(curated, bench.known_qids)
        relabelled = relabel(bench.classes, bench.rules, decided["class_decisions"], decided["edge_decisions"])
        classes, landmarks = relabelled.state, after_classes(landmarks, relabelled, bench.rules.taxonomy)
    if curated["landmark_decisions"] is not bench.curated["landmark_decisions"]:
        landmarks = after_landmarks(landmarks, _settled_landmarks(curated))
    return replace(bench, curated=curated, classes=classes, landmarks=landmarks)


def without_verdicts_on(bench: Workbench, class_qid: str) -> Workbench:
    """The workbench as it would be if nobody had decided about this class."""
    decisions = bench.curated["class_decisions"]
    others = decisions[decisions["class_qid"] != class_qid]
    return bench if len(others) == len(decisions) else under(bench, bench.curated | {"class_decisions": others})


def after(bench: Workbench, insertion: Insertion) -> Workbench:
    """The workbench with the insertion made."""
    table = insertion.after.assign(where=str(bench.paths[insertion.name]))
    return under(bench, bench.curated | {insertion.name: table})


def _is_same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    return one is other or bool(one.drop(columns="where").equals(other.drop(columns="where")))
