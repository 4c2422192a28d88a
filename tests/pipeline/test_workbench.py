"""The workbench says what the stages say, however it came to the tables: at once, step by step, there and back."""

import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from annotations.store import CurationError
from annotations.verdicts import KINDS
from pipeline import tables, workbench
from pipeline.curation import settled
from pipeline.errors import InputError
from pipeline.files import conform, read_table
from pipeline.queues import QUEUES
from pipeline.step3_hierarchy import build
from pipeline.workbench import Tables, Workbench
from tests.curating import TODAY, put, read

STEPS = 9


def plain(frame: pd.DataFrame) -> dict[str, Any]:
    """Rows by class, every kind of null as None."""
    cells = frame.astype(object).where(frame.notna(), None)
    return {str(row["class_qid"]): row for row in cells.to_dict("records")}


def given(labels: Mapping[str, str]) -> dict[str, str]:
    """The items with a label; one that has lost its label may stand there without."""
    return {item: label for item, label in labels.items() if label}


def labels_of_the_stage(found: Tables, curated: Tables) -> dict[str, Any]:
    """The slow way: every class labelled under the decisions at once."""
    decided = settled(curated, frozenset(found["entities"]["qid"]))
    taxonomy = curated["taxonomy"].astype({"priority": "int64"})
    _, labels = build(found["class_edges"], found["entities"], curated | decided | {"taxonomy": taxonomy})
    return plain(conform(labels, tables.CLASS_LABELS))


def assert_same(one: Workbench, other: Workbench) -> None:
    assert plain(one.classes.class_labels) == plain(other.classes.class_labels)
    assert set(one.classes.graph.edges) == set(other.classes.graph.edges)
    assert one.classes.content == pytest.approx(other.classes.content)
    assert one.landmarks.labels.tolist() == other.landmarks.labels.tolist()
    assert given(one.landmarks.item_labels) == given(other.landmarks.item_labels)
    assert one.landmarks.open_items == other.landmarks.open_items
    assert one.fingerprints == other.fingerprints


# ------------------------------------------------------------------------------------------- the tables on disk
def test_labels_under_the_tables_on_disk_are_those_of_the_stages(in_sample: Path, sample_bench: Workbench) -> None:
    assert in_sample.exists()
    labelled = read_table(tables.LANDMARK_LABELS)
    assert labelled["hierarchical_label"].notna().sum() > 200
    assert sample_bench.landmarks.labels.tolist() == labelled["hierarchical_label"].fillna("").tolist()
    assert plain(sample_bench.classes.class_labels) == plain(read_table(tables.CLASS_LABELS))
    edges = read_table(tables.CLASS_GRAPH)
    assert set(sample_bench.classes.graph.edges) == set(
        edges.loc[~edges["is_removed"], ["child_qid", "parent_qid"]].itertuples(index=False, name=None)
    )


def test_links_stand_in_the_order_of_the_labels(in_sample: Path) -> None:
    """Evidence of a landmark is looked up by the place of its label."""
    assert in_sample.exists()
    links, labelled = read_table(tables.LANDMARK_ITEMS), read_table(tables.LANDMARK_LABELS)
    key = ["split", "landmark_id"]
    assert links[key].to_dict("records") == labelled[key].to_dict("records")


@pytest.mark.parametrize("kind", KINDS)
def test_names_and_evidence_are_those_of_the_queue(in_sample: Path, sample_bench: Workbench, kind: str) -> None:
    assert in_sample.exists()
    queue = read_table(QUEUES[kind])
    assert len(queue) > 40
    names = {"classes": ["class_label"], "edges": ["child_label", "parent_label"], "landmarks": ["category"]}[kind]
    for row in queue.astype("str").to_dict("records"):
        ids = tuple(row[name] for name in QUEUES[kind].key)
        assert sample_bench.names(kind, ids) == tuple(row[name] for name in names)
        assert sample_bench.evidence(kind, ids) == row["evidence_hash"]


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        ("classes", ()),
        ("classes", ("",)),
        ("classes", ("Q0",)),
        ("classes", ("Q1759852", "Q1107656")),
        ("classes", ("900158",)),
        ("edges", ("Q1759852",)),
        ("edges", ("", "Q1107656")),
        ("edges", ("Q1107656", "Q1759852")),  # the other way round
        ("edges", ("Q1759852", "Q1107656", "")),
        ("landmarks", ("train",)),
        ("landmarks", ("train", "900158", "1")),
        ("landmarks", ("train", "0900158")),
        ("landmarks", ("test", "900158")),
        ("landmarks", ("train", "900158 ")),
    ],
)
def test_what_is_not_there_has_no_names(sample_bench: Workbench, kind: str, ids: tuple[str, ...]) -> None:
    assert sample_bench.names(kind, ids) is None


def test_a_class_that_only_gets_a_parent_has_a_name(sample_bench: Workbench) -> None:
    assert sample_bench.names("edges", ("Q1759852", "")) == ("sculpture garden", "")
    assert sample_bench.names("edges", ("Q1759852", "Q1107656")) == ("sculpture garden", "garden")


