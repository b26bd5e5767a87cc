"""The table of bounds in docs/numerics.md. `python -m suites.numerics.document` renews it."""

from pathlib import Path

from suites.tolerances import TOLERANCES

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "numerics.md"
KERNELS = ("gelu", "softmax", "layer_norm", "dropout", "cross_entropy", "attention", "cast", "encoder")
OTHERS = ("flush to zero", "gradient", "score rounding", "reference logits")
_BEGIN, _END = "<!-- bounds -->\n", "<!-- end -->"


def bounds_table() -> str:
    """Every bound of this suite in Markdown."""
    lines = ["| quantity | precision | bound | unit | reason |", "|---|---|---|---|---|"]
    for (precision, quantity), allowed in TOLERANCES.items():
        if quantity.startswith(KERNELS) or quantity in OTHERS:
            cells = (quantity, precision, f"{allowed.bound:.4g}", allowed.unit, allowed.reason)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def with_table(text: str) -> str:
    """The document with the table as `TOLERANCES` has it now."""
    head, _, rest = text.partition(_BEGIN)
    return f"{head}{_BEGIN}{bounds_table()}{_END}{rest.partition(_END)[2]}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
