"""An output folder is locked by one run at a time, and its files are replaced together."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bertbench.errors import InputError
from bertbench.output_folders import claimed, staged_directory, written_together

pytestmark = pytest.mark.unit

HOLD = """
import sys
from bertbench.output_folders import staged_directory
with staged_directory(sys.argv[1]) as staging:
    (staging / "a").write_text("half")
    print("held", flush=True)
    sys.stdin.read()
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def holder(tmp_path):
    """A process that holds the folder `out`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "out")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_second_run_is_rejected_and_names_the_first_process(tmp_path, holder):
    before = names(tmp_path / "out")
    with pytest.raises(InputError, match=rf"out: process {holder.pid} \(-c .*\) is writing to it; wait"):  # noqa: SIM117
        with claimed(tmp_path / "out"):
            raise AssertionError
    assert names(tmp_path / "out") == before


@pytest.mark.parametrize("number", [signal.SIGKILL, None])
def test_next_run_cleans_up_after_killed_run(tmp_path, holder, number):
    if number is not None:
        holder.send_signal(number)
    holder.communicate()
    with staged_directory(tmp_path / "out") as staging:
        (staging / "b").write_text("whole")
    assert names(tmp_path / "out") == (["a", "b"] if number is None else ["b"])


def test_empty_folder_is_removed_after_failure(tmp_path):
    with pytest.raises(KeyError), staged_directory(tmp_path / "out"):
        raise KeyError
    assert names(tmp_path) == []


def test_full_disk_does_not_disable_the_lock(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with claimed(tmp_path / "out"), pytest.raises(InputError, match="another process is writing to it"):  # noqa: SIM117
        with claimed(tmp_path / "out"):
            raise AssertionError


def write_old(folder):
    for name in ("a", "b", "z"):
        (folder / name).write_text("old")


def replace(folder):
    with written_together(folder, last="b") as staging:
        for name in ("a", "b", "c"):
            (staging / name).write_text("new")


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_files_with_the_same_names_are_replaced(tmp_path):
    write_old(tmp_path)
    replace(tmp_path)
    assert contents(tmp_path) == {"a": "new", "b": "new", "c": "new", "z": "old"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
@pytest.mark.parametrize("step", range(5))
def test_error_between_two_renames_restores_old_files(tmp_path, monkeypatch, step, error):
    """Two files are moved aside, then three to their places."""
    write_old(tmp_path)
    move, left = Path.replace, [step]

    def fail_once(self, target):
        if left[0] == 0:
            left[0] = -1
            raise error
        left[0] -= 1
        return move(self, target)

    monkeypatch.setattr(Path, "replace", fail_once)
    with pytest.raises((KeyboardInterrupt, InputError)):
        replace(tmp_path)
    assert contents(tmp_path) == {"a": "old", "b": "old", "z": "old"}


KILLED = """
import os, sys
from pathlib import Path
from bertbench.output_folders import written_together
folder, left, move = Path(sys.argv[1]), int(sys.argv[2]), Path.replace
def replace(self, target):
    global left
    if left == 0:
        os._exit(9)
    left -= 1
    return move(self, target)
with written_together(folder, last="b") as staging:
    for name in "abc":
        (staging / name).write_text("new")
    Path.replace = replace
"""


@pytest.mark.parametrize("step", range(6))
def test_kill_between_two_renames_never_mixes_old_and_new(tmp_path, step):
    """The file that marks the set is removed first and written last."""
    write_old(tmp_path)
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(step)], check=False)
    assert done.returncode == (0 if step == 5 else 9)
    found = {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()}
    assert found.pop("z") == "old"
    if step == 0:
        assert found == {"a": "old", "b": "old"}
    elif step == 5:
        assert found == {"a": "new", "b": "new", "c": "new"}
    else:
        assert "b" not in found
        assert len(set(found.values())) <= 1
