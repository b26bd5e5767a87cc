"""`bertbench predict` as a user calls it: what it writes and prints, and its messages for bad input."""

import functools
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from bertbench.checkpoint.finding import checkpoint_fingerprint
from bertbench.config import ModelConfig
from bertbench.data.features import Features
from bertbench.data.pretraining import MaskingOptions
from bertbench.data.pretraining_files import write_pretraining_files
from bertbench.data.tokenizer_files import TokenizerFiles
from bertbench.errors import InputError
from bertbench.file_identity import DataFile, sha256_of_file
from bertbench.inference import load_model
from bertbench.tasks.dataset import Dataset
from bertbench.tasks.fit import require_known_ids
from suites.unit.random_stand_ins import classifier_model
from suites.unit.squad_cases import question, squad, write_squad

pytestmark = pytest.mark.unit


@pytest.fixture
def predict(call_here):
    """Call `bertbench predict` in this process."""
    return functools.partial(call_here, "predict")


def squad_arguments(stand_ins, output_dir):
    return [
        *("squad", "--model-dir", stand_ins.tuned, "--predict-file", stand_ins.squad / "dev-v1.1.json"),
        *("--output-dir", output_dir, "--max-seq-length", 64, "--max-query-length", 16),
    ]


def scored_by_hand(dataset, predictions):
    """Exact matches of single-word answers: no article, punctuation or case to strip but the full stop."""
    hits = [
        predictions[qa["id"]].strip(".").lower() == qa["answers"][0]["text"].lower()
        for article in dataset["data"]
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]
    return 100 * sum(hits) / len(hits), len(hits)


def test_predict_squad_in_separate_process(stand_ins, tmp_path):
    command = [sys.executable, "-m", "bertbench", "predict", *squad_arguments(stand_ins, tmp_path / "out")]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [*map(str, command), "--precision", "bfloat16", "--num-intra-threads", "1"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "oneDNN" not in done.stderr
    assert "InitializeLog" not in done.stderr
    assert "predict squad in bf16: 5/5 examples" in done.stderr
    predictions = json.loads((tmp_path / "out" / "predictions.json").read_text())
    nbest = json.loads((tmp_path / "out" / "nbest_predictions.json").read_text())
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {key: entries[0]["text"] for key, entries in nbest.items()} == predictions
    dataset = stand_ins.squad / "dev-v1.1.json"
    exact_match, questions = scored_by_hand(json.loads(dataset.read_text()), predictions)
    assert json.loads(done.stdout.splitlines()[-1]) == results["scores"]
    assert results["scores"]["exact_match"] == exact_match
    assert results["counts"]["questions"] == questions == 5
    assert results["precision"] == "bf16"
    assert results["threads"]["intra"] == 1
    assert results["dataset_sha256"] == sha256_of_file(dataset)
    assert results["checkpoint_fingerprint"] == checkpoint_fingerprint(stand_ins.tuned)
    assert results["examples_per_second"] == pytest.approx(5 / results["seconds"]["inference"])
    assert "predict squad" in results["command"]
    assert {"tensorflow", "bertbench"} <= results["versions"].keys()
    assert results["machine"]["id"] == results["machine_id"]


def test_data_from_pipe_is_recorded_with_checksum(predict, stand_ins, tmp_path):
    data = (stand_ins.squad / "dev-v1.1.json").read_bytes()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    status, _, err = predict(*squad_arguments(stand_ins, tmp_path / "out"), "--predict-file", pipe)
    writer.join()
    assert status == 0, err
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["dataset_sha256"] == hashlib.sha256(data).hexdigest()


def test_weights_replaced_while_reading_are_reported(predict, stand_ins, tmp_path, monkeypatch):
    model = tmp_path / "model"
    shutil.copytree(stand_ins.tuned, model)
    data = model / "bert_model.ckpt.data-00000-of-00001"

    def load_and_replace(*arguments):
        loaded = load_model(*arguments)
        (tmp_path / "newer").write_bytes(data.read_bytes())
        (tmp_path / "newer").replace(data)
        return loaded

    monkeypatch.setattr("bertbench.prediction.load_model", load_and_replace)
    status, _, err = predict(*squad_arguments(stand_ins, tmp_path / "out"), "--model-dir", model)
    assert status == 2
    assert err.splitlines()[-1].startswith(f"bertbench: {data}: changed while it was read; run this again")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("split", ["dev", "test"])
def test_predict_classifier_writes_probabilities(predict, stand_ins, tmp_path, split):
    model = classifier_model(stand_ins, tmp_path)
    status, out, err = predict(
        *("classifier", "--task-name", "mrpc", "--data-dir", stand_ins.mrpc, "--split", split),
        *("--model-dir", model, "--output-dir", tmp_path / "out", "--batching", "packed"),
    )
    assert status == 0, err
    probabilities = np.loadtxt(tmp_path / "out" / "test_results.tsv")
    assert probabilities.shape == ({"dev": 8, "test": 6}[split], 2)
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-6)
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    if split == "test":
        assert results["scores"] == {}
        assert (tmp_path / "out" / "MRPC.tsv").read_text().startswith("index\tprediction\n0\t")
        return
    labels = np.arange(8) % 2
    assert results["scores"]["accuracy"] == np.mean(probabilities.argmax(-1) == labels)
    assert json.loads(out.splitlines()[-1]) == results["scores"]
    written = _eval_results(tmp_path / "out")
    assert written["eval_accuracy"] == results["scores"]["accuracy"]
    assert written["eval_f1"] == results["scores"]["f1"]
    loss = -np.log(probabilities[np.arange(8), labels]).mean()
    assert written["eval_loss"] == written["loss"] == pytest.approx(loss, rel=1e-6)
    assert written["global_step"] == 0


