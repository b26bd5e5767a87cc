"""A small benchmark case, and a GEMM peak with known rounds."""

from bertbench.benchmarking.case import BenchmarkCase
from bertbench.compute import Compute
from bertbench.config import ModelConfig
from bertbench.measure.gemm_peak import Best
from bertbench.measure.gemm_ways import Shape, Way
from bertbench.precision import FP32
from bertbench.tasks.table import make_task

CONFIG = ModelConfig(
    vocab_size=50, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
)
CASE = BenchmarkCase(
    make_task("squad", max_seq_length=16), "inference", Compute(FP32), "small", CONFIG, 2, batching="padded"
)


PEAKS = (10.0, 12.0, 11.0, 8.0)


class MadeUpPeak:
    """A limit of known rounds: before the first call, after it, and so on."""

    def __init__(self, products, mode, dtype):
        shape = Shape(32, 8, 8)
        self.best = {shape: Best(Way("eager", "plain", "eager"), shape, max(PEAKS))}
        self.ways = {"eager": 1.0}
        self.machine = Best(Way("numpy", "plain", "numpy"), Shape(512, 512, 512), 20.0)
        self.rounds = []

    def measure(self):
        self.rounds.append(PEAKS[len(self.rounds) % len(PEAKS)])
