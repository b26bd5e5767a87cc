"""Imports follow the table of places in CONTRIBUTING.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "bertbench"
FACES = {"__init__", "__main__"}


def read_floors() -> dict[str, int]:
    """The row of each module and package of `bertbench`, by its name."""
    lines = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()
    rows = [line.split("|")[1] for line in lines if line.startswith("| `bertbench/")]
    return {
        re.sub(r"^bertbench/|/$|\.py$", "", place): floor
        for floor, row in enumerate(rows)
        for place in re.findall(r"`([^`]+)`", row)
    }


def read_imports(path: Path) -> Iterator[str]:
    """What a file imports, with the names it takes from each module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


FLOORS = read_floors()


def test_every_module_is_in_the_table():
    modules = {path.stem for path in PACKAGE.glob("*.py")} - FACES
    assert modules | {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == set(FLOORS)


@pytest.mark.parametrize("name", FLOORS)
def test_modules_import_only_from_their_row_or_above(name):
    files = (PACKAGE / name).rglob("*.py") if (PACKAGE / name).is_dir() else [PACKAGE / f"{name}.py"]
    for file in files:
        for imported in read_imports(file):
            assert not re.match(r"(suites|tools|conftest)\b", imported), f"{file}: {imported}"
            assert name == "pytest_plugin" or not re.match(r"pytest\b", imported), f"{file}: {imported}"
            first, *rest = imported.split(".")
            if first == "bertbench" and rest[0] in FLOORS:
                assert FLOORS[rest[0]] <= FLOORS[name], f"{file}: {imported} is below it"


TESTS = sorted((ROOT / "suites").rglob("test_*.py"))


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_test_modules_do_not_import_each_other(file):
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in TESTS}
    for imported in read_imports(file):
        assert imported not in modules
        assert imported.rpartition(".")[0] not in modules
