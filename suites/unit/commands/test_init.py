"""`bertbench init` writes a file with what it detected, which `check` reads."""

import shutil
import tomllib

import pytest

from bertbench.project import read_project
from bertbench.tasks.classifier import ClassifierTask
from bertbench.tasks.pretraining import PretrainingTask
from bertbench.tasks.squad import SquadTask
from suites.unit.own_project import write_squad

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def copy_model(task, folder):
    return shutil.copytree(task.embedded.model_dir, folder / "models" / "my faq")


def test_init_finds_the_glue_task_of_the_current_folder(folder, call_here, monkeypatch):
    model = copy_model(ClassifierTask, folder)
    data = folder / "MRPC"
    data.mkdir()
    for file in ClassifierTask.embedded.model_dir.glob("*.tsv"):
        shutil.copy(file, data)
    monkeypatch.chdir(data)
    status, _, err = call_here("init", "--model-dir", model, "--data", ".")
    assert status == 0, err
    (table,) = tomllib.loads((data / "bertbench.toml").read_text())["model"].values()
    assert table["task-name"] == "MRPC"


def test_init_of_squad_model_writes_project_file(folder, call_here):
    copy_model(SquadTask, folder)
    count = write_squad(folder / "dev.json")
    status, _, err = call_here("init", "--model-dir", "models/my faq", "--data", "dev.json")
    assert status == 0, err
    assert "bertbench.toml: written" in err
    text = (folder / "bertbench.toml").read_text()
    assert f"# {count} questions" in text
    table = tomllib.loads(text)["model"]["my-faq"]
    assert table["dir"] == "models/my faq"
    assert (table["task"], table["data"], table["precisions"]) == ("squad", "dev.json", ["fp32", "bf16"])
    assert set(table["accuracy"]) == {"max-drop"}
    assert set(table["throughput"]) == {"batch-size", "max-slowdown"}
    (model,) = read_project(folder / "bertbench.toml").models
    assert model.options.model_dir == folder / "models" / "my faq"


@pytest.mark.parametrize(
    ("task", "data"),
    [
        (ClassifierTask, ClassifierTask.embedded.model_dir),
        (PretrainingTask, PretrainingTask.embedded.model_dir),
        (PretrainingTask, PretrainingTask.embedded.data["data"]),
    ],
)
def test_init_detects_the_task(task, data, folder, call_here):
    status, _, err = call_here("init", "--model-dir", copy_model(task, folder), "--data", data)
    assert status == 0, err
    (model,) = read_project(folder / "bertbench.toml").models
    assert model.task == task.name


def test_init_writes_given_options(folder, call_here):
    model = copy_model(SquadTask, folder)
    write_squad(folder / "dev.json")
    shutil.move(model / "vocab.txt", folder / "words.txt")
    call_here(
        "init", "--model-dir", model, "--data", "dev.json", "--vocab-file", "words.txt", "--no-do-lower-case"
    )
    table = tomllib.loads((folder / "bertbench.toml").read_text())["model"]["my-faq"]
    assert (table["vocab-file"], table["do-lower-case"]) == ("words.txt", False)


@pytest.mark.parametrize("name", ["\N{HUGGING FACE}-faq", "中文 模型"])
def test_init_writes_paths_of_any_characters(folder, call_here, name):
    model = shutil.copytree(SquadTask.embedded.model_dir, folder / name)
    write_squad(folder / "dev.json")
    status, _, err = call_here("init", "--model-dir", model, "--data", "dev.json")
    assert status == 0, err
    (made,) = read_project(folder / "bertbench.toml").models
    assert made.options.model_dir == folder / name


def test_init_leaves_no_file_that_cannot_be_read(folder, call_here):
    """TOML excludes the character DEL, which is valid in paths."""
    model = shutil.copytree(SquadTask.embedded.model_dir, folder / "a\x7fb")
    write_squad(folder / "dev.json")
    status, _, err = call_here("init", "--model-dir", model, "--data", "dev.json")
    assert (status, err.count("\n")) == (2, 1)
    assert not (folder / "bertbench.toml").exists()


def test_init_does_not_overwrite_existing_file(folder, call_here):
    (folder / "bertbench.toml").write_text("mine")
    status, _, err = call_here("init", "--model-dir", SquadTask.embedded.model_dir, "--data", "dev.json")
    assert status == 2
    assert err == "bertbench: bertbench.toml: already exists; add to it, or remove it first.\n"
    assert (folder / "bertbench.toml").read_text() == "mine"


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        ("nowhere", "dev.json", "nowhere: no such folder"),
        (SquadTask.embedded.model_dir, "nowhere.json", "nowhere.json: no such file or folder"),
        (
            SquadTask.embedded.model_dir,
            ClassifierTask.embedded.model_dir,
            "is not data for this model",
        ),
        (ClassifierTask.embedded.model_dir, SquadTask.embedded.data["data"], "is not data for this model"),
    ],
)
def test_init_reports_unsuitable_model_or_data(model, data, message, folder, call_here):
    write_squad(folder / "dev.json")
    status, _, err = call_here("init", "--model-dir", model, "--data", data)
    assert status == 2
    assert message in err
    assert len(err.splitlines()) == 1
    assert not (folder / "bertbench.toml").exists()
