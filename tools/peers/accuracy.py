"""The F1 of each engine on a trained model, so that no speed is shown without it."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from bertbench.checkpoint.source import find_model
from bertbench.tasks.squad import SquadTask
from tools.peers.inputs import read_calibration
from tools.peers.processes import job_folder, start_engines

BATCH_SIZE = 8


def score_engines(
    model_dir: Path,
    data: Path,
    precisions: Sequence[str],
    threads: int,
    calibration_file: Path | None = None,
) -> dict[tuple[str, str], float]:
    """F1 in percent by engine and precision, on all questions of a SQuAD file.

    Args:
      calibration_file: training data for int8.

    Raises:
      InputError: model or data cannot be used.
      CannotJudge: an engine ended.
    """
    source = find_model(model_dir)
    task = SquadTask(SquadTask.settings_for(data, outputs=2), source.tokenizer())
    dataset = task.read("dev")
    calibration = read_calibration(precisions, calibration_file, data, source.tokenizer())
    values = {
        "batch_size": BATCH_SIZE,
        "threads": threads,
        "gelu": source.config.gelu,
        "mode": "inference",
        "padded": False,
    }
    scores = {}
    with job_folder(source.config, dataset.features, values, model_dir, calibration) as folder:
        for worker in start_engines(folder, precisions, "inference"):
            with closing(worker):
                start, end = worker.logits(worker.setups[-1]).T
                outcome = task.score(dataset, {"start_logits": start, "end_logits": end})
                scores[worker.name, worker.precision] = outcome.scores["f1"]
    return scores
