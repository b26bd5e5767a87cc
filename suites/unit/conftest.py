"""What several folders of unit tests share."""

import pytest

from bertbench.cli import main
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
