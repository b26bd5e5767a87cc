"""AdamW as used for BERT: decoupled weight decay, no bias correction, clipping by the global norm.

Loshchilov & Hutter 2017 (arXiv:1711.05101), algorithm 2, without its bias correction, as in
google-research/bert `optimization.py`:

    m = b1 m + (1 - b1) g
    v = b2 v + (1 - b2) g^2
    w = w - rate (m / (sqrt v + epsilon) + decay w)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import tensorflow as tf

from bertbench.kernels import compiled

UNDECAYED = ("LayerNorm", "layer_norm", "bias")


@dataclass(frozen=True)
class AdamWSettings:
    """The constants; `clip_norm` limits the global norm of the gradients."""

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-6
    weight_decay: float = 0.01
    clip_norm: float = 1.0


class AdamW:
    """The optimizer of one model.

    Attributes:
      slots: the running moments by checkpoint name, `<variable>/adam_m` and `<variable>/adam_v`, each with
        the shape and dtype of its variable.
    """

    def __init__(self, variables: Mapping[str, tf.Variable], settings: AdamWSettings | None = None) -> None:
        self.settings = settings or AdamWSettings()
        self._names = list(variables)
        self._variables = list(variables.values())
        self.slots = {
            f"{name}/adam_{moment}": tf.Variable(tf.zeros_like(variable), trainable=False)
            for name, variable in variables.items()
            for moment in "mv"
        }

    def apply(self, gradients: Sequence[tf.Tensor], learning_rate: tf.Tensor) -> tf.Tensor:
        """Clip the gradients by their global norm and update every variable once.

        Args:
          gradients: in the order of the variables, each with the shape and dtype of its variable.
          learning_rate: scalar.
        Returns: the global norm of the gradients before clipping.
        """
        norm = tf.sqrt(tf.add_n([2.0 * tf.nn.l2_loss(gradient) for gradient in gradients]))
        clip = self.settings.clip_norm
        scale = clip / tf.maximum(norm, clip)
        for name, variable, gradient in zip(self._names, self._variables, gradients, strict=True):
            decay = 0.0 if any(part in name for part in UNDECAYED) else self.settings.weight_decay
            m, v = self.slots[f"{name}/adam_m"], self.slots[f"{name}/adam_v"]
            rate = tf.cast(learning_rate, variable.dtype)
            _update(variable, m, v, gradient, scale, rate, tf.constant(decay, variable.dtype), self.settings)
        return norm


@compiled
def _update(
    variable: tf.Variable,
    m: tf.Variable,
    v: tf.Variable,
    gradient: tf.Tensor,
    scale: tf.Tensor,
    rate: tf.Tensor,
    decay: tf.Tensor,
    settings: AdamWSettings,
) -> None:
    gradient = gradient * scale
    new_m = settings.beta_1 * m + (1.0 - settings.beta_1) * gradient
    new_v = settings.beta_2 * v + (1.0 - settings.beta_2) * gradient * gradient
    m.assign(new_m)
    v.assign(new_v)
    variable.assign_sub(rate * (new_m / (tf.sqrt(new_v) + settings.epsilon) + decay * variable))
