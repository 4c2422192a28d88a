"""Stages hierarchy, label and queue at full size: seconds and memory, and their growth with the landmarks.

`python -m benchmarks.scale [--data DIR] [--json OUT]`. The class graph is the real one of the extracts, 22,000 classes;
landmarks, 304,000 at most, are instances of its classes as often as the items of the extracts are. Each size runs in
a process of its own, so that peak memory is its own.
"""

import gzip
import json
import multiprocessing
import resource
import time
from pathlib import Path

import click
import numpy as np
import pandas as pd

from annotations import store
from pipeline import step3_hierarchy, step4_label, step5_queue
from pipeline.params import Label

SIZES = (76_000, 152_000, 304_000)
WITHOUT_ITEM, WITHOUT_CLASS, DOUBTFUL = 0.1, 0.05, 0.02


def read_pairs(path: Path, names: list[str]) -> pd.DataFrame:
    """A two-column table of the extracts."""
    with gzip.open(path, "rt", encoding="utf-8") as opened:
        return pd.read_csv(opened, sep="\t", dtype=str, header=0, names=names, keep_default_na=False, quoting=3)


def curated_tables() -> dict[str, pd.DataFrame]:
    """The committed tables, settled, without decisions on landmarks."""
    names = ("taxonomy", "anchors", "class_decisions", "edge_decisions", "landmark_decisions", "head_nouns")
    curated = {name: store.read(name) for name in names}
    curated["taxonomy"]["priority"] = curated["taxonomy"]["priority"].astype("int64")
    for name in ("class_decisions", "edge_decisions"):
        curated[name] = store.settle(curated[name], store.TABLES[name].id_columns)
    return curated


def world(data: Path, landmark_count: int) -> dict[str, pd.DataFrame]:
    """Tables of the stages before hierarchy, for so many landmarks; the same on every run."""
    draw = np.random.default_rng(0)
    ends = ["child_qid", "parent_qid"]
    files = ("p279.tsv.gz", "p279_extra.tsv.gz")
    edges = pd.concat([read_pairs(data / "wikidata" / name, ends) for name in files]).drop_duplicates()
    names = pd.concat(
        [read_pairs(data / f"wikidata/labels_en{end}.tsv.gz", ["qid", "label"]) for end in ("", "_extra")]
    )
    classes = pd.unique(edges[ends].to_numpy().ravel())
    used = read_pairs(data / "wikidata/p31.tsv.gz", ["item_qid", "class_qid"])
    used = used[used["class_qid"].isin(classes)].groupby("item_qid")["class_qid"].agg(list)
    label_of = names.drop_duplicates("qid").set_index("qid")["label"]
    entities = pd.DataFrame({"qid": classes, "is_class": True})
    entities["label"] = entities["qid"].map(label_of).fillna(entities["qid"])
    item_numbers = np.arange(landmark_count)
    drawn = draw.random(landmark_count)
    frame = pd.DataFrame({"split": np.where(item_numbers < landmark_count * 2 // 3, "train", "index")})
    frame["landmark_id"] = item_numbers
    frame["category"] = [f"Landmark {number}" for number in item_numbers]
    frame["image_count"] = draw.zipf(1.6, landmark_count).clip(max=5000)
    items = frame[["split", "landmark_id", "category"]].copy()
    items["item_qid"] = [
        None if x < WITHOUT_ITEM else f"Q{10**9 + n}" for n, x in zip(item_numbers, drawn, strict=True)
    ]
    is_doubtful = (drawn > 1 - DOUBTFUL) & items["item_qid"].notna()
    items["link_status"] = np.where(
        items["item_qid"].isna(), "unresolved", np.where(is_doubtful, "doubtful", "resolved")
    )
    items["link_rule"] = "sitelink"
    items["candidate_qids"] = [[qid] if isinstance(qid, str) else [] for qid in items["item_qid"]]
    has_class = items["item_qid"].notna() & (drawn > WITHOUT_ITEM + WITHOUT_CLASS)
    of_item = pd.DataFrame({"item_qid": items.loc[has_class, "item_qid"]})
    of_item["class_qid"] = used.sample(len(of_item), replace=True, random_state=1).to_numpy()
    statements = of_item.explode("class_qid").assign(is_best=True, is_ended=False, ended_on=None, rank="normal")
    official = pd.DataFrame({"split": [], "landmark_id": [], "hierarchical_label": []}, dtype=str)
    return {
        "class_edges": edges,
        "entities": entities,
        "landmarks": frame,
        "landmark_items": items,
        "statements": statements,
        "official_labels": official.astype({"landmark_id": "int64"}),
    }


def measure(data: Path, landmark_count: int) -> dict[str, float]:
    """Seconds of each stage and peak memory of this process."""
    found, curated = world(data, landmark_count), curated_tables()
    figures: dict[str, float] = {"landmarks": landmark_count, "statements": len(found["statements"])}
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    found["class_graph"], found["class_labels"] = step3_hierarchy.build(
        found["class_edges"], found["entities"], curated
    )
    figures["hierarchy_s"] = time.perf_counter() - start
    start = time.perf_counter()
    label = Label(min_confidence=0.0, text_precision=0.95, visual=False)
    found["landmark_labels"], _ = step4_label.build(found, curated, ["natural_or_human_made"], label)
    figures["label_s"] = time.perf_counter() - start
    start = time.perf_counter()
    queues = step5_queue.build(found, curated, "natural_or_human_made")
    figures["queue_s"] = time.perf_counter() - start
    figures["total_s"] = figures["hierarchy_s"] + figures["label_s"] + figures["queue_s"]
    figures["queued"] = sum(len(queue) for _, queue in queues)
    figures["labelled"] = int(found["landmark_labels"]["hierarchical_label"].notna().sum())
    figures["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures["input_memory_mb"] = base / 1024
    return {name: round(value, 2) for name, value in figures.items()}


@click.command()
@click.option("--data", default=Path("../shared/data"), type=click.Path(path_type=Path), show_default=True)
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here, too.")
def main(data: Path, out: Path | None) -> None:
    """Measure the stages at growing size."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        rows = [pool.apply(measure, (data, size)) for size in SIZES]
    click.echo(pd.DataFrame(rows).to_string(index=False))
    if out:
        out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
