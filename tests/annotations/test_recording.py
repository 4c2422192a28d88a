"""Writing the curated tables: other rows keep their bytes, a kill leaves old or new, nobody overwrites anybody."""

import contextlib
import errno
import fcntl
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from annotations import laws, store
from annotations.recording import about, locked, rows_by_key, taken_back, text_of, with_rows, without_rows, write
from annotations.store import TABLES, CurationError
from tests.small_world import DAY, frame_of, make, path_in, read_all, row_of

# tmp_path is shared between the examples of one test; each example writes its file anew.
LAWFUL = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAME = "class_decisions"
KIRK, POND = row_of(NAME, ("Q1", "kirk", "assign", "church")), row_of(NAME, ("Q2", "pond", "ignore", ""))
LATER = "2026-02-01"


def rows_in(path: Path) -> list[dict[str, str]]:
    return store.read(path.stem, path).drop(columns="where").to_dict("records")


def parts_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob(".*"))


# --------------------------------------------------------------------------------------------------------- the bytes
@pytest.mark.parametrize(
    "path",
    [*(f"annotations/{name}.csv" for name in TABLES), "sample/annotations/landmark_decisions.csv"],
)
def test_a_committed_table_is_written_as_it_lies_in_git(root: Path, path: str) -> None:
    # So that an insertion never rewrites other lines.
    name = Path(path).stem
    assert text_of(name, store.read(name, root / path)).encode() == (root / path).read_bytes()


def test_every_committed_table_is_among_these(root: Path) -> None:
    files = {path.stem for folder in ("annotations", "sample/annotations") for path in (root / folder).glob("*.csv")}
    assert files == set(TABLES)


# Whatever annotations.deciding lets in, and what separates cells and lines more often than chance has it.
CELL = st.text(st.characters(exclude_characters="\r\0", codec="utf-8")) | st.text(
    st.sampled_from(" ,;\t\"'\n=Q1\u2028é")
)


@LAWFUL
@given(rows=st.lists(st.tuples(*[CELL] * len(TABLES[NAME].columns)), max_size=4))
@example(rows=[("", *[""] * 7)])
@example(rows=[('"', ",", "\n", '""', "\n\n", " a ", '",\n', "'=1")])
@example(rows=[("\ufeff", "\x1c", "\x85", "\u2029", "\x0b", "\x0c", "\x1a", "NA")])
def test_what_is_written_is_read_back(tmp_path: Path, rows: list[tuple[str, ...]]) -> None:
    columns = list(TABLES[NAME].columns)
    path = path_in(tmp_path, NAME)
    write(NAME, pd.DataFrame(rows, columns=columns, dtype="str"), path)
    assert rows_in(path) == [dict(zip(columns, row, strict=True)) for row in rows]
    assert path.read_bytes() == text_of(NAME, store.read(NAME, path)).encode()


def test_only_cells_that_need_quotes_get_them() -> None:
    text = text_of(NAME, frame_of(NAME, [row_of(NAME, ("Q1", 'a, "b"', "ignore", ""), reason="'seen' = 1;\t+")]))
    assert text.splitlines()[1] == f'Q1,"a, ""b""",ignore,,ann,{DAY},,\'seen\' = 1;\t+'


def test_other_columns_of_the_frame_are_left_out(tmp_path: Path) -> None:
    path = path_in(tmp_path, NAME)
    write(NAME, frame_of(NAME, [KIRK]), path)
    assert text_of(NAME, store.read(NAME, path).assign(more=1)) == path.read_text()


# -------------------------------------------------------------------------------------------------------------- rows
def landmark(split: str, number: str, reviewer: str = "ann", **more: str) -> dict[str, str]:
    return row_of("landmark_decisions", (split, number, "Abbey", "reject", ""), reviewer, **more)


LANDMARK_ROWS = st.lists(
    st.builds(
        landmark,
        st.sampled_from(["train", "index"]),
        st.sampled_from(["9", "10", "900", "90", "1000000", "2"]),
        st.sampled_from(["ann", "bob", "adjudicated"]),
        reason=st.sampled_from(["seen", "read"]),
    ),
    max_size=12,
)


