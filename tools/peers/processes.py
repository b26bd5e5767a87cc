"""The folder of a comparison, and the process of each engine."""

import dataclasses
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bertbench.config import ModelConfig
from bertbench.console import notice
from bertbench.data.features import Features
from bertbench.errors import CannotJudge
from bertbench.files import write_json
from tools.peers.engines import ENGINES
from tools.peers.inputs import Calibration, save_features
from tools.peers.interface import CALIBRATION_FILE
from tools.peers.worker import FEATURES_FILE, JOB_FILE, logits_file


class EngineProcess:
    """A started engine, which has run every setup once.

    Attributes:
      setups: their names.
    """

    def __init__(self, name: str, precision: str, folder: Path, mode: str) -> None:
        """Start it and wait until it is ready.

        Raises:
          CannotJudge: it ended instead.
        """
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
        self._folder = folder
        self.setups: list[str] = self._read()

    def run(self, setup: str) -> list[float]:
        """Seconds of one pass over all windows; see `Prepared.time`."""
        self._setups.write(f"{setup}\n")
        self._setups.flush()
        return self._read()

    def logits(self, setup: str) -> np.ndarray:
        """The logits of all windows' tokens, float32 [T, 2]; not in training."""
        return np.load(logits_file(self._folder, self.name, self.precision, setup))

    def close(self) -> None:
        """End the process."""
        self._setups.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _read(self) -> Any:
        line = self._answers.readline()
        if not line:
            raise CannotJudge(f"{self.name} in {self.precision} ended with status {self._process.wait()}.")
        return json.loads(line)


@contextmanager
def job_folder(
    config: ModelConfig,
    features: Features,
    values: dict[str, Any],
    model_dir: Path | None = None,
    calibration: Calibration | None = None,
) -> Iterator[Path]:
    """A folder with the settings, the windows and the model of a comparison; random without a `model_dir`.

    Args:
      values: the other fields of `EngineInputs`.
      calibration: of int8; None: no engine computes in int8.
    """
    with tempfile.TemporaryDirectory(prefix="bertbench-peers-") as name:
        folder = Path(name)
        save_features(features, folder / FEATURES_FILE)
        calibrated = None
        if calibration is not None:
            save_features(calibration.features, folder / CALIBRATION_FILE)
            calibrated = {"path": str(calibration.file.path), "sha256": calibration.file.sha256}
        origin = {"model_dir": str(model_dir) if model_dir else None, "calibration": calibrated}
        write_json(folder / JOB_FILE, {**values, "origin": origin, "config": dataclasses.asdict(config)})
        # in a separate process, so that its memory is released
        subprocess.run([sys.executable, "-m", "tools.peers.make_model", str(folder)], check=True)
        yield folder


def start_engines(folder: Path, precisions: Sequence[str], mode: str) -> Iterator[EngineProcess]:
    """Start every installed engine, in each precision that it supports."""
    for (name, offer), precision in itertools.product(ENGINES.items(), precisions):
        if precision not in offer.precisions or (mode == "training" and not offer.trains):
            continue
        if missing := offer.missing(precision):
            notice(f"{name} {precision} is skipped: {', '.join(missing)} not installed.")
            continue
        notice(f"{name} {precision}: loading and warming up")
        yield EngineProcess(name, precision, folder, mode)