def test_predict_pretraining_writes_scores_near_chance(predict, stand_ins, tmp_path):
    write_pretraining_files(
        [stand_ins.text],
        [tmp_path / "a.tfrecord"],
        tokenizer=TokenizerFiles(stand_ins.pretrained / "vocab.txt").tokenizer,
        options=MaskingOptions(max_seq_length=48, max_predictions_per_seq=8, dupe_factor=1),
        random_seed=1,
        num_processes=1,
    )
    status, out, err = predict(
        *("pretraining", "--input-file", tmp_path / "*.tfrecord", "--model-dir", stand_ins.pretrained),
        *("--output-dir", tmp_path / "out"),
    )
    assert status == 0, err
    scores = json.loads(out.splitlines()[-1])
    vocabulary = len((stand_ins.pretrained / "vocab.txt").read_text().splitlines())
    assert scores["masked_lm_loss"] == pytest.approx(np.log(vocabulary), rel=0.1)  # weights near 0: chance
    assert scores["next_sentence_loss"] == pytest.approx(np.log(2), rel=0.1)
    loss = scores["masked_lm_loss"] + scores["next_sentence_loss"]
    assert _eval_results(tmp_path / "out") == {**scores, "loss": loss, "global_step": 0}


def _eval_results(folder):
    lines = (folder / "eval_results.txt").read_text().splitlines()
    assert lines == sorted(lines)
    return {name: float(value) for name, value in (line.split(" = ") for line in lines)}


def test_answers_not_in_context_are_counted(predict, stand_ins, tmp_path):
    def move(paragraph):
        paragraph["qas"][0]["answers"][0]["text"] = "Atlantis"

    file = changed_dataset(stand_ins, tmp_path, move)
    status, _, err = predict(*squad_arguments(stand_ins, tmp_path / "out"), "--predict-file", file)
    assert status == 0
    assert f"{file}: answers not in their context at answer_start: 1;" in err


def test_file_without_answers_is_predicted_but_not_scored(predict, stand_ins, tmp_path):
    file = changed_dataset(stand_ins, tmp_path, lambda paragraph: paragraph["qas"][0].pop("answers"))
    status, out, _ = predict(*squad_arguments(stand_ins, tmp_path / "out"), "--predict-file", file)
    assert status == 0
    assert "exact_match" not in out
    assert len(json.loads((tmp_path / "out" / "predictions.json").read_text())) == 5


def changed_dataset(stand_ins, tmp_path, change):
    dataset = json.loads((stand_ins.squad / "dev-v1.1.json").read_text())
    change(dataset["data"][0]["paragraphs"][0])
    file = tmp_path / "changed.json"
    file.write_text(json.dumps(dataset, indent=1))
    return file


def bad_model(stand_ins, tmp_path, damage):
    """A copy of the model with one thing wrong."""
    folder = tmp_path / "model"
    folder.mkdir()
    for file in stand_ins.tuned.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    damage(folder)
    return ["--model-dir", folder]


