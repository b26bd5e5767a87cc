"""The sample of accuracy results in README.md, computed from the recorded scores by item of an AVX2 machine.

`python -m suites.accuracy.document` renews it.
"""

from pathlib import Path

from bertbench.gate.accuracy import compare_items, decide_case
from bertbench.gate.limits import SCORE_TOLERANCES
from bertbench.pytest_plugin.accuracy import COLUMNS, SHORT, row
from bertbench.pytest_plugin.summary import SummaryTable
from bertbench.results.accuracy import BASELINE, FP32, AccuracyCase
from bertbench.results.accuracy_baselines import RECORDED, AccuracyBaseline, RecordedBaselines, read_baselines
from suites.tables import renew
from suites.tolerances import TOLERANCES

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "README.md"
INSTRUCTION_SETS = (None, "TensorFlow's own avx2")


def make_tables() -> dict[str, str]:
    """The table that `pytest -m accuracy` prints if every case scores as its baseline."""
    baselines = read_baselines(ROOT / RECORDED)
    table = SummaryTable("accuracy", COLUMNS, SHORT)
    for baseline in _recorded(baselines):
        case = _judge(baselines, baseline)
        for made in case.comparisons:
            table.add(*row(case, made))
    return {"accuracy": f"```\n{table.render(whole=False, width=80)}\n```\n"}


def _recorded(baselines: RecordedBaselines) -> list[AccuracyBaseline]:
    kept = [entry for entry in baselines.by_key.values() if entry.instruction_set in INSTRUCTION_SETS]
    return sorted((entry for entry in kept if entry.per_question_scores), key=lambda entry: entry.case[5:])


def _judge(baselines: RecordedBaselines, baseline: AccuracyBaseline) -> AccuracyCase:
    """The case of a baseline, compared with itself and, in bf16, with fp32."""
    precision, task, mode, *_ = baseline.case.split("-")
    small = TOLERANCES.get((precision, f"{task} of few questions"))
    tolerance = (small or SCORE_TOLERANCES[precision, baseline.quantity]).bound
    expected = [(BASELINE, baseline)]
    expected += [
        (FP32, e) for e in _recorded(baselines) if e.case == f"fp32{baseline.case[4:]}" != baseline.case
    ]
    head = baselines.items(baseline)
    comparisons = tuple(
        compare_items(baseline.quantity, base, head, tolerance, against=against)
        for against, entry in expected
        if head is not None and (base := baselines.items(entry)) is not None
    )
    return AccuracyCase(
        baseline.case, task, precision, mode, baseline.quantity, baseline.scores, tolerance,
        decide_case(comparisons), baseline.checkpoint_fingerprint, baseline.dataset_sha256, baseline.examples,
        comparisons,
    )  # fmt: skip


if __name__ == "__main__":
    renew(DOCUMENT, make_tables())
