"""`bertbench quantize` and `--precision int8` on the command line."""

import json
import re
import shutil

import numpy as np
import pytest

from bertbench import embedded
from bertbench.checkpoint.finding import checkpoint_fingerprint
from bertbench.file_identity import sha256_of_file
from suites.unit.random_stand_ins import classifier_model

pytestmark = pytest.mark.unit

SHORT = ("--max-seq-length", 64, "--max-query-length", 16)


@pytest.fixture(scope="module")
def quantized(stand_ins, tmp_path_factory):
    """Where the stand-in is quantized, once."""
    return tmp_path_factory.mktemp("quantized") / "Q"


def quantize(call, model, file, output):
    return call("quantize", "--model-dir", model, "--calibration-file", file, "--output-dir", output)


@pytest.fixture
def folder(quantized, stand_ins, call_here):
    if not quantized.exists():
        status, out, err = quantize(
            call_here, stand_ins.tuned, stand_ins.squad / "train-v1.1.json", quantized
        )
        assert status == 0, err
        assert re.search(r"^int8: the products of \d of 4 inputs; .* on 12 examples$", out, re.MULTILINE)
        assert "train-v1.1.json: has only 12 examples for calibration" in err
    return quantized


def test_quantize_writes_model_files_and_scales(folder, stand_ins):
    names = {file.name for file in stand_ins.tuned.iterdir()}
    assert {file.name for file in folder.iterdir()} == names | {"quantization.json"}
    assert all((folder / name).read_bytes() == (stand_ins.tuned / name).read_bytes() for name in names)
    made = json.loads((folder / "quantization.json").read_text())
    train = stand_ins.squad / "train-v1.1.json"
    assert made["calibration"] == {
        "task": "squad",
        "file": "train-v1.1.json",
        "sha256": sha256_of_file(train),
        "examples": 12,
    }
    assert made["checkpoint_fingerprint"] == checkpoint_fingerprint(stand_ins.tuned)


def test_same_input_gives_the_same_bytes(folder, stand_ins, tmp_path, call_here):
    quantize(call_here, stand_ins.tuned, stand_ins.squad / "train-v1.1.json", tmp_path / "again")
    assert (tmp_path / "again/quantization.json").read_bytes() == (folder / "quantization.json").read_bytes()


def predict(call, model, data, output, *more):
    return call(
        *("predict", "squad", "--model-dir", model, "--data", data, "--output-dir", output, *SHORT, *more),
        *("--precision", "int8"),
    )


def test_predict_runs_in_int8(folder, stand_ins, tmp_path, call_here):
    data = stand_ins.squad / "dev-v1.1.json"
    status, _, err = predict(call_here, folder, data, tmp_path / "int8")
    assert status == 0, err
    results = json.loads((tmp_path / "int8/results.json").read_text())
    assert results["precision"] == "int8"


def test_compare_lists_answers_changed_by_int8(folder, stand_ins, tmp_path, call_here):
    data = stand_ins.squad / "dev-v1.1.json"
    for precision in ("fp32", "int8"):
        call_here(
            *("predict", "squad", "--model-dir", folder, "--data", data, *SHORT),
            *("--precision", precision, "--output-dir", tmp_path / precision),
        )
    status, out, _ = call_here("compare", tmp_path / "fp32", tmp_path / "int8")
    assert status == 0
    assert re.search(r"changed answers: \d of 5", out)


def test_calibration_data_is_refused_for_judging(folder, stand_ins, tmp_path, call_here):
    file = stand_ins.squad / "train-v1.1.json"
    status, out, err = predict(call_here, folder, file, tmp_path / "out")
    assert (status, out) == (2, "")
    assert err.splitlines()[-1].startswith(f"bertbench: {file}: the int8 scales were calibrated on this file")
    assert not (tmp_path / "out").exists()


def test_scales_in_another_folder_are_found_by_option(folder, stand_ins, tmp_path, call_here):
    data = stand_ins.squad / "dev-v1.1.json"
    scales = folder / "quantization.json"
    status, _, _ = predict(call_here, stand_ins.tuned, data, tmp_path / "out", "--quantization-file", scales)
    assert status == 0


def test_model_without_scales_is_refused_with_the_command(stand_ins, tmp_path, call_here):
    status, out, err = predict(
        call_here, stand_ins.tuned, stand_ins.squad / "dev-v1.1.json", tmp_path / "out"
    )
    assert (status, out) == (2, "")
    (line,) = err.splitlines()
    assert re.fullmatch(
        r"bertbench: \S+: precision int8 needs a quantization\.json .*bertbench quantize.*", line
    )


def test_scales_of_other_weights_are_rejected(folder, stand_ins, tmp_path, call_here):
    scales = folder / "quantization.json"
    data = stand_ins.squad / "dev-v1.1.json"
    status, _, err = predict(call_here, embedded.SQUAD, data, tmp_path / "out", "--quantization-file", scales)
    assert status == 2
    (line,) = err.splitlines()
    assert "quantization.json: " in line


TRAINING = {
    "train": ("train", "squad", "--output-dir", "out", "--train-data", "nowhere.json"),
    "benchmark": ("benchmark", "squad", "--config", "tiny", "--mode", "training"),
}


