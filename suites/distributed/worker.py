"""The program of each worker in the tests' Horovod jobs; it writes results that the tests check.

    python -m suites.distributed.worker FILES FOLDER TASK...

FILES has the tiny files, without dropout; FOLDER gets `rank-N.npz`, `rank-N.json` and the trained folders.
Several tasks give their gradients; the rest is SQuAD's.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from bertbench.data.batch import Batch
from bertbench.errors import BertbenchError
from bertbench.precision import BF16, FP32
from bertbench.training import distributed
from bertbench.training.distributed import HorovodWorkers
from bertbench.training.settings import TrainingSettings
from bertbench.training.step import StepResult, TrainStep
from bertbench.training.trainer import Trainer
from suites.distributed.work import EXAMPLES_A_STEP, NUM_EXAMPLES, SHAPES, whole_settings
from suites.training.one_step import take_step
from suites.training.tiny import TASKS, make_trainer, snapshot


class Notes:
    """The results of a worker."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.facts: dict[str, Any] = {}

    def write(self, folder: Path, rank: int) -> None:
        np.savez(folder / f"rank-{rank}.npz", **self.arrays)
        (folder / f"rank-{rank}.json").write_text(json.dumps(self.facts))

    def keep(self, kind: str, arrays: dict[str, np.ndarray]) -> None:
        self.arrays |= {f"{kind}: {name}": array for name, array in arrays.items()}


def note_gradients(notes: Notes, workers: HorovodWorkers, files: Path, tasks: Sequence[str]) -> None:
    mine = [range(EXAMPLES_A_STEP)[workers.rank :: workers.size]]
    for task in tasks:
        notes.keep(task, take_step(task, files, mine, precision=FP32, workers=workers).gradients)
    compressed = HorovodWorkers("fp16")
    notes.keep("compressed", take_step("squad", files, mine, precision=FP32, workers=compressed).gradients)


def note_sums(notes: Notes, workers: HorovodWorkers) -> None:
    """Sums of known tensors, in buckets that hold one or two of them."""
    distributed.BUCKET_BYTES = 96
    mine = [tf.fill(shape, float(10**workers.rank)) for shape in SHAPES]
    sums = tf.function(workers.sum_gradients, autograph=False)(mine)
    notes.keep("sums", {str(number): value.numpy() for number, value in enumerate(sums)})


def note_training(notes: Notes, workers: HorovodWorkers, files: Path, folder: Path) -> Trainer:
    settings = whole_settings(workers.size)
    trainer = make_trainer(files, folder / "trained", settings, num_examples=NUM_EXAMPLES, workers=workers)
    notes.facts["examples"] = seen = []
    trainer._graphs = _Spy(trainer._graphs, seen)
    trainer.run()
    notes.keep("trained", snapshot(trainer))
    return trainer


class _Spy:
    """A training step that notes the examples it is given."""

    def __init__(self, step: TrainStep, seen: list[list[int]]) -> None:
        self._step, self._seen = step, seen
        self.forget = step.forget

    def __call__(
        self, batches: Sequence[Batch], seeds: Sequence[np.ndarray], learning_rate: float
    ) -> StepResult:
        self._seen.append([int(example) for batch in batches for example in batch.examples])
        return self._step(batches, seeds, learning_rate)


def note_refusals(notes: Notes, workers: HorovodWorkers, trainer: Trainer) -> None:
    """The messages if workers differ at the start, and if they differ at the end."""
    config = {"hidden_size": 16, "layers": 2 + workers.rank}
    notes.facts["disagreement"] = _refusal(
        lambda: workers.require_agreement({"data": "same", "config": config})
    )
    variables = trainer.model.variables_by_name
    if workers.rank == 1:
        bias = variables["cls/squad/output_bias"]
        bias.assign(np.nextafter(bias.numpy(), np.float32(np.inf)))
    notes.facts["difference"] = _refusal(lambda: workers.require_identical(variables))


def _refusal(call: Callable[[], None]) -> str:
    try:
        call()
    except BertbenchError as error:
        return f"{type(error).__name__}: {error}"
    return "none"


def note_tasks(notes: Notes, workers: HorovodWorkers, files: Path, folder: Path) -> None:
    """A few steps of every task in every precision."""
    settings = TrainingSettings(batch_size=4, num_steps=3, learning_rate=1e-3)
    for task in TASKS:
        for precision in (FP32, BF16):
            name = f"{task} {precision}"
            trainer = make_trainer(
                files, folder / name, settings, task=task, precision=precision, workers=workers
            )
            notes.facts[f"loss {name}"] = trainer.run().loss_curve[-1][1]
            notes.keep(name, snapshot(trainer))


def main(files: Path, folder: Path, tasks: Sequence[str]) -> None:
    notes, workers = Notes(), HorovodWorkers()
    note_gradients(notes, workers, files, tasks)
    trainer = note_training(notes, workers, files, folder)
    note_refusals(notes, workers, trainer)
    if len(tasks) > 1:
        note_tasks(notes, workers, files, folder)
    note_sums(notes, workers)
    notes.write(folder, workers.rank)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
