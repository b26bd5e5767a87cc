"""`python -m tools.peers`: this engine and others, interleaved in one run, in one table."""

import dataclasses
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np

from bertbench.config import GEOMETRIES
from bertbench.console import notice, print_table, progress, say
from bertbench.errors import BertbenchError, CannotJudge, InputError
from bertbench.files import write_json
from bertbench.measure.machine import read_machine
from bertbench.measure.threads import default_threads
from suites.shared_data import DEV_SET, VARIABLE, VOCABULARY
from tools.peers.engines import ENGINES
from tools.peers.inputs import read_windows, save_features
from tools.peers.results import Row, check_agreement, result_table, summarize
from tools.peers.worker import FEATURES_FILE, JOB_FILE

PATH = click.Path(path_type=Path)
PAUSE = 0.3  # seconds for an engine's threads to become idle before the next one runs


class EngineProcess:
    """A started engine."""

    def __init__(self, name: str, precision: str, folder: Path, mode: str) -> None:
        self.name, self.precision = name, precision
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.peers.worker", name, precision, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ
            | {
                "TF_CPP_MIN_LOG_LEVEL": "2",
                # as in `bertbench predict`
                "TF_ONEDNN_ASSUME_FROZEN_WEIGHTS": "1" if mode == "inference" else "0",
            },
        )
        assert process.stdin is not None  # both are pipes
        assert process.stdout is not None
        self._process, self._setups, self._answers = process, process.stdin, process.stdout

    def read(self) -> Any:
        """The next answer."""
        line = self._answers.readline()
        if not line:
            raise CannotJudge(f"{self.name} in {self.precision} ended with status {self._process.wait()}.")
        return json.loads(line)

    def run(self, setup: str) -> float:
        """Seconds of one pass over all windows."""
        self._setups.write(f"{setup}\n")
        self._setups.flush()
        return self.read()

    def close(self) -> None:
        """End the process."""
        self._setups.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()


@click.command()
@click.option("--config", "geometry", default="bert-large", show_default=True, type=click.Choice(GEOMETRIES))
@click.option("--num-layers", type=click.IntRange(min=1), help="Number of layers, for a quicker run.")
@click.option("--mode", default="inference", show_default=True, type=click.Choice(("inference", "training")))
@click.option("--batch-size", type=click.IntRange(min=1), help="[default: 8, in training 4]")
@click.option("--windows", default=96, show_default=True, help="Windows per pass.")
@click.option("--rounds", default=3, show_default=True, help="Passes of each engine and setup.")
@click.option("--precision", "precisions", multiple=True, default=("fp32", "bf16"), show_default=True)
@click.option("--gelu", default="tanh", show_default=True, type=click.Choice(("tanh", "erf")))
@click.option("--predict-file", type=PATH, help="SQuAD file for real lengths. [default: from BERTBENCH_DATA]")
@click.option("--vocab-file", type=PATH, help="[default: from BERTBENCH_DATA]")
@click.option(
    "--num-intra-threads", "threads", type=click.IntRange(min=1), help="[default: from the machine]"
)
@click.option("--output-file", type=PATH, help="Every round as JSON.")
def command(
    geometry: str,
    num_layers: int | None,
    mode: str,
    batch_size: int | None,
    windows: int,
    rounds: int,
    precisions: tuple[str, ...],
    gelu: str,
    predict_file: Path | None,
    vocab_file: Path | None,
    threads: int | None,
    output_file: Path | None,
) -> None:
    """Measure the same random model on the same SQuAD windows with every engine that is installed.

    Each engine runs padded to 384, as usual, and sorted by length, which is faster.
    """
    config = GEOMETRIES[geometry]
    if num_layers:
        config = dataclasses.replace(config, num_hidden_layers=num_layers)
    threads = threads or default_threads(read_machine()).intra
    features = read_windows(*_find_data(predict_file, vocab_file), windows)
    job = {
        "config": dataclasses.asdict(config),
        "batch_size": batch_size or (8 if mode == "inference" else 4),
        "threads": threads,
        "gelu": gelu,
        "mode": mode,
    }
    with tempfile.TemporaryDirectory(prefix="bertbench-peers-") as name:
        folder = Path(name)
        save_features(features, folder / FEATURES_FILE)
        write_json(folder / JOB_FILE, job)
        _make_model(folder)
        with _started(folder, precisions, mode) as workers:
            rows = _measure(workers, rounds)
    print_table(result_table(rows, features, config, mode))
    for line in summarize(rows):
        say(line)
    if output_file is not None:
        write_json(output_file, {**job, "windows": windows, "rows": list(map(dataclasses.asdict, rows))})


def _find_data(predict_file: Path | None, vocab_file: Path | None) -> tuple[Path, Path]:
    shared = os.environ.get(VARIABLE)
    if shared:
        predict_file = predict_file or Path(shared) / DEV_SET
        vocab_file = vocab_file or Path(shared) / VOCABULARY
    if predict_file is None or vocab_file is None:
        raise InputError("no text given; use --predict-file and --vocab-file, or set BERTBENCH_DATA.")
    return predict_file, vocab_file


def _make_model(folder: Path) -> None:
    """Write weights.npz and model.onnx, in a separate process, so that its memory is released."""
    subprocess.run([sys.executable, "-m", "tools.peers.make_model", str(folder)], check=True)


@contextmanager
def _started(
    folder: Path, precisions: Sequence[str], mode: str
) -> Iterator[list[tuple[EngineProcess, list[str]]]]:
    """Start every installed engine, and compare their first logits."""
    with ExitStack() as stack:
        workers = []
        logits: dict[str, list[tuple[str, np.ndarray]]] = {precision: [] for precision in precisions}
        for (name, offer), precision in itertools.product(ENGINES.items(), precisions):
            if precision not in offer.precisions or (mode == "training" and not offer.trains):
                continue
            if offer.missing:
                notice(f"{name} is skipped: {', '.join(offer.missing)} not installed.")
                continue
            notice(f"{name} {precision}: loading and warming up")
            worker = EngineProcess(name, precision, folder, mode)
            stack.callback(worker.close)
            first = worker.read()
            logits[precision] += [(f"{name} {setup}", np.array(values)) for setup, values in first.items()]
            workers.append((worker, list(first)))
        if mode == "inference":
            for precision, found in logits.items():
                check_agreement(precision, found)
        yield workers


def _measure(workers: Sequence[tuple[EngineProcess, list[str]]], rounds: int) -> list[Row]:
    rows = {
        (worker, setup): Row(worker.name, worker.precision, setup)
        for worker, setups in workers
        for setup in setups
    }
    with progress("measure", rounds * len(rows), "passes") as advance:
        for number in range(rounds):
            order = list(rows.items())
            for (worker, setup), row in order[number % len(order) :] + order[: number % len(order)]:
                time.sleep(PAUSE)
                row.seconds.append(worker.run(setup))
                advance()
    return list(rows.values())


if __name__ == "__main__":
    try:
        command(standalone_mode=False)
    except BertbenchError as error:
        notice(f"peers: {error}")
        sys.exit(error.exit_status)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
