"""Seeded kills of a small writer, as `python -m tools.kills` does it, and the classification of outcomes."""

import random
import signal
import sys

import pytest

from tools.kills.__main__ import SIGNALS, count
from tools.kills.killed_commands import COMMANDS, KilledCommand
from tools.kills.trial import Ending, Reference, classify, kill, make_reference

pytestmark = pytest.mark.unit

PREPARE = COMMANDS["prepare"]
KILLS_PER_SIGNAL = 4
PROGRAM = """
import time
from bertbench.entry import run_program

def run(arguments):
    from bertbench.output_folders import staged_directory
    with staged_directory("out", last="results.json") as staging:
        for name in ("a", "b", "results.json"):
            (staging / name).write_text(arguments[0])
            time.sleep(0.1)
    return 0

if __name__ == "__main__":
    run_program("writer", "writer")
"""


def write_program(folder):
    (folder / "writer.py").write_text(PROGRAM)


WRITER = KilledCommand(
    "writer",
    write_program,
    (sys.executable, "writer.py", "old"),
    (sys.executable, "writer.py", "new"),
    ("out/*",),
)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return make_reference(WRITER, tmp_path_factory.mktemp("kills"))


@pytest.mark.parametrize("number", SIGNALS)
def test_killed_writer_leaves_whole_outputs(reference, number, tmp_path):
    draw = random.Random(int(number))  # moments of writing: SIGINT may meet the start of Python itself
    for _ in range(KILLS_PER_SIGNAL):
        again = number == signal.SIGKILL
        ending = kill(WRITER, reference, number, draw.uniform(0.5, 1.0), tmp_path / "trial", again=again)
        assert (ending.orphans, ending.traceback) == (0, False)
        if again:
            assert ending.finished
            assert ending.state in ("old", "partial", "new")
        else:
            assert ending.left == ()
            assert ending.state in ("old", "new")


def test_output_states_are_classified(tmp_path):
    before, after = {"a": "1", "b": "1", "same": "0"}, {"a": "2", "b": "2", "same": "0"}
    folder = Reference(tmp_path, before, after, 1.0)
    states = {
        "old": before,
        "new": after,
        "partial": {"a": "2", "same": "0"},
        "mixed": {"a": "2", "b": "1", "same": "0"},
        "torn": {"a": "2", "b": "half"},
    }
    assert {name: classify(PREPARE, folder, found) for name, found in states.items()} == {
        name: name for name in states
    }
    assert classify(PREPARE, folder, {"a": "1"}) == "mixed"  # an old one is lost
    assert classify(COMMANDS["train"], folder, {"a": "2"}) == "resumable"


def test_outcomes_are_counted():
    endings = [
        Ending("old", (), 0, False, True),
        Ending("torn", (".x.bertbench",), 2, True, False),
        Ending("mixed", (), 0, False),
    ]
    assert count(endings) == ("3", "1", "0", "0", "0", "2", "1", "1", "1", "1 of 2")


def test_command_whose_outputs_differ_between_runs_is_refused(tmp_path):
    """Otherwise every kill would count as torn, and no second run as finished."""
    write = "import pathlib, time; pathlib.Path('out').write_text(str(time.time_ns()))"
    killed = KilledCommand("clock", lambda folder: None, (), (sys.executable, "-c", write), ("out",))
    with pytest.raises(RuntimeError, match="clock: two runs give different outputs"):
        make_reference(killed, tmp_path)
