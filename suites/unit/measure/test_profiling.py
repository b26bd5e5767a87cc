"""Profiles of a trace written by hand, and of a real training step."""

import dataclasses
import gzip
import json

import pytest
import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from bertbench.benchmarking.case import BenchmarkCase
from bertbench.benchmarking.profile import class_table, op_table, profile_case
from bertbench.benchmarking.workload import full_length_workload
from bertbench.compute import Compute
from bertbench.config import GEOMETRIES
from bertbench.measure.profiling import (
    KERNEL_CLASSES,
    OpTime,
    Profile,
    kernel_class,
    read_profile,
    record_trace,
    write_chrome_trace,
)
from bertbench.precision import BF16
from bertbench.tables import render_text
from bertbench.tasks.table import make_task

pytestmark = pytest.mark.unit

MS = 10**9  # picoseconds


class Writer:
    """An XSpace with the one plane that TensorFlow's host tracer writes."""

    def __init__(self):
        self.space = xplane_pb2.XSpace()
        self.plane = self.space.planes.add(name="/host:CPU")
        self.ids = {}

    def number(self, table, name):
        key = (id(table), name)
        if key not in self.ids:
            self.ids[key] = len(self.ids) + 1
            table[self.ids[key]].id = self.ids[key]
            table[self.ids[key]].name = name
        return self.ids[key]

    def line(self, name, events):
        line = self.plane.lines.add(name=name, timestamp_ns=5_000)
        for name, start, end, *stats in events:
            event = line.events.add(
                metadata_id=self.number(self.plane.event_metadata, name),
                offset_ps=int(start * MS),
                duration_ps=int((end - start) * MS),
            )
            for key, value in stats:
                stat = event.stats.add(metadata_id=self.number(self.plane.stat_metadata, key))
                stat.ref_value = self.number(self.plane.stat_metadata, value)

    def write(self, path):
        path.write_bytes(self.space.SerializeToString())
        return path


@pytest.fixture
def trace(tmp_path):
    """Two steps of 30 ms: products, a compiled kernel, an operation inside another, a second thread."""
    writer = Writer()
    writer.line("python", [("step", 0, 30), ("_whole_step", 1, 29), ("step", 40, 70)])
    compiled = ("hlo_module", "a_inference__gelu_forward_1161__.1")
    writer.line(
        "tf_Compute",
        [
            ("ExecutorState::Process", 0, 29),
            ("layer/MatMul_3:_MklNativeFusedMatMul", 1, 11),
            ("nested/Cast:Cast", 2, 3),
            ("ThreadpoolListener::Record", 4, 4),
            ("ExecutorState::ProcessAsync::Start", 12, 17, ("name", "PartitionedCall")),
            ("CpuExecutable::ExecuteAsyncOnStream", 12.5, 16.5),
            ("multiply_convert_fusion", 13, 16, ("hlo_op", "multiply_convert_fusion"), compiled),
            ("ExecutorState::ProcessAsync::Start", 18, 24, ("name", "PartitionedCall_1")),
            ("attention/MatMul:_MklBatchMatMulV2", 19, 22),
            ("layer/MatMul_3:_MklNativeFusedMatMul", 41, 53),
        ],
    )
    writer.line("tf_Compute/2", [("Softmax:_MklSoftmax", 42, 43.5)])
    return writer.write(tmp_path / "host.xplane.pb")


def test_operations_are_summed_by_kind(trace):
    profile = read_profile(trace)
    assert profile.steps == 2
    assert profile.step_seconds == pytest.approx(0.060)
    assert [(op.op, pytest.approx(op.seconds), op.calls) for op in profile.ops] == [
        ("_MklNativeFusedMatMul", 0.022, 2),
        ("XLA gelu_forward", 0.005, 1),
        ("_MklBatchMatMulV2", 0.003, 1),
        ("_MklSoftmax", 0.0015, 1),
    ]


