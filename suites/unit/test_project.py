"""`bertbench.toml` as typed values, and each kind of error in one line with file, line and key."""

import pytest

from bertbench.errors import InputError
from bertbench.project import find_project_file, read_project
from bertbench.tasks.classifier import ClassifierTask
from bertbench.tasks.pretraining import PretrainingTask
from bertbench.tasks.squad import SquadTask

pytestmark = pytest.mark.unit

TEXT = """\
# The model of the help pages.
[model.faq]
dir = "models/faq"
task = "squad"
data = "data/dev.json"
gelu = "erf"
precisions = [
    "fp32",
    "bf16",
]
[model.faq.accuracy]
max-drop = 0.5
[model.faq.throughput]
batch-size = 4
max-slowdown = 0.1
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "models" / "faq").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dev.json").write_text("{}")
    (tmp_path / "bertbench.toml").write_text(TEXT)
    return tmp_path


def read_changed(folder, old, new):
    assert old in TEXT
    (folder / "bertbench.toml").write_text(TEXT.replace(old, new))
    return read_project(folder / "bertbench.toml")


def test_project_file_is_read_into_settings(folder):
    project = read_project(folder / "bertbench.toml")
    (model,) = project.models
    assert project.baselines == folder / "baselines"
    assert (model.name, model.task, model.precisions) == ("faq", "squad", ("fp32", "bf16"))
    assert model.options.model_dir == folder / "models" / "faq"
    assert model.settings.data == folder / "data" / "dev.json"
    assert model.kernels.gelu == "erf"
    assert model.accuracy.max_drop == 0.5
    assert (model.throughput.batch_size, model.throughput.max_slowdown) == (4, 0.1)


def test_check_names_equal_case_names(folder):
    names = [check.name for check in read_project(folder / "bertbench.toml").checks]
    assert names == [
        "fp32-squad-inference-faq",
        "bf16-squad-inference-faq",
        "fp32-squad-inference-faq-b4",
        "bf16-squad-inference-faq-b4",
    ]


def test_omitted_keys_have_default_values(folder):
    shorter = TEXT[: TEXT.index("gelu")] + "[model.faq.accuracy]\n"
    (folder / "bertbench.toml").write_text(shorter)
    (model,) = read_project(folder / "bertbench.toml").models
    assert model.precisions == ("fp32", "bf16")
    assert model.kernels.gelu is None
    assert model.accuracy.max_drop is None
    assert model.throughput is None


def test_predict_options_are_accepted_as_keys(folder):
    project = read_changed(folder, 'gelu = "erf"', "max-seq-length = 256\ndo-lower-case = false")
    (model,) = project.models
    assert model.settings.windows.max_seq_length == 256
    assert model.options.do_lower_case is False


def test_baselines_key_sets_the_folder(folder):
    project = read_changed(folder, "[model.faq]\n", 'baselines = "ci/kept"\n[model.faq]\n')
    assert project.baselines == folder / "ci" / "kept"


@pytest.mark.parametrize(
    ("task", "lines", "data"),
    [
        (SquadTask, "", SquadTask.embedded.data["data"]),
        (ClassifierTask, 'task-name = "MRPC"', ClassifierTask.embedded.data["data"]),
        (PretrainingTask, "", PretrainingTask.embedded.data["data"]),
    ],
)
def test_project_file_finds_data_of_every_task(tmp_path, task, lines, data):
    (tmp_path / "bertbench.toml").write_text(
        f'[model.own]\ndir = "{task.embedded.model_dir}"\ntask = "{task.name}"\ndata = "{data}"\n{lines}\n'
        "[model.own.accuracy]\n"
    )
    (model,) = read_project(tmp_path / "bertbench.toml").models
    made = task(model.settings)
    assert made.has_data("dev")


def test_paths_are_relative_to_a_folder_with_glob_characters(tmp_path):
    folder = tmp_path / "a[1]*"
    (folder / "records").mkdir(parents=True)
    (folder / "records" / "x.tfrecord").touch()
    (folder / "bertbench.toml").write_text(
        '[model.own]\ndir = "records"\ntask = "pretraining"\ndata = "records/*.tfrecord"\n'
        "[model.own.accuracy]\n"
    )
    read_project(folder / "bertbench.toml")
    (folder / "records" / "x.tfrecord").unlink()
    with pytest.raises(InputError, match=r"line 4: model\.own\.data: .* matches no file"):
        read_project(folder / "bertbench.toml")


FAULTS = {
    "unknown key": ("data =", "dato =", "line 5: model.faq.dato: unknown key; did you mean 'data'?"),
    "unknown table": ("[model.faq.accuracy]", "[model.faq.quality]", "line 11: model.faq.quality: unknown"),
    "unknown key of a rule": ("max-drop", "max_drop", "line 12: model.faq.accuracy.max_drop: unknown key"),
    "unknown top table": ("[model.faq]", "[models.x]\n[model.faq]", "line 2: models: unknown key"),
    "another task's option": ('gelu = "erf"', 'task-name = "x"', "line 6: model.faq.task-name: unknown key"),
    "missing key": ('dir = "models/faq"', "", "line 2: model.faq: key 'dir' is missing"),
    "missing data": ('data = "data/dev.json"', "", "line 2: model.faq: key 'data' is missing"),
    "text for a number": ("0.5", "'0.5'", "model.faq.accuracy.max-drop is '0.5'; it must be a number"),
    "true for a number": ("= 4", "= true", "line 14: model.faq.throughput.batch-size is True"),
    "fraction for a count": ("= 4", "= 4.5", "line 14: model.faq.throughput.batch-size is 4.5"),
    "number for a text": ('"squad"', "1", "line 4: model.faq.task is 1; it must be a text"),
    "text for a table": ("[model.faq.accuracy]\nmax-drop = 0.5", "accuracy = 'x'", "accuracy is 'x'"),
    "below the range": ("0.5", "0", "line 12: model.faq.accuracy.max-drop is 0; give a number above 0"),
    "not finite": ("0.5", "nan", "line 12: model.faq.accuracy.max-drop is nan"),
    "infinite": ("0.5", "inf", "line 12: model.faq.accuracy.max-drop is inf"),
    "above the range": ("0.1", "1.0", "line 15: model.faq.throughput.max-slowdown is 1.0"),
    "no choice": ('"squad"', '"ner"', "line 4: model.faq.task is 'ner'; choose one of squad"),
    "no such GELU": ('"erf"', '"exact"', "line 6: model.faq.gelu is 'exact'; choose one of"),
    "no such precision": ('"bf16"', '"int4"', "line 7: model.faq.precisions contains 'int4'"),
    "nested precisions": ("precisions = [", "precisions = [[],", "line 7: model.faq.precisions contains []"),
    "a precision twice": ('"bf16"', '"fp32"', "line 7: model.faq.precisions: give"),
    "no precision": ('    "fp32",\n    "bf16",\n', "", "line 7: model.faq.precisions: give"),
    "no such folder": ("models/faq", "models/nowhere", "line 3: model.faq.dir: "),
    "no such data": ("dev.json", "test.json", "line 5: model.faq.data: "),
    "a name with a space": ("[model.faq]", '[model."a b".accuracy]\n[model.faq]', "line 2: model.a b: a"),
    "an empty path": ('"data/dev.json"', '""', "line 5: model.faq.data is empty"),
    "no TOML": ("gelu =", "gelu", "at line 6"),
    "a key twice": ("gelu =", 'task = "squad"\ngelu =', "at line 6"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_invalid_project_file_is_reported_in_one_line_with_place(folder, name):
    old, new, message = FAULTS[name]
    with pytest.raises(InputError) as fault:
        read_changed(folder, old, new)
    err = str(fault.value)
    assert err.startswith(f"{folder / 'bertbench.toml'}: ")
    assert message in err
    assert "\n" not in err


def test_model_without_accuracy_or_throughput_table_is_rejected(folder):
    (folder / "bertbench.toml").write_text(TEXT[: TEXT.index("[model.faq.accuracy]")])
    with pytest.raises(InputError, match=r"line 2: model\.faq: has no check"):
        read_project(folder / "bertbench.toml")


def test_tables_in_pyproject_equal_those_of_project_file(folder):
    (folder / "bertbench.toml").unlink()
    nested = TEXT.replace("[model.", "[tool.bertbench.model.")
    (folder / "pyproject.toml").write_text('[project]\nname = "x"\n' + nested)
    path = find_project_file(folder)
    assert path == folder / "pyproject.toml"
    assert [model.name for model in read_project(path).models] == ["faq"]
    path.write_text('[project]\nname = "x"\n' + nested.replace("0.5", "-1"))
    with pytest.raises(InputError, match=r"line 14: tool\.bertbench\.model\.faq\.accuracy\.max-drop is -1"):
        read_project(path)


def test_missing_project_file_error_names_init_command(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.other]\n")
    with pytest.raises(InputError, match="bertbench init"):
        find_project_file(tmp_path)
