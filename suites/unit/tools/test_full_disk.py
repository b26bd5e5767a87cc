"""A small writer on file systems that are too small for it, as `python -m tools.full_disk` runs commands."""

import sys

import pytest

from tools.full_disk import COLUMNS, Ending, count, fill, measure, small_disk
from tools.kills.killed_commands import KilledCommand
from tools.kills.trial import make_reference

pytestmark = pytest.mark.unit

NEEDED = 3 * 64 * 1024
PROGRAM = """
from bertbench.entry import run_program

def run(arguments):
    from bertbench.files import write_text
    from bertbench.output_folders import staged_directory
    with staged_directory("out", last="results.json") as staging:
        for name in ("a", "b", "results.json"):
            write_text(staging / name, arguments[0] * 65536)
    return 0

if __name__ == "__main__":
    run_program("writer", "writer")
"""
WRITER = KilledCommand(
    "writer",
    lambda folder: (folder / "writer.py").write_text(PROGRAM),
    (sys.executable, "writer.py", "o"),
    (sys.executable, "writer.py", "n"),
    ("out/*",),
)


@pytest.fixture(scope="module")
def needs_mount(tmp_path_factory):
    try:
        with small_disk(tmp_path_factory.mktemp("mount") / "disk", 2**20):
            pass
    except PermissionError as error:
        pytest.skip(f"mounting a file system needs root on Linux: {error}")


@pytest.fixture(scope="module")
def reference(tmp_path_factory, needs_mount):
    return make_reference(WRITER, tmp_path_factory.mktemp("full"))


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9])
def test_full_disk_leaves_the_old_outputs(reference, tmp_path, share):
    ending = fill(WRITER, reference, int(share * NEEDED), tmp_path / "disk")
    assert ending == Ending("one line, outputs old", ending.line, finished=True)
    assert "(No space left on device); free some space" in ending.line


def test_disk_with_enough_space_gets_the_new_outputs(reference, tmp_path):
    ending = fill(WRITER, reference, 2 * NEEDED, tmp_path / "disk")
    assert ending == Ending("enough space", ending.line, finished=True)


def test_measured_space_equals_the_size_of_new_files(reference, tmp_path):
    assert measure(WRITER, reference, tmp_path / "disk") == NEEDED


def test_endings_are_counted():
    kinds = (COLUMNS[2], COLUMNS[2], COLUMNS[5])
    assert count([Ending(kind, "", finished=kind != "other") for kind in kinds]) == (
        *("3", "2", "0", "0", "1"),
        "2 of 3",
    )
