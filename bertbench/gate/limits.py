"""Every limit of the gate, each with its reason; their error rates are measured in `docs/gating.md`."""

EFFICIENCY_THRESHOLD = 0.05  # a smaller fall is within what compilers and allocators do by themselves
MEMORY_THRESHOLD = 0.10  # peak memory repeats to about 1 %
STARTUP_THRESHOLD = 0.25  # for several start-ups per side, in addition to a test
SINGLE_STARTUP_THRESHOLD = 1.0  # one start-up a side swings by tens of percent on a shared machine
SIGNIFICANCE = 0.01  # one-sided: the most false alarms there can be where measurements are independent
MINIMUM_ROUNDS = 5  # fewer cannot reach SIGNIFICANCE in a Mann-Whitney test
MINIMUM_PAIRS = 7  # fewer cannot reach SIGNIFICANCE in a signed-rank test
PAIRS = 14  # of interleaved runs: enough to catch a 10 % slowdown on a busy machine
