"""Converts the raw files of MRPC into the three files of GLUE's layout.

Format: GLUE (Wang et al. 2018) splits the training pairs of Microsoft's corpus by a published list of dev
pairs; its test file has row numbers instead of labels.
"""

from pathlib import Path

from bertbench.fetch.unpack import DamagedError
from bertbench.files import write_text

TRAIN, TEST, DEV_IDS = "msr_paraphrase_train.txt", "msr_paraphrase_test.txt", "mrpc_dev_ids.tsv"
TEST_HEADER = "index\t#1 ID\t#2 ID\t#1 String\t#2 String\n"


def split_mrpc(folder: Path) -> None:
    """Write train.tsv, dev.tsv and test.tsv next to the raw files in `folder`.

    Raises:
      DamagedError: a file is not UTF-8, is empty, or a row does not have 5 columns; the message names file
        and line.
    """
    dev_pairs = {tuple(line.split("\t")) for line in _lines(folder / DEV_IDS)}
    header, *rows = _rows(folder / TRAIN)
    parts = {"train.tsv": [header], "dev.tsv": [header]}
    for row in rows:
        parts["dev.tsv" if (row[1], row[2]) in dev_pairs else "train.tsv"].append(row)
    for name, kept in parts.items():
        write_text(folder / name, "".join("\t".join(row) + "\n" for row in kept))
    test = [[str(index), *row[1:]] for index, row in enumerate(_rows(folder / TEST)[1:])]
    write_text(folder / "test.tsv", TEST_HEADER + "".join("\t".join(row) + "\n" for row in test))


def _rows(path: Path) -> list[list[str]]:
    rows = []
    for number, line in enumerate(_lines(path), start=1):
        row = line.split("\t")
        if len(row) != 5:
            raise DamagedError(f"{path}: line {number}: {len(row)} columns, not 5; fetch the file again.")
        rows.append(row)
    return rows


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DamagedError(f"{path}: byte {error.start} is not UTF-8; fetch the file again.") from None
    if lines := [line.strip() for line in text.split("\n") if line.strip()]:
        return lines
    raise DamagedError(f"{path}: is empty; fetch the file again.")
