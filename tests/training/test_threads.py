"""Rows are handed out once each, whoever asks: several threads at once, a forked process, a function that fails."""

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from training.threads import over_rows


@pytest.fixture(autouse=True)
def three_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)


def visits(row_count: int) -> np.ndarray:
    """How often each row was handed out."""
    counts = np.zeros(row_count, dtype=int)

    def visit(start: int, stop: int) -> None:
        counts[start:stop] += 1

    over_rows(visit, row_count, work=10**9)
    return counts


@pytest.mark.parametrize("row_count", [0, 1, 2, 3, 11, 12, 13, 1000])
def test_each_row_once(row_count: int) -> None:
    assert (visits(row_count) == 1).all()


def test_little_work_stays_in_the_thread_that_asked() -> None:
    seen = []
    over_rows(lambda start, stop: seen.append((threading.current_thread(), start, stop)), 50, work=10)
    assert seen == [(threading.current_thread(), 0, 50)]


def test_several_threads_may_ask_at_once_and_within_each_other() -> None:
    def nested(start: int, stop: int) -> None:
        assert (visits(20) == 1).all()

    with ThreadPoolExecutor(4) as askers:
        list(askers.map(lambda _: over_rows(nested, 12, work=10**9), range(4)))


def test_a_failure_reaches_the_caller_and_the_next_call_works() -> None:
    def fail(start: int, stop: int) -> None:
        raise RuntimeError(f"row {start}")

    with pytest.raises(RuntimeError, match="row"):
        over_rows(fail, 30, work=10**9)
    assert (visits(30) == 1).all()


def test_a_forked_process_starts_threads_of_its_own() -> None:
    assert (visits(30) == 1).all()  # the threads are there
    process = multiprocessing.get_context("fork").Process(target=visits, args=(30,))
    process.start()
    process.join(timeout=120)
    process.kill()
    assert process.exitcode == 0
