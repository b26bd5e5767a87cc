"""A task is one module and one line of a table: an additional one trains, predicts and is benchmarked."""

import json
import random

import pytest

from bertbench.tasks.table import TASKS
from suites.training.tiny import WORDS, write_files
from suites.unit.tasks.mention import MentionTask

pytestmark = pytest.mark.unit

WORD = WORDS[0]


@pytest.fixture
def call(call_here, monkeypatch):
    monkeypatch.setitem(TASKS, MentionTask.name, MentionTask)
    return call_here


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model's configuration and vocabulary, and lines of which every other one holds the word."""
    folder = write_files(tmp_path_factory.mktemp("mention"))
    draw = random.Random(1)
    lines = []
    for number in range(64):
        words = draw.choices(WORDS[1:], k=draw.randint(3, 8))
        if number % 2:
            words[draw.randrange(len(words))] = WORD
        lines.append(" ".join(words))
    (folder / "lines.txt").write_text("\n".join(lines) + "\n")
    return folder


def test_additional_task_trains_predicts_and_benchmarks(call, folder, tmp_path):
    parts = ("--config-file", folder / "bert_config.json", "--vocab-file", folder / "vocab.txt")
    data = ("--data", folder / "lines.txt", "--word", WORD)
    steps = ("--num-train-steps", 120, "--learning-rate", "5e-3", "--batch-size", 16)
    trained, out = tmp_path / "trained", tmp_path / "out"
    status, _, err = call("train", "mention", *parts, *data, *steps, "--do-eval", "--output-dir", trained)
    assert status == 0, err
    results = json.loads((trained / "results.json").read_text())
    assert (results["task"], results["scores"]) == ("mention", {"accuracy": 1.0})
    assert (trained / "score.txt").read_text() == "1.0 at 120\n"

    model = ("--model-dir", trained)
    status, printed, err = call("predict", "mention", *model, *data, "--limit", 50, "--output-dir", out)
    assert status == 0, err
    assert [int(line) for line in (out / "mentions.txt").read_text().split()] == [
        number % 2 for number in range(50)
    ]
    assert json.loads((out / "results.json").read_text())["counts"]["lines"] == 50
    assert printed.splitlines()[-1] == '{"accuracy": 1.0}'

    few = ("--batch-size", 4, "--steps", 2, "--warmup-steps", 1, "--output-dir", tmp_path / "speed")
    status, _, err = call("benchmark", "mention", *model, *data, *few)
    assert status == 0, err
    assert json.loads((tmp_path / "speed" / "results.json").read_text())["examples"] == 8


@pytest.mark.parametrize("mode", ["inference", "training"])
def test_additional_task_benchmarks_on_generated_examples(call, folder, tmp_path, mode):
    """H 16, F 32, two layers, one row of 12 tokens; the head's product is [1, 16] x [16, 2]."""
    model = ("--config-file", folder / "bert_config.json")
    few = ("--batch-size", 1, "--steps", 1, "--warmup-steps", 1, "--max-seq-length", 12)
    status, _, err = call("benchmark", "mention", *model, *few, "--mode", mode, "--output-dir", tmp_path)
    assert status == 0, err
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["case"] == f"fp32-mention-{mode}-bert_config-b1"
    layer = 2 * 12 * (4 * 16 * 16 + 2 * 16 * 32) + 4 * 12 * 12 * 16
    flop = (2 * layer + 2 * 16 * 2) * {"inference": 1, "training": 3}[mode]
    seconds = 1 / results["examples_per_second"]
    assert results["gflops"] * seconds * 1e9 == pytest.approx(flop)


@pytest.mark.parametrize("command", ["predict", "train", "benchmark"])
def test_additional_task_has_its_options_in_each_command(call, command):
    status, out, _ = call(command, "--help")
    assert status == 0
    assert "mention" in out
    status, out, _ = call(command, "mention", "--help")
    assert status == 0
    assert "--word WORD" in out
    assert ("--limit" in out) == (command == "predict")


def test_additional_task_checks_the_ranges_of_its_settings(call, tmp_path):
    status, _, err = call("predict", "mention", "--max-seq-length", 4, "--output-dir", tmp_path)
    assert status == 2
    assert err == "bertbench: max_seq_length is 4; it must be at least 5.\n"
