"""One training step: gradients summed over micro-batches and workers, then one update."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from bertbench.data.batch import Batch
from bertbench.model.bert import BertModel
from bertbench.model.encoder import Tensors
from bertbench.model.graph import ShapelessGraph
from bertbench.training.optimizer import AdamW
from bertbench.training.workers import Workers


@dataclass(frozen=True)
class StepResult:
    """The result of a step: mean losses by name over all workers, and the gradient norm before clipping."""

    losses: dict[str, float]
    gradient_norm: float

    @property
    def loss(self) -> float:
        """The training loss: the sum of the means."""
        return sum(self.losses.values())


class TrainStep:
    """A model's training step as TensorFlow graphs."""

    def __init__(
        self,
        model: BertModel,
        optimizer: AdamW,
        workers: Workers,
        *,
        accumulate: bool,
        recompute: bool = False,
    ) -> None:
        """`accumulate`: steps may have several micro-batches; this needs one more copy of the variables."""
        self._model = model
        self._optimizer = optimizer
        self._workers = workers
        self._recompute = recompute
        self._variables = list(model.variables_by_name.values())
        summed = self._variables if accumulate else []
        self._accumulated = [tf.Variable(tf.zeros_like(variable), trainable=False) for variable in summed]
        self._step = ShapelessGraph(self._whole_step)
        self._add = ShapelessGraph(self._add_gradients)
        self._apply = tf.function(self._apply_accumulated, autograph=False)

    def forget(self) -> None:
        """Discard the gradients of an unfinished step."""
        for variable in self._accumulated:
            variable.assign(tf.zeros_like(variable))

    def __call__(
        self, batches: Sequence[Batch], seeds: Sequence[np.ndarray], learning_rate: float
    ) -> StepResult:
        """Train on the micro-batches of one step.

        Args:
          batches: at least one if there is one worker. seeds: uint32 [2] for each batch.
        """
        weights = self._sum_weights(batches)
        scales = {name: tf.constant(1.0 / weight) for name, weight in weights.items()}
        rate = tf.constant(learning_rate)
        if not self._accumulated and len(batches) == 1:
            totals, norm = self._step(batches[0].tensors, tf.constant(seeds[0]), scales, rate)
            sums = {name: float(total) for name, total in totals.items()}
        else:
            sums = dict.fromkeys(weights, 0.0)
            for batch, seed in zip(batches, seeds, strict=True):
                for name, total in self._add(batch.tensors, tf.constant(seed), scales).items():
                    sums[name] += float(total)
            norm = self._apply(rate)
        sums = self._workers.sum_scalars(sums)
        return StepResult({name: sums[name] / weights[name] for name in sums}, float(norm))

    def _sum_weights(self, batches: Sequence[Batch]) -> dict[str, float]:
        """The weights of the losses over all micro-batches and workers; never 0."""
        weights = dict.fromkeys(self._model.head.loss_names, 0.0)
        for batch in batches:
            for name, weight in self._model.head.loss_weights(batch.tensors).items():
                weights[name] += weight
        return {name: max(weight, 1e-5) for name, weight in self._workers.sum_scalars(weights).items()}

    def _gradients(self, batch: Tensors, seed: tf.Tensor, scales: Tensors) -> tuple[Tensors, list[tf.Tensor]]:
        """The summed losses, and the gradients of the sum of the scaled losses."""
        with tf.GradientTape() as tape:
            outputs = self._model(batch, seed, recompute=self._recompute)
            totals = self._model.head.losses(outputs, batch)
            loss = tf.add_n([total * tf.cast(scales[name], total.dtype) for name, total in totals.items()])
        gradients = tape.gradient(loss, self._variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return totals, [tf.convert_to_tensor(gradient) for gradient in gradients]

    def _whole_step(
        self, batch: Tensors, seed: tf.Tensor, scales: Tensors, learning_rate: tf.Tensor
    ) -> tuple[Tensors, tf.Tensor]:
        totals, gradients = self._gradients(batch, seed, scales)
        return totals, self._optimizer.apply(self._workers.sum_gradients(gradients), learning_rate)

    def _add_gradients(self, batch: Tensors, seed: tf.Tensor, scales: Tensors) -> Tensors:
        totals, gradients = self._gradients(batch, seed, scales)
        for variable, gradient in zip(self._accumulated, gradients, strict=True):
            variable.assign_add(gradient)
        return totals

    def _apply_accumulated(self, learning_rate: tf.Tensor) -> tf.Tensor:
        gradients = self._workers.sum_gradients([tf.identity(variable) for variable in self._accumulated])
        norm = self._optimizer.apply(gradients, learning_rate)
        for variable in self._accumulated:
            variable.assign(tf.zeros_like(variable))
        return norm
