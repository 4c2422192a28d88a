"""The house rules that a program can check: who may import whom, and what DVC must know."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pipeline import release_tables, tables
from pipeline.schema import Table

ROOT = Path(__file__).parents[1]
ROOMS = ("annotations", "hierarchy", "pipeline", "sample", "training")
FORBIDDEN = {
    "hierarchy": {"annotations", "pipeline", "sample", "training"},
    "annotations": {"hierarchy", "pipeline", "sample", "training"},
    "training": {"annotations", "hierarchy", "pipeline", "sample"},
    "pipeline": {"sample"},
}
DVC = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def module_files() -> dict[str, Path]:
    """Every module of the rooms by dotted name."""
    files = {}
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


def imported_modules(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Modules of the rooms that a file imports, wherever in the file, packages on the way included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            yield from (prefix for n in range(1, len(parts) + 1) if (prefix := ".".join(parts[:n])) in known)


def import_closure(module: str) -> set[str]:
    """The module, what it imports from the rooms, what that imports, and so on."""
    known = module_files()
    closure: set[str] = set()
    frontier = {module, module.split(".")[0]}
    while frontier:
        closure |= frontier
        frontier = {name for done in frontier for name in imported_modules(known[done], known)} - closure
    return closure


@pytest.mark.parametrize("module", sorted(module_files()))
def test_imports_go_one_way(module: str) -> None:
    known = module_files()
    imported = set(imported_modules(known[module], known))
    assert not {name.split(".")[0] for name in imported} & FORBIDDEN.get(module.split(".")[0], set())
    if module.startswith("pipeline.step"):
        assert not {name for name in imported if name.startswith("pipeline.step")} - {module}


def test_import_closure_follows_imports_of_imports() -> None:
    closure = import_closure("pipeline.step3_hierarchy")
    assert {"hierarchy.graph", "annotations.store", "pipeline.curation"} <= closure
    assert "pipeline.step4_label" not in closure


@pytest.mark.parametrize("stage", DVC)
def test_stage_lists_every_module_it_imports(stage: str) -> None:
    module = DVC[stage]["cmd"].removeprefix("python -m ").split()[0]
    files = {module_files()[name].relative_to(ROOT).as_posix() for name in import_closure(module)}
    deps = DVC[stage]["deps"]
    missing = {file for file in files if not any(file == dep or file.startswith(f"{dep}/") for dep in deps)}
    assert not missing
    stale = {dep for dep in deps if dep.endswith(".py")} - files
    assert not stale


def test_every_declared_table_is_an_out_of_its_stage() -> None:
    declared = [value for value in vars(tables).values() if isinstance(value, Table)]
    assert len(declared) > 10
    for table in (*declared, *release_tables.RELEASE_TABLES):
        outs = [out if isinstance(out, str) else next(iter(out)) for out in DVC[table.stage]["outs"]]
        assert any(table.path == out or table.path.startswith(f"{out}/") for out in outs), table.path


def test_every_dep_exists_or_is_made_by_an_earlier_stage() -> None:
    made: list[str] = []
    for stage in DVC.values():
        for dep in stage["deps"]:
            is_made = any(dep == out or dep.startswith(f"{out}/") or out.startswith(f"{dep}/") for out in made)
            assert is_made or (ROOT / dep).exists(), dep
        made += [out if isinstance(out, str) else next(iter(out)) for out in stage["outs"]]


def test_every_stage_has_a_description_and_a_command() -> None:
    from pipeline.cli import STAGES

    assert list(DVC) == list(STAGES)
    for name, stage in DVC.items():
        assert stage["desc"]
        options = " --loss ${item.loss} --seed ${item.seed}" if "matrix" in stage else ""
        assert stage["cmd"] == f"python -m pipeline.{STAGES[name]}{options}"
