"""The speedup of batching without padding on real lengths: this engine against itself, padded to 384."""

import dataclasses
import time

import pytest

from bertbench.batch_planner import batch_costs
from bertbench.benchmarking.case import BenchmarkCase
from bertbench.benchmarking.timed_call import build_model, make_timed_call
from bertbench.compute import Compute
from bertbench.config import GEOMETRIES
from bertbench.data.batch import assemble
from bertbench.data.batching import DEFAULT_STRATEGY, plan_batches
from bertbench.data.squad import read_squad
from bertbench.data.squad_windows import WindowSettings, make_windows
from bertbench.data.tokenizer_files import TokenizerFiles
from bertbench.precision import parse_precision
from bertbench.pytest_plugin.summary import summary_table
from bertbench.tasks.table import make_task
from suites.shared_data import DEV_SET, VOCABULARY, shared_path

pytestmark = pytest.mark.benchmark

BATCH_SIZE, MAX_SEQ_LENGTH = 8, 384
LEAST_SPEED_UP = 2.0
# Layers are all alike: a sixth of BERT-large takes a sixth of the time and gives the same ratio.
LAYERS = 4
PARTS = 10
COLUMNS = ("precision", "windows", "padded windows/s", f"{DEFAULT_STRATEGY} windows/s", "speed-up")


@pytest.fixture(scope="module")
def windows(pytestconfig):
    if not pytestconfig.option.benchmark_full:
        pytest.skip("takes minutes; give --benchmark-full")
    tokenizer = TokenizerFiles(shared_path(VOCABULARY)).tokenizer
    examples = read_squad(shared_path(DEV_SET))
    return make_windows(examples, tokenizer, WindowSettings(MAX_SEQ_LENGTH)).features


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_packed_batches_of_real_lengths_are_twice_as_fast_as_padded(
    precision, windows, threads, pytestconfig
):
    config = dataclasses.replace(GEOMETRIES["bert-large"], num_hidden_layers=LAYERS)
    case = BenchmarkCase(
        *(
            make_task("squad", max_seq_length=MAX_SEQ_LENGTH),
            "inference",
            Compute(parse_precision(precision)),
            "bert-large",
            config,
            BATCH_SIZE,
        )
    )
    call = make_timed_call(case, build_model(case))
    costs = batch_costs(config, case.compute.precision, threads.intra)
    batches = {
        strategy: [
            assemble(windows, plan)
            for plan in plan_batches(windows.lengths, strategy, BATCH_SIZE, MAX_SEQ_LENGTH, costs)
        ]
        for strategy in ("padded", DEFAULT_STRATEGY)
    }
    for strategy in batches:
        for batch in {batch.shape: batch for batch in batches[strategy]}.values():
            call(batch)
    seconds = dict.fromkeys(batches, 0.0)
    for part in range(PARTS):
        for strategy in batches:
            start = time.perf_counter()
            for batch in batches[strategy][part::PARTS]:
                call(batch)
            seconds[strategy] += time.perf_counter() - start
    rates = {strategy: len(windows) / taken for strategy, taken in seconds.items()}
    speed_up = rates[DEFAULT_STRATEGY] / rates["padded"]
    summary_table(pytestconfig, "real lengths", COLUMNS).add(
        precision, len(windows), *(f"{rate:.2f}" for rate in rates.values()), f"{speed_up:.2f}"
    )
    assert speed_up >= LEAST_SPEED_UP, (
        f"{precision}: {DEFAULT_STRATEGY} batching gives {speed_up:.2f} times the windows/s of padding, "
        f"below {LEAST_SPEED_UP}; `bertbench benchmark squad --profile` shows where the time goes"
    )
