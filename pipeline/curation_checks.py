"""Every rule of the curated tables as one named check, those that need the pipeline's tables included.

For `hgld check`. A stage stops on broken laws; this also says what has become doubtful since: other labels in Wikidata,
evidence that has changed, decisions without an effect.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import networkx as nx

from annotations import laws, store
from annotations.verdicts import TABLE_OF
from pipeline import curation, workbench
from pipeline.errors import InputError
from pipeline.outcomes import is_all_well, outcome, outcome_lines, told
from pipeline.params import read_params
from pipeline.workbench import Tables, Workbench


def check_tables() -> dict[str, Any]:
    """Run every check.

    Returns:
        ok; checks: name, ok and failures of each; out_of_sample: decisions about what the sample's graph lacks.
    """
    curated, unreadable = _read()
    checks = [outcome(partial(tables_are_readable, unreadable))]
    if unreadable:
        return {"ok": False, "checks": checks, "out_of_sample": []}
    checks += [outcome(partial(law, curated)) for law in (*laws.LAWS, every_label_has_an_anchor)]
    outside: list[str] = []
    try:
        bench = workbench.open_workbench(curated)  # few broken laws keep labels from being found
    except InputError as error:
        checks += [told(check, [f"could not be checked: {error.message}"]) for check in CHECKS]
    except (KeyError, ValueError):  # such as a label that the taxonomy lacks, which its own check names
        why = "could not be checked. Remedy: mend what is broken above, and check again"
        checks += [told(check, [why]) for check in CHECKS]
    else:
        if read_params().source == "sample":
            outside = [*_unknown_classes(bench), *_unknown_edges(bench)]
        checks += [outcome(partial(check, bench)) for check in CHECKS]
    return {"ok": is_all_well(checks), "checks": checks, "out_of_sample": outside}


def check_lines(report: dict[str, Any]) -> list[str]:
    """The report for a person: broken rules with every failure, then the rest."""
    lines = outcome_lines(report["checks"])
    if report["out_of_sample"]:
        lines.append(f"{len(report['out_of_sample'])} decisions are about what the sample does not hold; see --json")
    return lines


def tables_are_readable(problems: list[str]) -> Iterator[str]:
    """Every curated table is there, in UTF-8, with its columns."""
    yield from problems


def every_label_has_an_anchor(curated: Tables) -> Iterator[str]:
    """Every label of the taxonomy has a class that leads to it."""
    decided = curated["class_decisions"]
    assigned = decided.loc[decided["decision"] == "assign", "hierarchical_label"]
    reached = {*curated["anchors"]["hierarchical_label"], *assigned}
    for row in curated["taxonomy"].to_dict("records"):
        if row["hierarchical_label"] not in reached:
            yield f"{row['where']}: {row['hierarchical_label']}: no anchor. Remedy: tie a class to it in anchors.csv"


def ids_are_known(bench: Workbench) -> Iterator[str]:
    """Every decision is about a class, edge or landmark that is there; in the sample, classes and edges may lack."""
    if read_params().source != "sample":
        yield from _unknown_classes(bench)
        yield from _unknown_edges(bench)
    yield from curation.unknown_landmarks(bench.curated["landmark_decisions"], bench.found["landmark_labels"])


def human_labels_agree(bench: Workbench) -> Iterator[str]:
    """The label beside each id is Wikidata's."""
    yield from curation.other_class_labels(bench.curated, bench.found["entities"])


def evidence_is_current(bench: Workbench) -> Iterator[str]:
    """What a verdict was given on still holds; a verdict without a fingerprint holds on any evidence."""
    for kind, name in TABLE_OF.items():
        for row in bench.curated[name].to_dict("records"):
            ids = tuple(row[column] for column in store.TABLES[name].id_columns)
            if not row["evidence_hash"] or bench.names(kind, ids) is None:
                continue
            if bench.evidence(kind, ids) != row["evidence_hash"]:
                remedy = f"look again with `hgld review --reviewer {row['reviewer']}` and decide anew"
                yield f"{_about(name, row)}: its evidence has changed since. Remedy: {remedy}"


def decisions_have_an_effect(bench: Workbench) -> Iterator[str]:
    """No decision says what holds without it."""
    anchors = bench.curated["anchors"].set_index("class_qid")["hierarchical_label"].to_dict()
    for row in bench.curated["class_decisions"].to_dict("records"):
        if row["decision"] == "assign" and anchors.get(row["class_qid"]) == row["hierarchical_label"]:
            yield f"{_about('class_decisions', row)}: anchors.csv says so already. Remedy: remove one of the two"
    for row in bench.curated["edge_decisions"].to_dict("records"):
        if row["decision"] == "add" and (row["child_qid"], row["parent_qid"]) in bench.rules.wikidata_edges:
            yield f"{_about('edge_decisions', row)}: Wikidata has the edge by now. Remedy: remove the row"


def added_edges_close_no_cycle(bench: Workbench) -> Iterator[str]:
    """No added edge leads back to its child."""
    graph = bench.classes.graph
    for row in bench.curated["edge_decisions"].to_dict("records"):
        child, parent = row["child_qid"], row["parent_qid"]
        if row["decision"] == "add" and graph.has_edge(child, parent) and nx.has_path(graph, parent, child):
            way = " -> ".join([child, *nx.shortest_path(graph, parent, child)])
            yield f"{_about('edge_decisions', row)}: closes the cycle {way}. Remedy: remove the row"


CHECKS: list[Callable[[Workbench], Iterator[str]]] = [
    ids_are_known,
    human_labels_agree,
    evidence_is_current,
    decisions_have_an_effect,
    added_edges_close_no_cycle,
]


def _read() -> tuple[Tables, list[str]]:
    """The tables that can be read, and what is wrong with the others."""
    curated, problems = {}, []
    for name, path in (workbench.paths() | {"head_nouns": store.FOLDER / "head_nouns.csv"}).items():
        try:
            curated[name] = store.read(name, path)
        except store.CurationError as error:
            problems += error.problems
    return curated, problems


def _about(name: str, row: dict[str, str]) -> str:
    """Where a decision stands, and what it is about."""
    columns = store.TABLES[name].columns
    subject = [row[column] for column in columns[: columns.index("decision")]]
    return f"{row['where']}: {subject[0]} ({', '.join(subject[1:])})"


def _unknown_classes(bench: Workbench) -> list[str]:
    return curation.unknown_classes(bench.curated["class_decisions"], bench.found["entities"])


def _unknown_edges(bench: Workbench) -> list[str]:
    found = bench.found
    return curation.unknown_edges(bench.curated["edge_decisions"], found["entities"], found["class_edges"])
