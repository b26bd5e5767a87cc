"""Every documented block is accepted and resolves to the expected run, without running it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import bertbench
from suites.commands.documents import DOCUMENT, make_tables, read_blocks
from suites.tables import with_tables

pytestmark = pytest.mark.commands

BLOCKS = {block.name: block for block in read_blocks()}
MODES = {
    "squad": "training",
    "mrpc": "training",
    "pretraining": "training",
    "benchmark": "inference",
    "profile": "inference",
    "accuracy": "inference",
    "several-instances": "inference",
}


def expected_names():
    training = ("squad", "mrpc", "pretraining")
    headings = [name + more for name in training for more in ("", "-on-several-sockets")]
    headings += ["benchmark", "profile", "accuracy"]
    names = {f"{heading}-{precision}" for heading in headings for precision in ("bfloat16", "fp32")}
    return names | {"several-instances-bfloat16"}


def test_every_required_command_is_documented():
    assert set(BLOCKS) == expected_names()


def test_option_tables_in_document_are_up_to_date():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_tables(text, make_tables()) == text, "renew them: python -m suites.commands.documents"


@pytest.mark.parametrize("name", BLOCKS)
def test_documented_command_resolves_to_expected_run(name, tmp_path):
    heading, _, precision = name.rpartition("-")
    plan = show_plan(BLOCKS[name].text, tmp_path)
    mode = MODES[heading.removesuffix("-on-several-sockets")]
    assert plan[0].startswith(f"bert_large_{mode}_{precision}: ")
    first = next(line.split() for line in plan if line.startswith("    bertbench "))
    check_command(heading, first, tmp_path)


def show_plan(text, home):
    """The output of the block's launch_benchmark.py with --dry-run added."""
    head, launch, rest = text.partition("python launch_benchmark.py")
    assert launch
    command = rest.partition("\n\n")[0].rstrip("\n")
    result = subprocess.run(
        ["bash", "-euc", f"{head}python launch_benchmark.py --dry-run {command}"],
        cwd=Path(bertbench.__file__).parent,
        env=os.environ | {"HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def check_command(heading, command, home):
    task = {"mrpc": "classifier", "pretraining": "pretraining"}.get(heading.partition("-")[0], "squad")
    verb = {
        "benchmark": "benchmark",
        "several": "benchmark",
        "profile": "benchmark",
        "accuracy": "predict",
    }.get(heading.partition("-")[0], "train")
    assert command[:3] == ["bertbench", verb, task]
    assert ("--profile" in command) == (heading == "profile")
    assert ("--mpi-num-processes" in command) == heading.endswith("-sockets")
    large = home / "wwm_uncased_L-24_H-1024_A-16"
    if verb == "train":
        model = home / "wwm_uncased_L-12_H-768_A-16" if heading == "mrpc" else large
        assert value(command, "--init-checkpoint") == f"{model}/bert_model.ckpt"
        assert value(command, "--config-file") == f"{model}/bert_config.json"
        return
    assert value(command, "--init-checkpoint") == f"{home}/bert_large_checkpoints/model.ckpt-3649"
    assert value(command, "--predict-file") == f"{large}/dev-v1.1.json"


def value(command, option):
    return command[command.index(option) + 1]
