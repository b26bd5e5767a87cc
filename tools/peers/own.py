"""This project's engine, with its own batching."""

import dataclasses

import numpy as np

from bertbench.benchmarking.case import BenchmarkCase
from bertbench.benchmarking.timed_call import build_model, make_timed_call
from bertbench.compute import Compute, KernelOptions
from bertbench.data.batch import Batch, assemble
from bertbench.data.batching import DEFAULT_STRATEGY, plan_batches, plan_one_batch
from bertbench.measure.flops import block_tokens
from bertbench.model.bert import BertModel
from bertbench.precision import parse_precision
from bertbench.runtime import start_tensorflow
from bertbench.tasks.table import make_task
from tools.peers.engines import Engine, EngineInputs, Outputs, Prepared
from tools.peers.inputs import MAX_SEQ_LENGTH, PADDED

PACKED = "packed"


class Bertbench(Engine):
    """A `BertModel` with the same weights and default kernels, except the GELU."""

    def __init__(self, inputs: EngineInputs, precision: str) -> None:
        super().__init__(inputs, precision)
        start_tensorflow(inputs.threads, 1)
        self._case = BenchmarkCase(
            task=make_task("squad", max_seq_length=MAX_SEQ_LENGTH),
            mode=inputs.mode,
            compute=Compute(parse_precision(precision), KernelOptions(gelu=inputs.gelu)),
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

    @classmethod
    def setups(cls, mode: str) -> tuple[str, ...]:
        return (PADDED, DEFAULT_STRATEGY if mode == "inference" else PACKED)

    def prepare(self, setup: str) -> Prepared:
        batches = self._batches(setup)
        if self._case.trains:
            return Prepared(
                lambda: [np.array(self._call(batch).loss) for batch in batches], lambda losses: losses[0]
            )
        number, place = next(
            (number, int(np.flatnonzero(batch.examples == 0)[0]))
            for number, batch in enumerate(batches)
            if 0 in batch.examples
        )
        start = int(batches[number].tensors["first_token"][place])
        end = start + int(self.inputs.features.lengths[0])

        def run() -> Outputs:
            return [self._call(batch)["start_logits"] for batch in batches]

        return Prepared(run, lambda outputs: np.asarray(outputs[number][start:end], np.float32))

    def _batches(self, setup: str) -> list[Batch]:
        size, lengths = self.inputs.batch_size, self.inputs.features.lengths
        if not self._case.trains:
            price = block_tokens(self.inputs.config, self.inputs.threads)
            plans = plan_batches(lengths, setup, size, MAX_SEQ_LENGTH, price)
            return [assemble(self.inputs.features, plan) for plan in plans]
        zeros = np.zeros(len(lengths), np.int32)
        labels = {"start_positions": zeros, "end_positions": zeros}
        features = dataclasses.replace(self.inputs.features, labels=labels)
        steps = [range(start, min(start + size, len(lengths))) for start in range(0, len(lengths), size)]
        return [assemble(features, plan_one_batch(lengths, step, setup, MAX_SEQ_LENGTH)) for step in steps]


def random_weights(case: BenchmarkCase) -> dict[str, np.ndarray]:
    """A model's random weights, float32, by checkpoint name."""
    return {name: variable.numpy() for name, variable in build_model(case).variables_by_name.items()}
