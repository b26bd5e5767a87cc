"""All output for users is printed by four modules, which escape control characters."""

import ast
import re
from pathlib import Path

import pytest

import bertbench

pytestmark = pytest.mark.unit

PACKAGE = Path(bertbench.__file__).parent
PRINTERS = re.compile(r"(.*\.)?(print|echo|secho|Console|stdout\.write|stderr\.write)")
PLACES = {PACKAGE / name for name in ("console.py", "tables.py", "progress_bar.py", "entry.py")}


@pytest.mark.parametrize("path", sorted(set(PACKAGE.rglob("*.py")) - PLACES), ids=lambda path: path.stem)
def test_only_console_modules_print(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if any(keyword.arg == "file" for keyword in node.keywords):
                continue  # a response to another process
            assert not PRINTERS.fullmatch(called), (
                f"{path}:{node.lineno}: {called} (use bertbench.console or bertbench.tables)"
            )
