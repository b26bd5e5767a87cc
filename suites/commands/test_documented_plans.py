"""Every documented block is accepted and resolves to the expected run, without running it."""

import os
import re
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
# What the model zoo's scripts call: the mode, and the verb of `bertbench`.
QUICKSTART = {
    "inference_realtime_multi_instance.sh-bfloat16": ("inference", "benchmark"),
    "inference_realtime_weight_sharing.sh-bfloat16": ("inference", "benchmark"),
    "inference_throughput_multi_instance.sh-fp32": ("inference", "benchmark"),
    "accuracy.sh-bfloat16": ("inference", "predict"),
    "training_squad.sh-bfloat16": ("training", "train"),
}
CORES = len(os.sched_getaffinity(0))


def expected_names():
    training = ("squad", "mrpc", "pretraining")
    headings = [name + more for name in training for more in ("", "-on-several-sockets")]
    headings += ["benchmark", "profile", "accuracy"]
    names = {f"{heading}-{precision}" for heading in headings for precision in ("bfloat16", "fp32")}
    names.add("several-instances-bfloat16")
    return names | QUICKSTART.keys()


def test_every_required_command_is_documented():
    assert set(BLOCKS) == expected_names()


def test_option_tables_in_document_are_up_to_date():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_tables(text, make_tables()) == text, "renew them: python -m suites.commands.documents"


@pytest.mark.parametrize("name", QUICKSTART)
def test_quickstart_script_resolves_to_expected_run(name, tmp_path):
    mode, verb = QUICKSTART[name]
    plan, notices = show_plan(
        re.sub(r"cores([-\w]*[ =])(4|56) ", r"cores\g<1>1 ", BLOCKS[name].text), tmp_path
    )
    assert plan[0].startswith(f"bert_large_{mode}_{name.rpartition('-')[2]}: ")
    commands = [line.split() for line in plan if line.startswith("    bertbench ")]
    assert len(commands) == (CORES if "multi_instance" in name else 1)
    for command in commands:
        assert command[:3] == ["bertbench", verb, "squad"]
        assert value(command, "--init-checkpoint").startswith(str(tmp_path))
    if mode == "inference":
        assert "--in-graph has no effect: the graph is built from config_file and init_checkpoint." in notices
    if name.startswith("inference_throughput"):
        assert (value(commands[0], "--steps"), value(commands[0], "--warmup-steps")) == ("350", "50")


@pytest.mark.parametrize("name", sorted(BLOCKS.keys() - QUICKSTART))
def test_documented_command_resolves_to_expected_run(name, tmp_path):
    heading, _, precision = name.rpartition("-")
    plan, _ = show_plan(BLOCKS[name].text, tmp_path)
    mode = MODES[heading.removesuffix("-on-several-sockets")]
    assert plan[0].startswith(f"bert_large_{mode}_{precision}: ")
    first = next(line.split() for line in plan if line.startswith("    bertbench "))
    check_command(heading, first, tmp_path)


def show_plan(text, home):
    """What the block's launch_benchmark.py prints with --dry-run added, and its notices."""
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
    return result.stdout.splitlines(), result.stderr.splitlines()


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