def remove_checkpoint(folder):
    (folder / "bert_model.ckpt.index").unlink()


def truncate_checkpoint(folder):
    data = folder / "bert_model.ckpt.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-1000])


def lengthen_vocabulary(folder):
    with (folder / "vocab.txt").open("a") as file:
        file.write("one\nmore\n")


def enlarge_model(folder):
    config = json.loads((folder / "bert_config.json").read_text())
    (folder / "bert_config.json").write_text(json.dumps(config | {"hidden_size": 64}))


def break_json(tmp_path):
    file = tmp_path / "broken.json"
    file.write_text('{"data": [\n  {"paragraphs": [}\n]}\n')
    return ["--predict-file", file]


def with_paragraph(**changes):
    def make(stand_ins, tmp_path):
        return [
            "--predict-file",
            changed_dataset(stand_ins, tmp_path, lambda paragraph: paragraph.update(changes)),
        ]

    return make


def with_empty_question(stand_ins, tmp_path):
    file = changed_dataset(stand_ins, tmp_path, lambda paragraph: paragraph["qas"][0].update(question=" "))
    return ["--predict-file", file]


def with_invisible_context(stand_ins, tmp_path):
    content = squad(("\u200b\ufeff", [question(answers=[])]))
    return ["--predict-file", write_squad(tmp_path / "invisible.json", content)]


