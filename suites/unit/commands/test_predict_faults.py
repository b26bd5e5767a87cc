"""`bertbench predict` with bad input, and with outputs that cannot be written."""

import json
import resource
from pathlib import Path

import numpy as np
import pytest

from bertbench.config import ModelConfig
from bertbench.data.features import Features
from bertbench.data.pretraining import MaskingOptions
from bertbench.data.pretraining_files import write_pretraining_files
from bertbench.data.tokenizer_files import TokenizerFiles
from bertbench.errors import InputError
from bertbench.file_identity import DataFile
from bertbench.tasks.dataset import Dataset
from bertbench.tasks.fit import require_known_ids
from suites.unit.commands.stand_in_runs import changed_dataset, squad_arguments
from suites.unit.squad_cases import question, squad, write_squad

pytestmark = pytest.mark.unit


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
