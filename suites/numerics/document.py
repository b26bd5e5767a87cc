"""The table of bounds in docs/numerics.md. `python -m suites.numerics.document` renews it."""

from pathlib import Path

from suites.tables import markdown, renew
from suites.tolerances import TOLERANCES

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "numerics.md"
COLUMNS = ("quantity", "precision", "bound", "unit", "reason")
KERNELS = (
    "dense",
    "product",
    "int8",
    "gelu",
    "softmax",
    "layer_norm",
    "exp",
    "erfc",
    "dropout",
    "cross_entropy",
    "attention",
    "cast",
)
ENCODER = ("encoder", "score rounding", "reference logits")
OTHERS = ("flush to zero", "gradient")


def make_tables() -> dict[str, str]:
    """Every bound of this suite in Markdown."""
    rows = [
        (quantity, precision, f"{allowed.bound:.4g}", allowed.unit, allowed.reason)
        for (precision, quantity), allowed in TOLERANCES.items()
        if quantity.startswith(KERNELS + ENCODER) or quantity in OTHERS
    ]
    return {"bounds": markdown(COLUMNS, rows)}


if __name__ == "__main__":
    renew(DOCUMENT, make_tables())
