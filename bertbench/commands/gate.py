"""`bertbench gate`: a verdict for each case and an exit status."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bertbench.commands.gate_options import GateOptions
from bertbench.commands.typed_options import TypedCommand
from bertbench.errors import InputError
from bertbench.options import build, command_words

if TYPE_CHECKING:
    from bertbench.gate.interleaved import PairedRuns
    from bertbench.gate.result import GateResult
    from bertbench.gate.runs import Interpreter


def judge_results(options: GateOptions) -> None:
    """Judge stored results, or two sides that are run alternately; or calibrate the gate."""
    if options.calibrate:
        from bertbench.commands.gate_calibration import calibrate

        calibrate(_cases(options.arguments), options.runs, options.thresholds, options.pairs)
        return
    if options.against and options.two_interpreters:
        raise InputError("--against builds both sides; give it without --base-python and the like.")
    if options.against:
        result = _judge_revisions(options, options.against)
    else:
        result = _judge_interpreters(options) if options.two_interpreters else _judge_stored(options)

    from bertbench.console import notice, print_json
    from bertbench.gate.judging import raise_for_status
    from bertbench.gate.result import GATE_FILE
    from bertbench.results.schema import with_version, write_result

    _print(result, options.verbose)
    if options.output_dir:
        write_result(options.output_dir / GATE_FILE, result)
        notice(f"{options.output_dir / GATE_FILE}: verdicts written")
    print_json(with_version(result))
    raise_for_status(result)


command = TypedCommand(
    "gate",
    judge_results,
    GateOptions,
    help="""Judge a new result (HEAD) against an old one (BASE).

    BASE and HEAD are folders that the suites, check, predict or benchmark wrote, pytest-benchmark files, or
    git revisions with results stored under baselines/throughput.

    With --base-python, --head-python, --base-env or --head-env both sides are run here alternately, so that a
    new TensorFlow, or a variable, can be judged alone. Arguments after `--` are passed to `bertbench
    benchmark`; if they contain a model and data, the scores are judged too. --against does the same with two
    revisions of a checkout of bertbench itself.

    --calibrate runs the default cases, or the one after `--`, repeatedly without any change, stores
    the results in baselines/noise and continues from there when called again.

    \b
    Exit status: 0 fine, 1 a regression, 2 bad input, 3 could not judge.

    \b
    Examples:
      bertbench gate results/monday results/tuesday
      bertbench gate --base-python old/bin/python --head-python new/bin/python \\
        -- squad --model-dir M --data dev.json --precision bf16 --batch-size 8
      bertbench gate --head-env TF_ENABLE_ONEDNN_OPTS=0 -- squad --config bert-base
    """,
)


def _judge_stored(options: GateOptions) -> "GateResult":
    if len(options.arguments) != 2:
        raise InputError(f"gate needs BASE and HEAD, {len(options.arguments)} given; or give --base-python.")

    from bertbench.gate.judging import judge_sides
    from bertbench.gate.sides import load_sides
    from bertbench.results.baselines import STORAGE

    base, head = options.arguments
    sides = load_sides(base, head, STORAGE)
    return judge_sides(*sides, command=options.command_line, thresholds=options.thresholds)


def _judge_revisions(options: GateOptions, base: str) -> "GateResult":
    from bertbench.gate.interleaved import gate_against
    from bertbench.results.repository import find_root

    return gate_against(find_root(Path.cwd()), base, "HEAD", _paired_runs(options))


def _paired_runs(options: GateOptions) -> "PairedRuns":
    from bertbench.gate.interleaved import PairedRuns

    return PairedRuns(_cases(options.arguments), options.command_line, options.pairs, options.thresholds)


def _cases(arguments: Sequence[str]) -> Sequence[Sequence[str]]:
    """The given case, or the default ones."""
    from bertbench.gate.interleaved import default_cases
    from bertbench.measure.machine import bf16_is_native

    return (arguments,) if arguments else default_cases(bf16_is_native())


def _judge_interpreters(options: GateOptions) -> "GateResult":
    from bertbench.gate.interleaved import gate_interpreters

    base, head = (
        _interpreter(side, python, variables)
        for side, python, variables in (
            ("base", options.base_python, options.base_env),
            ("head", options.head_python, options.head_env),
        )
    )
    return gate_interpreters(base, head, _paired_runs(options), _prediction(options.arguments))


def _interpreter(side: str, python: Path | None, variables: Sequence[str]) -> "Interpreter":
    """The interpreter of a side, checked to exist.

    Raises:
      InputError: it does not exist, or a variable is not NAME=VALUE.
    """
    from bertbench.gate.runs import Interpreter

    place = Path(sys.executable) if python is None else python
    if not os.access(place, os.X_OK) or place.is_dir():
        raise InputError(
            f"{place}: is not a program; give a Python with --{side}-python, such as venv/bin/python."
        )
    environment = {}
    for text in variables:
        name, divider, value = text.partition("=")
        if not name or not divider:
            raise InputError(f"--{side}-env {text!r}: must be NAME=VALUE.")
        environment[name] = value
    return Interpreter(" ".join([*variables, str(place)]), place.absolute(), environment)


def _prediction(arguments: Sequence[str]) -> tuple[str, ...] | None:
    """The arguments of `bertbench predict` for the model and data of a benchmark, if it has both.

    Raises:
      InputError: the arguments are not valid for `bertbench benchmark`.
    """
    from bertbench.commands.benchmark import BenchmarkOptions
    from bertbench.commands.benchmark import command as benchmark
    from bertbench.tasks.table import find_task

    if not arguments:
        return None
    kind = find_task(arguments[0])
    subcommand = benchmark.get_command(click.Context(benchmark), kind.name)
    if subcommand is None:
        raise InputError(f"{kind.name}: cannot be measured.")
    values = subcommand.make_context(kind.name, list(arguments[1:])).params
    options, settings = build(BenchmarkOptions, values), build(kind.settings_type, values)
    if not settings.has_data or options.model.model_dir is None:
        return None
    parts = (options.model, options.compute, settings)
    return kind.name, *(word for part in parts for word in command_words(part))


def _print(result: "GateResult", verbose: bool) -> None:
    from bertbench.console import say
    from bertbench.report.wording import GATE_SHORT, gate_remarks, gate_table
    from bertbench.tables import print_narrow, print_table

    if verbose:
        print_table(gate_table(result))
    else:
        print_narrow(gate_table(result, GATE_SHORT))
    for remark in gate_remarks(result):
        say(remark)
