"""`bertbench benchmark` as a user calls it: what it prints and writes, and its messages for bad input."""

import functools
import json
import os
import re
import subprocess
import sys

import pytest

from bertbench import embedded
from bertbench.data.pretraining import MaskingOptions
from bertbench.data.pretraining_files import write_pretraining_files
from bertbench.data.tokenizer_files import TokenizerFiles
from bertbench.gate.runs import BenchmarkRun
from bertbench.model.bert import BertModel
from bertbench.parsing import parse_dataclass
from bertbench.results.schema import ThroughputCase, read_lengths
from bertbench.tasks.table import TASKS

pytestmark = pytest.mark.unit

FEW = ("--batch-size", 4, "--steps", 3, "--warmup-steps", 1)


@pytest.fixture
def call(call_here):
    """Call `bertbench benchmark` in this process."""
    return functools.partial(call_here, "benchmark")


def squad_arguments(stand_ins, output_dir, *more):
    data = ("--predict-file", stand_ins.squad / "dev-v1.1.json", "--max-seq-length", 64, "--doc-stride", 16)
    model = ("--model-dir", stand_ins.tuned, "--max-query-length", 16)
    return ("squad", *model, *data, *FEW, "--output-dir", output_dir, *more)


def test_benchmark_on_real_lengths_writes_consistent_results(call, stand_ins, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/usr/bin/bertbench", "benchmark"])
    status, out, err = call(*squad_arguments(stand_ins, tmp_path, "--precision", "bf16"))
    assert status == 0, err
    results = json.loads((tmp_path / "results.json").read_text())
    expected = float(re.search(r"^Throughput: (\d+\.\d\d) examples/s$", out, re.MULTILINE)[1])
    assert f"{tmp_path / 'results.json'}: results written" in err
    assert expected == pytest.approx(results["examples_per_second"], abs=0.006)
    low, high = min(results["efficiency_rounds"]), max(results["efficiency_rounds"])
    assert low <= results["efficiency"] <= high
    assert 0 < results["examples_per_second_with_features"] < results["examples_per_second"]
    assert results["gflops"] < results["computed_gflops"]
    assert results["examples"] == 12
    assert set(results["latency_seconds"]) == {"p50"}  # of three batches
    assert results["threads"]["intra"] >= 1
    assert results["case"].startswith("bf16-squad-inference-tuned-b4")
    stored = parse_dataclass(ThroughputCase, results, "results.json")
    assert parse_dataclass(BenchmarkRun, results, "").efficiency_rounds == stored.efficiency_rounds
    assert results["command"] == "bertbench benchmark"
    lengths = read_lengths(tmp_path / "lengths.json")
    assert lengths.dataset == "dev-v1.1.json"
    assert sum(lengths.histogram.counts) >= 5


def test_benchmark_of_named_geometry_needs_no_files(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    geometry = ("--config", "tiny", "--precision", "int8", "--max-seq-length", 16)
    status, out, err = call("classifier", *geometry, *FEW)
    assert status == 0, err
    assert re.search(r"^Throughput: \d+\.\d\d examples/s$", out, re.MULTILINE)
    assert "no checkpoint given: the weights are random." in err
    assert "features included" not in out
    assert all(expected in out for expected in ("GEMM peak", "machine peak", "matrix products in"))
    assert list(tmp_path.iterdir()) == []


def test_several_streams_share_weights(call, monkeypatch):
    models = []
    monkeypatch.setattr(
        "bertbench.benchmarking.timed_call.BertModel",
        lambda *arguments, **more: models.append(BertModel(*arguments, **more)) or models[-1],
    )
    status, out, err = call(
        "squad", "--config", "tiny", "--max-seq-length", 16, "--streams", 2, *FEW, "--json", "--quiet"
    )
    assert (status, err) == (0, "")
    results = json.loads(out)
    assert results["case"].endswith("-tiny-b4-x2")
    assert (results["streams"], results["threads"]["inter"]) == (2, 2)
    assert results["examples"] == 2 * 3 * 4
    assert results["tokens"] == 2 * 3 * 4 * 16
    assert len(models) == 1


def test_streams_in_training_are_rejected(call):
    status, _, err = call("squad", "--config", "tiny", "--mode", "training", "--streams", 2)
    assert status == 2
    assert "--streams 2: is for inference only; remove it for training" in err.splitlines()[-1]


@pytest.mark.slow
def test_benchmark_of_classifier_training(call, stand_ins, tmp_path):
    status, _, err = call(
        *(
            "classifier",
            "--model-dir",
            stand_ins.pretrained,
            "--data-dir",
            stand_ins.mrpc,
            "--mode",
            "training",
        ),
        *("--max-seq-length", 32, "--output-dir", tmp_path, "--batching", "packed", *FEW),
    )
    assert status == 0, err
    results = json.loads((tmp_path / "results.json").read_text())
    assert (results["mode"], results["batching"]) == ("training", "packed")


@pytest.mark.slow
def test_benchmark_on_pretraining_records(call, stand_ins, tmp_path):
    records = tmp_path / "text.tfrecord"
    write_pretraining_files(
        [stand_ins.text],
        [records],
        tokenizer=TokenizerFiles(stand_ins.pretrained / "vocab.txt").tokenizer,
        options=MaskingOptions(max_seq_length=32, max_predictions_per_seq=4, dupe_factor=1),
        random_seed=1,
        num_processes=1,
    )
    status, _, err = call(
        *("pretraining", "--model-dir", stand_ins.pretrained, "--input-file", records),
        *("--output-dir", tmp_path / "out", *FEW),
    )
    assert status == 0, err
    assert json.loads((tmp_path / "out" / "results.json").read_text())["max_seq_length"] == 32


def test_profile_writes_traces_and_no_results(call, stand_ins, tmp_path):
    status, out, err = call(*squad_arguments(stand_ins, tmp_path, "--profile"))
    assert status == 0, err
    assert "MatMul" in out
    assert "Throughput" not in out
    assert list(tmp_path.rglob("*.xplane.pb"))
    assert list(tmp_path.rglob("*.trace.json.gz"))
    assert not (tmp_path / "results.json").exists()


def test_profile_prints_json(call, stand_ins, tmp_path):
    status, out, _ = call(*squad_arguments(stand_ins, tmp_path, "--profile", "--json"))
    assert status == 0
    assert json.loads(out)["steps"] == 3


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("squad",), "--config"),
        (("squad", "--config", "bert-huge"), "choose one of tiny, bert-base, bert-large"),
        (("squad", "--config", "tiny", "--model-dir", "x"), "not both"),
        (("squad", "--config", "tiny", "--precision", "fp8"), "fp8"),
        (("squad", "--config", "tiny", "--max-seq-length", "4096"), "max_position_embeddings"),
        (("squad", "--config", "tiny", "--profile"), "--output-dir"),
        (("squad", "--config", "tiny", "--gelu", "soft"), "soft"),
        (("squad", "--config", "tiny", "--predict-file", "x.json"), "vocab"),
        (("pretraining", "--config", "tiny", "--max-seq-length", "16"), "masked tokens"),
    ],
)
def test_bad_input_is_reported_in_one_line(call, arguments, expected):
    status, _, err = call(*arguments)
    assert status == 2
    assert expected in err.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.parametrize("profile", [(), ("--profile",)])