BAD_INPUTS = {
    "missing checkpoint": (
        lambda stand_ins, tmp_path: bad_model(stand_ins, tmp_path, remove_checkpoint),
        ("model: contains no checkpoint", "--init-checkpoint"),
    ),
    "truncated checkpoint": (
        lambda stand_ins, tmp_path: bad_model(stand_ins, tmp_path, truncate_checkpoint),
        ("bert_model.ckpt.data-00000-of-00001: truncated", "fetch it again"),
    ),
    "vocabulary of another size": (
        lambda stand_ins, tmp_path: bad_model(stand_ins, tmp_path, lengthen_vocabulary),
        ("vocab.txt: contains 36 wordpieces", "vocab_size 34", "give the vocabulary"),
    ),
    "configuration of another model": (
        lambda stand_ins, tmp_path: bad_model(stand_ins, tmp_path, enlarge_model),
        ("bert_model.ckpt: has ", "give the checkpoint and the bert_config.json that belong together"),
    ),
    "malformed JSON": (lambda stand_ins, tmp_path: break_json(tmp_path), ("broken.json: line 2, column 19",)),
    "no such file": (
        lambda stand_ins, tmp_path: ["--predict-file", tmp_path / "none.json"],
        ("none.json: cannot be read (No such file or directory)",),
    ),
    "empty context": (with_paragraph(context=""), ("article 1, paragraph 1", "'context' is empty")),
    "contexts of invisible characters": (
        with_invisible_context,
        ("no context contains a wordpiece",),
    ),
    "empty question": (
        with_empty_question,
        ("article 1, paragraph 1, question 'dev-0'", "'question' is empty"),
    ),
    "unknown precision": (
        lambda stand_ins, tmp_path: ["--precision", "fp8"],
        ("precision 'fp8' is unknown", "fp32"),
    ),
    "float16": (
        lambda stand_ins, tmp_path: ["--precision", "fp16"],
        ("precision fp16 is not supported: ", "use bf16"),
    ),
    "unknown GELU": (lambda stand_ins, tmp_path: ["--gelu", "relu"], ("gelu is 'relu'", "erf")),
    "longer than the model": (
        lambda stand_ins, tmp_path: ["--max-seq-length", 1024],
        ("max_seq_length 1024", "max_position_embeddings 512", "--max-seq-length"),
    ),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_input_is_reported_in_one_line_and_keeps_earlier_outputs(predict, stand_ins, tmp_path, name):
    output = tmp_path / "out"
    output.mkdir()
    earlier = {"predictions.json": "{}", "results.json": "earlier"}
    for file, text in earlier.items():
        (output / file).write_text(text)
    make, message = BAD_INPUTS[name]
    status, out, err = predict(*squad_arguments(stand_ins, output), *make(stand_ins, tmp_path))
    assert status == 2
    assert out == ""
    *notices, line = err.splitlines()
    assert line.startswith("bertbench: ")
    assert all(notice.startswith("threads: ") or "ignored" in notice for notice in notices)
    for part in message:
        assert part in line
    assert {file.name: file.read_text() for file in output.iterdir()} == earlier


def test_question_without_reference_prevents_scoring_with_notice(predict, stand_ins, tmp_path):
    file = changed_dataset(stand_ins, tmp_path, lambda paragraph: paragraph["qas"][0].update(answers=[]))
    status, out, err = predict(*squad_arguments(stand_ins, tmp_path / "out"), "--predict-file", file)
    assert status == 0
    assert f"{file}: questions without a reference answer: 1 of 5; nothing is scored." in err
    assert json.loads((tmp_path / "out" / "results.json").read_text())["scores"] == {}
    assert "exact_match" not in out


def test_failed_run_creates_no_output_folder(predict, stand_ins, tmp_path):
    status, _, _ = predict(*squad_arguments(stand_ins, tmp_path / "new"), "--precision", "fp8")
    assert status == 2
    assert not (tmp_path / "new").exists()


def test_folder_with_name_of_output_file_is_rejected(predict, stand_ins, tmp_path):
    (tmp_path / "nbest_predictions.json").mkdir()
    (tmp_path / "predictions.json").write_text("kept")
    status, _, err = predict(*squad_arguments(stand_ins, tmp_path))
    assert status == 2
    assert f"{tmp_path / 'nbest_predictions.json'}: a folder of this name exists" in err.splitlines()[-1]
    assert {file.name for file in tmp_path.iterdir()} == {"nbest_predictions.json", "predictions.json"}
    assert (tmp_path / "predictions.json").read_text() == "kept"


def test_output_dir_that_is_a_file_is_rejected(predict, stand_ins, tmp_path):
    (tmp_path / "out").write_text("kept")
    status, _, err = predict(*squad_arguments(stand_ins, tmp_path / "out"))
    assert status == 2
    assert f"{tmp_path / 'out'}: cannot be created as a folder" in err
    assert (tmp_path / "out").read_text() == "kept"


@pytest.mark.parametrize("existed", [False, True])
def test_full_disk_is_reported_with_file_name(predict, stand_ins, tmp_path, existed):
    output = tmp_path / "out"
    if existed:
        output.mkdir()
        (output / "predictions.json").write_text("kept")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        status, _, err = predict(*squad_arguments(stand_ins, output))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert status == 2
    assert f"bertbench: {output / 'predictions.json'}: cannot be written (File too large)" in err
    kept = [(file.name, file.read_text()) for file in output.iterdir()] if output.exists() else []
    assert kept == [("predictions.json", "kept")] * existed


def test_masked_ids_beyond_vocabulary_are_rejected(stand_ins):
    config = ModelConfig.from_json_file(stand_ins.pretrained / "bert_config.json")
    labels = {"masked_lm_ids": np.array([[3, config.vocab_size]], np.int32)}
    dataset = Dataset(
        Features.from_rows([[2, 3]], [[0, 0]], labels), None, (DataFile(Path("a.tfrecord"), ""),), 1
    )
    with pytest.raises(InputError, match=f"a.tfrecord: contains masked_lm_ids up to {config.vocab_size}"):
        require_known_ids(dataset, config)


def test_records_with_ids_beyond_vocabulary_are_rejected(predict, stand_ins, tmp_path):
    """Ids above the model's vocabulary, from a text tokenized with a longer one."""
    vocabulary = tmp_path / "vocab.txt"
    pieces = (stand_ins.pretrained / "vocab.txt").read_text().splitlines()
    vocabulary.write_text(
        "".join(f"{piece}\n" for piece in (*pieces[:5], *(f"x{n}" for n in range(9)), *pieces[5:]))
    )
    write_pretraining_files(
        [stand_ins.text],
        [tmp_path / "a.tfrecord"],
        tokenizer=TokenizerFiles(vocabulary).tokenizer,
        options=MaskingOptions(max_seq_length=48, max_predictions_per_seq=8, dupe_factor=1),
        random_seed=1,
        num_processes=1,
    )
    status, _, err = predict(
        *("pretraining", "--input-file", tmp_path / "a.tfrecord", "--model-dir", stand_ins.pretrained),
        *("--output-dir", tmp_path / "out"),
    )
    assert status == 2
    assert f"{tmp_path / 'a.tfrecord'}: contains input_ids up to" in err
