"""The retrieval protocol of Google Landmarks v2: its solution file, and mAP@100 as its metric code computes it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.gldv2_protocol import SolvedQuery, evaluate_gldv2, read_retrieval_solution

SOLUTION = """id,images,Usage
q1,a c,Public
q2,None,Ignored
q3,d lost,Private
q4,,Ignored
q5,b,Private
"""
INDEX_IDS = ["a", "b", "c", "d"]
INDEX = np.array([[4.0, 1.0], [3.0, 2.0], [2.0, 3.0], [1.0, 4.0]])
QUERIES = {"q1": [1.0, 0.0], "q2": [0.0, 0.0], "q3": [1.0, 0.0], "q5": [0.0, 1.0]}  # q4 is ignored and not embedded


@pytest.fixture
def solution(tmp_path: Path) -> dict[str, SolvedQuery]:
    return read_retrieval_solution(written(tmp_path, SOLUTION))


def written(folder: Path, text: str) -> Path:
    path = folder / "retrieval_solution_v2.1.csv"
    path.write_text(text, encoding="utf-8")
    return path


def evaluate(solution: dict[str, SolvedQuery], queries: dict[str, list[float]] = QUERIES, **options: Any) -> Any:
    return evaluate_gldv2(np.array(list(queries.values())), list(queries), INDEX, INDEX_IDS, solution, **options)


def test_the_solution_is_read(solution: dict[str, SolvedQuery]) -> None:
    assert solution == {
        "q1": ("Public", ("a", "c")),
        "q2": ("Ignored", ()),
        "q3": ("Private", ("d", "lost")),
        "q4": ("Ignored", ()),
        "q5": ("Private", ("b",)),
    }


def test_the_solution_of_the_sample_is_read(root: Path) -> None:
    solution = read_retrieval_solution(root / "sample" / "gldv2" / "ground_truth" / "retrieval_solution_v2.1.csv")
    usages = [query.usage for query in solution.values()]
    assert {usage: usages.count(usage) for usage in usages} == {"Ignored": 4, "Private": 12, "Public": 8}
    assert all(bool(query.images) == (query.usage != "Ignored") for query in solution.values())


def test_an_evaluation_worked_by_hand(solution: dict[str, SolvedQuery]) -> None:
    """q1 and q3 rank a b c d, q5 ranks d c b a."""
    report = evaluate(solution)
    assert report.query_ids.tolist() == ["q1", "q3", "q5"]
    assert report.usages.tolist() == ["Public", "Private", "Private"]
    expected = [(1 / 1 + 2 / 3) / 2, (1 / 4) / 2, 1 / 3]  # q3 has two positives, though one is not in the index
    np.testing.assert_allclose(report.average_precisions, expected)
    assert report.means == pytest.approx(
        {"Public": expected[0], "Private": (expected[1] + expected[2]) / 2, "all": sum(expected) / 3}
    )
    assert (report.n_ignored, report.n_absent) == (2, 1)


def test_the_cut_at_k_limits_ranks_and_divisor(solution: dict[str, SolvedQuery]) -> None:
    np.testing.assert_allclose(evaluate(solution, k=1).average_precisions, [1, 0, 0])
    np.testing.assert_allclose(evaluate(solution, k=3).average_precisions, [(1 + 2 / 3) / 2, 0, 1 / 3])


def google_average_precision(ranked: list[str], images: tuple[str, ...], k: int) -> float:
    """AP@k as defined by the challenge: 1/min(R, k) x sum of the precisions at the hits among the first k."""
    correct, total = 0, 0.0
    for place, image in enumerate(ranked[:k], start=1):
        if image in images:
            correct += 1
            total += correct / place
    return total / min(len(images), k)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 12), chunk=st.sampled_from([None, 1, 2]))
def test_average_precision_is_its_definition(seed: int, k: int, chunk: int | None) -> None:
    draw = np.random.default_rng(seed)
    index_ids, query_ids = [f"i{n}" for n in range(10)], [f"q{n}" for n in range(4)]
    pool = [*index_ids, "lost1", "lost2"]
    usages = draw.choice(["Public", "Private", "Ignored"], 4).tolist()
    solution = {
        one: SolvedQuery(usage, tuple(draw.permutation(pool)[: draw.integers(1, 12)].tolist()))
        for one, usage in zip(query_ids, usages, strict=True)
    }
    queries, index = draw.normal(size=(4, 3)), draw.normal(size=(10, 3))
    report = evaluate_gldv2(queries, query_ids, index, index_ids, solution, k=k, chunk=chunk)
    expected = {
        one: google_average_precision(
            [index_ids[item] for item in np.argsort(-(index @ query))], solution[one].images, k
        )
        for one, query in zip(query_ids, queries, strict=True)
        if solution[one].usage != "Ignored"
    }
    assert report.query_ids.tolist() == list(expected)
    np.testing.assert_allclose(report.average_precisions, list(expected.values()), atol=1e-12)
    for usage in ("Public", "Private"):
        values = [value for one, value in expected.items() if solution[one].usage == usage]
        np.testing.assert_allclose(report.means[usage], np.mean(values) if values else np.nan, atol=1e-12)
    assert report.n_ignored == usages.count("Ignored")


def test_tied_images_rank_before_the_positives_unless_asked_otherwise(solution: dict[str, SolvedQuery]) -> None:
    queries = {one: [0.0, 0.0] for one in QUERIES}
    np.testing.assert_allclose(evaluate(solution, queries).average_precisions, [(1 / 3 + 2 / 4) / 2, 1 / 8, 1 / 4])
    np.testing.assert_allclose(evaluate(solution, queries, ties="optimistic").average_precisions, [1, 1 / 2, 1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,images\nq1,a\n", r"csv:1: no column Usage"),
        ("", r"csv:1: no column id, images, Usage"),
        ("id,images,Usage\nq1,a,Public\nq2,b,Test\n", r"csv:3: query 'q2' has Usage 'Test'; known: Public, Private"),
        ("id,images,Usage\nq1,a,Public\nq2,b\n", r"csv:3: query 'q2' has Usage ''"),
        ("id,images,Usage\nq1,a,Public\nq1,b,Private\n", r"csv:3: query 'q1' is listed twice"),
        ("id,images,Usage\nq1,a b a,Public\n", r"csv:2: query 'q1' names an image twice"),
        ("id,images,Usage\nq1,None,Private\n", r"csv:2: query 'q1' is Private but names no images"),
    ],
)
def test_a_broken_solution_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_retrieval_solution(written(tmp_path, text))


def test_embeddings_that_do_not_fit_the_solution_are_refused(solution: dict[str, SolvedQuery]) -> None:
    lacking = {one: row for one, row in QUERIES.items() if one != "q5"}
    with pytest.raises(ValueError, match="1 scored queries have no embedding, first 'q5'"):
        evaluate(solution, lacking)
    with pytest.raises(ValueError, match="1 query_ids are not in the solution, first 'q9'"):
        evaluate(solution, QUERIES | {"q9": [0.0, 0.0]})
    with pytest.raises(ValueError, match="k is 0"):
        evaluate(solution, k=0)
    with pytest.raises(ValueError, match="index_ids list 'a' twice"):
        evaluate_gldv2(np.ones((4, 2)), list(QUERIES), INDEX, ["a", "b", "a", "d"], solution)
    with pytest.raises(ValueError, match=r"query_embeddings \(4, 3\) and index_embeddings \(4, 2\)"):
        evaluate_gldv2(np.ones((4, 3)), list(QUERIES), INDEX, INDEX_IDS, solution)
    broken = np.where(np.arange(4).reshape(-1, 1) == 2, np.nan, INDEX)
    with pytest.raises(ValueError, match=r"index_embeddings\[2\] holds nan"):
        evaluate_gldv2(np.ones((4, 2)), list(QUERIES), broken, INDEX_IDS, solution)
    with pytest.raises(ValueError, match="3 index_ids for 4 embeddings"):
        evaluate_gldv2(np.ones((4, 2)), list(QUERIES), INDEX, INDEX_IDS[:3], solution)
