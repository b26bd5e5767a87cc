"""The time of a step by operation, from TensorFlow's own trace.

The profiler writes an XSpace (tensorflow/tsl/profiler/protobuf/xplane.proto), which TensorBoard's profile
plugin shows. This module reads the operations of the executor's threads from it, and converts it to the
Trace Event Format for Chrome and Perfetto.
"""

import contextlib
import gzip
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from bertbench.errors import CannotJudge, InputError
from bertbench.files import atomic_path

STEP = "step"
HOST_PLANE = "/host:CPU"
KERNEL_CLASSES = (
    "GEMM",
    "attention products",
    "softmax",
    "GELU",
    "layer norm",
    "dropout",
    "optimizer",
    "data movement",
    "other",
)
_NODE = re.compile(r"[^:]+:(_?[A-Z]\w*)")
_XLA_CALL = "CpuExecutable::"
_XLA_NODE = "ExecutorState::ProcessAsync::Start"
_COMPILED = re.compile(r"_inference_+(.*?)_+\d+_*(?:\.\d+)?$")
_BOOKKEEPING = ("ThreadpoolListener::", "MemoryAllocation", "MemoryDeallocation")
# An operation belongs to the first class with a word that its name contains.
_WORDS = (
    ("attention products", ("batchmatmul",)),
    ("GEMM", ("matmul", "einsum")),
    ("dropout", ("dropout", "random")),
    ("softmax", ("softmax",)),
    ("GELU", ("gelu", "erf", "tanh")),
    ("layer norm", ("norm",)),
    ("optimizer", ("xla update", "assign", "l2loss")),
    (
        "data movement",
        (
            *("transpose", "reshape", "concat", "pack", "gather", "slice", "cast", "split", "tile", "pad"),
            *("identity", "readvariable", "segmentsum", "scatter", "broadcast", "expanddims", "squeeze"),
            *("const", "shape", "range", "fill", "where", "select", "zeros"),
        ),
    ),
)


@dataclass(frozen=True)
class OpTime:
    """One kind of operation: the time of all its calls, on any thread.

    `op` is TensorFlow's operation type, or "XLA" and the name of the compiled function.
    """

    op: str
    seconds: float
    calls: int

    @property
    def kernel_class(self) -> str:
        """One of `KERNEL_CLASSES`."""
        return kernel_class(self.op)


@dataclass(frozen=True)
class Profile:
    """The operations of some steps, longest first, and the time from the first call to the last return."""

    ops: tuple[OpTime, ...]
    steps: int
    step_seconds: float


def kernel_class(op: str) -> str:
    """The class of an operation; a GELU that oneDNN fuses with a product counts as that product."""
    name = op.lower()
    found = (label for label, words in _WORDS if any(word in name for word in words))
    return next(found, "other")


def record_trace(calls: Sequence[Callable[[], object]], folder: Path) -> Path:
    """Trace each call as one step.

    Returns: the trace, `folder/plugins/profile/<time>/<host>.xplane.pb`; TensorBoard reads `folder`.

    Raises:
      CannotJudge: the profiler wrote nothing.
      InputError: the trace cannot be written.
    """
    before = _traces(folder)
    tf.profiler.experimental.start(str(folder))
    try:
        for number, call in enumerate(calls):
            with tf.profiler.experimental.Trace(STEP, step_num=number, _r=1):
                call()
    finally:
        _stop_profiler(folder)
    written = [trace for trace, time in _traces(folder).items() if before.get(trace) != time]
    if not written:
        raise CannotJudge(
            f"{folder}: TensorFlow's profiler wrote no trace; stop any other profiler and try again."
        )
    return written[0]


def _stop_profiler(folder: Path) -> None:
    try:
        tf.profiler.experimental.stop()
    except tf.errors.OpError as error:
        raise InputError(
            f"{folder}: the trace cannot be written ({error.message}); "
            "free some space or choose another folder."
        ) from None


def _traces(folder: Path) -> dict[Path, int]:
    """The traces and their times; a second profile within the same second replaces the first one."""
    return {trace: trace.stat().st_mtime_ns for trace in folder.rglob("*.xplane.pb")}


