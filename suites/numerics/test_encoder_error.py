"""The whole encoder, layer by layer, against float64; the float64 reference against an independent one."""

import functools

import numpy as np
import pytest

from bertbench.compute import Compute, KernelOptions
from bertbench.embedded import SQUAD
from bertbench.precision import BF16, FP32
from suites.numerics import encoder_error
from suites.numerics.conftest import check_layers
from suites.numerics.encoder_error import EncoderCase, Inputs
from suites.numerics.reference import ReferenceEncoder
from suites.numerics.ulp import round_to_nearest_even, widen
from suites.shared_data import shared_path
from suites.tolerances import TOLERANCES

pytestmark = pytest.mark.numerics

MODEL = "models/minilm-l6-h384-squad"
WINDOWS = 3
FAST = KernelOptions(optimized_softmax=True, gelu="fused")


@functools.cache
def real_case() -> tuple[EncoderCase, dict[str, np.ndarray]]:
    """The shared SQuAD model on its shortest windows, and the outside implementation's logits for them."""
    folder = shared_path("reference/squad-dev")
    with np.load(folder / "features.npz") as features:
        lengths = features["input_mask"].sum(1)
        chosen = np.argsort(lengths, kind="stable")[:WINDOWS]
        cut = slice(0, int(lengths[chosen].max()))
        names = ("input_ids", "segment_ids", "input_mask")
        inputs = Inputs(*(features[name][chosen, cut].astype(int) for name in names))
    with np.load(folder / "logits.npz") as stored:
        logits = {name: stored[name][chosen, cut] for name in ("start_logits", "end_logits")}
    return encoder_error.stored_case("MiniLM on SQuAD", shared_path(MODEL), inputs), logits


def case_of(name: str) -> EncoderCase:
    if name == "real":
        return real_case()[0]
    if name == "embedded":
        return encoder_error.stored_case("embedded", SQUAD)
    return encoder_error.random_case(name)


@pytest.mark.parametrize("case", ["tiny", pytest.param("deep", marks=pytest.mark.slow), "embedded", "real"])
@pytest.mark.parametrize(
    "compute",
    [Compute(BF16), Compute(BF16, FAST), Compute(FP32)],
    ids=["bf16", "bf16-fast-kernels", "fp32"],
)
def test_layer_errors_are_below_error_curve(case, compute, judge_layers):
    judge_layers(encoder_error.measure_layers(case_of(case), compute))


def test_reference_encoder_equals_logits_computed_by_pytorch():
    """float64 here, float32 by PyTorch there: the same model to float32's rounding."""
    case, expected = real_case()
    reference = ReferenceEncoder(
        case.weights,
        num_heads=case.config.num_attention_heads,
        epsilon=case.config.layer_norm_eps,
        gelu="erf",
    )
    inputs = case.inputs
    hidden = reference(inputs.input_ids, inputs.segment_ids, inputs.mask)[-1]
    real = inputs.mask > 0
    for got, name in zip(reference.span_logits(hidden), expected, strict=True):
        error = np.abs(got - expected[name])[real].max()
        assert error <= TOLERANCES["fp64", "reference logits"].bound


def test_errors_above_error_curve_fail():
    """Exact hidden states, rounded to fewer digits than bfloat16's 8, so that errors are above the curve."""
    case = encoder_error.random_case("tiny")
    exact = encoder_error.find_truth(case, "tanh")
    mask = case.inputs.mask
    rounded = [round_to_nearest_even(states.astype(np.float32)) for states in exact.states]
    errors = encoder_error.layer_errors("rounded once", "bf16", mask, rounded, exact)
    check_layers(errors)
    one_rounding = TOLERANCES["any", "score rounding"].bound * encoder_error.UNIT_ROUNDOFF["bf16"]
    digits = 7 - int(np.log2(errors[0].bound / one_rounding))
    coarse = [np.ldexp(np.round(np.ldexp(m, digits)), e - digits) for m, e in map(np.frexp, exact.states)]
    with pytest.raises(AssertionError, match="above the curve: layer 1"):
        check_layers(encoder_error.layer_errors("coarse", "bf16", mask, coarse, exact))


@pytest.mark.parametrize("mistake", ["scores not scaled", "padding attended to"])
def test_wrong_encoder_fails(mistake, monkeypatch):
    case = encoder_error.random_case("tiny")
    exact = encoder_error.find_truth(case, "tanh")
    mask = case.inputs.mask
    if mistake == "scores not scaled":
        weights = dict(case.weights)
        for layer in range(case.config.num_hidden_layers):
            name = f"bert/encoder/layer_{layer}/attention/self/query/kernel"
            weights[name] = weights[name] * np.float32(1.01)
        wrong = EncoderCase(case.name, case.config, weights, case.inputs)
    else:
        inputs = Inputs(case.inputs.input_ids, case.inputs.segment_ids, np.ones_like(mask))
        wrong = EncoderCase(case.name, case.config, case.weights, inputs)
    got = [widen(states) for states in encoder_error.find_truth(wrong, "tanh").states]
    with pytest.raises(AssertionError, match="above the curve"):
        check_layers(encoder_error.layer_errors(mistake, "fp32", mask, got, exact))
