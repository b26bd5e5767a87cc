"""bertbench from Python: load a model, predict, answer, benchmark, compare and judge.

Everything here is importable from `bertbench` itself; `docs/python.md` shows it. Importing costs nothing:
TensorFlow starts with the first loaded model, without log output, and keeps its threads if the
program has started it before.
"""

from bertbench.api.judging import Comparison, compare, judge
from bertbench.api.models import Model, Predictions, benchmark, load
from bertbench.errors import BertbenchError, CannotJudge, InputError
from bertbench.evaluation.decoded_answers import Answer
from bertbench.gate.result import Verdict
from bertbench.results.schema import ThroughputCase

__all__ = [
    "Answer",
    "BertbenchError",
    "CannotJudge",
    "Comparison",
    "InputError",
    "Model",
    "Predictions",
    "ThroughputCase",
    "Verdict",
    "benchmark",
    "compare",
    "judge",
    "load",
]
