"""bf16 is as accurate as fp32: by the tolerance, or by the paired bootstrap over the items."""

import pytest

from bertbench.evaluation.bootstrap import paired_bootstrap
from suites.accuracy.judgement import Judgement
from suites.tolerances import TOLERANCES

pytestmark = pytest.mark.accuracy


def test_bf16_is_as_accurate_as_fp32(slot, run_slot, judge):
    fp32, bf16 = run_slot(slot, "fp32"), run_slot(slot, "bf16")
    paired = fp32.per_item is not None and bf16.per_item is not None
    judge(
        Judgement(
            case=bf16.case.id,
            against="fp32",
            quantity=bf16.quantity,
            score=bf16.scores[bf16.quantity],
            expected=fp32.scores[fp32.quantity],
            tolerance=TOLERANCES["bf16", bf16.quantity],
            remedy=f"{fp32.predict_command} && {bf16.predict_command}{compare(fp32, bf16)}",
            others=bf16.others,
            interval=paired_bootstrap(fp32.per_item, bf16.per_item) if paired else None,
        )
    )


def compare(fp32, bf16):
    """What lists the changed answers after both predictions."""
    if bf16.case.task != "squad":
        return ""
    (dataset,) = bf16.prediction.dataset.files
    return f" && bertbench compare {fp32.output_dir} {bf16.output_dir} --dataset {dataset.path}"
