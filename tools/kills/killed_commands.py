"""The commands that are killed: each has an older and a newer form with different outputs."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bertbench.embedded import MRPC, PRETRAINING, PRETRAINING_TEXT

BERTBENCH = (sys.executable, "-m", "bertbench")
_PROJECT = """\
[model.own]
dir = "model"
task = "classifier"
task-name = "MRPC"
data = "data"
precisions = ["fp32"]
[model.own.accuracy]
max-drop = {max_drop}
"""


@dataclass(frozen=True)
class KilledCommand:
    """A command that is run in a new folder.

    Attributes:
      set_up: creates the input files in the folder.
      older, newer: the same command twice, with other settings or after `turn`, so that its outputs differ;
        `older` is empty if there are no earlier outputs.
      outputs: glob patterns of the output files.
      turn: changes the folder between the older and the newer run.
      resumes: whether a run continues from what a killed run left, so that intermediate states are valid.
    """

    name: str
    set_up: Callable[[Path], object]
    older: tuple[str, ...]
    newer: tuple[str, ...]
    outputs: tuple[str, ...]
    turn: Callable[[Path], object] = lambda folder: None
    resumes: bool = False


def _text(folder: Path) -> None:
    """Text of several parts, for several workers."""
    text = PRETRAINING_TEXT.read_text(encoding="utf-8")
    (folder / "text.txt").write_text(f"{text}\n\n" * 40, encoding="utf-8")


def _prepare(seed: int) -> tuple[str, ...]:
    words = ("--data", "text.txt", "--vocab-file", str(PRETRAINING / "vocab.txt"), "--max-seq-length", "64")
    return (*BERTBENCH, "prepare", "pretraining", *words, "--num-processes", "2", "--num-shards", "3",
            "--output-dir", "out", "--seed", str(seed))  # fmt: skip


def _predict(best: int) -> tuple[str, ...]:
    return (*BERTBENCH, "predict", "squad", "--n-best-size", str(best), "--output-dir", "out")


def _train() -> tuple[str, ...]:
    data = ("--task-name", "MRPC", "--data", str(MRPC), "--model-dir", str(MRPC))
    steps = ("--num-train-steps", "12", "--save-checkpoints-steps", "3", "--batch-size", "8")
    return (*BERTBENCH, "train", "classifier", *data, *steps, "--do-eval", "--output-dir", "out")


def _project(folder: Path) -> None:
    """A git repository with a model and its data."""
    (folder / "model").mkdir()
    for file in (MRPC / "bert_config.json", MRPC / "vocab.txt", *MRPC.glob("bert_model.ckpt*")):
        shutil.copy(file, folder / "model")
    (folder / "data").mkdir()
    for file in MRPC.glob("*.tsv"):
        shutil.copy(file, folder / "data")
    (folder / ".gitignore").write_text("results\n")
    _set_drop(5)(folder)
    _git(folder, "init", "--quiet")
    _commit(folder)


def _set_drop(points: int) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "bertbench.toml").write_text(_PROJECT.format(max_drop=points))

    return write


def _turn_project(folder: Path) -> None:
    """Change the tolerance and remove a row of data, so that results and baselines differ."""
    _set_drop(6)(folder)
    dev = folder / "data" / "dev.tsv"
    dev.write_text("".join(dev.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")
    _commit(folder)


def _commit(folder: Path) -> None:
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "Change")


def _git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def _archive(folder: Path) -> None:
    """An archive with files of a few megabytes."""
    source = folder / "source"
    source.mkdir()
    for number in range(3):
        (source / f"file-{number}.txt").write_text(f"line of file {number}\n" * 200_000, encoding="utf-8")
    shutil.make_archive(str(folder / "archive"), "zip", source)


def _fetch() -> tuple[str, ...]:
    return (sys.executable, "-m", "tools.kills.local_fetch", "archive.zip", "cache")


_CHECK = (*BERTBENCH, "check")
COMMANDS = {
    killed.name: killed
    for killed in (
        KilledCommand("predict", lambda folder: None, _predict(3), _predict(5), ("out/*",)),
        KilledCommand("train", lambda folder: None, (), _train(), ("out/*",), resumes=True),
        KilledCommand("prepare", _text, _prepare(1), _prepare(2), ("out/*",)),
        KilledCommand("fetch", _archive, (), _fetch(), ("cache/data/*",), resumes=True),
        KilledCommand(
            "check", _project, (*_CHECK, "--output-dir", "results"), (*_CHECK, "--output-dir", "results"),
            ("results/*",), turn=_turn_project,
        ),
        KilledCommand(
            "check --record-baselines", _project, (*_CHECK, "--record-baselines"),
            (*_CHECK, "--record-baselines"), ("baselines/*.json",), turn=_turn_project,
        ),
    )
}  # fmt: skip
