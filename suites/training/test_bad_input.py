"""Bad input to a training is reported in one line, and nothing is written."""

import dataclasses
from pathlib import Path

import pytest

from bertbench.checkpoint.loading import save_weights
from bertbench.cli import main
from bertbench.compute import Compute
from bertbench.model.bert import BertModel
from suites.training.tiny import CONFIG, make_task

pytestmark = pytest.mark.training


def arguments(task: str, files: Path) -> list[str]:
    data = {
        "squad": ["--train-file", f"{files}/train.json", "--max-seq-length", "24", "--max-query-length", "8"],
        "classifier": ["--task-name", "MRPC", "--data-dir", str(files), "--max-seq-length", "24"],
        "pretraining": ["--input-file", f"{files}/text.tfrecord"],
    }
    model = ["--config-file", f"{files}/bert_config.json", "--vocab-file", f"{files}/vocab.txt"]
    return ["train", task, *model, *data[task], "--num-train-steps", "1", "--batch-size", "4"]


@pytest.mark.parametrize(
    ("task", "options", "expected"),
    [
        ("squad", "--do-eval", "no dev data; give --data"),
        ("squad", "--do-predict", "no dev data; give --data"),
        ("classifier", "--do-predict", "no test.tsv of MRPC here"),
        (
            "classifier",
            "--no-do-train --do-eval",
            "no checkpoint given; use --init-checkpoint or --model-dir",
        ),
        ("classifier", "--max-seq-length 25", "max_seq_length 25 is above the model's"),
        (
            "classifier",
            "--init-checkpoint {tmp}",
            "give the checkpoint and the bert_config.json that belong together",
        ),
        ("classifier", "--num-train-epochs nan", "num_epochs is nan; give a number above 0"),
        ("classifier", "--num-train-epochs inf", "num_epochs is inf; give a number above 0"),
        ("classifier", "--num-train-epochs 0", "num_epochs is 0.0; give a number above 0"),
        ("classifier", "--learning-rate 1e39", "give a finite rate"),
        ("pretraining", "--vocab-file {tmp}/none.txt", "none.txt: no such file"),
        ("pretraining", "--max-seq-length 0", "max_seq_length is 0"),
        ("pretraining", "--max-predictions-per-seq 5", "max_predictions_per_seq is 5"),
    ],
)
def test_bad_input_is_rejected_before_writing_output(
    task: str,
    options: str,
    expected: str,
    files: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bertbench.runtime.apply_threads", lambda settings: None)  # it runs already
    save_narrower_model(files, tmp_path / "model.ckpt")
    output = tmp_path / "out"
    command = [*arguments(task, files), *options.format(tmp=tmp_path).split(), "--output-dir", str(output)]
    with pytest.raises(SystemExit) as caught:
        main(command)
    message = capsys.readouterr().err.splitlines()[-1]
    assert caught.value.code == 2
    assert message.startswith("bertbench: ")
    assert expected in message
    assert not output.exists()


def save_narrower_model(files: Path, prefix: Path) -> None:
    narrower = dataclasses.replace(CONFIG, hidden_size=8)
    model = BertModel(narrower, Compute(), make_task("classifier", files).make_head, seed=1)
    save_weights(model.variables_by_name, prefix, global_step=1)


def test_model_larger_than_memory_is_reported_in_one_line(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bertbench.runtime.apply_threads", lambda settings: None)  # it runs already
    config = tmp_path / "bert_config.json"
    config.write_text(dataclasses.replace(CONFIG, vocab_size=10**12).to_json())
    command = [*arguments("classifier", files), "--config-file", str(config)]
    with pytest.raises(SystemExit) as caught:
        main([*command, "--output-dir", str(tmp_path / "out")])
    assert caught.value.code == 2
    # 10^12 wordpieces of 16 float32 values each; the optimizer is not counted.
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith("bertbench: a model with this configuration needs 59,605 GiB, but this machine has")
    )
