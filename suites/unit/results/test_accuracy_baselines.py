"""Recorded and published baselines: stored by case, checkpoint and data set, and rejected if malformed."""

import dataclasses
import hashlib
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from bertbench.config import GEOMETRIES
from bertbench.errors import InputError
from bertbench.evaluation.items import Items
from bertbench.results.accuracy import AccuracyCase, AccuracyResult, Ruling
from bertbench.results.accuracy_baselines import (
    find_published,
    items_folder,
    read_baselines,
    read_published,
    record_baselines,
)
from bertbench.results.item_files import write_items
from suites.unit.git_repository import git
from suites.unit.rewritten_baselines import rewrite

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


F1 = np.array([100.0, 51.0])
CASE = AccuracyCase(
    case="bf16-squad-inference",
    task="squad",
    precision="bf16",
    mode="inference",
    quantity="f1",
    scores={"exact_match": 50.0, "f1": 75.5},
    tolerance=0.5,
    verdict=Ruling.PASS,
    checkpoint_fingerprint="c1",
    dataset_sha256="d1",
    examples=2,
    instruction_set="oneDNN avx2",
)


def record(path, f1=F1, allow_dirty=False, **changes):
    """Record one case whose two questions score `f1`."""
    case = dataclasses.replace(CASE, scores={"exact_match": 50.0, "f1": float(f1.mean())}, **changes)
    result = AccuracyResult({"id": "cpu-2c"}, {"tensorflow": "2.21.0"}, (case,))
    items = Items(np.array(["q7", "q8"]), {"f1": f1})
    record_baselines(path, result, {case.case: items}, allow_dirty=allow_dirty)
    return case


def kept_files(path):
    return [file.name for file in items_folder(path).iterdir()]


def test_missing_file_has_no_baselines(path):
    assert read_baselines(path).by_key == {}


def test_recorded_baseline_has_user_time_versions_and_machine(path):
    case = record(path)
    baselines = read_baselines(path)
    baseline = baselines.find(case)
    assert baseline.key == ("bf16-squad-inference", "c1", "d1", "oneDNN avx2")
    assert baseline.scores == {"exact_match": 50.0, "f1": 75.5}
    assert baseline.versions == {"tensorflow": "2.21.0"}
    assert baseline.machine == {"id": "cpu-2c"}
    assert baseline.recorded.who == "A. Person"
    assert git(path.parent, "rev-parse", "HEAD").startswith(baseline.recorded.commit)
    assert not baseline.recorded.dirty
    assert baseline.recorded.when.endswith("+00:00")


def test_scores_by_question_are_stored_in_order_without_ids(path):
    case = record(path)
    baselines = read_baselines(path)
    items = baselines.items(baselines.find(case))
    assert items.values["f1"].tolist() == F1.tolist()
    assert items.ids.tolist() == ["1", "2"]


def test_new_recording_replaces_baseline_of_same_key_only(path):
    record(path)
    for change in (
        {"case": "fp32-squad-inference", "instruction_set": None},
        {"checkpoint_fingerprint": "c2"},
        {"dataset_sha256": "d2"},
        {"instruction_set": "oneDNN avx512_core_amx"},
    ):
        record(path, **change)
    record(path, F1 + 1)
    baselines = read_baselines(path)
    assert {key: baseline.scores["f1"] for key, baseline in baselines.by_key.items()} == {
        ("bf16-squad-inference", "c1", "d1", "oneDNN avx2"): 76.5,
        ("bf16-squad-inference", "c1", "d1", "oneDNN avx512_core_amx"): 75.5,
        ("bf16-squad-inference", "c1", "d2", "oneDNN avx2"): 75.5,
        ("bf16-squad-inference", "c2", "d1", "oneDNN avx2"): 75.5,
        ("fp32-squad-inference", "c1", "d1", ""): 75.5,
    }
    assert all(baselines.items(baseline) is not None for baseline in baselines.by_key.values())
    named = {baseline.per_question_scores for baseline in baselines.by_key.values()}
    assert set(kept_files(path)) == named  # the replaced one's scores are gone


def test_baseline_of_other_instruction_set_is_found_separately(path):
    record(path, instruction_set="oneDNN avx512_core_amx")
    baselines = read_baselines(path)
    assert baselines.find(CASE) is None
    assert baselines.find_elsewhere(CASE).instruction_set == "oneDNN avx512_core_amx"
    assert baselines.find_elsewhere(dataclasses.replace(CASE, checkpoint_fingerprint="c2")) is None


def test_concurrent_recordings_are_all_stored(path):
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("fork")) as pool:
        list(pool.map(record_numbered, [path] * 24, range(24)))
    baselines = read_baselines(path)
    assert {key[0] for key in baselines.by_key} == {f"case-{number}" for number in range(24)}
    assert len(kept_files(path)) == 24


def record_numbered(path, number):
    record(path, F1 - number, case=f"case-{number}")


