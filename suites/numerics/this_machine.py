"""Which of TensorFlow's kernels run on this machine, where that decides a bound."""

import os

from bertbench.measure.machine import read_machine

_ONEDNN_BF16 = frozenset({"avx512_bf16", "amx_bf16"})


def onednn_computes_bf16() -> bool:
    """Whether oneDNN's bfloat16 kernels run: x86 with bfloat16 instructions, and oneDNN not switched off.

    Elsewhere TensorFlow may use its own kernels, which round every intermediate result to bfloat16.
    """
    return os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "0" and bool(
        _ONEDNN_BF16.intersection(read_machine().isa)
    )
