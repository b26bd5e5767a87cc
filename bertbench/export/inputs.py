"""The inputs of exported models: rows padded to one width, as in other programs.

`input_ids`, `segment_ids` and `input_mask` (1 for tokens, 0 for the padding after them) are integers [N, S].
The pretraining head also takes `masked_lm_positions` [N, P], counted from a row's first token.
"""

from collections.abc import Mapping

import numpy as np

from bertbench.data.features import Features

ROW_INPUTS = ("input_ids", "segment_ids", "input_mask")
POSITIONS = "masked_lm_positions"


def dense_inputs(features: Features, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The named inputs of all examples, int32, padded to the longest."""
    shape = len(features), int(features.lengths.max())
    mask = np.arange(shape[1]) < features.lengths[:, None]
    arrays: dict[str, np.ndarray] = {"input_mask": mask.astype(np.int32)}
    for name, tokens in (("input_ids", features.input_ids), ("segment_ids", features.segment_ids)):
        arrays[name] = np.zeros(shape, np.int32)
        arrays[name][mask] = tokens
    arrays.update({name: features.labels[name].astype(np.int32) for name in names if name == POSITIONS})
    return {name: arrays[name] for name in names}


def at_tokens(values: Mapping[str, np.ndarray], mask: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs [N, S] without padding, [T]; others unchanged."""
    return {name: array[mask > 0] if array.shape == mask.shape else array for name, array in values.items()}
