"""Rules for all commands: groups, one rule per option, no TensorFlow for --help."""

import shutil
import subprocess
import sys
from collections import defaultdict

import click
import pytest

from bertbench import embedded
from bertbench.commands.root import bertbench
from bertbench.options import GROUPS

pytestmark = pytest.mark.unit


def find_commands(group=bertbench, words=()):
    """Every command that is not a group, by its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from find_commands(command, (*words, name))
        else:
            yield (*words, name), command


COMMANDS = dict(find_commands())


def test_all_commands_are_found():
    assert ("train", "squad") in COMMANDS
    assert len(COMMANDS) > 15


def test_option_of_several_commands_has_same_rule():
    rules = defaultdict(set)
    for command in COMMANDS.values():
        for option in command.params:
            rule = [getattr(option.type, name, None) for name in ("name", "min", "max", "choices")]
            rules[option.opts[0]].add(str(rule))
    apart = {name: found for name, found in rules.items() if len(found) > 1}
    assert set(apart) <= {"--data"}  # a file, a folder or patterns, as the task has it


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_option_has_a_help_text(words):
    options = [option for option in COMMANDS[words].params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_support_quiet_and_json(words):
    names = {name for option in COMMANDS[words].params for name in option.opts}
    assert {"--quiet", "-q", "--json"} <= names


@pytest.mark.parametrize("task", ["squad", "classifier", "pretraining"])
@pytest.mark.parametrize(
    ("command", "groups"),
    [
        ("predict", ["model", "data", "computing", "output"]),
        ("train", list(GROUPS)),
        ("benchmark", ["model", "data", "computing", "output"]),
    ],
)
def test_help_shows_options_in_groups(call_here, command, task, groups):
    status, out, _ = call_here(command, task, "--help")
    assert status == 0
    titles = [line for line in out.splitlines() if line.endswith(" options:")]
    assert titles == [f"{group.capitalize()} options:" for group in [*groups, "other"]]
    section = out.split("Model options:")[1].split("Data options:")[0]
    assert "--model-dir" in section
    assert "--precision [fp32|bf16" in out.split("Computing options:")[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("predict", "squad", "--batch-size", "many"), "'many' is not a valid integer"),
        (
            ("predict", "squad", "--output-dir", "x", "--batch-size", "0"),
            "batch_size is 0; it must be at least 1.",
        ),
        (("predict", "squad"), "Missing option '--output-dir'."),
        (("train", "squad", "--speed", "3"), "No such option '--speed'"),
        (("train", "classifier", "--output-dir", "x", "--compression", "zip"), "choose one of none, fp16"),
        (("benchmark", "squad", "--config", "tiny", "--mode", "both"), "choose one of inference, training"),
        (("benchmark", "pretraining", "--config", "tiny", "--max-seq-length", "4"), "it must be at least 5"),
        (("prepare", "pretraining", "--max-seq-length", "4"), "Missing option '--data' / '--input-file'"),
    ],
)
def test_invalid_option_value_is_reported_in_one_line(call_here, words, message):
    status, out, err = call_here(*words)
    assert (status, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("bertbench: ")
    assert message in line


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model folder as a training leaves it: with TensorFlow's file `checkpoint`."""
    folder = shutil.copytree(embedded.SQUAD, tmp_path_factory.mktemp("trained") / "model")
    (folder / "checkpoint").write_text('model_checkpoint_path: "bert_model.ckpt"\n')
    return folder


@pytest.mark.parametrize(
    "words",
    [
        ("predict", "squad", "--help"),
        ("train", "classifier", "--help"),
        ("benchmark", "pretraining", "--help"),
        ("predict", "squad", "--model-dir", "/nowhere", "--output-dir", "x"),
        ("predict", "classifier", "--model-dir", str(embedded.MRPC), "--output-dir", "x"),
        ("predict", "squad", "--max-seq-length", "600", "--output-dir", "x"),
        ("predict", "squad", "--data", "/nowhere.json", "--output-dir", "x"),
        ("benchmark", "squad", "--config", "huge"),
        ("answer", "--model-dir", "/nowhere"),
        ("predict", "squad", "--model-dir", "<trained>", "--data", "/nowhere.json", "--output-dir", "x"),
        ("mlperf", "--scenario", "Offline", "--model-dir", "/nowhere", "--output-dir", "x"),
        ("quantize", "--model-dir", "/nowhere", "--calibration-file", "x", "--output-dir", "x"),
        ("check", "/nowhere.toml"),
        ("gate", "/nowhere/a", "/nowhere/b"),
        ("compare", "/nowhere/a", "/nowhere/b"),
        ("report", "/nowhere"),
        ("export", "squad", "--model-dir", "/nowhere", "--format", "saved-model", "--output-dir", "x"),
        ("extract-features", "--model-dir", "/nowhere", "--data", "x", "--output-file", "x.npz"),
    ],
    ids=" ".join,
)
def test_invalid_option_is_reported_without_loading_large_packages(words, trained):
    code = f"""
import sys
from bertbench.cli import main
try:
    main({[str(trained) if word == "<trained>" else word for word in words]!r})
finally:
    loaded = {{"tensorflow", "sklearn", "scipy.stats", "numpy.linalg", "rich.table"}} & sys.modules.keys()
    assert not loaded, loaded
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == (0 if "--help" in words else 2), done.stderr
    assert "Traceback" not in done.stderr
