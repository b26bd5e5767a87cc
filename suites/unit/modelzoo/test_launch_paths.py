"""Paths of a command line are resolved as the model zoo does."""

from pathlib import Path

import pytest

from bertbench.modelzoo.arguments import parse
from bertbench.modelzoo.resolve import resolve
from suites.unit.made_up_machine import TWO_SOCKETS
from suites.unit.modelzoo.resolved import INFERENCE, TRAINING, command_of, plan_of, value

pytestmark = pytest.mark.unit


def test_relative_paths_are_resolved_like_the_model_zoo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "vocab.txt").touch()
    (tmp_path / "here.txt").touch()
    (tmp_path / "tuned.ckpt-9.index").touch()
    base = f"-m bert_large -p fp32 -mo inference -d {tmp_path}/data -c {tmp_path}/none --accuracy-only --"
    first = command_of(f"{base} vocab_file=vocab.txt")
    assert value(first, "--vocab-file") == f"{tmp_path}/data/vocab.txt"
    assert value(first, "--init-checkpoint") == f"{tmp_path}/none/model.ckpt-3649"
    second = command_of(f"{base} vocab_file=here.txt init_checkpoint=tuned.ckpt-9")
    assert value(second, "--vocab-file") == "here.txt"
    assert value(second, "--init-checkpoint") == "tuned.ckpt-9"


def test_training_file_names_are_not_changed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path, tmp_path / "data"):
        folder.mkdir(exist_ok=True)
        (folder / "vocab.txt").touch()
    (tmp_path / "data" / "train-v1.1.json").touch()
    command = command_of(f"{TRAINING} -d {tmp_path}/data")
    assert value(command, "--vocab-file") == "vocab.txt"
    assert value(command, "--train-file") == f"{tmp_path}/data/train-v1.1.json"
    assert value(command, "--predict-file") == "dev-v1.1.json"


def test_container_paths_are_mapped_to_host_paths(tmp_path):
    (tmp_path / "vocab.txt").touch()
    words = f"{TRAINING} --volume {tmp_path}:/bert:ro -- vocab_file=/bert/vocab.txt config_file=/other/c.json"
    command = command_of(words)
    assert value(command, "--vocab-file") == f"{tmp_path}/vocab.txt"
    assert value(command, "--config-file") == "/other/c.json"


def test_input_file_pattern_is_resolved_in_data_location(tmp_path):
    (tmp_path / "part-1.tfrecord").touch()
    command = command_of(f"{TRAINING} -d {tmp_path} -- train_option=Pretraining input_file=part-*.tfrecord")
    assert value(command, "--input-file") == f"{tmp_path}/part-*.tfrecord"


def test_output_dir_of_model_differs_from_output_dir_of_launcher():
    plan = plan_of(f"{TRAINING} -- output_dir=/model")
    assert plan.output_dir == Path("/out")
    assert value(list(plan.instances[0].command), "--output-dir") == "/model"


def test_default_output_dir_is_beside_script_or_in_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = INFERENCE.removesuffix("--output-dir /out")
    assert plan_of(words, tmp_path).output_dir == tmp_path / "common" / "tensorflow" / "logs"
    closed = tmp_path / "file"
    closed.touch()
    assert plan_of(words, closed).output_dir == tmp_path / "bertbench_logs"
    installed = tmp_path / "lib" / "site-packages" / "bertbench"
    installed.mkdir(parents=True)
    assert plan_of(words, installed).output_dir == tmp_path / "bertbench_logs"
    (tmp_path / "target" / "bertbench").mkdir(parents=True)
    (tmp_path / "target" / "bertbench-0.1.0.dist-info").mkdir()  # of pip install --target
    assert plan_of(words, tmp_path / "target" / "bertbench").output_dir == tmp_path / "bertbench_logs"


@pytest.fixture
def records(tmp_path, monkeypatch):
    """A folder with two files of records, which is the home and the host's side of /inside as well."""
    folder = tmp_path / "p[1]"
    folder.mkdir()
    for name in ("a.tfrecord", "b.tfrecord"):
        (folder / name).touch()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.mark.parametrize(
    ("place", "given", "expected"),
    [
        ("{0}", "a.tfrecord", "{0}/a.tfrecord"),
        ("{0}", "a.tfrecord,b.tfrecord", "{0}/a.tfrecord,{0}/b.tfrecord"),
        ("{0}", "a.tfrecord,none.tfrecord", "{0}/a.tfrecord,{0}/none.tfrecord"),
        ("{0}", "*.tfrecord", "{0}/*.tfrecord"),
        ("{0}", "*.tfrecord,b.tfrecord", "{0}/*.tfrecord,{0}/b.tfrecord"),
        ("/elsewhere", "{0}/a.tfrecord,{0}/b.tfrecord", "{0}/a.tfrecord,{0}/b.tfrecord"),
        ("/elsewhere", "~/a.tfrecord,~/b.tfrecord", "{0}/a.tfrecord,{0}/b.tfrecord"),
        ("/inside", "a.tfrecord,b.tfrecord", "{0}/a.tfrecord,{0}/b.tfrecord"),
        ("/elsewhere", "/inside/a.tfrecord,/inside/*.tfrecord", "{0}/a.tfrecord,{0}/*.tfrecord"),
    ],
)
def test_each_path_of_a_list_is_resolved(records, place, given, expected):
    words = [
        *["-m", "bert_large", "-p", "fp32", "-mo", "inference", "--accuracy-only"],
        "--volume",
        f"{records}:/inside",
    ]
    words += ["-d", place.format(records), "--", "infer_option=Pretraining", f"input_file={given}"]
    (instance,) = resolve(
        parse([word.format(records) for word in words]), TWO_SOCKETS, Path("/nowhere")
    ).instances
    assert value(list(instance.command), "--input-file") == expected.format(records)


def test_path_with_unknown_user_is_kept():
    command = command_of(f"{TRAINING} -- train_option=Pretraining input_file=~no-such-user/a.tfrecord")
    assert value(command, "--input-file") == "~no-such-user/a.tfrecord"
