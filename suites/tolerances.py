"""Every tolerance of every suite, by precision and quantity, each with its reason.

`TOLERANCES[precision, quantity]` is the one source of a bound; a test never states its own. An error equal to
its bound passes. Bounds come from the reasons, not from what was measured; `pytest -m numerics` flags a bound
of which less than half is used.

ULP is the unit in the last place of the precision named (`suites.numerics.ulp`), at the exact result unless
the unit says otherwise. Rounding to nearest costs half an ULP. Just above a power of two that half is twice
as large a part of the value as just below it, so that n halves of intermediate results are n/2 to n ULP of
the result. kappa, a condition number, is how much the rest of a formula magnifies an intermediate result's
relative error.
"""

from bertbench.gate.limits import SCORE_TOLERANCES, Tolerance

_PHI = "ULP x (1 + kappa)"
_DISTANCE = "ULP x (1 + max - s)"
_TERMS = "ULP of the terms"
_PRODUCT = "ULP of product or result"
_LESS_ISLAND = "ULP less fp32's"

_ONE_ROUNDING = Tolerance(0.5, _LESS_ISLAND, "rounded once from float32, whose own bound is taken off first")

_ELEMENTWISE = {
    ("any", "flush to zero"): Tolerance(
        2.0**-126,
        "max(1, |x|)",
        "TensorFlow's threads flush subnormal results and intermediates to zero; a flushed factor of x costs "
        "|x| times the smallest normal number",
    ),
    ("bf16", "cast to_bf16"): Tolerance(0.5, "ULP", "rounding to nearest, IEEE 754-2019 section 4.3.1"),
    ("fp32", "gelu tanh"): Tolerance(
        3.0,
        _PHI,
        "kappa is that of Phi; three roundings of the sigmoid and the last product, and four of the argument "
        "that kappa magnifies, are 1.5 + 2 kappa to twice that, and not all of them meet",
    ),
    ("bf16", "gelu tanh"): Tolerance(
        0.511,
        "ULP",
        "0.5 for the one rounding; the island's 3 (1 + kappa) ULP of float32, with kappa <= 240 before the "
        "result is flushed, add 0.011",
    ),
    ("fp32", "gelu erf"): Tolerance(
        3.0,
        _PHI,
        "kappa is that of Phi; the argument's rounding, which kappa magnifies, and some five of erfc's "
        "exponential, polynomials and the products",
    ),
    ("bf16", "gelu erf"): Tolerance(
        0.508,
        "ULP",
        "0.5 for the one rounding; the island's 3 (1 + kappa) ULP of float32, with kappa <= 175 before the "
        "result is flushed, add 0.008",
    ),
    ("fp32", "gelu fused"): Tolerance(
        4.0,
        "ULP of x",
        "1 + tanh cancels in the left tail, which leaves |x|/2 times the error of the sum and of tanh, a "
        "rational function of 3 to 4 ULP; with the products up to |x| 2^-21",
    ),
    ("bf16", "gelu fused"): Tolerance(
        2.0,
        "ULP of x",
        "every operation rounds to bfloat16: tanh, the sum, two products and the argument that tanh "
        "flattens, up to half an ULP of x each; 1 + tanh leaves the left tail no digit",
    ),
    ("fp32", "gelu fused_by_onednn"): Tolerance(
        2.0,
        "ULP of x",
        "1 + tanh cancels in the left tail; oneDNN's tanh is good to an ULP, products add one",
    ),
    ("bf16", "gelu fused_by_onednn"): _ONE_ROUNDING,
    ("bf16", "gelu tanh_by_onednn"): _ONE_ROUNDING,
    ("fp32", "gelu erf_by_onednn"): Tolerance(
        2.0,
        "ULP of x",
        "1 + erf cancels in the left tail; oneDNN's erf is good to an ULP of 1, products add one",
    ),
    ("bf16", "gelu erf_by_onednn"): _ONE_ROUNDING,
    ("fp32", "gelu tanh_gradient"): Tolerance(
        2.0,
        "ULP of 1",
        "Phi and x times the density, both below 1.2 and of some three roundings, and their sum",
    ),
    ("bf16", "gelu tanh_gradient"): _ONE_ROUNDING,
    ("fp32", "gelu erf_gradient"): Tolerance(
        2.0,
        "ULP of 1",
        "Phi and x times the density, both below 1.2 and of some three roundings, and their sum",
    ),
    ("bf16", "gelu erf_gradient"): _ONE_ROUNDING,
    ("fp32", "gelu fused_gradient"): Tolerance(
        48.0,
        "ULP of 1",
        "TensorFlow's gradient forms 1 - tanh^2, wrong by 4 ULP of 1 where it cancels, times x/2 and the "
        "argument's slope, together below 12 where tanh is not yet 1",
    ),
    ("bf16", "gelu fused_gradient"): Tolerance(
        3.0,
        "ULP of 1",
        "every operation rounds to bfloat16; where 1 - tanh^2 cancels, about |x| = 2.4, its half ULP is "
        "multiplied by up to 4",
    ),
    ("fp32", "exp compiled"): Tolerance(
        2.0,
        "ULP",
        "the argument less a multiple of log 2, whose rounding counts by less than half of itself, a "
        "polynomial of some two halves, and an exact power of two; three times as much above 127.5 log 2, "
        "where that power is 2^127 and the rest is beyond the polynomial's interval",
    ),
    ("fp32", "erfc compiled"): Tolerance(
        3.0,
        _PHI,
        "kappa is that of erfc; the rounding of x^2, which it magnifies, an exponential, two polynomials and "
        "their product, some five halves",
    ),
    ("fp32", "dropout"): Tolerance(
        1.5, "ULP", "half for the product, up to one for the keep factor, which is rounded before it"
    ),
    ("bf16", "dropout"): Tolerance(
        0.501, "ULP", "0.5 for the one rounding; 1.5 ULP of float32 are 0.00002 of bfloat16"
    ),
}

