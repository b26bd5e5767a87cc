"""Attention: masked positions do not matter, packing does not matter, and the error against float64."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from bertbench import kernels
from suites.numerics import checks, exact
from suites.numerics.checks import ROWS, SIZE, TOKENS, draw, row_of, run
from suites.numerics.report import measure
from suites.numerics.ulp import BF16, FP32, spacing, widen
from suites.tolerances import TOLERANCES

pytestmark = pytest.mark.numerics

KINDS = pytest.mark.parametrize("kind", [BF16, FP32], ids=["bf16", "fp32"])
VARIANTS = pytest.mark.parametrize("variant", ["float32", "optimized"])
SEEDS = st.integers(0, 2**32 - 1)
# Lengths of three sequences that fill a row of TOKENS or less.
LENGTHS = st.tuples(*[st.integers(1, TOKENS // 3)] * 3)


def attend_exactly(arrays: list[np.ndarray], sequence_ids: np.ndarray) -> np.ndarray:
    """float64, the masked scores left out rather than lowered."""
    query, key, value = (widen(array) for array in arrays)
    scores = np.einsum("rasd,ratd->rast", query, key) / np.sqrt(SIZE)
    same = (sequence_ids[:, :, None] == sequence_ids[:, None, :]) & (sequence_ids[:, None, :] > 0)
    return exact.softmax(np.where(same[:, None], scores, -np.inf)) @ value


@KINDS
@VARIANTS
def test_attention_error_is_within_bound(kind, variant, check_report):
    arrays = draw(1, kind, rows=256)
    arrays[0][::2] *= 4  # scores of +-4 beside those of +-1
    ids = np.array([row_of((1 + row % 8, 8, 8 - row % 7)) for row in range(256)])
    real = np.broadcast_to((ids > 0)[:, None, :, None], arrays[0].shape)
    with np.errstate(invalid="ignore"):  # rows of padding attend to nothing
        truth = attend_exactly(arrays, ids)[real]
    largest, places = np.abs(widen(arrays[2])).max(), np.argwhere(real)
    report = measure(
        ("attention", variant),
        kind,
        run(arrays, ids, variant)[real],
        truth,
        TOLERANCES[kind.name, "attention"],
        lambda index: "row {}, head {}, token {}, element {}".format(*places[index]),
        scale=spacing(largest, kind) / spacing(truth, kind),
    )
    check_report(report)


@KINDS
@VARIANTS
@given(seed=SEEDS, lengths=LENGTHS)
def test_masked_positions_do_not_change_output_bits(kind, variant, seed, lengths):
    checks.check_masked_positions(kind, variant, seed, lengths)


@KINDS
@VARIANTS
@given(seed=SEEDS, lengths=LENGTHS)
def test_packed_and_padded_attention_agree(kind, variant, seed, lengths):
    """Three sequences in one row, and each in its own row."""
    ids = row_of(lengths)
    packed = draw(seed, kind, rows=1)
    padded = [np.zeros((ROWS, *array.shape[1:]), kind.dtype) for array in packed]
    for row, length in enumerate(lengths):
        for source, target in zip(packed, padded, strict=True):
            target[row, :, :length] = source[0][:, ids == row + 1]
    in_one = run(packed, ids[None], variant)
    alone = run(padded, np.array([row_of((length,)) for length in lengths]), variant)
    unit = spacing(np.abs(widen(packed[2])).max(), kind)
    for row, length in enumerate(lengths):
        difference = np.abs(widen(in_one[0][:, ids == row + 1]) - widen(alone[row][:, :length]))
        assert difference.max() / unit <= TOLERANCES[kind.name, "attention packed"].bound


@KINDS
@given(ids=st.lists(st.integers(0, 3), min_size=TOKENS, max_size=TOKENS))
def test_attention_bias_masks_all_other_sequences(kind, ids):
    got = kernels.attention_bias(tf.constant([ids], tf.int32), tf.as_dtype(kind.dtype)).numpy()
    masked = np.array(-1e9).astype(kind.dtype)
    expected = [[0.0 if query == key != 0 else float(masked) for key in ids] for query in ids]
    np.testing.assert_array_equal(widen(got), [[expected]])
