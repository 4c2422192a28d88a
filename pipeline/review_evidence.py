"""Everything that the review page shows about a row, put together by kind; for pipeline/review_desk.py."""

import networkx as nx

from annotations.review.desk import Evidence, Link, Row
from hierarchy.evidence import commons_url
from pipeline import review_choices as choices
from pipeline import review_facts as facts
from pipeline.thumbnails import Thumbnails
from pipeline.workbench import Workbench, without_verdicts_on


def evidence_of(row: Row, bench: Workbench, thumbnails: Thumbnails) -> Evidence:
    """The evidence of a row, but for what stands for its state.

    Raises:
        KeyError: nothing with its key is there any more.
    """
    ids = tuple(row.key.split("/"))
    if row.kind == "classes":
        return _of_class(row, ids[0], bench, thumbnails)
    if row.kind == "edges":
        return _of_edge(row, (ids[0], ids[1]), bench, thumbnails)
    return _of_landmark(row, (ids[0], ids[1]), bench, thumbnails)


def _of_class(row: Row, qid: str, bench: Workbench, thumbnails: Thumbnails) -> Evidence:
    landmarks = facts.landmarks_of_classes([qid], bench)
    # A class that is nobody's own is judged by what lies below it.
    shown = landmarks if len(landmarks) else facts.landmarks_of_classes(nx.ancestors(bench.classes.graph, qid), bench)
    open_again = without_verdicts_on(bench, qid)  # who looks again chooses among what there was to choose from
    nodes, edges = facts.drawing([qid], facts.paths_of_class(qid, open_again), open_again)
    return Evidence(
        row,
        links=(facts.wikidata_link(qid, bench),),
        choices=tuple(choices.class_choices(qid, landmarks, open_again))[: choices.MAX_CHOICES],
        other=choices.verdict_on("classes", (qid,), "assign", bench),
        verdicts=choices.class_verdicts(qid, bench),
        edges=tuple(choices.parent_choices(qid, bench)),
        new_parent=choices.verdict_on("edges", (qid, ""), "add", bench),
        nodes=nodes,
        path_edges=edges,
        statements=facts.statements_of(shown.head(facts.MAX_LANDMARKS), bench),
        landmarks=facts.sample_landmarks(shown, bench, thumbnails),
        precedents=facts.siblings_of_class(qid, bench),
        given=facts.given_on("classes", (qid,), bench),
    )


def _of_edge(row: Row, ids: tuple[str, str], bench: Workbench, thumbnails: Thumbnails) -> Evidence:
    child, parent = ids
    landmarks = facts.landmarks_of_classes({child, *nx.ancestors(bench.classes.graph, child)}, bench)
    above = [[child, *path] for path in facts.paths_of_class(parent, bench)]
    nodes, edges = facts.drawing([child], [*above, *facts.paths_of_class(child, bench)], bench, ids)
    return Evidence(
        row,
        links=(facts.wikidata_link(child, bench), facts.wikidata_link(parent, bench)),
        choices=tuple(choices.edge_choices(child, parent, bench)),
        verdicts=choices.edge_verdicts(child, parent, bench),
        new_parent=choices.verdict_on("edges", ids, "add", bench),
        nodes=nodes,
        path_edges=edges,
        statements=facts.statements_of(landmarks.head(facts.MAX_LANDMARKS), bench),
        landmarks=facts.sample_landmarks(landmarks, bench, thumbnails),
        precedents=facts.siblings_of_edge(child, parent, bench),
        given=facts.given_on("edges", ids, bench),
    )


def _of_landmark(row: Row, ids: tuple[str, str], bench: Workbench, thumbnails: Thumbnails) -> Evidence:
    place, rows, votes = bench.place_of[ids], bench.landmarks.landmarks, bench.landmarks.votes
    own = rows.iloc[[place]]
    category, item = str(own["category"].iloc[0]), own["item_qid"].iloc[0]
    classes = votes.loc[votes["item_qid"] == item, "class_qid"].tolist()
    nodes, edges = facts.drawing(classes, [path for qid in classes for path in facts.paths_of_class(qid, bench)], bench)
    items = bench.found["landmark_items"]["candidate_qids"].iloc[place]
    return Evidence(
        row,
        links=(
            Link(f"Category:{category}", commons_url(category)),
            *(facts.wikidata_link(qid, bench) for qid in items),
        ),
        choices=tuple(choices.landmark_choices(ids, bench))[: choices.MAX_CHOICES],
        other=choices.verdict_on("landmarks", ids, "assign", bench),
        verdicts=choices.landmark_verdicts(ids, bench),
        nodes=nodes,
        path_edges=edges,
        statements=facts.statements_of(own, bench),
        landmarks=facts.sample_landmarks(rows[rows["category"] == category], bench, thumbnails),
        precedents=facts.siblings_of_landmark(item, category, bench),
        given=facts.given_on("landmarks", ids, bench),
    )