_ROWS = {
    ("any", "dropout z"): Tolerance(
        6.0, "standard deviations", "two draws in 10^9 of a binomial are further out; a suite makes thousands"
    ),
    ("any", "softmax flush to zero"): Tolerance(
        2.0**-125,
        "1",
        "oneDNN forms 2^n as 2 x 2^(n-1), so that exp flushes one power of two above the smallest normal",
    ),
    ("fp32", "softmax float32"): Tolerance(
        6.0,
        _DISTANCE,
        "the rounding of max - s is magnified by it; exp, the sum in vectors of partial sums and the "
        "quotient have some five halves more",
    ),
    ("bf16", "softmax float32"): Tolerance(
        0.509,
        "ULP",
        "0.5 for the one rounding; the island's 6 (1 + max - s) ULP of float32, with max - s below 88 before "
        "the result is flushed, add 0.008",
    ),
    ("fp32", "softmax optimized"): Tolerance(
        6.0, _DISTANCE, "the same operation as the float32 variant, which is all float32 here"
    ),
    ("bf16", "softmax optimized"): Tolerance(
        0.509, "ULP", "oneDNN computes in float32 and rounds once, as the float32 variant does"
    ),
    ("bf16", "softmax optimized without oneDNN"): Tolerance(
        4.0,
        _DISTANCE,
        "TensorFlow's own kernel rounds difference, exp, sum and quotient to bfloat16: four halves",
    ),
    ("fp32", "softmax row sum"): Tolerance(
        4.0, "ULP of 1", "the sum's error is common to the row: vectors of partial sums and one division"
    ),
    ("bf16", "softmax row sum"): Tolerance(
        0.51,
        "ULP of 1",
        "each weight p is off by p 2^-8 at most, which sum to 2^-8; the island adds a little",
    ),
    ("bf16", "softmax row sum without oneDNN"): Tolerance(
        3.0, "ULP of 1", "sum and quotient in bfloat16 are errors common to the row"
    ),
    ("fp32", "layer_norm"): Tolerance(
        8.0,
        _TERMS,
        "the terms are the row's largest normalized value times gamma, and beta; mean, centring, sums of "
        "H = 1,024, root, quotient and two last operations are some ten halves, to twice that",
    ),
    ("bf16", "layer_norm"): _ONE_ROUNDING,
    ("fp32", "layer_norm few_values"): Tolerance(
        26.0,
        _TERMS,
        "a sum of like squares drifts to one side: H = 1,024 of them in chains of 64 by 64/3 ULP, in the "
        "root by half as much, in the result by up to twice that; the rest as for other rows",
    ),
    ("bf16", "layer_norm few_values"): _ONE_ROUNDING,
    ("any", "product forward error"): Tolerance(
        1.0,
        "gamma_K sum |a| |b|",
        "a sum of K terms in any order, Higham 2002, eq. 3.5, with float32's unit roundoff in both "
        "precisions; bfloat16's own rounding, half an ULP or where products truncate a whole one, is allowed "
        "for apart",
    ),
    ("fp32", "dense"): Tolerance(
        4.5,
        _TERMS,
        "the terms are the products' magnitudes and the bias; K = 16 to 1,024 roundings of sums about 1, by "
        "0.29 ULP root mean square each, are sqrt(K) 0.29 ULP of 1, and the terms 0.64 sqrt(K), whose ULP is "
        "half of that or more: 0.9, and five times that for the largest of 50,000",
    ),
    ("bf16", "dense"): Tolerance(
        1.0,
        _PRODUCT,
        "half an ULP for the product and half for the sum with the bias, where they are two operations; the "
        "float32 sum's bound is taken off first",
    ),
    ("bf16", "dense with truncated products"): Tolerance(
        1.5,
        _PRODUCT,
        "TensorFlow's own product drops the digits that do not fit, up to an ULP; half for the sum with the "
        "bias; the float32 sum's bound is taken off first",
    ),
    ("fp32", "dense int8"): Tolerance(
        2.5,
        _PRODUCT,
        "the sum is exact; it is rounded to float32 and multiplied by a scale that is two roundings off, "
        "which rounds again, and the bias is added: half an ULP each",
    ),
    ("bf16", "dense int8"): _ONE_ROUNDING,
    ("fp32", "dense int8_gelu_tanh"): Tolerance(
        4.0, _PRODUCT, "the product's 2.5, which GELU, at most 1.13 steep, magnifies, and an ULP for itself"
    ),
    ("bf16", "dense int8_gelu_tanh"): _ONE_ROUNDING,
    ("fp32", "dense int8_gelu_erf"): Tolerance(
        5.0, _PRODUCT, "the product's 2.5, which GELU, at most 1.13 steep, magnifies, and 2 ULP for itself"
    ),
    ("bf16", "dense int8_gelu_erf"): _ONE_ROUNDING,
    ("any", "dense int8_gelu as int8"): Tolerance(
        0.5, "steps less fp32's", "rounded once from float32, whose own bound is taken off first"
    ),
    ("any", "int8 round trip"): Tolerance(
        0.5 + 127 * 2.0**-22,
        "steps",
        "rounding to the nearest step; the multiplier, its product with x and the product with the scale are "
        "up to half an ULP off each, and 127 steps magnify it: 127 x 3 x 2^-24, to twice that",
    ),
    ("fp32", "cross_entropy"): Tolerance(
        8.0,
        "ULP of 1 + loss",
        "the sum of C exponentials, up to 3,000, in vectors of partial sums, and the logarithm",
    ),
    ("fp32", "attention"): Tolerance(
        8.0,
        "ULP of max|value|",
        "scores up to 16, sums of 16 products, are off by two of their own ULP, 32 of 1, which moves at most "
        "a quarter of the weight; softmax and the sum of values add one",
    ),
    ("bf16", "attention"): Tolerance(
        3.0,
        "ULP of max|value|",
        "scores up to 16 are rounded by half of their own ULP, 8 of 1, which moves at most a quarter of the "
        "weight; weights and context are rounded by half an ULP each",
    ),
    ("fp32", "attention packed"): Tolerance(
        3.0,
        "ULP of max|value|",
        "the order of a sum may differ with the width: scores up to 8, sums of 16 products, by two of their "
        "own ULP, 8 of 1, which moves at most a quarter of the weight; the sums of weights and of values add "
        "one",
    ),
    ("bf16", "attention packed"): Tolerance(
        1.0, "ULP of max|value|", "the same sums, in an order that may differ with the width: one rounding"
    ),
}

