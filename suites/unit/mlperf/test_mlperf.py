"""MLPerf's scenarios: batches under a latency bound, the submission's layout, and one run with LoadGen."""

import hashlib
import importlib.util
import json
import random
from types import SimpleNamespace

import numpy as np
import pytest

from bertbench.commands.mlperf import _conclude
from bertbench.errors import CannotJudge, GateFailed
from bertbench.measure.machine import describe_machine
from bertbench.mlperf.batching import BatchingRule
from bertbench.mlperf.engine import WindowEngine
from bertbench.mlperf.loadgen import read_logits
from bertbench.mlperf.settings import MlperfSettings
from bertbench.mlperf.submission import Submission
from bertbench.mlperf.systems import Offline, Server, SingleStream

pytestmark = pytest.mark.unit

RULE = BatchingRule(1.0, {1: 0.1, 2: 0.15, 4: 0.25, 8: 0.45, 16: 0.85})


def test_no_batch_takes_more_than_half_of_the_bound():
    assert RULE.largest == 8
    assert BatchingRule(0.1, RULE.seconds).largest == 1
    assert [RULE.rows_for(count) for count in (1, 2, 3, 4, 5, 8)] == [1, 2, 4, 4, 8, 8]


@pytest.mark.parametrize(
    ("waiting", "now", "expected"),
    [
        (1, 10.0, (0, 0.35)),  # a batch of 2 must start at 10 + 0.5 - 0.15
        (1, 10.36, (1, 0.0)),
        (3, 10.0, (0, 0.25)),  # a batch of 4
        (4, 10.06, (4, 0.0)),  # one of 8 would have to start at 10.05
        (8, 10.0, (8, 0.0)),
        (30, 10.0, (8, 0.0)),
    ],
)
def test_oldest_request_waits_while_its_batch_can_end_in_time(waiting, now, expected):
    assert RULE.choose(waiting, 10.0, now) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("batch_size", "sizes"), [(1, (1,)), (2, (1, 2)), (6, (1, 2, 4, 6)), (8, (1, 2, 4, 8))]
)
def test_batches_are_powers_of_two_and_the_largest_size(batch_size, sizes):
    assert WindowEngine(model=None, features=None, max_seq_length=8, batch_size=batch_size).sizes == sizes


def simulated_latencies(rule, arrivals):
    """A simulated server that follows the rule; batches take exactly the measured time."""
    now, waiting, latencies, coming = 0.0, [], [], list(arrivals)
    while coming or waiting:
        if not waiting:
            now = max(now, coming[0])
        while coming and coming[0] <= now:
            waiting.append(coming.pop(0))
        count, pause = rule.choose(len(waiting), waiting[0], now)
        if count:
            now += rule.seconds[rule.rows_for(count)]
            latencies += [now - arrival for arrival in waiting[:count]]
            del waiting[:count]
        else:
            now = min([now + pause, *coming[:1]])
    return latencies


@pytest.mark.parametrize("rate", [0.5, 3.0, 8.0])
def test_latencies_are_within_bound_below_saturation(rate):
    dice = random.Random(4)
    arrivals = np.cumsum([dice.expovariate(rate) for _ in range(400)]).tolist()
    latencies = simulated_latencies(RULE, arrivals)
    assert len(latencies) == 400
    assert np.quantile(latencies, 0.99) <= RULE.bound


class Engine:
    """Answers each window with its number."""

    def __init__(self):
        self.batches = []

    def run(self, indexes):
        self.batches.append(list(indexes))
        if 13 in indexes:
            raise ValueError("window 13")
        return [np.full((2, 2), index, np.float32) for index in indexes]

    def run_all(self, indexes):
        for places in (list(range(1, len(indexes))), [0]):
            yield places, self.run([indexes[place] for place in places])


def samples(*indexes):
    return [SimpleNamespace(id=100 + index, index=index) for index in indexes]


@pytest.mark.parametrize("kind", [Offline, SingleStream, Server])
def test_each_sample_gets_its_answer(kind):
    answers = {}

    def complete(ids, logits):
        answers.update({sample: values[0, 0] for sample, values in zip(ids, logits, strict=True)})

    engine = Engine()
    more = (BatchingRule(0.05, {1: 0.001, 4: 0.002}),) if kind is Server else ()
    system = kind(engine, complete, *more)
    system.issue(samples(3, 1, 7, 5, 9))
    system.close()
    assert answers == {103: 3, 101: 1, 107: 7, 105: 5, 109: 9}
    sizes = [len(batch) for batch in engine.batches]
    assert sizes == {Offline: [4, 1], SingleStream: [1] * 5, Server: [4, 1]}[kind]


def test_error_of_a_batch_ends_the_test():
    answered = []
    system = Server(Engine(), lambda ids, logits: answered.extend(ids), BatchingRule(0.05, {1: 0.001}))
    system.issue(samples(2, 13, 4))
    with pytest.raises(ValueError, match="window 13"):
        system.close()
    assert answered == [102, 113, 104]  # LoadGen waits for all of them


@pytest.mark.parametrize(
    ("settings", "seconds", "expected"),
    [
        (MlperfSettings("Offline"), 600, {"min_duration": "600000", "target_qps": "130"}),
        (MlperfSettings("Offline"), 5, {"min_duration": "5000", "target_qps": "130", "min_query_count": "1"}),
        (
            MlperfSettings("Server", target_qps=7, target_latency=50),
            600,
            {"min_duration": "600000", "target_qps": "7", "target_latency": "50"},
        ),
        (MlperfSettings("SingleStream"), 600, {"min_duration": "600000", "target_latency": "20"}),
    ],
)
def test_user_conf_contains_keys_of_scenario(settings, seconds, expected):
    lines = settings.user_conf(seconds, 100.0, 0.02).splitlines()
    assert lines == [f"bert.{settings.scenario}.{key} = {value}" for key, value in expected.items()]


