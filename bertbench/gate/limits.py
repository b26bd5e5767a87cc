"""Every limit of the gate, each with its reason; their error rates are measured in `docs/gating.md`."""

from dataclasses import dataclass

EFFICIENCY_THRESHOLD = 0.05  # smaller losses may come from compilers and allocators alone
MEMORY_THRESHOLD = 0.10  # peak memory repeats to about 1 %
STARTUP_THRESHOLD = 0.25  # for several start-ups per side, in addition to a test
SINGLE_STARTUP_THRESHOLD = 1.0  # one start-up a side swings by tens of percent on a shared machine
SIGNIFICANCE = 0.01  # one-sided: the most false alarms there can be where measurements are independent
SCORE_SIGNIFICANCE = 0.005  # one-sided: half of the false failures that are allowed, so that samples show it
MINIMUM_ROUNDS = 5  # fewer cannot reach SIGNIFICANCE in a Mann-Whitney test
FAR_FALL = 0.3  # every round so far below every round of the base: no noise does that, however few they are
MINIMUM_PAIRS = 7  # fewer cannot reach SIGNIFICANCE in a signed-rank test
PAIRS = 16  # of interleaved runs: enough for a verdict on most machines
# Times the pairs: an unclear comparison continues from each of these to the next. On a shared machine two of
# three slowdowns by 10 % show in 14 pairs, and more than 95 % in twice as many; few comparisons need them.
LOOKS = (1.0, 1.5, 2.0)
CALIBRATION_RUNS = 40  # of a case: enough for 39 pairs of successive runs, and for 780 of any two
RAREST_CLASS = 0.1  # of the labels, for correlations: how unbalanced they may be
SIGHT = 0.99  # how surely a sample of items holds one of those that a drop of twice the tolerance has lost
# In tolerances, from a difference down to the end of its 95 % interval. Where twice the tolerance is lost,
# that end is above minus the tolerance by chance in 1 - Phi(1.96 + 1.96 / 5) = 0.9 % of cases, and where it
# is further away in up to 2.5 %.
WIDEST_INTERVAL = 5


@dataclass(frozen=True)
class Tolerance:
    """The largest error allowed, in `unit`, and why it is that."""

    bound: float
    unit: str
    reason: str


_FP32_SCORE = "float32 rounding moves a logit by some 1e-4: on another machine a near tie may fall otherwise"

# What a score may lose, by precision and score: to its baseline and, in bf16 and int8, to fp32.
SCORE_TOLERANCES = {
    ("fp32", "f1"): Tolerance(0.1, "points", f"{_FP32_SCORE}, one answer of 800 half right"),
    ("bf16", "f1"): Tolerance(
        0.5,
        "points",
        "half of what MLPerf inference allows, 1 % of an F1 near 90 in fp32 (MLPerf, BERT)",
    ),
    ("fp32", "accuracy"): Tolerance(0.005, "share", f"{_FP32_SCORE}, two of MRPC's 408 pairs"),
    ("bf16", "accuracy"): Tolerance(
        0.015, "share", "six of MRPC's 408 pairs, which is as few as they can show"
    ),
    ("fp32", "matthews_correlation"): Tolerance(0.01, "1", "about twice a change of accuracy"),
    ("bf16", "matthews_correlation"): Tolerance(0.03, "1", "about twice a change of accuracy"),
    ("fp32", "pearson"): Tolerance(0.001, "1", "scores change by rounding alone, without a threshold"),
    ("bf16", "pearson"): Tolerance(0.005, "1", "scores change by rounding alone, 2^-8 of their spread"),
    ("fp32", "masked_lm_accuracy"): Tolerance(0.001, "share", f"{_FP32_SCORE}, one word of 1,000"),
    ("bf16", "masked_lm_accuracy"): Tolerance(0.01, "share", "1 %, as of other scores; ten words of 1,000"),
    ("int8", "f1"): Tolerance(
        0.75,
        "points",
        "MLPerf inference's target of 99 % of fp32, of an F1 of 75",
    ),
    ("int8", "accuracy"): Tolerance(0.015, "share", "six of MRPC's 408 pairs, as in bf16"),
    ("int8", "matthews_correlation"): Tolerance(0.03, "1", "about twice a change of accuracy"),
    ("int8", "pearson"): Tolerance(0.01, "1", "1 %, as of other scores"),
    ("int8", "masked_lm_accuracy"): Tolerance(0.01, "share", "1 %, as of other scores; ten words of 1,000"),
}
PUBLISHED_TOLERANCE = Tolerance(
    0.5, "points", "the spread of fine-tuning runs of one recipe; machines and software differ as well"
)
