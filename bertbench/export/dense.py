"""A model with the interface of exported ones: padded rows in, logits by name out."""

import tensorflow as tf

from bertbench.export.inputs import POSITIONS, ROW_INPUTS
from bertbench.model.bert import BertModel
from bertbench.model.heads import PretrainingHead


class DenseModel(tf.Module):
    """A model for inputs as `bertbench.export.inputs` describes them.

    Attributes:
      input_names: the inputs in their order.
    """

    def __init__(self, model: BertModel) -> None:
        super().__init__()
        self.model = model
        self._masked = isinstance(model.head, PretrainingHead)
        self.input_names = (*ROW_INPUTS, POSITIONS) if self._masked else ROW_INPUTS

    def __call__(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """int32 [N, S] or [N, P] -> float32 [N, S], [N, P, V] of masked tokens, or [N, C] of examples."""
        mask = inputs["input_mask"]
        rows, width = tf.unstack(tf.shape(mask))
        batch = {
            "input_ids": tf.reshape(inputs["input_ids"], [-1]),
            "segment_ids": tf.reshape(inputs["segment_ids"], [-1]),
            "position_ids": tf.tile(tf.range(width), [rows]),
            "sequence_ids": tf.reshape(mask, [-1]),
            "blocks": tf.stack([rows, width])[None],
            "first_token": tf.range(rows) * width,
            "lengths": tf.reduce_sum(mask, -1),
        }
        if self._masked:
            batch[POSITIONS] = inputs[POSITIONS]
        outputs = self.model(batch)
        if self.model.head.per_token:
            return {name: tf.reshape(values, [rows, width]) for name, values in outputs.items()}
        if self._masked:
            shape = [rows, tf.shape(inputs[POSITIONS])[1], self.model.config.vocab_size]
            outputs["masked_lm_logits"] = tf.reshape(outputs["masked_lm_logits"], shape)
        return outputs

    def signature(self) -> dict[str, tf.TensorSpec]:
        """The signature of the inputs."""
        return {name: tf.TensorSpec([None, None], tf.int32, name) for name in self.input_names}
