"""Temporary files and folders are removed after every kind of process end."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from bertbench.files import atomic_path
from bertbench.temporary import remove_abandoned, temporary_file, temporary_folder

pytestmark = pytest.mark.unit

HOLD = """
import sys
from pathlib import Path
from bertbench.temporary import temporary_file, temporary_folder
with temporary_file(Path(sys.argv[1])) as file, temporary_folder(Path(sys.argv[1])) as folder:
    (folder / "inner").write_text("half")
    file.write_text("half")
    print("made", flush=True)
    sys.stdin.read()
"""


def start(target):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "made\n"
    return process


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_temporary_names_contain_the_target_and_are_removed(tmp_path):
    with temporary_file(tmp_path / "a.json") as file, temporary_folder(tmp_path / "b") as folder:
        assert file.name.startswith(".a.json.")
        assert folder.name.startswith(".b.")
        assert {path.parent for path in (file, folder)} == {tmp_path}
    assert names(tmp_path) == []


def test_exception_removes_temporary_files(tmp_path):
    for make in (temporary_folder, temporary_file, atomic_path):
        with pytest.raises(KeyError), make(tmp_path / "a"):
            raise KeyError
    assert names(tmp_path) == []


def test_signal_during_the_removal_at_the_end_does_not_prevent_it(tmp_path, monkeypatch):
    """A run that has succeeded may still be stopped while it removes its files."""
    remove, calls = shutil.rmtree, []

    def interrupted(path):
        calls.append(path)
        if len(calls) == 1:
            next(path.iterdir()).unlink()
            raise KeyboardInterrupt
        remove(path)

    monkeypatch.setattr(shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt), temporary_folder(tmp_path / "out") as folder:
        [(folder / name).touch() for name in ("a", "b")]
    assert (len(calls), list(tmp_path.iterdir())) == (2, [])


def test_next_use_of_the_target_removes_leftovers_of_killed_process(tmp_path):
    process = start(tmp_path / "a.json")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(names(tmp_path)) == 2
    with temporary_file(tmp_path / "other.json"):
        assert len(names(tmp_path)) == 3  # another target's file is kept
    with atomic_path(tmp_path / "a.json") as file:
        file.write_text("whole")
    assert names(tmp_path) == ["a.json"]


def test_temporary_files_of_running_process_are_kept(tmp_path):
    process = start(tmp_path / "a.json")
    used = names(tmp_path)
    with temporary_file(tmp_path / "a.json"):
        pass
    remove_abandoned(tmp_path)
    assert names(tmp_path) == used
    process.communicate()
    assert names(tmp_path) == []


def test_remove_abandoned_cleans_the_whole_folder(tmp_path):
    process = start(tmp_path / "[a]*.json")
    process.kill()
    process.communicate()
    (tmp_path / ".mine").write_text("of the user")
    remove_abandoned(tmp_path)
    assert names(tmp_path) == [".mine"]


def test_written_file_has_default_permissions(tmp_path):
    with atomic_path(tmp_path / "a") as file:
        file.write_text("whole")
    (tmp_path / "b").touch()
    assert os.stat(tmp_path / "a").st_mode == os.stat(tmp_path / "b").st_mode
