"""The command line of launch_benchmark.py: spellings, values, refusals."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bertbench
from bertbench.errors import InputError
from bertbench.modelzoo.arguments import Arguments, parse, to_command_line
from bertbench.modelzoo.launch import run
from bertbench.modelzoo.table import LAUNCH_OPTIONS, MODEL_ARGUMENTS
from bertbench.modelzoo.usage import help_text

pytestmark = pytest.mark.unit

# The short options of the model zoo's script, by its long ones.
SHORT = {
    "-f": "--framework",
    "-r": "--model-source-dir",
    "-p": "--precision",
    "-mo": "--mode",
    "-m": "--model-name",
    "-b": "--batch-size",
    "-d": "--data-location",
    "-i": "--socket-id",
    "-n": "--num-cores",
    "-a": "--num-intra-threads",
    "-e": "--num-inter-threads",
    "-ts": "--num-train-steps",
    "-c": "--checkpoint",
    "-bb": "--backbone-model",
    "-g": "--in-graph",
    "-k": "--benchmark-only",
    "-v": "--verbose",
}


def test_documented_command_line_is_parsed():
    words = (
        "--model-name=bert_large --precision=bfloat16 --mode=training --framework tensorflow "
        "--batch-size 24 --volume /a:/a --volume /b:/c:ro -- train-option=SQuAD learning_rate=3e-5 "
        "do-train=true DO_LOWER_CASE=False max_seq_length=384"
    )
    assert parse(words.split()) == Arguments(
        launch={
            "model_name": "bert_large",
            "precision": "bfloat16",
            "mode": "training",
            "framework": "tensorflow",
            "batch_size": 24,
            "volume": (("/a", "/a"), ("/b", "/c:ro")),
        },
        model={
            "train_option": "SQuAD",
            "learning_rate": 3e-5,
            "do_train": True,
            "do_lower_case": False,
            "max_seq_length": 384,
        },
    )


@pytest.mark.parametrize(("short", "long"), SHORT.items())
def test_short_options_equal_those_of_the_model_zoo(short, long):
    option = next(option for option in LAUNCH_OPTIONS if option.spellings[0] == long)
    assert option.spellings[1:] == (short,)
    value = {"count": "2", "index": "0"}.get(option.kind, (option.choices or ("x",))[0])
    words = [short] if option.kind == "flag" else [short, value]
    assert parse(words) == parse([long] if option.kind == "flag" else [f"{long}={value}"])


@pytest.mark.parametrize("words", [["-b", "8"], ["-b=8"], ["-b8"], ["--batch-size", "8"], ["--batch_size=8"]])
def test_all_notations_of_an_option_value_are_accepted(words):
    assert parse(words).launch == {"batch_size": 8}


@pytest.mark.parametrize("name", ["mpi_num_processes", "mpi-num-processes", "mpi_num-processes"])
def test_underscores_and_hyphens_in_option_names_are_equal(name):
    assert parse([f"--{name}", "4"]).launch == {"mpi_num_processes": 4}


@pytest.mark.parametrize(
    "words",
    [
        ["--vocab-file=v.txt"],
        ["--vocab_file", "v.txt"],
        ["vocab_file=v.txt"],
        ["--", "vocab-file=v.txt"],
        ["--", "--vocab_file=v.txt"],
        ["--", "Vocab_File=v.txt"],
    ],
)
def test_model_arguments_are_accepted_before_and_after_double_dash(words):
    assert parse(words) == Arguments(model={"vocab_file": "v.txt"})


@pytest.mark.parametrize("words", [["--optimized-softmax", "True"], ["--optimized-softmax=true"]])
def test_softmax_and_gelu_options_are_accepted_before_double_dash(words):
    assert parse(words).launch == {"optimized_softmax": True}


def test_minus_one_and_empty_value_mean_the_default():
    words = "-b -1 -i -1 -n=-1 -a= --shm-size= -- learning_rate= warmup_steps="
    assert parse(words.split()) == Arguments()


EMPTY_PATHS = [
    *([f"{option.spellings[0]}="] for option in LAUNCH_OPTIONS if option.kind in ("path", "volume")),
    *([option.spellings[0], ""] for option in LAUNCH_OPTIONS if option.kind in ("path", "volume")),
    *(["--", f"{argument.name}="] for argument in MODEL_ARGUMENTS if argument.kind == "path"),
]


@pytest.mark.parametrize("words", EMPTY_PATHS, ids=" ".join)
def test_empty_path_is_rejected(words):
    name = words[-1].removesuffix("=") or words[0]
    with pytest.raises(InputError, match=f"^{name}: is empty .*; give a path or leave it out"):
        parse(words)
    assert {"init_checkpoint=", "--output-dir=", "input_file="} <= {words[-1] for words in EMPTY_PATHS}


def test_value_may_contain_equals_sign_and_last_value_counts():
    assert parse(["--", "input_file=/a=b", "input_file=/c=d"]).model == {"input_file": "/c=d"}


def test_task_name_ignores_case():
    assert parse(["--", "train_option=squad"]).model == {"train_option": "SQuAD"}


def test_option_with_optional_value():
    assert parse(["-r", "-k"]).launch == {"model_source_dir": True, "benchmark_only": True}
    assert parse(["-r", "/models", "-k"]).launch == {"model_source_dir": "/models", "benchmark_only": True}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--bach-size=3"], "--bach-size=3: unknown option; did you mean --batch-size?"),
        (["--mpi_num_proceses=3"], "did you mean --mpi_num_processes?"),
        (["--vocab-fil=x"], "did you mean vocab_file?"),
        (["-z"], "-z: unknown option"),
        (["stray"], "stray: unknown option"),
        (
            ["--", "max_seq_lenght=3"],
            "max_seq_lenght=3: unknown model argument; did you mean max_seq_length?",
        ),
        (["--", "learningrate=3"], "did you mean learning_rate?"),
        (["--", "qqq=3"], "qqq=3: unknown model argument; --help lists all names."),
        (["--", "do_train"], "do_train: needs a value; write do_train=VALUE."),
        (["--", "batch_size=3"], "batch_size=3: not a model argument; put it before the --."),
        (["--batch-size"], "--batch-size: needs a value"),
        (["--batch-size", "--verbose"], "--batch-size: needs a value"),
        (["--batch-size=0"], "--batch-size: '0' is not a positive whole number"),
        (["--batch-size=many"], "'many' is not a positive whole number"),
        (["--numa-cores-per-instance=half"], "'half' is not a positive whole number or 'socket'"),
        (["--volume=/a"], "'/a' is not a pair of folders A:B"),
        (["--volume=:/a"], "is not a pair of folders A:B"),
        (
            ["--precision=fp16"],
            "--precision: 'fp16' is not a valid choice: CPUs with fast float16 products have",
        ),
        (["--precision=fp8"], "--precision: 'fp8' is not a valid choice; use fp32 or bfloat16 or int8"),
        (["--framework=pytorch"], "use tensorflow"),
        (["--", "do_train=perhaps"], "do_train: 'perhaps' is not a truth value (True or False)"),
        (["--", "learning_rate=fast"], "learning_rate: 'fast' is not a number"),
        (["--", "train_option=NER"], "use SQuAD or Classifier or Pretraining"),
        ([" "], "remove the space after a backslash"),
        (["--", " "], "remove the space after a backslash"),
    ],
)
def test_invalid_arguments_are_rejected(words, message):
    with pytest.raises(InputError) as refusal:
        parse(words)
    assert message in str(refusal.value)


def test_help_lists_every_option():
    assert parse(["--mode", "training", "--help"]).wants_help
    text = help_text()
    for option in (*LAUNCH_OPTIONS, *MODEL_ARGUMENTS):
        for spelling in option.spellings if option.meaning else [option.shown]:
            assert spelling in text


def test_version_option_prints_bertbench_version(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"launch_benchmark, version {bertbench.__version__}\n"


def test_misspelled_warmup_steps_of_the_model_zoo_is_accepted():
    assert parse(["--warmpup-steps=100"]).model == {"warmup_steps": 100}


TEXT = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
KINDS = {
    "text": TEXT,
    "path": TEXT,
    "optional": TEXT,
    "count": st.integers(1, 1000),
    "index": st.integers(0, 7),
    "integer": st.integers(0, 1000),
    "number": st.floats(1e-6, 1e6),
    "boolean": st.booleans(),
    "flag": st.just(True),
    "cores": st.one_of(st.just("socket"), st.integers(1, 64)),
}


def values_of(options):
    plain = [option for option in options if option.kind != "volume" and option.name != "output_dir"]
    chosen = {
        option.name: st.sampled_from(option.choices) if option.choices else KINDS[option.kind]
        for option in plain
    }
    return st.fixed_dictionaries({}, optional=chosen)


@given(launch=values_of(LAUNCH_OPTIONS), model=values_of(MODEL_ARGUMENTS))
def test_written_command_line_is_parsed_back(launch, model):
    words = to_command_line(Arguments(launch, model), without=("volume",), output_dir=Path("/out"))
    assert parse(words) == Arguments(launch | {"output_dir": "/out"}, model)