# ---------------------------------------------------------------------------------------------- other decisions
def random_tables(bench: Workbench, seed: int) -> Iterator[Tables]:
    """Curated tables, each a few rows away from the one before: verdicts given, changed and taken back."""
    draw = random.Random(seed)
    labels = bench.curated["taxonomy"]["hierarchical_label"].tolist()
    classes = bench.classes.class_labels
    votes = sorted(set(bench.landmarks.votes["class_qid"]))
    voting = [qid for qid in votes if qid in classes.index]
    met = sorted({qid for paths in classes.loc[voting, "path_qids"] for qid in paths} | set(voting))
    edges = sorted(edge for edge in bench.rules.wikidata_edges if edge[0] in set(met))
    categories = bench.landmarks.landmarks.astype({"landmark_id": "str", "category": "str"})
    keys = list(categories[["split", "landmark_id", "category"]].itertuples(index=False, name=None))
    signed = {"reviewer": "hgldv2", "reviewed_on": TODAY, "evidence_hash": "", "reason": "drawn"}

    def a_class() -> tuple[str, dict[str, str]]:
        decision = draw.choice(["assign", "assign", "ignore", "unsure"])
        label = draw.choice(labels) if decision == "assign" else ""
        qid = draw.choice(met)
        return "class_decisions", {"class_qid": qid, "decision": decision, "hierarchical_label": label}

    def an_edge() -> tuple[str, dict[str, str]]:
        decision = draw.choice(["remove", "remove", "add", "keep"])
        child, parent = draw.choice(edges) if decision != "add" else draw.sample(met, 2)  # cycles too
        return "edge_decisions", {"child_qid": child, "parent_qid": parent, "decision": decision}

    def a_landmark() -> tuple[str, dict[str, str]]:
        decision = draw.choice(["assign", "reject", "unsure"])
        label = draw.choice(labels) if decision == "assign" else ""
        ids = dict(zip(("split", "landmark_id", "category"), draw.choice(keys), strict=True))
        return "landmark_decisions", ids | {"decision": decision, "hierarchical_label": label}

    curated = bench.curated
    while True:
        for _ in range(draw.randint(2, 6)):
            name, said = draw.choice([a_class, an_edge, a_landmark])()
            frame = curated[name]
            row = dict.fromkeys(frame.columns, "") | signed | said
            subject = ["category"] if "category" in said else [column for column in said if column.endswith("qid")]
            is_other = (frame[subject] != [row[column] for column in subject]).any(axis=1)
            frame = pd.concat([frame[is_other], pd.DataFrame([row])], ignore_index=True)
            if draw.random() < 0.3:  # one that was given before, by whomever, is taken back
                frame = frame.drop(draw.choice(frame.index)).reset_index(drop=True)
            curated = curated | {name: frame}
        yield curated


def test_labels_found_in_part_are_those_found_from_the_start(in_sample: Path, sample_bench: Workbench) -> None:
    assert in_sample.exists()
    bench, moved = sample_bench, 0
    for _, curated in zip(range(STEPS), random_tables(sample_bench, seed=5), strict=False):
        before, bench = bench, workbench.under(bench, curated)
        assert plain(bench.classes.class_labels) == labels_of_the_stage(bench.found, curated)
        assert_same(bench, workbench._from_the_start(bench.found, curated))
        moved += bench.landmarks.labels.tolist() != before.landmarks.labels.tolist()
    assert moved >= STEPS // 3
    assert_same(workbench.under(bench, sample_bench.curated), sample_bench)


def test_the_bench_that_was_asked_stays_as_it_was(in_sample: Path, sample_bench: Workbench) -> None:
    assert in_sample.exists()
    edges, labels = set(sample_bench.classes.graph.edges), sample_bench.landmarks.labels.tolist()
    removed = next(iter(random_tables(sample_bench, seed=9)))
    workbench.under(sample_bench, removed)
    assert set(sample_bench.classes.graph.edges) == edges
    assert sample_bench.landmarks.labels.tolist() == labels


def test_other_anchors_label_everything_anew(in_sample: Path, sample_bench: Workbench) -> None:
    assert in_sample.exists()
    anchors = sample_bench.curated["anchors"]
    curated = sample_bench.curated | {"anchors": anchors[anchors["class_qid"] != "Q1107656"].reset_index(drop=True)}
    bench = workbench.under(sample_bench, curated)
    assert bench.rules is not sample_bench.rules
    assert bench.classes.class_labels["hierarchical_label"]["Q1759852"] == "parks"
    assert bench.evidence("classes", ("Q1759852",)) != sample_bench.evidence("classes", ("Q1759852",))
    assert_same(bench, workbench._from_the_start(sample_bench.found, curated))


# -------------------------------------------------------------------------------------------------- opening it
def test_nobody_need_have_decided_anything(in_sample: Path, sample_bench: Workbench) -> None:
    assert in_sample.exists()
    nothing = {name: sample_bench.curated[name].head(0) for name in workbench.DECISIONS}
    bench = workbench.under(sample_bench, sample_bench.curated | nothing)
    assert set(bench.classes.graph.edges) == bench.rules.wikidata_edges
    assert_same(bench, workbench._from_the_start(sample_bench.found, sample_bench.curated | nothing))


def test_a_conflict_does_not_keep_the_workbench_shut(workspace: Path) -> None:
    assert workspace.exists()
    first = read("class_decisions")[0]
    put("class_decisions", first | {"reviewer": "adjudicated", "decision": "unsure"}, first)
    other = read("class_decisions")[-1]
    put("class_decisions", other | {"reviewer": "adjudicated", "decision": "assign", "hierarchical_label": "house"})
    bench = workbench.open_workbench()
    settled = bench.classes.class_decisions.set_index("class_qid")
    assert settled.loc[first["class_qid"], "decision"] == first["decision"]
    assert settled.loc[other["class_qid"], "decision"] == "assign"


def test_a_broken_table_or_none_keeps_it_shut(workspace: Path) -> None:
    first = read("class_decisions")[0]
    put("class_decisions", first | {"decision": "guess"})
    with pytest.raises(CurationError, match=r"class_decisions\.csv:2: Q1004 .*'guess'.*Remedy: "):
        workbench.open_workbench()
    put("class_decisions", first)
    (workspace / tables.STATEMENTS.path).unlink()
    with pytest.raises(InputError, match=r"statements\.parquet: not found. Remedy: run `dvc repro`"):
        workbench.open_workbench()
