"""The same predictions under several instruction set limits of oneDNN, each in a separate process."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bertbench.console import notice
from bertbench.errors import CannotJudge, InputError
from bertbench.measure.machine import read_machine
from bertbench.measure.onednn import ISAS, LIMITS, isa_named
from bertbench.processes.groups import package_environment, run_to_end


def parse_isas(text: str) -> tuple[str, ...]:
    """Parse comma-separated oneDNN names of instruction sets, all of which this machine must support.

    Raises:
      InputError: there are fewer than two different ones, or one is unknown or not supported.
    """
    names = tuple(isa_named(word) for word in text.split(","))
    for name, word in zip(names, text.split(","), strict=True):
        if name not in ISAS:
            raise InputError(f"--isa: {word!r} is unknown; choose from {', '.join(ISAS)}.")
    if len(set(names)) < max(2, len(names)):
        raise InputError(f"--isa {text}: give at least two different instruction sets.")
    best = read_machine(environment={}).products.isa
    lacking = [name for name in names if read_machine(environment={LIMITS[0]: name}).products.isa != name]
    if lacking:
        raise InputError(
            f"--isa: this machine does not support {' and '.join(lacking)}; its highest is {best}."
        )
    if not read_machine().products.onednn:
        notice("TensorFlow uses oneDNN only for float32 products here; other products ignore its limit.")
    return names


def predict_under(isa: str, words: Sequence[str], output_dir: Path) -> Path:
    """Run `bertbench predict squad` under a limit, and return its folder.

    Raises:
      InputError: it reported bad input. CannotJudge: it failed for another reason.
    """
    notice(f"predict under {isa}")
    command = [sys.executable, "-m", "bertbench", "predict", "squad", *words, "--output-dir", str(output_dir)]
    status, output = run_to_end(command, os.environ | package_environment() | {LIMITS[0]: isa.upper()})
    if status:
        last = (output.strip().splitlines() or ["no output"])[-1]
        kind = InputError if status == InputError.exit_status else CannotJudge
        raise kind(f"under {isa}: status {status}: {last.removeprefix('bertbench: ')}")
    return output_dir
