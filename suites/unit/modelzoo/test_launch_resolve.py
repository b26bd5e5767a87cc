"""From arguments to a plan: modes, defaults, contradictions, options without effect."""

import pytest

from bertbench.errors import InputError
from bertbench.modelzoo.table import LAUNCH_OPTIONS, MODEL_ARGUMENTS
from suites.unit.modelzoo.resolved import INFERENCE, TRAINING, command_of, plan_of, value

pytestmark = pytest.mark.unit


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


def test_configuration_contains_only_effective_values():
    values = plan_of(f"{TRAINING} -- train_option=Classifier").configuration
    assert values["task_name"] == "MRPC"
    assert values["data_dir"] == "MRPC"
    assert "train_file" not in values


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
