"""The guide of training/ is tested: its examples run, and what it names exists."""

import re
from pathlib import Path

import pytest

ROOM = Path(__file__).parents[2] / "training"
GUIDE = (ROOM / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", GUIDE, re.S)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 2


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_runs(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    scope: dict[str, object] = {}
    exec(compile(example, "training/README.md", "exec"), scope)
    printed = [float(word) for word in capsys.readouterr().out.split()]
    assert all(0 <= value <= 1 for value in printed)
    assert bool(printed) == ("print" in example)


def test_the_first_example_needs_five_lines_after_its_imports() -> None:
    assert len(EXAMPLES[0].split("\n\n")[1].splitlines()) == 5


def test_modules_and_benchmarks_that_it_names_exist() -> None:
    for name in re.findall(r"`training/([\w]+\.py)`", GUIDE):
        assert (ROOM / name).is_file(), name
    for name in re.findall(r"python -m benchmarks\.(\w+)", GUIDE):
        assert (ROOM.parent / "benchmarks" / f"{name}.py").is_file(), name


def test_losses_that_it_names_are_all_that_there_are() -> None:
    from training import losses

    assert set(re.findall(r"`(\w+Loss)[`(]", GUIDE)) == set(losses.__all__)
