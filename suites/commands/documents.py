"""The blocks and tables of docs/commands.md. `python -m suites.commands.documents` renews the tables."""

import re
from dataclasses import dataclass
from pathlib import Path

from bertbench.modelzoo.table import LAUNCH_OPTIONS, MODEL_ARGUMENTS
from bertbench.modelzoo.usage import idle_table, markdown_table
from suites.tables import renew

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "commands.md"
TABLES = {"launch options": LAUNCH_OPTIONS, "model arguments": MODEL_ARGUMENTS}
_BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A runnable block under its heading; `name` is a readable test id."""

    name: str
    text: str


def read_blocks() -> list[Block]:
    text = DOCUMENT.read_text(encoding="utf-8")
    blocks = []
    for match in _BLOCK.finditer(text):
        heading = re.findall(r"^#+ (.*)$", text[: match.start()], re.MULTILINE)[-1]
        precision = re.search(r"--precision[= ](\w+)", match[1])[1]
        blocks.append(Block(f"{heading}-{precision}".lower().replace(" ", "-"), match[1]))
    return blocks


def make_tables() -> dict[str, str]:
    """The current option tables."""
    tables = {name: markdown_table(options) for name, options in TABLES.items()}
    return tables | {"options without effect": idle_table()}


if __name__ == "__main__":
    renew(DOCUMENT, make_tables())
