"""`python -m tools.peers`: this engine and others, interleaved in one run, in one table."""

import dataclasses
import os
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from bertbench.config import GEOMETRIES
from bertbench.console import notice, progress, say
from bertbench.data.tokenizer_files import TokenizerFiles
from bertbench.errors import BertbenchError, InputError
from bertbench.files import write_json
from bertbench.measure.machine import read_machine
from bertbench.measure.threads import default_threads
from bertbench.precision import PRECISIONS, require_trainable
from bertbench.tables import print_table
from suites.shared_data import DEV_SET, SQUAD_MODEL, TRAINING_SET, VARIABLE, VOCABULARY
from tools.peers.accuracy import score_engines
from tools.peers.inputs import read_calibration, read_windows
from tools.peers.processes import EngineProcess, job_folder, start_engines
from tools.peers.results import Row, check_agreement, latency_table, result_table, summarize

PATH = click.Path(path_type=Path)
PAUSE = 0.3  # seconds for an engine's threads to become idle before the next one runs


@dataclass(frozen=True)
class Data:
    """The files of the windows; and if there are any, training data for int8 and the model for the F1."""

    predict_file: Path
    vocab_file: Path
    calibration_file: Path | None
    squad_model: Path | None


@click.command()
@click.option("--config", "geometry", default="bert-large", show_default=True, type=click.Choice(GEOMETRIES))
@click.option("--num-layers", type=click.IntRange(min=1), help="Number of layers, for a quicker run.")
@click.option("--mode", default="inference", show_default=True, type=click.Choice(("inference", "training")))
@click.option("--latency", is_flag=True, help="Measure each window alone, and percentiles of its time.")
@click.option("--batch-size", type=click.IntRange(min=1), help="[default: 8, in training 4]")
@click.option("--windows", default=96, show_default=True, help="Windows per pass.")
@click.option("--rounds", default=3, show_default=True, help="Passes of each engine and setup.")
@click.option(
    "--precision",
    "precisions",
    multiple=True,
    default=("fp32", "bf16"),
    show_default=True,
    type=click.Choice(PRECISIONS),
    help="May be given several times.",
)
@click.option("--gelu", default="tanh", show_default=True, type=click.Choice(("tanh", "erf")))
@click.option("--predict-file", type=PATH, help="SQuAD file for real lengths. [default: from BERTBENCH_DATA]")
@click.option("--vocab-file", type=PATH, help="[default: from BERTBENCH_DATA]")
@click.option("--calibration-file", type=PATH, help="Training data for int8. [default: from BERTBENCH_DATA]")
@click.option("--squad-model", type=PATH, help="Trained model for the F1. [default: from BERTBENCH_DATA]")
@click.option("--num-intra-threads", "threads", type=click.IntRange(min=1), help="[default: the machine's]")
@click.option("--output-file", type=PATH, help="Every round as JSON.")
def command(
    geometry: str,
    num_layers: int | None,
    mode: str,
    latency: bool,
    batch_size: int | None,
    windows: int,
    rounds: int,
    precisions: tuple[str, ...],
    gelu: str,
    predict_file: Path | None,
    vocab_file: Path | None,
    calibration_file: Path | None,
    squad_model: Path | None,
    threads: int | None,
    output_file: Path | None,
) -> None:
    """Measure the same random model on the same SQuAD windows with every engine that is installed.

    Each engine runs padded to 384, as usual, and sorted by length, which is faster; this one computes two
    batches at once, OpenVINO one and two.
    The F1 beside each speed is that of the same engine on a trained model.
    """
    _check_options(mode, latency, batch_size, precisions)
    config = GEOMETRIES[geometry]
    if num_layers:
        config = dataclasses.replace(config, num_hidden_layers=num_layers)
    threads = threads or default_threads(read_machine()).intra
    data = _find_data(predict_file, vocab_file, calibration_file, squad_model)
    tokenizer = TokenizerFiles(data.vocab_file).tokenizer
    features = read_windows(data.predict_file, tokenizer, windows)
    calibration = read_calibration(precisions, data.calibration_file, data.predict_file, tokenizer)
    values = {
        "batch_size": batch_size or (4 if mode == "training" else 8),
        "threads": threads,
        "gelu": gelu,
        "mode": mode,
        "latency": latency,
    }
    with job_folder(config, features, values, calibration=calibration) as folder, ExitStack() as stack:
        workers = []
        for worker in start_engines(folder, precisions, mode):
            stack.callback(worker.close)
            workers.append(worker)
        if mode == "inference":
            _require_agreement(workers, precisions)
        rows = _measure(workers, rounds)
    scores = {}
    if mode == "inference" and data.squad_model is not None:
        scores = score_engines(
            data.squad_model, data.predict_file, precisions, threads, data.calibration_file
        )
    if latency:
        print_table(latency_table(rows, features, scores))
    else:
        print_table(result_table(rows, features, config, mode, scores))
        for line in summarize(rows):
            say(line)
    if output_file is not None:
        measured = [
            {**dataclasses.asdict(row), "f1": scores.get((row.engine, row.precision))} for row in rows
        ]
        write_json(output_file, {**values, "windows": windows, "rows": measured})


def _check_options(mode: str, latency: bool, batch_size: int | None, precisions: Sequence[str]) -> None:
    if latency and (mode == "training" or batch_size is not None):
        raise InputError(
            "--latency: is of inference, one window at a time; leave out --mode and --batch-size."
        )
    if mode == "training":
        for name in precisions:
            require_trainable(PRECISIONS[name])


def _find_data(
    predict_file: Path | None,
    vocab_file: Path | None,
    calibration_file: Path | None,
    squad_model: Path | None,
) -> Data:
    shared = os.environ.get(VARIABLE)
    if shared:
        predict_file = predict_file or Path(shared) / DEV_SET
        vocab_file = vocab_file or Path(shared) / VOCABULARY
        calibration_file = calibration_file or Path(shared) / TRAINING_SET
        squad_model = squad_model or Path(shared) / SQUAD_MODEL
    if predict_file is None or vocab_file is None:
        raise InputError("no text given; use --predict-file and --vocab-file, or set BERTBENCH_DATA.")
    return Data(predict_file, vocab_file, calibration_file, squad_model)


def _require_agreement(workers: Sequence[EngineProcess], precisions: Sequence[str]) -> None:
    """Check that all engines compute the same model."""
    for precision in precisions:
        logits = [
            (f"{worker.name} {setup}", worker.logits(setup))
            for worker in workers
            if worker.precision == precision
            for setup in worker.setups
        ]
        check_agreement(precision, logits)


def _measure(workers: Sequence[EngineProcess], rounds: int) -> list[Row]:
    rows = {
        (worker, setup): Row(worker.name, worker.precision, setup)
        for worker in workers
        for setup in worker.setups
    }
    with progress("measure", rounds * len(rows), "passes") as advance:
        for number in range(rounds):
            order = list(rows.items())
            for (worker, setup), row in order[number % len(order) :] + order[: number % len(order)]:
                time.sleep(PAUSE)
                row.passes.append(worker.run(setup))
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
