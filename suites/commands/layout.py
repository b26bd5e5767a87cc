"""Small stand-ins in the folder layout of the model zoo's instructions."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from bertbench.checkpoint.finding import find_checkpoint
from bertbench.checkpoint.paths import data_files, index_file
from bertbench.data.pretraining import MaskingOptions
from bertbench.data.pretraining_files import write_pretraining_files
from bertbench.data.tokenizer_files import TokenizerFiles

LARGE, BASE = "wwm_uncased_L-24_H-1024_A-16", "wwm_uncased_L-12_H-768_A-16"
TFRECORD = "pretraining/tf-record-diretory/tf_wiki_formatted_slen512.tfrecord"
MAX_SEQ_LENGTH, MAX_PREDICTIONS = 96, 10

# The official script cannot be copied here; this one has the same arguments and output.
EVALUATOR = """\
import subprocess
import sys

dataset, predictions = sys.argv[1:]
command = [sys.executable, "-m", "bertbench", "evaluate", "squad"]
sys.exit(subprocess.run([*command, "--dataset", dataset, "--predictions", predictions]).returncode)
"""


@dataclass(frozen=True)
class StandIns:
    """The parts of the layout.

    Attributes:
      pretrained: a model's folder, with masked-LM and next-sentence heads.
      tuned: the same with a span head.
      squad: a folder of train-v1.1.json and dev-v1.1.json.
      mrpc: a folder of train.tsv, dev.tsv and test.tsv.
      text: one sentence per line, a blank line between documents.
    """

    pretrained: Path
    tuned: Path
    squad: Path
    mrpc: Path
    text: Path


def make_layout(home: Path, stand_ins: StandIns) -> None:
    """Fill `home` with the folders that docs/commands.md names."""
    for name in (LARGE, BASE):
        folder = home / name
        folder.mkdir()
        for file in ("bert_config.json", "vocab.txt"):
            shutil.copy(stand_ins.pretrained / file, folder)
        _copy_checkpoint(stand_ins.pretrained, folder / "bert_model.ckpt")
    shutil.copy(stand_ins.squad / "dev-v1.1.json", home / LARGE)
    (home / "bert_large_checkpoints").mkdir()
    _copy_checkpoint(stand_ins.tuned, home / "bert_large_checkpoints" / "model.ckpt-3649")
    shutil.copytree(stand_ins.squad, home / "SQuAD")
    (home / "SQuAD" / "evaluate-v1.1.py").write_text(EVALUATOR)
    shutil.copytree(stand_ins.mrpc, home / "glue" / "MRPC")
    (home / TFRECORD).parent.mkdir(parents=True)
    write_pretraining_files(
        [stand_ins.text],
        [home / TFRECORD],
        tokenizer=TokenizerFiles(stand_ins.pretrained / "vocab.txt").tokenizer,
        options=MaskingOptions(
            max_seq_length=MAX_SEQ_LENGTH, max_predictions_per_seq=MAX_PREDICTIONS, dupe_factor=2
        ),
        random_seed=1,
        num_processes=1,
    )


def _copy_checkpoint(folder: Path, prefix: Path) -> None:
    source = find_checkpoint(folder)
    for path in (index_file(source), *data_files(source)):
        shutil.copy(path, prefix.with_name(path.name.replace(source.name, prefix.name, 1)))
