"""A run survives what may happen to it: kills at any byte, full disks, damaged files, a second process."""

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training.runs import (
    RunError,
    append_row,
    file_digest,
    keep_rows,
    load_checkpoint,
    read_rows,
    run_lock,
    save_checkpoint,
    set_aside,
)

ROOT = Path(__file__).parents[2]
ROWS = [{"epoch": 1, "loss": 0.1 + 0.2}, {"epoch": 2, "loss": 1e-320, "name": "Zürich"}, {"epoch": 3, "loss": None}]
shares_its_folder = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


def state(seed: int = 0) -> dict[str, Any]:
    """What a run keeps: weights, an optimiser's moments, random numbers, numbers and texts."""
    torch.manual_seed(seed)
    model = torch.nn.Linear(7, 5)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(3, 7)).sum().backward()
    optimizer.step()
    return {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "progress": {"epoch": 3, "loss_sum": 0.1 + 0.2, "best": None, "faults": (1, [2])},
        "digest": "Zürich",
    }


def assert_same(one: Any, other: Any) -> None:
    """Same values, types and order, bit for bit; an ordered dictionary comes back as a plain one."""
    assert type(one) is type(other) or (isinstance(one, dict) and isinstance(other, dict))
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list | tuple):
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    else:
        assert one == other


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A checkpoint, alone in its folder."""
    path = tmp_path / "last.pt"
    save_checkpoint(path, state())
    return path


def test_a_checkpoint_comes_back_and_is_replaced(checkpoint: Path) -> None:
    assert_same(load_checkpoint(checkpoint, "cpu"), state())
    save_checkpoint(checkpoint, state(1))
    assert_same(load_checkpoint(checkpoint, torch.device("cpu")), state(1))
    assert files(checkpoint.parent) == {"last.pt"}


def test_same_state_same_bytes_whatever_the_name(checkpoint: Path) -> None:
    other = checkpoint.with_name("other.pt")
    save_checkpoint(other, state())
    assert other.read_bytes() == checkpoint.read_bytes()


def test_the_device_is_that_asked_for(checkpoint: Path) -> None:
    assert load_checkpoint(checkpoint, "meta")["model"]["weight"].device.type == "meta"


@shares_its_folder
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_checkpoint_cut_anywhere_is_refused(checkpoint: Path, share: float) -> None:
    whole = checkpoint.read_bytes()
    cut = checkpoint.with_name("cut.pt")
    cut.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(RunError, match=r"cut\.pt: .* cut short or damaged .*; remove it to start the run anew, or"):
        load_checkpoint(cut, "cpu")


@shares_its_folder
@given(share=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255))
def test_a_damaged_byte_is_refused_or_does_not_matter(checkpoint: Path, share: float, bits: int) -> None:
    """Torch alone would load most of them as other numbers."""
    damaged = bytearray(checkpoint.read_bytes())
    damaged[int(share * len(damaged))] ^= bits
    other = checkpoint.with_name("damaged.pt")
    other.write_bytes(damaged)
    try:
        loaded = load_checkpoint(other, "cpu")
    except RunError:
        return
    assert_same(loaded, state())


def test_a_damaged_number_is_refused(checkpoint: Path) -> None:
    number = state()["model"]["weight"].numpy().tobytes()[:8]
    whole = checkpoint.read_bytes()
    assert whole.count(number) == 1
    checkpoint.write_bytes(whole.replace(number, bytes([number[0] ^ 1]) + number[1:]))
    with pytest.raises(RunError, match=r"last\.pt: .*wrong checksum or attributes of archive/data/"):
        load_checkpoint(checkpoint, "cpu")


def test_a_part_marked_as_a_folder_is_refused(checkpoint: Path) -> None:
    """Torch gives what was in memory for it, and no checksum covers the mark."""
    damaged = bytearray(checkpoint.read_bytes())
    entry = damaged.rindex(b"PK\x01\x02", 0, damaged.rindex(b"archive/data/0"))
    damaged[entry + 38] |= 0x10
    checkpoint.write_bytes(damaged)
    with pytest.raises(RunError, match="wrong checksum or attributes of archive/data/0"):
        load_checkpoint(checkpoint, "cpu")


class Other:
    """Something whose loading would run code."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("made",)


def test_other_types_are_refused_and_nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"a": Other()}, tmp_path / "other.pt")
    with pytest.raises(RunError, match=r"other\.pt: the checkpoint holds types that a state may not hold; remove it"):
        load_checkpoint(tmp_path / "other.pt", "cpu")
    assert files(tmp_path) == {"other.pt"}
    torch.save([1], tmp_path / "list.pt")
    with pytest.raises(RunError, match=r"list\.pt: holds a list, not the state of a run"):
        load_checkpoint(tmp_path / "list.pt", "cpu")


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"none\.pt: the checkpoint cannot be read \(No such file or directory\)"):
        load_checkpoint(tmp_path / "none.pt", "cpu")
    with pytest.raises(RunError, match=r"cannot be read \(Is a directory\)"):
        load_checkpoint(tmp_path, "cpu")
    with pytest.raises(RunError, match=r"last\.pt: cannot be written \(No such file or directory\)"):
        save_checkpoint(tmp_path / "none" / "last.pt", state())


