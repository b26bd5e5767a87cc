"""One engine in one precision, in a separate process, which is idle while others run.

It is started with the engine's name, the precision and the folder of the comparison. Once everything is
prepared it writes each setup's logits to `logits_file`, and prints the setups' names as one JSON line. Then
it reads setups' names, runs each, and prints its seconds; see `Prepared.time`.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

from bertbench.config import ModelConfig
from bertbench.files import read_json
from tools.peers.engines import ENGINES
from tools.peers.inputs import load_features
from tools.peers.interface import EngineInputs

JOB_FILE, FEATURES_FILE = "job.json", "features.npz"


def logits_file(folder: Path, name: str, precision: str, setup: str) -> Path:
    """The file with the logits of all windows' tokens, float32 [T, 2]."""
    return folder / f"{name} {precision} {setup}.npy"


def read_inputs(folder: Path) -> EngineInputs:
    """The inputs in a folder."""
    values = read_json(folder / JOB_FILE)
    config = ModelConfig.from_dict(values.pop("config"))
    del values["origin"]
    return EngineInputs(config, folder, load_features(folder / FEATURES_FILE), **values)


def main(name: str, precision: str, folder: Path) -> None:
    """Serve standard input; what engines themselves print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    engine = ENGINES[name].engine(read_inputs(folder), precision)
    prepared = {setup: engine.prepare(setup) for setup in engine.setups}
    for setup, batches in prepared.items():
        outputs = batches.run()
        if batches.logits is not None:
            np.save(logits_file(folder, name, precision, setup), batches.logits(outputs))
    print(json.dumps(list(prepared)), file=answers)
    for line in sys.stdin:
        print(json.dumps(prepared[line.strip()].time()), file=answers)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
