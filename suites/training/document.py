"""The table of recorded trainings in docs/training.md. `python -m suites.training.document` renews it."""

from pathlib import Path

from bertbench.files import read_json
from suites.tables import markdown, renew
from suites.training.recipes import RECORDS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "training.md"
COLUMNS = ("training", "score", "this", "the independent run", "last loss", "minutes", "machine")


def make_tables() -> dict[str, str]:
    """Every score of every training in `baselines/training/`."""
    rows = []
    for file in sorted(RECORDS.glob("*.json"), reverse=True):
        kept = read_json(file)
        training = kept["training"]
        for name, score in kept["scores"].items():
            rows.append(
                (
                    file.stem.replace("-", " "),
                    name.replace("_", " "),
                    f"{score:.4g}",
                    f"{kept['reference'][name]:.4g}",
                    f"{training['loss_curve'][-1][1]:.3g}",
                    f"{training['seconds'] / 60:.0f}",
                    kept["machine_id"],
                )
            )
    return {"recorded trainings": markdown(COLUMNS, rows)}


if __name__ == "__main__":
    renew(DOCUMENT, make_tables())