@LAWFUL
@given(first=LANDMARK_ROWS, second=LANDMARK_ROWS, third=LANDMARK_ROWS)
def test_rows_stand_once_in_the_order_of_the_law_and_the_last_said_counts(
    first: list[dict[str, str]], second: list[dict[str, str]], third: list[dict[str, str]]
) -> None:
    name = "landmark_decisions"
    table = with_rows(name, with_rows(name, frame_of(name, []), first), second)
    assert list(laws.rows_are_sorted_and_unique({name: table.assign(where="here")})) == []
    said = {(row["split"], row["landmark_id"], row["reviewer"]): row for row in [*first, *second]}
    assert rows_by_key(name, table) == said
    left = without_rows(name, table, third)
    gone = {(row["split"], row["landmark_id"], row["reviewer"]) for row in third}
    assert rows_by_key(name, left) == {key: row for key, row in said.items() if key not in gone}
    assert list(left.columns) == list(TABLES[name].columns)
    assert list(left.index) == list(range(len(left)))


def test_landmark_ids_are_ordered_by_number_and_class_ids_as_text() -> None:
    numbers = with_rows(
        "landmark_decisions", frame_of("landmark_decisions", []), [landmark("train", n) for n in "1092"]
    )
    mixed = with_rows("landmark_decisions", numbers, [landmark("train", "10"), landmark("index", "11")])
    assert list(mixed["landmark_id"]) == ["11", "0", "1", "2", "9", "10"]
    classes = with_rows(NAME, frame_of(NAME, [POND]), [row_of(NAME, ("Q10", "place", "ignore", ""))])
    assert list(classes["class_qid"]) == ["Q10", "Q2"]


def test_a_row_takes_the_place_of_the_one_with_its_key_and_of_no_other() -> None:
    other = KIRK | {"reviewer": "bob"}
    anew = KIRK | {"decision": "unsure", "hierarchical_label": "", "reviewed_on": LATER}
    assert with_rows(NAME, frame_of(NAME, [KIRK, other, POND]), [anew]).to_dict("records") == [anew, other, POND]


def test_the_place_where_a_row_was_read_is_no_part_of_it(tmp_path: Path) -> None:
    path = path_in(tmp_path, NAME)
    write(NAME, frame_of(NAME, [KIRK, POND]), path)
    read = store.read(NAME, path)
    assert list(rows_by_key(NAME, read).values()) == [KIRK, POND]
    assert with_rows(NAME, read, []).to_dict("records") == [KIRK, POND]
    assert without_rows(NAME, read, [POND]).to_dict("records") == [KIRK]


@pytest.mark.parametrize(
    ("name", "cells", "said"),
    [
        ("class_decisions", ("Q1", "kirk", "ignore", ""), "Q1 (kirk)"),
        ("edge_decisions", ("Q1", "kirk", "Q10", "place", "keep"), "Q1 Q10 (kirk, place)"),
        ("landmark_decisions", ("train", "7", "Abbey", "reject", ""), "train 7 (Abbey)"),
    ],
)
def test_a_row_is_named_by_its_ids_and_labels(name: str, cells: tuple[str, ...], said: str) -> None:
    assert about(name, row_of(name, cells)) == said


# ------------------------------------------------------------------------------------------- a kill leaves old or new
# Saves again and again under the lock, each time with another reason on all rows, and says so after each.
_SAVES = """
import itertools, sys
from pathlib import Path
from annotations.recording import locked, write
from tests.small_world import frame_of, row_of
path = Path(sys.argv[1])
for number in itertools.count(1):
    table = frame_of("class_decisions", [row_of("class_decisions", (f"Q{n}", "pond", "ignore", ""), reason=str(number))
                                         for n in range(300)])
    with locked(path.parent):
        write("class_decisions", table, path)
        print(number, flush=True)
"""
# Dies at a moment of its one save.
_DIES = """
import os, resource, signal, sys
from pathlib import Path
from annotations.recording import write
from tests.small_world import frame_of, row_of
path, moment = Path(sys.argv[1]), sys.argv[2]
die, replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL), Path.replace
if moment == "half of it written":
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
elif moment == "before it is on the disk":
    os.fsync = die
elif moment == "before it is renamed":
    Path.replace = die
elif moment == "after it is renamed":
    Path.replace = lambda *paths: (replace(*paths), die())
rows = [row_of("class_decisions", (f"Q{n}", "pond", "ignore", ""), reason="new") for n in range(300)]
write("class_decisions", frame_of("class_decisions", rows), path)
"""
MANY = [row_of(NAME, (f"Q{number}", "pond", "ignore", ""), reason="0") for number in range(300)]


