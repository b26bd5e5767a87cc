"""The same predictions under several limits of oneDNN's instruction sets, each in a separate process."""

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
    """oneDNN's names of instruction sets between commas, of which this machine has all.

    Raises:
      InputError: there are not two different ones, or one is unknown or not this machine's.
    """
    names = tuple(isa_named(word) for word in text.split(","))
    for name, word in zip(names, text.split(","), strict=True):
        if name not in ISAS:
            raise InputError(f"--isa: {word!r} is unknown; choose from {', '.join(ISAS)}.")
    if len(set(names)) < max(2, len(names)):
        raise InputError(f"--isa {text}: name two instruction sets at least, and each once.")
    best = read_machine(environment={}).products.isa
    lacking = [name for name in names if read_machine(environment={LIMITS[0]: name}).products.isa != name]
    if lacking:
        raise InputError(f"--isa: this machine has no {' and no '.join(lacking)}; its highest is {best}.")
    if not read_machine().products.onednn:
        notice("TensorFlow leaves only float32 products to oneDNN here; others do not depend on its limit.")
    return names


def predict_under(isa: str, words: Sequence[str], output_dir: Path) -> Path:
    """Run `bertbench predict squad` under a limit, and return its folder.

    Raises:
      InputError: it ended with bad input. CannotJudge: it ended otherwise.
    """
    notice(f"predict under {isa}")
    command = [sys.executable, "-m", "bertbench", "predict", "squad", *words, "--output-dir", str(output_dir)]
    status, output = run_to_end(command, os.environ | package_environment() | {LIMITS[0]: isa.upper()})
    if status:
        last = (output.strip().splitlines() or ["it wrote nothing"])[-1]
        kind = InputError if status == InputError.exit_status else CannotJudge
        raise kind(f"under {isa}: status {status}: {last.removeprefix('bertbench: ')}")
    return output_dir