def test_what_cannot_be_saved_leaves_the_previous_one(checkpoint: Path) -> None:
    with pytest.raises(AttributeError):  # a mistake in the program, not on disk
        save_checkpoint(checkpoint, {"function": lambda: None})
    assert_same(load_checkpoint(checkpoint, "cpu"), state())
    assert files(checkpoint.parent) == {"last.pt"}


def full(*_: Any, **__: Any) -> None:
    """Any call to a file system without room."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def small_files(size: int) -> Iterator[None]:
    """Files of this process cannot grow beyond `size` bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_previous_checkpoint(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(RunError, match=r"last\.pt: cannot be written \(No space left on device\).*free space"):
            save_checkpoint(checkpoint, state(1))
    assert_same(load_checkpoint(checkpoint, "cpu"), state())
    assert files(checkpoint.parent) == {"last.pt"}


@pytest.mark.parametrize("size", [0, 1, 1000, 3000])
def test_no_room_in_the_middle_of_a_checkpoint(checkpoint: Path, size: int) -> None:
    with small_files(size), pytest.raises(RunError, match=r"last\.pt: cannot be written \(File too large\)"):
        save_checkpoint(checkpoint, state(1))
    assert_same(load_checkpoint(checkpoint, "cpu"), state())
    assert files(checkpoint.parent) == {"last.pt"}


def test_no_room_for_a_checkpoint_larger_than_any_buffer(tmp_path: Path) -> None:
    with small_files(1_000_000), pytest.raises(RunError, match=r"\(File too large\)"):
        save_checkpoint(tmp_path / "last.pt", {"weight": torch.zeros(1_000_000)})
    assert files(tmp_path) == set()


def test_everything_is_on_disk_before_the_name_changes(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(number: int) -> None:
        calls.append(f"fsync {Path(f'/proc/self/fd/{number}').readlink().name}")
        fsync(number)

    def noted_replace(*names: Any) -> None:
        calls.append("replace")
        replace(*names)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    save_checkpoint(checkpoint, state(1))
    assert calls == ["fsync .last.pt.part", "replace", f"fsync {checkpoint.parent.name}"]


def test_what_a_kill_left_does_not_disturb(checkpoint: Path) -> None:
    checkpoint.with_name(".last.pt.part").write_bytes(b"x" * 100_000)
    save_checkpoint(checkpoint, state(1))
    assert_same(load_checkpoint(checkpoint, "cpu"), state(1))
    assert files(checkpoint.parent) == {"last.pt"}


HOLDER = """
import os, sys
from pathlib import Path
from training.runs import run_lock
with run_lock(Path(sys.argv[1])):
    if os.fork() == 0:
        os.close(1)
        sys.stdin.read()
        os._exit(0)
    print(os.getpid(), flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock, and has a child; both are gone at the end."""
    command = [sys.executable, "-c", HOLDER, str(folder)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == str(process.pid)
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # the child lives on in the group
        process.communicate()


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "happier" / "seed0"
    with run_lock(folder):
        pass  # what it wrote into the lock file is not read as the next one's
    with holder(folder) as process:
        refused = rf"seed0: process {process.pid} is training this run; wait until it ends, or stop it"
        for _ in range(2):
            with pytest.raises(RunError, match=refused), run_lock(folder):
                pass
        with run_lock(folder.with_name("seed1")):
            pass
        process.kill()
        process.wait()
        with run_lock(folder):  # though its child lives
            pass
    assert not folder.exists()
    assert files(folder.parent) == {".seed0.lock", ".seed1.lock"}


def test_the_lock_is_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), run_lock(tmp_path / "seed0"):
        _ = 1 / 0
    with holder(tmp_path / "seed0"):
        pass


def test_no_room_for_the_lock_is_told(tmp_path: Path) -> None:
    with (
        small_files(0),
        pytest.raises(RunError, match=r"\.seed0\.lock: cannot be written"),
        run_lock(tmp_path / "seed0"),
    ):
        pass


def test_runs_are_set_aside_and_never_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "seed0"
    (tmp_path / "seed0.aside-2").symlink_to("nowhere")
    for name, content in (("seed0.aside-1", "first"), ("seed0.aside-3", "second")):
        folder.mkdir()
        (folder / "last.pt").write_text(content)
        assert set_aside(folder) == tmp_path / name
        assert not folder.exists()
    assert (tmp_path / "seed0.aside-1" / "last.pt").read_text() == "first"
    assert (tmp_path / "seed0.aside-3" / "last.pt").read_text() == "second"


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    path = tmp_path / "metrics.jsonl"
    for row in ROWS:
        append_row(path, row)
    return path


def test_rows_come_back(metrics: Path) -> None:
    assert read_rows(metrics) == ROWS
    assert metrics.read_text().splitlines()[0] == '{"epoch": 1, "loss": 0.30000000000000004}'
    assert read_rows(metrics.with_name("none.jsonl")) == []


def test_keys_are_sorted(tmp_path: Path) -> None:
    append_row(tmp_path / "one.jsonl", {"b": 1, "a": 2})
    append_row(tmp_path / "two.jsonl", {"a": 2, "b": 1})
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()


def test_not_a_number_comes_back(tmp_path: Path) -> None:
    append_row(tmp_path / "metrics.jsonl", {"loss": float("nan"), "best": float("-inf")})
    (row,) = read_rows(tmp_path / "metrics.jsonl")
    assert row["loss"] != row["loss"]
    assert row["best"] == float("-inf")


@shares_its_folder
@given(data=st.data())
def test_rows_cut_anywhere_lose_only_the_torn_one(metrics: Path, data: st.DataObject) -> None:
    whole = metrics.read_bytes()
    size = data.draw(st.integers(0, len(whole)))
    cut = metrics.with_name("cut.jsonl")
    cut.write_bytes(whole[:size])
    complete = whole[:size].count(b"\n")
    assert read_rows(cut) == ROWS[:complete]
    append_row(cut, {"epoch": 9})
    assert read_rows(cut) == [*ROWS[:complete], {"epoch": 9}]
    cut.write_bytes(whole[:size])
    kept = data.draw(st.integers(0, complete))
    keep_rows(cut, kept)
    assert cut.read_bytes() == b"".join(whole.splitlines(keepends=True)[:kept])


def test_rows_that_should_be_there_are_missed(metrics: Path) -> None:
    with pytest.raises(RunError, match=r"metrics\.jsonl: holds 3 rows, and the run's checkpoint was saved after 4"):
        keep_rows(metrics, 4)
    assert read_rows(metrics) == ROWS
    with pytest.raises(RunError, match=r"none\.jsonl: holds 0 rows"):
        keep_rows(metrics.with_name("none.jsonl"), 1)
    keep_rows(metrics.with_name("none.jsonl"), 0)
    assert read_rows(metrics.with_name("none.jsonl")) == []


@pytest.mark.parametrize("line", [b"{", b"[1]", b"", b"\xff"])
def test_a_line_that_is_not_a_row_is_named(metrics: Path, line: bytes) -> None:
    lines = metrics.read_bytes().split(b"\n")
    metrics.write_bytes(b"\n".join([lines[0], line, *lines[1:]]))
    with pytest.raises(RunError, match=r"metrics\.jsonl:2: not a row of metrics; remove the line"):
        read_rows(metrics)


def test_a_full_disk_leaves_the_rows(metrics: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = metrics.stat().st_size
    with small_files(size + 3), pytest.raises(RunError, match=r"metrics\.jsonl: cannot be written \(File too large\)"):
        append_row(metrics, {"epoch": 4})
    assert read_rows(metrics) == ROWS
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RunError, match=r"metrics\.jsonl: cannot be written \(No space left on device\)"):
            keep_rows(metrics, 1)
    append_row(metrics, {"epoch": 4})
    assert read_rows(metrics) == [*ROWS, {"epoch": 4}]
    assert files(metrics.parent) == {"metrics.jsonl"}


def rename(paths: list[Path]) -> list[Path]:
    return [paths[0].rename(paths[0].with_name("c.py")), paths[1]]


def swap_contents(paths: list[Path]) -> list[Path]:
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(paths, reversed(contents), strict=True):
        path.write_bytes(content)
    return paths


def move_a_byte(paths: list[Path]) -> list[Path]:
    first, second = (path.read_bytes() for path in paths)
    paths[0].write_bytes(first[:-1])
    paths[1].write_bytes(first[-1:] + second)
    return paths


CHANGES: dict[str, Callable[[list[Path]], list[Path]]] = {
    "other name": rename,
    "other order": lambda paths: paths[::-1],
    "contents swapped": swap_contents,
    "byte moved to the next file": move_a_byte,
    "file left out": lambda paths: paths[:1],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_digest_is_of_names_contents_and_order(tmp_path: Path, change: Callable[[list[Path]], list[Path]]) -> None:
    digests = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        paths = [folder / "a.py", folder / "b.py"]
        paths[0].write_bytes(b"first")
        paths[1].write_bytes(b"second")
        digests.append(file_digest(paths))
    assert digests[0] == digests[1]
    assert file_digest(change(paths)) != digests[0]
    assert len(digests[0]) == 64


def test_equal_states_give_equal_bytes_whatever_objects_they_share(tmp_path: Path) -> None:
    """A state that was read holds each text once; one that a run made does not."""
    texts = ["weight_" + "decay", "".join(["weight", "_decay"])]
    assert texts[0] is not texts[1]
    shared = [{texts[0]: 1, "at": (texts[0],)}, {texts[0]: 2}]
    apart = [{texts[0]: 1, "at": (texts[1],)}, {texts[1]: 2}]
    save_checkpoint(tmp_path / "shared.pt", {"groups": shared})
    save_checkpoint(tmp_path / "apart.pt", {"groups": apart})
    assert (tmp_path / "shared.pt").read_bytes() == (tmp_path / "apart.pt").read_bytes()
