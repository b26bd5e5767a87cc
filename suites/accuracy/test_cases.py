"""Each case is as accurate as its baseline, as published scores and, in bf16, as the model in fp32."""

import dataclasses
import os
import shlex

import pytest

from bertbench.pytest_plugin.accuracy import conclude
from bertbench.results.accuracy import BASELINE, FP32, PUBLISHED
from bertbench.results.accuracy_baselines import PUBLISHED as PUBLISHED_FILE
from bertbench.results.accuracy_baselines import RECORDED, read_baselines, read_published

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
    case = dataclasses.replace(judge_case(run, expectations, fp32), command=command_of(request.node))
    looks = {BASELINE: run.predict_command, PUBLISHED: run.predict_command}
    if fp32 is not None:
        looks[FP32] = look_closer(fp32, run)
    conclude(request.config, case, run.items, looks, recording=expectations.recording)


def command_of(item):
    """The command that runs one test again, with the paths given to this session."""
    option = item.config.option
    places = {
        "--model-dir": option.model_dir,
        "--init-checkpoint": option.init_checkpoint,
        "--squad-dir": option.squad_dir,
        "--data": option.data,
    }
    given = [f"{name}={place}" for name, place in places.items() if place]
    file = os.path.relpath(item.path, item.config.invocation_params.dir)
    return shlex.join(["pytest", f"{file}::{item.name}", *given])


def look_closer(fp32, run):
    """The commands that make both predictions and list the changed answers."""
    commands = [fp32.predict_command, run.predict_command]
    if run.task.name == "squad":
        (dataset,) = run.prediction.dataset.files
        compare = ["bertbench", "compare", fp32.output_dir, run.output_dir, "--data", str(dataset)]
        commands.append(shlex.join(compare))
    return " && ".join(commands)
