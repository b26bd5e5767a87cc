"""This project's engine, with its own batching."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import numpy as np

from bertbench.batch_planner import BatchPlanner, batch_costs
from bertbench.benchmarking.case import BenchmarkCase
from bertbench.benchmarking.timed_call import make_timed_call
from bertbench.checkpoint.source import find_model
from bertbench.compute import Compute, KernelOptions
from bertbench.data.batch import Batch, assemble
from bertbench.data.batching import DEFAULT_STRATEGY, plan_batches, plan_one_batch
from bertbench.measure.threads import ThreadSettings
from bertbench.model.bert import BertModel
from bertbench.precision import INT8, parse_precision
from bertbench.runtime import compute_for, start_tensorflow
from bertbench.tasks.table import make_task
from tools.peers.inputs import MAX_SEQ_LENGTH
from tools.peers.interface import LOGITS, Engine, EngineInputs, Prepared

PACKED = "packed"


class Bertbench(Engine):
    """A `BertModel` with the same weights and default kernels, except the GELU.

    Two batches run at once, as in `bertbench predict`; in training two operations, as in `bertbench train`.
    """

    def __init__(self, inputs: EngineInputs, precision: str) -> None:
        super().__init__(inputs, precision)
        self._threads = ThreadSettings(inputs.threads)
        if inputs.mode == "training":
            self._threads = self._threads.for_training()
        elif not inputs.latency:
            self._threads = self._threads.for_data_sets()
        start_tensorflow(self._threads.intra, self._threads.inter)
        self._case = BenchmarkCase(
            task=make_task("squad", max_seq_length=MAX_SEQ_LENGTH),
            mode=inputs.mode,
            compute=_compute(inputs, precision),
            geometry="peers",
            config=inputs.config,
            batch_size=inputs.batch_size,
        )
        model = BertModel(
            inputs.config,
            self._case.compute,
            self._case.task.make_head,
            trainable=self._case.trains,
        )
        for name, value in inputs.weights.items():
            variable = model.variables_by_name[name]
            variable.assign(value.astype(variable.dtype.as_numpy_dtype))
        self._call = make_timed_call(self._case, model)

    @property
    def own_setup(self) -> str:
        return PACKED if self._case.trains else DEFAULT_STRATEGY

    def prepare(self, setup: str) -> Prepared:
        batches = self._batches(setup)
        calls = [functools.partial(self._call, batch) for batch in batches]
        if self._case.trains:
            return Prepared(calls)
        features = self.inputs.features

        def logits(outputs: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray:
            kept = np.zeros((len(features.input_ids), 2), np.float32)
            for batch, made in zip(batches, outputs, strict=True):
                values = np.stack([made[name] for name in LOGITS], -1)
                for first, index in zip(batch.tensors["first_token"], batch.examples, strict=True):
                    start, end = features.row_splits[index : index + 2]
                    kept[start:end] = values[first : first + end - start]
            return kept

        return Prepared(calls, logits, self._threads.inter)

    def _batches(self, setup: str) -> list[Batch]:
        size, lengths = self.inputs.batch_size, self.inputs.features.lengths
        if self.inputs.latency:
            plans = [plan_one_batch(lengths, [index], setup, MAX_SEQ_LENGTH) for index in range(len(lengths))]
            return [assemble(self.inputs.features, plan) for plan in plans]
        if not self._case.trains:
            costs = batch_costs(self.inputs.config, self._case.compute.precision, self.inputs.threads)
            plans = plan_batches(lengths, setup, size, MAX_SEQ_LENGTH, costs, self._threads.inter)
            return [assemble(self.inputs.features, plan) for plan in plans]
        zeros = np.zeros(len(lengths), np.int32)
        labels = {"start_positions": zeros, "end_positions": zeros}
        features = dataclasses.replace(self.inputs.features, labels=labels)
        steps = [range(start, min(start + size, len(lengths))) for start in range(0, len(lengths), size)]
        planner = BatchPlanner(setup, size, MAX_SEQ_LENGTH)
        return [assemble(features, planner.plan_step(lengths, step, self.inputs.config)) for step in steps]


def _compute(inputs: EngineInputs, precision: str) -> Compute:
    compute = Compute(parse_precision(precision), KernelOptions(gelu=inputs.gelu))
    return compute_for(compute, find_model(inputs.model_folder)) if precision == INT8.name else compute