def test_invalid_output_path_is_reported_before_measuring(call, tmp_path, profile):
    (tmp_path / "file").write_text("kept")
    status, out, err = call("squad", "--config", "tiny", *profile, "--output-dir", str(tmp_path / "file"))
    assert (status, out) == (2, "")
    assert f"{tmp_path / 'file'}: cannot be created as a folder" in err.splitlines()[-1]
    assert "warm up" not in err


def test_benchmark_process_prints_only_expected_lines():
    """The command as a user starts it: quiet about TensorFlow, its threads and progress on standard error."""
    arguments = ("--config", "tiny", "--max-seq-length", 16, "--num-intra-threads", 1, *FEW)
    done = subprocess.run(
        [sys.executable, "-m", "bertbench", "benchmark", "squad", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("TF_")},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("Throughput: ")
    assert "1 intra-op, 1 inter-op threads" in done.stdout
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == [
        "threads",
        "no checkpoint given",
        "warm up fp32-squad-inference-tiny-b4",
        "fp32-squad-inference-tiny-b4",
    ]


@pytest.mark.parametrize("mode", ["inference", "training"])
@pytest.mark.parametrize(
    ("task", "change", "message"),
    [
        ("squad", {"type_vocab_size": 1}, "contains segment_ids up to 1, but the model has only 1"),
        ("pretraining", {"type_vocab_size": 1}, "contains segment_ids up to 1, but the model has only 1"),
        ("classifier", {"type_vocab_size": 1}, "contains segment_ids up to 1, but the model has only 1"),
        ("squad", {"vocab_size": 1000}, "contains 1200 wordpieces, but the model has vocab_size 1000"),
        ("pretraining", {"vocab_size": 1000}, "but the model has only 1000"),
    ],
)
def test_data_that_does_not_fit_the_model_is_rejected(call, tmp_path, mode, task, change, message):
    folder = TASKS[task].embedded.model_dir
    config = json.loads((folder / "bert_config.json").read_text()) | change
    (tmp_path / "bert_config.json").write_text(json.dumps(config))
    data = {
        "squad": ("--data", embedded.SQUAD_DEV),
        "pretraining": ("--data", embedded.PRETRAINING_RECORDS),
        "classifier": ("--task-name", "MRPC", "--data", folder),
    }[task]
    vocabulary = () if task == "pretraining" else ("--vocab-file", folder / "vocab.txt")
    options = (*data, *vocabulary, "--config-file", tmp_path / "bert_config.json", "--mode", mode, *FEW)
    status, out, err = call(task, *options)
    assert (status, out) == (2, "")
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err