def write_log(folder, values):
    entries = [{"seq_id": n, "qsl_idx": n, "data": value.tobytes().hex()} for n, value in enumerate(values)]
    folder.mkdir()
    (folder / "mlperf_log_accuracy.json").write_text(json.dumps(entries))
    for name in ("mlperf_log_summary.txt", "mlperf_log_detail.txt"):
        (folder / name).write_text(f"{folder.name} {name}")


def test_submission_has_layout_of_official_checker(tmp_path):
    values = np.random.default_rng(1).normal(size=(40, 20, 2)).astype(np.float32)
    logs = {mode: tmp_path / mode for mode in ("performance", "accuracy")}
    for folder in logs.values():
        write_log(folder, values)
    (tmp_path / "user.conf").write_text("a = 1\n")
    assert (read_logits(logs["accuracy"], 40, (20, 2)) == values).all()
    machine = describe_machine()
    submission = Submission("bert-99", "Server", "bf16", machine, "A test.")
    submission.write(tmp_path / "out", logs, tmp_path / "user.conf", {"exact_match": 1.0, "f1": 2.0})
    root = tmp_path / "out" / "open" / "bertbench"
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    place = f"{machine['id']}/bert-99/Server"
    assert files == {
        f"systems/{machine['id']}.json",
        "code/bert-99/bertbench/README.md",
        *(f"measurements/{place}/{name}" for name in ("README.md", "user.conf")),
        f"measurements/{place}/{machine['id']}_bertbench_Server.json",
        *(f"results/{place}/performance/run_1/mlperf_log_{name}.txt" for name in ("summary", "detail")),
        *(f"results/{place}/accuracy/mlperf_log_{name}.txt" for name in ("summary", "detail")),
        *(f"results/{place}/accuracy/{name}" for name in ("mlperf_log_accuracy.json", "accuracy.txt")),
    }
    whole = (logs["accuracy"] / "mlperf_log_accuracy.json").read_bytes()
    scores, checksum = (root / f"results/{place}/accuracy/accuracy.txt").read_text().splitlines()
    assert json.loads(scores) == {"exact_match": 1.0, "f1": 2.0}
    assert checksum == f"hash={hashlib.sha256(whole).hexdigest()}"
    kept = (root / f"results/{place}/accuracy/mlperf_log_accuracy.json").stat().st_size
    assert kept < 10_000 < len(whole)


def facts_of(f1, result="VALID", *, short=True, target="99"):
    return {
        **{"short": short, "target": target, "accuracy": {"f1": f1}, "fp32": {"f1": 90.0}},
        "performance": {"Result is": result},
    }


OPTIONS = SimpleNamespace(seconds=10.0)


@pytest.mark.parametrize(
    ("f1", "target", "passes"), [(89.2, "99", True), (89.0, "99", False), (89.2, "99.9", False)]
)
def test_f1_below_target_fails(f1, target, passes):
    if passes:
        _conclude(facts_of(f1, target=target), OPTIONS)
    else:
        with pytest.raises(GateFailed, match=rf"F1 {f1:.3f} %, {target} % of fp32's 90.000 %"):
            _conclude(facts_of(f1, target=target), OPTIONS)


def test_invalid_run_is_not_judged_unless_it_is_short():
    _conclude(facts_of(90.0, "INVALID"), OPTIONS)
    with pytest.raises(CannotJudge, match="INVALID"):
        _conclude(facts_of(90.0, "INVALID", short=False), OPTIONS)


def test_loadgen_runs_performance_and_accuracy_tests(call_here, stand_ins, tmp_path):
    """One test only: LoadGen reads one configuration per process."""
    if importlib.util.find_spec("mlperf_loadgen") is None:
        pytest.skip("mlcommons-loadgen is not installed; the extra `mlperf` brings it")
    out = tmp_path / "out"
    model = ("--model-dir", stand_ins.tuned, "--data", stand_ins.squad / "dev-v1.1.json")
    sizes = ("--max-seq-length", 64, "--max-query-length", 16, "--batch-size", 2, "--min-duration", 1)
    status, printed, err = call_here("mlperf", "--scenario", "Server", *model, *sizes, "--output-dir", out)
    assert status == 0, err
    results = json.loads((out / "results.json").read_text())
    assert results["performance"]["Scenario"] == "Server"
    assert results["accuracy"] == results["fp32"]  # the precision is fp32
    assert "pass: F1" in printed
    assert "Result is: " in printed
    log = json.loads((out / "accuracy" / "mlperf_log_accuracy.json").read_text())
    assert sorted(entry["qsl_idx"] for entry in log) == [0, 1, 2, 3, 4]
    assert "bert.Server.min_duration = 1000" in (out / "user.conf").read_text()


def test_missing_loadgen_is_reported(call_here, tmp_path, monkeypatch):
    monkeypatch.setattr("bertbench.mlperf.loadgen.importlib.util.find_spec", lambda name: None)
    status, _, err = call_here("mlperf", "--scenario", "Offline", "--output-dir", tmp_path / "out")
    assert status == 2
    assert "mlcommons-loadgen is not installed" in err
    assert list(tmp_path.iterdir()) == []
