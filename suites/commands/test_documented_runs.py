"""Every documented block really runs, on small stand-ins, with reduced sizes, steps and other paths."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bertbench
from bertbench.measure.machine import read_machine
from suites.commands import layout
from suites.commands.documents import read_blocks
from suites.commands.stand_ins import make_stand_ins
from suites.horovod import skip_without_horovod

pytestmark = pytest.mark.commands

BLOCKS = {block.name: block.text for block in read_blocks()}
LOGS = Path("common/tensorflow/logs")
SECONDS = 300
PRECISIONS = ("bfloat16", "fp32")
CORES = len(os.sched_getaffinity(0))
# The reduced values for runs on stand-ins, by option; "-" and "_" are the same.
SMALLER = {
    "batch_size": "4",
    "max_seq_length": str(layout.MAX_SEQ_LENGTH),
    "max_predictions": str(layout.MAX_PREDICTIONS),
    "doc_stride": "32",
    "num_train_epochs": "1",
    "num_train_steps": "4",
    "warmup_steps": "1",
    "num_intra_threads": "1",
    "numa_cores_per_instance": "1",
    "num_cores": "1",
    "steps": "4",
    "warmpup_steps": "1",
    "OMP_NUM_THREADS": "1",
    "mpi_num_processes": "2",
}


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    place = tmp_path_factory.mktemp("home")
    layout.make_layout(place, make_stand_ins(tmp_path_factory.mktemp("stand_ins")))
    return place


@pytest.fixture(scope="session")
def scripts(tmp_path_factory):
    """A copy of the package to run in, so that logs next to the script are not left in the source tree."""
    package = Path(bertbench.__file__).parent
    copy = tmp_path_factory.mktemp("models") / package.name
    return shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__", "common"))


@pytest.fixture
def run_block(home, scripts, tmp_path):
    """Run a block in the copy, with a docker that does not respond first in PATH."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "docker").write_text("#!/bin/sh\nexit 1\n")
    (tools / "docker").chmod(0o755)
    for place in (scripts / LOGS, home / "bert-squad-output", home / "bert-instances-output"):
        shutil.rmtree(place, ignore_errors=True)
    environment = os.environ | {
        "HOME": str(home),
        "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(scripts.parent),
    }

    def run(text):
        result = subprocess.run(
            ["bash", "-euc", reduced(text, tmp_path)],
            cwd=scripts,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
        return result

    return run


def reduced(text, tmp_path):
    text = text.replace("/tmp/pretraining_output", f"{tmp_path}/pretraining_output")
    for name, value in SMALLER.items():
        spelling = name.replace("_", "[-_]")
        text = re.sub(
            rf"(?<=[-\s])({spelling}[= ])([\d.]+)",
            lambda found, value=value: found[1] + min(found[2], value, key=float),
            text,
        )
    return text


def test_reduced_command_differs_in_sizes_steps_and_paths_only(tmp_path):
    """Word by word, the reduced block differs from the documented one only in the listed values."""
    for text in BLOCKS.values():
        words, fewer = text.split(), reduced(text, tmp_path).split()
        assert len(words) == len(fewer)
        for before, word, other in zip(["", *words[:-1]], words, fewer, strict=True):
            name, _, value = other.partition("=") if "=" in other else (before, "", other)
            normal = name.lstrip("-").replace("-", "_")
            assert word == other or SMALLER.get(normal) == value or value.endswith("/pretraining_output")


def blocks(heading, slow=()):
    """The block of a heading in both precisions, some of which are marked as slow."""
    marks = {precision: [pytest.mark.slow] for precision in slow}
    return [
        pytest.param(f"{heading}-{precision}", marks=marks.get(precision, [])) for precision in PRECISIONS
    ]


def check_log(result, folder, mode, precision):
    """One log, named as in the model zoo, has every printed line; its path is printed first and last."""
    (log,) = folder.glob("benchmark_*.log")
    assert log.name.startswith(f"benchmark_bert_large_{mode}_{precision}_")
    lines = [line for line in result.stdout.splitlines() if line]
    kept = log.read_text().splitlines()
    assert lines[0] == f"Log and results: {folder}"
    end = lines.index(f"Log file: {log}")
    assert not [line for line in lines[: end + 1] if line not in kept]
    assert f"    precision: {precision}" in kept
    return lines[end + 1 :]


@pytest.mark.parametrize("name", blocks("squad", slow=["fp32"]))
def test_documented_squad_training_runs(run_block, scripts, name):
    result = run_block(BLOCKS[name])
    after = check_log(result, scripts / LOGS, "training", name.rpartition("-")[2])
    assert set(json.loads(after[-1])) == {"exact_match", "f1"}
    assert len(json.loads((scripts / LOGS / "predictions.json").read_text())) > 0
    assert "docker does not respond" in result.stderr


@pytest.mark.parametrize("name", blocks("squad-on-several-sockets", slow=["fp32"]))
def test_documented_squad_training_on_several_sockets_runs(run_block, scripts, name):
    skip_without_horovod()
    check_log(run_block(BLOCKS[name]), scripts / LOGS, "training", name.rpartition("-")[2])
    assert (scripts / LOGS / "predictions.json").exists()


@pytest.mark.parametrize(
    "name", [*blocks("mrpc", slow=["fp32"]), *blocks("mrpc-on-several-sockets", slow=PRECISIONS)]
)
def test_documented_mrpc_training_runs(run_block, scripts, name):
    if "sockets" in name:
        skip_without_horovod()
    check_log(run_block(BLOCKS[name]), scripts / LOGS, "training", name.rpartition("-")[2])
    assert re.search(r"accuracy = [\d.]+", (scripts / LOGS / "eval_results.txt").read_text())


@pytest.mark.parametrize(
    "name",
    [*blocks("pretraining", slow=["fp32"]), *blocks("pretraining-on-several-sockets", slow=PRECISIONS)],
)
def test_documented_pretraining_runs(run_block, scripts, tmp_path, name):
    if "sockets" in name:
        skip_without_horovod()
    check_log(run_block(BLOCKS[name]), scripts / LOGS, "training", name.rpartition("-")[2])
    output = tmp_path / "pretraining_output"
    assert list(output.glob("*.index"))
    assert "masked_lm_accuracy" in (output / "eval_results.txt").read_text()
    assert not list((scripts / LOGS).glob("*.index"))


@pytest.mark.parametrize("name", blocks("benchmark", slow=["fp32"]))
def test_documented_benchmark_runs(run_block, home, name):
    result = run_block(BLOCKS[name])
    output = home / "bert-squad-output"
    check_log(result, output, "inference", name.rpartition("-")[2])
    assert re.search(r"^Throughput: \d+\.\d\d", result.stdout, re.MULTILINE)
    assert json.loads((output / "results.json").read_text())["examples_per_second"] > 0


@pytest.mark.parametrize("name", blocks("profile", slow=["fp32"]))
def test_documented_profile_runs(run_block, home, name):
    result = run_block(BLOCKS[name])
    output = home / "bert-squad-output"
    check_log(result, output, "inference", name.rpartition("-")[2])
    assert list(output.rglob("*.xplane.pb"))
    assert list(output.rglob("*.trace.json.gz"))
    assert "MatMul" in result.stdout


@pytest.mark.parametrize("name", blocks("accuracy", slow=["fp32"]))
def test_documented_accuracy_run_prints_scores(run_block, home, name):
    result = run_block(BLOCKS[name])
    output = home / "bert-squad-output"
    check_log(result, output, "inference", name.rpartition("-")[2])
    assert re.search(r'^\{"exact_match": [\d.]+, "f1": [\d.]+\}$', result.stdout, re.MULTILINE)
    assert len(json.loads((output / "predictions.json").read_text())) > 0


def test_documented_instances_report_summed_throughput(run_block, home):
    result = run_block(BLOCKS["several-instances-bfloat16"])
    output = home / "bert-instances-output"
    check_log(result, output, "inference", "bfloat16")
    instances = sorted(output.glob("instance_*"))
    measured = [
        json.loads((place / "results.json").read_text())["examples_per_second"] for place in instances
    ]
    together = float(re.search(r"together: ([\d.]+) examples/s", result.stdout)[1])
    assert together == pytest.approx(sum(measured), rel=0.01)


def add_up(log):
    """What the model zoo's scripts print last: the sum of the last words of these lines."""
    found = [line.split()[-1] for line in log.read_text().splitlines() if "Total throughput" in line]
    return sum(map(float, found))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("inference_realtime_multi_instance.sh-bfloat16", marks=pytest.mark.slow),
        pytest.param("inference_throughput_multi_instance.sh-fp32", marks=pytest.mark.slow),
    ],
)
def test_quickstart_scripts_of_several_instances_run(run_block, home, name):
    result = run_block(BLOCKS[name])
    output, precision = home / "bert-instances-output", name.rpartition("-")[2]
    check_log(result, output, "inference", precision)
    (log,) = output.glob(f"bert_large_{precision}_inference_bs*_cores1_all_instances.log")
    results = json.loads((output / "results.json").read_text())
    assert add_up(log) == pytest.approx(results["examples_per_second"], abs=0.02)
    assert len(results["instances"]) == CORES


def test_quickstart_script_of_weight_sharing_runs(run_block, home):
    result = run_block(BLOCKS["inference_realtime_weight_sharing.sh-bfloat16"])
    output = home / "bert-instances-output"
    check_log(result, output, "inference", "bfloat16")
    results = json.loads((output / "results.json").read_text())
    assert results["streams"] >= CORES // len(read_machine().sockets)
    (log,) = output.glob("benchmark_*.log")
    assert add_up(log) == pytest.approx(results["examples_per_second"], abs=0.02)


def test_quickstart_script_of_accuracy_runs(run_block, home):
    result = run_block(BLOCKS["accuracy.sh-bfloat16"])
    check_log(result, home / "bert-squad-output", "inference", "bfloat16")
    scores = [line for line in result.stdout.splitlines() if re.search("exact_match.*f1", line)]
    assert set(json.loads(scores[-1])) == {"exact_match", "f1"}


def test_quickstart_script_of_training_runs(run_block, home):
    result = run_block(BLOCKS["training_squad.sh-bfloat16"])
    output = home / "bert-squad-output"
    check_log(result, output, "training", "bfloat16")
    assert list(output.glob("*.index"))
    assert not (output / "predictions.json").exists()