def test_recording_with_uncommitted_changes_is_rejected_or_marked(path):
    (path.parents[1] / "code.py").write_text("two")
    (path.parents[1] / "models").mkdir()
    (path.parents[1] / "models" / "vocab.txt").touch()
    with pytest.raises(InputError, match=r"uncommitted changes \(code.py and 1 more\).*--allow-dirty"):
        record(path)
    assert not path.exists()
    case = record(path, allow_dirty=True)
    assert read_baselines(path).find(case).recorded.dirty


def test_recording_removes_only_its_own_unused_files(path):
    record(path)
    folder = items_folder(path)
    (stored,) = folder.iterdir()
    (folder / "README").write_text("mine")
    (folder / "mine.npz").write_text("mine")
    (folder / "deeper").mkdir()
    record(path, F1 - 1, allow_dirty=True)
    (other,) = {file.name for file in folder.iterdir()} - {"README", "mine.npz", "deeper"}
    assert other != stored.name


def test_recording_without_any_commit_is_rejected(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "baselines").mkdir()
    with pytest.raises(InputError, match="has no commit yet; commit first"):
        record(tmp_path / "baselines" / "accuracy.json", allow_dirty=True)


def test_recording_outside_a_repository_is_rejected(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(InputError, match=r"not in the work tree of a git repository .*run `git init`"):
        record(tmp_path / "accuracy.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "schema_version is None"),
        ('{"schema_version": 99, "baselines": []}', "schema_version is 99"),
        ('{"schema_version": 1, "baselines": [{"case": "a"}]}', r"baselines\[0\]: key '\w+' is missing"),
        ('{"schema_version": 1,\n "baselines": [}', "line 2, column 16"),
    ],
)
def test_invalid_baseline_file_is_rejected(path, text, message):
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_baselines(path)


def test_published_scores_equal_those_of_the_model_zoo():
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
def test_published_scores_apply_only_to_bert_large_and_full_dev_set(change, applies):
    published = read_published(REPOSITORY / "baselines" / "published.json")
    facts = {"task": "squad", "precision": "bf16", "config": GEOMETRIES["bert-large"], "examples": 10570}
    assert (find_published(published, **(facts | change)) is not None) == applies


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda baseline: baseline["scores"].update(exact_match=99.0), "was changed after it was recorded"),
        (lambda baseline: baseline["recorded"].update(commit="0" * 12), "was changed after it was recorded"),
        (lambda baseline: baseline.update(checksum="0" * 64), "was changed after it was recorded"),
        (lambda baseline: baseline.pop("checksum"), "has no checksum"),
    ],
)
def test_edited_baseline_is_rejected(path, change, message):
    record(path)
    rewrite(path, lambda baselines: change(baselines[0]), sealed=False)
    with pytest.raises(InputError, match=rf"baselines\[0\] \(bf16-squad-inference\): {message}"):
        read_baselines(path)


def test_checksum_covers_the_other_keys(path):
    """The checksum as documented in docs/formats.md."""
    record(path)
    (baseline,) = json.loads(path.read_text())["baselines"]
    told = baseline.pop("checksum")
    text = json.dumps(baseline, sort_keys=True, separators=(",", ":"))
    assert told == hashlib.sha256(text.encode()).hexdigest()


def test_replaced_item_scores_are_rejected(path):
    """Other scores of the same mean."""
    case = record(path)
    (file,) = items_folder(path).iterdir()
    write_items(file, Items(np.array(["1", "2"]), {"f1": F1[::-1]}))
    baselines = read_baselines(path)
    with pytest.raises(InputError, match=r"\.npz: was changed after it was recorded"):
        baselines.items(baselines.find(case))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda baselines: baselines.append(baselines[0]), r"baselines\[1\] .*appear twice"),
        (lambda baselines: baselines[0]["scores"].pop("f1"), "has no score 'f1'"),
        (lambda baselines: baselines[0].update(per_question_scores="../x.npz"), "must be a file's name"),
    ],
)
def test_inconsistent_baseline_is_rejected(path, change, message):
    record(path)
    rewrite(path, change)
    with pytest.raises(InputError, match=f"accuracy.json: .*{message}"):
        read_baselines(path)


def test_item_scores_of_another_baseline_are_rejected(path):
    case = record(path)
    rewrite(path, lambda baselines: baselines[0]["scores"].update(f1=80.0))
    baselines = read_baselines(path)
    with pytest.raises(InputError, match=r"\.npz: does not give the f1 80\.0"):
        baselines.items(baselines.find(case))


def test_stored_baselines_have_scores_of_all_items():
    baselines = read_baselines(REPOSITORY / "baselines" / "accuracy.json")
    assert baselines.by_key
    for baseline in baselines.by_key.values():
        items = baselines.items(baseline)
        assert items is None or len(items) == baseline.examples
        assert (baseline.instruction_set is None) == baseline.case.startswith("fp32")
