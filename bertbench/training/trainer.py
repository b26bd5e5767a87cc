"""The training loop: steps, progress, saving, resuming, and stopping if the loss is not finite."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bertbench.batch_planner import BatchPlanner
from bertbench.checkpoint.loading import load_weights
from bertbench.checkpoint.names import PARTS
from bertbench.checkpoint.source import ModelSource
from bertbench.console import notice, progress
from bertbench.data.batch import assemble
from bertbench.data.features import Features
from bertbench.errors import CannotJudge
from bertbench.model.bert import BertModel
from bertbench.tasks.fit import require_size
from bertbench.training.job import TrainingJob
from bertbench.training.optimizer import AdamW
from bertbench.training.recording import Recorder
from bertbench.training.saving import TrainingFolder
from bertbench.training.schedule import ExampleOrder, LearningRate
from bertbench.training.step import StepResult, TrainStep
from bertbench.training.workers import SingleProcess, Workers, split_seed


@dataclass(frozen=True)
class TrainingRun:
    """The result of a training.

    Attributes:
      checkpoint: the last checkpoint, of step `steps`.
      loss_curve: (step, mean loss since the previous entry).
      seconds: of this process; examples: of all processes. After resuming, of the resumed part.
    """

    checkpoint: Path
    steps: int
    first_step: int
    loss_curve: list[tuple[int, float]]
    seconds: float
    examples: int


class Trainer:
    """Trains one model on one data set and saves it to one folder."""

    def __init__(self, job: TrainingJob, features: Features, workers: Workers | None = None) -> None:
        """Build the model and load its weights: those of a run to be resumed, or the initial ones.

        Raises:
          InputError: the settings, the checkpoint or the output folder cannot be used.
        """
        settings = self.settings = job.settings
        self.workers = workers or SingleProcess()
        self.order = ExampleOrder(
            len(features),
            settings.batch_size,
            settings.accum_steps,
            settings.seed,
            self.workers.rank,
            self.workers.size,
        )
        self.learning_rate = settings.schedule(self.order)
        require_size(job.source.config, job.source)
        self._other_head = job.task.other_head(job.source)
        self._replaced = () if self._other_head is None else PARTS[job.task.head_name]
        self.model = BertModel(
            job.source.config,
            job.compute,
            job.task.make_head,
            trainable=True,
            seed=settings.seed,
            loaded=job.source.stored_variables().keys() - set(self._replaced),
        )
        self._task = job.task
        self._planner = BatchPlanner(settings.batching, settings.batch_size, job.task.max_seq_length)
        self._features = features
        self._optimizer = AdamW(self.model.variables_by_name)
        self._state = {**self.model.variables_by_name, **self._optimizer.slots}
        self._folder = TrainingFolder(job.output_dir, keep_checkpoints=settings.keep_checkpoints)
        facts = _facts(job, features, self.order)
        self.workers.require_agreement(facts)
        self.first_step = self._begin(facts, job.source)
        self._graphs = TrainStep(
            self.model,
            self._optimizer,
            self.workers,
            accumulate=settings.accum_steps > 1 or self.workers.size > 1,
            recompute=settings.recompute,
        )

    def _begin(self, facts: Mapping[str, Any], source: ModelSource) -> int:
        """Load the weights (rank 0 reads them, as only it saves) and return the step at which to continue."""
        step = 0
        if self.workers.rank == 0:
            self._folder.require_same(facts)
            step = self._restore(source)
            if not step:
                # The saved configuration names the GELU of the training, so that loading it uses the same.
                gelu = self.model.compute.kernels.gelu_for(source.config)
                config = source.config.with_gelu(gelu)
                self._folder.begin(facts, dataclasses.replace(source, config=config))
        self.workers.broadcast(list(self._state.values()))
        return int(self.workers.sum_scalars({"step": step})["step"])

    def _restore(self, source: ModelSource) -> int:
        step = self._folder.latest_step()
        if step is not None:
            self._folder.restore(self._state, step)
        elif source.checkpoint is not None:
            self._load(source)
        else:
            notice("no checkpoint given: training starts from random weights.")
        return step or 0

    def _load(self, source: ModelSource) -> None:
        """Load the initial weights; another task's head is replaced by a new one."""
        if self._other_head is not None:
            notice(f"{self._other_head}; a new {self._task.head_name} starts from random weights.")
        load_weights(
            self.model.variables_by_name,
            source.opened,
            fresh=self.model.head_names,
            replaced=self._replaced,
            rows={} if self._replaced else self._task.head_rows(source),
        )

    def run(self) -> TrainingRun:
        """Train until the last step.

        Raises:
          CannotJudge: a loss or gradient is not finite (the message names the step, its examples and the
            last good checkpoint), or the workers' weights differ at the end.
          InputError: a checkpoint cannot be written.
        """
        return self.workers.run_with_recovery(self._state, self.first_step, self._train)

    def _train(self, first_step: int) -> TrainingRun:
        self.first_step = first_step
        self._graphs.forget()
        steps = self.learning_rate.num_steps
        events = self._folder.path / "events" if self.workers.rank == 0 else None
        recorder = Recorder(events, self.first_step)
        examples = 0
        start = time.perf_counter()
        with self._progress(steps) as advance:
            for step in range(self.first_step, steps):
                result = self.train_step(step)
                self._require_finite(step, result)
                examples += len(self.order.step_examples(step))
                rate = examples / (time.perf_counter() - start)
                recorder.record(step + 1, result, self.learning_rate(step), rate)
                advance(1, loss=result.loss, lr=self.learning_rate(step), **{"examples/s": rate})
                if (step + 1) % self.settings.save_checkpoints_steps == 0 and step + 1 < steps:
                    self._save(step + 1, recorder)
        self.workers.require_identical(self._state)
        self._save(max(steps, self.first_step), recorder)
        return TrainingRun(
            self._folder.prefix(max(steps, self.first_step)),
            steps,
            self.first_step,
            recorder.curve,
            time.perf_counter() - start,
            examples,
        )

    def _progress(self, steps: int) -> contextlib.AbstractContextManager[Callable[..., None]]:
        """Only rank 0 shows progress."""
        if self.workers.rank == 0:
            return progress("train", steps, "steps", done=self.first_step)
        return contextlib.nullcontext(lambda *_, **__: None)

    def train_step(self, step: int) -> StepResult:
        """Train on the examples of one step; `run` calls this for every step."""
        batches, seeds = [], []
        for share in self.workers.shares:
            order = dataclasses.replace(self.order, rank=share)
            for number, examples in enumerate(order.micro_batches(step)):
                if not len(examples):
                    continue
                plan = self._planner.plan_step(self._features.lengths, examples.tolist(), self.model.config)
                batches.append(assemble(self._features, plan))
                seeds.append(split_seed(self.settings.seed, step, number, share))
        return self._graphs(batches, seeds, self.learning_rate(step))

    def _require_finite(self, step: int, result: StepResult) -> None:
        if np.isfinite(result.loss) and np.isfinite(result.gradient_norm):
            return
        last = self._folder.latest_step()
        good = (
            f"the last good checkpoint is {self._folder.prefix(last)}"
            if last
            else "no checkpoint was saved yet"
        )
        examples = ", ".join(map(str, self.order.step_examples(step)))
        raise CannotJudge(
            f"step {step + 1}: loss {result.loss}, gradient norm {result.gradient_norm}; "
            f"examples {examples}; {good}. Try a lower --learning-rate or a longer warm-up."
        )

    def _save(self, step: int, recorder: Recorder) -> None:
        recorder.flush()
        if self.workers.rank == 0 and self._folder.latest_step() != step:
            self._folder.save(self._state, step)
        self.workers.commit(step)


def _facts(job: TrainingJob, features: Features, order: ExampleOrder) -> Mapping[str, Any]:
    """What must not change when a run is resumed, and must be the same in all workers."""
    return {
        "task": job.task.name,
        "precision": job.compute.precision.name,
        "max_seq_length": job.task.max_seq_length,
        "num_examples": order.num_examples,
        "data": features.fingerprint(),
        "processes": order.size,
        "init_checkpoint": str(job.source.checkpoint) if job.source.checkpoint else None,
        "config": job.source.config.to_dict(),
        **dataclasses.asdict(job.compute.kernels),
        **dataclasses.asdict(job.settings),
    }


def print_schedule(order: ExampleOrder, schedule: LearningRate) -> None:
    """Print the composition of a step and the number of steps."""
    notice(
        f"effective batch {order.effective_batch} = {order.batch_size} examples x {order.accum_steps} "
        f"micro-batches x {order.size} processes; {order.steps_per_epoch} steps per epoch, "
        f"{schedule.num_steps} steps in total, {schedule.warmup_steps} of them warm-up"
    )
