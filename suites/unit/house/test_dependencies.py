"""What the package requires is what it imports; what its tests require beside, what they import."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
# Of other requirements "-" becomes "_".
MODULES = {
    "tensorflow-cpu": "tensorflow",
    "py-cpuinfo2": "cpuinfo",
    "mlcommons-loadgen": "mlperf_loadgen",
}
# Packages that a requirement installs, and optional ones that are checked before they are imported.
BROUGHT_ALONG = {"urllib3", "google", "packaging"}
OPTIONAL = {"horovod", "mlperf_loadgen", "onnx", "onnxruntime"}
OTHER_ENGINES = ROOT / "tools" / "peers"
# What tests need without an import: programs, types for one of them, and a plugin of pytest.
PROGRAMS = {"ruff", "mypy", "types_psutil", "types_requests", "pytest_xdist"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def required_modules(stated) -> set[str]:
    names = [re.match(r"[\w-]+", text)[0] for text in stated]
    return {MODULES.get(name, name.replace("-", "_")) for name in names}


def imported_modules(*folders: str) -> set[str]:
    found = set()
    for path in [file for folder in folders for file in (ROOT / folder).rglob("*.py")]:
        if path.is_relative_to(OTHER_ENGINES):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"bertbench", "suites", "tools"}


def test_requirements_equal_packages_that_bertbench_imports():
    imported = imported_modules("bertbench") - BROUGHT_ALONG - OPTIONAL
    assert required_modules(PROJECT["dependencies"]) == imported


def test_requirements_of_tests_equal_what_only_tests_import():
    beside = imported_modules("suites", "tools") - imported_modules("bertbench") - BROUGHT_ALONG - OPTIONAL
    assert required_modules(PROJECT["optional-dependencies"]["test"]) - PROGRAMS - OPTIONAL == beside


def test_ci_constraints_meet_the_requirements():
    stated = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
    lines = (ROOT / "ci-constraints.txt").read_text().splitlines()
    pinned = [Requirement(line) for line in lines if line and not line.startswith("#")]
    versions = {canonicalize_name(entry.name): str(entry.specifier) for entry in pinned}
    for requirement in map(Requirement, stated):
        pin = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pin.removeprefix("==")), requirement
