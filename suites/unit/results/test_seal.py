"""An edited file of results is refused, and one without a checksum is read."""

import hashlib
import json

import pytest

from bertbench.errors import InputError
from bertbench.gate.predictions import read_prediction
from bertbench.gate.result import GateResult, read_gate
from bertbench.results.accuracy import read_accuracy, write_accuracy
from bertbench.results.numerics import read_numerics
from bertbench.results.schema import read_lengths, read_throughput, write_result
from bertbench.results.seal import seal
from suites.unit import made_up_results

pytestmark = pytest.mark.unit


def checksum_of(values):
    """As docs/formats.md describes it."""
    rest = {key: value for key, value in values.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def written_accuracy(folder):
    read = read_accuracy(made_up_results.write_accuracy(folder, [made_up_results.accuracy_case()]))
    write_accuracy(folder / "accuracy.json", read)
    return folder / "accuracy.json", read_accuracy, lambda values: values


def written_lengths(folder):
    path = made_up_results.write_lengths(folder)
    write_result(path, read_lengths(path))
    return path, read_lengths, lambda values: values


def written_numerics(folder):
    path = made_up_results.write_numerics(folder)
    write_result(path, read_numerics(path))
    return path, read_numerics, lambda values: values


def written_gate(folder):
    write_result(folder / "gate.json", GateResult("base", "head", "bertbench gate base head", verdicts=()))
    return folder / "gate.json", read_gate, lambda values: values


def written_throughput(folder):
    sealed = seal(made_up_results.case_info("fp32", "tiny"))
    path = made_up_results.write_throughput(folder / "throughput.json", [sealed])
    return path, read_throughput, lambda values: values["benchmarks"][0]["extra_info"]


FILES = [written_accuracy, written_lengths, written_numerics, written_gate, written_throughput]


@pytest.mark.parametrize("make", FILES)
def test_edited_results_are_refused(make, tmp_path):
    path, read, sealed_part = make(tmp_path)
    values = json.loads(path.read_text())
    sealed = sealed_part(values)
    assert sealed["checksum"] == checksum_of(sealed)
    read(path)

    sealed["command"] = "another"  # a value that contradicts no other
    path.write_text(json.dumps(values))
    with pytest.raises(InputError, match=r"\.json.*: was changed after it was written; restore it"):
        read(path)

    del sealed["checksum"]
    path.write_text(json.dumps(values))
    read(path)


def test_edited_prediction_is_refused(tmp_path):
    facts = {"task": "squad", "precision": "fp32", "quantity": "f1", "scores": {"f1": 80.0}, "examples": 9}
    marks = {"checkpoint_fingerprint": "1" * 16, "dataset_sha256": "2" * 64, "machine": {}, "versions": {}}
    values = seal({"schema_version": 1, **facts, **marks})
    assert read_prediction(tmp_path / "results.json", values).cases[0].scores == {"f1": 80.0}
    edited = {**values, "scores": {"f1": 85.0}}
    with pytest.raises(InputError, match=r"results\.json: was changed after it was written"):
        read_prediction(tmp_path / "results.json", edited)
