"""One worker's part in measuring what a second worker adds; started by Horovod's launcher, twice.

    python -m suites.throughput.two_workers FILE

Rounds alternate: the first worker trains alone while the second waits, then both train together on as many
examples each. FILE gets the seconds of a step of each, as JSON.
"""

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path

from bertbench.benchmarking.case import BenchmarkCase
from bertbench.benchmarking.timed_call import build_model
from bertbench.benchmarking.workload import full_length_workload
from bertbench.compute import Compute
from bertbench.config import GEOMETRIES
from bertbench.measure.threads import ThreadSettings, apply_threads
from bertbench.measure.timing import time_call
from bertbench.precision import parse_precision
from bertbench.tasks.table import make_task
from bertbench.training.optimizer import AdamW
from bertbench.training.step import TrainStep
from bertbench.training.workers import SingleProcess, Workers, split_seed

# BERT-base has twelve such layers; of these four's gradients, half is the embeddings'.
LAYERS, BATCH_SIZE, MAX_SEQ_LENGTH = 4, 8, 128
PRECISION = "fp32"
ROUNDS = 5


def make_case() -> BenchmarkCase:
    return BenchmarkCase(
        task=make_task("squad", max_seq_length=MAX_SEQ_LENGTH),
        mode="training",
        compute=Compute(parse_precision(PRECISION)),
        geometry="bert-base",
        config=dataclasses.replace(GEOMETRIES["bert-base"], num_hidden_layers=LAYERS),
        batch_size=BATCH_SIZE,
    )


def make_call(workers: Workers) -> Callable[[], object]:
    case = make_case()
    model = build_model(case)
    step = TrainStep(model, AdamW(model.variables_by_name), workers, accumulate=workers.size > 1)
    (batch,) = full_length_workload(case, 1).batches
    return lambda: step([batch], [split_seed(1, workers.rank)], 1e-5)


def main(file: Path) -> None:
    from bertbench.training.distributed import HorovodWorkers  # not above: the test imports this module

    apply_threads(ThreadSettings(1))
    workers = HorovodWorkers()
    together = make_call(workers)
    alone = make_call(SingleProcess()) if workers.rank == 0 else None
    seconds: dict[str, list[float]] = {"alone": [], "together": []}
    for number in range(ROUNDS + 1):
        taken = time_call(alone) if alone else 0.0
        workers.gather(number)  # the others wait here
        both = time_call(together)
        if number:  # the first compiles
            seconds["alone"].append(taken)
            seconds["together"].append(both)
    if workers.rank == 0:
        file.write_text(json.dumps(seconds))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
