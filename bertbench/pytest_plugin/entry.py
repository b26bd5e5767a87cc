"""The plugin that pytest loads if bertbench is installed: options, markers, and collection of project files.

It imports nothing until a session finds a `bertbench.toml`, or a `pyproject.toml` with `[tool.bertbench]`.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import pytest

HOOKS = ("bertbench.pytest_plugin.plugin", "bertbench.pytest_plugin.project")


def a_path(text: str) -> Path:
    """A path, which must not be empty (as from an unset variable)."""
    if not text:
        raise argparse.ArgumentTypeError("is empty; give a path or leave the option out")
    return Path(text)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options for results and baselines."""
    add = parser.getgroup("bertbench").addoption
    add("--results-dir", type=a_path, help="write results here, for `bertbench gate` and `bertbench report`")
    add("--record-baselines", action="store_true", help="store the results of this run as the new baselines")
    add("--allow-dirty", action="store_true", help="record even if the work tree has uncommitted changes")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers; load the hooks if the folders of the session contain a project."""
    config.addinivalue_line("markers", "accuracy: scores of real predictions against stored baselines")
    config.addinivalue_line("markers", "benchmark: throughput as a share of the machine's limit")
    folders = {config.rootpath, config.invocation_params.dir}
    places = [folder / name for folder in folders for name in ("bertbench.toml", "pyproject.toml")]
    # The main process of pytest-xdist collects nothing, so it cannot see projects in other folders.
    if getattr(config.option, "dist", "no") != "no" or any(is_project(path) for path in places):
        load_hooks(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a project's checks."""
    if not is_project(file_path):
        return None
    load_hooks(parent.config)
    from bertbench.pytest_plugin.project import ProjectFile

    collected: pytest.Collector = ProjectFile.from_parent(parent, path=file_path)
    return collected


def is_project(path: Path) -> bool:
    """Whether a file is a project file."""
    if path.name == "pyproject.toml" and path.is_file():
        return _has_tables(path.read_bytes())
    return path.name == "bertbench.toml" and path.is_file()


def _has_tables(content: bytes) -> bool:
    """Whether a `pyproject.toml` has `[tool.bertbench]`; pytest reports one that is not TOML."""
    if b"bertbench" not in content:
        return False
    import tomllib

    try:
        tools = tomllib.loads(content.decode()).get("tool")
    except ValueError:
        return False
    return isinstance(tools, dict) and "bertbench" in tools


def load_hooks(config: pytest.Config, names: Iterable[str] = HOOKS) -> None:
    """Register the hooks that a session with a project needs, once."""
    for name in names:
        config.pluginmanager.import_plugin(name)
