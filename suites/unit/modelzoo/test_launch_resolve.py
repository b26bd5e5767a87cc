"""From arguments to a plan: modes, defaults, paths, cores, contradictions."""

from pathlib import Path

import pytest

from bertbench.errors import InputError
from bertbench.modelzoo.arguments import parse
from bertbench.modelzoo.resolve import resolve
from bertbench.modelzoo.table import LAUNCH_OPTIONS, MODEL_ARGUMENTS
from suites.unit.made_up_machine import TWO_SOCKETS

pytestmark = pytest.mark.unit

# Two nodes of four physical cores; logical cores 8 to 15 are the second threads.
INFERENCE = "-m bert_large -p bfloat16 -mo inference -d /data -c /weights --output-dir /out"
TRAINING = "-m bert_large -p fp32 -mo training --output-dir /out"


def plan_of(words, script_dir=Path("/nowhere")):
    return resolve(parse(words.split()), TWO_SOCKETS, script_dir)


def command_of(words):
    (instance,) = plan_of(words).instances
    return list(instance.command)


def value(command, option):
    return command[command.index(option) + 1]


def test_accuracy_uses_the_documented_defaults():
    assert command_of(f"{INFERENCE} --accuracy-only -- infer_option=SQuAD") == [
        *("predict", "squad", "--precision", "bfloat16", "--optimized-softmax"),
        *("--config-file", "/data/bert_config.json", "--init-checkpoint", "/weights/model.ckpt-3649"),
        *("--vocab-file", "/data/vocab.txt"),
        *("--max-seq-length", "384", "--doc-stride", "128"),
        *("--predict-file", "/data/dev-v1.1.json", "--batch-size", "32", "--output-dir", "/out"),
    ]


def test_benchmark_uses_the_documented_defaults():
    command = command_of(f"{INFERENCE} --benchmark-only")
    assert command[:4] == ["benchmark", "squad", "--mode", "inference"]
    for option, expected in {
        "--batch-size": "32",
        "--steps": "30",
        "--warmup-steps": "10",
        "--predict-file": "/data/dev-v1.1.json",
        "--init-checkpoint": "/weights/model.ckpt-3649",
        "--output-dir": "/out",
    }.items():
        assert value(command, option) == expected
    assert "--profile" not in command


def test_training_uses_the_documented_defaults():
    command = command_of(f"{TRAINING} -- train_option=SQuAD")
    assert command[:2] == ["train", "squad"]
    for option, expected in {
        "--precision": "fp32",
        "--learning-rate": "3e-05",
        "--max-seq-length": "512",
        "--num-train-epochs": "20.0",
        "--batch-size": "24",
        "--accum-steps": "1",
        "--doc-stride": "128",
    }.items():
        assert value(command, option) == expected
    flags = {"--no-do-lower-case", "--no-optimized-softmax", "--do-train", "--do-predict"}
    assert flags <= set(command)
    assert not {"--gelu", "--init-checkpoint", "--warmup-steps", "--num-train-steps"} & set(command)


def test_pretraining_uses_documented_number_of_steps():
    command = command_of(f"{TRAINING} -- train_option=Pretraining max_predictions=76 do_eval=False")
    assert command[:2] == ["train", "pretraining"]
    assert value(command, "--num-train-steps") == "20"
    assert value(command, "--warmup-steps") == "10"
    assert value(command, "--max-predictions-per-seq") == "76"
    assert "--no-do-eval" in command
    assert not {"--vocab-file", "--do-predict", "--num-train-epochs"} & set(command)


def test_training_steps_option_sets_pretraining_steps():
    command = command_of(f"{TRAINING} -ts 7 -- train_option=Pretraining")
    assert value(command, "--num-train-steps") == "7"


def test_classifier_predicts_only_with_do_predict():
    plain = command_of(f"{TRAINING} -- train_option=Classifier")
    assert "--do-eval" in plain
    assert not {"--do-predict", "--no-do-predict"} & set(plain)
    assert "--do-predict" in command_of(f"{TRAINING} -- train_option=Classifier do_predict=True")


@pytest.mark.parametrize(
    ("words", "action"),
    [
        ("", "benchmark"),
        ("--benchmark-only", "benchmark"),
        ("--accuracy-only", "accuracy"),
        ("--accuracy-only --benchmark-only", "benchmark"),
        ("--accuracy-only -- profile=true", "profile"),
        ("--benchmark-only -- profile=True", "profile"),
        ("-- profile=False", "benchmark"),
    ],
)
def test_inference_arguments_select_the_action(words, action):
    assert plan_of(f"{INFERENCE} {words}").action == action


def test_profile_in_training_runs_a_benchmark():
    plan = plan_of(f"{TRAINING} -- train_option=Pretraining profile=True")
    (command,) = (instance.command for instance in plan.instances)
    assert command[:4] == ("benchmark", "pretraining", "--mode", "training")
    assert command[-1] == "--profile"
    assert "no model is trained" in plan.notices[-1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--optimized-softmax False", {"--no-optimized-softmax"}),
        ("--optimized-softmax False -- optimized_softmax=True", {"--optimized-softmax"}),
        ("--experimental-gelu True", {"fused"}),
        ("-- experimental-gelu=true", {"fused"}),
        ("-- do_lower_case=False", {"--no-do-lower-case"}),
        ("-- do_lower_case=True", {"--do-lower-case"}),
    ],
)
def test_kernel_and_case_arguments_become_options(words, expected):
    assert expected <= set(command_of(f"{INFERENCE} {words}"))


