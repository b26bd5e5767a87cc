"""Each case is as accurate as its baseline, as published scores and, in bf16, as the model in fp32."""

import dataclasses
import shlex

import pytest

from bertbench.pytest_plugin.accuracy import conclude
from bertbench.results.accuracy import BASELINE, FP32, PUBLISHED
from bertbench.results.accuracy_baselines import PUBLISHED as PUBLISHED_FILE
from bertbench.results.accuracy_baselines import RECORDED, read_baselines, read_published
from suites.rerun import command_of_test
from suites.tolerances import TOLERANCES

pytestmark = pytest.mark.accuracy


@pytest.fixture(scope="session")
def expectations(pytestconfig):
    from bertbench.gate.case import Expectations

    return Expectations(
        read_baselines(pytestconfig.rootpath / RECORDED),
        read_published(pytestconfig.rootpath / PUBLISHED_FILE),
        recording=pytestconfig.option.record_baselines,
    )


def test_case_accuracy_meets_its_expectations(slot, precision, run_slot, expectations, request):
    from bertbench.gate.case import judge_case

    run = run_slot(slot, precision)
    fp32 = None if precision == "fp32" else run_slot(slot, "fp32")
    expected = dataclasses.replace(expectations, tolerance=own_tolerance(slot, precision))
    case = dataclasses.replace(judge_case(run, expected, fp32), command=command_of_test(request.node))
    looks = {BASELINE: run.predict_command, PUBLISHED: run.predict_command}
    if fp32 is not None:
        looks[FP32] = look_closer(fp32, run)
    conclude(request.config, case, run.items, looks, recording=expectations.recording)


def own_tolerance(slot, precision):
    """The tolerance of a slot with few items, if it is not the gate's."""
    kept = TOLERANCES.get((precision, f"{slot.task} of few questions")) if slot.few_items else None
    return None if kept is None else kept.bound


def look_closer(fp32, run):
    """The commands that make both predictions and list the changed answers."""
    commands = [fp32.predict_command, run.predict_command]
    if run.task.name == "squad":
        (dataset,) = run.prediction.dataset.files
        compare = ["bertbench", "compare", fp32.output_dir, run.output_dir, "--data", str(dataset.path)]
        commands.append(shlex.join(compare))
    return " && ".join(commands)