def read_profile(trace: Path) -> Profile:
    """Sum the operations of a trace by kind."""
    plane = next(plane for plane in _read_planes(trace) if plane.name == HOST_PLANE)
    seconds: dict[str, float] = {}
    calls: dict[str, int] = {}
    steps: list[float] = []
    for line in plane.lines:
        events = [_Event.of(plane, event) for event in line.events]
        steps += [event.seconds for event in events if event.name == STEP]
        for op, event in _operations(events):
            seconds[op] = seconds.get(op, 0.0) + event.seconds
            calls[op] = calls.get(op, 0) + 1
    ops = [
        OpTime(op, seconds[op], calls[op]) for op in sorted(seconds, key=seconds.__getitem__, reverse=True)
    ]
    return Profile(tuple(ops), len(steps), sum(steps))


def write_chrome_trace(trace: Path) -> Path:
    """Write `<host>.trace.json.gz` next to a trace, for chrome://tracing and ui.perfetto.dev."""
    path = trace.with_name(f"{trace.name.removesuffix('.xplane.pb')}.trace.json.gz")
    events = list(_chrome_events(_read_planes(trace)))
    with atomic_path(path) as temporary, gzip.open(temporary, "wt", encoding="utf-8") as stream:
        json.dump({"displayTimeUnit": "ms", "traceEvents": events}, stream)
    return path


@dataclass(frozen=True)
class _Event:
    name: str
    start: float
    end: float
    stats: dict[str, Any]

    @property
    def seconds(self) -> float:
        return self.end - self.start

    @classmethod
    def of(cls, plane: Any, event: Any) -> "_Event":
        start = event.offset_ps / 1e12
        stats = {plane.stat_metadata[stat.metadata_id].name: _value(plane, stat) for stat in event.stats}
        name = plane.event_metadata[event.metadata_id].name
        return cls(name, start, start + event.duration_ps / 1e12, stats)


def _operations(events: Sequence[_Event]) -> Iterator[tuple[str, _Event]]:
    """The outermost operations of one thread, each with its kind."""
    ordered = sorted(events, key=lambda event: (event.start, -event.end))
    covered = 0.0
    for index, event in enumerate(ordered):
        if event.start < covered:
            continue
        if event.name == _XLA_NODE:
            op = _compiled_name(ordered, index)
        else:
            match = _NODE.fullmatch(event.name)
            op = match and match[1]
        if op:
            covered = event.end
            yield op, event


def _compiled_name(ordered: Sequence[_Event], index: int) -> str | None:
    """The function that an asynchronous node runs in XLA; None if it runs in the executor."""
    node, executes = ordered[index], False
    for event in ordered[index + 1 :]:
        if event.start >= node.end or _NODE.fullmatch(event.name):
            break
        executes = executes or event.name.startswith(_XLA_CALL)
        if executes and "hlo_module" in event.stats:
            module = str(event.stats["hlo_module"])
            match = _COMPILED.search(module)
            return f"XLA {match[1] if match else module}"
    return "XLA" if executes else None


def _read_planes(trace: Path) -> Sequence[Any]:
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    space.ParseFromString(trace.read_bytes())
    return space.planes


def _chrome_events(planes: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Complete events in microseconds (Trace Event Format, "Duration" and "Metadata Events")."""
    for process, plane in enumerate(planes):
        yield {"ph": "M", "pid": process, "name": "process_name", "args": {"name": plane.name}}
        for thread, line in enumerate(plane.lines):
            yield {
                **{"ph": "M", "pid": process, "tid": thread},
                **{"name": "thread_name", "args": {"name": line.name}},
            }
            for event in line.events:
                made = _Event.of(plane, event)
                if made.name.startswith(_BOOKKEEPING):
                    continue
                yield {
                    **{"ph": "X", "pid": process, "tid": thread, "name": made.name},
                    **{"ts": line.timestamp_ns / 1e3 + made.start * 1e6, "dur": made.seconds * 1e6},
                    "args": made.stats,
                }


def _value(plane: Any, stat: Any) -> Any:
    kind = stat.WhichOneof("value")
    value: Any = getattr(stat, kind) if kind else ""
    if kind == "ref_value":
        return plane.stat_metadata[value].name
    if kind == "bytes_value":
        with contextlib.suppress(UnicodeDecodeError):
            return value.decode()
        return value.hex()
    return value