@pytest.mark.parametrize("command", TRAINING)
def test_int8_training_is_rejected(call_here, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    status, out, err = call_here(*TRAINING[command], "--precision", "int8")
    assert (status, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("bertbench: precision int8 is for inference only;")
    assert not list(tmp_path.iterdir())


def test_export_refuses_int8(call_here, tmp_path):
    status, out, err = call_here(
        *("export", "squad", "--format", "onnx", "--precision", "int8", "--output-dir", tmp_path / "out")
    )
    assert (status, out) == (2, "")
    assert err == "bertbench: precision int8 cannot be exported; use fp32 or bf16.\n"


def test_model_zoo_refuses_to_train_in_int8(capsys, tmp_path):
    from bertbench.launch_benchmark import main

    arguments = ["--model-name=bert_large", "--precision=int8", "--mode=training", "--dry-run"]
    with pytest.raises(SystemExit) as ending:
        main([*arguments, f"--output-dir={tmp_path}"])
    assert ending.value.code == 2
    assert "precision int8 is for inference only" in capsys.readouterr().err


def test_model_zoo_measures_int8(capsys, tmp_path):
    from bertbench.launch_benchmark import main

    arguments = ["--model-name=bert_base", "--precision=int8", "--mode=inference", "--dry-run"]
    with pytest.raises(SystemExit) as ending:
        main([*arguments, f"--output-dir={tmp_path}"])
    assert not ending.value.code
    assert "--precision int8" in capsys.readouterr().out


def one_question(stand_ins, tmp_path):
    values = json.loads((stand_ins.squad / "train-v1.1.json").read_text())
    values["data"][0]["paragraphs"] = values["data"][0]["paragraphs"][:1]
    (tmp_path / "one.json").write_text(json.dumps(values))
    return tmp_path / "one.json"


def test_quantize_accepts_one_example_and_writes_scales_next_to_model(stand_ins, tmp_path, call_here):
    model = tmp_path / "model"
    shutil.copytree(stand_ins.tuned, model)
    before = {file.name for file in model.iterdir()}
    status, _, err = quantize(call_here, model, one_question(stand_ins, tmp_path), model)
    assert status == 0, err
    assert "one.json: has only 1 examples" in err
    assert {file.name for file in model.iterdir()} == before | {"quantization.json"}
    assert json.loads((model / "quantization.json").read_text())["calibration"]["examples"] == 1


def test_classifier_is_calibrated_on_its_training_file(stand_ins, tmp_path, call_here):
    model = classifier_model(stand_ins, tmp_path)
    status, _, err = quantize(call_here, model, stand_ins.mrpc / "train.tsv", tmp_path / "Q")
    assert status == 0, err
    made = json.loads((tmp_path / "Q/quantization.json").read_text())
    assert (made["calibration"]["task"], made["calibration"]["examples"]) == ("classifier", 24)


def write(text):
    return lambda stand_ins, folder: _write(folder / "data.json", text)


def _write(path, text):
    path.write_text(text)
    return path


BAD_FILES = {
    "not there": (lambda stand_ins, folder: folder / "nowhere.json", "nowhere.json: no such file"),
    "a folder": (lambda stand_ins, folder: stand_ins.squad, "squad: no such file"),
    "empty": (write(""), "data.json: is empty"),
    "not JSON": (write("{"), "not valid JSON"),
    "no questions": (write('{"data": []}'), "data.json"),
    "of another task": (lambda stand_ins, folder: stand_ins.mrpc / "train.tsv", "not data for this model"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_unsuitable_calibration_data_is_rejected(stand_ins, tmp_path, call_here, name):
    make, told = BAD_FILES[name]
    status, out, err = quantize(call_here, stand_ins.tuned, make(stand_ins, tmp_path), tmp_path / "Q")
    assert (status, out) == (2, "")
    assert told in err.splitlines()[-1]
    assert not (tmp_path / "Q").exists()


def test_dev_file_of_a_glue_task_is_refused(stand_ins, tmp_path, call_here):
    model = classifier_model(stand_ins, tmp_path)
    status, _, err = quantize(call_here, model, stand_ins.mrpc / "dev.tsv", tmp_path / "Q")
    assert status == 2
    assert "dev.tsv: is not the training file" in err.splitlines()[-1]


def test_model_without_a_head_is_refused(stand_ins, tmp_path, call_here):
    from bertbench.checkpoint.loading import save_weights

    folder = tmp_path / "headless"
    shutil.copytree(stand_ins.tuned, folder)
    weights = {"bert/embeddings/word_embeddings": np.zeros((4, 4), np.float32)}
    save_weights(weights, folder / "bert_model.ckpt", global_step=0)
    status, _, err = quantize(call_here, folder, stand_ins.squad / "train-v1.1.json", tmp_path / "Q")
    assert status == 2
    assert "contains no task head" in err.splitlines()[-1]


def test_broken_file_of_scales_is_refused_only_in_int8(folder, stand_ins, tmp_path, call_here):
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    text = (broken / "quantization.json").read_text()
    (broken / "quantization.json").write_text(text[: len(text) // 2])
    data = stand_ins.squad / "dev-v1.1.json"
    status, _, err = predict(call_here, broken, data, tmp_path / "out")
    assert status == 2
    assert "quantization.json: line 1, column" in err.splitlines()[-1]
    status, _, _ = call_here(
        *("predict", "squad", "--model-dir", broken, "--data", data, *SHORT),
        *("--output-dir", tmp_path / "out"),
    )
    assert status == 0