_ENCODER = {
    ("bf16", "encoder error growth"): Tolerance(
        1.2,
        "sqrt(layer) 2^-8",
        "a rounding of a log-uniform significand is off by 0.42 x 2^-8, root mean square; a layer's two "
        "outputs have one each, and its two branches, half of the sum's variance, some five each (weights, "
        "products, probabilities or GELU): sqrt(2 + 0.5 x 2 x 5.5) x 0.42 = 1.16, and layers add in squares; "
        "a layer whose condition is above 1 magnifies them by it",
    ),
    ("bf16", "encoder error growth with truncated products"): Tolerance(
        1.5,
        "sqrt(layer) 2^-8",
        "beside what products that are all 0.72 x 2^-8 too small, a truncation's mean, make of the exact "
        "states: a truncation is spread by 0.45 about its mean, 2.5 of them in a branch; bias, softmax and "
        "GELU, which round apart there, and weights are 7 roundings more: "
        "sqrt((2 + 0.5 x 2 x 7) 0.42^2 + 0.5 x 2 x 2.5 x 0.45^2) = 1.45",
    ),
    ("fp32", "encoder error growth"): Tolerance(
        8.0,
        "sqrt(layer) 2^-24",
        "as bfloat16's, but sums of K <= 1,536 products round in the same precision: chains of K/16 terms "
        "add sqrt(K/16)/2 roundings, 5 times 1.2 and the island's own",
    ),
    ("any", "score rounding"): Tolerance(
        0.42,
        "unit roundoff x condition",
        "a rounding's root mean square, as above; the condition says what large scores make of it",
    ),
    ("bf16", "score rounding with truncated products"): Tolerance(
        0.62,
        "unit roundoff x condition",
        "a truncation is spread by 0.45 about its mean, and the scaled score is rounded apart: "
        "sqrt(0.45^2 + 0.42^2)",
    ),
    ("fp64", "reference logits"): Tolerance(
        5e-5,
        "1",
        "the outside implementation is float32: 8 sqrt(6) 2^-24 of hidden states of norm 20, times an output "
        "row of norm 1",
    ),
}

