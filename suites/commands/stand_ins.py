"""The embedded models and texts as stand-ins for the downloads."""

from pathlib import Path

from bertbench.embedded import MRPC, PRETRAINING, PRETRAINING_TEXT, SQUAD, SQUAD_DEV, SQUAD_TRAIN
from bertbench.files import read_json, write_json, write_text
from suites.commands.layout import StandIns

PARAGRAPHS, PAIRS, DOCUMENTS = 8, 24, 12


def make_stand_ins(folder: Path) -> StandIns:
    """Write the texts under `folder`."""
    for file in (SQUAD_TRAIN, SQUAD_DEV):
        article, *_ = read_json(file)["data"]
        article = {**article, "paragraphs": article["paragraphs"][:PARAGRAPHS]}
        write_json(folder / "squad" / file.name, {"version": "1.1", "data": [article]})
    for name in ("train.tsv", "dev.tsv", "test.tsv"):
        lines = (MRPC / name).read_text(encoding="utf-8").splitlines(keepends=True)
        write_text(folder / "mrpc" / name, "".join(lines[: 1 + PAIRS]))
    documents = PRETRAINING_TEXT.read_text(encoding="utf-8").split("\n\n")
    write_text(folder / "text.txt", "\n\n".join(documents[:DOCUMENTS]) + "\n")
    return StandIns(
        pretrained=PRETRAINING,
        tuned=SQUAD,
        squad=folder / "squad",
        mrpc=folder / "mrpc",
        text=folder / "text.txt",
    )