def test_benchmark_without_data_uses_random_weights():
    command = command_of("-m bert_base -p fp32 -mo inference --output-dir /out")
    assert value(command, "--config") == "bert-base"
    assert not {"--predict-file", "--vocab-file", "--init-checkpoint"} & set(command)


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


def test_mpi_options_are_passed_on():
    words = f"{TRAINING} --mpi_num_processes 4 --mpi_num_processes_per_socket=2 --mpi_hostnames a,b"
    command = command_of(f"{words} -- mpi_workers_sync_gradients=True")
    assert value(command, "--mpi-num-processes") == "4"
    assert value(command, "--mpi-num-processes-per-socket") == "2"
    assert value(command, "--mpi-hostnames") == "a,b"
    assert "--mpi-workers-sync-gradients" in command


def test_single_process_gets_no_mpi_options():
    command = command_of(f"{TRAINING} --mpi_num_processes=1 --mpi_num_processes_per_socket=1")
    assert not [word for word in command if word.startswith("--mpi")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("-m bert_large", "missing --precision and --mode"),
        (f"{TRAINING} --mpi_num_processes 2 --numa-cores-per-instance 2", "cannot be combined"),
        (f"{TRAINING} --mpi_num_processes 2 --num-instances 2", "cannot be combined"),
        (f"{INFERENCE} --num-instances 9", "only 8 fit"),
        (f"{INFERENCE} --mpi_num_processes 2", "is for training"),
        (f"{TRAINING} --mpi_hostnames a,b", "needs --mpi_num_processes"),
        (f"{INFERENCE} --socket-id 2", "nodes are 0 to 1"),
        (f"{INFERENCE} --num-cores 9", "there are 8 usable physical cores"),
        (f"{INFERENCE} --socket-id 0 --num-cores 5", "there are 4 usable physical cores"),
        (f"{INFERENCE} --numa-cores-per-instance 9", "there are 8 usable physical cores"),
    ],
)
def test_contradicting_arguments_are_rejected(words, message, siblings):
    with pytest.raises(InputError, match=message):
        plan_of(words)


def test_several_instances_require_empty_output_folder(tmp_path):
    (tmp_path / "left").touch()
    words = f"{INFERENCE.replace('/out', str(tmp_path))} --numa-cores-per-instance=2"
    with pytest.raises(InputError, match="is not empty"):
        plan_of(words)


def test_instances_have_their_own_folders_cores_and_threads(siblings):
    instances = plan_of(f"{INFERENCE} --numa-cores-per-instance=3").instances
    assert [instance.placement.cores for instance in instances] == [(0, 1, 2), (3, 4, 5)]
    for number, instance in enumerate(instances):
        command = list(instance.command)
        assert value(command, "--output-dir") == f"/out/instance_{number}"
        assert value(command, "--num-intra-threads") == "3"
        assert value(command, "--num-inter-threads") == "1"


def test_given_numbers_of_threads_are_kept():
    words = f"{INFERENCE} --numa-cores-per-instance=3 -a 2 -e 5"
    command = list(plan_of(words).instances[0].command)
    assert [word for word in command if word.endswith("-threads")] == [
        "--num-intra-threads",
        "--num-inter-threads",
    ]
    assert value(command, "--num-intra-threads") == "2"


def test_options_without_effect_are_reported_with_the_reason():
    model = "DEBIAN_FRONTEND=noninteractive learning_rate=1 num_train_epochs=2"
    plan = plan_of(f"{INFERENCE} --in-graph g.pb --gpu -v -- {model}")
    assert plan.notices == (
        "--in-graph has no effect: the graph is built from config_file and init_checkpoint.",
        "--gpu has no effect: bertbench computes on CPUs.",
        "debian_frontend has no effect: no Debian package is installed.",
        "learning_rate has no effect: it only applies to training.",
        "num_train_epochs has no effect: it only applies to training of SQuAD and Classifier.",
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            f"{INFERENCE} --numa-cores-per-instance 2 --num-cores 2",
            "--num-cores has no effect: it only applies to a ",
        ),
        (f"{INFERENCE} --accuracy-only --weight-sharing", "it only applies to throughput in inference"),
        (f"{INFERENCE} --accuracy-only -- steps=3", "steps has no effect: it only applies to throughput"),
        (f"{TRAINING} --weight-sharing", "it only applies to throughput in inference"),
        (f"{TRAINING} --accuracy-only", "--accuracy-only has no effect: it only applies to accuracy runs"),
        (
            f"{TRAINING} -- train_option=Classifier predict_file=x",
            "predict_file has no effect: it only applies to SQuAD",
        ),
    ],
)
def test_options_for_other_runs_are_reported_with_the_reason(words, message, siblings):
    (notice,) = plan_of(words).notices
    assert message in notice


