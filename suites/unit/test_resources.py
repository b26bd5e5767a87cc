"""A full disk or an unwritable folder: one line is printed, and earlier files are intact."""

import functools
import os
import resource
import shutil
import subprocess
import sys

import pytest

from bertbench.embedded import MRPC, PRETRAINING, SQUAD, SQUAD_DEV

pytestmark = pytest.mark.unit

PREDICT = ("predict", "squad", "--output-dir", "out")
PREPARE = (
    *("prepare", "pretraining", "--data", "text.txt", "--vocab-file", str(PRETRAINING / "vocab.txt")),
    *("--max-seq-length", "64", "--num-processes", "1", "--output-dir", "out"),
)

TRAIN = (
    *("train", "classifier", "--task-name", "MRPC", "--data", str(MRPC), "--model-dir", str(MRPC)),
    *("--num-train-steps", "1", "--output-dir", "out"),
)

EXTRACT = (
    *("extract-features", "--model-dir", str(SQUAD), "--data", "text.txt", "--layers", "-1"),
    *("--output-file", "out/features.npz"),
)

# Takes away root's right to write everywhere.
IS_ROOT = os.geteuid() == 0
SETPRIV = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
AS_OTHERS = SETPRIV if IS_ROOT and shutil.which("setpriv") else ()


def run(folder, *arguments, before=(), **limits):
    """Run `bertbench` in a folder, after the words `before`: exit status and last line on standard error."""

    def limit():
        for name, value in limits.items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))

    # -B: a limit of the size of files would leave a truncated module in __pycache__, which breaks later runs.
    command = [*before, sys.executable, "-B", "-m", "bertbench", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, preexec_fn=limit, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.splitlines()[-1]


@pytest.fixture
def work(tmp_path):
    """A folder with text, and an earlier output."""
    shutil.copy(PRETRAINING / "held_out.txt", tmp_path / "text.txt")
    (tmp_path / "out").mkdir()
    for name in ("predictions.json", "pretraining-00000-of-00001.tfrecord"):
        (tmp_path / "out" / name).write_text("earlier")
    return tmp_path


def require_earlier(work):
    assert {path.name for path in (work / "out").iterdir()} == {
        "predictions.json",
        "pretraining-00000-of-00001.tfrecord",
    }
    assert {path.read_text() for path in (work / "out").iterdir()} == {"earlier"}


@pytest.mark.parametrize("arguments", [PREDICT, PREPARE, EXTRACT], ids=["predict", "prepare", "extract"])
def test_full_disk_is_reported_and_keeps_earlier_files(work, arguments):
    """Simulated by a limit of 2 kB per file: mounting a small file system needs root."""
    status, told = run(work, *arguments, FSIZE=2000)
    assert (status, "cannot be written (File too large)" in told) == (2, True), told
    require_earlier(work)


@pytest.mark.skipif(
    IS_ROOT and not AS_OTHERS, reason="root may write everywhere; install setpriv (util-linux)"
)
@pytest.mark.parametrize("arguments", [PREDICT, PREPARE, TRAIN], ids=["predict", "prepare", "train"])
def test_read_only_folder_is_reported(work, arguments):
    (work / "out").chmod(0o555)
    try:
        status, told = run(work, *arguments, before=AS_OTHERS)
    finally:
        (work / "out").chmod(0o755)
    assert (status, "cannot be written (Permission denied)" in told) == (2, True), told
    require_earlier(work)


@pytest.mark.parametrize(
    ("arguments", "limit", "needed"),
    [
        (PREDICT, 2400, "TensorFlow with this model needs about 2,564 MiB"),
        (
            ("benchmark", "squad", "--config", "bert-large", "--output-dir", "out"),
            2600,
            "TensorFlow with this model needs about 5,",
        ),
        (TRAIN, 2400, "TensorFlow with this model needs about 2,"),
    ],
    ids=["small model", "BERT-large", "training"],
)
def test_too_low_limit_of_memory_is_reported(work, arguments, limit, needed):
    """Without the check, TensorFlow's threads and compilers end the process by SIGABRT or SIGSEGV."""
    status, told = run(work, *arguments, AS=limit * 2**20)
    assert status == 2
    assert f"limited to {limit:,} MiB (ulimit -v), and {needed}" in told
    require_earlier(work)


def test_file_in_place_of_the_output_folder_is_reported(work):
    (work / "file").touch()
    status, told = run(work, *PREDICT[:-1], "file")
    assert (status, "file: cannot be created as a folder" in told) == (2, True), told


SETTINGS = {
    "as usual": {},
    "narrow": {"COLUMNS": "20"},
    "dumb": {"TERM": "dumb"},
    "C": {"LC_ALL": "C"},
    "German": {"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"},
    "Turkish": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    "Chatham Islands": {"TZ": "Pacific/Chatham"},
}


@functools.cache
def evaluated(setting):
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", **SETTINGS[setting]}
    words = ("evaluate", "squad", "--data", str(SQUAD_DEV), "--predictions", str(SQUAD / "vocab.txt"))
    command = [sys.executable, "-m", "bertbench", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("setting", SETTINGS)
def test_output_does_not_depend_on_terminal_locale_and_time_zone(setting):
    assert evaluated(setting) == evaluated("as usual")
