"""One engine in one precision, in a separate process, which is idle while it waits.

It is started with the engine's name, the precision and the inputs's folder. Once everything is prepared it
prints one JSON line: each setup with the first window's logits. Then it reads names of setups, runs each, and
prints its seconds.
"""

import json
import os
import sys
import time
from pathlib import Path

from bertbench.config import ModelConfig
from bertbench.files import read_json
from tools.peers.engines import ENGINES, EngineInputs
from tools.peers.inputs import load_features

JOB_FILE, FEATURES_FILE = "inputs.json", "features.npz"


def main(name: str, precision: str, folder: Path) -> None:
    """Answer the requests on standard input; output of engines goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    values = read_json(folder / JOB_FILE)
    config = ModelConfig.from_dict(values.pop("config"))
    inputs = EngineInputs(config, folder, load_features(folder / FEATURES_FILE), **values)
    engine = ENGINES[name].engine(inputs, precision)
    prepared = {setup: engine.prepare(setup) for setup in engine.setups(inputs.mode)}
    first = {setup: call.first(call.run()).tolist() for setup, call in prepared.items()}
    print(json.dumps(first), file=answers)
    for line in sys.stdin:
        call = prepared[line.strip()]
        start = time.perf_counter()
        call.run()
        print(json.dumps(time.perf_counter() - start), file=answers)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