_GRADIENTS = {
    ("fp64", "gradient"): Tolerance(
        1e-10,
        "the sum of the terms' magnitudes",
        "fourth-order differences with h = 1e-3 are wrong by h^4 / 30 times the fifth derivative, which is "
        "below 100 for the inputs drawn, and by 2^-53 / h",
    ),
}

# Scores: of the reference; what a case may lose to its baseline and to fp32 is the gate's.
_ACCURACY = {
    **SCORE_TOLERANCES,
    ("bf16", "squad of few questions"): Tolerance(
        1.0,
        "points",
        "the 1 % that MLPerf inference allows, for the whole interval; bf16 changes one answer in a hundred, "
        "so that the interval of 510 questions reaches 0.9 to either side, and with 0.5 a model that loses "
        "nothing is unclear four times in five",
    ),
    ("int8", "share of the f1 in fp32"): Tolerance(
        0.99, "1", "the lower one of MLPerf inference's two targets for BERT"
    ),
    ("fp32", "reference logit error"): Tolerance(
        1e-3, "1", "float32 sums in another order, through six layers: 1e-4 of logits up to 10"
    ),
    ("fp32", "reference answers"): Tolerance(0.01, "share", "near ties that the logits' rounding decides"),
    ("fp32", "reference f1"): Tolerance(0.1, "points", "as the answers"),
}

_SEEDS = (
    "a tenth of the standard deviation between 8 seeds in fp32, the largest of the run's windows, by "
    "`python -m tools.loss_curves`: compared with another seed, bf16 is to be nothing"
)

# Training, on the tiny model of suites/training.
_TRAINING = {
    ("fp64", "loss slope"): Tolerance(
        1e-7,
        "relative",
        "central differences with h = 1e-5 are wrong by h^2 times a third of the third derivative and by "
        "2^-53 / h: some 1e-10 of slopes between 1e-3 and 1",
    ),
    ("fp64", "batching gradient"): Tolerance(
        1e-10, "of the largest", "the same sums in another order, a thousand terms of 2^-53 each"
    ),
    ("fp32", "recomputed gradient"): Tolerance(
        1e-5, "of the largest", "the same arithmetic; XLA may fuse, and round, otherwise: 2^-24 an operation"
    ),
    ("fp32", "distributed gradient"): Tolerance(
        1e-5,
        "of the largest",
        "the same sums in another order, a thousand terms of 2^-24 each, partly one way",
    ),
    ("fp32", "compressed gradient"): Tolerance(
        3 * 2.0**-11,
        "of the largest",
        "float16 rounds each of two workers' gradients and their sum by 2^-11 of itself; the workers' own, "
        "whose sum it is, may each be as large as it",
    ),
    ("fp32", "distributed weights"): Tolerance(
        0.01, "of the distance moved", "rounding differs from the first step, and training magnifies it"
    ),
    ("bf16", "squad loss"): Tolerance(0.034, "nats", _SEEDS),
    ("bf16", "classifier loss"): Tolerance(0.022, "nats", _SEEDS),
    ("bf16", "pretraining loss"): Tolerance(0.008, "nats", _SEEDS),
    ("any", "squad training"): Tolerance(
        2.5, "points", "single seeds of this recipe differ by some 2 points of F1, implementations by as much"
    ),
    ("any", "mrpc training"): Tolerance(
        0.02, "share", "eight of MRPC's 408 pairs; single seeds of fine-tuning on so few differ by as much"
    ),
    ("bf16", "squad training"): Tolerance(
        2.0, "points", "what single seeds differ by; bf16 is to be no worse"
    ),
    ("any", "overfitted loss"): Tolerance(
        0.02, "nats", "eight examples memorized: the right choice has 98 % of the probability"
    ),
}

TOLERANCES: dict[tuple[str, str], Tolerance] = {
    **_ELEMENTWISE,
    **_ROWS,
    **_ENCODER,
    **_GRADIENTS,
    **_ACCURACY,
    **_TRAINING,
}
