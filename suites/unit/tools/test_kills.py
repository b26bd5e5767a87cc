"""A small seeded run of `python -m tools.kills`, and the classification of outcomes."""

import dataclasses
import random
import shutil
import signal

import pytest

from bertbench.embedded import PRETRAINING_TEXT
from tools.kills.__main__ import count
from tools.kills.killed_commands import COMMANDS
from tools.kills.trial import Ending, Reference, classify, kill, make_reference

pytestmark = pytest.mark.unit

PREPARE = COMMANDS["prepare"]


def copy_text(folder):
    """A single part of text, for a single process."""
    shutil.copy(PRETRAINING_TEXT, folder / "text.txt")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    killed = dataclasses.replace(PREPARE, set_up=copy_text)
    return make_reference(killed, tmp_path_factory.mktemp("kills"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_prepare_leaves_whole_outputs_and_no_processes(reference, number, tmp_path):
    moment = random.Random(f"17 {number}").uniform(0.5, 0.8)
    ending = kill(PREPARE, reference, number, moment, tmp_path / "trial", again=number == signal.SIGKILL)
    assert (ending.orphans, ending.traceback) == (0, False)
    if number == signal.SIGKILL:
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
