"""Comparison of an exported model's logits with the model's own."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bertbench.data.batch import assemble
from bertbench.data.batching import plan_one_batch
from bertbench.data.features import Features
from bertbench.errors import CannotJudge
from bertbench.export.inputs import at_tokens
from bertbench.formatting import words
from bertbench.gate.limits import Tolerance
from bertbench.model.bert import BertModel
from bertbench.model.graph import ShapelessGraph

# Allowed difference of logits, as a share of the largest magnitude (at least 1), by precision.
LOGIT_TOLERANCES = {
    "fp32": Tolerance(1e-3, "share", "the order of float32 sums changes logits by about 1e-4"),
    "bf16": Tolerance(0.1, "share", "batching alone changes bf16 logits of about 5 by up to 0.12"),
}


@dataclass(frozen=True)
class Agreement:
    """The largest difference, the largest logit's magnitude, and the number of logits compared."""

    difference: float
    magnitude: float
    logits: int


def own_outputs(model: BertModel, features: Features) -> dict[str, np.ndarray]:
    """The model's own logits in the shapes of the exported ones, see `bertbench.export.inputs`."""
    width = int(features.lengths.max())
    batch = assemble(features, plan_one_batch(features.lengths, range(len(features)), "padded", width))
    graph = ShapelessGraph(lambda tensors: model(tensors))
    outputs = {name: values.numpy() for name, values in graph(batch.tensors).items()}
    if model.head.per_token:
        return {name: values.reshape(len(features), width) for name, values in outputs.items()}
    return outputs


def require_agreement(
    own: Mapping[str, np.ndarray], exported: Mapping[str, np.ndarray], mask: np.ndarray, precision: str
) -> Agreement:
    """Compare exported logits with the model's own; padding (`mask` [N, S] is 0) is ignored.

    Raises:
      CannotJudge: an output is missing, is not finite, or differs by more than the precision explains.
    """
    if own.keys() != exported.keys():
        raise CannotJudge(f"the exported model has the outputs {', '.join(exported)}, not {', '.join(own)}.")
    bound = LOGIT_TOLERANCES[precision].bound
    expected, got = at_tokens(own, mask), at_tokens(exported, mask)
    worst = Agreement(0.0, 0.0, 0)
    for name, values in expected.items():
        difference = np.abs(values.ravel() - got[name].ravel()).max()
        magnitude = float(np.abs(values).max())
        if not difference <= bound * max(1.0, magnitude):
            raise CannotJudge(
                f"{words(name)} of the exported model differ by {difference:.3g} from the model's own, whose "
                f"largest is {magnitude:.3g}; nothing is written."
            )
        worst = Agreement(
            max(worst.difference, float(difference)),
            max(worst.magnitude, magnitude),
            worst.logits + values.size,
        )
    return worst
