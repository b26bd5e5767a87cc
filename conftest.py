"""Options, hypothesis profiles and the gate, for all suites."""

import os

import hypothesis
import pytest

from bertbench.errors import BertbenchError
from bertbench.gate.limits import EFFICIENCY_THRESHOLD
from bertbench.pytest_plugin.entry import a_path
from bertbench.runtime import prepare_environment
from suites import gating

pytest_plugins = ("suites.accuracy.closing", "suites.numerics.closing")

hypothesis.settings.register_profile("dev", max_examples=30, deadline=None)
hypothesis.settings.register_profile(
    "ci", max_examples=60, deadline=None, derandomize=True, print_blob=True, database=None
)
hypothesis.settings.register_profile("thorough", max_examples=1000, deadline=None, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bertbench")
    add = group.addoption
    add("--model-dir", type=a_path, help="a model to judge; instead of BERT_LARGE_DIR and BERT_BASE_DIR")
    add("--init-checkpoint", type=a_path, help="its checkpoint, if not in its folder")
    add("--squad-dir", type=a_path, help="folder of dev-v1.1.json; instead of SQUAD_DIR")
    add("--data", type=a_path, help="folder of shared test data; instead of BERTBENCH_DATA")
    add("--batch-size", type=int, help="examples per batch [depends on the suite]")
    add(
        "--deterministic",
        action="store_true",
        help="accuracy: scores that do not depend on batches and threads",
    )
    add("--steps", type=int, help="timed calls of a benchmark [30; fewer if they take long]")
    add("--warmup-steps", type=int, help="calls before the timed ones [10; fewer if they take long]")
    add("--benchmark-full", action="store_true", help="measure the whole grid, not the default part")
    add(
        "--threshold",
        type=float,
        default=100 * EFFICIENCY_THRESHOLD,
        help="with --gate: the allowed loss of efficiency in percent [%(default)g]",
    )
    add(
        "--case-threshold",
        action="append",
        default=[],
        metavar="PATTERN=PERCENT",
        help="with --gate: the threshold of cases that match the pattern; repeatable",
    )
    add("--gate", action="store_true", help="judge the results against those stored for HEAD")


def pytest_configure(config: pytest.Config) -> None:
    prepare_environment(config.option.deterministic)
    if config.option.data:
        os.environ["BERTBENCH_DATA"] = str(config.option.data.resolve())
    try:
        gating.check_options(config)
    except BertbenchError as error:
        pytest.exit(str(error), returncode=error.exit_status)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let pytest processes that tests start run as usual, in a worker of pytest-xdist too."""
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
        os.environ.pop(name, None)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    gating.judge_session(session)