@pytest.mark.parametrize("option", [*LAUNCH_OPTIONS, *MODEL_ARGUMENTS], ids=lambda option: option.shown)
def test_option_has_either_a_meaning_or_a_reason_for_no_effect(option):
    assert bool(option.meaning) != bool(option.idle)


@pytest.mark.parametrize(
    ("words", "cores"),
    [
        ("--num-instances 2", [(0, 1, 2, 3), (4, 5, 6, 7)]),
        ("--num-instances 2 --numa-cores-per-instance 3", [(0, 1, 2), (3, 4, 5)]),
        ("--num-instances 1", [()]),
        ("--num-instances 1 --numa-cores-per-instance 2", [(0, 1)]),
        ("--num-instances 2 --socket-id 1", [(4, 5), (6, 7)]),
    ],
)
def test_instances_share_cores_equally_or_get_given_cores(siblings, words, cores):
    instances = plan_of(f"{INFERENCE} {words}").instances
    assert [instance.placement.cores for instance in instances] == cores
    assert not any("--streams" in instance.command for instance in instances)


@pytest.mark.parametrize(
    ("words", "omp", "streams", "inter"),
    [
        ("", "2", "2", None),  # the 4 cores of a socket
        ("--num-cores 8", None, "2", "2"),  # 4 cores each
        ("--num-instances 3", "2", "3", None),
        ("--num-cores 6", "2", "3", "3"),
        ("--num-cores 6 -e -1", "3", "2", "2"),
        ("--numa-cores-per-instance 4", "2", "2", "2"),
    ],
)
def test_weight_sharing_runs_threads_in_one_process(siblings, monkeypatch, words, omp, streams, inter):
    if omp is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", omp)
    plan = plan_of(f"{INFERENCE} --weight-sharing {words}")
    command = list(plan.instances[0].command)
    assert command[:4] == ["benchmark", "squad", "--mode", "inference"]
    assert value(command, "--streams") == streams
    assert inter is None or value(command, "--num-inter-threads") == inter
    assert plan.notices == ()
    assert len(plan.instances) == (2 if "numa" in words else 1)


def test_weight_sharing_with_one_thread_is_reported(siblings, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    (notice,) = plan_of(f"{INFERENCE} --weight-sharing").notices
    assert "only one here; say how many with --num-instances" in notice
    monkeypatch.setenv("OMP_NUM_THREADS", "two")
    with pytest.raises(InputError, match="OMP_NUM_THREADS is 'two'"):
        plan_of(f"{INFERENCE} --weight-sharing")


def test_configuration_contains_only_effective_values():
    values = plan_of(f"{TRAINING} -- train_option=Classifier").configuration
    assert values["task_name"] == "MRPC"
    assert values["data_dir"] == "MRPC"
    assert "train_file" not in values


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


@pytest.mark.parametrize("processes", ["", "--mpi_num_processes=2"])
@pytest.mark.parametrize(
    ("given", "dev_set"),
    [
        ("do_predict=False", None),
        ("do-predict=False predict_file=/d.json", "/d.json"),
        ("do_predict=True", "dev-v1.1.json"),
        ("", "dev-v1.1.json"),
    ],
)
def test_training_without_prediction_needs_no_dev_set(processes, given, dev_set):
    command = command_of(f"{TRAINING} {processes} -- train_option=SQuAD {given}")
    assert ("--predict-file" in command) == (dev_set is not None)
    if dev_set is not None:
        assert value(command, "--predict-file") == dev_set


def test_path_with_unknown_user_is_kept():
    command = command_of(f"{TRAINING} -- train_option=Pretraining input_file=~no-such-user/a.tfrecord")
    assert value(command, "--input-file") == "~no-such-user/a.tfrecord"


def test_model_export_path_exports_instead_of_measuring():
    arguments = "init_checkpoint=/c/model.ckpt config_file=/c/config.json max_seq_length=384"
    assert command_of(f"{INFERENCE} -- infer_option=SQuAD model_export_path=models/1 {arguments}") == [
        *("export", "squad", "--format", "saved-model"),
        *("--precision", "bfloat16", "--optimized-softmax", "--config-file", "/c/config.json"),
        *("--init-checkpoint", "/c/model.ckpt", "--max-seq-length", "384"),
        *("--output-dir", "models/1"),
    ]
    words = command_of(
        f"{INFERENCE} -- infer_option=Classifier task_name=CoLA model_export_path=1 {arguments}"
    )
    assert words[:2] == ["export", "classifier"]
    assert words[words.index("--task-name") + 1] == "CoLA"


@pytest.mark.parametrize(
    ("value", "word"), [("True", "--version-2-with-negative"), ("False", "--no-version-2-with-negative")]
)
def test_arguments_of_squad_2_become_options(value, word):
    given = f"infer_option=SQuAD version_2_with_negative={value} null_score_diff_threshold=-1.5"
    words = command_of(f"{INFERENCE} --accuracy-only -- {given}")
    assert word in words
    assert words[words.index("--null-score-diff-threshold") + 1] == "-1.5"
    assert not any("version-2" in other for other in command_of(f"{INFERENCE} --accuracy-only"))
