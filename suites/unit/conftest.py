"""Fixtures for several folders of unit tests."""

import pytest

from bertbench.cli import main
from suites.unit.git_repository import commit, git
from suites.unit.random_stand_ins import make_stand_ins


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory):
    return make_stand_ins(tmp_path_factory.mktemp("stand_ins"))


@pytest.fixture
def call_here(monkeypatch, capsys):
    """Call `bertbench` in this process, whose threads TensorFlow has already."""
    monkeypatch.setattr("bertbench.runtime.apply_threads", lambda settings: None)

    def run(*arguments):
        with pytest.raises(SystemExit) as ending:
            main([*map(str, arguments)])
        captured = capsys.readouterr()
        return ending.value.code, captured.out, captured.err

    return run


@pytest.fixture
def siblings(monkeypatch):
    """Give this machine the hardware threads of `made_up_machine.TWO_SOCKETS`."""
    monkeypatch.setattr(
        "bertbench.processes.placement._siblings", lambda core, root: tuple(sorted((core, (core + 8) % 16)))
    )


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with one commit that ignores /results, as the current folder."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "Ada")
    (root / ".gitignore").write_text("/results/\n")
    commit(root, "first")
    monkeypatch.chdir(root)
    return root