def test_tables_show_milliseconds_per_step(trace):
    profile = read_profile(trace)
    classes = render_text(class_table(profile, "case"))
    rows = [[cell.strip() for cell in line.split("│")] for line in classes.splitlines()]
    assert [row[1:4] for row in rows if "GEMM" in row[1:2]] == [["GEMM", "11.00", "36.7 %"]]
    between = 0.060 - 0.022 - 0.005 - 0.003 - 0.0015
    assert f"{1000 * between / 2:.2f}" in next(li for li in classes.splitlines() if "between" in li)
    assert "XLA gelu_forward" in render_text(op_table(profile))


def test_chrome_trace_contains_every_event_in_microseconds(trace):
    path = write_chrome_trace(trace)
    assert path.name == "host.trace.json.gz"
    events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    complete = [event for event in events if event["ph"] == "X"]
    assert len(complete) == 13  # all but the thread pool's
    cast = next(event for event in complete if event["name"] == "nested/Cast:Cast")
    assert (cast["ts"], cast["dur"]) == (pytest.approx(5 + 2000), pytest.approx(1000))
    fusion = next(event for event in complete if event["name"] == "multiply_convert_fusion")
    assert fusion["args"]["hlo_module"] == "a_inference__gelu_forward_1161__.1"
    names = {event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert names == {"python", "tf_Compute", "tf_Compute/2"}


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("MatMul", "GEMM"),
        ("_MklNativeFusedMatMul", "GEMM"),
        ("BatchMatMulV2", "attention products"),
        ("_MklFusedBatchMatMulV2", "attention products"),
        ("XLA softmax_backward", "softmax"),
        ("_MklSoftmax", "softmax"),
        ("XLA gelu_forward", "GELU"),
        ("XLA norm_backward", "layer norm"),
        ("XLA dropout", "dropout"),
        ("XLA update", "optimizer"),
        ("_MklTranspose", "data movement"),
        ("ResourceGather", "data movement"),
        ("AddV2", "other"),
    ],
)
def test_operation_name_gives_kernel_class(op, expected):
    assert kernel_class(op) == expected
    assert expected in KERNEL_CLASSES


def test_empty_profile_gives_tables():
    profile = Profile((OpTime("MatMul", 0.0, 1),), 0, 0.0)
    assert "0.0 %" in render_text(class_table(profile, "nothing"))


def test_real_trace_contains_computed_products(tmp_path):
    """Two products and a softmax, three times; no other trace is read."""
    a = tf.random.stateless_normal([64, 64], (1, 2))
    graph = tf.function(lambda a: tf.nn.softmax(a @ (a @ a))).get_concrete_function(a)
    graph(a)
    record_trace([lambda: graph(a)], tmp_path)
    profile = read_profile(record_trace([lambda: graph(a)] * 3, tmp_path))
    calls = dict.fromkeys(KERNEL_CLASSES, 0)
    for op in profile.ops:
        calls[op.kernel_class] += op.calls
    assert (profile.steps, calls["GEMM"], calls["softmax"]) == (3, 6, 3)
    assert 0 < sum(op.seconds for op in profile.ops) <= profile.step_seconds


@pytest.mark.slow
def test_real_training_step_contains_every_kernel_class(tmp_path, capsys):
    config = dataclasses.replace(GEOMETRIES["tiny"], num_hidden_layers=1)
    case = BenchmarkCase(
        make_task("squad", max_seq_length=32), "training", Compute(BF16), "tiny", config, batch_size=2
    )
    profile = profile_case(case, full_length_workload(case, 3), None, tmp_path, warmup_steps=1)
    found = {op.kernel_class for op in profile.ops if op.seconds > 0}
    assert {"GEMM", "attention products", "softmax", "GELU", "layer norm", "dropout"} <= found
    assert profile.steps == 3
    printed = capsys.readouterr().out
    assert "MatMul" in printed
    assert list(tmp_path.rglob("*.xplane.pb"))
    assert str(next(tmp_path.rglob("*.trace.json.gz"))) in printed.replace("\n", "")