@pytest.fixture
def child(root: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts Python on a text with arguments; what still runs at the end of the test is ended."""
    with contextlib.ExitStack() as started:

        def start(text: str, *arguments: object) -> subprocess.Popen[str]:
            command = [sys.executable, "-c", text, *map(str, arguments)]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            process = subprocess.Popen(command, cwd=root, **pipes)
            started.enter_context(process)
            started.callback(process.kill)
            return process

        yield start


def test_a_kill_at_any_moment_leaves_a_table_that_was_saved_whole(
    tmp_path: Path, child: Callable[..., subprocess.Popen[str]]
) -> None:
    paths = {number: path_in(tmp_path / str(number), NAME) for number in (1, 2, 4)}
    for path in paths.values():
        path.parent.mkdir()
        write(NAME, frame_of(NAME, MANY), path)
    running = {number: child(_SAVES, path) for number, path in paths.items()}
    for number, process in running.items():
        assert process.stdout is not None
        for expected in range(1, number + 1):
            assert process.stdout.readline() == f"{expected}\n"
        process.kill()
        process.wait()
        with locked(paths[number].parent):  # the lock died with its holder
            rows = rows_in(paths[number])
            (reason,) = {row["reason"] for row in rows}
            assert int(reason) >= number
            assert len(rows) == len(MANY)
            write(NAME, frame_of(NAME, [KIRK]), paths[number])
        assert rows_in(paths[number]) == [KIRK]
        assert parts_in(paths[number].parent) == []


def test_a_kill_at_each_step_of_a_save_leaves_old_or_new_and_the_next_save_cleans_up(
    tmp_path: Path, child: Callable[..., subprocess.Popen[str]]
) -> None:
    left = {
        "half of it written": "0",
        "before it is on the disk": "0",
        "before it is renamed": "0",
        "after it is renamed": "new",
    }
    for moment in left:
        (tmp_path / moment).mkdir()
        write(NAME, frame_of(NAME, MANY), path_in(tmp_path / moment, NAME))
    running = {moment: child(_DIES, path_in(tmp_path / moment, NAME), moment) for moment in left}
    for moment, reason in left.items():
        path = path_in(tmp_path / moment, NAME)
        assert running[moment].wait() < 0, moment
        assert rows_in(path) == [row | {"reason": reason} for row in MANY], moment
        assert len(parts_in(path.parent)) == (0 if reason == "new" else 1), moment
        write(NAME, frame_of(NAME, [KIRK]), path)
        assert rows_in(path) == [KIRK], moment
        assert parts_in(path.parent) == [], moment


# ------------------------------------------------------------------------------------------------- it cannot be saved
def _disk_is_full(monkeypatch: pytest.MonkeyPatch) -> contextlib.AbstractContextManager[None]:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    return contextlib.nullcontext()


@contextlib.contextmanager
def _room_ends_in_the_middle(_: pytest.MonkeyPatch) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def _folder_is_read_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    is_root = os.geteuid() == 0  # who may write into every folder
    Path().chmod(0o555)
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        Path().chmod(0o755)


Fault = Callable[[pytest.MonkeyPatch], contextlib.AbstractContextManager[None]]


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (_disk_is_full, "No space left on device"),
        (_room_ends_in_the_middle, "File too large"),
        (_folder_is_read_only, "Permission denied"),
    ],
)
def test_what_cannot_be_saved_is_an_error_and_the_table_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault, why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = path_in(Path(), NAME)
    write(NAME, frame_of(NAME, [KIRK, POND]), path)
    old, table = path.read_bytes(), frame_of(NAME, MANY)
    with fault(monkeypatch), pytest.raises(CurationError) as refusal:
        write(NAME, table, path)
    assert refusal.value.exit_code == 1
    assert f"{path}: not written ({why}). Remedy: " in refusal.value.message
    assert path.read_bytes() == old
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_a_save_leaves_nothing_beside_the_table_and_what_lies_there_already(tmp_path: Path) -> None:
    keep = [".class_decisions.csv.swp", ".edge_decisions.csv.7.part", "notes.part"]
    for name in (*keep, ".class_decisions.csv.7.part"):
        (tmp_path / name).write_text("half")
    write(NAME, frame_of(NAME, [KIRK]), path_in(tmp_path, NAME))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*keep, "class_decisions.csv"])


# ---------------------------------------------------------------------------------------------------------- the lock
_DECIDES = """
import sys
from pathlib import Path
from tests.small_world import take, verdict
folder, reviewer = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for round in range(2):
    for qid in ("Q1", "Q2", "Q3", "Q10", "Q11"):
        take(folder, "classes", [verdict("classes", (qid,), "ignore", reason=f"round {round}")], reviewer)
    for ids in (("train", "7"), ("train", "9"), ("train", "10")):
        take(folder, "landmarks", [verdict("landmarks", ids, "reject", reason=f"round {round}")], reviewer)
"""


def test_reviewers_who_decide_at_the_same_time_lose_no_row(
    tmp_path: Path, child: Callable[..., subprocess.Popen[str]]
) -> None:
    make(tmp_path)
    reviewers = ["adjudicated", "ann", "bob"]
    running = [child(_DECIDES, tmp_path, reviewer) for reviewer in reviewers]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait() for process in running] == [0] * len(running)
    curated = read_all(tmp_path)
    assert laws.broken_laws(curated) == []
    for name, count in (("class_decisions", 5), ("landmark_decisions", 3)):
        assert len(curated[name]) == count * len(reviewers)
        assert set(curated[name]["reason"]) == {"round 1"}


def test_the_lock_is_held_until_its_end(tmp_path: Path) -> None:
    other = os.open(tmp_path, os.O_RDONLY)
    with locked(tmp_path), pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


def test_the_lock_is_free_again_after_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        _ = 1 / 0
    with locked(tmp_path):
        assert list(tmp_path.iterdir()) == []


# -------------------------------------------------------------------------------------------------------- taken back
def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init")
    (tmp_path / "annotations").mkdir()
    return tmp_path / "annotations"


def committed(folder: Path, rows: list[dict[str, str]], name: str = NAME) -> Path:
    path = path_in(folder, name)
    write(name, frame_of(name, rows), path)
    git(folder, "add", path.name)
    git(folder, "commit", "--message", "verdicts")
    return path


def after_undo(
    path: Path, now: list[dict[str, str]], written: list[dict[str, str]], replaced: list[dict[str, str]]
) -> list[dict[str, str]]:
    """Rows of the table once `written`, which stood in it with the others, is taken back."""
    write(path.stem, frame_of(path.stem, now), path)
    table = taken_back(path.stem, store.read(path.stem, path), written, replaced, path, LATER)
    assert rows_in(path) == now  # what is returned is not written yet
    write(path.stem, table, path)
    return rows_in(path)


def test_a_row_that_git_does_not_have_goes(repository: Path) -> None:
    path = committed(repository, [KIRK])
    assert after_undo(path, [KIRK, POND], [POND], []) == [KIRK]


@pytest.mark.parametrize("is_committed", [False, True])
def test_a_row_gives_back_what_it_replaced(repository: Path, is_committed: bool) -> None:
    path = committed(repository, [KIRK, POND])
    anew = KIRK | {"decision": "ignore", "hierarchical_label": "", "reviewed_on": LATER}
    if is_committed:
        committed(repository, [anew, POND])
    assert after_undo(path, [anew, POND], [anew], [KIRK]) == [KIRK, POND]


@pytest.mark.parametrize(
    ("name", "cells", "answer", "reason"),
    [
        ("class_decisions", ("Q1", "kirk", "assign", "church"), ("Q1", "kirk", "unsure", ""), "assign church"),
        ("class_decisions", ("Q1", "kirk", "ignore", ""), ("Q1", "kirk", "unsure", ""), "ignore"),
        ("edge_decisions", ("Q1", "a", "Q2", "b", "add"), ("Q1", "a", "Q2", "b", "unsure"), "add"),
        (
            "landmark_decisions",
            ("train", "7", "Abbey", "assign", "church"),
            ("train", "7", "Abbey", "unsure", ""),
            "assign church",
        ),
    ],
)
def test_a_row_that_git_has_is_answered_by_one_that_says_so(
    repository: Path, name: str, cells: tuple[str, ...], answer: tuple[str, ...], reason: str
) -> None:
    row = row_of(name, cells, evidence_hash="abc")
    path = committed(repository, [row], name)
    told = {"reviewed_on": LATER, "evidence_hash": "", "reason": f"Retracts {reason} of {DAY}."}
    assert after_undo(path, [row], [row], []) == [row_of(name, answer, **told)]


def test_each_row_is_taken_back_in_its_own_way(repository: Path) -> None:
    # kirk is in git, pond is not, and the chapel's row took the place of another.
    old = row_of(NAME, ("Q3", "chapel", "ignore", ""))
    path = committed(repository, [KIRK, old])
    anew = old | {"reason": "read"}
    found = after_undo(path, [KIRK, POND, anew], [anew, KIRK, POND], [old])
    assert [(row["class_qid"], row["decision"]) for row in found] == [("Q1", "unsure"), ("Q3", "ignore")]
    assert found[1] == old


@pytest.mark.parametrize("change", [{"reason": "read"}, {"reviewed_on": LATER}, {"reviewer": "bob"}])
def test_a_row_that_changed_since_is_not_taken_back(tmp_path: Path, change: dict[str, str]) -> None:
    path = path_in(tmp_path, NAME)
    with pytest.raises(CurationError) as refusal:
        taken_back(NAME, frame_of(NAME, [KIRK | change, POND]), [KIRK, POND], [], path, LATER)
    (problem,) = refusal.value.problems
    assert problem.startswith(f"{path}: Q1 (kirk): changed since")
    assert "Remedy: " in problem


def test_all_rows_that_changed_since_are_named(tmp_path: Path) -> None:
    with pytest.raises(CurationError) as refusal:
        taken_back(NAME, frame_of(NAME, []), [KIRK, POND], [], path_in(tmp_path, NAME), LATER)
    assert [problem.partition(": ")[2].split(" ")[0] for problem in refusal.value.problems] == ["Q1", "Q2"]


def _without_commit(folder: Path, _: pytest.MonkeyPatch) -> None:
    git(folder, "init")


def _without_git(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder / "nothing"))


def _without_repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))


@pytest.mark.parametrize("world", [_without_repository, _without_commit, _without_git])
def test_without_git_or_a_commit_a_row_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: Callable[[Path, pytest.MonkeyPatch], None]
) -> None:
    world(tmp_path, monkeypatch)
    assert after_undo(path_in(tmp_path, NAME), [KIRK, POND], [KIRK], []) == [POND]


def test_a_table_that_git_has_with_other_columns_or_letters_holds_no_row_of_this_one(repository: Path) -> None:
    path = path_in(repository, NAME)
    for content in (b"class_qid,reviewer\nQ1,ann\n", b"\xff\xfe"):
        path.write_bytes(content)
        git(repository, "add", path.name)
        git(repository, "commit", "--message", "not ours")
        assert after_undo(path, [KIRK], [KIRK], []) == []


def test_a_row_whose_cells_hold_separators_and_line_breaks_is_found_in_git(repository: Path) -> None:
    row = row_of(NAME, ("Q1", 'a, "b"\nc', "ignore", ""))
    path = committed(repository, [row])
    assert [found["decision"] for found in after_undo(path, [row], [row], [])] == ["unsure"]
