"""Whole trainings on real data, for comparison with the scores of an independent implementation.

`baselines/training/NAME.json` contains the command, scores, loss curve and wall-clock time of each.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench.files import read_json, write_json

RECORDS = Path(__file__).resolve().parents[2] / "baselines" / "training"
ENCODER = "models/minilm-l6-h384-uncased"
SQUAD = "data/squad"
# The placeholders of the folder of shared data and of the output folder in a record.
DATA_NAME, OUTPUT_NAME = "$BERTBENCH_DATA", "OUT"


@dataclass(frozen=True)
class Recipe:
    """One training.

    Attributes:
      arguments: of `bertbench train`; "{data}" is replaced by the folder of shared data.
      floors: the scores to reach, whatever the reference's.
      reference: (file below the shared data's `reference/`, path of keys to its scores).
    """

    task: str
    arguments: tuple[str, ...]
    floors: dict[str, float]
    reference: tuple[str, tuple[str | int, ...]]

    def command(self, precision: str, data: Path, output_dir: Path, seed: int) -> list[str]:
        """The arguments of `bertbench`."""
        return [
            *("train", self.task, "--precision", precision),
            *(argument.format(data=data) for argument in self.arguments),
            *("--model-dir", f"{data}/{ENCODER}", "--gelu", "erf", "--seed", str(seed)),
            *("--do-eval", "--do-predict", "--output-dir", str(output_dir)),
        ]

    def reference_scores(self, data: Path) -> dict[str, float]:
        """The scores of the independent implementation."""
        file, keys = self.reference
        found = read_json(data / "reference" / file)
        for key in keys:
            found = found[key]
        return {name: score for name, score in found.items() if name != "epoch"}


RECIPES = {
    "squad": Recipe(
        "squad",
        (
            *("--train-file", f"{{data}}/{SQUAD}/train-v1.1-subset.json"),
            *("--predict-file", f"{{data}}/{SQUAD}/dev-v1.1-subset.json", "--max-seq-length", "384"),
            *("--learning-rate", "1e-4", "--batch-size", "16", "--num-train-epochs", "4"),
            *("--save-checkpoints-steps", "200"),
        ),
        {},
        ("squad-dev/training.json", ("final_scores_with_original_windows_and_decoding",)),
    ),
    "mrpc": Recipe(
        "classifier",
        (
            *("--task-name", "MRPC", "--data-dir", "{data}/data/glue", "--max-seq-length", "128"),
            *("--learning-rate", "5e-5", "--batch-size", "32", "--num-train-epochs", "3"),
        ),
        {"accuracy": 0.78, "f1": 0.85},
        ("mrpc.json", ("dev_scores_by_epoch", -1)),
    ),
}


def record_file(name: str, precision: str, seed: int) -> Path:
    """The file of a recipe's results."""
    return RECORDS / f"{name}-{precision}-seed{seed}.json"


def record(name: str, precision: str, seed: int, results: dict[str, Any], data: Path, output: Path) -> None:
    """Store the `results.json` of a finished training, without paths of this machine."""
    text = {str(data): DATA_NAME, str(output): OUTPUT_NAME}
    kept = {"reference": RECIPES[name].reference_scores(data), **_renamed(results, text)}
    write_json(record_file(name, precision, seed), kept)


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(content, names) for key, content in value.items()}
    if isinstance(value, list):
        return [_renamed(content, names) for content in value]
    if isinstance(value, str):
        for old, new in names.items():
            value = value.replace(old, new)
    return value
