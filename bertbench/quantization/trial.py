"""A float32 model that simulates int8 products at any sites, and records their inputs.

Operands are quantized and converted back to floats (Jacob et al. 2018, arXiv:1712.05877, section 3); results
equal those of int8 products up to float32's rounding.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

from bertbench import kernels
from bertbench.batch_planner import BatchPlanner
from bertbench.checkpoint.source import ModelSource
from bertbench.compute import Compute, KernelOptions
from bertbench.data.batch import Batch
from bertbench.data.batching import DEFAULT_STRATEGY
from bertbench.data.features import Features
from bertbench.inference import Predictor, compute_batches, load_model, run_inference
from bertbench.int8 import ProductScales, Site, list_sites
from bertbench.model.dense import Dense, input_multipliers, smoothing_of
from bertbench.model.graph import ShapelessGraph
from bertbench.precision import FP32
from bertbench.tasks.base import Task

BATCH_SIZE = 8


class SimulatedDense(Dense):
    """A float32 product that can round its operands like int8.

    Attributes:
      input: the last traced input, [T, I].
      weights: the loaded kernel, float32 [I, O].
    """

    def __init__(self, exact: Dense) -> None:
        tf.Module.__init__(self)
        self.scope, self.kernel, self.bias, self._trains = exact.scope, exact.kernel, exact.bias, False
        self.input: tf.Tensor | None = None
        self.weights = exact.kernel.numpy()
        self._multipliers = tf.Variable(tf.ones(len(self.weights)), trainable=False)
        self._simulated = tf.Variable(False, trainable=False)

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """[T, I] -> [T, O]."""
        self.input = x
        rounded = kernels.dequantize(kernels.quantize(x, self._multipliers), 1.0 / self._multipliers)
        return super().__call__(tf.where(self._simulated, rounded, x))

    def with_gelu(self, x: tf.Tensor, variant: str) -> tf.Tensor:
        """The GELU of the product, [T, I] -> [T, O]."""
        return kernels.gelu(self(x), variant, differentiable=False)

    def simulate(self, scales: ProductScales | None) -> None:
        """Round operands by these scales; None: no rounding."""
        self._simulated.assign(scales is not None)
        if scales is None:
            self.kernel.assign(self.weights)
            return
        inputs = len(self.weights)
        self._multipliers.assign(input_multipliers(scales, inputs))
        smoothing = smoothing_of(scales, inputs)[:, None]
        int8, steps = kernels.quantize_weights(self.weights * smoothing)
        self.kernel.assign(int8 * steps / smoothing)


class Trial:
    """One model for all trials of a quantization.

    Attributes:
      sites: every site of its encoder.
    """

    def __init__(self, task: Task, source: ModelSource, options: KernelOptions) -> None:
        """Load the model.

        Raises:
          InputError: the checkpoint does not fit.
        """
        self._planner = BatchPlanner(DEFAULT_STRATEGY, BATCH_SIZE, task.max_seq_length)
        self._model = load_model(task, source, Compute(FP32, options))
        self._products = dict(_simulate_products(self._model.encoder.layers))
        self._predictor = Predictor(self._model)
        self.sites = list_sites(source.config)

    def weights(self, site: Site) -> np.ndarray:
        """The concatenated float32 kernels of a site's products, [I, O of all]."""
        return np.concatenate([self._products[name].weights for name in site.products], axis=1)

    def outputs(self, features: Features, scales: Mapping[str, ProductScales]) -> dict[str, np.ndarray]:
        """The head's predictions with some sites in int8; see `InferenceRun.outputs`.

        Args:
          scales: of these sites, by name.
        """
        self._simulate(scales)
        return run_inference(
            self._model,
            features,
            self._planner,
            description=f"int8 at {len(scales)} of {len(self.sites)} sites",
            predictor=self._predictor,
        ).outputs

    def inputs(self, features: Features) -> Iterator[dict[str, np.ndarray]]:
        """The inputs of the float32 model's sites by name, for each batch: [T, I] of real tokens."""
        self._simulate({})
        graph = ShapelessGraph(self._watch)
        plans = self._planner.plan(features.lengths, self._model.config, FP32)
        for batch, inputs in compute_batches(graph, features, plans):
            yield self._real_tokens(batch, inputs)

    def _simulate(self, scales: Mapping[str, ProductScales]) -> None:
        for site in self.sites:
            for name in site.products:
                self._products[name].simulate(scales.get(site.name))

    def _watch(self, batch: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
        self._model.encoder(batch)
        return [self._products[site.products[0]].input for site in self.sites]

    def _real_tokens(self, batch: Batch, inputs: list[tf.Tensor]) -> dict[str, np.ndarray]:
        real = batch.tensors["sequence_ids"] > 0
        return {site.name: tensor.numpy()[real] for site, tensor in zip(self.sites, inputs, strict=True)}


def _simulate_products(layers: list[tf.Module]) -> Iterator[tuple[str, SimulatedDense]]:
    """Replace every product by a `SimulatedDense`; returns them by scope."""
    for layer in layers:
        for name, value in list(vars(layer).items()):
            if isinstance(value, Dense):
                simulated = SimulatedDense(value)
                setattr(layer, name, simulated)
                yield simulated.scope, simulated
