"""Packages whose import is postponed until they are used."""

import os
import subprocess
import sys

import pytest

from bertbench import lazy_imports

pytestmark = pytest.mark.unit

POSTPONE = "import sys; from bertbench.lazy_imports import postpone_imports; postpone_imports()\n"
IS_LOADED = "print('numpy.linalg' in sys.modules)"


def run(code: str) -> list[str]:
    """The lines that a new interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", POSTPONE + code], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.splitlines()


def test_import_statement_does_not_load_the_package():
    assert run(f"import numpy as np; import numpy; {IS_LOADED}") == ["False"]


@pytest.mark.parametrize(
    "use",
    [
        "import numpy as np; print(np.float32(0.5))",
        "import numpy.linalg; print(numpy.linalg.norm([0.3, 0.4]))",
        "from numpy import linalg; print(linalg.norm([0.3, 0.4]))",
        "from numpy.linalg import norm; print(norm([0.3, 0.4]))",
        "from scipy.stats import rankdata; print(rankdata([3, 1])[1] / 2)",
    ],
)
def test_first_use_loads_the_package(use):
    assert run(f"{use}; {IS_LOADED}") == ["0.5", "True"]


def test_package_is_one_module_before_and_after_its_first_use():
    assert run("import numpy as a; a.zeros; import numpy as b; print(a is b is sys.modules['numpy'])") == [
        "True"
    ]


def test_error_in_a_package_is_raised_by_its_first_use(tmp_path, monkeypatch):
    (tmp_path / "jinja2.py").write_text("raise ValueError('broken')\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
    code = """
import jinja2
try:
    jinja2.Environment
except ValueError as error:
    print(error)
print("jinja2" in sys.modules)
"""
    assert run(code) == ["broken", "False"]


def test_missing_package_is_left_alone(monkeypatch):
    monkeypatch.setattr(lazy_imports, "PACKAGES", ("no_such_package",))
    lazy_imports.postpone_imports()
    assert "no_such_package" not in sys.modules
