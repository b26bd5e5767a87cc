"""`bertbench predict` as a user calls it: what it writes and prints."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest

from bertbench.checkpoint.finding import checkpoint_fingerprint
from bertbench.data.pretraining import MaskingOptions
from bertbench.data.pretraining_files import write_pretraining_files
from bertbench.data.tokenizer_files import TokenizerFiles
from bertbench.file_identity import sha256_of_file
from bertbench.inference import fill_model
from bertbench.measure.machine import read_machine
from bertbench.measure.threads import ThreadSettings, default_threads
from suites.unit.commands.stand_in_runs import changed_dataset, squad_arguments
from suites.unit.random_stand_ins import classifier_model

pytestmark = pytest.mark.unit


def scored_by_hand(dataset, predictions):
    """Exact matches of single-word answers: no article, punctuation or case to strip but the full stop."""
    hits = [
        predictions[qa["id"]].strip(".").lower() == qa["answers"][0]["text"].lower()
        for article in dataset["data"]
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]
    return 100 * sum(hits) / len(hits), len(hits)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), default_threads(read_machine()).for_data_sets()),
        (("--num-inter-threads", "1"), default_threads(read_machine())),
        (("--num-intra-threads", "1"), ThreadSettings(1, 1)),
    ],
    ids=["default", "inter", "intra"],
)
def test_predict_computes_two_batches_at_once_unless_threads_are_given(
    options, expected, stand_ins, tmp_path
):
    command = [sys.executable, "-m", "bertbench", "predict", *squad_arguments(stand_ins, tmp_path / "out")]
    subprocess.run([*map(str, command), *options], capture_output=True, check=True)
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["threads"] == {"intra": expected.intra, "inter": expected.inter}
    assert results["counts"]["questions"] == 5


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

    def fill_and_replace(*arguments):
        fill_model(*arguments)
        (tmp_path / "newer").write_bytes(data.read_bytes())
        (tmp_path / "newer").replace(data)

    monkeypatch.setattr("bertbench.prediction.fill_model", fill_and_replace)
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


def test_question_without_reference_prevents_scoring_with_notice(predict, stand_ins, tmp_path):
    file = changed_dataset(stand_ins, tmp_path, lambda paragraph: paragraph["qas"][0].update(answers=[]))
    status, out, err = predict(*squad_arguments(stand_ins, tmp_path / "out"), "--predict-file", file)
    assert status == 0
    assert f"{file}: questions without a reference answer: 1 of 5; nothing is scored." in err
    assert json.loads((tmp_path / "out" / "results.json").read_text())["scores"] == {}
    assert "exact_match" not in out
