"""Recorded and published baselines: kept by case, checkpoint and data set, and refused when malformed."""

import dataclasses
import json
import subprocess
from pathlib import Path

import pytest

from bertbench.config import GEOMETRIES
from bertbench.errors import InputError
from bertbench.results.accuracy_baselines import (
    find_published,
    read_baselines,
    read_published,
    record_baselines,
)
from bertbench.results.schema import AccuracyCase, AccuracyResult

pytestmark = pytest.mark.unit

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def path(tmp_path):
    """The baselines' place in a work tree with one commit."""
    (tmp_path / "baselines").mkdir()
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "user.name", "A. Person")
    git(tmp_path, "config", "user.email", "a@person.example")
    (tmp_path / "code.py").write_text("one")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "-q", "-m", "one")
    return tmp_path / "baselines" / "accuracy.json"


def git(folder, *arguments):
    return subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def result(**changes):
    case = AccuracyCase(
        case="bf16-squad-inference",
        task="squad",
        precision="bf16",
        mode="inference",
        quantity="f1",
        scores={"exact_match": 60.0, "f1": 75.5},
        tolerance=0.5,
        verdict="pass",
        checkpoint_fingerprint="c1",
        dataset_sha256="d1",
        examples=788,
    )
    versions, machine = {"tensorflow": "2.21.0"}, {"id": "cpu-2c"}
    return AccuracyResult(machine, versions, (dataclasses.replace(case, **changes),))


def test_there_is_none_before_the_first(path):
    assert read_baselines(path) == {}


def test_what_is_recorded_says_who_when_and_on_what(path):
    record_baselines(path, result())
    (baseline,) = read_baselines(path).values()
    assert baseline.key == ("bf16-squad-inference", "c1", "d1")
    assert baseline.scores == {"exact_match": 60.0, "f1": 75.5}
    assert baseline.versions == {"tensorflow": "2.21.0"}
    assert baseline.machine == {"id": "cpu-2c"}
    assert baseline.recorded.who == "A. Person"
    assert git(path.parent, "rev-parse", "HEAD").startswith(baseline.recorded.commit)
    assert not baseline.recorded.dirty
    assert baseline.recorded.when.endswith("+00:00")


def test_a_new_recording_replaces_its_own_case_checkpoint_and_data_only(path):
    record_baselines(path, result())
    for change in (
        {"case": "fp32-squad-inference"},
        {"checkpoint_fingerprint": "c2"},
        {"dataset_sha256": "d2"},
    ):
        record_baselines(path, result(**change))
    record_baselines(path, result(scores={"exact_match": 61.0, "f1": 76.0}))
    stored = {key: baseline.scores["f1"] for key, baseline in read_baselines(path).items()}
    assert stored == {
        ("bf16-squad-inference", "c1", "d1"): 76.0,
        ("bf16-squad-inference", "c1", "d2"): 75.5,
        ("bf16-squad-inference", "c2", "d1"): 75.5,
        ("fp32-squad-inference", "c1", "d1"): 75.5,
    }


def test_a_tree_with_changes_is_refused_or_told(path):
    (path.parents[1] / "code.py").write_text("two")
    with pytest.raises(InputError, match=r"changes that are in no commit.*--allow-dirty"):
        record_baselines(path, result())
    assert not path.exists()
    record_baselines(path, result(), allow_dirty=True)
    (baseline,) = read_baselines(path).values()
    assert baseline.recorded.dirty


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "schema_version is None"),
        ('{"schema_version": 99, "baselines": []}', "schema_version is 99"),
        ('{"schema_version": 1, "baselines": [{"case": "a"}]}', r"baselines\[0\]: key '\w+' is missing"),
        ('{"schema_version": 1,\n "baselines": [}', "line 2, column 16"),
    ],
)
def test_a_file_that_is_none_is_refused(path, text, told):
    path.write_text(text)
    with pytest.raises(InputError, match=told):
        read_baselines(path)


def test_the_published_scores_are_those_of_the_model_zoo():
    (entry,) = read_published(REPOSITORY / "baselines" / "published.json")
    assert entry.scores["bf16"] == {"exact_match": 86.77388836329234, "f1": 92.98642358746287}
    assert entry.scores["fp32"] == {"exact_match": 86.72658467360453, "f1": 92.98046893150796}
    assert "github.com/IntelAI/models" in entry.source


@pytest.mark.parametrize(
    ("change", "applies"),
    [
        ({}, True),
        ({"precision": "fp32"}, True),
        ({"task": "classifier"}, False),
        ({"examples": 788}, False),
        ({"config": GEOMETRIES["bert-base"]}, False),
        ({"precision": "fp16"}, False),
    ],
)
def test_published_scores_apply_to_their_geometry_and_the_whole_dev_set(change, applies):
    published = read_published(REPOSITORY / "baselines" / "published.json")
    facts = {"task": "squad", "precision": "bf16", "config": GEOMETRIES["bert-large"], "examples": 10570}
    assert (find_published(published, **(facts | change)) is not None) == applies


def test_every_recorded_case_has_its_scores():
    for baseline in read_baselines(REPOSITORY / "baselines" / "accuracy.json").values():
        assert baseline.quantity in baseline.scores
        assert json.dumps(baseline.scores)
